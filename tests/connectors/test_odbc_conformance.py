"""The connector contract, run through the ODBC driver of each DBMS."""

from __future__ import annotations

from pathlib import Path

import pytest

from portability.connectors.testing import SourceDatabase
from tests.conftest import MakeDatabase
from tests.connectors.databases import ParquetConformance
from tests.connectors.odbc_databases import OdbcMariadbDatabase, OdbcPostgresqlDatabase, OdbcSqliteDatabase

pytestmark = pytest.mark.slow  # each session starts an interpreter


class TestPostgresql(ParquetConformance):
    """PostgreSQL through psqlodbc."""

    @pytest.fixture
    def database(self, postgresql_url: MakeDatabase) -> SourceDatabase:
        return OdbcPostgresqlDatabase(postgresql_url())


class TestMariadb(ParquetConformance):
    """MariaDB through its driver."""

    @pytest.fixture
    def database(self, mariadb_url: MakeDatabase) -> SourceDatabase:
        return OdbcMariadbDatabase(mariadb_url())


class TestSqlite(ParquetConformance):
    """SQLite through its driver."""

    @pytest.fixture
    def database(self, tmp_path: Path) -> SourceDatabase:
        return OdbcSqliteDatabase(tmp_path)
