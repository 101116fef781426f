"""Source layers for tests of the SQL scripts: every type, hostile names, and schemas that are only declared."""

# ruff: noqa: ANN401 -- values of any type are the subject

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portability.formats.ddl import write_ddl
from portability.manifest import Column, ForeignKey, Index, Key, SourceSchema, Table

Data: TypeAlias = dict[str, tuple[pa.DataType, str, list[Any]]]
"""Columns by name: Arrow type, native type, values."""

NASTY = "q\"uo'te, \\N back\\slash\ttab\r\nline\nNULL £ é 𝔘 \u202e end "
UTC = dt.UTC

# One column for each type that a connector writes: Arrow type, native type (PostgreSQL's), values of four rows.
TYPES: Data = {
    "id": (pa.int32(), "integer", [1, 2, 3, 4]),
    "i8": (pa.int8(), "tinyint", [-128, 127, 0, None]),
    "i16": (pa.int16(), "smallint", [-(2**15), 2**15 - 1, 0, None]),
    "i64": (pa.int64(), "bigint", [-(2**63), 2**63 - 1, 0, None]),
    "u8": (pa.uint8(), "tinyint unsigned", [0, 255, 1, None]),
    "u32": (pa.uint32(), "oid", [0, 2**32 - 1, 1, None]),
    "u64": (pa.uint64(), "bigint unsigned", [0, 2**64 - 1, 1, None]),
    "money": (pa.decimal128(19, 4), "numeric(19,4)", ["-0.0100", "999999999999999.9999", "0.0000", None]),
    "wide": (pa.decimal128(38, 10), "numeric(38,10)", ["-" + "9" * 28 + "." + "9" * 10, "0.0000000001", "1", None]),
    "single": (pa.float32(), "real", [0.1, -1.5e38, 16777216.0, None]),
    "double": (pa.float64(), "double precision", [0.1, 1e308, -5e-324, None]),
    "flag": (pa.bool_(), "boolean", [True, False, True, None]),
    "short": (pa.string(), "character varying(60)", [NASTY, "", "NULL", None]),
    "long": (pa.string(), "text", [NASTY * 400, "", "\\N", None]),
    "doc": (pa.json_(), "jsonb", ['{"a": 1.0}', "[]", '""', None]),
    "ref": (pa.uuid(), "uuid", [uuid.UUID(int=1), uuid.UUID(int=2**128 - 1), uuid.UUID(int=5), None]),
    "day": (pa.date32(), "date", [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29), None]),
    "stamp": (
        pa.timestamp("us"),
        "timestamp without time zone",
        [dt.datetime(1000, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999), dt.datetime(2024, 3, 31, 1, 30), None],  # noqa: DTZ001 -- naive on purpose
    ),
    "moment": (
        pa.timestamp("us", tz="UTC"),
        "timestamp with time zone",
        [dt.datetime(1970, 1, 1, tzinfo=UTC), dt.datetime(2024, 10, 27, 1, 30, 0, 1, UTC), None, None],
    ),
    "clock": (
        pa.time64("us"),
        "time without time zone",
        [dt.time(0), dt.time(23, 59, 59, 999999), dt.time(1, 2), None],
    ),
    "span": (pa.duration("us"), "time", [-1, 3_020_399_999_999, 0, None]),
    "raw": (pa.binary(), "bytea", [b"\x00\xff\"',\n\\", b"", b"\\x00", None]),
    "scan": (pa.binary(), "bytea", [None, b"", None, None]),
    "scan__file": (
        pa.struct([("sha256", pa.string()), ("size_bytes", pa.int64())]),
        "",
        [{"sha256": "ab" * 32, "size_bytes": 5}, None, None, None],
    ),
}
LINES: Data = {
    "id": (pa.int64(), "bigint", [10, 11]),
    "Type": (pa.int32(), "integer", [1, None]),
    "type": (pa.string(), "character varying(5)", ["a", "b"]),
}


def table_of(name: str, data: Data, **more: Any) -> Table:
    """Declare a source table for such data."""
    columns = tuple(
        Column(
            name=column,
            position=position,
            native_type=native,
            carried="file" if f"{column}__file" in data else "value",
        )
        for position, (column, (_, native, _)) in enumerate(data.items(), start=1)
        if not column.endswith("__file")
    )
    stem = "".join(c if c.isalnum() else "_" for c in name.lower())[:30]
    defaults: dict[str, Any] = {"primary_key": Key(name=None, columns=("id",))}
    return Table(schema="public", name=name, columns=columns, file=f"source/public.{stem}.parquet", **(defaults | more))


