"""SQLite through its ODBC driver: every value leaves the file's own SQL as text that says what it is.

The driver by itself ends a text at its first NUL, makes 705032704 of 5000000000 where an expression has no declared
type, and shows a null for a date that it cannot read. Here it sees only texts of hexadecimal and decimal digits.
"""

from __future__ import annotations

import math
import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from portability.connectors.carrying import LINE_END, SentRows, cut_lines, cut_rows
from portability.connectors.odbc_rows import OverOdbc
from portability.connectors.odbc_select import split_items, wrap_items
from portability.connectors.planning import STREAMED_VALUE_BYTES
from portability.connectors.sqlite import SqliteSnapshot
from portability.connectors.sqlite_types import SqliteTypes
from portability.errors import ConnectorError, PortabilityError, SourceDataError
from portability.manifest import SnapshotRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portability.connectors.carrying import Carrying
    from portability.connectors.connector import TablePlan
    from portability.connectors.odbc_session import OdbcSession
    from portability.connectors.planning import Wanted
    from portability.limits import Limits
    from portability.manifest import Column, Table
    from portability.scoping.filters import RowFilter

__all__ = ["OdbcSqliteSnapshot", "SqliteOverOdbc"]

_PRAGMAS = {
    "table_xinfo": "cid name type notnull dflt_value pk hidden",
    "index_list": "seq name unique origin partial",
    "index_info": "seqno cid name",
    "foreign_key_list": "id seq table from to on_update on_delete match",
    "table_list": "schema name type ncol wr strict",
    "encoding": "encoding",
}
_PRAGMA = re.compile(r"(?:SELECT \* FROM pragma_|PRAGMA )(\w+)(\(\?\))?")
_HALVES = "from_halves("
_NOT_UTF8 = re.compile(r"""not_utf8\(CAST\(("(?:[^"]|"")*") AS BLOB\)\)""")
_REAL_TEXT = re.compile(r"""real_text\(("(?:[^"]|"")*")\)""")
# Between these printf() of SQLite names a double by its 17 digits and no other.
_PRINTED = "1e-12 AND 1e20"
# A double as a whole number and 52 binary places of it, times two to some power: printf() is not exact.
_REAL = """(WITH RECURSIVE n(v, e) AS (SELECT {0}, 0 UNION ALL SELECT
 CASE WHEN abs(v) >= 4611686018427387904.0 THEN v / 4611686018427387904.0 ELSE v * 4611686018427387904.0 END,
 CASE WHEN abs(v) >= 4611686018427387904.0 THEN e + 62 ELSE e - 62 END
 FROM n WHERE v <> 0 AND (abs(v) < 1 OR abs(v) >= 4611686018427387904.0))
 SELECT 'r' || e || ':' || CAST(v AS INTEGER) || ':' || CAST((v - CAST(v AS INTEGER)) * 4503599627370496.0 AS INTEGER)
 FROM n WHERE v = 0 OR (abs(v) >= 1 AND abs(v) < 4611686018427387904.0))"""
_FRACTION_BITS = 52
# The one function of SQLite that tells zeros apart, in a library that was built with it.
_IS_BELOW = "atan2({0}, -1.0) < 0"
_SIGNED = {"x": math.inf, "y": -math.inf, "z": -0.0}
_KEEPS_NO_SIGN = re.compile("REAL|FLOA|DOUB", re.IGNORECASE)  # such columns hold a zero as an integer
# Of distinct texts that are not UTF-8, as hexadecimal digits in one statement; SQLite reads a million characters.
_BROKEN_DIGITS_MAX = 100_000


