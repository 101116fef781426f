"""Folders of Parquet files as a source: each file, and each folder of parts, a table, with the Arrow types it has.

Rows come from Arrow's reader in the order in which they lie, parts in the order of their names; the control totals
come from DuckDB's reader of the same files. Files are hashed when the snapshot opens and again when a table has been
read. A type that an archive has no description for travels as JSON text, which is said aloud.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from portability.connectors.connector import Connector, Snapshot, TablePlan, size_column
from portability.connectors.files_folder import changed, find_folder, identity_of, list_files
from portability.connectors.parquet_totals import totals_sql
from portability.duck import beside_another, open_engine, text_literal
from portability.errors import ConnectorError, PortabilityError, SourceDataError
from portability.manifest import Column, ColumnTotals, SnapshotRecord, SourceSchema, Table, TableTotals
from portability.staging import open_staging

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.connectors.connector import SourceException
    from portability.limits import Limits
    from portability.scoping.filters import RowFilter

__all__ = ["ParquetConnector"]

SCHEMA = "files"
_CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Parts:
    """One table: its files in their order, each with the hash that it must keep."""

    name: str
    paths: tuple[Path, ...]
    hashes: tuple[str, ...]
    schema: pa.Schema


class ParquetConnector(Connector):
    """``parquet:///folder``, or one file of it."""

    schemes = ("parquet",)

    @contextmanager
    def snapshot(self) -> Iterator[ParquetSnapshot]:
        """Hash every file and read its footer."""
        self.url.check_options(set())
        folder, only = find_folder(self.url)
        tables, notes = _tables(folder, only)
        with ExitStack() as stack:
            place = stack.enter_context(open_staging(Path(tempfile.gettempdir()))).path
            engine = stack.enter_context(
                open_engine(beside_another(self.limits), scratch=place, folders=[place, folder])
            )
            yield ParquetSnapshot(tables, notes, engine, self.limits)


