"""The accounts that docs/sources.md tells an administrator to make: they can export, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.profiles import bare_profile
from tests.exports.record_shop import TABLES, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.servers import MariaDBServer, PostgreSQLServer

PAGE = (Path(__file__).parents[2] / "docs/sources.md").read_text(encoding="utf-8")


def _statements(language: str) -> list[str]:
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return [line for line in block.splitlines() if line]


@pytest.fixture
def postgresql_account(postgresql_server: PostgreSQLServer) -> Iterator[str]:
    """A shop in a database with a hidden row, and the address of the account."""
    url = postgresql_server.create_database()
    fill(url)
    postgresql_server.execute("ALTER TABLE artist ENABLE ROW LEVEL SECURITY", url)
    for statement in _statements("postgresql"):
        postgresql_server.execute(statement, url)
    yield url.replace("postgres@", "portability@")
    postgresql_server.drop_database(url)
    postgresql_server.execute("DROP ROLE portability")


@pytest.fixture
def mariadb_account(mariadb_server: MariaDBServer) -> Iterator[str]:
    """A shop in a database of the name that the page uses, and the address of the account."""
    url = mariadb_server.create_database("practice")
    fill(url)
    for statement in _statements("mariadb"):
        mariadb_server.execute(statement)
    yield url.replace("root@", "portability:a%20long%20password@")
    mariadb_server.drop_database(url)
    mariadb_server.execute("DROP USER portability@'%'")


@pytest.mark.parametrize("dbms", ["postgresql", "mariadb"])
def test_documented_account_exports_every_table(dbms: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Rows behind a policy too; and a stopped export could be resumed, where the server keeps what tells."""
    url = request.getfixturevalue(f"{dbms}_account")
    with open_connector(url).snapshot() as snapshot:
        assert (snapshot.record.level, snapshot.identity is not None) == ("exact", dbms == "postgresql")
    result = export_archive(
        ExportRequest(connector=open_connector(url), destination=tmp_path / "archive", profile=bare_profile())
    )
    assert result.tables == len(TABLES)


def test_documented_postgresql_account_cannot_write(
    postgresql_account: str, postgresql_server: PostgreSQLServer
) -> None:
    """The grants are for reading."""
    with pytest.raises(Exception, match="permission denied"):
        postgresql_server.execute("DELETE FROM artist", postgresql_account)
