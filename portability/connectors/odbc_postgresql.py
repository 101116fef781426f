"""PostgreSQL through its ODBC driver: the server writes every row as bytes, so the driver has nothing to convert.

The driver by itself turns an infinite date into today and the digits of a UUID into capitals. What it is asked for
here are single columns of ``bytea``: rows of tables as CSV lines, everything else as JSON. Cursors are the
server's own.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from portability.connectors.carrying import SentRows, cut_lines
from portability.connectors.connector import SourceException
from portability.connectors.odbc_rows import OverOdbc
from portability.connectors.postgresql import PostgresqlSnapshot
from portability.connectors.postgresql_plans import plan_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.connectors.carrying import Carrying
    from portability.connectors.connector import TablePlan
    from portability.connectors.odbc_session import OdbcSession
    from portability.limits import Limits

__all__ = ["OdbcPostgresqlSnapshot"]

_TEXTS = frozenset({"text", "opaque", "bytes", ""})
_ARGUMENTS = 50  # of one call of concat(); PostgreSQL's functions take 100


class OdbcPostgresqlSnapshot(OverOdbc, PostgresqlSnapshot):
    """The transaction of the native connector, on a connection of the ODBC driver."""

    def __init__(self, session: OdbcSession, begin: Sequence[str], limits: Limits) -> None:
        self._session = session
        self._cursors = 0
        super().__init__(_nothing_to_connect, begin, limits)

    def _execute(self, sql: str) -> Any:  # noqa: ANN401 -- nothing to look at
        for statement in sql.split("; ") if sql.startswith("BEGIN") else [sql]:
            list(self._session.query(statement, rows=1))

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        found = self._session.query(_as_json(sql), rows=self.limits.batch_rows)
        return [_row(document) for (document,) in found]

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        if not sql.startswith("SELECT"):
            self._execute(sql)
            return
        for (document,) in self._stream(_as_json(sql)):
            yield _row(document)

    def side_rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        # A piece of a value is bytes already; the cursor of the table that is being read stays open.
        yield from self._session.query(sql, rows=1)

    def _stream(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Read by a cursor of the server, since the driver would fetch everything before the first row."""
        self._cursors += 1
        name, rows = f"portability_{self._cursors}", self.limits.batch_rows
        self._execute(f"DECLARE {name} NO SCROLL CURSOR FOR {sql}")
        while batch := list(self._session.query(f"FETCH {rows} FROM {name}", rows=rows)):
            yield from batch
        self._execute(f"CLOSE {name}")

    def explain_sql(self, sql: str) -> tuple[list[str], list[str]]:
        ((plan,),) = self._session.query(f"EXPLAIN (FORMAT JSON) {sql}", rows=1)
        return plan_lines(json.loads(plan)[0]["Plan"])

    def _exceptions(self, plan: TablePlan) -> Iterator[SourceException]:
        as_bytes = {carrying.name for carrying in plan.detail.carryings if carrying.raw}
        for found in super()._exceptions(plan):
            raw = bytes.fromhex(found.raw.decode()[2:]) if found.column in as_bytes else found.raw
            yield SourceException(column=found.column, key=found.key, reason=found.reason, raw=raw)

    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        detail = plan.detail
        fields = [*(_field(carrying) for carrying in detail.carryings), "'0' || chr(10)"]
        encoding = "SQL_ASCII" if self._types.encoding == "SQL_ASCII" else "UTF8"
        line = f"convert_to({_joined(fields)}, '{encoding}')"
        source = self.from_rows(plan.table, detail.where)
        rows = self._stream(f"SELECT {line} FROM {source} ORDER BY {detail.order_sql}")
        yield from cut_lines((row[0] for row in rows), rows_max=detail.batch_rows)


def _nothing_to_connect() -> Any:  # noqa: ANN401 -- the native connector's connection, which is not there
    return None


def _as_json(sql: str) -> str:
    return f"SELECT convert_to(row_to_json(q)::text, 'UTF8') FROM ({sql}) q"


def _row(document: bytes) -> tuple[Any, ...]:
    """The values of a row, whatever its columns are called."""
    row: tuple[Any, ...] = json.loads(document, parse_float=Decimal, object_pairs_hook=_values)
    return row


def _values(pairs: list[tuple[str, Any]]) -> tuple[Any, ...]:
    return tuple(value for _, value in pairs)


def _field(carrying: Carrying) -> str:
    """SQL of a CSV field as COPY would write it: format() prints by the type's own output function, a cast does not."""
    text = f"format('%s', {carrying.select})"
    if carrying.kind in _TEXTS:
        text = f"'\"' || replace({text}, '\"', '\"\"') || '\"'"
    return f"CASE WHEN {carrying.select} IS NULL THEN '' ELSE {text} END"


def _joined(fields: Sequence[str]) -> str:
    parts = [fields[start : start + _ARGUMENTS] for start in range(0, len(fields), _ARGUMENTS)]
    return _concatenated([_concatenated(part) for part in parts])


def _concatenated(fields: Sequence[str]) -> str:
    return f"concat_ws(',', {', '.join(fields)})"
