"""What every connector is: a source that can be looked at in one consistent view, measured, and read exactly.

Legal order of calls: ``Connector.snapshot()`` (a context manager) -> ``discover`` -> for each table ``plan`` ->
``read`` -> ``exceptions``; or ``presume`` in place of ``plan``, so that ``read`` need not wait for the measuring. A
connector never writes to its source, never infers a type from the first rows, and never alters a value: what the Arrow
type cannot hold is null in the batches, counted in the plan's totals and yielded by ``exceptions`` with its original
text.

Authors implement the underscored methods; the public ones guard the door: they turn a driver's exceptions into ours
and check what comes back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from portability.connectors.pace import Pace
from portability.errors import ConnectorError, PortabilityError, SourceDataError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.plurals import first_few

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    import pyarrow as pa

    from portability.connectors.measuring import Measuring
    from portability.connectors.url import SourceUrl
    from portability.manifest import SnapshotRecord, SourceSchema, Table, TableTotals
    from portability.scoping.filters import RowFilter

__all__ = [
    "UNREADABLE",
    "Connector",
    "Explained",
    "Snapshot",
    "SourceException",
    "TablePlan",
    "require_rows",
    "size_column",
    "unreadable",
]

# The ``reason`` of a discovered column that the account may not select.
UNREADABLE = "the account may not read it"


def size_column(name: str) -> str:
    """Name the transport column that carries the length of each value of a column whose values become files."""
    return f"{name}__size"


@dataclass(frozen=True, kw_only=True)
class SourceException:
    """A value that could not be carried: its row's key and the source's own text of it."""

    column: str
    key: tuple[str | None, ...]
    reason: str
    raw: bytes


@dataclass(frozen=True, kw_only=True)
class TablePlan:
    """How one table travels, decided from its declaration and measured in the snapshot.

    ``table`` has row count, row order and each column's Arrow type filled in. ``schema`` is that of the batches that
    ``read`` yields: the carried columns, ``<name>__typeof`` sidecars, and a ``<name>__size`` for each of
    ``file_columns``. ``detail`` is the connector's own. A ``presumed`` plan has not been measured yet: its totals are
    empty, it is good for ``read`` alone, and no value that it reads is longer than ``limits.inline_value_bytes``.
    """

    table: Table
    schema: pa.Schema
    totals: TableTotals
    file_columns: tuple[str, ...] = ()
    detail: Any = field(default=None, repr=False)
    presumed: bool = False


@dataclass(frozen=True, kw_only=True)
class Explained:
    """How the DBMS would find a table's rows: the SQL, its plan line by line, and what it would read whole.

    ``scanned`` names tables of which every row, or every entry of an index, would be looked at.
    """

    sql: str
    lines: tuple[str, ...]
    scanned: tuple[str, ...]


class Snapshot(ABC):
    """One view of the source, with the exactness that ``record`` states."""

    record: SnapshotRecord
    # Equal identities mean equal data; None when the source cannot tell.
    identity: str | None = None
    limits: Limits = DEFAULT_LIMITS

    @abstractmethod
    def _discover(self) -> SourceSchema: ...

    @abstractmethod
    def _plan(
        self,
        table: Table,
        *,
        excluded: frozenset[str],
        file_columns: frozenset[str],
        rows: RowFilter | None = None,
    ) -> TablePlan: ...

    def _presume(
        self,
        table: Table,  # noqa: ARG002
        *,
        excluded: frozenset[str],  # noqa: ARG002
        file_columns: frozenset[str],  # noqa: ARG002
        rows: RowFilter | None,  # noqa: ARG002
    ) -> Measuring | None:
        """Begin to measure beside the reading; None where no second session sees the same data."""
        return None

    @abstractmethod
    def _count(self, table: Table, rows: RowFilter | None = None) -> int: ...

    def _keys(self, table: Table, columns: Sequence[str], rows: RowFilter) -> Iterator[tuple[str, ...]]:
        raise _cannot_filter(table, columns, rows)

    def _proven_keys(self) -> frozenset[tuple[tuple[str, str], tuple[str, ...]]]:
        return frozenset()

    def _explain(self, table: Table, rows: RowFilter) -> Explained:
        raise _cannot_filter(table, rows)

    @abstractmethod
    def _read(self, plan: TablePlan) -> Iterator[pa.RecordBatch]: ...

    @abstractmethod
    def _exceptions(self, plan: TablePlan) -> Iterator[SourceException]: ...

    @abstractmethod
    def _read_value(self, plan: TablePlan, column: str, key: Sequence[Any]) -> Iterator[bytes]: ...

    def _revive(self) -> bool:
        return False

    @abstractmethod
    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        """Turn a driver's exception into ours; None when it is not the driver's."""

    @contextmanager
    def _guard(self, place: str) -> Iterator[None]:
        try:
            yield
        except PortabilityError as error:
            error.place = error.place or place
            raise
        except Exception as error:
            ours = self._foreign(error, place)
            if ours is None:
                raise
            raise ours from error

    def discover(self) -> SourceSchema:
        """Return everything the source declares: tables with all that belongs to them, views, routines, sequences."""
        with self._guard("catalogue"):
            return self._discover()

    def check_readable(
        self, tables: Iterable[Table], *, excluded: Mapping[str, AbstractSet[str]] | None = None
    ) -> None:
        """Refuse tables that the account may not read whole, all of them in one message.

        Args:
            tables: As discovered, without those that are excluded.
            excluded: Columns that will not be selected, by the table's label.

        Raises:
            ConnectorError: Some table or column cannot be read.
        """
        barred = [
            line for table in tables for line in unreadable(table, (excluded or {}).get(table.label, frozenset()))
        ]
        if barred:
            hint = (
                "Grant the account SELECT (in PostgreSQL also USAGE of their schema, and BYPASSRLS where rows are "
                "hidden), or exclude them in the profile."
            )
            message = f"cannot be read whole: {first_few(barred)}"
            raise ConnectorError(message, place="privileges", hint=hint, details=barred)

    def count(self, table: Table, rows: RowFilter | None = None) -> int:
        """Count a table's rows, or those of them that a scope names."""
        with self._guard(table.label):
            return self._count(table) if rows is None else self._count(table, rows)

    def keys(self, table: Table, columns: Sequence[str], rows: RowFilter) -> Iterator[tuple[str, ...]]:
        """Yield the distinct values of some columns in the rows named, as text (bytes as hex), without nulls."""
        with self._guard(table.label):
            yield from self._keys(table, columns, rows)

    def proven_keys(self) -> frozenset[tuple[tuple[str, str], tuple[str, ...]]]:
        """Foreign keys (schema and name of a table, columns) that the DBMS has checked against every row."""
        with self._guard("catalogue"):
            return self._proven_keys()

    def explain(self, table: Table, rows: RowFilter) -> Explained:
        """Ask the DBMS how it would find the rows named; none is read."""
        with self._guard(table.label):
            return self._explain(table, rows)

    def plan(
        self,
        table: Table,
        *,
        excluded: frozenset[str] = frozenset(),
        file_columns: frozenset[str] = frozenset(),
        rows: RowFilter | None = None,
    ) -> TablePlan:
        """Measure a table and decide how each column travels.

        Args:
            table: As discovered.
            excluded: Columns that must not leave the source; they are not selected.
            file_columns: Columns whose values are documents: every value becomes a file.
            rows: The rows that may be read, all when None; the plan is measured over them and ``read``, ``exceptions``
                and ``read_value`` see no other.
        """
        with self._guard(table.label):
            if rows is None:  # a connector of a third party may know of no scopes
                return self._plan(table, excluded=excluded, file_columns=file_columns)
            return self._plan(table, excluded=excluded, file_columns=file_columns, rows=rows)

    def presume(
        self,
        table: Table,
        *,
        excluded: frozenset[str] = frozenset(),
        file_columns: frozenset[str] = frozenset(),
        rows: RowFilter | None = None,
    ) -> Measuring | None:
        """Return a plan that can be read at once while the table is measured beside; None: ``plan`` it first.

        What was read stands only when the measured plan turns out to be the same; otherwise read again by that one.
        The arguments are those of ``plan``.
        """
        if self.limits.read_rows_per_s:
            return None  # whoever asks for a slow reader does not want two queries at once
        with self._guard(table.label):
            return self._presume(table, excluded=excluded, file_columns=file_columns, rows=rows)

    def read(self, plan: TablePlan) -> Generator[pa.RecordBatch, None, None]:
        """Yield the table's rows in the plan's order; nothing when no column is carried: such a batch has no rows.

        A reader that stops before the end ends the snapshot: what the source still sends is not read. Not so with a
        presumed plan: whatever becomes of its reading, the table can be read by its measured plan afterwards.

        Raises:
            SourceDataError: The rows read are not as many as were measured, or a batch has another schema.
        """
        rows = 0
        if not len(plan.schema):
            return
        pace = Pace(self.limits.read_rows_per_s)
        with self._guard(plan.table.label):
            for batch in self._read(plan):
                rows += batch.num_rows
                if not batch.schema.equals(plan.schema):
                    raise ConnectorError(
                        "the connector returned another schema than it planned", place=plan.table.label
                    )
                yield batch
                pace.keep(batch.num_rows)
        if not plan.presumed:
            require_rows(plan, rows)

    def revive(self) -> bool:
        """After a lost connection: whether the view of the data is held yet, so that a table can be read again."""
        with self._guard("source"):
            return self._revive()

    def exceptions(self, plan: TablePlan) -> Iterator[SourceException]:
        """Yield each value that the batches carry as null although the source has one."""
        with self._guard(plan.table.label):
            yield from self._exceptions(plan)

    def read_value(self, plan: TablePlan, column: str, key: Sequence[Any]) -> Iterator[bytes]:
        """Yield one long value in pieces; ``key`` holds the row's primary key values as read."""
        with self._guard(f"{plan.table.label}.{column}"):
            yield from self._read_value(plan, column, key)


