"""Repositories behind https and ssh, with submodules there: fetched from real servers, and only from the ones known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from portability.errors import ConfigError
from tests.conftest import lacking
from tests.depositories.sshd import SSHD
from tests.escrow.sources.conftest import Shop
from tests.escrow.sources.git_servers import git_over_https, git_over_ssh


@pytest.fixture
def served(shop: Shop, tmp_path: Path) -> Shop:
    """A project with a submodule, whose address is relative to its own."""
    files: dict[str, str | bytes] = {"BUILD.md": "make\n", "LICENSE": "Anybody may.\n", "Makefile": "dist:\n"}
    shop.repository("lib", {"value.txt": "1\n"})
    shop.repository("portal", files)
    shop.git("portal", "submodule", "--quiet", "add", "../lib", "lib")
    shop.commit("portal")
    (tmp_path / "server").mkdir()
    return shop


def _repositories(shop: Shop, url: str) -> dict[str, str]:
    bag = shop.prepare(repositories=[{"name": "portal", "url": url}])
    document = json.loads((bag.root / "data/deposit.json").read_bytes())
    return {each["name"]: each["head"] for each in document["repositories"]}


def test_prepare_repository_behind_https_comes_with_its_submodule(
    served: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over TLS from ``git http-backend``; a server whose certificate nobody vouches for gives nothing."""
    with git_over_https(served.root, tmp_path / "server") as (url, certificate):
        with pytest.raises(ConfigError, match="certificate"):
            _repositories(served, f"{url}/portal")
        monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
        assert _repositories(served, f"{url}/portal").keys() == {"portal", "lib"}


def test_prepare_repository_behind_ssh_comes_with_its_submodule(
    served: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over a real sshd with a key that can only run git; a server with another host key gives nothing."""
    if SSHD is None or shutil.which("git-shell") is None:
        lacking("sshd and git-shell")
    with git_over_ssh(tmp_path / "server") as (url, command):
        monkeypatch.setenv("GIT_SSH_COMMAND", command)
        assert _repositories(served, f"{url}{served.root}/portal").keys() == {"portal", "lib"}
        (tmp_path / "server/known_hosts").write_text("", encoding="utf-8")
        with pytest.raises(ConfigError, match=r"[Hh]ost key|remote repository"):
            _repositories(served, f"{url}{served.root}/portal")
