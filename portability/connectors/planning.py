"""How a SQL table's plan is made: measured by the source's own aggregates, or presumed from the declaration alone.

Aggregate scans tell how a table travels: *probes*, which tell whether all values fit the type that the declaration
promises, and *totals*, the control totals of the values as carried. An aggregate whose SQL text was asked before is not
asked again, so a dialect whose probes are worded like its totals needs one scan for a table without surprises.

A presumed plan is the plan of a table whose values hold no surprise. It is good for reading while the measured plan is
still being made, and what was read by it is good when the measured plan turns out to be the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.carrying import Carrying
from portability.connectors.connector import TablePlan, size_column
from portability.errors import ConnectorError, SourceDataError
from portability.manifest import ColumnTotals, TableTotals
from portability.totals import normal_float, normal_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from portability.connectors.sql import SqlSnapshot
    from portability.manifest import Column, Table

    Ask = Callable[[str], Iterator[tuple[Any, ...]]]

__all__ = [
    "STREAMED_VALUE_BYTES",
    "SqlPlan",
    "Wanted",
    "as_text",
    "asked_first",
    "measured_plan",
    "plans_agree",
    "presumed_plan",
]

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


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is to be planned: a table, but for some columns, in the rows that ``where`` names."""

    table: Table
    excluded: frozenset[str] = frozenset()
    file_columns: frozenset[str] = frozenset()
    where: str = ""

    @property
    def columns(self) -> list[Column]:
        """The columns that are carried."""
        return [column for column in self.table.columns if column.name not in self.excluded]


@dataclass(kw_only=True)
class _Measurement:
    """The answers of one table's aggregates, each asked once. ``ask`` runs a query in some session of the snapshot."""

    label: str
    relation: str
    ask: Ask
    known: dict[str, Any] = field(default_factory=dict)

    def values(self, wanted: Mapping[tuple[str, str], str]) -> tuple[int, dict[tuple[str, str], Any]]:
        """Ask for what is not known yet; return the number of rows and every value wanted."""
        missing = list(dict.fromkeys(sql for sql in wanted.values() if sql not in self.known and sql != _ROWS))
        least = 0 if _ROWS in self.known else 1
        for start in range(0, max(least, len(missing)), AGGREGATES_PER_QUERY):
            part = missing[start : start + AGGREGATES_PER_QUERY]
            (row,) = list(self.ask(f"SELECT {', '.join([_ROWS, *part])} FROM {self.relation}"))
            if self.known.setdefault(_ROWS, row[0]) != row[0]:
                hint = "Stop its writers and run again."
                raise SourceDataError("the table changed while it was measured", place=self.label, hint=hint)
            self.known.update(zip(part, row[1:], strict=True))
        return int(self.known[_ROWS]), {key: self.known[sql] for key, sql in wanted.items()}


def measured_plan(source: SqlSnapshot, wanted: Wanted, ask: Ask) -> TablePlan:
    """Measure a table by ``ask`` and decide how each column travels."""
    measurement = _measurement(source, wanted, ask)
    measurement.known.update(source.foreknown(wanted, ask))
    columns = wanted.columns
    probes = {(c.name, slot): sql for c in columns for slot, sql in source.probes(c).items()}
    probes |= {(c.name, "non_null"): _non_null(source, wanted.table, c) for c in columns}
    count, probed = measurement.values(probes)
    again = {(c.name, slot): sql for c in columns for slot, sql in source.reprobes(c, _of(c, probed)).items()}
    probed |= measurement.values(again)[1]
    carryings, as_files = _carried(source, wanted, probed)
    totals = _totals(source, wanted.table, carryings, measurement)
    full = {column.name for column in totals.columns if column.non_null == count}
    sizes = (int(value or 0) for (_, slot), value in probed.items() if slot == "size")
    plan = _plan(source, wanted, carryings, as_files, full=full)
    detail = replace(plan.detail, streamed=any(size > STREAMED_VALUE_BYTES for size in sizes))
    return replace(plan, table=replace(plan.table, row_count=count), totals=totals, detail=detail, presumed=False)


def presumed_plan(source: SqlSnapshot, wanted: Wanted) -> TablePlan:
    """Return the plan that will do if no value surprises; only what no declaration settles is asked."""
    carryings, as_files = _carried(source, wanted, source.presumptions(wanted))
    return _plan(source, wanted, carryings, as_files, full={column.name for column in wanted.columns})


def asked_first(source: SqlSnapshot, wanted: Wanted) -> dict[tuple[str, str], Any]:
    """Ask the probes of those columns of which the declaration does not say how they travel."""
    unsettled = [column for column in wanted.columns if not source.settled_by_declaration(column)]
    if not unsettled:
        return {}
    probes = {(c.name, slot): sql for c in unsettled for slot, sql in source.probes(c).items()}
    return _measurement(source, wanted, source.rows).values(probes)[1]


def plans_agree(presumed: TablePlan, measured: TablePlan) -> bool:
    """Whether both plans ask the source for the same rows in the same words and make the same batches of them."""
    return (
        presumed.detail == measured.detail
        and presumed.file_columns == measured.file_columns
        and presumed.schema.equals(measured.schema)
        and replace(presumed.table, row_count=measured.table.row_count) == measured.table
    )


def _measurement(source: SqlSnapshot, wanted: Wanted, ask: Ask) -> _Measurement:
    return _Measurement(label=wanted.table.label, relation=source.from_rows(wanted.table, wanted.where), ask=ask)


