"""Any ODBC driver, when the address says ``dialect=generic``: read twice in different forms, and compared.

Nothing is known of the DBMS's SQL, so nothing is asked but ``SELECT`` of columns and ``COUNT``. A table's values come
as the driver's texts into a private engine, whose SQL does what else a dialect's would: order, scopes, control totals.
A second reading asks the driver for other conversions of the same values; where a column of it differs, or the server
counts otherwise, the export ends. docs/adr/0026 says what that proves, and what it does not.
"""

from __future__ import annotations

import math
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from portability.connectors.carrying import BATCH_BYTES
from portability.connectors.files_sql import TextDialect, coded
from portability.connectors.files_text import has_marks, original_bytes
from portability.connectors.odbc_generic_catalogue import OPTIONAL, read_catalogue
from portability.duck import beside_another, open_engine
from portability.errors import ConfigError, ConnectorError, PortabilityError, SourceDataError
from portability.manifest import SnapshotRecord
from portability.staging import open_staging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from portability.connectors.connector import SourceException, TablePlan
    from portability.connectors.odbc_generic_catalogue import Catalogue
    from portability.connectors.odbc_generic_types import Reading
    from portability.connectors.odbc_session import OdbcSession
    from portability.limits import Limits
    from portability.manifest import Column, SourceSchema, Table
    from portability.scoping.filters import RowFilter

    Figures = dict[str, tuple[Any, ...]]

__all__ = ["WORKER", "GenericSnapshot", "check_generic", "open_generic"]

WORKER = "portability.connectors.odbc_generic_worker"
# A float's characters need not name it; six digits of sums and bounds are what every driver prints.
_ROUGHLY = 1e-5
_ROWS = ""  # the figures of whole rows, beside those of columns
_NOTE = (
    "by the generic dialect: each table read twice in different forms, with the same result, and counted by the "
    "server; no figure of the values is the server's own."
)


@contextmanager
def open_generic(session: OdbcSession, limits: Limits, options: Mapping[str, str]) -> Iterator[GenericSnapshot]:
    """Begin the strictest transaction that the driver has and the address allows; keep the texts in a private place."""
    record = _begin(session, options.get("isolation", ""))
    with (
        open_staging(Path(tempfile.gettempdir())) as staging,
        open_engine(beside_another(limits), scratch=staging.path, folders=[staging.path]) as engine,
    ):
        snapshot = GenericSnapshot(session, engine, record, limits, skip=_skipped(options))
        snapshot.look()
        yield snapshot


def check_generic(options: Mapping[str, str], place: str) -> None:
    """Refuse options that mean nothing to the generic dialect.

    Raises:
        ConfigError: One of them does.
    """
    if (isolation := options.get("isolation", "")) not in ("", "serializable", "window"):
        raise ConfigError(f"there is no isolation {isolation!r}", place=place, hint="serializable, or window.")
    if unknown := set(_skipped(options)).difference(OPTIONAL):
        raise ConfigError(f"{min(unknown)} cannot be skipped", place=place, hint=f"Only {', '.join(OPTIONAL)}.")


