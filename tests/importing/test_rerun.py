"""A target that was filled before: rejects that stand, rows that somebody changed since, archives that are older."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from portability.archive import Archive
from portability.cli import cli
from portability.errors import TargetError
from portability.importing.records import now
from portability.targets import open_target
from tests.importing.small_system import LOADS, contents, write_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portability.importing import ImportResult
    from portability.profiles import Profile
    from tests.importing.conftest import Practice

# Matter 60 has the number of matter 6, so the target's own key refuses one of them.
DOUBLED = {"cases": LOADS["cases"].replace("m.matter_number AS", "replace(m.matter_number, 'M-60', 'M-6') AS")}
_MOVED = ("inserted", "updated", "deleted")


def _rejects(url: str) -> set[tuple[str, str]]:
    with open_target(url) as target:
        found = target.query("SELECT target_table, canonical_id FROM _portability_reject WHERE kind <> 'emptied'")
    return {(row["target_table"], row["canonical_id"]) for row in found.to_pylist()}


def _somebody_works(url: str) -> None:
    """Two people get another name, an entry goes."""
    with open_target(url) as target:
        target.execute("UPDATE people SET name = 'Changed by hand' WHERE name LIKE 'Person 3 %'")
        target.execute("UPDATE people SET name = 'And this one' WHERE name LIKE 'Person 4 %'")
        target.execute("DELETE FROM entries WHERE narrative = 'Fee 12'")


@pytest.mark.slow
def test_delta_rejects_that_stand_are_told_again_and_kept(
    make_small: Callable[..., str],
    run: Callable[..., ImportResult],
    profile_with: Callable[..., Profile],
    practice: Practice,
) -> None:
    """Rows that the target refused, and those that hang on them, stay rejects though nothing of them changed."""
    trial, fresh, profile = make_small(), make_small(), profile_with(**DOUBLED)
    first = run(trial, profile=profile)
    assert ("cases", "60") in _rejects(trial)
    delta = run(trial, profile=profile, archive=practice.second, previous=practice.first)
    whole = run(fresh, profile=profile, archive=practice.second)
    assert _rejects(trial) == _rejects(fresh)
    assert delta.count("rejected") == whole.count("rejected") == len(_rejects(fresh))
    assert first.count("rejected") > 1
    assert {(p.table, p.kind) for p in delta.problems} >= {("cases", "key"), ("notes", "parent")}
    again = run(trial, profile=profile, archive=practice.second, previous=practice.first)
    assert [again.count(what) for what in _MOVED] == [0, 0, 0]
    assert _rejects(trial) == _rejects(fresh)


def test_import_again_rows_changed_in_the_target_are_told_by_name_and_left(
    make_small: Callable[..., str], run: Callable[..., ImportResult]
) -> None:
    """What somebody changed or deleted since is not called unchanged, and not touched."""
    url = make_small()
    run(url)
    _somebody_works(url)
    before = contents(url)
    again = run(url)
    assert contents(url) == before
    tables = {table.name: table for table in again.tables}
    assert (tables["people"].changed, tables["people"].unchanged) == (2, tables["people"].rows - 2)
    assert (tables["entries"].missing, tables["entries"].unchanged) == (1, tables["entries"].rows - 1)
    assert {(p.table, p.kind, p.id) for p in again.rejects if p.kind in ("changed", "missing")} == {
        ("people", "changed", "3"),
        ("people", "changed", "4"),
        ("entries", "missing", "12"),
    }


def test_import_command_text_names_rows_changed_in_the_target(
    sqlite_small: str, practice: Practice, tmp_path: Path
) -> None:
    """The text has a part of its own for them, so that nobody takes them for rows as they were."""
    profile = write_profile(tmp_path / "small")
    command = ["import", str(practice.first.root), sqlite_small, "--profile", str(profile), "--unverified"]
    CliRunner().invoke(cli, command, catch_exceptions=False)
    _somebody_works(sqlite_small)
    shown = CliRunner().invoke(cli, command, catch_exceptions=False).output
    assert "Not as the import left them" in shown
    assert "was changed in the target" in shown
    assert "3, 4" in shown


def test_import_newer_archive_that_would_overwrite_a_changed_row_is_refused(
    make_small: Callable[..., str], run: Callable[..., ImportResult], practice: Practice
) -> None:
    """A row that changed on both sides is nobody's to decide but a person's."""
    url = make_small()
    run(url)
    with open_target(url) as target:
        target.execute("UPDATE people SET name = 'Changed by hand' WHERE name LIKE 'Person 17 %'")
        target.execute("UPDATE people SET name = 'Not touched' WHERE name LIKE 'Person 3 %'")
    before = contents(url)
    with pytest.raises(TargetError, match="1 rows are not as the import left them: people 17"):
        run(url, archive=practice.second)
    assert contents(url) == before


def _dated(practice: Practice, folder: Path, day: str) -> Archive:
    """The first archive, as if its source had been read on another day."""
    shutil.copytree(practice.first.root, folder)
    export = json.loads((folder / "export.json").read_text(encoding="utf-8"))
    (folder / "export.json").write_text(json.dumps(export | {"snapshot_at": day}), encoding="utf-8")
    return Archive(folder)


def test_import_older_archive_over_a_newer_one_is_refused_unless_asked(
    sqlite_small: str, run: Callable[..., ImportResult], practice: Practice, tmp_path: Path
) -> None:
    """Days of work would be reverted in silence; the dry run refuses too, and --older says that it is meant."""
    old = _dated(practice, tmp_path / "old", "2020-01-02T10:00:00+01:00")
    run(sqlite_small, archive=practice.second)
    before = contents(sqlite_small)
    for options in ({}, {"dry_run": tmp_path / "trial.xlsx"}, {"previous": practice.second}):
        with pytest.raises(TargetError, match=r"read on 2020-01-02.* older than .* imported last"):
            run(sqlite_small, archive=old, **options)
    assert contents(sqlite_small) == before
    assert run(sqlite_small, archive=old, older=True).count("updated") > 0


def test_import_delta_from_an_older_archive_is_not_refused(
    sqlite_small: str, run: Callable[..., ImportResult], practice: Practice, tmp_path: Path
) -> None:
    """The way of a migration: the delta's own earlier archive may be as old as it likes, and runs repeat."""
    old = _dated(practice, tmp_path / "old", "2020-01-02T10:00:00+01:00")
    run(sqlite_small, archive=old)
    assert run(sqlite_small, archive=practice.second, previous=old).count("updated") > 0
    assert run(sqlite_small, archive=practice.second, previous=old).count("updated") == 0


