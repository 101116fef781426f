"""The type cases of the built-in connectors: each value arrives as it is, or stands in the ledger with its text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import duckdb
import pytest

from fixtures.type_table import PAGE, type_table
from portability.connectors import postgresql, postgresql_arrow
from portability.connectors.testing import SourceDatabase
from portability.connectors.testing_types import (
    Carried,
    TypeCase,
    carry_cases,
    check_case,
    load_cases,
    load_sections,
    make_cases,
    read_cases,
)
from portability.formats.parquet import write_parquet
from portability.formats.totals import difference, recompute_totals
from tests.conftest import MakeDatabase
from tests.connectors.databases import MariadbDatabase, PostgresqlDatabase, SqliteDatabase
from tests.servers import MariaDBServer, PostgreSQLServer

DBMSS = ("postgresql", "mariadb", "sqlite")
CASES = {dbms: load_cases(dbms) for dbms in DBMSS}


@pytest.fixture(scope="module")
def carried_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Mapping[TypeCase, Carried]:
    """All cases of SQLite, carried from one file in one snapshot."""
    return carry_cases(SqliteDatabase(tmp_path_factory.mktemp("types")), CASES["sqlite"])


@pytest.fixture(scope="module")
def carried_postgresql(postgresql_server: PostgreSQLServer) -> Iterator[Mapping[TypeCase, Carried]]:
    """All cases of PostgreSQL, carried from one database in one snapshot."""
    url = postgresql_server.create_database()
    yield carry_cases(PostgresqlDatabase(url), CASES["postgresql"])
    postgresql_server.drop_database(url)


@pytest.fixture(scope="module")
def carried_mariadb(mariadb_server: MariaDBServer) -> Iterator[Mapping[TypeCase, Carried]]:
    """All cases of MariaDB, carried from one database in one snapshot."""
    url = mariadb_server.create_database()
    yield carry_cases(MariadbDatabase(url), CASES["mariadb"])
    mariadb_server.drop_database(url)


def check_totals(carried: Carried, folder: Path) -> None:
    """The totals that the source's own SQL gave are those of the Parquet file, as another engine reads it."""
    path = folder / "case.parquet"
    write_parquet(path, carried.plan.schema, carried.rows.to_batches(), key=carried.plan.table.order)
    with duckdb.connect() as engine:
        excepted = Counter({"v": len(carried.ledger)})
        found = recompute_totals(engine, path, carried.plan.table, excepted=excepted)
    assert not difference(carried.plan.totals, found)


@pytest.mark.parametrize("case", CASES["sqlite"], ids=str)
def test_sqlite_type_arrives_exactly(
    case: TypeCase, carried_sqlite: Mapping[TypeCase, Carried], tmp_path: Path
) -> None:
    """Each value arrives as it is, and the totals of the source are those of the file."""
    check_case(case, carried_sqlite[case])
    check_totals(carried_sqlite[case], tmp_path)


@pytest.mark.parametrize("case", CASES["postgresql"], ids=str)
def test_postgresql_type_arrives_exactly(
    case: TypeCase, carried_postgresql: Mapping[TypeCase, Carried], tmp_path: Path
) -> None:
    """Each value arrives as it is, and the totals of the source are those of the file."""
    check_case(case, carried_postgresql[case])
    check_totals(carried_postgresql[case], tmp_path)


def test_postgresql_rows_are_the_same_with_and_without_the_arrow_driver(
    postgresql_url: MakeDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Binary rows and lines of text give the same values of every type, plan for plan."""
    database = PostgresqlDatabase(postgresql_url())
    make_cases(database, CASES["postgresql"])
    read = []
    for driver in (postgresql_arrow.load_driver(), None):
        monkeypatch.setattr(postgresql, "load_driver", lambda driver=driver: driver)
        read.append(read_cases(database, CASES["postgresql"]))
    with_driver, without = read
    for case, carried in with_driver.items():
        check_case(case, carried)
        assert carried.rows.schema == without[case].rows.schema
        assert carried.shown == without[case].shown


@pytest.mark.parametrize("case", CASES["mariadb"], ids=str)
def test_mariadb_type_arrives_exactly(
    case: TypeCase, carried_mariadb: Mapping[TypeCase, Carried], tmp_path: Path
) -> None:
    """Each value arrives as it is, and the totals of the source are those of the file."""
    check_case(case, carried_mariadb[case])
    check_totals(carried_mariadb[case], tmp_path)


@pytest.mark.parametrize("dbms", DBMSS)
def test_cases_of_every_number_have_values_or_tests_or_a_reason(dbms: str) -> None:
    """Forty numbers, none without an answer; the tests that are named exist."""
    sections = load_sections(dbms)
    assert sorted(sections) == list(range(1, 41))
    assert not [n for n, (_, s) in sections.items() if not (s.cases or s.tests or s.not_applicable)]
    root = Path(__file__).parents[2]
    for _, section in sections.values():
        for named in section.tests:
            file, _, test = named.partition("::")
            assert f"def {test}(" in (root / file).read_text(encoding="utf-8")


def test_carry_cases_of_a_wrong_expectation_fails(tmp_path: Path) -> None:
    """The suite can fail: a value, a type or a ledger entry that is not as expected is told."""
    database: SourceDatabase = SqliteDatabase(tmp_path)
    right = TypeCase(name="x", declared="INTEGER", arrow="int64", values={"1": "1"})
    (carried,) = carry_cases(database, [right]).values()
    check_case(right, carried)
    for wrong in ({"arrow": "string"}, {"values": {"1": "2"}}):
        with pytest.raises(AssertionError):
            check_case(TypeCase(**{**vars(right), **wrong}), carried)


def test_page_of_the_cases_is_what_the_cases_say() -> None:
    """docs/type_cases.md is the generated one."""
    assert PAGE.read_text(encoding="utf-8") == type_table()
