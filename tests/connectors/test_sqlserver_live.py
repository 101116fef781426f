"""SQL Server's dialect against a real server, where PORTABILITY_SQLSERVER names one; without it no test is here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from portability.connectors import parse_url
from portability.connectors.odbc import connection_string
from portability.connectors.testing import SourceDatabase
from tests.connectors.databases import ParquetConformance

if URL := os.environ.get("PORTABILITY_SQLSERVER", ""):
    import pyodbc

    class SqlServerDatabase(SourceDatabase):
        """An empty database of the server; what a test made is dropped after it."""

        types: ClassVar = {
            "int": "bigint",
            "text": "nvarchar(max)",
            "name": "nvarchar(100)",
            "decimal": "decimal(19,4)",
            "double": "float",
            "bytes": "varbinary(max)",
        }
        special_floats = ()  # a float holds neither infinity nor not-a-number
        name_length_max = 128

        @property
        def url(self) -> str:
            return URL

        def execute(self, *statements: str) -> None:
            with pyodbc.connect(connection_string(parse_url(URL)), autocommit=True) as connection:
                for statement in statements:
                    connection.execute(statement)

        def quote(self, name: str) -> str:
            return '"' + name.replace('"', '""') + '"'

        def literal(self, value: Any) -> str:  # noqa: ANN401
            if value is None:
                return "NULL"
            if isinstance(value, bytes):
                return f"0x{value.hex()}"
            if isinstance(value, str):
                return "N'" + value.replace("'", "''") + "'"
            return f"{value!r}e0" if isinstance(value, float) and "e" not in repr(value) else str(value)

        def drop_all(self) -> None:
            """Leave the database as it was."""
            self.execute(
                "DECLARE @sql nvarchar(max) = N''; SELECT @sql += N'DROP TABLE ' + QUOTENAME(SCHEMA_NAME(schema_id))"
                " + N'.' + QUOTENAME(name) + N';' FROM sys.tables; EXEC (@sql)"
            )

    class TestSqlServer(ParquetConformance):
        """SQL Server."""

        @pytest.fixture
        def database(self) -> Iterator[SourceDatabase]:
            database = SqlServerDatabase()
            yield database
            database.drop_all()
