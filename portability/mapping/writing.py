"""Mapped rows to Parquet.

What fits goes to ``tables/``; what was rejected to ``quarantine/``, whole and with its reason.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from portability.duck import quote, text_literal
from portability.formats.parquet import write_parquet
from portability.mapping.judging import key_column, rejected_ids
from portability.model import arrow_schema
from portability.sorting import SortedQuery, iter_sorted, text_terms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from portability.limits import Limits
    from portability.mapping.engine import Mapped
    from portability.model import Entity, Field, Model

__all__ = ["write_entities"]


def write_entities(
    connection: duckdb.DuckDBPyConnection, mapped: Mapped, model: Model, data: Path, limits: Limits
) -> None:
    """Write ``tables/<entity>.parquet`` in id order, and ``quarantine/<entity>.parquet`` where rows were rejected."""
    lost: dict[str, set[str]] = {}
    for entity_name, field in connection.execute("SELECT DISTINCT entity, field FROM mapped.unresolved").fetchall():
        lost.setdefault(entity_name, set()).add(field)
    for name in mapped.rows:
        entity = model.entity(name)
        select = ", ".join(_written(entity, f, lost.get(name, set())) for f in entity.fields)
        order = ", ".join(quote(key) for key in entity.primary_key)
        kept = f"{key_column(entity)} IS NOT NULL AND {key_column(entity)} NOT IN ({rejected_ids(name)})"
        where = kept if mapped.quarantined[name] else ""
        query = SortedQuery(table=f"mapped.{quote(name)} AS m", select=select, where=where, order=order)
        rows = iter_sorted(connection, query, rows=limits.batch_rows, limits=limits)
        _write(rows, entity, arrow_schema(entity), data / "tables", limits)
        if mapped.quarantined[name]:
            _write_quarantine(connection, entity, data, limits)


def _written(entity: Entity, f: Field, lost: set[str]) -> str:
    """A field as written: references that do not resolve become null and move to extras."""
    column, rows = f"m.{quote(f.name)}", f"FROM mapped.unresolved AS u WHERE u.entity = {text_literal(entity.name)}"
    if f.name in lost:
        these = f"SELECT u.id {rows} AND u.field = {text_literal(f.name)}"
        return f"CASE WHEN m.id IN ({these}) THEN NULL ELSE {column} END AS {quote(f.name)}"
    if f.name == "extras" and lost:
        pairs = "map(list(u.field ORDER BY u.field), list(u.reference ORDER BY u.field))"
        texts = f"(SELECT to_json({pairs}) {rows} AND u.id = m.id)"
        patch = f"json_merge_patch(coalesce(CAST(m.extras AS JSON), '{{}}'), json_object('$unresolved', {texts}))"
        return f"CASE WHEN m.id IN (SELECT u.id {rows}) THEN CAST({patch} AS VARCHAR) ELSE m.extras END AS extras"
    return column


def _write_quarantine(connection: duckdb.DuckDBPyConnection, entity: Entity, data: Path, limits: Limits) -> None:
    fields = [f.with_nullable(nullable=True) for f in arrow_schema(entity)]
    schema = pa.schema([*fields, pa.field("reason", pa.string(), nullable=False)])
    columns = ", ".join(f"m.{quote(f.name)}" for f in entity.fields)
    reasons = (
        "SELECT id, string_agg(reason, ' ' ORDER BY reason) AS reason FROM mapped.rejected "
        f"WHERE entity = {text_literal(entity.name)} GROUP BY id"
    )
    # A row without an id is rejected under a null id: match nulls too.
    connection.execute(
        f"CREATE OR REPLACE TEMP TABLE quarantined AS SELECT {columns}, r.reason FROM mapped.{quote(entity.name)} AS m "
        f"JOIN ({reasons}) AS r ON m.{key_column(entity)} IS NOT DISTINCT FROM r.id"
    )
    order = ", ".join(text_terms(f"CAST({quote(f.name)} AS VARCHAR)") for f in schema)
    query = SortedQuery(table="quarantined", select=", ".join(quote(f.name) for f in schema), order=order)
    rows = iter_sorted(connection, query, rows=limits.batch_rows, limits=limits)
    _write(rows, entity, schema, data / "quarantine", limits)
    connection.execute("DROP TABLE quarantined")


def _write(rows: Iterator[pa.RecordBatch], entity: Entity, schema: pa.Schema, folder: Path, limits: Limits) -> None:
    folder.mkdir(exist_ok=True)
    batches = (_as_declared(batch, schema) for batch in rows)
    write_parquet(folder / f"{entity.name}.parquet", schema, batches, key=entity.primary_key, limits=limits)
    pa.default_memory_pool().release_unused()


def _as_declared(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    arrays = [array.cast(f.type) for array, f in zip(batch.columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
