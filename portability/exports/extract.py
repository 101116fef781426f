"""The source layer: each table read once into Parquet, long values and documents moved to files, exceptions kept.

A table is finished when its Parquet file is whole, its totals recomputed from that file equal the source's own, and the
journal says so. Where the source has a second session, its own totals are made while the table is read; and where there
is another table, what was written is checked while that one is read.
"""

from __future__ import annotations

import json
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import TYPE_CHECKING

import pyarrow as pa

from portability.archive import table_file
from portability.connectors.connector import require_rows, size_column
from portability.errors import ConnectorError, SourceDataError, SourceUnavailableError
from portability.exports.document_store import DocumentStore
from portability.exports.journal import TableDone
from portability.exports.values import FILE_TYPE, ValueStore
from portability.formats.parquet import write_parquet
from portability.formats.totals import difference, recompute_totals
from portability.manifest import ControlTotals
from portability.streams import digest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import duckdb

    from portability.connectors.connector import Snapshot, SourceException, TablePlan
    from portability.connectors.measuring import Measuring
    from portability.exports.journal import Journal
    from portability.formats.parquet import WrittenTable
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
    tables = list(_with_files(source.tables))
    done: list[TableDone] = []
    resumed = 0
    # What was written is checked while the next table is read: one table is held back, never more.
    with ThreadPoolExecutor(1, thread_name_prefix="finishing") as finisher:
        finishing: Future[TableDone] | None = None
        for table in tables:
            if table.excluded is not None:
                continue
            entry = workshop.journal.is_whole(table.label, workshop.data)
            if entry is None:
                workshop.progress(f"source: {table.label}")
                written = _write(snapshot, table, omissions, workshop)
                done += [finishing.result()] if finishing else []
                finishing = finisher.submit(_finish, written, workshop)
            else:
                done += [finishing.result()] if finishing else []
                finishing = None
                done.append(entry)
                resumed += 1
        done += [finishing.result()] if finishing else []
    finished = {(entry.table.schema, entry.table.name): entry.table for entry in done}
    return Extraction(
        source=source.with_tables(tuple(finished.get((table.schema, table.name), table) for table in tables)),
        totals=ControlTotals(tables=tuple(entry.totals for entry in done)),
        exceptions=sum(e.exceptions for e in done),
        resumed_tables=resumed,
    )


def _with_files(tables: Sequence[Table]) -> Iterator[Table]:
    taken: set[str] = set()
    for table in tables:
        yield table if table.excluded is not None else replace(table, file=table_file(table.schema, table.name, taken))


@dataclass(frozen=True, kw_only=True)
class _Written:
    """A table's file, whole but not yet compared with the source; ``table`` is as planned."""

    table: Table
    plan: TablePlan
    path: Path
    treated: _Treatment
    exceptions: int


def _write(snapshot: Snapshot, table: Table, omissions: Omissions, workshop: Workshop) -> _Written:
    """Read a table into its file; again, when a session was lost and the snapshot was not."""
    for _ in range(1, workshop.limits.source_attempts_max):
        try:
            return _write_once(snapshot, table, omissions, workshop)
        except SourceUnavailableError:
            if not snapshot.revive():
                raise
            workshop.progress(f"source: {table.label}, again: a connection was lost, the snapshot was not")
    return _write_once(snapshot, table, omissions, workshop)


