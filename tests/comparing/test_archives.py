"""Archives compared: what people and programs are told, and what is refused."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pyarrow.parquet as pq
import pytest

from portability.archive import Archive
from portability.cli import _run
from portability.comparing import changed_rows, compare_archives, ensure_comparable
from portability.errors import ArchiveExistsError, FormatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.comparing.conftest import Week

PORTABILITY = str(Path(sys.executable).with_name("portability"))
DOC = Path(__file__).parents[2] / "docs/comparing.md"
CHANGED = {
    "canonical client": (1, 0, 0),
    "canonical contact": (1, 1, 0),
    "canonical control_total": (0, 1, 0),
    "canonical document": (0, 0, 1),
    "canonical document_version": (0, 0, 1),
    "canonical matter": (0, 1, 0),
    "source main.client": (1, 1, 0),
    "source main.doc": (0, 0, 1),
    "source main.matter": (0, 1, 0),
}


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended and what it said."""

    returncode: int
    stdout: str
    stderr: str


Run: TypeAlias = "Callable[..., Done]"


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process."""

    def runner(*arguments: object) -> Done:
        capfd.readouterr()
        code = _run([str(argument) for argument in arguments])
        said = capfd.readouterr()
        return Done(returncode=code, stdout=said.out, stderr=said.err)

    return runner


def altered(week: Week, folder: Path, **export: str) -> Archive:
    """A copy of the later archive that says something else of itself."""
    copy = folder / "altered"
    shutil.copytree(week.after.root, copy)
    record = json.loads((copy / "export.json").read_bytes())
    (copy / "export.json").write_text(json.dumps(record | export))
    return Archive.open(copy)


def test_diff_week_of_work_names_every_changed_table_and_no_other(week: Week, tmp_path: Path) -> None:
    """Both layers, rows by key, columns counted; the changed rows and a summary are on disk."""
    found = compare_archives(week.before, week.after, out=tmp_path / "changes")
    told = {f"{t.layer} {t.table}": (t.inserted, t.updated, t.deleted) for t in found.tables if t.changed}
    assert told == CHANGED
    by_name = {f"{t.layer} {t.table}": t for t in found.tables}
    assert by_name["source main.client"].columns == {"name": 1, "note": 1}
    assert by_name["canonical matter"].columns == {"fixed_fee": 1}
    files = {path.name for path in (tmp_path / "changes").iterdir()}
    assert files == {f"{name.replace(' ', '.')}.parquet" for name in CHANGED} | {"summary.json"}
    rows = pq.read_table(tmp_path / "changes/canonical.contact.parquet").to_pylist()
    assert [(row["_change"], row["id"], row["display_name"]) for row in rows] == [
        ("update_before", "1", "Ann Owen"),
        ("update_after", "1", "Ann Newname"),
        ("insert", "3", "New Client"),
    ]
    summary = json.loads((tmp_path / "changes/summary.json").read_bytes())
    assert (summary["inserted"], summary["updated"], summary["deleted"]) == (3, 5, 3)


def test_diff_same_archive_says_no_difference_and_leaves_with_zero(run: Run, week: Week) -> None:
    """Text and JSON; nothing is decoded."""
    done = run("diff", week.before.root, week.before.root)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No difference" in done.stdout
    document = json.loads(run("diff", week.before.root, week.before.root, "--json").stdout)
    assert (document["changed"], document["tables"], document["row_groups_read"]) == (False, [], 0)


def test_diff_command_tells_tables_columns_and_groups(run: Run, week: Week, tmp_path: Path) -> None:
    """A person sees what changed; a difference is no failure."""
    done = run("diff", week.before.root, week.after.root, "--out", tmp_path / "out", "--layer", "source")
    assert done.returncode == 0
    assert re.search(r"source\s+main.client\s+1\s+1\s+0\s+name 1, note 1", done.stdout)
    assert "canonical" not in done.stdout
    assert (tmp_path / "out/source.main.client.parquet").is_file()


def test_changed_rows_of_an_entity_are_what_an_import_needs(week: Week, tmp_path: Path) -> None:
    """One entity, its key, its exact types; an entity without a change writes no file; an unknown one is refused."""
    diff = changed_rows(week.before, week.after, "contact", tmp_path / "contact.parquet")
    assert (diff.key, diff.inserted, diff.updated, diff.deleted) == (("id",), 1, 1, 0)
    declared = pq.read_schema(week.after.data / "tables/contact.parquet")
    assert pq.read_schema(tmp_path / "contact.parquet").types[1:] == declared.types
    assert not changed_rows(week.before, week.after, "matter_party", tmp_path / "party.parquet").changed
    assert not (tmp_path / "party.parquet").exists()
    assert not changed_rows(week.before, week.after, "bill", tmp_path / "bill.parquet").changed
    with pytest.raises(FormatError, match="neither archive has"):
        changed_rows(week.before, week.after, "nonsense", tmp_path / "x.parquet")


def test_diff_applied_to_the_earlier_rows_gives_the_later_ones(week: Week, tmp_path: Path) -> None:
    """Deleting and inserting by key, as a delta import does, leads from one archive to the other."""
    for entity, path in week.after.entity_files().items():
        before = {
            row["id"]: row
            for row in pq.read_table(week.before.data / f"tables/{entity}.parquet").to_pylist()
            if "id" in row
        }
        after = {row["id"]: row for row in pq.read_table(path).to_pylist() if "id" in row}
        changed_rows(week.before, week.after, entity, tmp_path / f"{entity}.parquet")
        if (tmp_path / f"{entity}.parquet").exists():
            for row in pq.read_table(tmp_path / f"{entity}.parquet").to_pylist():
                change = row.pop("_change")
                if change in {"delete", "update_before"}:
                    assert before.pop(row["id"]) == row
                else:
                    before[row["id"]] = row
        assert before == after


def test_diff_of_other_profile_version_is_noted(week: Week, tmp_path: Path) -> None:
    """What may explain a difference is said beside it."""
    notes = ensure_comparable(week.before, altered(week, tmp_path, profile_version="2", dbms_version="9"))
    assert [note.split(":")[0] for note in notes] == [
        "made with another profile version",
        "made with another dbms version",
    ]


def test_diff_of_another_profile_refuses_canonical_rows_and_compares_the_source(week: Week, tmp_path: Path) -> None:
    """Ids of two profiles have nothing in common; the source's rows have."""
    other = altered(week, tmp_path, profile="other")
    with pytest.raises(FormatError, match="nothing in common") as caught:
        compare_archives(week.before, other, layer="canonical")
    assert "--layer source" in caught.value.hint
    with pytest.raises(FormatError):
        ensure_comparable(week.before, other)
    found = compare_archives(week.before, other)
    assert {table.layer for table in found.tables} == {"source"}
    assert any("canonical layers are not compared" in note for note in found.notes)