def arrow_table(data: Data) -> pa.Table:
    """Make the file's content."""
    arrays = []
    for kind, _, values in data.values():
        if pa.types.is_decimal(kind):
            values = [None if value is None else Decimal(value) for value in values]  # noqa: PLW2901
        arrays.append(pa.array(values, kind))
    return pa.Table.from_arrays(arrays, names=list(data))


class Practice:
    """A source layer on disk and the scripts made for it."""

    def __init__(self, root: Path, source: SourceSchema, contents: dict[str, pa.Table]) -> None:
        self.data = root / "archive" / "data"
        self.work = root / "work"
        (self.data / "source").mkdir(parents=True)
        (self.work / "csv").mkdir(parents=True)
        for path, content in contents.items():
            pq.write_table(content, self.data / path)
        self.source = source
        write_ddl(source, self.data / "sql")

    def script(self, dialect: str, name: str) -> Path:
        return self.data / "sql" / dialect / f"{name}.sql"

    def text(self, dialect: str, name: str) -> str:
        return self.script(dialect, name).read_text(encoding="utf-8")

    def write_csv(self, dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Run csv.sql as its head says."""
        monkeypatch.chdir(self.work)
        connection = duckdb.connect()
        connection.execute(f"SET file_search_path = '{self.data}'")
        connection.execute(self.text(dialect, "csv"))


TYPES_TABLE = table_of("types", TYPES, row_count=4)
LINES_TABLE = table_of(
    'Order "Lines"; DROP TABLE x --\n',
    LINES,
    foreign_keys=(
        ForeignKey(
            name="line_type",
            columns=("Type",),
            target_schema="public",
            target_table="types",
            target_columns=("id",),
            on_delete="SET NULL",
            on_update="CASCADE",
        ),
    ),
    unique_keys=(Key(name="line_key", columns=("Type", "type")),),
    indexes=(Index(name="line_type_index", columns=("type",)),),
)
SOURCE = SourceSchema(dbms="other", dbms_version="1", default_schema="public", tables=(LINES_TABLE, TYPES_TABLE))
CONTENTS = {LINES_TABLE.file: arrow_table(LINES), TYPES_TABLE.file: arrow_table(TYPES)}


def column(name: str) -> list[Any]:
    """Return the values of one column of the types table as Python has them."""
    return list(CONTENTS[TYPES_TABLE.file].column(name).to_pylist())


def scripts_of(
    source: SourceSchema, root: Path, arrow: dict[str, pa.Schema] | None = None, **more: Any
) -> Callable[..., str]:
    """Write the scripts of a schema whose columns are all integers, and return a reader of them."""
    schemas = arrow or {
        table.file: pa.schema([(each.name, pa.int32()) for each in table.columns if each.carried != "excluded"])
        for table in source.tables
        if table.file
    }
    write_ddl(source, root / "sql", schemas=schemas, **more)
    return lambda dialect, name: (root / "sql" / dialect / f"{name}.sql").read_text(encoding="utf-8")


def integers(name: str, *columns: str, **more: Any) -> Table:
    """Declare a table of integer columns."""
    declared = tuple(Column(name=each, position=n, native_type="integer") for n, each in enumerate(columns, start=1))
    return Table(
        **({"schema": "public", "name": name, "columns": declared, "file": f"source/public.{name}.parquet"} | more)
    )


def source_of(*tables: Table, dbms: str = "postgresql") -> SourceSchema:
    """Make a source of these tables."""
    return SourceSchema(dbms=dbms, dbms_version="15", default_schema="public", tables=tables)


def refers_to(target: str, column: str = "parent", **more: Any) -> tuple[ForeignKey, ...]:
    """Declare a reference to the id of a table."""
    return (
        ForeignKey(
            name="f", columns=(column,), target_schema="public", target_table=target, target_columns=("id",), **more
        ),
    )


def texts(name: str, count: int, native: str, **more: Any) -> tuple[Table, dict[str, pa.Schema]]:
    """Declare a table of text columns."""
    columns = tuple(Column(name=f"c{n}", position=n, native_type=native, nullable=n > 1) for n in range(1, count + 1))
    table = integers(name, columns=columns, **more)
    return table, {table.file: pa.schema([(each.name, pa.string()) for each in columns])}
