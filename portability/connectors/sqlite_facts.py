"""What is found out about a column's texts and bytes by batches: in a survey, or while a table is read."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from portability.connectors.sqlite_types import NO_DATE, OTHER, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portability.connectors.carrying import Carrying

__all__ = ["SIZED_KINDS", "TEMPORAL_KINDS", "Reading", "Surveyed", "TextFacts", "look_at", "moments_of"]

# Lengths of a date with a time of day; Arrow itself refuses a point without a decimal, and every zone.
_SECONDS, _MICROSECONDS = 19, 26
_DAY_US = 86_400_000_000
_FIRST_DAY = -719_162  # 0001-01-01
_PATIENCE_S = 60
TEMPORAL_KINDS = ("date", "timestamp")
# Kinds whose values have a length of their own.
SIZED_KINDS = ("text", "bytes", *TEMPORAL_KINDS)


@dataclass(kw_only=True)
class TextFacts:
    """What is true of all texts of a column."""

    longest: int = 0
    is_utf8: bool = True
    is_temporal: bool = True
    lengths: set[int] = field(default_factory=set)
    separators: set[str] = field(default_factory=set)

    @property
    def is_uniform(self) -> bool:
        """Whether the texts sort as the times do that they name."""
        return len(self.lengths) <= 1 and len(self.separators) <= 1

    def form(self, expected: int) -> int | None:
        """What the dialect's probe of the form would say, given that some first rows said ``expected``."""
        if not self.is_utf8:
            return None
        if expected == NO_DATE:
            return NO_DATE
        plain = self.separators <= {" "} and self.lengths <= {_SECONDS}
        return expected if self.is_temporal and (plain or expected == OTHER) else None


@dataclass(frozen=True, kw_only=True)
class Surveyed:
    """The longest value of each column in bytes, and what is true of the texts."""

    longest: Mapping[str, int]
    texts: Mapping[str, TextFacts]


def moments_of(array: pa.Array, carrying: Carrying) -> pa.Array | None:
    """Return the dates or times that texts name; None when one names none, or the column is of others."""
    if carrying.kind not in TEMPORAL_KINDS:
        return None
    try:
        return array.cast(carrying.arrow)
    except pa.ArrowInvalid:
        return None


def look_at(array: pa.Array, moments: pa.Array | None, facts: TextFacts) -> None:
    """Add what is true of a batch of texts, or of bytes, to the facts."""
    if array.null_count == len(array):
        return
    ends = pc.min_max(pc.binary_length(array)).as_py()
    facts.longest = max(facts.longest, ends["max"])
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        facts.is_utf8 = False
    if moments is None or not facts.is_utf8:
        facts.is_temporal = False
    elif pa.types.is_date(moments.type):
        facts.is_temporal &= pc.min(moments.cast(pa.int32())).as_py() >= _FIRST_DAY
    else:
        facts.lengths |= set(ends.values())
        facts.separators |= set(pc.unique(pc.utf8_slice_codeunits(array.drop_null(), 10, 11)).to_pylist())
        is_late = pc.min(moments.cast(pa.int64())).as_py() >= _FIRST_DAY * _DAY_US
        facts.is_temporal &= is_late and ends["min"] >= _SECONDS and ends["max"] <= _MICROSECONDS


class Reading:
    """What is found out about the values of a table while it is read, which is as good as a survey of its own."""

    def __init__(self, carryings: Sequence[Carrying]) -> None:
        self._carryings = carryings
        self._facts = {each.name: TextFacts() for each in carryings if each.kind in SIZED_KINDS}
        self._nulls = dict.fromkeys((each.name for each in carryings), 0)
        self._batches = 0
        self._is_whole = False
        self._ended = threading.Event()

    def look(self, sent: Sequence[pa.Array], batch: pa.RecordBatch) -> None:
        """Take note of a batch, as it was sent and as it was understood."""
        for carrying, array, column in zip(self._carryings, sent, batch.columns, strict=True):
            self._nulls[carrying.name] += array.null_count
            if carrying.name in self._facts:
                look_at(array, column if carrying.kind in TEMPORAL_KINDS else None, self._facts[carrying.name])
        self._batches += 1

    def end(self, *, is_whole: bool) -> None:
        """Nothing more will be read."""
        self._is_whole = is_whole
        self._ended.set()

    def surveyed(self, known: Mapping[str, Any], stopped: threading.Event) -> Surveyed | None:
        """Wait for the end, and return what was found; None when not every value was looked at.

        Args:
            known: The number of rows and of values, by their SQL.
            stopped: Ends the waiting.
        """
        seen = -1
        while not self._ended.is_set() and not stopped.is_set() and seen < self._batches:
            seen = self._batches
            # A reader that is left in the middle, and not closed, must not be waited for.
            self._ended.wait(_PATIENCE_S)
        values = {name: known["count(*)"] - nulls for name, nulls in self._nulls.items()}
        if not self._is_whole or any(known.get(f"count({quote_identifier(n)})") != v for n, v in values.items()):
            return None
        return Surveyed(longest={name: facts.longest for name, facts in self._facts.items()}, texts=self._facts)
