"""What a reading proves of a table's values, so that the server need not look at each of them again to say it.

Whether every date is one of the calendar, and whether text that is declared ASCII is, costs the server a third of what
the control totals cost. A reading by a presumed plan knows it anyway: Arrow takes no month 0 and no 30th of February,
and bytes of ASCII columns are asked for as they are and looked at here. The year 0, which Arrow takes, shows in the
column's minimum. Where the reading ends early or in an error, or the table holds what no reading by that plan may hold,
nothing is proved and the server is asked.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pyarrow.compute as pc

from portability.connectors.mysql_types import is_ascii, split_type
from portability.connectors.planning import AGGREGATES_PER_QUERY, as_text
from portability.errors import SourceDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from portability.connectors.connector import TablePlan
    from portability.connectors.planning import Ask, Wanted
    from portability.connectors.sql import SqlSnapshot
    from portability.manifest import Column

__all__ = ["Reading", "proved"]

_ROWS = "count(*)"
_FIRST_DAY = "0001-01-01"
_PATIENCE_S = 5  # without another batch; then the server is asked, which costs time and nothing else


class Reading:
    """A reading by a presumed plan, and what those who measure the table may know of it."""

    def __init__(self, plan: TablePlan) -> None:
        self._ascii = [c.name for c in plan.table.columns if c.carried == "value" and is_ascii(c)]
        self._rows = 0
        self._begun = self._is_whole = False
        self._ended = threading.Event()

    def look_at(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Take note of decoded rows on their way.

        Raises:
            SourceDataError: Bytes of a column of ASCII are none.
        """
        self._begun = True
        try:
            for batch in batches:
                for name in self._ascii:
                    if pc.all(pc.string_is_ascii(batch.column(name))).as_py() is False:
                        raise SourceDataError(f"a value of {name} is not of its declared type")
                self._rows += batch.num_rows
                yield batch
            self._is_whole = True
        finally:
            self._ended.set()

    def rows(self, stopped: threading.Event) -> int | None:
        """Wait for the end and return how many rows were read; None when not all were, or none have been asked for.

        Args:
            stopped: Ends the waiting.
        """
        seen = -1
        while self._begun and not self._ended.is_set() and not stopped.is_set() and seen < self._rows:
            seen = self._rows
            self._ended.wait(_PATIENCE_S)
        return self._rows if self._is_whole else None


def proved(
    source: SqlSnapshot, wanted: Wanted, ask: Ask, reading: Reading, stopped: threading.Event
) -> Mapping[str, Any]:
    """Return answers by their SQL: all that the table's plan asks, its doubts answered by the reading if they can be.

    Args:
        source: The snapshot.
        wanted: The table.
        ask: Runs a query in the other session.
        reading: Its reading.
        stopped: Nobody waits for the answers any more.
    """
    doubtful = [column for column in wanted.columns if is_ascii(column) or _is_temporal(column)]
    probes = {column.name: source.probes(column) for column in wanted.columns}
    doubts = {column.name: probes[column.name].pop("misfit") for column in doubtful}
    counts = [f"count({source.quote(c.name)})" for c in wanted.columns if not source.never_null(wanted.table, c)]
    asked = list(dict.fromkeys([_ROWS, *counts, *(sql for each in probes.values() for sql in each.values())]))
    if not doubts or len(asked) > AGGREGATES_PER_QUERY:
        return {}
    (row,) = list(ask(f"SELECT {', '.join(asked)} FROM {source.from_rows(wanted.table, wanted.where)}"))
    known = dict(zip(asked, row, strict=True))
    sizes = [int(known[each["size"]] or 0) for each in probes.values() if "size" in each]
    if max(sizes, default=0) > source.limits.inline_value_bytes or reading.rows(stopped) != int(known[_ROWS]):
        return known
    lows = {column.name: as_text(known[probes[column.name]["minimum"]]) for column in doubtful if _is_temporal(column)}
    return known | {sql: 0 for name, sql in doubts.items() if (lows.get(name) or _FIRST_DAY) >= _FIRST_DAY}


def _is_temporal(column: Column) -> bool:
    return split_type(column)[0] in ("date", "datetime", "timestamp")
