"""The source layer: each table read once into Parquet, long values and documents moved to files, exceptions kept.

A table is finished when its Parquet file is whole, its totals recomputed from that file equal the source's own, and the
journal says so.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from portability.archive import table_file
from portability.connectors.connector import size_column
from portability.errors import ConnectorError, SourceDataError
from portability.exports.documents import DocumentStore
from portability.exports.journal import TableDone
from portability.formats.parquet import write_parquet
from portability.formats.totals import difference, recompute_totals
from portability.manifest import ControlTotals
from portability.streams import digest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import duckdb

    from portability.connectors.connector import Snapshot, SourceException, TablePlan
    from portability.exports.journal import Journal
    from portability.limits import Limits
    from portability.manifest import SourceSchema, Table, TableTotals
    from portability.scoping import RowFilter
    from portability.scoping.redaction import RedactionPlan

__all__ = ["EXCEPTIONS_SCHEMA", "Extraction", "Omissions", "Workshop", "extract_tables", "parquet_schema"]

EXCEPTIONS_SCHEMA = pa.schema(
    [
        pa.field("table_schema", pa.string(), nullable=False),
        pa.field("table_name", pa.string(), nullable=False),
        pa.field("column_name", pa.string(), nullable=False),
        pa.field("row_key", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),
        pa.field("native_type", pa.string(), nullable=False),
    ]
)
FILE_TYPE = pa.struct([pa.field("sha256", pa.string()), pa.field("size_bytes", pa.int64())])


@dataclass(frozen=True, kw_only=True)
class Omissions:
    """What is not read, and which columns are documents: (schema, table) -> names.

    ``rows`` are the rows that a scope leaves of each table; without an entry all are read.
    """

    columns: dict[tuple[str, str], frozenset[str]]
    documents: dict[tuple[str, str], frozenset[str]]
    rows: dict[tuple[str, str], RowFilter] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """The source layer as written."""

    source: SourceSchema
    totals: ControlTotals
    exceptions: int
    resumed_tables: int


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Where tables are made and with what.

    ``data`` is the payload they go to, ``work`` a private folder for what does not become part of it; ``engine``
    recomputes totals from what was written; ``progress`` is told each step.
    """

    data: Path
    work: Path
    journal: Journal
    engine: duckdb.DuckDBPyConnection
    limits: Limits
    progress: Callable[[str], None]
    redaction: RedactionPlan | None = None


def extract_tables(snapshot: Snapshot, source: SourceSchema, omissions: Omissions, workshop: Workshop) -> Extraction:
    """Read every table that is not excluded, skipping those that the journal has whole."""
    (workshop.data / "source").mkdir(exist_ok=True)
    (workshop.work / "exceptions").mkdir(parents=True, exist_ok=True)
    tables: list[Table] = []
    done: list[TableDone] = []
    resumed = 0
    for table in _with_files(source.tables):
        if table.excluded is not None:
            tables.append(table)
            continue
        entry = workshop.journal.is_whole(table.label, workshop.data)
        if entry is None:
            workshop.progress(f"source: {table.label}")
            entry = _extract(snapshot, table, omissions, workshop)
            workshop.journal.add(entry)
            pa.default_memory_pool().release_unused()  # one wide table must not cost the next ones
        else:
            resumed += 1
        done.append(entry)
        tables.append(entry.table)
    return Extraction(
        source=source.with_tables(tuple(tables)),
        totals=ControlTotals(tables=tuple(entry.totals for entry in done)),
        exceptions=sum(e.exceptions for e in done),
        resumed_tables=resumed,
    )


def _with_files(tables: Sequence[Table]) -> Iterator[Table]:
    taken: set[str] = set()
    for table in tables:
        yield table if table.excluded is not None else replace(table, file=table_file(table.schema, table.name, taken))


def _extract(snapshot: Snapshot, table: Table, omissions: Omissions, workshop: Workshop) -> TableDone:
    place = (table.schema, table.name)
    plan = snapshot.plan(
        table,
        excluded=omissions.columns.get(place, frozenset()),
        file_columns=omissions.documents.get(place, frozenset()),
        rows=omissions.rows.get(place),
    )
    # The connector keeps what it was told about the column; why it was left out is ours.
    columns = tuple(replace(c, reason=old.reason) for c, old in zip(plan.table.columns, table.columns, strict=True))
    planned = replace(plan.table, columns=columns, file=table.file)
    store = _Store(snapshot, plan, DocumentStore(workshop.data, workshop.limits))
    path = workshop.data / table.file
    path.unlink(missing_ok=True)
    schema = parquet_schema(plan)
    treated = _Treatment(plan, workshop.redaction)
    batches = (store.settle(treated.batch(batch), schema) for batch in snapshot.read(plan))
    write_parquet(path, schema, batches, key=planned.order, limits=workshop.limits)
    exceptions = _write_exceptions(snapshot, plan, workshop.work / "exceptions" / path.name, workshop.limits, treated)
    excepted = {c.name: 0 if c.name in treated.columns else c.excepted for c in plan.totals.columns}
    found = recompute_totals(workshop.engine, path, planned, excepted=excepted)
    claimed = treated.totals(plan.totals, found)
    wrong = difference(claimed, found)
    if wrong or exceptions != sum(excepted.values()):
        raise _totals_differ(table, wrong)
    return TableDone(table=planned, totals=claimed, sha256=digest_file(path).sha256, exceptions=exceptions)