def _carried(
    source: SqlSnapshot, wanted: Wanted, probed: Mapping[tuple[str, str], Any]
) -> tuple[list[Carrying], list[str]]:
    """Decide how each column travels, and name those of which some values become files."""
    carryings: list[Carrying] = []
    as_files: list[str] = []
    for column in wanted.columns:
        seen = _of(column, probed)
        every = column.name in wanted.file_columns
        if every or int(seen.get("size") or 0) > source.limits.inline_value_bytes:
            as_files.append(column.name)
            value, *beside = source.decide_file(column, seen)
            carryings += [*_as_file(source, wanted.table, value, every=every), *beside]
        else:
            carryings += source.decide(column, seen)
    return carryings, as_files


def _as_file(source: SqlSnapshot, table: Table, carrying: Carrying, *, every: bool) -> list[Carrying]:
    if carrying.kind not in ("text", "bytes"):
        place = f"{table.label}.{carrying.name}"
        raise ConnectorError("only text and bytes can be carried as files", place=place, hint="Mend the profile.")
    octets = source.octets(carrying)
    # An empty value is no document: it stays in its column.
    floor = 0 if every else source.limits.inline_value_bytes
    fits = f"CASE WHEN {octets} <= {STREAMED_VALUE_BYTES} THEN {carrying.select} END"
    length = f"CASE WHEN {octets} > {floor} THEN {octets} END"
    sidecar = Carrying(name=size_column(carrying.name), arrow=pa.int64(), select=length, kind="")
    return [replace(carrying, select=fits), sidecar]


def _plan(
    source: SqlSnapshot, wanted: Wanted, carryings: Sequence[Carrying], as_files: Sequence[str], *, full: set[str]
) -> TablePlan:
    """Put a presumed plan together; ``full`` are columns without a null."""
    described = _described(wanted, carryings, as_files)
    key = _key(described, full, wanted.excluded)
    detail = SqlPlan(
        carryings=tuple(carryings),
        order_sql=_order_sql(source, described, wanted.columns, key),
        key=key,
        batch_rows=source.limits.batch_rows,
        where=wanted.where,
    )
    return TablePlan(
        table=replace(described, order=key),
        schema=pa.schema([pa.field(c.name, c.arrow) for c in carryings]),
        totals=TableTotals(schema=described.schema, name=described.name, rows=0, columns=()),
        file_columns=tuple(as_files),
        detail=detail,
        presumed=True,
    )


def _described(wanted: Wanted, carryings: Sequence[Carrying], as_files: Sequence[str]) -> Table:
    arrows = {c.name: str(c.arrow) for c in carryings}
    columns = tuple(
        replace(c, carried="excluded")
        if c.name in wanted.excluded
        else replace(c, arrow_type=arrows[c.name], carried="file" if c.name in as_files else "value")
        for c in wanted.table.columns
    )
    return replace(wanted.table, columns=columns)


def _order_sql(source: SqlSnapshot, table: Table, columns: Sequence[Column], key: tuple[str, ...]) -> str:
    if key:
        return ", ".join(source.key_term(table.column(name)) for name in key)
    return ", ".join(source.order_term(column) for column in columns) or "1"


def _key(table: Table, full: set[str], excluded: frozenset[str]) -> tuple[str, ...]:
    """The columns that name a row: the primary key, else a unique key declared without nulls, else none.

    SQLite lets a primary key hold nulls; then it names no row.
    """
    candidates = [table.primary_key] if table.primary_key and full.issuperset(table.primary_key.columns) else []
    candidates += [k for k in table.unique_keys if not any(table.column(name).nullable for name in k.columns)]
    return next((key.columns for key in candidates if not excluded.intersection(key.columns)), ())


def _of(column: Column, probed: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    return {slot: value for (name, slot), value in probed.items() if name == column.name}


def _non_null(source: SqlSnapshot, table: Table, column: Column) -> str:
    return _ROWS if source.never_null(table, column) else f"count({source.quote(column.name)})"


def _totals(source: SqlSnapshot, table: Table, carryings: Sequence[Carrying], measurement: _Measurement) -> TableTotals:
    wanted: dict[tuple[str, str], str] = {}
    real = [c for c in carryings if c.kind]
    for carrying in real:
        wanted[carrying.name, "non_null"] = _non_null(source, table, table.column(carrying.name))
        if carrying.unfit:
            wanted[carrying.name, "excepted"] = f"sum(CASE WHEN {carrying.unfit} THEN 1 ELSE 0 END)"
        wanted |= {(carrying.name, slot): sql for slot, sql in source.totals(carrying).items()}
    rows, found = measurement.values(wanted)
    columns = tuple(_column_totals(c, {slot: v for (name, slot), v in found.items() if name == c.name}) for c in real)
    return TableTotals(schema=table.schema, name=table.name, rows=rows, columns=columns)


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
    text = as_text(value)
    if text is None:
        return None
    return normal_number(f"{text}E-{carrying.scale}" if carrying.codec == "scaled" else text)


def _bound(value: Any, carrying: Carrying) -> str | None:  # noqa: ANN401 -- a driver's value
    text = as_text(value)
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


def as_text(value: Any) -> str | None:  # noqa: ANN401 -- a driver's value
    """Return what a driver gives as text; bytes that are not UTF-8 with their escapes."""
    if value is None:
        return None
    return value.decode("utf-8", "backslashreplace") if isinstance(value, bytes | bytearray) else str(value)
