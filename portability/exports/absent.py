"""Columns that a scope left out, for maps that name them: they see null, of the type that the source declares.

No value is read: the source is asked what it would send of no row at all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from portability.exports.extract import parquet_schema
from portability.scoping import RowFilter
from portability.scoping.filters import Nothing

if TYPE_CHECKING:
    from pathlib import Path

    from portability.connectors.connector import Snapshot
    from portability.exports.extract import Omissions
    from portability.manifest import SourceSchema
    from portability.scoping import TableName

__all__ = ["write_absent"]


def write_absent(
    snapshot: Snapshot, source: SourceSchema, left: dict[TableName, dict[str, str]], omissions: Omissions, folder: Path
) -> dict[TableName, Path]:
    """Write an empty file with the left-out columns of each table, and return it by the table."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[TableName, Path] = {}
    for number, table in enumerate(source.tables):
        names = left.get((table.schema, table.name), {})
        if not names or table.excluded is not None:
            continue
        place = (table.schema, table.name)
        plan = snapshot.plan(
            table,
            excluded=frozenset(c.name for c in table.columns if c.name not in names),
            file_columns=omissions.documents.get(place, frozenset()) & set(names),
            rows=RowFilter(condition=Nothing(), tables=()),
        )
        files[place] = folder / f"{number}.parquet"
        pq.write_table(parquet_schema(plan).empty_table(), files[place])
    return files
