"""One SQLite file. SQLite has integers, doubles, text and bytes: everything else is text that reads back exactly.

Decimals are text with all their places, never REAL; ``decimal_sum`` of the sqlite3 program adds them exactly. The table
``_columns`` says what type each column had and what it means.
"""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.converting.contract import Form, Material, Report, TableMaterial
from portability.converting.texts import column_texts, storage
from portability.duck import quote
from portability.errors import FormatError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["FORM"]

FILE = "archive.sqlite"
COLUMNS = "_columns"
_NAMES_MAX = 2_000  # SQLite's default limit of columns in a table


def _write(material: Material, folder: Path, report: Report) -> None:
    names = {table.resource["name"]: table for table in material.tables}
    try:
        with closing(sqlite3.connect(folder / FILE, isolation_level=None)) as connection:
            # A file under a temporary name needs no journal: it is whole before it gets its own.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            columns = '("table" TEXT, "column" TEXT, type TEXT, native_type TEXT, meaning TEXT)'
            connection.execute(f"CREATE TABLE {quote(COLUMNS)} {columns}")
            for table in material.tables:
                material.progress(f"sqlite {table.name}")
                _table(connection, table, names, material, report)
            connection.execute("COMMIT")
            connection.execute("PRAGMA synchronous = FULL")
            _check(connection, material.tables)
    except sqlite3.Error as error:
        raise TargetError(f"SQLite refused: {error}", place=FILE) from error


def _table(
    connection: sqlite3.Connection,
    table: TableMaterial,
    names: dict[str, TableMaterial],
    material: Material,
    report: Report,
) -> None:
    schema = table.schema
    if len(schema) > _NAMES_MAX:
        raise FormatError(f"SQLite holds at most {_NAMES_MAX} columns", place=table.name, hint="Use --to duckdb.")
    columns = dict(zip(schema.names, _distinct(schema.names), strict=True))
    for name, written in columns.items():
        report.remark(
            "columns that differ from another in case only have a number here",
            f"{table.name}.{name}",
            int(name != written),
        )
    connection.execute(_create(table, schema, columns, names))
    marks = ", ".join("?" * len(schema))
    for batch in table.batches(material.limits):
        values = [
            _values(column, f"{table.name}.{name}", report)
            for name, column in zip(schema.names, batch.columns, strict=True)
        ]
        connection.executemany(f"INSERT INTO {quote(table.name)} VALUES ({marks})", zip(*values, strict=True))
    for number, key in enumerate(table.unique_keys, 1):
        _index(connection, table, f"unique_{number}", [columns[name] for name in key], "UNIQUE ")
    for number, reference in enumerate(table.references, 1):
        _index(connection, table, f"reference_{number}", [columns[name] for name in reference["fields"]], "")
    described = [
        (
            table.name,
            columns[f["name"]],
            f.get("lpa:logicalType", f["lpa:arrowType"]),
            f.get("lpa:nativeType"),
            f.get("description"),
        )
        for f in table.fields
    ]
    connection.executemany(f"INSERT INTO {quote(COLUMNS)} VALUES (?, ?, ?, ?, ?)", described)
    report.count("tables")
    report.count("rows", table.rows)


def _distinct(names: Sequence[str]) -> list[str]:
    taken: set[str] = set()
    found = []
    for name in names:
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.casefold())
        found.append(candidate)
    return found


def _create(table: TableMaterial, schema: pa.Schema, columns: dict[str, str], names: dict[str, TableMaterial]) -> str:
    required = {f["name"] for f in table.fields if f.get("constraints", {}).get("required")}
    parts = [f"{quote(columns[f.name])} {_type(f.type)}{' NOT NULL' if f.name in required else ''}" for f in schema]
    if table.key:
        parts.append(f"PRIMARY KEY ({', '.join(quote(columns[name]) for name in table.key)})")
    for key in table.references:
        target = names.get(key["reference"].get("resource", table.resource["name"]))
        unique = target is not None and tuple(key["reference"]["fields"]) in {target.key, *target.unique_keys}
        if target is not None and unique:
            here = ", ".join(quote(columns[name]) for name in key["fields"])
            there = dict(zip(target.schema.names, _distinct(target.schema.names), strict=True))
            fields = ", ".join(quote(there[name]) for name in key["reference"]["fields"])
            parts.append(f"FOREIGN KEY ({here}) REFERENCES {quote(target.name)} ({fields})")
    return f"CREATE TABLE {quote(table.name)} ({', '.join(parts)})"


def _index(connection: sqlite3.Connection, table: TableMaterial, name: str, columns: Sequence[str], kind: str) -> None:
    listed = ", ".join(quote(column) for column in columns)
    connection.execute(f"CREATE {kind}INDEX {quote(f'{table.name}_{name}')} ON {quote(table.name)} ({listed})")


def _type(kind: pa.DataType) -> str:
    """Declare a type whose affinity changes no value; SQLite would round a number of 64 bits without sign."""
    if pa.types.is_boolean(kind) or (pa.types.is_integer(kind) and kind != pa.uint64()) or pa.types.is_duration(kind):
        return "INTEGER"
    if pa.types.is_floating(kind):
        return "REAL"
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        return "BLOB"
    return "TEXT"


def _values(column: pa.Array, place: str, report: Report) -> list[Any]:
    kind = _type(column.type)
    if kind == "INTEGER":
        return list((column.cast(pa.int64()) if pa.types.is_duration(column.type) else column).to_pylist())
    if kind == "REAL":
        values = column.to_pylist()
        report.remark("NaN, written as text: SQLite has none", place, sum(_is_nan(v) for v in values))
        return ["NaN" if _is_nan(v) else v for v in values]
    return list((storage(column) if kind == "BLOB" else column_texts(column)).to_pylist())


def _is_nan(value: object) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _check(connection: sqlite3.Connection, tables: Sequence[TableMaterial]) -> None:
    checks: tuple[tuple[str, Callable[[list[Any]], bool]], ...] = (
        ("PRAGMA integrity_check", lambda rows: rows == [("ok",)]),
        ("PRAGMA foreign_key_check", lambda rows: not rows),
    )
    for sql, holds in checks:
        if not holds(connection.execute(sql).fetchall()):
            raise FormatError(f"{sql} failed on the file just written", place=FILE)
    for table in tables:
        found = connection.execute(f"SELECT count(*) FROM {quote(table.name)}").fetchone()
        if found != (table.rows,):
            raise FormatError("rows were lost on the way", place=f"{FILE}: {table.name}")


FORM = Form(
    name="sqlite",
    title="One SQLite file",
    write=_write,
    tables=True,
    cannot_hold=(
        "Decimals and money are TEXT with all their places, for SQLite's own are doubles. They sort as text.",
        "The sqlite3 program adds them exactly with decimal_sum(column).",
        "Dates are TEXT (2024-01-31), instants TEXT in UTC (2024-01-31T10:00:00Z), booleans 0 and 1.",
        "Durations are a number of microseconds.",
        "UUIDs, JSON and unsigned 64-bit numbers are TEXT; NaN is the text NaN.",
        "The types that columns had and what they mean are in the table _columns.",
        "Documents and values longer than 1 MiB are not in it: <column>__file names them. Documents: --to files.",
    ),
)
