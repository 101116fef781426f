"""The databases of the conformance suite, reached through their ODBC drivers."""

from __future__ import annotations

from functools import cache

import pyodbc

from tests.conftest import lacking
from tests.connectors.databases import MariadbDatabase, PostgresqlDatabase, SqliteDatabase

__all__ = ["OdbcMariadbDatabase", "OdbcPostgresqlDatabase", "OdbcSqliteDatabase", "need_driver"]

PACKAGES = {
    "PostgreSQL Unicode": "odbc-postgresql",
    "MariaDB Unicode": "odbc-mariadb",
    "SQLite3": "libsqliteodbc",
    "FreeTDS": "tdsodbc",
}


@cache
def _installed() -> frozenset[str]:
    return frozenset(pyodbc.drivers())


def need_driver(name: str) -> None:
    """Skip for want of a driver, or fail where CI promises that all is there."""
    if name not in _installed():
        lacking(f"ODBC driver {name} not found (Debian: {PACKAGES[name]})")


class OdbcPostgresqlDatabase(PostgresqlDatabase):
    """A fresh database of the private server; the connector goes through psqlodbc."""

    @property
    def url(self) -> str:
        need_driver("PostgreSQL Unicode")
        return f"odbc+{self._url}"


class OdbcMariadbDatabase(MariadbDatabase):
    """A fresh database of the private server; the connector goes through MariaDB's driver."""

    @property
    def url(self) -> str:
        need_driver("MariaDB Unicode")
        return self._url.replace("mysql://", "odbc+mariadb://")


class OdbcSqliteDatabase(SqliteDatabase):
    """A file; the connector goes through SQLite's driver."""

    @property
    def url(self) -> str:
        need_driver("SQLite3")
        return f"odbc+sqlite:///{self.path}"
