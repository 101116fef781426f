"""What the SQL sources share: plans made from the source's aggregates, then rows read as CSV lines in a total order.

A dialect answers a few questions about a column (the abstract methods below); everything else is here and in
``planning``. Where a dialect has another session of the same snapshot, a table is measured beside its reading.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from portability.connectors.carrying import decode_rows
from portability.connectors.connector import Explained, Snapshot, SourceException
from portability.connectors.long_values import substring_pieces
from portability.connectors.measuring import Measuring
from portability.connectors.planning import (
    STREAMED_VALUE_BYTES,
    SqlPlan,
    Wanted,
    as_text,
    asked_first,
    measured_plan,
    plans_agree,
    presumed_plan,
)
from portability.connectors.row_filters import render_rows
from portability.errors import SourceDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from portability.connectors.carrying import Carrying, SentRows
    from portability.connectors.connector import TablePlan
    from portability.connectors.planning import Ask
    from portability.manifest import Column, Table
    from portability.scoping.filters import Between, RowFilter

__all__ = ["STREAMED_VALUE_BYTES", "Aside", "SqlPlan", "SqlSnapshot"]


class Aside(Protocol):
    """Another session of the very same snapshot."""

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query; called by another thread than the snapshot's own."""

    def cancel(self) -> None:
        """Stop the query that runs, if any; called while ``rows`` waits for it."""


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

    def aside(self) -> Aside | None:
        """Another session that surely sees this very snapshot, to measure tables beside their reading; else None."""
        return None

    def settled_by_declaration(self, column: Column) -> bool:  # noqa: ARG002 -- of most types all is known
        """Whether ``decide`` without probes says how a column without surprises travels; else it is probed first."""
        return True

    def presumptions(self, wanted: Wanted) -> Mapping[tuple[str, str], Any]:
        """What is taken for granted of a table's probes, by column and slot, before it is measured."""
        return asked_first(self, wanted)

    def foreknown(self, wanted: Wanted, ask: Ask) -> Mapping[str, Any]:  # noqa: ARG002 -- mostly nothing
        """Values of aggregates, by their SQL, that are known, or found by ``ask`` more cheaply than by a scan each."""
        return {}

    def reads_presumed(self, plan: TablePlan) -> bool:  # noqa: ARG002 -- where there is another session, mostly
        """Whether a presumed plan can be read, and the snapshot survives when that fails or is left in the middle."""
        return True

    def agrees(self, presumed: TablePlan, measured: TablePlan) -> bool:
        """Whether what was read by the presumed plan is what the measured plan would read."""
        return plans_agree(presumed, measured)

    def never_null(self, table: Table, column: Column) -> bool:  # noqa: ARG002 -- not everywhere is it a promise
        """Whether the DBMS guarantees that no row has a null here: then such rows need no counting."""
        return False

    @abstractmethod
    def explain_sql(self, sql: str) -> tuple[list[str], list[str]]:
        """Return the DBMS's plan for a query, line by line, and the tables that it would read whole."""

    def relation(self, table: Table) -> str:
        """SQL of the table in a FROM clause."""
        return f"{self.quote(table.schema)}.{self.quote(table.name)}"

    def named_relation(self, table: Table) -> str:
        """SQL of the table in a FROM clause under its own name."""
        return self.relation(table)

    def from_rows(self, table: Table, *conditions: str) -> str:
        """SQL of the table in a FROM clause, with the rows that meet every condition that is not empty."""
        met = [condition for condition in conditions if condition]
        if not met:
            return self.named_relation(table)
        joined = met[0] if len(met) == 1 else " AND ".join(f"({condition})" for condition in met)
        return f"{self.named_relation(table)} WHERE {joined}"

    # -- planning -----------------------------------------------------------------------------------------------------

    def _plan(
        self,
        table: Table,
        *,
        excluded: frozenset[str],
        file_columns: frozenset[str],
        rows: RowFilter | None = None,
    ) -> TablePlan:
        return measured_plan(self, self._wanted(table, excluded, file_columns, rows), self.rows)

    def _presume(
        self, table: Table, *, excluded: frozenset[str], file_columns: frozenset[str], rows: RowFilter | None
    ) -> Measuring | None:
        # Documents are fetched by key while their table is read, which takes a plan that knows how long they are.
        aside = None if file_columns else self.aside()
        if aside is None:
            return None
        wanted = self._wanted(table, excluded, file_columns, rows)
        plan = presumed_plan(self, wanted)
        if not self.reads_presumed(plan):
            return None

        def measure() -> TablePlan:
            with self._guard(table.label):
                return measured_plan(self, wanted, aside.rows)

        return Measuring(plan, measure=measure, agrees=self.agrees, cancel=aside.cancel)

    def _wanted(
        self, table: Table, excluded: frozenset[str], file_columns: frozenset[str], rows: RowFilter | None
    ) -> Wanted:
        where = "" if rows is None else render_rows(self, table, rows)
        return Wanted(table=table, excluded=excluded, file_columns=file_columns, where=where)

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
            yield tuple(as_text(value) or "" for value in row)

    def _explain(self, table: Table, rows: RowFilter) -> Explained:
        names = ", ".join(self.quote(c.name) for c in table.columns if c.carried != "excluded") or "1"
        sql = f"SELECT {names} FROM {self.from_rows(table, render_rows(self, table, rows))}"
        lines, scanned = self.explain_sql(sql)
        return Explained(sql=sql, lines=tuple(lines), scanned=tuple(scanned))

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
            # PostgreSQL orders by an output column before a column of the table: "id"::text would be called "id".
            select = ", ".join(f"{sql} AS {self.quote(f'portability {n}')}" for n, sql in enumerate([*key, raw]))
            found = self.from_rows(plan.table, carrying.unfit, detail.where)
            for row in self.rows(f"SELECT {select} FROM {found} ORDER BY {detail.order_sql}"):
                values = tuple(as_text(v) for v in row[:-1])
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
        source = self.from_rows(plan.table, where, detail.where)
        sizes = [size for (size,) in list(self.side_rows(f"SELECT {self.octets(carrying)} FROM {source}"))]
        if len(sizes) != 1:
            raise SourceDataError("its key names no single row", place=place)
        for piece in self.value_pieces(plan.table, carrying, source, int(sizes[0] or 0)):
            yield _bytes(piece)

    def value_pieces(self, table: Table, carrying: Carrying, source: str, size: int) -> Iterator[Any]:  # noqa: ARG002
        """Yield one value of ``size`` bytes in pieces; ``source`` is SQL of its row. Dialects know better ways."""
        return substring_pieces(self, carrying, source, self.piece_length)


def _bytes(value: Any) -> bytes:  # noqa: ANN401 -- a driver's value
    if value is None:
        return b""
    return (
        bytes(value)
        if isinstance(value, bytes | bytearray | memoryview)
        else str(value).encode("utf-8", "surrogatepass")
    )
