"""The type cases through ODBC drivers: the same values as without one, and as the DBMS's own client shows them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import duckdb
import pytest

from portability.connectors.testing_types import Carried, TypeCase, carry_cases, check_case, load_cases
from portability.formats.parquet import write_parquet
from portability.formats.totals import difference, recompute_totals
from tests.connectors.odbc_databases import OdbcMariadbDatabase, OdbcPostgresqlDatabase, OdbcSqliteDatabase
from tests.servers import MariaDBServer, PostgreSQLServer

Cases = Mapping[TypeCase, Carried]
ALL = [(dbms, case) for dbms in ("postgresql", "mariadb", "sqlite") for case in load_cases(dbms)]


@pytest.fixture(scope="module")
def carried(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Cases]]:
    """The cases of a DBMS, carried through its driver in one snapshot, once."""
    made: dict[str, Cases] = {}
    drop: list[Callable[[], None]] = []

    def carry(dbms: str) -> Cases:
        if dbms not in made:
            made[dbms] = carry_cases(database(dbms), load_cases(dbms))
        return made[dbms]

    def database(dbms: str) -> OdbcPostgresqlDatabase | OdbcMariadbDatabase | OdbcSqliteDatabase:
        if dbms == "sqlite":
            return OdbcSqliteDatabase(tmp_path_factory.mktemp("odbc"))
        server: PostgreSQLServer | MariaDBServer = request.getfixturevalue(f"{dbms}_server")
        url = server.create_database()
        drop.append(lambda: server.drop_database(url))
        return OdbcPostgresqlDatabase(url) if dbms == "postgresql" else OdbcMariadbDatabase(url)

    yield carry
    for each in drop:
        each()


@pytest.mark.parametrize(("dbms", "case"), ALL, ids=[f"{dbms} {case}" for dbms, case in ALL])
def test_type_arrives_exactly_through_the_driver(
    dbms: str, case: TypeCase, carried: Callable[[str], Cases], tmp_path: Path
) -> None:
    """Each value arrives as it is or stands in the ledger, and the source's totals are those of the file."""
    found = carried(dbms)[case]
    check_case(case, found)
    path = tmp_path / "case.parquet"
    write_parquet(path, found.plan.schema, found.rows.to_batches(), key=found.plan.table.order)
    with duckdb.connect() as engine:
        totals = recompute_totals(engine, path, found.plan.table, excepted=Counter({"v": len(found.ledger)}))
    assert not difference(found.plan.totals, totals)
