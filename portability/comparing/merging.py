"""Two sorted row streams with a key: which rows were inserted, updated, deleted.

Both sides stand in key order, so they are read side by side, a window at a time: at most two row groups of each side
are in memory, whatever the tables hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portability.comparing.values import comparable, differing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["ChangedWindow", "NotInOrderError", "changed_windows"]

_Numbers = np.ndarray[tuple[int], np.dtype[np.int64]]


class NotInOrderError(Exception):
    """Rows are not in strict key order: the key does not tell them apart, or the file was written by another hand."""


@dataclass(frozen=True, kw_only=True)
class ChangedWindow:
    """What changed in one stretch of both tables, in key order.

    ``before`` and ``after`` are the stretch's rows. ``events`` has one row per change: the row's number in ``before``
    and in ``after``, -1 where it is not there. ``columns`` counts the updates that touched a column.
    """

    before: pa.Table
    after: pa.Table
    events: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    columns: dict[str, int] = field(default_factory=dict)


class _Side:
    """One table's rows, those not yet compared first. ``head`` holds them; its keys are checked to ascend."""

    def __init__(self, tables: Iterator[pa.Table], schema: pa.Schema, key: Sequence[str]) -> None:
        self._tables = tables
        self._key = key
        self.head = schema.empty_table()
        self._keys: list[pa.Array] = []
        self._last: tuple[Any, ...] | None = None
        self.fill()

    def fill(self) -> None:
        """Read on when nothing is left of the head."""
        while not self.head.num_rows and (table := next(self._tables, None)) is not None:
            keys = [comparable(table.column(name)) for name in self._key]
            if table.num_rows and not _ascend(keys):
                raise NotInOrderError
            if table.num_rows and self._last is not None and not self._last < _at(keys, 0):
                raise NotInOrderError
            self.head, self._keys = table, keys
            self._last = _at(keys, table.num_rows - 1) if table.num_rows else self._last

    @property
    def last(self) -> tuple[Any, ...] | None:
        """The head's greatest key; None when all is read."""
        return self._last if self.head.num_rows else None

    def take(self, greatest: tuple[Any, ...]) -> pa.Table:
        """Hand out the head's rows whose key is not above ``greatest``."""
        low, high = 0, self.head.num_rows
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if _at(self._keys, middle) <= greatest else (low, middle)
        taken = self.head.slice(0, low)
        self.head = self.head.slice(low)
        self._keys = [keys.slice(low) for keys in self._keys]
        self.fill()
        return taken


def _at(keys: Sequence[pa.Array], row: int) -> tuple[Any, ...]:
    return tuple(array[row].as_py() for array in keys)


def _ascend(keys: Sequence[pa.Array]) -> bool:
    """Tell whether composite keys ascend strictly and hold no null."""
    if any(array.null_count for array in keys):
        return False
    rises: pa.Array | None = None
    for array in reversed(keys):
        before, after = array.slice(0, len(array) - 1), array.slice(1)
        above = pc.less(before, after)
        rises = above if rises is None else pc.or_(above, pc.and_(pc.equal(before, after), rises))
    return rises is not None and pc.all(rises, min_count=0).as_py() is True


def changed_windows(
    before: tuple[Iterator[pa.Table], pa.Schema],
    after: tuple[Iterator[pa.Table], pa.Schema],
    key: Sequence[str],
    columns: Sequence[str],
) -> Iterator[ChangedWindow]:
    """Yield the stretches in which something changed.

    Args:
        before: The earlier table's rows and their schema.
        after: The later table's.
        key: Columns that tell rows apart and by which both sides are sorted.
        columns: What is compared besides.

    Raises:
        NotInOrderError: Either side is not sorted so.
    """
    one, other = _Side(*before, key), _Side(*after, key)
    while one.head.num_rows or other.head.num_rows:
        greatest = min(last for last in (one.last, other.last) if last is not None)
        window = _window(one.take(greatest), other.take(greatest), key, columns)
        if len(window.events):
            yield window


def _window(before: pa.Table, after: pa.Table, key: Sequence[str], columns: Sequence[str]) -> ChangedWindow:
    left, right = _pairs(before, after, key)
    both = (left >= 0) & (right >= 0)
    changed = np.full(int(both.sum()), fill_value=False)
    touched: dict[str, int] = {}
    kept_left, kept_right = before.take(pa.array(left[both])), after.take(pa.array(right[both]))
    for name in columns:
        unequal = differing(kept_left.column(name), kept_right.column(name))
        if count := int(unequal.sum()):
            touched[name] = count
            changed |= unequal
    wanted = ~both
    wanted[both] = changed
    events = np.stack([left[wanted], right[wanted]], axis=1)
    return ChangedWindow(before=before, after=after, events=events, columns=touched)


def _pairs(before: pa.Table, after: pa.Table, key: Sequence[str]) -> tuple[_Numbers, _Numbers]:
    """Number the rows that belong together, -1 for a row without a partner, in key order."""
    keys = [f"k{n}" for n in range(len(key))]
    left = pa.table([comparable(before.column(name)) for name in key], names=keys)
    right = pa.table([comparable(after.column(name)) for name in key], names=keys)
    if left.equals(right):
        same = np.arange(before.num_rows, dtype=np.int64)
        return same, same
    left = left.append_column("left", pa.array(np.arange(left.num_rows, dtype=np.int64)))
    right = right.append_column("right", pa.array(np.arange(right.num_rows, dtype=np.int64)))
    joined = left.join(right, keys, join_type="full outer").sort_by([(name, "ascending") for name in keys])
    numbers = [pc.fill_null(joined.column(name), -1).to_numpy().astype(np.int64) for name in ("left", "right")]
    return numbers[0], numbers[1]
