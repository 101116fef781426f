"""The content of a practice as plain text, the same for every kind of database that holds the same practice."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pymysql

from portability.practice.ddl import MYSQL, POSTGRESQL, SQLITE, Dialect
from portability.practice.schema import Column, Table
from portability.practice.tables import TABLES

Content = dict[str, list[tuple[str | None, ...]]]


def read_content(url: str) -> Content:
    """Return every table's rows, sorted, each value as canonical text."""
    if url.startswith("postgresql:"):
        with psycopg.connect(url, options="-c TimeZone=UTC") as connection:
            return _read(connection.cursor(), POSTGRESQL)
    if url.startswith("mysql:"):
        parts = urlsplit(url)
        name = parts.path[1:]
        with pymysql.connect(
            host=parts.hostname, port=parts.port or 0, user=parts.username, database=name, charset="utf8mb4"
        ) as server:
            return _read(server.cursor(), MYSQL)
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
        return _read(file.cursor(), SQLITE)


def _read(cursor: Any, dialect: Dialect) -> Content:  # noqa: ANN401 - three drivers
    content: Content = {}
    for table in TABLES:
        cursor.execute(f"SELECT {dialect.names(table.names)} FROM {dialect.name(table.name)}")
        content[table.name] = sorted(_rows(table, cursor.fetchall()), key=str)
    return content


def _rows(table: Table, rows: Iterable[Iterable[object]]) -> Iterable[tuple[str | None, ...]]:
    for row in rows:
        yield tuple(_text(column, value) for column, value in zip(table.columns, row, strict=True))


def _text(column: Column, value: object) -> str | None:
    """Undo what databases do to one value: padding, floats for decimals, booleans as numbers, zero dates."""
    if value is None or value == "0000-00-00":
        return None
    if column.kind.startswith(("money", "decimal", "float")):
        return str(Decimal(str(value)).normalize())
    if column.kind == "utc" or isinstance(value, datetime):
        return str(value).removesuffix("+00:00")
    if isinstance(value, dict):
        return json.dumps(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, date):
        return value.isoformat()
    return str(value).rstrip(" ") if column.kind.startswith("char(") else str(value)
