"""What goes to its row once the rows are there: exceptions that no line of text can hold, and values too long to hold.

Such exceptions are bytes that are text of the source's own encoding, and of no other. They are loaded into a temporary
table, with the keys of their rows, and go to their columns by one statement for each column. A table without a key gets
none back: nothing says which rows they are of.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa

from portability.archive import Archive, document_path
from portability.connectors import mysql_types
from portability.connectors.postgresql_types import PostgresqlTypes
from portability.errors import FormatError, TargetError
from portability.formats.ddl.dialect import PlannedColumn, PlannedTable
from portability.limits import Limits
from portability.restoring.ledger import Entry
from portability.restoring.planning import RestorePlan
from portability.restoring.values import TableRows
from portability.streams import iter_chunks
from portability.targets import Target

__all__ = ["put_back", "put_long_values"]

# Names that no column of the restored table has.
STAGING, _KEY, _RAW = "portability_exceptions", "portability_key", "portability_raw"
_KEY_BYTES_MAX = 700  # of an index in MariaDB, in bytes; longer keys are compared whole, only found more slowly


def put_back(target: Target, plan: RestorePlan, table: PlannedTable, rows: TableRows, limits: Limits) -> None:
    """Put back what ``rows`` left for later, and count it there; needs a transaction around it."""
    for name in rows.late:
        column = table.columns_of([name])[0]
        reasons: dict[str, int] = {}
        entries = _counted(rows.entries(name), reasons)
        if not table.table.order or name in table.table.order:
            for entry in entries:
                rows.outcomes[name].lose(entry, keys_max=limits.finding_examples)
            continue
        _stage(target, table, entries, limits)
        put = target.execute(_update(target, plan, table, column), place=f"{table.table.label}.{name}")
        temporary = "TEMPORARY " if target.dbms == "mariadb" else ""  # MariaDB: else it would end the transaction
        target.execute(f"DROP {temporary}TABLE {STAGING}")
        if put == sum(reasons.values()):
            rows.outcomes[name].put_back.update(reasons)


def put_long_values(
    target: Target, plan: RestorePlan, table: PlannedTable, rows: TableRows, archive: Archive, limits: Limits
) -> None:
    """Put values that are too long to be held into their rows; needs a transaction around it.

    Raises:
        TargetError: A key names no single row.
        FormatError: The archive lacks a value.
    """
    for value in rows.long_values:
        names = [plan.dialect.quote(column.name) for column in table.columns_of(table.table.order)]
        literals = [str(each) if isinstance(each, int) else target.text(str(each)) for each in value.key]
        condition = " AND ".join(f"{name} = {literal}" for name, literal in zip(names, literals, strict=True))
        place = document_path(value.sha256)
        try:
            with (archive.data / place).open("rb") as stream:
                chunks = iter_chunks(stream, chunk_bytes=limits.chunk_bytes)
                size, name = value.size_bytes, value.column.name
                found = target.put_value(table.name, name, condition, chunks, size=size, schema=table.schema)
        except OSError as error:
            raise FormatError("a long value is not in the archive", place=place) from error
        if found != 1:
            raise TargetError(f"a key names {found} rows", place=f"{table.table.label}.{value.column.source}")


def _counted(entries: Iterator[Entry], reasons: dict[str, int]) -> Iterator[Entry]:
    for entry in entries:
        reasons[entry.reason] = reasons.get(entry.reason, 0) + 1
        yield entry


def _stage(target: Target, table: PlannedTable, entries: Iterator[Entry], limits: Limits) -> None:
    keys = [f"{_KEY}{number}" for number in range(len(table.table.order))]
    if target.dbms == "postgresql":
        columns = ", ".join(f"{key} text" for key in keys)
        target.execute(f"CREATE TEMPORARY TABLE {STAGING} ({columns}, {_RAW} bytea)")
    else:
        columns = ", ".join(f"{key} longblob" for key in keys)
        target.execute(
            f"CREATE TEMPORARY TABLE {STAGING} ({columns}, {_RAW} longblob, KEY ({keys[0]}({_KEY_BYTES_MAX})))"
        )
    kind = pa.string() if target.dbms == "postgresql" else pa.binary()
    target.load(STAGING, [*keys, _RAW], _batches(keys, kind, entries, limits))
    if target.dbms == "postgresql":
        target.execute(f"ANALYZE {STAGING}")


def _batches(keys: list[str], kind: pa.DataType, entries: Iterator[Entry], limits: Limits) -> Iterator[pa.RecordBatch]:
    schema = pa.schema([*(pa.field(key, kind) for key in keys), pa.field(_RAW, pa.binary())])
    held: list[Entry] = []
    size = 0
    for entry in entries:
        held.append(entry)
        size += len(entry.raw)
        if size >= limits.restored_batch_bytes_max or len(held) >= limits.batch_rows:
            yield _batch(held, schema)
            held, size = [], 0
    if held:
        yield _batch(held, schema)


def _batch(entries: list[Entry], schema: pa.Schema) -> pa.RecordBatch:
    texts = list(zip(*(json.loads(entry.row_key) for entry in entries), strict=True))
    if pa.types.is_binary(schema.field(0).type):
        texts = [tuple(None if each is None else each.encode() for each in column) for column in texts]
    columns = [*map(list, texts), [entry.raw for entry in entries]]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def _update(target: Target, plan: RestorePlan, table: PlannedTable, column: PlannedColumn) -> str:
    """Return the statement; keys are compared as the connector wrote them into the ledger."""
    relation, name = plan.dialect.relation(table), plan.dialect.quote(column.name)
    declared = {each.name: each for each in table.table.columns}
    keys = list(zip(table.columns_of(table.table.order), table.table.order, strict=True))
    if target.dbms == "postgresql":
        types = PostgresqlTypes(encoding="UTF8", money_scale=2, inline_bytes=0)
        same = " AND ".join(
            f"{types.printed(replace(declared[source], name=planned.name))} = s.{_KEY}{at}"
            for at, (planned, source) in enumerate(keys)
        )
        return (
            f"UPDATE {relation} AS t SET {name} = convert_from(s.{_RAW}, 'SQL_ASCII') FROM {STAGING} AS s WHERE {same}"
        )
    same = " AND ".join(
        f"s.{_KEY}{at} = CAST({mysql_types.raw_text(replace(declared[source], name=planned.name))} AS BINARY)"
        for at, (planned, source) in enumerate(keys)
    )
    return f"UPDATE {relation} AS t JOIN {STAGING} AS s ON {same} SET t.{name} = s.{_RAW}"
