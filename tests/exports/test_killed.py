"""kill -9 at random moments, with ``--resume`` after each, ends with the bytes of an undisturbed run."""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from portability.practice import generate
from tests.conftest import MakeDatabase

if TYPE_CHECKING:
    from pathlib import Path

KILLS = 10


def _export(url: str, documents: Path, archive: Path, *options: str) -> subprocess.Popen[str]:
    program = [sys.executable, "-c", "from portability.cli import main; main()", "export", url, str(archive)]
    return subprocess.Popen(
        [*program, "--documents", str(documents), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _manifest(archive: Path) -> bytes:
    return (archive / "manifest-sha256.txt").read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("dbms", ["sqlite", "postgresql"])
def test_export_killed_again_and_again_resumes_to_the_same_bytes(
    dbms: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """Ten kills each at moments of no choosing; no archive under the final name before the last run."""
    url = f"sqlite:///{tmp_path / 'practice.db'}"
    if dbms == "postgresql":
        make: MakeDatabase = request.getfixturevalue("postgresql_url")
        url = make()
    documents, archive = tmp_path / "documents", tmp_path / "archive"
    generate(url, documents, entries=2_000)
    started = time.monotonic()
    undisturbed = _export(url, documents, tmp_path / "undisturbed")
    told = undisturbed.communicate()[0]
    assert undisturbed.returncode == 0, told
    lasts_s = time.monotonic() - started
    dice, killed, code = random.Random(), 0, -1
    while killed < KILLS or code:
        shutil.rmtree(archive, ignore_errors=True)  # of a run that was quicker than its end
        run = _export(url, documents, archive, "--resume")
        if killed < KILLS:
            try:
                run.wait(dice.uniform(0.1, 0.9) * lasts_s)
            except subprocess.TimeoutExpired:
                run.send_signal(signal.SIGKILL)
        told = run.communicate()[0]
        code = run.returncode
        assert code in (0, -signal.SIGKILL), told
        killed += code != 0
        assert archive.exists() or code
        if archive.exists():  # whole, even where the run was killed behind its last rename
            assert _manifest(archive) == _manifest(tmp_path / "undisturbed")
    assert not (tmp_path / ".archive.part").exists()