def test_import_double_key_names_value_and_the_row_that_has_it(
    make_small: Callable[..., str],
    run: Callable[..., ImportResult],
    profile_with: Callable[..., Profile],
    practice: Practice,
) -> None:
    """Whoever mends a duplicate sees both rows, after an import and after a delta."""
    url, profile = make_small(), profile_with(**DOUBLED)
    for options in ({}, {"archive": practice.second, "previous": practice.first}):
        result = run(url, profile=profile, **options)
        (kind,) = [p for p in result.problems if p.kind == "key"]
        assert (kind.column, kind.values) == ("number", ("M-6",))
        (problem,) = [p for p in result.rejects if p.kind == "key"]
        assert (problem.id, problem.value) == ("60", "M-6")
        assert problem.reason.endswith("same key: 6")


def test_import_record_started_before_it_finished(sqlite_small: str, run: Callable[..., ImportResult]) -> None:
    """The record's times are those of the whole run, not of its last statement."""
    seen: list[str] = []

    def note(text: str) -> None:
        if text == "moving":
            seen.append(now())

    run(sqlite_small, progress=note)
    with open_target(sqlite_small) as target:
        (row,) = target.query("SELECT started_at, finished_at FROM _portability_import").to_pylist()
    assert row["started_at"] < seen[0] < row["finished_at"]
