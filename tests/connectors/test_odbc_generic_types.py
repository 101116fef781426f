"""The type cases through the generic ODBC dialect: exact, listed or refused, but for those that docs/odbc.md names."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner

from portability.checks import verify
from portability.cli import cli
from portability.connectors import odbc, open_connector
from portability.connectors.connector import Snapshot
from portability.connectors.testing_database import SourceDatabase
from portability.connectors.testing_types import Carried, TypeCase, Unfit, load_cases, make_cases
from portability.errors import PortabilityError
from portability.manifest import Table
from tests.conftest import MakeDatabase
from tests.connectors.databases import MariadbDatabase, PostgresqlDatabase, SqliteDatabase
from tests.connectors.odbc_databases import need_driver

pytestmark = pytest.mark.slow

# The same value in another type: bits as bytes, a time over a day in the ledger, a float32 by its shortest name.
OTHERWISE = {
    "postgresql": {"06 real", "09 boolean", "19 interval"},
    "mariadb": {
        "06 float of two decimals",
        "09 bit",
        "09 bit of 64",
        "13 timestamp",
        "16 time",
        "27 uuid",
        "34 inet6",
    },
    "sqlite": set(),
}
# Changed by the server or the driver before any form of it is asked for.
CHANGED = {
    "postgresql": {"29 xml"},
    "mariadb": {"23 text in big5, not assigned"},
    "sqlite": {"22 awkward characters", "37 decimal beyond scale", "37 text with blob"},
}


def _outcome(snapshot: Snapshot, table: Table, case: TypeCase) -> str:
    """Read one case and say what became of its values."""
    try:
        snapshot.check_readable([table])
        plan = snapshot.plan(table)
        rows = pa.Table.from_batches(snapshot.read(plan), schema=plan.schema)
        listed = len(list(snapshot.exceptions(plan)))
    except PortabilityError:
        return "refused"
    arrived = Carried(plan=plan, rows=rows, ledger={}).shown
    expected = [None if isinstance(value, Unfit) else value for value in case.values.values()]
    differing = [(a, e) for a, e in zip(arrived, expected, strict=True) if not _same(a, e)]
    if any(a is not None for a, _ in differing) or len(differing) > listed:
        return "other"
    return "listed" if listed else "exact"


def _same(arrived: str | None, expected: str | None) -> bool:
    try:
        return arrived == expected or Decimal(str(arrived)) == Decimal(str(expected))
    except InvalidOperation:
        return False


@pytest.mark.parametrize("dbms", ["postgresql", "mariadb", "sqlite"])
def test_type_cases_are_exact_listed_or_refused_but_for_those_that_are_named(
    dbms: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A value that is newly changed in silence is noticed here, and one that is not any more."""
    monkeypatch.setattr(odbc, "_PROVEN", frozenset())
    database, address = _database(dbms, request, tmp_path)
    cases = load_cases(dbms)
    make_cases(database, cases)
    with open_connector(f"{address}?dialect=generic").snapshot() as snapshot:
        tables = {table.name: table for table in snapshot.discover().tables}
        found = {str(case): _outcome(snapshot, tables[f"t{place}"], case) for place, case in enumerate(cases)}
    assert {case for case, outcome in found.items() if outcome == "other"} == OTHERWISE[dbms] | CHANGED[dbms]
    assert {"exact", "refused"} <= set(found.values())


def test_export_by_the_generic_dialect_is_sound_and_says_what_it_proves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole archive, with a value that becomes a file, verified to its last entry."""
    need_driver("SQLite3")
    monkeypatch.setattr(odbc, "_PROVEN", frozenset())
    columns = {"id": "int", "txt": "text", "raw": "bytes"}
    rows = [(1, "é", b"\x00"), (2, "long " * 300_000, b"\xff" * 1_500_000), (3, None, None)]
    SqliteDatabase(tmp_path).create("two words", columns, rows, key=["id"])
    archive = tmp_path / "archive"
    address = f"odbc+sqlite:///{tmp_path / 'source.db'}?dialect=generic"
    done = CliRunner().invoke(cli, ["export", address, str(archive)])
    assert done.exit_code == 0, done.output
    assert "by the generic dialect" in (archive / "export.json").read_text(encoding="utf-8")
    assert verify(archive, level="deep").ok


def _database(dbms: str, request: pytest.FixtureRequest, folder: Path) -> tuple[SourceDatabase, str]:
    if dbms == "sqlite":
        need_driver("SQLite3")
        return SqliteDatabase(folder), f"odbc+sqlite:///{folder / 'source.db'}"
    need_driver("PostgreSQL Unicode" if dbms == "postgresql" else "MariaDB Unicode")
    make: MakeDatabase = request.getfixturevalue(f"{dbms}_url")
    url = make()
    if dbms == "postgresql":
        return PostgresqlDatabase(url), f"odbc+{url}"
    return MariadbDatabase(url), url.replace("mysql://", "odbc+mariadb://")