class ParquetSnapshot(Snapshot):
    """The files as they were when it opened."""

    def __init__(
        self, tables: Sequence[Parts], notes: Sequence[str], engine: duckdb.DuckDBPyConnection, limits: Limits
    ) -> None:
        self.limits = limits
        self._engine = engine
        self._tables = {each.name: each for each in tables}
        self._notes = (*notes, *(note for each in tables for note in _said(each)))
        said = " ".join(self._notes) or None
        method = "each file hashed when the export began and again when it was read"
        self.record = SnapshotRecord(method=method, level="window", note=said and said[:2000])
        pairs = [(path.name, digest) for each in tables for path, digest in zip(each.paths, each.hashes, strict=True)]
        self.identity = identity_of(pairs)

    def _discover(self) -> SourceSchema:
        return SourceSchema(
            dbms="parquet",
            dbms_version="",
            default_schema=SCHEMA,
            tables=tuple(_described(each) for each in self._tables.values()),
            snapshot=self.record,
            notes=self._notes,
        )

    def _parts(self, table: Table) -> Parts:
        try:
            return self._tables[table.name]
        except KeyError:
            raise ConnectorError("there is no such table", place=table.label) from None

    def _plan(
        self,
        table: Table,
        *,
        excluded: frozenset[str],
        file_columns: frozenset[str],
        rows: RowFilter | None = None,
    ) -> TablePlan:
        parts = self._parts(table)
        if rows is not None:
            hint = "Export the whole folder, or load it into a database and export that."
            raise ConnectorError("this connector cannot keep a scope", place=table.label, hint=hint)
        fields = [field for field in parts.schema if field.name not in excluded]
        totals, longest = self._measured(table, parts, fields)
        wide = {name for name, size in longest.items() if size > self.limits.inline_value_bytes}
        if wrong := file_columns - longest.keys() - excluded:
            place = f"{table.label}.{min(wrong)}"
            raise ConnectorError("only text and bytes can be carried as files", place=place, hint="Mend the profile.")
        as_files = [field.name for field in fields if field.name in wide | file_columns]
        schema = pa.schema([made for field in fields for made in _transport(field, as_files)])
        columns = tuple(
            replace(column, carried="excluded", arrow_type="")
            if column.name in excluded
            else replace(column, carried="file" if column.name in as_files else "value")
            for column in table.columns
        )
        planned = replace(table, columns=columns, row_count=totals.rows, order=())
        return TablePlan(table=planned, schema=schema, totals=totals, file_columns=tuple(as_files), detail=file_columns)

    def _measured(self, table: Table, parts: Parts, fields: Sequence[pa.Field]) -> tuple[TableTotals, dict[str, int]]:
        """Ask DuckDB for every figure, and for the longest value of each column of text or bytes."""
        wanted = [
            (field.name, *each)
            for field in fields
            for each in totals_sql(_carried(field.type), f"c{parts.schema.get_field_index(field.name)}", field.type)
        ]
        select = ", ".join(["count(*)", *(sql for _, _, sql, _ in wanted)])
        (row,) = self._rows(f"SELECT {select} FROM {_scan(parts)}")
        found: dict[str, dict[str, Any]] = {field.name: {} for field in fields}
        for (name, figure, _, render), value in zip(wanted, row[1:], strict=True):
            found[name][figure] = None if value is None else render(value)
        longest = {name: figures.pop("longest") or 0 for name, figures in found.items() if "longest" in figures}
        for field in fields:
            if _carried(field.type) != field.type:
                found[field.name]["size_bytes"] = self._text_bytes(parts, field.name)
        columns = tuple(ColumnTotals(name=name, **figures) for name, figures in found.items())
        return TableTotals(schema=table.schema, name=table.name, rows=int(row[0]), columns=columns), longest

    def _text_bytes(self, parts: Parts, name: str) -> int:
        """Measure the JSON text that is carried in place of a column; only its count is DuckDB's."""
        size = 0
        for path in parts.paths:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(self.limits.batch_rows, columns=[name]):
                    size += pc.sum(pc.binary_length(_converted(batch.column(0)).storage)).as_py() or 0
        return size

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        with self._engine.cursor() as cursor:
            return cursor.execute(sql).fetchall()

    def _count(self, table: Table, rows: RowFilter | None = None) -> int:  # noqa: ARG002 -- refused by _plan
        return sum(pq.read_metadata(path).num_rows for path in self._parts(table).paths)

    def _read(self, plan: TablePlan) -> Iterator[pa.RecordBatch]:
        parts = self._parts(plan.table)
        carried = [column.name for column in plan.table.columns if column.carried != "excluded"]
        for path in parts.paths:
            with pq.ParquetFile(path, pre_buffer=False) as file:
                for batch in file.iter_batches(self.limits.batch_rows, columns=carried):
                    yield self._settled(batch, plan)
        for path, digest in zip(parts.paths, parts.hashes, strict=True):
            if _hash(path) != digest:
                raise changed(path.name)

    def _settled(self, batch: pa.RecordBatch, plan: TablePlan) -> pa.RecordBatch:
        columns = {}
        for name in batch.schema.names:
            column = batch.column(name)
            columns[name] = _converted(column)
            if name in plan.file_columns:
                length = pc.binary_length(column).cast(pa.int64())
                floor = 0 if name in plan.detail else self.limits.inline_value_bytes
                columns[size_column(name)] = pc.if_else(pc.greater(length, floor), length, pa.scalar(None, pa.int64()))
        return pa.RecordBatch.from_arrays([columns[field.name] for field in plan.schema], schema=plan.schema)

    def _exceptions(self, plan: TablePlan) -> Iterator[SourceException]:  # noqa: ARG002
        return iter(())  # Parquet's types are Arrow's own

    def _read_value(self, plan: TablePlan, column: str, key: Sequence[Any]) -> Iterator[bytes]:  # noqa: ARG002
        raise ConnectorError("its values travel with their rows", place=f"{plan.table.label}.{column}")

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        if isinstance(error, duckdb.Error | pa.ArrowException):
            return _unreadable(place, error)
        return ConnectorError(f"cannot be read: {error.strerror}", place=place) if isinstance(error, OSError) else None


# -- what is there ----------------------------------------------------------------------------------------------------


