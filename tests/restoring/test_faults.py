"""What stops a restore leaves nothing that looks whole, and the next run knows what to do."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from portability.errors import ArchiveExistsError, CheckFailedError, FormatError, TargetError
from portability.restoring import RestoreRequest, restore_archive, write_report
from portability.restoring.marker import MARKER
from portability.targets import open_target
from tests.restoring.conftest import Fresh

ArchiveOf = Callable[[str], Path]

# Restores, and kills itself the moment it says that it is at a certain point.
_KILLED = """
import os, signal, sys
from pathlib import Path
from portability.restoring import RestoreRequest, restore_archive

def progress(text):
    if text.startswith(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)

restore_archive(RestoreRequest(archive=Path(sys.argv[1]), url=sys.argv[2], unverified=True, progress=progress))
"""
# The same with files that may not grow beyond 300 KB: what a full disk is to a writer.
_FULL = """
import resource, sys
from pathlib import Path
from portability.errors import TargetError
from portability.restoring import RestoreRequest, restore_archive

resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    restore_archive(RestoreRequest(archive=Path(sys.argv[1]), url=sys.argv[2], unverified=True))
except TargetError as error:
    sys.exit(f"{error} {error.exit_code}")
"""


def run(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script with this Python."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def names(url: str) -> list[str]:
    """Name the target's tables."""
    with open_target(url) as target:
        return target.table_names()


@pytest.mark.parametrize(
    ("kind", "point"),
    [
        pytest.param("postgresql", "rows: public.matter", marks=pytest.mark.slow),
        pytest.param("postgresql", "keys: public.task", marks=pytest.mark.slow),
        pytest.param("postgresql", "control totals", marks=pytest.mark.slow),
        pytest.param("mariadb", "rows: public.matter", marks=pytest.mark.slow),
        pytest.param("mariadb", "control totals", marks=pytest.mark.slow),
        ("sqlite", "keys: public.task"),
        ("sqlite", "control totals"),
        ("duckdb", "rows: public.matter"),
        ("duckdb", "control totals"),
    ],
)
def test_restore_killed_leaves_nothing_that_looks_whole_and_restarts(
    kind: str, point: str, archive_of: ArchiveOf, fresh: Fresh
) -> None:
    """Either nothing is there, or the marker is; then only --restart goes on, and ends like a restore undisturbed."""
    archive, url = archive_of("postgresql"), fresh(kind)
    killed = run(_KILLED, archive, url, point)
    assert killed.returncode == -9, killed.stderr
    left = names(url)
    assert left == [] or MARKER in left
    request = RestoreRequest(archive=archive, url=url, unverified=True)
    if left:
        with pytest.raises(TargetError, match="an unfinished restore is in the target"):
            restore_archive(request)
    report = restore_archive(RestoreRequest(archive=archive, url=url, unverified=True, restart=True))
    assert report.totals.differences == ()
    assert MARKER not in names(url)


def test_restore_disk_full_is_a_target_error_and_leaves_no_table(archive_of: ArchiveOf, fresh: Fresh) -> None:
    """The file is there, and nothing is in it."""
    url = fresh("sqlite")
    done = run(_FULL, archive_of("sqlite"), url)
    assert "disk" in done.stderr
    assert "16" in done.stderr
    assert "Traceback" not in done.stderr
    assert names(url) == []


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite", "duckdb"])
def test_restore_into_a_target_that_is_not_empty_is_refused(kind: str, archive_of: ArchiveOf, fresh: Fresh) -> None:
    """One table of somebody else is enough; it is not touched, not with --restart either."""
    url = fresh(kind)
    with open_target(url) as target:
        target.execute("CREATE TABLE somebodys (id INTEGER)")
    for restart in (False, True):
        with pytest.raises(TargetError, match="not empty: 1 tables and views"):
            restore_archive(RestoreRequest(archive=archive_of("sqlite"), url=url, unverified=True, restart=restart))
    assert names(url) == ["somebodys"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:secret@127.0.0.1:1/nowhere",
        "mysql://user:secret@127.0.0.1:1/nowhere",
        "sqlite:////no/such/folder/x.db",
        "duckdb:////no/such/folder/x.duckdb",
    ],
)
def test_restore_into_a_target_that_cannot_be_reached_is_a_target_error(url: str, archive_of: ArchiveOf) -> None:
    """It says so, without the password."""
    with pytest.raises(TargetError) as raised:
        restore_archive(RestoreRequest(archive=archive_of("sqlite"), url=url, unverified=True))
    assert "secret" not in f"{raised.value} {raised.value.hint}"
    assert raised.value.place


