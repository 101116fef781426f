"""A scope's entities and fields, over entities that are mapped and judged but not written yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portability.duck import quote, text_literal

if TYPE_CHECKING:
    import duckdb

    from portability.mapping.engine import Mapped
    from portability.model import Model
    from portability.scoping.restricting import Kept

__all__ = ["restrict_mapped"]

_FILES = "file_object"  # the files that are in the archive, whatever else is


def restrict_mapped(connection: duckdb.DuckDBPyConnection, mapped: Mapped, model: Model, kept: Kept) -> Mapped:
    """Return what is to be written; empty the fields that the scope does not keep, in their extras too."""
    for name, fields in kept.fields.items():
        if name in mapped.rows:
            _empty(connection, name, [f.name for f in model.entity(name).fields if f.name not in fields])
    if kept.entities is None:
        return mapped
    names = {*kept.entities, _FILES}
    return replace(
        mapped,
        rows={name: count for name, count in mapped.rows.items() if name in names},
        quarantined={name: count for name, count in mapped.quarantined.items() if name in names},
        findings=[finding for finding in mapped.findings if finding.place.split(".")[0] in names],
    )


def _empty(connection: duckdb.DuckDBPyConnection, entity: str, fields: list[str]) -> None:
    if not fields:
        return
    emptied = ", ".join(f"{quote(name)} = NULL" for name in fields)
    connection.execute(f"UPDATE mapped.{quote(entity)} SET {emptied}")
    gone = ", ".join(text_literal(name) for name in fields)
    # What a reference said must not come back in the extras of its row.
    connection.execute(f"DELETE FROM mapped.unresolved WHERE entity = {text_literal(entity)} AND field IN ({gone})")