def _tables(folder: Path, only: tuple[str, ...]) -> tuple[list[Parts], list[str]]:
    found: list[Parts] = []
    others = []
    for name in list_files(folder, only, folder.name):
        path = folder / name
        if path.is_dir():
            inner = [path / each for each in list_files(path, (), name) if each.endswith(".parquet")]
        else:
            inner = [path] if name.endswith(".parquet") else []
        if inner:
            found.append(_opened(name.removesuffix(".parquet"), inner))
        else:
            others.append(name)
    if len({each.name for each in found}) != len(found):
        raise ConnectorError("a file and a folder would be one table", place=folder.name, hint="Rename one of them.")
    if not found:
        raise ConnectorError("no .parquet file is in this folder", place=folder.name)
    return found, [f"not read, for they are no Parquet files: {', '.join(others[:10])}"] if others else []


def _opened(name: str, paths: list[Path]) -> Parts:
    schemas = []
    for path in paths:
        if not path.is_file():
            raise ConnectorError("is no file", place=f"{name}: {path.name}", hint="Only plain files are read.")
        try:
            schemas.append(pq.read_schema(path).remove_metadata())
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(path.name, error) from error
    for path, schema in zip(paths, schemas, strict=True):
        if not schema.equals(schemas[0]):
            hint = "Parts of one table must have the same columns and types, in the same order."
            words = f"its columns are not those of {paths[0].name}"
            raise ConnectorError(words, place=f"{name}: {path.name}", hint=hint)
    if len(set(schemas[0].names)) != len(schemas[0].names):
        raise ConnectorError("two columns have the same name", place=paths[0].name)
    fields = [field.remove_metadata() for field in schemas[0]]
    return Parts(name=name, paths=tuple(paths), hashes=tuple(_hash(path) for path in paths), schema=pa.schema(fields))


def _unreadable(place: str, error: Exception) -> SourceDataError:
    hint = "Is it whole? Ask for the file again, with its hash."
    return SourceDataError(f"cannot be read as Parquet: {type(error).__name__}", place=place, hint=hint)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _scan(parts: Parts) -> str:
    files = ", ".join(text_literal(str(path.resolve())) for path in parts.paths)
    names = ", ".join(f"c{number}" for number in range(len(parts.schema)))
    return f"read_parquet([{files}], hive_partitioning=false, union_by_name=false) AS t({names})"


def _described(parts: Parts) -> Table:
    columns = tuple(
        Column(
            name=field.name,
            position=number,
            native_type=str(field.type),
            nullable=field.nullable,
            arrow_type=str(_carried(field.type)),
        )
        for number, field in enumerate(parts.schema, start=1)
    )
    files = {f"file {number}": path.name for number, path in enumerate(parts.paths, start=1)}
    return Table(schema=SCHEMA, name=parts.name, columns=columns, attributes=files)


def _said(parts: Parts) -> list[str]:
    return [
        f"{parts.name}.{field.name}: {field.type} has no form in an archive and is carried as {_in_words(field.type)}"
        for field in parts.schema
        if _carried(field.type) != field.type
    ]


def _in_words(kind: pa.DataType) -> str:
    carried = str(_carried(kind))
    return "JSON text" if "arrow.json" in carried else carried


# -- types ------------------------------------------------------------------------------------------------------------

_KEPT = (
    pa.types.is_boolean,
    pa.types.is_integer,
    pa.types.is_decimal128,
    pa.types.is_float32,
    pa.types.is_float64,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_fixed_size_binary,
    pa.types.is_date32,
    pa.types.is_timestamp,
    pa.types.is_time,
    pa.types.is_duration,
    lambda kind: isinstance(kind, pa.UuidType | pa.JsonType),
    lambda kind: pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type),
)


def _carried(kind: pa.DataType) -> pa.DataType:
    """The type in the archive: the same, or JSON text for what is nested or has no form in a database."""
    return kind if any(holds(kind) for holds in _KEPT) else pa.json_()


def _transport(field: pa.Field, as_files: Sequence[str]) -> list[pa.Field]:
    length = [pa.field(size_column(field.name), pa.int64())] if field.name in as_files else []
    return [pa.field(field.name, _carried(field.type)), *length]


def _converted(column: pa.Array) -> pa.Array:
    if _carried(column.type) == column.type:
        return column
    texts = [
        None if value is None else json.dumps(value, ensure_ascii=False, default=str) for value in column.to_pylist()
    ]
    return pa.ExtensionArray.from_storage(pa.json_(), pa.array(texts, pa.string()))