def test_restore_damaged_archive_is_refused_before_the_target_is_touched(
    archive_of: ArchiveOf, fresh: Fresh, tmp_path: Path
) -> None:
    """One byte of a table is enough."""
    archive, url = tmp_path / "damaged", fresh("duckdb")
    shutil.copytree(archive_of("sqlite"), archive)
    file = archive / "data/source/main.client.parquet"
    content = bytearray(file.read_bytes())
    content[100] ^= 1
    file.write_bytes(content)
    with pytest.raises(CheckFailedError):
        restore_archive(RestoreRequest(archive=archive, url=url))
    assert not Path(url.removeprefix("duckdb:///")).exists()


def test_restore_archive_of_a_newer_format_is_refused(archive_of: ArchiveOf, fresh: Fresh, tmp_path: Path) -> None:
    """What this program does not know it does not restore half of."""
    archive = tmp_path / "newer"
    shutil.copytree(archive_of("sqlite"), archive)
    file = archive / "data/schema/source.json"
    file.write_bytes(file.read_bytes().replace(b'"format_version": "1.0"', b'"format_version": "1.1"'))
    with pytest.raises(FormatError, match=r"format 1\.1"):
        restore_archive(RestoreRequest(archive=archive, url=fresh("sqlite"), unverified=True))


@pytest.mark.parametrize("kind", ["postgresql", "mariadb", "sqlite", "duckdb"])
def test_restore_with_other_totals_fails_and_says_which(
    kind: str, archive_of: ArchiveOf, fresh: Fresh, tmp_path: Path
) -> None:
    """A penny too little in the target is an error; the marker stays."""
    archive, url = tmp_path / "tampered", fresh(kind)
    shutil.copytree(archive_of("sqlite"), archive)
    file = archive / "data/reports/control_totals.json"
    totals = json.loads(file.read_bytes())
    (client,) = [table for table in totals["tables"] if table["name"] == "client"]
    (fee,) = [column for column in client["columns"] if column["name"] == "fee"]
    fee["sum"] = "-1238.11"
    file.write_text(json.dumps(totals))
    with pytest.raises(TargetError, match=r"client\.fee: sum -1238\.11 in the archive"):
        restore_archive(RestoreRequest(archive=archive, url=url, unverified=True))
    assert MARKER in names(url)


def test_report_is_written_once_and_tells_what_is_not_there(
    archive_of: ArchiveOf, fresh: Fresh, tmp_path: Path
) -> None:
    """As JSON and as a page; a second report does not overwrite it."""
    report = restore_archive(RestoreRequest(archive=archive_of("sqlite"), url=fresh("postgresql"), unverified=True))
    write_report(report, tmp_path / "report")
    document = json.loads((tmp_path / "report/restore.json").read_bytes())
    assert document["verified"] == ""
    assert {"rows": 1, "column": "doc"}.items() <= next(
        c for c in document["columns"] if c["column"] == "doc" and c["rows"]
    ).items()
    page = (tmp_path / "report/restore.html").read_text(encoding="utf-8")
    assert "NOT verified" in page
    assert "U+2400" in page
    with pytest.raises(ArchiveExistsError):
        write_report(report, tmp_path / "report")