def _skipped(options: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(filter(None, options.get("skip", "").split(",")))


def _begin(session: OdbcSession, isolation: str) -> SnapshotRecord:
    answer: Any = {"isolation": ""} if isolation == "window" else session.ask({"do": "begin"})
    reached = answer["isolation"]
    if reached == "SERIALIZABLE":
        return SnapshotRecord(method="one SERIALIZABLE transaction, as the driver promises", level="exact", note=_NOTE)
    if isolation == "serializable":
        hint = "Stop all writers, and give ?isolation=window."
        raise ConfigError("the driver offers no SERIALIZABLE transactions", place="source", hint=hint)
    method = f"one {reached} transaction" if reached else "statement by statement"
    said = f"{_NOTE} Tables were read one after the other while others may have written."
    return SnapshotRecord(method=method, level="window", note=said)


class GenericSnapshot(TextDialect):
    """One connection of a driver, and an engine with the texts of the tables that were wanted."""

    def __init__(
        self,
        session: OdbcSession,
        engine: duckdb.DuckDBPyConnection,
        record: SnapshotRecord,
        limits: Limits,
        *,
        skip: Sequence[str] = (),
    ) -> None:
        self.limits = limits
        self.record = record
        self.engine = engine
        self.conversions = {}
        self._session = session
        self._skip = skip
        self._found: Catalogue | None = None
        self._staged: dict[str, str] = {}
        # Columns that must not leave the source, by their table's label.
        self._excluded: dict[str, frozenset[str]] = {}

    def look(self) -> None:
        """Ask for something, since a transaction sees what there is when it is first asked."""
        for table in self._catalogue.schema.tables:
            with suppress(ConnectorError):  # one that the account may not read
                self._counted(table, {})
                return

    # -- what there is ------------------------------------------------------------------------------------------------

    @property
    def _catalogue(self) -> Catalogue:
        if self._found is None:
            self._found = read_catalogue(self._session, self.record, skip=self._skip)
        return self._found

    def _discover(self) -> SourceSchema:
        catalogue = self._catalogue
        tables = tuple(self._distinguished(table) for table in catalogue.schema.tables)
        return catalogue.schema.with_tables(tables)

    def _distinguished(self, table: Table) -> Table:
        """Name types apart that are called the same and read in different ways: they are found by their names."""
        readings, columns = self._catalogue.readings[table.label], []
        for column in table.columns:
            reading = readings.get(column.name)
            native = column.native_type
            if reading is not None:
                while self.conversions.setdefault(native, reading.conversion) != reading.conversion:
                    native += f" as {reading.conversion.native}"
            columns.append(replace(column, native_type=native))
        return replace(table, columns=tuple(columns))

    # -- reading from the driver --------------------------------------------------------------------------------------

    def _plan(
        self,
        table: Table,
        *,
        excluded: frozenset[str],
        file_columns: frozenset[str],
        rows: RowFilter | None = None,
    ) -> TablePlan:
        self._excluded[table.label] = excluded
        plan = super()._plan(table, excluded=excluded, file_columns=file_columns, rows=rows)
        wider = self._wider(table)
        attributes = plan.table.attributes | ({"wider_than_declared": wider} if wider else {})
        filled = {totals.name: totals.non_null == plan.totals.rows for totals in plan.totals.columns}
        # Some drivers say of every column that it has no nulls.
        columns = tuple(replace(c, nullable=c.nullable or not filled.get(c.name, True)) for c in plan.table.columns)
        detail = replace(plan.detail, batch_rows=min(plan.detail.batch_rows, self._rows_at_once(table)))
        return replace(plan, table=replace(plan.table, attributes=attributes, columns=columns), detail=detail)

    def relation(self, table: Table) -> str:
        if table.label not in self._staged:
            self._staged[table.label] = self._stage(table)
        return self._staged[table.label]

    def named_relation(self, table: Table) -> str:
        return f"{self.relation(table)} AS {self.quote(table.name)}"

    def _readings(self, table: Table) -> dict[str, Reading]:
        excluded = self._excluded.get(table.label, frozenset())
        return {k: v for k, v in self._catalogue.readings_of(table.label).items() if k not in excluded}

    def _stage(self, table: Table) -> str:
        """Read a table twice, keep the first reading, and compare."""
        readings = self._readings(table)
        target = f'"{coded(table.label)}"'
        declared = ", ".join(f"{self.quote(name)} VARCHAR" for name in readings) or "portability_nothing VARCHAR"
        self.engine.execute(f"CREATE OR REPLACE TABLE {target} ({declared})")
        counted = self._counted(table, readings)
        self._require_listed(table)
        for texts in self._texts(table, readings, second=False):
            self._with(texts, lambda: self.engine.execute(f"INSERT INTO {target} SELECT * FROM incoming"))
        if not readings:
            self.engine.execute(f"INSERT INTO {target} SELECT NULL FROM range({counted[_ROWS]})")
        expected = self._figures(table, readings, target)
        found: Figures = {}
        none = f"(SELECT * FROM {target} LIMIT 0)"
        for texts in self._texts(table, readings, second=True):
            renamed = texts.rename_columns([coded(name) for name in readings])
            self._with(renamed, lambda: _add(found, self._figures(table, readings, "incoming")))
        if readings:
            self._require_equal(table, readings, expected, found or self._figures(table, readings, none))
        self._require_counted(table, counted, expected)
        self._require_key(table, target)
        return target

    def _with(self, texts: pa.RecordBatch, do: Callable[[], object]) -> None:
        self.engine.register("incoming", texts)
        do()
        self.engine.unregister("incoming")

    def _texts(self, table: Table, readings: Mapping[str, Reading], *, second: bool) -> Iterator[pa.RecordBatch]:
        if not readings:
            return iter(())
        asked = {
            "sql": self._select(table, [self._catalogue.quoted(name) for name in readings]),
            "forms": [reading.forms[second] for reading in readings.values()],
            "second": second,
            "value_bytes_max": self.limits.odbc_value_bytes_max,
        }
        return self._session.batches(asked, self.limits.batch_rows)

    def _select(self, table: Table, items: Sequence[str]) -> str:
        return f"SELECT {', '.join(items)} FROM {self._catalogue.relations[table.label]}"

    def _counted(self, table: Table, readings: Mapping[str, Reading]) -> dict[str, int]:
        """What the server counts: rows, and values of columns where it can."""
        able = int(self._session.info["aggregates"])
        columns = [name for name, reading in readings.items() if able and not reading.is_long]
        items = ["COUNT(*)", *(f"COUNT({self._catalogue.quoted(name)})" for name in columns)]
        asked = {"sql": self._select(table, items), "forms": ["narrow"] * len(items), "second": False}
        (batch,) = self._session.batches(asked | {"value_bytes_max": 0}, 1)
        return dict(zip([_ROWS, *columns], (int(column[0].as_py()) for column in batch.columns), strict=True))

    def _count(self, table: Table, rows: RowFilter | None = None) -> int:
        return self._counted(table, {})[_ROWS] if rows is None else super()._count(table, rows)

    # -- comparing ----------------------------------------------------------------------------------------------------

    def _figures(self, table: Table, readings: Mapping[str, Reading], relation: str) -> Figures:
        """Of each column, figures that do not depend on the order of rows; of floats, such as bear rounding."""
        columns = {name: table.column(name) for name in readings}
        exact = {n: self._settled(c) for n, c in columns.items() if readings[n].conversion.kind != "float"}
        wanted = {name: [f"count({self.quote(name)})", f"sum(hash({value}))"] for name, value in exact.items()}
        for name in columns.keys() - exact.keys():
            value = self.value(columns[name])
            wanted[name] = [f"count({value})", f"sum(abs({value}))", f"min({value})", f"max({value})"]
        rows = ["count(*)", *([f"sum(hash({', '.join(exact.values())}))"] if exact else [])]
        wanted = {_ROWS: rows} | wanted
        sql = ", ".join(sql for each in wanted.values() for sql in each)
        # Not by a cursor of its own: that would not see what is registered here.
        (answer,) = self.engine.execute(f"SELECT {sql} FROM {relation}").fetchall()
        found = iter(answer)
        return {name: tuple(next(found) for _ in each) for name, each in wanted.items()}

    def _settled(self, column: Column) -> str:
        """SQL of a value in one spelling, whichever form it came in; of what is no such value, its text."""
        name, conversion = self.quote(column.name), self.conversion(column)
        if conversion.kind in ("text", "bytes"):
            return name
        if conversion.kind == "opaque":
            return f"lower({self.value(column)})"
        return f"coalesce(CAST({self.value(column)} AS VARCHAR), {name})"

    def _require_equal(self, table: Table, readings: Mapping[str, Reading], first: Figures, second: Figures) -> None:
        differing = [name for name in readings if not _agree(first[name], second[name])]
        if not differing and _agree(first[_ROWS], second[_ROWS]):
            return
        said = ", ".join(differing) or "the order of values among the columns"
        hint = (
            "The driver gives other values when it is asked in another way, or somebody writes. Stop writers; take a "
            "newer driver; exclude the column; or let the DBMS write the table as CSV."
        )
        raise SourceDataError(f"two readings of the table differ in {said}", place=table.label, hint=hint)

    @staticmethod
    def _require_counted(table: Table, counted: Mapping[str, int], found: Figures) -> None:
        for name, count in counted.items():
            if found[name][0] != count:
                what = f"values of {name}" if name else "rows"
                message = f"{found[name][0]} {what} were read but the server counts {count}"
                raise SourceDataError(message, place=table.label, hint="Stop writers, or take another driver.")

    def _require_listed(self, table: Table) -> None:
        """A driver may list fewer columns than a table has: those that the DBMS computes, for one."""
        sql = f"{self._select(table, ['*'])} WHERE 1 = 0"
        width = len(table.columns)
        with suppress(ConnectorError):  # not every SQL has such a condition
            answer: Any = self._session.ask({"do": "width", "sql": sql})
            width = answer["width"]
        if width > len(table.columns):
            message = f"the driver lists {len(table.columns)} of its {width} columns"
            raise SourceDataError(message, place=table.label, hint="Take another driver, or exclude the table.")

    def _require_key(self, table: Table, target: str) -> None:
        """A primary key that names no single row shows that rows came twice, or values were cut."""
        if table.primary_key is None or not set(table.primary_key.columns) <= self._readings(table).keys():
            return
        names = ", ".join(self.quote(name) for name in table.primary_key.columns)
        ((twice,),) = self.rows(f"SELECT count(*) FROM (SELECT 1 FROM {target} GROUP BY {names} HAVING count(*) > 1)")
        if twice:
            hint = "The driver gives rows twice or cuts values, or the key is none: take another driver."
            raise SourceDataError(f"{twice} values of the primary key are there twice", place=table.label, hint=hint)

    def _rows_at_once(self, table: Table) -> int:
        """So many rows as fit a batch if all were as long as the longest."""
        lengths = [f"coalesce(strlen({self.quote(name)}), 0)" for name in self._readings(table)]
        ((longest,),) = self.rows(f"SELECT max({' + '.join(lengths) or '0'}) FROM {self.relation(table)}")
        return max(1, BATCH_BYTES // max(1, longest or 0))

    def _wider(self, table: Table) -> str:
        """Columns with values wider than they are declared, and how many."""
        widths = {name: reading.width for name, reading in self._readings(table).items() if reading.width}
        if not widths:
            return ""
        # A byte is two digits.
        digits = {name: 1 if self.conversion(table.column(name)).is_text else 2 for name in widths}
        counts = (f"count(*) FILTER (length({self.quote(n)}) > {w * digits[n]})" for n, w in widths.items())
        (found,) = list(self.rows(f"SELECT {', '.join(counts)} FROM {self.relation(table)}"))
        return ", ".join(f"{name} ({count})" for name, count in zip(widths, found, strict=True) if count)

    # -- what the archive gets ----------------------------------------------------------------------------------------

    def _exceptions(self, plan: TablePlan) -> Iterator[SourceException]:
        for each in super()._exceptions(plan):
            text = each.raw.decode()
            yield replace(each, raw=original_bytes(text, "utf-16")) if has_marks(text) else each

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        if isinstance(error, duckdb.OutOfMemoryException | duckdb.FatalException):
            hint = "Raise duckdb_memory_mib in the configuration's limits, or exclude columns of long values."
            return ConnectorError("its rows are too long for the private engine", place=place, hint=hint)
        if isinstance(error, duckdb.Error | pa.ArrowException):
            # The libraries quote values in their messages.
            return SourceDataError(f"the values cannot be read as declared: {type(error).__name__}", place=place)
        return None


def _add(found: Figures, more: Figures) -> None:
    """Add the figures of some more rows: counts and sums, and of floats the least and the greatest."""
    for name, figures in more.items():
        if name not in found:
            found[name] = figures
            continue
        sums = [_sum(a, b) for a, b in zip(found[name][:2], figures[:2], strict=True)]
        bounds = [_bound(do, a, b) for do, a, b in zip((min, max), found[name][2:], figures[2:], strict=False)]
        found[name] = (*sums, *bounds)


def _sum(left: Any, right: Any) -> Any:  # noqa: ANN401 -- a number, or None of no rows
    return right if left is None else left if right is None else left + right


def _bound(do: Callable[..., Any], left: Any, right: Any) -> Any:  # noqa: ANN401 -- a number, or None of no rows
    if left is None or right is None:
        return _sum(left, right)
    # Not-a-number is above all numbers, as in the engine.
    return do(left, right, key=lambda value: (math.isnan(value), value))


def _agree(first: tuple[Any, ...], second: tuple[Any, ...]) -> bool:
    return all(
        math.isclose(a, b, rel_tol=_ROUGHLY) or (math.isnan(a) and math.isnan(b))
        if isinstance(a, float) and isinstance(b, float)
        else a == b
        for a, b in zip(first, second, strict=True)
    )
