"""Databases of the three built-in kinds for the conformance suite, and the suite with what needs Parquet."""

from __future__ import annotations

import math
import sqlite3
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import duckdb
import psycopg
import pymysql

from portability.connectors.testing import ConnectorConformance, SourceDatabase
from portability.formats.parquet import write_parquet
from portability.formats.totals import difference, recompute_totals

__all__ = ["MariadbDatabase", "ParquetConformance", "PostgresqlDatabase", "SqliteDatabase"]


class SqliteDatabase(SourceDatabase):
    """A file in write-ahead mode, so that the tests may write while the connector reads."""

    types: ClassVar = {
        "int": "INTEGER",
        "text": "TEXT",
        "name": "TEXT",
        "decimal": "DECIMAL(19,4)",
        "double": "DOUBLE",
        "bytes": "BLOB",
    }
    # A file holds no not-a-number (it is null) and no negative zero (it is the integer 0).
    special_floats = (math.inf, -math.inf)

    def __init__(self, directory: Path) -> None:
        self.path = directory / "source.db"
        self.execute("PRAGMA journal_mode = WAL")

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def execute(self, *statements: str) -> None:
        connection = sqlite3.connect(self.path)
        try:
            connection.execute("PRAGMA synchronous = OFF")
            for statement in statements:
                connection.execute(statement)
            connection.commit()
        finally:
            connection.close()

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def literal(self, value: Any) -> str:  # noqa: ANN401
        if isinstance(value, str) and "\x00" in value:
            return f"CAST(x'{value.encode().hex()}' AS TEXT)"
        if isinstance(value, bytes):
            return f"x'{value.hex()}'"
        if isinstance(value, float) and math.isinf(value):
            return f"{'-' * (value < 0)}9e999"
        if value == -(2**63):
            return "(-9223372036854775807 - 1)"
        return _literal(value)


class PostgresqlDatabase(SourceDatabase):
    """A fresh database of the private server."""

    types: ClassVar = {
        "int": "bigint",
        "text": "text",
        "name": "varchar(100)",
        "decimal": "numeric(19,4)",
        "double": "double precision",
        "bytes": "bytea",
    }
    nul_in_text = False

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        return self._url

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self._url) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def literal(self, value: Any) -> str:  # noqa: ANN401
        if isinstance(value, bytes):
            return f"'\\x{value.hex()}'::bytea"
        return f"'{value}'::float8" if isinstance(value, float) else _literal(value)


class MariadbDatabase(SourceDatabase):
    """A fresh database of the private server."""

    types: ClassVar = {
        "int": "bigint",
        "text": "longtext",
        "name": "varchar(100)",
        "decimal": "decimal(19,4)",
        "double": "double",
        "bytes": "longblob",
    }
    special_floats = ()
    name_length_max = 64

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def url(self) -> str:
        return self._url

    def execute(self, *statements: str) -> None:
        parts = urlsplit(self._url)
        database, port = parts.path.removeprefix("/"), parts.port or 3306
        mode = "SET sql_mode = 'NO_BACKSLASH_ESCAPES'"
        with (
            pymysql.connect(host=str(parts.hostname), port=port, user=parts.username, database=database) as connection,
            connection.cursor() as cursor,
        ):
            for statement in (mode, *statements):
                cursor.execute(statement)
            connection.commit()

    def quote(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def literal(self, value: Any) -> str:  # noqa: ANN401
        if isinstance(value, bytes):
            return f"X'{value.hex()}'"
        return f"{value!r}e0" if isinstance(value, float) and "e" not in repr(value) else _literal(value)


def _literal(value: Any) -> str:  # noqa: ANN401 -- None, a number, text or bytes
    if value is None:
        return "NULL"
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, float):
        return "NULL" if math.isnan(value) else repr(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


class ParquetConformance(ConnectorConformance):
    """The contract, and what it comes to in a table's file."""

    def test_export_twice_gives_the_same_file_byte_for_byte(self, database: SourceDatabase, tmp_path: Path) -> None:
        """The same data give the same bytes, whatever the size of a batch."""
        self._make_table(database)
        for name, rows in (("first", 50), ("second", 16_384)):
            with self.open(database, batch_rows=rows).snapshot() as snapshot:
                plan = snapshot.plan(self.table(snapshot, "t"))
                write_parquet(tmp_path / name, plan.schema, snapshot.read(plan), key=plan.table.order)
        assert (tmp_path / "first").read_bytes() == (tmp_path / "second").read_bytes()

    def test_totals_of_the_source_equal_those_of_the_file(self, database: SourceDatabase, tmp_path: Path) -> None:
        """What the source's SQL says of its data is true of the Parquet file."""
        self._make_table(database)
        with self.open(database).snapshot() as snapshot:
            plan = snapshot.plan(self.table(snapshot, "t"))
            write_parquet(tmp_path / "t", plan.schema, snapshot.read(plan), key=plan.table.order)
            excepted = Counter(each.column for each in snapshot.exceptions(plan))
        found = recompute_totals(duckdb.connect(), tmp_path / "t", plan.table, excepted=excepted)
        assert difference(plan.totals, found) == ()

    @staticmethod
    def _make_table(database: SourceDatabase) -> None:
        columns = {"id": "int", "txt": "text", "num": "double", "amt": "decimal", "raw": "bytes", "nul": "text"}
        rows = [
            (
                n * 7919 % 500,
                f"text {n} é",
                n / 7 - 30,
                Decimal(n * 12345 - 99).scaleb(-4),
                bytes([n % 256]) * (n % 5),
                None,
            )
            for n in range(500)
        ]
        database.create("t", columns, rows, key=["id"])
