"""What the SQL sources share: measure by the source's aggregates, decide, then read rows as CSV lines in a total order.

A dialect answers a few questions about a column (the abstract methods below); everything else is here. Aggregate
scans precede the read of a table: *probes*, which tell whether all values fit the type that the declaration promises,
and *totals*, the control totals of the values as carried. An aggregate whose SQL text was asked before is not asked
again, so a dialect whose probes are worded like its totals needs one scan for a table without surprises.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.carrying import Carrying, SentRows, decode_rows
from portability.connectors.connector import Explained, Snapshot, SourceException, TablePlan, size_column
from portability.connectors.row_filters import render_rows
from portability.errors import ConnectorError, SourceDataError
from portability.manifest import ColumnTotals, TableTotals
from portability.totals import normal_float, normal_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portability.manifest import Column, Table
    from portability.scoping.filters import Between, RowFilter

__all__ = ["STREAMED_VALUE_BYTES", "SqlPlan", "SqlSnapshot"]

# Databases limit the number of result columns (PostgreSQL: 1,664); wide tables are measured in several scans.
AGGREGATES_PER_QUERY = 400
_ROWS = "count(*)"
# Longer values do not travel in batches at all; they are fetched in pieces by key.
STREAMED_VALUE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class SqlPlan:
    """The connector's own part of a plan."""

    carryings: tuple[Carrying, ...]
    order_sql: str
    key: tuple[str, ...]
    batch_rows: int
    # SQL of the rows that a scope names; empty when all are read.
    where: str = ""
    # Some value is too long for a batch: ``read_value`` will be called while the table is being read.
    streamed: bool = False


