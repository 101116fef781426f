"""The connector contract, run against real databases of each built-in kind."""

from __future__ import annotations

from pathlib import Path

import pytest

from portability.connectors.testing import SourceDatabase
from tests.conftest import MakeDatabase
from tests.connectors.databases import MariadbDatabase, ParquetConformance, PostgresqlDatabase, SqliteDatabase


class TestSqlite(ParquetConformance):
    """SQLite."""

    @pytest.fixture
    def database(self, tmp_path: Path) -> SourceDatabase:
        return SqliteDatabase(tmp_path)


class TestPostgresql(ParquetConformance):
    """PostgreSQL."""

    presumes = True

    @pytest.fixture
    def database(self, postgresql_url: MakeDatabase) -> SourceDatabase:
        return PostgresqlDatabase(postgresql_url())


class TestMariadb(ParquetConformance):
    """MariaDB."""

    presumes = True

    @pytest.fixture
    def database(self, mariadb_url: MakeDatabase) -> SourceDatabase:
        return MariadbDatabase(mariadb_url())
