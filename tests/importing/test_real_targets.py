"""The practice moved into real systems: schemas that nobody here designed, stricter and narrower than ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from portability.targets import open_target
from tests.importing.practice_move import ask, certify, export, export_practice, move, require_sound

if TYPE_CHECKING:
    from portability.archive import Archive
    from portability.importing import ImportResult
    from tests.servers import MariaDBServer, PostgreSQLServer

pytestmark = pytest.mark.slow

# What the clinic has no place for, by the reason that its profile gives.
NO_PLACE = {"a note that is on no matter has no place in the target", "the archive does not have its bytes"}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """A practice of three firms: enough for names in Polish and Welsh."""
    return export_practice(tmp_path_factory.mktemp("practice"), entries=450, firms=3)


def rows(url: str, sql: str) -> list[tuple[Any, ...]]:
    """Ask the target."""
    with open_target(url) as target:
        return [tuple(row.values()) for row in target.query(sql).to_pylist()]


def rejected(result: ImportResult) -> dict[str, int]:
    """Rejected rows by table."""
    return {table.name: table.rejected for table in result.tables if table.rejected}


def test_openlawoffice_takes_the_whole_practice(
    archive: Archive, postgresql_server: PostgreSQLServer, real_systems: Path, tmp_path: Path
) -> None:
    """Money columns, inherited tables and time by way of tasks: no row is turned away, and every total agrees."""
    url = postgresql_server.create_database()
    postgresql_server.load(real_systems / "openlawoffice/install_pg15.sql", url)
    result = move(archive, url, "openlawoffice", tmp_path / "documents")
    assert rejected(result) == {}
    certificate = certify(archive, url, "openlawoffice", tmp_path / "certificate")
    assert certificate.ok, [(c.name, line) for c in certificate.comparisons for line in c.lines][:8]
    assert not any(each.explained or each.unexplained for each in certificate.comparisons)
    # Nobody knows a password, and rows without a known maker name the account of the import.
    assert rows(url, 'SELECT DISTINCT "Password" FROM "Users"') == [("!",)]
    assert rows(url, """SELECT count(*) FROM "Users" WHERE "Username" = 'portability-import'""") == [(1,)]
    back = export(url, tmp_path / "documents", tmp_path / "back")
    require_sound(back)
    totals = "SELECT sum(gross_total), sum(vat_total), count(*) FROM bill"
    assert ask(back, totals) == ask(archive, totals)
    postgresql_server.drop_database(url)


def convert_to_utf8(server: MariaDBServer, url: str) -> None:
    """What docs/successor.md advises before names in every language come."""
    names = server.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = database() AND table_name LIKE 'cm%'",
        url,
    )
    for (name,) in names:
        server.execute(f"SET STATEMENT sql_mode='' FOR ALTER TABLE {name} CONVERT TO CHARACTER SET utf8mb4", url)


def test_cliniccases_takes_every_case_and_says_what_has_no_place(
    archive: Archive, mariadb_server: MariaDBServer, real_systems: Path, tmp_path: Path
) -> None:
    """One row for matter, client and court case; what is on no matter is turned away by the profile's own rule."""
    url = mariadb_server.create_database()
    mariadb_server.load(real_systems / "cliniccases/default.sql", url)
    convert_to_utf8(mariadb_server, url)
    result = move(archive, url, "cliniccases", tmp_path / "documents")
    assert set(rejected(result)) <= {"cm_case_notes", "cm_documents", "cm_events", "cm_events_responsibles"}
    reasons = {value for problem in result.problems if problem.kind == "rule" for value in problem.values}
    assert reasons >= NO_PLACE
    assert certify(archive, url, "cliniccases", tmp_path / "certificate").ok
    back = export(url, tmp_path / "documents", tmp_path / "back")
    require_sound(back)
    minutes = (
        "SELECT sum(e.duration_minutes) FROM time_entry AS e JOIN matter AS m ON m.id = e.matter_id "
        "WHERE NOT m.is_deleted"
    )
    assert ask(back, minutes) == ask(archive, minutes)
    mariadb_server.drop_database(url)


def test_cliniccases_as_it_comes_turns_letters_away_that_latin1_lacks(
    archive: Archive, mariadb_server: MariaDBServer, real_systems: Path, tmp_path: Path
) -> None:
    """A name is never written with question marks: its row is a reject that names the column."""
    url = mariadb_server.create_database()
    mariadb_server.load(real_systems / "cliniccases/default.sql", url)
    result = move(archive, url, "cliniccases", tmp_path / "documents")
    refused = {(problem.table, problem.column) for problem in result.problems if problem.kind == "character"}
    assert {("cm_users", "last_name"), ("cm_contacts", "first_name")} <= refused
    assert rows(url, "SELECT count(*) FROM cm_users WHERE concat(first_name, last_name) LIKE '%?%'") == [(0,)]
    mariadb_server.drop_database(url)