def _totals_differ(table: Table, wrong: Sequence[str]) -> SourceDataError:
    return SourceDataError(
        f"control totals of the source and of the archive differ in {', '.join(wrong) or 'the exceptions ledger'}",
        place=table.label,
        hint="Nothing was published. Report this with the column's type: the connector is wrong, or the source "
        "changed.",
    )


def parquet_schema(plan: TablePlan) -> pa.Schema:
    """Turn each length column of the batches' schema into a file reference, and note each field's native type."""
    fields = []
    lengths = {size_column(name): name for name in plan.file_columns}
    for each in plan.schema:
        if each.name in lengths:
            fields.append(pa.field(f"{lengths[each.name]}__file", FILE_TYPE))
            continue
        try:
            native = plan.table.column(each.name).native_type
        except KeyError:
            native = ""
        fields.append(each.with_metadata({"src.type": native}) if native else each)
    return pa.schema(fields)


class _Treatment:
    """What an order of redaction makes of one table; nothing without an order."""

    def __init__(self, plan: TablePlan, redaction: RedactionPlan | None) -> None:
        self._plan, self._redaction = plan, redaction
        self._transform = None if redaction is None else redaction.transform(plan.table, plan.schema)
        self.columns = frozenset[str]() if self._transform is None else self._transform.treated

    def batch(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch as it may be written."""
        return batch if self._transform is None else self._transform(batch)

    def exception(self, found: SourceException) -> SourceException | None:
        """Return an exception as it may be kept; None when its column is redacted."""
        if self._redaction is None or found.column not in self.columns:
            key = found.key if self._redaction is None else self._row_key(found.key)
            return replace(found, key=key)
        return None

    def _row_key(self, key: tuple[str | None, ...]) -> tuple[str | None, ...]:
        return key if self._redaction is None else self._redaction.row_key(self._plan.table, self._plan.schema, key)

    def totals(self, claimed: TableTotals, found: TableTotals) -> TableTotals:
        """Return the source's totals, with those of the archive for what is redacted, said to be so."""
        if self._redaction is None:
            return claimed
        return self._redaction.settled(self._plan.table, self._plan.schema, claimed, found)


class _Store:
    """Moves values that become files out of batches."""

    def __init__(self, snapshot: Snapshot, plan: TablePlan, documents: DocumentStore) -> None:
        self._snapshot = snapshot
        self._plan = plan
        self._documents = documents

    def settle(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        """Return the batch with file references in place of long values."""
        columns = {name: batch.column(name) for name in batch.schema.names}
        for name in self._plan.file_columns:
            sizes = columns.pop(size_column(name))
            columns[f"{name}__file"] = self._references(batch, name, sizes)
            # A value that became a file is null in its own column.
            columns[name] = pc.if_else(pc.is_null(sizes), columns[name], pa.scalar(None, columns[name].type))
        return pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)

    def _references(self, batch: pa.RecordBatch, name: str, sizes: pa.Array) -> pa.Array:
        values = batch.column(name)
        references: list[dict[str, object] | None] = []
        for row, size in enumerate(sizes.to_pylist()):
            if size is None:
                references.append(None)
                continue
            value = values[row].as_py()
            digest = self._documents.add([_as_bytes(value)] if value is not None else self._fetch(batch, name, row))
            if digest.size_bytes != size:
                raise ConnectorError(
                    f"a value of {size} bytes was read as {digest.size_bytes}", place=f"{self._plan.table.label}.{name}"
                )
            references.append({"sha256": digest.sha256, "size_bytes": size})
        return pa.array(references, FILE_TYPE)

    def _fetch(self, batch: pa.RecordBatch, name: str, row: int) -> Iterator[bytes]:
        key = [batch.column(column)[row].as_py() for column in self._plan.table.order]
        return self._snapshot.read_value(self._plan, name, key)


def _as_bytes(value: Any) -> bytes:  # noqa: ANN401 -- text or bytes, as the column is
    return value.encode("utf-8") if isinstance(value, str) else bytes(value)


def _write_exceptions(snapshot: Snapshot, plan: TablePlan, path: Path, limits: Limits, treated: _Treatment) -> int:
    path.unlink(missing_ok=True)
    if not any(column.excepted for column in plan.totals.columns):
        return 0
    table = plan.table

    def batches() -> Iterator[pa.RecordBatch]:
        pending = []
        for each in snapshot.exceptions(plan):
            found = treated.exception(each)
            if found is None:
                continue
            key = json.dumps(list(found.key), ensure_ascii=False, separators=(",", ":"))
            native = table.column(found.column).native_type
            pending.append(
                dict(
                    zip(
                        EXCEPTIONS_SCHEMA.names,
                        (table.schema, table.name, found.column, key, found.reason, found.raw, native),
                        strict=True,
                    )
                )
            )
            if len(pending) == limits.batch_rows:
                yield pa.RecordBatch.from_pylist(pending, schema=EXCEPTIONS_SCHEMA)
                pending.clear()
        if pending:
            yield pa.RecordBatch.from_pylist(pending, schema=EXCEPTIONS_SCHEMA)

    return write_parquet(path, EXCEPTIONS_SCHEMA, batches(), key=("row_key",), limits=limits).rows
