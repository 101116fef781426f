"""An export that is stopped, killed or starved leaves nothing under a final name, and goes on where it was."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

import pytest

from portability.errors import ArchiveExistsError, PortabilityError
from portability.exports import ExportResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Export: TypeAlias = Callable[..., ExportResult]
# Runs the export in a process of its own and stops it when the journal has this many finished tables.
SCRIPT = """
import os, signal, sys
from pathlib import Path
from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.errors import InterruptedRunError
from portability.profiles import load_profile
firm, stage, sig = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
def progress(text):
    if text.startswith(stage):
        os.kill(os.getpid(), sig)
try:
    export_archive(
        ExportRequest(
            connector=open_connector(f"sqlite:///{firm / 'firm.db'}"),
            destination=firm / "archive",
            profile=load_profile(str(firm / "profile")),
            documents=str(firm / "files"),
            progress=progress,
        )
    )
except InterruptedRunError as error:
    print(error.hint)
    sys.exit(130)
"""
STAGES = [
    "source: main.matter",
    "canonical: matter",
    "publishing",
    *(pytest.param(each, marks=pytest.mark.slow) for each in ("source: main.doc", "documents: scans", "reports")),
    pytest.param("checksums", marks=pytest.mark.slow),
]


def _stopped(firm: Path, stage: str, number: signal.Signals) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SCRIPT, str(firm), stage, str(int(number))]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize("stage", STAGES)
def test_export_killed_at_any_stage_resumes_to_the_same_bytes(export: Export, firm: Path, stage: str) -> None:
    """A kill -9 leaves no archive; --resume on the same data ends with the payload of an undisturbed run."""
    assert _stopped(firm, stage, signal.SIGKILL).returncode == -signal.SIGKILL
    assert not (firm / "archive").exists()
    resumed = export(resume=True)
    undisturbed = export("undisturbed")
    manifests = [(r.archive.root / "manifest-sha256.txt").read_bytes() for r in (resumed, undisturbed)]
    assert manifests[0] == manifests[1]
    finished = {"source: main.doc": 1, "source: main.matter": 2}.get(stage, 3)
    # The last table is checked, and put into the journal, while the next one is being read.
    assert resumed.resumed_tables in ((finished - 1, finished) if stage.startswith("source") else (finished,))
    assert not (firm / ".archive.part").exists()


def test_export_after_a_kill_without_resume_is_refused_with_the_way_out(export: Export, firm: Path) -> None:
    """Finished work is neither mixed in nor thrown away without being asked for."""
    _stopped(firm, "reports", signal.SIGKILL)
    with pytest.raises(ArchiveExistsError) as caught:
        export()
    assert "--resume" in caught.value.hint


def test_export_resumed_after_the_data_changed_starts_again_and_says_so(export: Export, firm: Path) -> None:
    """A snapshot that is gone is not patched together with a later one."""
    _stopped(firm, "reports", signal.SIGKILL)
    connection = sqlite3.connect(firm / "firm.db")
    connection.execute("UPDATE client SET name = 'Ann Owens' WHERE id = 1")
    connection.commit()
    result = export(resume=True)
    assert result.resumed_tables == 0
    assert any("snapshot is gone" in note for note in result.notes)


def test_export_interrupted_by_a_person_says_how_to_go_on(firm: Path) -> None:
    """Ctrl-C: no archive, exit code 130, and the finished tables are kept for --resume."""
    done = _stopped(firm, "documents: scans", signal.SIGINT)
    assert done.returncode == 130
    assert "--resume" in done.stdout
    assert not (firm / "archive").exists()


def test_export_interrupted_before_a_table_is_finished_leaves_nothing(firm: Path) -> None:
    """There is nothing to go on with, so nothing is kept."""
    assert _stopped(firm, "reading the catalogue", signal.SIGINT).returncode == 130
    assert not list(firm.glob(".archive.part"))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
        if os.environ.get("CI"):
            pytest.fail("a small disk needs root and mount(8)")
        pytest.skip("a small disk needs root and mount(8)")
    yield place
    for _ in range(20):
        command = ["umount", str(place)]
        if subprocess.run(command, check=False, capture_output=True).returncode == 0:
            return
        time.sleep(0.1)


def test_export_to_a_full_disk_says_so_and_publishes_nothing(export: Export, firm: Path, small_disk: Path) -> None:
    """ENOSPC is an error for people, whoever of the libraries meets it."""
    connection = sqlite3.connect(firm / "firm.db")
    rows = [(n, os.urandom(600).hex()) for n in range(10, 1010)]
    connection.executemany("INSERT INTO client (id, name) VALUES (?, ?)", rows)
    connection.commit()
    with pytest.raises(PortabilityError, match="disk is full"):
        export(destination=small_disk / "archive")
    assert not (small_disk / "archive").exists()


def test_export_never_writes_to_its_source(export: Export, firm: Path) -> None:
    """The database file has the same bytes and time afterwards."""
    path = firm / "firm.db"
    before = (path.read_bytes(), path.stat().st_mtime_ns)
    export()
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
