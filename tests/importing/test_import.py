"""A whole import into each DBMS: what arrives, what a second run does, what a delta does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portability.errors import TargetError
from portability.targets import open_target
from tests.importing.small_system import contents, neutral

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.importing import ImportResult
    from tests.importing.conftest import Practice


def test_import_whole_archive_lands_with_keys_references_and_codes(
    make_small: Callable[..., str], run: Callable[..., ImportResult]
) -> None:
    """Rows arrive under their new keys, references lead to the right rows, the target's own rows stay."""
    url = make_small()
    result = run(url)
    assert result.count("inserted") > 400
    with open_target(url) as target:
        query = """SELECT s.name, b.name AS boss, g.code FROM staff AS s JOIN staff AS b ON b.id = s.boss_id
          JOIN grades AS g ON g.id = s.grade_id ORDER BY s.id"""
        assert target.query(query).num_rows > 3
        (number,) = target.query("SELECT count(*) FROM staff WHERE name = 'Somebody of theirs'").column(0).to_pylist()
        assert number == 1
        assert min(target.query("SELECT id FROM staff WHERE name <> 'Somebody of theirs'").column(0).to_pylist()) == 701
        grades = target.query("SELECT code, label FROM grades ORDER BY code").to_pylist()
        assert {"code": "a", "label": "Partner"} in grades
        assert len([grade for grade in grades if grade["code"] == "a"]) == 1
        query = "SELECT count(*) FROM cases AS c JOIN notes AS n ON n.id = c.main_note_id AND n.case_id = c.id"
        if target.dbms != "sqlite":
            assert target.query(query).column(0)[0].as_py() > 5
        assert target.query("SELECT count(*) FROM people WHERE kind = 'X'").column(0)[0].as_py() > 0
        assert [name for name in target.table_names() if name.startswith("_portability_stage_")] == []


def test_import_run_twice_changes_nothing(make_small: Callable[..., str], run: Callable[..., ImportResult]) -> None:
    """The second import of an archive changes 0 rows."""
    url = make_small()
    run(url)
    before = contents(url)
    again = run(url)
    assert (again.count("inserted"), again.count("updated"), again.count("deleted")) == (0, 0, 0)
    assert contents(url) == before


def test_import_key_given_by_the_target_next_continues_after_ours(
    make_small: Callable[..., str], run: Callable[..., ImportResult]
) -> None:
    """The system can go on adding rows of its own: its counters stand behind the imported keys."""
    url = make_small()
    run(url)
    with open_target(url) as target:
        target.execute("INSERT INTO grades (code, label) VALUES ('next', 'Next')")
        query = "SELECT max(id) AS m, max(CASE WHEN code = 'next' THEN id END) AS n FROM grades"
        assert target.query(query).to_pylist()[0]["m"] == target.query(query).to_pylist()[0]["n"]


def test_delta_after_days_of_work_equals_a_fresh_import(
    make_small: Callable[..., str], run: Callable[..., ImportResult], practice: Practice
) -> None:
    """Trial, then only what changed: the end is that of a full import of the new archive."""
    trial, fresh = make_small(), make_small()
    first = run(trial)
    delta = run(trial, archive=practice.second, previous=practice.first)
    run(fresh, archive=practice.second)
    moved = {what: delta.count(what) for what in ("inserted", "updated", "deleted")}
    assert all(moved.values())
    assert sum(moved.values()) < first.count("inserted") / 8
    assert neutral(trial) == neutral(fresh)
    again = run(trial, archive=practice.second, previous=practice.first)
    assert [again.count(what) for what in moved] == [0, 0, 0]


def test_delta_row_changed_in_the_target_meanwhile_is_refused_by_name(
    make_small: Callable[..., str], run: Callable[..., ImportResult], practice: Practice
) -> None:
    """What somebody changed or deleted in the target since the trial stops the delta, and is named."""
    url = make_small()
    run(url)
    with open_target(url) as target:
        target.execute(
            "UPDATE people SET name = 'Changed by hand' "
            "WHERE name = (SELECT n FROM (SELECT min(name) AS n FROM people) AS p)"
        )
        target.execute("UPDATE people SET version = 7")  # a column that the import does not fill
        before = contents(url)
    with pytest.raises(TargetError, match="1 rows are not as the import left them: people "):
        run(url, archive=practice.second, previous=practice.first)
    assert contents(url) == before


def test_delta_against_another_archive_than_the_last_is_refused(
    sqlite_small: str, run: Callable[..., ImportResult], practice: Practice
) -> None:
    """A delta starts from what the target holds, or not at all."""
    with pytest.raises(TargetError, match="nothing was ever imported"):
        run(sqlite_small, archive=practice.second, previous=practice.first)
    run(sqlite_small, archive=practice.second)
    run(sqlite_small, older=True)
    with pytest.raises(TargetError, match="last filled from another archive"):
        run(sqlite_small, archive=practice.second, previous=practice.second)


def test_import_newer_archive_without_delta_updates_and_keeps(
    sqlite_small: str, run: Callable[..., ImportResult], practice: Practice
) -> None:
    """Without --delta changed rows are updated and new ones inserted, but what is gone stays and is counted."""
    run(sqlite_small)
    result = run(sqlite_small, archive=practice.second)
    assert result.count("updated") > 0
    assert result.count("inserted") > 0
    assert result.count("deleted") == 0
    assert result.count("kept") > 0