def test_diff_of_another_format_is_refused(week: Week, tmp_path: Path) -> None:
    """A major version means another meaning."""
    with pytest.raises(FormatError, match=r"format 1\.0 and 2\.0"):
        compare_archives(week.before, altered(week, tmp_path, format_version="2.0"))


def test_diff_existing_destination_is_refused_untouched(run: Run, week: Week, tmp_path: Path) -> None:
    """Nothing is overwritten, not even an empty folder."""
    (tmp_path / "out").mkdir()
    with pytest.raises(ArchiveExistsError):
        compare_archives(week.before, week.after, out=tmp_path / "out")
    assert run("diff", week.before.root, week.after.root, "--out", tmp_path / "out").returncode == 13
    assert list((tmp_path / "out").iterdir()) == []


def test_diff_damaged_archive_is_an_error_that_leaves_nothing(run: Run, week: Week, tmp_path: Path) -> None:
    """A file that is no table is named, and no folder of changes stands there."""
    copy = altered(week, tmp_path)
    (copy.data / "tables/matter.parquet").write_bytes(b"damaged")
    done = run("diff", week.before.root, copy.root, "--out", tmp_path / "out")
    assert done.returncode == 6
    assert "matter.parquet" in done.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_diff_killed_leaves_nothing_that_looks_whole_and_runs_again(run: Run, week: Week, tmp_path: Path) -> None:
    """Killed at any moment, the folder is not there or is whole; the next run does not mind."""
    out = tmp_path / "out"
    command = [PORTABILITY, "diff", str(week.before.root), str(week.after.root), "--out", str(out)]
    for delay in (0.6, 1.0, 1.4):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert not out.exists() or (out / "summary.json").is_file()
        shutil.rmtree(out, ignore_errors=True)
    assert run("diff", week.before.root, week.after.root, "--out", out).returncode == 0
    assert (out / "summary.json").is_file()


def test_commands_of_the_document_run(run: Run, week: Week, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command that docs/comparing.md shows works as it stands."""
    for name in ("january", "february"):
        (tmp_path / name).symlink_to(week.folder / name)
    monkeypatch.chdir(tmp_path)
    lines = re.findall(r"^\$ (portability .*)$", DOC.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(lines) >= 3
    for line in lines:
        done = run(*shlex.split(line)[1:])
        assert done.returncode == 0, (line, done.stderr)
