"""What the SQL sources share: measure by the source's own aggregates, decide, then read rows as CSV lines in a total order.

A dialect answers five questions about a column (:class:`Dialect`); everything else is here. Two aggregate scans precede the read of a table: *probes*,
which tell whether all values fit the type that the declaration promises, and *totals*, the control totals of the values as carried.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.carrying import Carrying, decode_rows
from portability.connectors.connector import Snapshot, SourceException, TablePlan, size_column
from portability.errors import SourceDataError
from portability.manifest import ColumnTotals, TableTotals
from portability.totals import normal_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portability.manifest import Column, Table

__all__ = ["SqlPlan", "SqlSnapshot"]

# Databases limit the number of result columns (PostgreSQL: 1,664); wide tables are measured in several scans.
AGGREGATES_PER_QUERY = 400
# Text held for one batch while it is decoded.
BATCH_BYTES = 32 * 1024 * 1024
# Longer values do not travel in batches at all; they are fetched in pieces by key.
STREAMED_VALUE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class SqlPlan:
    """The connector's own part of a plan."""

    carryings: tuple[Carrying, ...]
    order_sql: str
    key: tuple[str, ...]
    batch_rows: int


class SqlSnapshot(Snapshot):
    """A snapshot of a SQL source."""

    @abstractmethod
    def quote(self, name: str) -> str:
        """Quote an identifier."""

    @abstractmethod
    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query and yield its rows without holding them all."""

    @abstractmethod
    def probes(self, column: Column) -> dict[str, str]:
        """Aggregates that tell how the column's values behave; ``size`` is the longest value in bytes."""

    @abstractmethod
    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        """How the column travels: its carrying, and a ``__typeof`` sidecar where one is needed."""

    @abstractmethod
    def totals(self, carrying: Carrying) -> dict[str, str]:
        """Aggregates for ``sum``, ``minimum``, ``maximum``, ``true``, ``size_bytes`` as the carrying's kind has them."""

    @abstractmethod
    def octets(self, value: str) -> str:
        """SQL of a value's length in bytes, text as UTF-8."""

    @abstractmethod
    def order_term(self, column: Column) -> str:
        """SQL that orders rows of a table without a key by this column's exact value."""

    @abstractmethod
    def raw_text(self, expression: str) -> str:
        """SQL that renders a value as text."""

    @abstractmethod
    def substring(self, column: str, offset: int, length: int) -> str:
        """SQL of a piece of a value, in bytes (1-based offset)."""

    @abstractmethod
    def literal(self, value: Any) -> str:  # noqa: ANN401 -- whatever a key column holds
        """SQL literal of a key value."""

    @abstractmethod
    def read_lines(self, plan: TablePlan) -> Iterator[tuple[list[bytes], list[list[Any]]]]:
        """Yield CSV lines and native columns, at most ``batch_rows`` rows at a time."""

    def relation(self, table: Table) -> str:
        """SQL of the table in a FROM clause."""
        return f"{self.quote(table.schema)}.{self.quote(table.name)}"

    # -- planning -----------------------------------------------------------------------------------------------------

    def _plan(self, table: Table, *, excluded: frozenset[str], file_columns: frozenset[str]) -> TablePlan:
        columns = [column for column in table.columns if column.name not in excluded]
        probes = {(c.name, slot): sql for c in columns for slot, sql in self.probes(c).items()}
        rows, probed = self._aggregate(table, probes)
        carryings: list[Carrying] = []
        as_files: list[str] = []
        for column in columns:
            seen = {slot: value for (name, slot), value in probed.items() if name == column.name}
            decided = self.decide(column, seen)
            size = int(seen.get("size") or 0)
            if column.name in file_columns or size > self.limits.inline_value_bytes:
                as_files.append(column.name)
                decided = self._as_file(decided[0], every=column.name in file_columns)
            carryings += decided
        schema = pa.schema([pa.field(c.name, c.arrow) for c in carryings])
        totals = self._measure(table, rows, carryings)
        planned = self._described(table, rows, carryings, as_files, excluded)
        key = self._key(planned, excluded)
        detail = SqlPlan(
            carryings=tuple(carryings),
            order_sql=self._order_sql(planned, columns),
            key=key,
            batch_rows=self._batch_rows(probed),
        )
        return TablePlan(table=replace(planned, order=key), schema=schema, totals=totals, file_columns=tuple(as_files), detail=detail)

    def _as_file(self, carrying: Carrying, *, every: bool) -> list[Carrying]:
        name, octets = self.quote(carrying.name), self.octets(self.quote(carrying.name))
        floor = -1 if every else self.limits.inline_value_bytes
        fits = f"CASE WHEN {octets} > {STREAMED_VALUE_BYTES} THEN NULL ELSE {carrying.select} END"
        length = f"CASE WHEN {name} IS NOT NULL AND {octets} > {floor} THEN {octets} END"
        return [replace(carrying, select=fits), Carrying(name=size_column(carrying.name), arrow=pa.int64(), select=length, kind="")]

    def _batch_rows(self, probed: Mapping[tuple[str, str], Any]) -> int:
        # Text and hex may double on the way; 64 bytes stand for each of the other columns.
        width = sum(2 * min(int(v or 0), STREAMED_VALUE_BYTES) for (_, slot), v in probed.items() if slot == "size") + 64 * (len(probed) + 1)
        return max(1, min(self.limits.batch_rows, BATCH_BYTES // width))

    def _described(self, table: Table, rows: int, carryings: Sequence[Carrying], as_files: Sequence[str], excluded: frozenset[str]) -> Table:
        arrows = {c.name: str(c.arrow) for c in carryings}
        columns = tuple(
            replace(c, carried="excluded")
            if c.name in excluded
            else replace(c, arrow_type=arrows[c.name], carried="file" if c.name in as_files else "value")
            for c in table.columns
        )
        return replace(table, columns=columns, row_count=rows)

    def _key(self, table: Table, excluded: frozenset[str]) -> tuple[str, ...]:
        """The columns that name a row: the primary key, else a unique key without nulls, else none."""
        candidates = [table.primary_key] if table.primary_key else []
        candidates += [k for k in table.unique_keys if not any(table.column(name).nullable for name in k.columns)]
        for key in candidates:
            if not excluded.intersection(key.columns):
                return key.columns
        return ()

    def _order_sql(self, table: Table, columns: Sequence[Column]) -> str:
        key = self._key(table, frozenset())
        if key:
            return ", ".join(self.quote(name) for name in key)
        return ", ".join(self.order_term(column) for column in columns) or "1"

    # -- measuring ----------------------------------------------------------------------------------------------------

    def _aggregate(self, table: Table, wanted: Mapping[tuple[str, str], str]) -> tuple[int, dict[tuple[str, str], Any]]:
        keys, found, rows = list(wanted), {}, 0
        for start in range(0, max(1, len(keys)), AGGREGATES_PER_QUERY):
            part = keys[start : start + AGGREGATES_PER_QUERY]
            select = ", ".join(["count(*)", *(wanted[key] for key in part)])
            (row,) = list(self.rows(f"SELECT {select} FROM {self.relation(table)}"))
            rows = int(row[0])
            found.update(zip(part, row[1:], strict=True))
        return rows, found

    def _measure(self, table: Table, rows: int, carryings: Sequence[Carrying]) -> TableTotals:
        wanted: dict[tuple[str, str], str] = {}
        real = [c for c in carryings if c.kind]
        for carrying in real:
            wanted[carrying.name, "non_null"] = f"count({self.quote(carrying.name)})"
            if carrying.unfit:
                wanted[carrying.name, "excepted"] = f"sum(CASE WHEN {carrying.unfit} THEN 1 ELSE 0 END)"
            wanted |= {(carrying.name, slot): sql for slot, sql in self.totals(carrying).items()}
        counted, found = self._aggregate(table, wanted)
        if counted != rows:
            raise SourceDataError("the table changed while it was measured", place=table.label, hint="Stop its writers and run again.")
        columns = tuple(_column_totals(c, {slot: v for (name, slot), v in found.items() if name == c.name}) for c in real)
        return TableTotals(schema=table.schema, name=table.name, rows=rows, columns=columns)

    # -- reading ------------------------------------------------------------------------------------------------------

    def _read(self, plan: TablePlan) -> Iterator[pa.RecordBatch]:
        detail: SqlPlan = plan.detail
        for lines, natives in self.read_lines(plan):
            yield decode_rows(lines, natives, detail.carryings, plan.schema)

    def _exceptions(self, plan: TablePlan) -> Iterator[SourceException]:
        detail: SqlPlan = plan.detail
        excepted = {column.name for column in plan.totals.columns if column.excepted}
        key = [self.raw_text(self.quote(name)) for name in detail.key]
        for carrying in (c for c in detail.carryings if c.name in excepted):
            select = ", ".join([*key, carrying.raw or self.raw_text(self.quote(carrying.name))])
            order = f" ORDER BY {detail.order_sql}"
            for row in self.rows(f"SELECT {select} FROM {self.relation(plan.table)} WHERE {carrying.unfit}{order}"):
                yield SourceException(column=carrying.name, key=tuple(_text(v) for v in row[:-1]), reason=carrying.reason, raw=_bytes(row[-1]))

    def _read_value(self, plan: TablePlan, column: str, key: Sequence[Any]) -> Iterator[bytes]:
        detail: SqlPlan = plan.detail
        if not detail.key:
            hint = "Give the table a primary key, or exclude the column in the profile."
            raise SourceDataError("a value is too long to carry without a key to fetch it by", place=f"{plan.table.label}.{column}", hint=hint)
        where = " AND ".join(f"{self.quote(name)} = {self.literal(value)}" for name, value in zip(detail.key, key, strict=True))
        offset = 1
        while True:
            piece = self.substring(self.quote(column), offset, self.limits.chunk_bytes)
            found = list(self.rows(f"SELECT {piece} FROM {self.relation(plan.table)} WHERE {where}"))
            if len(found) != 1:
                raise SourceDataError("its key names no single row", place=f"{plan.table.label}.{column}")
            data = _bytes(found[0][0])
            if data:
                yield data
            if len(data) < self.limits.chunk_bytes:
                return
            offset += len(data)


def _text(value: Any) -> str | None:  # noqa: ANN401 -- a driver's value
    if value is None:
        return None
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes | bytearray) else str(value)


def _bytes(value: Any) -> bytes:  # noqa: ANN401 -- a driver's value
    if value is None:
        return b""
    return bytes(value) if isinstance(value, bytes | bytearray | memoryview) else str(value).encode("utf-8", "surrogatepass")


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
    if ":" in text:  # SQLite adds the halves of 64-bit integers apart: high:low
        high, low = text.split(":")
        text = str((int(high) << 32) + int(low))
    return normal_number(f"{text}E-{carrying.scale}" if carrying.codec == "scaled" else text)


def _bound(value: Any, carrying: Carrying) -> str | None:  # noqa: ANN401 -- a driver's value
    text = _text(value)
    if text is None:
        return None
    if carrying.kind in ("number", "duration"):
        return _number(text, carrying)
    return repr(float(text)) if carrying.kind == "float" else text
