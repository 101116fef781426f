"""This very project, with a submodule and an LFS object added, deposited and built from the deposit, offline."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from portability.escrow.sources import verify_source
from tests.conftest import lacking
from tests.escrow.sources.conftest import Shop

ROOT = Path(__file__).parents[3]
BUILD = """\
set -eu
python3 -m venv room
room/bin/pip install --quiet --no-index --find-links "$PORTABILITY_PACKAGES/1_pip" -r requirements.lock -r build.lock
room/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir dist .
room/bin/pip install --quiet --no-index --no-deps dist/portability-*.whl
room/bin/portability demo demo --entries 1000
test "$(wc -c <sample.bin)" = 4096
cp vendor/words/words.txt demo/archive/data/README.html dist
"""
ALLOWED = [
    {"path": f"portability/{path}", "reason": "made-up passwords and keys of the project's own tests and docs"}
    for path in ("tests/**", "fixtures/**", "docs/**", "portability/**", "bench/**", "README.md")
]


def _locked(*wanted: str) -> str:
    """Return what pip would install for these, as a lock file with hashes."""
    command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--quiet", "--report", "-"]
    done = subprocess.run([*command, *wanted], capture_output=True, check=False, timeout=240)
    if done.returncode != 0:
        lacking(f"a package index: {done.stderr.decode(errors='replace').strip().splitlines()[-1][:200]}")
    lines = []
    for each in json.loads(done.stdout)["install"]:
        hashes = each["download_info"].get("archive_info", {}).get("hashes", {})
        if "sha256" in hashes:
            lines.append(
                f"{each['metadata']['name']}=={each['metadata']['version']} --hash=sha256:{hashes['sha256']}\n"
            )
    return "".join(lines)


def _project(shop: Shop) -> None:
    """Make a repository of this checkout's last commit, whole history, with a submodule and an LFS object on top."""
    shop.repository("words", {"words.txt": "what a stranger reads\n"})
    shop.git(".", "clone", "--quiet", f"file://{ROOT}", "portability")
    shop.git("portability", "lfs", "install", "--local")
    shop.git("portability", "submodule", "--quiet", "add", str(shop.root / "words"), "vendor/words")
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    wanted = pyproject.split("\ndependencies = [")[1].split("]\n\n")[0]
    names = [line.strip().strip('",') for line in wanted.splitlines() if line.strip()]
    files: dict[str, str | bytes] = {
        ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        "sample.bin": bytes(range(256)) * 16,
        "build.sh": BUILD,
        "requirements.lock": _locked(*names),
        "build.lock": _locked("hatchling>=1.27"),
    }
    for path, content in files.items():
        shop.write(f"portability/{path}", content)
    if not (shop.root / "portability/LICENSE").exists():
        shop.write("portability/LICENSE", "For whoever opens this deposit.\n")
    shop.commit("portability", "ready to be deposited")


@pytest.mark.slow
@pytest.mark.timeout(900)  # it installs some 30 packages three times; minutes on a busy machine
@pytest.mark.usefixtures("clean_room")
def test_this_project_is_deposited_and_built_offline_from_the_deposit(shop: Shop) -> None:
    """History, submodule, LFS object, 30 packages with their licences; a clean room builds it and runs its demo."""
    if missing := [tool for tool in ("git", "git-lfs") if shutil.which(tool) is None]:
        lacking(f"stock tools: {', '.join(missing)}")
    if not (ROOT / ".git").exists():
        lacking("this checkout is no git repository")
    _project(shop)
    build: dict[str, Any] = {
        "name": "portability",
        "command": ["sh", "build.sh"],
        "origin": "portability",
        "instructions": "README.md",
        "produces": ["dist/portability-*.whl", "dist/README.html", "dist/words.txt"],
        "tools": ["python3"],
    }
    lock = {"kind": "pip", "origin": "portability", "path": "requirements.lock", "built_with": "build.lock"}
    bag = shop.prepare(
        repositories=[{"name": "portability", "url": "../portability"}],
        build=build,
        lock_files=[lock],
        allowed_secrets=ALLOWED,
        absent=dict.fromkeys(("infrastructure", "run_book"), "a library and a command, installed by pip"),
    )
    report = verify_source(bag.root, level="v4", tool_folders=_python())
    assert report.is_sound, ([each for each in report.checks if each.outcome != "passed"], report.build)
    assert report.build is not None
    assert report.build.interfaces == ("lo",)
    assert len(report.build.produced) == 3


def _python() -> tuple[Path, ...]:
    """This interpreter, where it is not the machine's own."""
    base = Path(sys.base_prefix).resolve()
    return () if base == Path("/usr") else (base,)
