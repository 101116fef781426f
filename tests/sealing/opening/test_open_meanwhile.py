"""Somebody writes where the sealed archive lies while it is being opened: what was checked is what is used."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from portability.errors import SealError
from portability.sealing.encryption import Identity
from portability.sealing.identity_files import load_identities
from tests.sealing.opening.by_hand import ENVIRONMENT, open_sh
from tests.sealing.opening.conftest import Keys
from tests.sealing.opening.refusing import refused
from tests.sealing.opening.stock import Sealing, entry

PATH = "data/letter"
TRUE, FALSE = b"we owe 100\n", b"we owe 900\n"


@pytest.fixture
def two(sealing: Callable[..., Sealing], keys: Keys, tmp_path: Path) -> tuple[Path, Path]:
    """A letter that the signer sealed, and a false one that a recipient sealed with the same deposit's key."""
    first = sealing(recipients=(keys.ann,))
    second = sealing(recipients=(keys.ann,), signer=keys.ben)
    second.identity, second.recipient = first.identity, first.recipient
    for made, content in ((first, TRUE), (second, FALSE)):
        made.tars = [made.tar([(f"files/{PATH}", content)])]
        made.catalog = [entry(PATH, content, [{"segment": 0, "member": f"files/{PATH}", "size_bytes": len(content)}])]
    return first.write(tmp_path / "true"), second.write(tmp_path / "false")


class _Meddled(Sequence[Identity]):
    """Identities; something else happens when they are asked for, which is after all hashes were compared."""

    def __init__(self, key: Path, meddle: Callable[[], object]) -> None:
        self._identities = load_identities([key])
        self._meddle = meddle

    def __iter__(self) -> Iterator[Identity]:
        self._meddle()
        return iter(self._identities)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 -- an index or a slice
        return self._identities[index]

    def __len__(self) -> int:
        return len(self._identities)


@pytest.mark.parametrize("only", [(), (PATH,)], ids=["all", "some"])
def test_open_of_a_catalog_swapped_after_it_was_hashed_is_refused(
    two: tuple[Path, Path], keys: Keys, tmp_path: Path, only: tuple[str, ...]
) -> None:
    """By a recipient, who has the deposit's key and can make a catalog and a segment that agree."""
    true, false = two

    def swap() -> None:
        for path in ("catalog.age", "segments/000000.age"):
            shutil.copy(false / path, true / path)

    error = refused(true, tmp_path / "a", only=only, identities=_Meddled(keys.ann.file, swap))
    assert isinstance(error, SealError)
    assert (error.place, "SHA-256" in error.message) == ("catalog.age", True)


def test_open_of_an_envelope_swapped_after_it_was_hashed_is_refused(
    two: tuple[Path, Path], keys: Keys, tmp_path: Path
) -> None:
    """Nothing is read out of an envelope that the manifest does not list, not even the right key."""
    (envelope,) = two[0].glob("keys/*.age")
    (other,) = two[1].glob("keys/*.age")
    identities = _Meddled(keys.ann.file, lambda: shutil.copy(other, envelope))
    error = refused(two[0], tmp_path / "a", identities=identities)
    assert (error.place, "SHA-256 differs" in error.message) == ("keys/ann.age", True)


@pytest.mark.parametrize(("tool", "when"), [("ssh-keygen", "verify"), ("sha256sum", "--strict")])
def test_open_sh_uses_what_it_checked_whatever_is_swapped(
    two: tuple[Path, Path], keys: Keys, tmp_path: Path, tool: str, when: str
) -> None:
    """The folder becomes another sealed archive right after its signature, or its hashes, were found good."""
    true, false = two
    shim = tmp_path / "bin" / tool
    shim.parent.mkdir()
    shim.write_text(
        f'#!/bin/sh\n{shutil.which(tool)} "$@" || exit 1\ncase "$*" in *{when}*) cp -R {false}/. {true}/ ;; esac\n',
        encoding="utf-8",
    )
    shim.chmod(0o755)
    command = ["sh", true / "open.sh", "-t", keys.trust, tmp_path / "out", keys.ann.file]
    environment = ENVIRONMENT | {"PATH": f"{shim.parent}:{ENVIRONMENT['PATH']}"}
    done = subprocess.run(
        [str(each) for each in command], env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert (true / "manifest.json").read_bytes() == (false / "manifest.json").read_bytes()  # it was swapped
    assert "Signed by vendor@example" in done.stdout
    assert (done.returncode, (tmp_path / "out").exists()) == (1, False)


def test_open_sh_names_what_a_killed_run_left(two: tuple[Path, Path], keys: Keys, tmp_path: Path) -> None:
    """Nobody can trap kill -9; the next run says where the key still lies."""
    (tmp_path / ".open-sh-AbCdEf").mkdir()
    done = open_sh(two[0], tmp_path / "out", keys.ann.file)
    assert done.returncode == 0
    assert f"{tmp_path}/.open-sh-AbCdEf" in done.stderr
    assert "remove it" in done.stderr
