"""One table in two archives: what changed, and the changed rows as a Parquet file.

The file has a column ``_change`` (``insert``, ``update_before``, ``update_after``, ``delete``) and the table's columns;
an update is two adjacent rows. It is written only when there is a change. Row groups that both sides hold byte for byte
are not decoded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from portability.comparing.groups import TableFile, differing_groups
from portability.comparing.merging import ChangedWindow, NotInOrderError, changed_windows
from portability.comparing.multiset import surplus_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from portability.limits import Limits

__all__ = ["TableDiff", "TablePair", "compare_tables"]

CHANGE = "_change"


@dataclass(frozen=True, kw_only=True)
class TablePair:
    """A table's two files (None where an archive has none) and the columns that tell its rows apart."""

    layer: str
    name: str
    before: Path | None
    after: Path | None
    key: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TableDiff:
    """What changed in one table.

    ``columns`` counts, for each column, the updated rows in which it differs. ``status`` is ``both``, ``added`` or
    ``dropped``. ``groups_read`` of ``groups`` row groups (both sides) were decoded. ``file`` names the changed rows.
    """

    layer: str
    table: str
    status: str
    key: tuple[str, ...]
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    columns: dict[str, int] = field(default_factory=dict)
    added_columns: tuple[str, ...] = ()
    dropped_columns: tuple[str, ...] = ()
    changed_types: dict[str, tuple[str, str]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    groups: int = 0
    groups_read: int = 0
    file: str | None = None

    @property
    def changed(self) -> bool:
        """Whether rows or columns differ."""
        shape = self.status != "both" or self.added_columns or self.dropped_columns or self.changed_types
        return bool(self.inserted or self.updated or self.deleted or shape)


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """How two schemas relate: what is compared, and what the file of changed rows looks like."""

    compared: tuple[str, ...]
    added: tuple[str, ...]
    dropped: tuple[str, ...]
    retyped: dict[str, tuple[str, str]]
    changes: pa.Schema


def compare_tables(pair: TablePair, destination: Path | None, limits: Limits) -> TableDiff:
    """Compare a table, and write its changed rows to ``destination`` unless that is None.

    Raises:
        FormatError: A file cannot be read.
    """
    before, after = (TableFile.open(path, limits) if path else None for path in (pair.before, pair.after))
    shape = _shape(before, after)
    groups = differing_groups(before, after, shape.compared, limits)
    tally = _Tally(shape, destination)
    notes: tuple[str, ...] = ()
    key = pair.key if set(pair.key) <= {*shape.compared} else ()
    try:
        with tally:
            _merge(before, after, groups, key, tally) if key else _count(before, after, groups, tally, limits)
    except NotInOrderError:
        notes = ("its rows are not told apart by its key in this order; they were compared as whole rows",)
        tally = _Tally(shape, destination)
        with tally:
            _count(before, after, groups, tally, limits)
    return TableDiff(
        layer=pair.layer,
        table=pair.name,
        status="added" if before is None else "dropped" if after is None else "both",
        key=key if not notes else (),
        inserted=tally.counts["insert"],
        updated=tally.counts["update_after"],
        deleted=tally.counts["delete"],
        columns=dict(sorted(tally.columns.items())),
        added_columns=shape.added,
        dropped_columns=shape.dropped,
        changed_types=shape.retyped,
        notes=notes,
        groups=sum(file.groups for file in (before, after) if file),
        groups_read=len(groups[0]) + len(groups[1]),
        file=destination.name if destination is not None and tally.written else None,
    )


def _shape(before: TableFile | None, after: TableFile | None) -> _Shape:
    schemas = [file.schema for file in (before, after) if file is not None]
    old, new = schemas[0], schemas[-1]  # a table that is on one side only is compared with an empty one like it
    shared = [name for name in new.names if name in old.names]
    retyped = {
        name: (str(old.field(name).type), str(new.field(name).type))
        for name in shared
        if old.field(name).type != new.field(name).type
    }
    added = tuple(name for name in new.names if name not in old.names)
    dropped = tuple(name for name in old.names if name not in new.names)
    columns = [*new.names, *dropped]
    fields = []
    for name in columns:
        declared = new.field(name) if name in new.names else old.field(name)
        # A column whose type changed is written as text: neither type need hold the other's values.
        fields.append(pa.field(name, pa.string() if name in retyped else declared.type, metadata=declared.metadata))
    change = CHANGE
    while change in columns:
        change = f"_{change}"
    changes = pa.schema([pa.field(change, pa.string(), nullable=False), *fields])
    return _Shape(compared=tuple(shared), added=added, dropped=dropped, retyped=retyped, changes=changes)


def _merge(
    before: TableFile | None,
    after: TableFile | None,
    groups: tuple[list[int], list[int]],
    key: Sequence[str],
    tally: _Tally,
) -> None:
    empty = pa.schema([f for f in tally.shape.changes if f.name in tally.shape.compared])
    sides: list[tuple[Iterator[pa.Table], pa.Schema]] = [
        (file.tables(numbers), file.schema) if file else (iter(()), empty)
        for file, numbers in zip((before, after), groups, strict=True)
    ]
    others = [name for name in tally.shape.compared if name not in key]
    for window in changed_windows(sides[0], sides[1], key, others):
        tally.add_window(window)


def _count(
    before: TableFile | None,
    after: TableFile | None,
    groups: tuple[list[int], list[int]],
    tally: _Tally,
    limits: Limits,
) -> None:
    for side, rows in surplus_rows(((before, groups[0]), (after, groups[1])), tally.shape.compared, limits):
        tally.add_rows("insert" if side else "delete", rows)


class _Tally:
    """Counts changes and writes them; enter it, add, leave it. The file appears with the first change."""

    def __init__(self, shape: _Shape, destination: Path | None) -> None:
        self.shape = shape
        self.columns: dict[str, int] = {}
        self.counts = dict.fromkeys(("insert", "update_before", "update_after", "delete"), 0)
        self._destination = destination
        self._writer: pq.ParquetWriter | None = None
        self.written = False

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()
        if kind is not None and self.written and self._destination is not None:
            self._destination.unlink()

    def add_window(self, window: ChangedWindow) -> None:
        """Add a window's events in their order, an update as two rows."""
        for name, count in window.columns.items():
            self.columns[name] = self.columns.get(name, 0) + count
        left, right = window.events[:, 0], window.events[:, 1]
        updates = (left >= 0) & (right >= 0)
        self.counts["insert"] += int((left < 0).sum())
        self.counts["delete"] += int((right < 0).sum())
        for name in ("update_before", "update_after"):
            self.counts[name] += int(updates.sum())
        if self._destination is None:
            return
        # Rows of both sides in one table, the earlier side first; each event names one or two of them.
        old, new = left[left >= 0], right[right >= 0]
        rows = pa.concat_tables([self._rows(window.before, old), self._rows(window.after, new)])
        at_old, at_new = np.cumsum(left >= 0) - 1, len(old) + np.cumsum(right >= 0) - 1
        first = np.where(left >= 0, at_old, at_new)
        order = np.stack([first, at_new], axis=1)[np.stack([np.full(len(left), fill_value=True), updates], axis=1)]
        kinds = np.stack(
            [
                np.where(updates, "update_before", np.where(left < 0, "insert", "delete")),
                np.where(updates, "update_after", ""),
            ],
            axis=1,
        )[np.stack([np.full(len(left), fill_value=True), updates], axis=1)]
        self._write(rows.take(pa.array(order)), pa.array(kinds.tolist(), pa.string()))

    def add_rows(self, change: str, rows: pa.Table) -> None:
        """Add whole rows."""
        self.counts[change] += rows.num_rows
        if self._destination is not None:
            self._write(self._rows(rows, None), pa.repeat(change, rows.num_rows))

    def _rows(self, table: pa.Table, numbers: np.ndarray[tuple[int], np.dtype[np.int64]] | None) -> pa.Table:
        """Take rows and bring them into the shape of the file."""
        taken = table if numbers is None else table.take(pa.array(numbers))
        fields = list(self.shape.changes)[1:]
        columns = [
            pa.nulls(taken.num_rows, f.type)
            if f.name not in taken.schema.names
            else _cast(taken.column(f.name), f.type)
            for f in fields
        ]
        return pa.table(columns, schema=pa.schema(fields))

    def _write(self, rows: pa.Table, changes: pa.Array) -> None:
        if not rows.num_rows or self._destination is None:
            return
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._destination, self.shape.changes, compression="zstd", version="2.6")
            self.written = True
        self._writer.write_table(pa.table([changes, *rows.columns], schema=self.shape.changes))


def _cast(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if column.type == kind:
        return column
    try:
        return column.cast(kind)
    except pa.ArrowException:  # bytes that are no text, or a nested type
        return pa.chunked_array([pa.array([None if v is None else str(v) for v in column.to_pylist()], kind)])
