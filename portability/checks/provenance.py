"""The rule raw_row_exists: source_key names a table of the source layer, and the key of one of its rows.

A source_key is ``table/key``: ``schema.table`` outside the default schema, the values of a composite key joined by
``/``, and ``$profile/name`` for a row that the profile made without a source row. Table names are compared without
case, as the mapping SQL writes them.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from portability.checks.generated_rules import Violation
from portability.checks.keys import KeyColumns
from portability.checks.sampling import sample
from portability.duck import quote, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from portability.manifest import SourceSchema, Table
    from portability.model import Model

__all__ = ["untraced_rows"]

_MADE_BY_PROFILE = "$profile"


def untraced_rows(
    connection: duckdb.DuckDBPyConnection, model: Model, source: SourceSchema, data: Path, examples_max: int
) -> Iterator[Violation]:
    """Find rows of the canonical layer whose source_key leads to no table, or to no row of it.

    Raises:
        duckdb.Error: A file cannot be read.
    """
    _collect_links(connection, model)
    tables = _tables_by_label(source)
    labels = ", ".join(text_literal(label) for label in (*tables, _MADE_BY_PROFILE))
    found = sample(connection, f"SELECT id FROM source_links WHERE label NOT IN ({labels})", examples_max)
    yield Violation(place="source_key", count=found.count, examples=found.examples)
    named = connection.execute("SELECT DISTINCT label FROM source_links WHERE label IS NOT NULL ORDER BY 1").fetchall()
    for (label,) in named:
        table = tables.get(label)
        if table is not None:
            key = _key_text(table, data)
            if key:
                links = f"SELECT id FROM source_links AS l WHERE label = {text_literal(label)}"
                found = sample(connection, f"{links} AND NOT EXISTS ({key} = l.key)", examples_max)
                yield Violation(place=f"source_key {table.label}", count=found.count, examples=found.examples)


def _collect_links(connection: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Gather (id, label, key) of every row that says where it comes from."""
    parts = [
        f"SELECT {quote(entity.primary_key[0])} AS id, source_key FROM {quote(entity.name)}"
        for entity in model.entities
        if "source_key" in entity.field_names
    ]
    split = "lower(split_part(source_key, '/', 1)) AS label, substr(source_key, instr(source_key, '/') + 1) AS key"
    rows = f"SELECT id, {split} FROM ({' UNION ALL '.join(parts)}) WHERE contains(source_key, '/')"
    connection.execute(f"CREATE OR REPLACE TEMP TABLE source_links AS {rows}")


def _tables_by_label(source: SourceSchema) -> dict[str, Table | None]:
    """Map each table's name, as source_key writes it, to the table; to None when case alone tells two apart."""
    labels = [
        (table.name if table.schema == source.default_schema else table.label, table)
        for table in source.tables
        if table.excluded is None
    ]
    counts = Counter(label.lower() for label, _ in labels)
    return {label.lower(): table if counts[label.lower()] == 1 else None for label, table in labels}


def _key_text(table: Table, data: Path) -> str:
    """SQL of a table's rows up to a comparison with the text of its primary key; empty when the key has no text."""
    if table.primary_key is None:
        return ""
    path = data / table.file
    key = KeyColumns.of(table, pq.read_schema(path), table.primary_key.columns)
    if key is None or not key.is_plain or any(pa.types.is_binary(kind) for kind in key.types):
        return ""
    text = " || '/' || ".join(f"CAST(c{position} AS VARCHAR)" for position in key.values)
    return f"SELECT 1 FROM {key.scan(path, 'c')} WHERE {text}"
