"""What diff says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.plurals import counted

if TYPE_CHECKING:
    from pathlib import Path

    from portability.comparing import ArchiveDiff, TableDiff
    from portability.output import Output

__all__ = ["comparison"]


def comparison(output: Output, found: ArchiveDiff, out: Path | None) -> None:
    """Tell what changed between two archives."""
    output.result(found.to_dict() | {"out": str(out) if out else None})
    for note in found.notes:
        output.line(f"note: {note}")
    if not found.changed:
        output.line(f"No difference in {counted(len(found.tables), 'table')}.")
        return
    changed = [table for table in found.tables if table.changed or table.notes]
    rows = [(t.layer, t.table, t.inserted, t.updated, t.deleted, _remarks(t)) for t in changed]
    output.table("", ["layer", "table", "inserted#", "updated#", "deleted#", "what changed"], rows)
    output.line("")
    output.line(
        f"{len(found.tables) - len(changed):,} of {counted(len(found.tables), 'table is', 'tables are')} the same."
    )
    if found.documents_added or found.documents_removed:
        output.line(f"Documents: {found.documents_added:,} new, {found.documents_removed:,} no longer there.")
    read, groups = sum(t.groups_read for t in found.tables), sum(t.groups for t in found.tables)
    output.line(f"Decoded {read:,} of {groups:,} row groups; the others are the same byte for byte.")
    if out is not None:
        output.line(f"The changed rows are in {out}")


def _remarks(table: TableDiff) -> str:
    shape = {"added": "new table", "dropped": "table no longer there", "both": ""}[table.status]
    columns = ", ".join(f"{name} {count:,}" for name, count in table.columns.items())
    parts = [
        shape,
        columns,
        f"new columns {', '.join(table.added_columns)}" if table.added_columns else "",
        f"columns no longer there {', '.join(table.dropped_columns)}" if table.dropped_columns else "",
        *(f"{name} was {old}, is {new}" for name, (old, new) in table.changed_types.items()),
        *table.notes,
    ]
    return "; ".join(part for part in parts if part)
