"""MariaDB and MySQL through their ODBC driver: rows as lines of bytes, aggregates as text, both made by the server.

The driver keeps a whole result in memory, so tables are read in pages. By itself it aborts on dates that no calendar
has and loses the highest bit of unsigned numbers in some conversions; no such type is ever asked of it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from portability.connectors import mysql_keys
from portability.connectors.carrying import LINE_END, SentRows, cut_lines, cut_rows
from portability.connectors.mysql import PAGE_ROWS, MysqlSnapshot
from portability.connectors.odbc_rows import OverOdbc
from portability.errors import SourceDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portability.connectors.carrying import Carrying
    from portability.connectors.connector import TablePlan
    from portability.connectors.odbc_session import OdbcSession
    from portability.limits import Limits
    from portability.manifest import Column

__all__ = ["OdbcMysqlSnapshot"]


class OdbcMysqlSnapshot(OverOdbc, MysqlSnapshot):
    """The transaction of the native connector, on a connection of the ODBC driver."""

    bulk = False  # the driver gives no packets to be cut into columns

    def __init__(self, session: OdbcSession, limits: Limits) -> None:
        self._session = session
        super().__init__(None, _no_connection(), limits)

    def _identity(self) -> str | None:
        return None

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return list(self._session.query(sql, rows=self.limits.batch_rows))

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        return self._session.query(sql, rows=self.limits.batch_rows)

    def side_rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        yield from self._fetch(sql)

    def probes(self, column: Column) -> dict[str, str]:
        return {slot: f"CAST({sql} AS CHAR)" for slot, sql in super().probes(column).items()}

    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        # The text of a date that is none: no driver is to see the date itself.
        return [
            replace(c, raw=f"CAST({c.raw} AS CHAR)") if c.raw and "AS BINARY" not in c.raw else c
            for c in super().decide(column, probed)
        ]

    def totals(self, carrying: Carrying) -> dict[str, str]:
        return {slot: f"CAST({sql} AS CHAR)" for slot, sql in super().totals(carrying).items()}

    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        detail = plan.detail
        natives = [f"CAST({c.select} AS BINARY)" for c in detail.carryings if c.codec == "native"]
        fields = [f"IFNULL({c.select}, '')" for c in detail.carryings if c.codec != "native"]
        joined = ", ".join([*fields, f"'{LINE_END}'"])
        line = [f"CAST(CONCAT_WS(',', {joined}) AS BINARY)"] if fields else []
        rows = self._in_pages(plan, ", ".join([*line, *natives]))
        if not fields:
            yield from cut_rows(rows, rows_max=detail.batch_rows, lined=False)
        elif natives:
            yield from cut_rows(_built(rows, plan.table.label), rows_max=detail.batch_rows, lined=True)
        else:
            lines = (row[0] for row in _built(rows, plan.table.label))
            yield from cut_lines(lines, rows_max=detail.batch_rows)

    def _in_pages(self, plan: TablePlan, select: str) -> Iterator[tuple[Any, ...]]:
        """Read so many rows at a time, by key where there is one."""
        detail = plan.detail
        size = PAGE_ROWS if detail.streamed else detail.batch_rows
        terms = [self.key_term(plan.table.column(name)) for name in detail.key]
        shown = [_shown(plan.table.column(name), term) for name, term in zip(detail.key, terms, strict=True)]
        order = ", ".join(terms) or detail.order_sql
        after, offset = "", 0
        while page := self._fetch(
            f"SELECT {', '.join([select, *shown])} FROM {self.from_rows(plan.table, after, detail.where)}"
            f" ORDER BY {order} LIMIT {size}{f' OFFSET {offset}' if offset else ''}"
        ):
            yield from (row[: len(row) - len(terms)] for row in page)
            if len(page) < size:
                return
            if terms:
                last = ", ".join(mysql_keys.literal(value) for value in page[-1][-len(terms) :])
                after = f"({', '.join(terms)}) > ({last})"
            else:
                offset += size


def _no_connection() -> Any:  # noqa: ANN401 -- the native connector's connection, which is not there
    return None


def _shown(column: Column, term: str) -> str:
    """SQL of a key's value as bytes where it is compared as bytes, else as text."""
    kind = column.native_type.lower()
    return term if "AS BINARY" in term or "binary" in kind or "blob" in kind else f"CAST({term} AS CHAR)"


def _built(rows: Iterator[tuple[Any, ...]], place: str) -> Iterator[tuple[Any, ...]]:
    """Refuse a line that the server gave up building."""
    for row in rows:
        if row[0] is None:
            hint = "Raise the server's max_allowed_packet."
            raise SourceDataError("a row is larger than the server will build", place=place, hint=hint)
        yield row