def require_rows(plan: TablePlan, rows: int) -> None:
    """Refuse a table of which not as many rows were read as were counted."""
    if rows != plan.totals.rows:
        message = f"{rows} rows were read but {plan.totals.rows} were counted in the same snapshot"
        hint = "The table changed under a source that cannot hold a snapshot; stop its writers."
        raise SourceDataError(message, place=plan.table.label, hint=hint)


def _cannot_filter(table: Table, *_: object) -> ConnectorError:
    hint = "Export the whole source, or scope the archive by another route."
    return ConnectorError("this connector cannot keep a scope", place=table.label, hint=hint)


def unreadable(table: Table, excluded: AbstractSet[str] = frozenset()) -> list[str]:
    """Name the table, or its columns, with the reason why they cannot be read; nothing when all can."""
    wanted = [column for column in table.columns if column.name not in excluded]
    barred = [column for column in wanted if column.reason is not None]
    reasons = sorted({str(column.reason) for column in barred})
    if barred and len(barred) == len(wanted) and len(reasons) == 1:
        return [f"{table.label} ({reasons[0]})"]
    return [f"{table.label}.{column.name} ({column.reason})" for column in barred]


class Connector(ABC):
    """One source, not yet opened."""

    schemes: ClassVar[tuple[str, ...]]

    def __init__(self, url: SourceUrl, *, limits: Limits = DEFAULT_LIMITS) -> None:
        self.url = url
        self.limits = limits

    @abstractmethod
    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Open a read-only session and yield one consistent view; close it afterwards, whatever happens.

        Raises:
            SourceUnavailableError: Cannot be reached.
            ConnectorError: Refused, or the driver is missing.
        """
