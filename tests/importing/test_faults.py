"""What cannot go on says so, names the place, and leaves the target as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portability.archive import Archive
from portability.drafting.reading import read_profile
from portability.errors import CheckFailedError, FormatError, MappingError, PortabilityError, TargetError
from portability.importing import ImportResult
from portability.output import JsonOutput
from portability.profiles import load_profile
from portability.targets import open_target
from tests.importing.small_system import LOADS, PROFILE, STATES, contents, make_target, write_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.profiles import Profile
    from tests.conftest import MakeDatabase
    from tests.importing.conftest import Practice


def test_import_target_without_tables_and_columns_lists_all_at_once(
    tmp_path: Path, run: Callable[..., ImportResult]
) -> None:
    """Every missing table is named in one message."""
    url = f"sqlite:///{tmp_path / 'empty.db'}"
    with open_target(url) as target:
        target.execute("CREATE TABLE people (id TEXT PRIMARY KEY, name TEXT NOT NULL, kind TEXT)")
    with pytest.raises(TargetError, match=r"no table cases; there is no table entries; .*no table staff"):
        run(url)


@pytest.mark.parametrize(
    ("changes", "error", "said"),
    [
        ({"people": "SELECT id AS _id, display_name AS nick FROM contact"}, TargetError, "no column people.nick"),
        ({"people": "SELECT id AS _id, display_name AS name FROM contact"}, MappingError, "people.kind must be filled"),
        ({"people": "SELECT id, display_name AS name FROM contact"}, MappingError, "the column _id is missing"),
        ({"people": "SELECT 1 FROM nowhere"}, MappingError, "cannot be traced|nowhere"),
        ({"people": "SELECT 'x' AS _id, id AS name, 'person' AS kind FROM contact"}, MappingError, "same _id occurs"),
        (
            {"people": "SELECT id AS _id, display_name AS name, 'person' AS kind, display_name AS born FROM contact"},
            MappingError,
            "born is VARCHAR, but the target wants DATE",
        ),
        (
            {
                "entries": "SELECT id AS _id, matter_id AS case_id, net_amount::DOUBLE AS debit, 0 AS credit "
                "FROM disbursement"
            },
            MappingError,
            "debit is DOUBLE, but the target wants DECIMAL",
        ),
        (
            {"notes": "SELECT id AS _id, matter_id AS case_id, noted_at AS written FROM note"},
            MappingError,
            "written is TIMESTAMP WITH TIME ZONE",
        ),
        (
            {"people": "SELECT 'c' || id AS _id, id AS name, 'person' AS kind FROM contact"},
            MappingError,
            "is no id of contact",
        ),
        (
            {
                "profile": PROFILE.replace(
                    "  without:",
                    "  totals: [{{name: fees, unit: money, keys: {{matter: cases}}, target: SELECT 1 AS value,"
                    " canonical: 'SELECT id AS _id, fixed_fee AS value FROM matter'}}]\n  without:",
                )
            },
            MappingError,
            "totals: fees: canonical: gives no column 'matter'; it gives _id, value",
        ),
        ({"profile": PROFILE.replace("cases}}}}", "cases, nope: cases}}}}", 1)}, MappingError, "nope"),
    ],
)
def test_import_profile_that_does_not_fit_is_refused_before_anything_is_written(
    sqlite_small: str,
    run: Callable[..., ImportResult],
    profile_with: Callable[..., Profile],
    changes: dict[str, str],
    error: type[PortabilityError],
    said: str,
) -> None:
    """The message says what and where; the target has not been touched."""
    before = contents(sqlite_small)
    with pytest.raises(error, match=said):
        run(sqlite_small, profile=profile_with(**changes))
    assert contents(sqlite_small) == before


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("references: {{case_id: nowhere}}", "no table nowhere"),
        ("refernces: {{case_id: cases}}", "unknown field 'refernces'"),
        ("codes: {{body: nolist}}", "no code list nolist"),
        ("group: late", "no group late"),
        ("key: {{kind: uuid}}", "kind uuid needs column"),
        ("references: {{case_id: {{table: cases, missing: maybe}}}}", "Invalid enum value 'maybe'"),
    ],
)
def test_load_profile_with_a_mistake_in_its_load_section_names_it(tmp_path: Path, text: str, said: str) -> None:
    """A misspelt field or name is never ignored."""
    line = next(each for each in PROFILE.splitlines() if each.startswith("    notes:"))
    folder = write_profile(tmp_path / "wrong", profile=PROFILE.replace(line, f"    notes: {{{{{text}}}}}"))
    with pytest.raises(MappingError, match=said):
        load_profile(str(folder))


def test_profile_check_load_section_is_read_as_the_import_reads_it(tmp_path: Path) -> None:
    """What an import takes is no problem; what it refuses is named, with the page that lists the fields."""
    read = read_profile(write_profile(tmp_path / "small"))
    assert [problem for problem in read.problems if problem.severity == "error"] == []
    assert read.profile.load == load_profile(str(tmp_path / "small")).load
    wrong = read_profile(write_profile(tmp_path / "wrong", profile=PROFILE.replace("references", "refernces", 1)))
    (problem,) = [problem for problem in wrong.problems if problem.severity == "error"]
    assert "load.tables.staff: unknown field 'refernces'" in problem.text
    assert "target_profiles.md" in problem.mend


def _damage(practice: Practice, folder: Path, *, entity: str, cut: int | None = None) -> Archive:
    """A copy with a Parquet file that is damaged in the middle, or cut."""
    shutil.copytree(practice.first.root, folder)
    path = folder / f"data/tables/{entity}.parquet"
    content = bytearray(path.read_bytes())
    content[4 : len(content) // 2] = bytes(len(content) // 2 - 4)
    path.write_bytes(content[:cut])
    return Archive(folder)


@pytest.mark.parametrize("cut", [None, 100])
def test_import_damaged_parquet_unverified_is_called_damage(
    tmp_path: Path, sqlite_small: str, run: Callable[..., ImportResult], practice: Practice, cut: int | None
) -> None:
    """Nobody is told to make room for temporary files, or to mend a load file, when the archive is damaged."""
    before = contents(sqlite_small)
    with pytest.raises(FormatError, match=r"contact\.parquet: is damaged"):
        run(sqlite_small, archive=_damage(practice, tmp_path / "copy", entity="contact", cut=cut))
    assert contents(sqlite_small) == before


def test_import_entity_that_nobody_decided_about_is_refused(
    sqlite_small: str,
    run: Callable[..., ImportResult],
    profile_with: Callable[..., Profile],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Nothing of the archive is left behind without a reason; a program is told all of it, a person the first."""
    text = PROFILE.replace("{without}", '    "*.extras": of no use\n    "*.source_key": of no use')
    with pytest.raises(MappingError, match=r"neither loaded nor left out with a reason: .*firm\.name") as caught:
        run(sqlite_small, profile=profile_with(profile=text))
    JsonOutput().error(caught.value)
    told = json.loads(capsys.readouterr().out)
    assert f"{len(told['details'])} fields" in told["message"]
    assert len(told["details"]) > 20