class SqliteOverOdbc:
    """What the SQLite dialect asks of a connection, answered through ODBC with the same values."""

    def __init__(self, session: OdbcSession, rows: int) -> None:
        self.session = session
        self._rows = rows
        self.tells_zeros = False
        with suppress(PortabilityError):
            self.tells_zeros = next(iter(session.query("SELECT CAST(atan2(0.0, -1.0) > 3 AS TEXT)", rows=1))) == ("1",)

    def execute(self, sql: str, arguments: Sequence[str] = ()) -> Answer:
        """Run a statement; the values of a SELECT arrive as they would from the library itself."""
        if (pragma := _PRAGMA.match(sql)) and pragma[1] in _PRAGMAS:
            columns = ", ".join(f'"{name}"' for name in _PRAGMAS[pragma[1]].split())
            sql = f"SELECT {columns} FROM pragma_{pragma[1]}{pragma[2] or ''}"
        for argument in arguments:
            sql = sql.replace("?", "'" + argument.replace("'", "''") + "'", 1)
        if not sql.startswith("SELECT"):
            return Answer(self.session.query(sql, rows=self._rows))
        return Answer(self.tagged(self._tagged(sql)))

    def _tagged(self, sql: str) -> str:
        """Have each item of a SELECT say what it is."""
        if not sql.startswith("SELECT count(*)"):
            return wrap_items(sql, self.tag)
        # Of aggregates there is one row: what looks at a value twice must not compute it twice.
        items, rest = split_items(sql.removeprefix("SELECT "))
        inner = ", ".join(f"{_halved(item)} AS c{place}" for place, item in enumerate(items))
        outer = ", ".join(f"c{p}" if item.startswith(_HALVES) else self.tag(f"c{p}") for p, item in enumerate(items))
        return f"SELECT {outer} FROM (SELECT {inner}{rest})"

    def tag(self, item: str) -> str:
        """SQL of a value as text that says what it is."""
        infinite = f"CASE WHEN {item} > 1.7976931348623157e308 THEN 'x' WHEN {item} < -1.7976931348623157e308 THEN 'y'"
        zero = f" WHEN {item} = 0 AND {_IS_BELOW.format(item)} THEN 'z'" if self.tells_zeros else ""
        return (
            f"CASE typeof({item}) WHEN 'null' THEN NULL WHEN 'blob' THEN 'b' || hex({item})"
            f" WHEN 'real' THEN {infinite}{zero} ELSE {_REAL.format(item)} END"
            f" WHEN 'integer' THEN 'i' || {item} ELSE 't' || hex({item}) END"
        )

    def tagged(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a statement of which each item is tagged already."""
        for row in self.session.query(sql, rows=self._rows):
            yield tuple(_value(text) for text in row)


class Answer:
    """Rows that come as they are asked for."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._rows = rows

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        return self._rows

    def fetchone(self) -> tuple[Any, ...] | None:
        return next(self._rows, None)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return list(self._rows)


class OdbcSqliteSnapshot(OverOdbc, SqliteSnapshot):
    """The read transaction of the native connector, on a connection of the ODBC driver."""

    record = SnapshotRecord(method="one read transaction", level="exact")

    def __init__(self, session: OdbcSession, limits: Limits) -> None:
        self.limits = limits
        self._over = SqliteOverOdbc(session, limits.batch_rows)
        # All that the dialect asks of a connection is in there.
        self._connection = self._over  # type: ignore[assignment]
        for statement in ("PRAGMA query_only = ON", "BEGIN"):
            list(session.query(statement, rows=1))
        self._over.execute("SELECT count(*) FROM sqlite_master").fetchone()
        ((encoding,),) = self._over.execute("PRAGMA encoding")
        if encoding != b"UTF-8":
            hint = "Give the file's own address: sqlite:///…"
            raise ConnectorError("the driver cannot read a file whose text is UTF-16 exactly", hint=hint)
        self._types = SqliteTypes(utf8=True)
        self._planned: Table
        # Of a table's column: its texts that are not UTF-8, in hexadecimal digits.
        self._broken: dict[tuple[str, str], list[str]] = {}

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        return iter(self._over.execute(sql))

    def _wanted(
        self, table: Table, excluded: frozenset[str], file_columns: frozenset[str], rows: RowFilter | None
    ) -> Wanted:
        self._planned = table
        return super()._wanted(table, excluded, file_columns, rows)

    def reprobes(self, column: Column, probed: Mapping[str, Any]) -> dict[str, str]:
        return {slot: self._spelt_out(sql) for slot, sql in super().reprobes(column, probed).items()}

    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        self._require_signs(column)
        return [
            replace(c, select=self._spelt_out(c.select), value=self._spelt_out(c.value), unfit=self._spelt_out(c.unfit))
            for c in super().decide(column, probed)
        ]

    def _require_signs(self, column: Column) -> None:
        """Refuse zeros of which nobody could say whether they are negative."""
        if self._over.tells_zeros or _KEEPS_NO_SIGN.search(column.native_type):
            return
        name, table = self.quote(column.name), self._planned
        sql = f"SELECT count(*) FROM {self.relation(table)} WHERE typeof({name}) = 'real' AND {name} = 0"
        ((count,),) = self._over.execute(sql).fetchall()
        if count:
            message = f"the driver's SQLite cannot tell whether zeros of {name} are negative"
            raise SourceDataError(message, place=table.label, hint="Give the file's own address: sqlite:///…")

    def _spelt_out(self, sql: str) -> str:
        """Put the texts that are not UTF-8 in the place of the function that the native connector adds to SQLite."""
        sql = _REAL_TEXT.sub(lambda found: self._printed(found[1]), sql)
        return _NOT_UTF8.sub(lambda found: self._is_broken(found[1]), sql)

    def _printed(self, name: str) -> str:
        """SQL of a double's digits beside values of other kinds, when all are such that the library prints them right.

        Raises:
            SourceDataError: Some are not.
        """
        table = self._planned
        odd = f"typeof({name}) = 'real' AND {name} <> 0 AND abs({name}) NOT BETWEEN {_PRINTED}"
        finite = f"abs({name}) <= 1.7976931348623157e308"
        sql = f"SELECT count(*) FROM {self.relation(table)} WHERE {odd} AND {finite}"
        ((count,),) = self._over.execute(sql).fetchall()
        if count:
            message = f"{name} holds very large or small numbers beside other kinds of values"
            raise SourceDataError(message, place=table.label, hint="Give the file's own address: sqlite:///…")
        zero = f"WHEN {name} = 0 THEN iif({_IS_BELOW.format(name)}, '-0.0', '0.0')" if self._over.tells_zeros else ""
        printed = f"printf('%!.17g', {name})"
        return f"CASE {zero} ELSE {printed} END" if zero else printed

    def _is_broken(self, name: str) -> str:
        """SQL that is true for a column's texts that are not UTF-8: they are listed, since no SQL can tell them."""
        table = self._planned
        if (table.label, name) not in self._broken:
            short = f"length(CAST({name} AS BLOB)) <= {STREAMED_VALUE_BYTES}"  # longer ones travel as bytes
            where = f"typeof({name}) = 'text' AND {name} GLOB '*[^' || char(1) || '-' || char(127) || ']*' AND {short}"
            texts = self._over.tagged(f"SELECT 't' || hex({name}) FROM {self.relation(table)} WHERE {where}")
            self._broken[table.label, name] = sorted({text.hex() for (text,) in texts if not _is_utf8(text)})
        broken = self._broken[table.label, name]
        if sum(map(len, broken)) > _BROKEN_DIGITS_MAX:
            message = f"too many different texts of {name} are not UTF-8"
            raise SourceDataError(message, place=table.label, hint="Give the file's own address: sqlite:///…")
        listed = ", ".join(f"CAST(x'{digits}' AS TEXT)" for digits in broken)
        return f"({name} COLLATE BINARY IN ({listed}))" if listed else "0"

    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        detail = plan.detail
        natives = [self._over.tag(c.select) for c in detail.carryings if c.codec == "native"]
        fields = [f"ifnull({c.select}, '')" for c in detail.carryings if c.codec != "native"]
        line = ["'t' || hex(" + " || ',' || ".join([*fields, f"'{LINE_END}'"]) + ")"] if fields else []
        found = self.from_rows(plan.table, detail.where)
        sql = f"SELECT {', '.join([*line, *natives])} FROM {found} ORDER BY {detail.order_sql}"
        rows = self._over.tagged(sql)
        if natives:
            yield from cut_rows(rows, rows_max=detail.batch_rows, lined=bool(fields))
        else:
            yield from cut_lines((row[0] for row in rows), rows_max=detail.batch_rows)


def _is_utf8(text: bytes) -> bool:
    with suppress(UnicodeDecodeError):
        return text.decode() is not None
    return False


def _halved(item: str) -> str:
    """Put the two sums in the place of the function that the native connector adds to SQLite."""
    if not item.startswith(_HALVES):
        return item
    (high, low), _ = split_items(item.removeprefix(_HALVES).removesuffix(")"))
    return f"'h' || {high} || ':' || {low}"


def _value(text: str | None) -> Any:  # noqa: ANN401 -- what SQLite holds
    if text is None:
        return None
    tag, rest = text[0], text[1:]
    with suppress(ValueError):
        if tag in "tb":
            return bytes.fromhex(rest)
        if tag == "i":
            return int(rest)
        if tag == "r":
            power, whole, fraction = map(int, rest.split(":"))
            return math.ldexp((whole << _FRACTION_BITS) + fraction, power - _FRACTION_BITS)
        if tag in _SIGNED:
            return _SIGNED[tag]
        if tag == "h":
            high, low = rest.split(":")
            return str((int(high) << 32) + int(low))
    raise SourceDataError("the driver changed a value on its way", hint="Give the file's own address: sqlite:///…")