class SqlSnapshot(Snapshot):
    """A snapshot of a SQL source."""

    # Of a long value, see ``substring``.
    piece_length = STREAMED_VALUE_BYTES

    @abstractmethod
    def quote(self, name: str) -> str:
        """Quote an identifier."""

    @abstractmethod
    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query and yield its rows without holding them all."""

    @abstractmethod
    def probes(self, column: Column) -> dict[str, str]:
        """Aggregates that tell how the column's values behave; ``size`` is the longest value in bytes."""

    def reprobes(self, column: Column, probed: Mapping[str, Any]) -> dict[str, str]:  # noqa: ARG002
        """Aggregates that are worth asking after what the probes told."""
        return {}

    @abstractmethod
    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        """How the column travels: its carrying, and a ``__typeof`` sidecar where one is needed."""

    def decide_file(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        """How a column travels of which some values become files; the first carrying is text or bytes."""
        return self.decide(column, probed)

    @abstractmethod
    def totals(self, carrying: Carrying) -> dict[str, str]:
        """Aggregates for ``sum``, ``minimum``, ``maximum``, ``true``, ``size_bytes``, as the kind has them."""

    @abstractmethod
    def octets(self, carrying: Carrying) -> str:
        """SQL of the carried value's length in bytes, text as UTF-8."""

    @abstractmethod
    def order_term(self, column: Column) -> str:
        """SQL that orders rows of a table without a key by this column's exact value."""

    @abstractmethod
    def key_term(self, column: Column) -> str:
        """SQL that orders rows by a key column, text by its bytes."""

    @abstractmethod
    def raw_text(self, column: Column) -> str:
        """SQL that renders a column's value as text."""

    @abstractmethod
    def substring(self, carrying: Carrying, offset: int, length: int) -> str:
        """SQL of a piece of a carried value (1-based offset), in bytes, or in characters if the piece is text."""

    @abstractmethod
    def key_equals(self, column: Column, value: Any) -> str:  # noqa: ANN401 -- whatever a key column holds
        """SQL that is true where a key column has exactly this value, as read."""

    def side_rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query while another one of the same snapshot is being read."""
        return self.rows(sql)

    @abstractmethod
    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        """Yield CSV lines and native columns, at most ``batch_rows`` rows at a time."""

    @abstractmethod
    def among(self, column: Column, name: str, values: Sequence[str]) -> str:
        """SQL that is true where a column, written ``name``, has exactly one of these values (bytes as hex)."""

    @abstractmethod
    def exact_key(self, column: Column, name: str) -> str:
        """SQL of a key's value in a form that compares by its characters alone, whatever the column is."""

    @abstractmethod
    def comparable(self, column: Column, other: Column, name: str) -> str | None:
        """SQL of ``other``'s value that may stand beside ``column`` and its index; None where there is none."""

    @abstractmethod
    def compares_exactly(self, column: Column, other: Column) -> bool:
        """Whether the DBMS calls values of two columns equal only when they read the same."""

    @abstractmethod
    def day_bounds(self, column: Column, name: str, bounds: Between) -> str:
        """SQL that is true where a date or time, written ``name``, lies within the bounds."""

    def no_day(self, name: str) -> str:  # noqa: ARG002 -- types of days hold nothing else
        """SQL that is true where a column of dates or times has a value that is none."""
        return "1 = 0"

    @abstractmethod
    def key_text(self, column: Column) -> str:
        """SQL of a key column's value as text, bytes as hex."""

    @abstractmethod
    def explain_sql(self, sql: str) -> tuple[list[str], list[str]]:
        """Return the DBMS's plan for a query, line by line, and the tables that it would read whole."""

    def relation(self, table: Table) -> str:
        """SQL of the table in a FROM clause."""
        return f"{self.quote(table.schema)}.{self.quote(table.name)}"

    def from_rows(self, table: Table, *conditions: str) -> str:
        """SQL of the table in a FROM clause, with the rows that meet every condition that is not empty."""
        met = [condition for condition in conditions if condition]
        if not met:
            return self.relation(table)
        joined = met[0] if len(met) == 1 else " AND ".join(f"({condition})" for condition in met)
        return f"{self.relation(table)} WHERE {joined}"

    # -- planning -----------------------------------------------------------------------------------------------------

    def _plan(
        self,
        table: Table,
        *,
        excluded: frozenset[str],
        file_columns: frozenset[str],
        rows: RowFilter | None = None,
    ) -> TablePlan:
        where = "" if rows is None else render_rows(self, table, rows)
        columns = [column for column in table.columns if column.name not in excluded]
        known: dict[str, Any] = {}
        probes = {(c.name, slot): sql for c in columns for slot, sql in self.probes(c).items()}
        probes |= {(c.name, "non_null"): self._non_null(c.name) for c in columns}
        count, probed = self._aggregate(table, probes, known, where)
        again = {(c.name, slot): sql for c in columns for slot, sql in self.reprobes(c, _of(c, probed)).items()}
        probed |= self._aggregate(table, again, known, where)[1]
        carryings: list[Carrying] = []
        as_files: list[str] = []
        for column in columns:
            seen = _of(column, probed)
            if column.name in file_columns or int(seen.get("size") or 0) > self.limits.inline_value_bytes:
                as_files.append(column.name)
                value, *beside = self.decide_file(column, seen)
                carryings += [*self._as_file(table, value, every=column.name in file_columns), *beside]
            else:
                carryings += self.decide(column, seen)
        schema = pa.schema([pa.field(c.name, c.arrow) for c in carryings])
        totals = self._measure(table, carryings, known, where)
        planned = self._described(table, count, carryings, as_files, excluded)
        full = {column.name for column in totals.columns if column.non_null == count}
        key = _key(planned, full, excluded)
        streamed = any(int(v or 0) > STREAMED_VALUE_BYTES for (_, slot), v in probed.items() if slot == "size")
        detail = SqlPlan(
            carryings=tuple(carryings),
            order_sql=self._order_sql(planned, columns, key),
            key=key,
            batch_rows=self.limits.batch_rows,
            where=where,
            streamed=streamed,
        )
        planned = replace(planned, order=key)
        return TablePlan(table=planned, schema=schema, totals=totals, file_columns=tuple(as_files), detail=detail)

    def _as_file(self, table: Table, carrying: Carrying, *, every: bool) -> list[Carrying]:
        if carrying.kind not in ("text", "bytes"):
            place = f"{table.label}.{carrying.name}"
            raise ConnectorError("only text and bytes can be carried as files", place=place, hint="Mend the profile.")
        octets = self.octets(carrying)
        # An empty value is no document: it stays in its column.
        floor = 0 if every else self.limits.inline_value_bytes
        fits = f"CASE WHEN {octets} <= {STREAMED_VALUE_BYTES} THEN {carrying.select} END"
        length = f"CASE WHEN {octets} > {floor} THEN {octets} END"
        sidecar = Carrying(name=size_column(carrying.name), arrow=pa.int64(), select=length, kind="")
        return [replace(carrying, select=fits), sidecar]

    def _described(
        self,
        table: Table,
        rows: int,
        carryings: Sequence[Carrying],
        as_files: Sequence[str],
        excluded: frozenset[str],
    ) -> Table:
        arrows = {c.name: str(c.arrow) for c in carryings}
        columns = tuple(
            replace(c, carried="excluded")
            if c.name in excluded
            else replace(c, arrow_type=arrows[c.name], carried="file" if c.name in as_files else "value")
            for c in table.columns
        )
        return replace(table, columns=columns, row_count=rows)

    def _order_sql(self, table: Table, columns: Sequence[Column], key: tuple[str, ...]) -> str:
        if key:
            return ", ".join(self.key_term(table.column(name)) for name in key)
        return ", ".join(self.order_term(column) for column in columns) or "1"

    # -- measuring ----------------------------------------------------------------------------------------------------

    def _count(self, table: Table, rows: RowFilter | None = None) -> int:
        where = "" if rows is None else render_rows(self, table, rows)
        # To the end: a query that is left in the middle ends a MariaDB snapshot.
        ((count,),) = list(self.rows(f"SELECT count(*) FROM {self.from_rows(table, where)}"))
        return int(count)

    def _keys(self, table: Table, columns: Sequence[str], rows: RowFilter) -> Iterator[tuple[str, ...]]:
        wanted = ", ".join(self.key_text(table.column(name)) for name in columns)
        filled = " AND ".join(f"{self.quote(name)} IS NOT NULL" for name in columns)
        found = self.from_rows(table, filled, render_rows(self, table, rows))
        for row in self.rows(f"SELECT DISTINCT {wanted} FROM {found}"):
            yield tuple(_text(value) or "" for value in row)

    def _explain(self, table: Table, rows: RowFilter) -> Explained:
        names = ", ".join(self.quote(c.name) for c in table.columns if c.carried != "excluded") or "1"
        sql = f"SELECT {names} FROM {self.from_rows(table, render_rows(self, table, rows))}"
        lines, scanned = self.explain_sql(sql)
        return Explained(sql=sql, lines=tuple(lines), scanned=tuple(scanned))

    def _non_null(self, name: str) -> str:
        return f"count({self.quote(name)})"

    def _aggregate(
        self, table: Table, wanted: Mapping[tuple[str, str], str], known: dict[str, Any], where: str
    ) -> tuple[int, dict[tuple[str, str], Any]]:
        """Ask for what is not ``known`` yet, add it there, and return the number of rows and every value wanted."""
        missing = list(dict.fromkeys(sql for sql in wanted.values() if sql not in known))
        least = 0 if _ROWS in known else 1
        for start in range(0, max(least, len(missing)), AGGREGATES_PER_QUERY):
            part = missing[start : start + AGGREGATES_PER_QUERY]
            (row,) = list(self.rows(f"SELECT {', '.join([_ROWS, *part])} FROM {self.from_rows(table, where)}"))
            if known.setdefault(_ROWS, row[0]) != row[0]:
                hint = "Stop its writers and run again."
                raise SourceDataError("the table changed while it was measured", place=table.label, hint=hint)
            known.update(zip(part, row[1:], strict=True))
        return int(known[_ROWS]), {key: known[sql] for key, sql in wanted.items()}

    def _measure(self, table: Table, carryings: Sequence[Carrying], known: dict[str, Any], where: str) -> TableTotals:
        wanted: dict[tuple[str, str], str] = {}
        real = [c for c in carryings if c.kind]
        for carrying in real:
            wanted[carrying.name, "non_null"] = self._non_null(carrying.name)
            if carrying.unfit:
                wanted[carrying.name, "excepted"] = f"sum(CASE WHEN {carrying.unfit} THEN 1 ELSE 0 END)"
            wanted |= {(carrying.name, slot): sql for slot, sql in self.totals(carrying).items()}
        rows, found = self._aggregate(table, wanted, known, where)
        columns = tuple(
            _column_totals(c, {slot: v for (name, slot), v in found.items() if name == c.name}) for c in real
        )
        return TableTotals(schema=table.schema, name=table.name, rows=rows, columns=columns)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read(self, plan: TablePlan) -> Iterator[pa.RecordBatch]:
        detail: SqlPlan = plan.detail
        for sent in self.read_lines(plan):
            yield decode_rows(sent, detail.carryings, plan.schema)

    def _exceptions(self, plan: TablePlan) -> Iterator[SourceException]:
        detail: SqlPlan = plan.detail
        excepted = {column.name for column in plan.totals.columns if column.excepted}
        key = [self.raw_text(plan.table.column(name)) for name in detail.key]
        for carrying in (c for c in detail.carryings if c.name in excepted):
            raw = carrying.raw or self.raw_text(plan.table.column(carrying.name))
            select = ", ".join([*key, raw])
            found = self.from_rows(plan.table, carrying.unfit, detail.where)
            for row in self.rows(f"SELECT {select} FROM {found} ORDER BY {detail.order_sql}"):
                values = tuple(_text(v) for v in row[:-1])
                yield SourceException(column=carrying.name, key=values, reason=carrying.reason, raw=_bytes(row[-1]))

    def _read_value(self, plan: TablePlan, column: str, key: Sequence[Any]) -> Iterator[bytes]:
        detail: SqlPlan = plan.detail
        place = f"{plan.table.label}.{column}"
        if not detail.key:
            hint = "Give the table a primary key, or exclude the column in the profile."
            raise SourceDataError("a value is too long to carry without a key to fetch it by", place=place, hint=hint)
        pairs = zip(detail.key, key, strict=True)
        where = " AND ".join(self.key_equals(plan.table.column(name), value) for name, value in pairs)
        carrying = next(c for c in detail.carryings if c.name == column)
        offset, length = 1, self.piece_length
        while True:
            piece = self.substring(carrying, offset, length)
            found = list(self.side_rows(f"SELECT {piece} FROM {self.from_rows(plan.table, where, detail.where)}"))
            if len(found) != 1:
                raise SourceDataError("its key names no single row", place=place)
            (value,) = found[0]
            if value:
                yield _bytes(value)
            if len(value or "") < length:
                return
            offset += length


def _of(column: Column, probed: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    return {slot: value for (name, slot), value in probed.items() if name == column.name}


def _key(table: Table, full: set[str], excluded: frozenset[str]) -> tuple[str, ...]:
    """The columns that name a row: the primary key, else a unique key declared without nulls, else none.

    SQLite lets a primary key hold nulls; then it names no row.
    """
    candidates = [table.primary_key] if table.primary_key and full.issuperset(table.primary_key.columns) else []
    candidates += [k for k in table.unique_keys if not any(table.column(name).nullable for name in k.columns)]
    return next((key.columns for key in candidates if not excluded.intersection(key.columns)), ())


def _text(value: Any) -> str | None:  # noqa: ANN401 -- a driver's value
    if value is None:
        return None
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes | bytearray) else str(value)


def _bytes(value: Any) -> bytes:  # noqa: ANN401 -- a driver's value
    if value is None:
        return b""
    return (
        bytes(value)
        if isinstance(value, bytes | bytearray | memoryview)
        else str(value).encode("utf-8", "surrogatepass")
    )


def _column_totals(carrying: Carrying, found: Mapping[str, Any]) -> ColumnTotals:
    return ColumnTotals(
        name=carrying.name,
        non_null=int(found["non_null"]),
        excepted=int(found.get("excepted") or 0),
        sum=_number(found.get("sum"), carrying),
        minimum=_bound(found.get("minimum"), carrying),
        maximum=_bound(found.get("maximum"), carrying),
        true=int(found["true"] or 0) if "true" in found else None,
        size_bytes=int(found["size_bytes"] or 0) if "size_bytes" in found else None,
    )


def _number(value: Any, carrying: Carrying) -> str | None:  # noqa: ANN401 -- a driver's value
    text = _text(value)
    if text is None:
        return None
    return normal_number(f"{text}E-{carrying.scale}" if carrying.codec == "scaled" else text)


def _bound(value: Any, carrying: Carrying) -> str | None:  # noqa: ANN401 -- a driver's value
    text = _text(value)
    if text is None:
        return None
    if carrying.kind in ("number", "duration"):
        return _number(text, carrying)
    if carrying.kind == "float":
        return normal_float(float(text))
    if carrying.kind == "timestamp":
        text = text[:10] + "T" + text[11:]
    if carrying.kind in ("timestamp", "time"):
        clock, _, fraction = text.partition(".")
        return f"{clock}.{fraction:0<6}"
    return text