def test_import_archive_that_does_not_verify_is_refused_unless_asked(
    tmp_path: Path, sqlite_small: str, run: Callable[..., ImportResult], practice: Practice
) -> None:
    """A damaged archive is refused; --unverified goes on and says so."""
    copy = tmp_path / "copy"
    shutil.copytree(practice.first.root, copy)
    (copy / "data/README.html").write_bytes(b"changed")
    with pytest.raises(CheckFailedError, match="refused"):
        run(sqlite_small, archive=Archive(copy), unverified=False)
    result = run(sqlite_small, archive=Archive(copy), unverified=True)
    assert not result.verified
    assert "the archive was not verified" in result.notes


def test_import_archive_of_a_newer_format_is_refused(
    tmp_path: Path, sqlite_small: str, run: Callable[..., ImportResult], practice: Practice
) -> None:
    """A major version that this program does not know is not guessed at, verified or not."""
    copy = tmp_path / "copy"
    shutil.copytree(practice.first.root, copy)
    text = (copy / "export.json").read_text(encoding="utf-8")
    (copy / "export.json").write_text(text.replace('"format_version": "1.0"', '"format_version": "2.0"'))
    with pytest.raises(FormatError, match=r"format version 2\.0"):
        run(sqlite_small, archive=Archive(copy))


def test_import_server_that_is_not_there_is_named(run: Callable[..., ImportResult]) -> None:
    """An address where nobody listens."""
    with pytest.raises(TargetError) as caught:
        run("postgresql://postgres@127.0.0.1:1/nobody")
    assert "127.0.0.1" in str(caught.value)


def test_import_session_killed_before_the_commit_leaves_nothing_live(
    postgresql_url: MakeDatabase, run: Callable[..., ImportResult]
) -> None:
    """The server ends the session in the middle of the move: no row is live, and the same command finishes."""
    url, fresh = make_target(postgresql_url()), make_target(postgresql_url())
    before = contents(url)

    def kill(text: str) -> None:
        if text == "moving":
            with open_target(url) as other:
                other.query(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'portability' "
                    "AND datname = current_database() AND pid <> pg_backend_pid()"
                )

    with pytest.raises(TargetError, match=r"ended the session|connection was lost"):
        run(url, progress=kill)
    left = contents(url)
    assert {name: left[name] for name in before} == before
    run(url)
    run(fresh)
    assert contents(url) == contents(fresh)


def test_import_two_at_once_second_is_refused(sqlite_small: str, run: Callable[..., ImportResult]) -> None:
    """Two imports into one target would sweep each other's staging tables away."""
    seen: list[str] = []

    def second(text: str) -> None:
        if text.startswith("staging") and not seen:
            seen.append(text)
            with pytest.raises(TargetError, match="another import into it is running"):
                run(sqlite_small)

    run(sqlite_small, progress=second)
    assert seen