def _write_once(snapshot: Snapshot, table: Table, omissions: Omissions, workshop: Workshop) -> _Written:
    place = (table.schema, table.name)
    excluded = omissions.columns.get(place, frozenset())
    documents = omissions.documents.get(place, frozenset())
    rows = omissions.rows.get(place)
    measuring = snapshot.presume(table, excluded=excluded, file_columns=documents, rows=rows)
    if measuring is None:
        plan, stands = snapshot.plan(table, excluded=excluded, file_columns=documents, rows=rows), False
    else:
        plan, stands = _write_presumed(snapshot, table, measuring, workshop)
    if not stands:
        _write_rows(snapshot.read(plan), snapshot, table, plan, workshop)
    # The connector keeps what it was told about the column; why it was left out is ours.
    columns = tuple(replace(c, reason=old.reason) for c, old in zip(plan.table.columns, table.columns, strict=True))
    treated = _Treatment(plan, workshop.redaction)
    path = workshop.data / table.file
    exceptions = _write_exceptions(snapshot, plan, workshop.work / "exceptions" / path.name, workshop.limits, treated)
    pa.default_memory_pool().release_unused()  # one wide table must not cost the next ones
    planned = replace(plan.table, columns=columns, file=table.file)
    return _Written(table=planned, plan=plan, path=path, treated=treated, exceptions=exceptions)


def _write_presumed(
    snapshot: Snapshot, table: Table, measuring: Measuring, workshop: Workshop
) -> tuple[TablePlan, bool]:
    """Write a table while it is measured; return the measured plan, and whether the file is what that would make."""
    with measuring:
        rows = -1
        # A number that is no number, asked for as an integer, ends the reading; what is wrong for good ends the next.
        with suppress(ConnectorError), closing(snapshot.read(measuring.plan)) as batches:
            unrefuted = takewhile(lambda _: not measuring.is_refuted(), batches)
            rows = _write_rows(unrefuted, snapshot, table, measuring.plan, workshop).rows
        plan = measuring.settle()
        if rows < 0 or not measuring.holds():
            workshop.progress(f"source: {table.label}, again: some values are not what their declaration lets expect")
            return plan, False
        require_rows(plan, rows)
    return plan, True


def _write_rows(
    batches: Iterator[pa.RecordBatch], snapshot: Snapshot, table: Table, plan: TablePlan, workshop: Workshop
) -> WrittenTable:
    store = ValueStore(snapshot, plan, DocumentStore(workshop.data, workshop.limits))
    treated = _Treatment(plan, workshop.redaction)
    path = workshop.data / table.file
    path.unlink(missing_ok=True)
    schema = parquet_schema(plan)
    settled = (store.settle(treated.batch(batch), schema) for batch in batches)
    return write_parquet(path, schema, settled, key=plan.table.order, limits=workshop.limits)


def _finish(written: _Written, workshop: Workshop) -> TableDone:
    """Compare a table's file with the source's totals, and put it into the journal."""
    plan, table, treated = written.plan, written.table, written.treated
    excepted = {c.name: 0 if c.name in treated.columns else c.excepted for c in plan.totals.columns}
    found = recompute_totals(workshop.engine, written.path, table, excepted=excepted)
    claimed = treated.totals(plan.totals, found)
    wrong = difference(claimed, found)
    if wrong or written.exceptions != sum(excepted.values()):
        raise _totals_differ(table, wrong)
    sha256 = digest_file(written.path).sha256
    entry = TableDone(table=table, totals=claimed, sha256=sha256, exceptions=written.exceptions)
    workshop.journal.add(entry)
    return entry


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


def _write_exceptions(snapshot: Snapshot, plan: TablePlan, path: Path, limits: Limits, treated: _Treatment) -> int:
    path.unlink(missing_ok=True)
    if not any(column.excepted for column in plan.totals.columns):
        return 0
    table = plan.table

    def batches() -> Iterator[pa.RecordBatch]:
        pending, size = [], 0
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
            size += len(found.raw)
            if len(pending) == limits.batch_rows or size >= limits.row_group_bytes_max:
                yield pa.RecordBatch.from_pylist(pending, schema=EXCEPTIONS_SCHEMA)
                pending, size = [], 0
        if pending:
            yield pa.RecordBatch.from_pylist(pending, schema=EXCEPTIONS_SCHEMA)

    return write_parquet(path, EXCEPTIONS_SCHEMA, batches(), key=("row_key",), limits=limits).rows