def test_import_into_a_file_leaves_no_lock_beside_it(sqlite_small: str, run: Callable[..., ImportResult]) -> None:
    """The lock of a killed run hinders nobody, and none is left by one that ended."""
    lock = Path(sqlite_small.removeprefix("sqlite:///") + "-portability-import")
    lock.touch()
    seen: list[bool] = []
    run(sqlite_small, progress=lambda _: seen.append(lock.exists()))
    assert any(seen)
    assert not lock.exists()


NARROW = {
    "unknown code": ({"state": STATES.replace("closed,3\n", "")}, "cases", "code", "state", "closed"),
    "too long": (
        {"cases": LOADS["cases"].replace("m.matter_number AS number", "repeat('9', 36) || m.matter_number AS number")},
        "cases",
        "truncation",
        "number",
        "is longer than 40",
    ),
    "too exact": (
        {"cases": LOADS["cases"].replace("m.fixed_fee", "(m.fixed_fee + 0.0001)::DECIMAL(19,4)")},
        "cases",
        "narrowing",
        "fee",
        "exactly",
    ),
    "breaks a check": (
        {"cases": LOADS["cases"].replace("m.fixed_fee AS fee", "-m.fixed_fee AS fee")},
        "cases",
        "check",
        "",
        "check",
    ),
    "no such parent": (
        {"members": LOADS["members"].replace("user_id AS", "'x' || user_id AS")},
        "members",
        "reference",
        "staff_id",
        "no such row in staff",
    ),
    "empty": (
        {"people": LOADS["people"].replace("display_name AS name", "nullif(display_name, display_name) AS name")},
        "people",
        "empty",
        "name",
        "must be filled",
    ),
    "too large": (
        {
            "staff": LOADS["staff"]
            .replace("AS boss_id", "AS boss_id")
            .replace("display_name AS name", "repeat('x', 81) AS name")
        },
        "staff",
        "truncation",
        "name",
        "longer than 80",
    ),
    "profile's own rule": (
        {"notes": LOADS["notes"].replace("SELECT id AS _id", "SELECT 'not this one' AS _reject, id AS _id")},
        "notes",
        "rule",
        "",
        "profile",
    ),
}


@pytest.mark.parametrize("case", list(NARROW))
def test_import_row_that_does_not_fit_is_a_reject_with_its_dependants(
    postgresql_url: MakeDatabase,
    run: Callable[..., ImportResult],
    profile_with: Callable[..., Profile],
    case: str,
) -> None:
    """The row is named with reason and column, what depends on it goes too, and everything adds up."""
    changes, table, kind, column, said = NARROW[case]
    url = make_target(postgresql_url())
    result = run(url, profile=profile_with(**changes))
    found = [
        p
        for p in result.problems
        if (p.table, p.kind, p.column) == (table, kind, column) or (kind == "check" and p.kind == "check")
    ]
    assert found, result.problems
    assert any(said in f"{p.reason} {p.values}" for p in found)
    for each in result.tables:
        assert each.rows == each.inserted + each.matched + each.rejected
    (bad,) = [each for each in result.tables if each.name == table]
    assert bad.rejected
    with open_target(url) as target:
        rejects = target.query("SELECT target_table, canonical_id FROM _portability_reject WHERE kind <> 'emptied'")
        assert len({tuple(row.values()) for row in rejects.to_pylist()}) == result.count("rejected")
        counts = {t.name: target.query(f"SELECT count(*) FROM {t.name}").column(0)[0].as_py() for t in result.tables}
    own = {"grades": 2, "staff": 1}
    assert all(counts[t.name] == t.inserted + own.get(t.name, 0) for t in result.tables)
    if table == "cases":
        assert next(t.rejected for t in result.tables if t.name == "entries")


def test_import_natural_key_of_the_target_taken_is_a_reject(
    make_small: Callable[..., str], run: Callable[..., ImportResult]
) -> None:
    """A row of the target's own with the same number stands; ours is named with all that hangs on it."""
    url = make_small()
    with open_target(url) as target:
        key = {"postgresql": "gen_random_uuid()", "mariadb": "'0123456789abcdef'"}.get(target.dbms, "'own'")
        target.execute(f"INSERT INTO cases (id, number, title, state) VALUES ({key}, 'M-7', 'Theirs', 1)")
    result = run(url)
    (problem,) = [p for p in result.problems if p.table == "cases"]
    assert (problem.kind, problem.rows) == ("key", 1)
    assert {p.id for p in result.rejects if p.table == "cases"} == {"7"}
    assert {p.reason for p in result.rejects if p.table == "notes"} == {
        "the row in cases that it refers to is rejected"
    }
    with open_target(url) as target:
        assert target.query("SELECT title FROM cases WHERE number = 'M-7'").column(0).to_pylist() == ["Theirs"]
