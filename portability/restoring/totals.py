"""Control totals asked of the target by its own SQL, against those that the source gave when the archive was made.

PostgreSQL, MariaDB and SQLite are asked through their connectors, as an export would ask them; DuckDB through the
engine. A figure that the target keeps in another form (a decimal as text in SQLite) is computed from that form; one
that it has no form of is counted as not comparable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Context, Decimal
from typing import Any

from portability.connectors import open_connector
from portability.connectors.sql import SqlSnapshot
from portability.errors import TargetError
from portability.formats.ddl.dialect import PlannedColumn, PlannedTable
from portability.limits import Limits
from portability.manifest import ColumnTotals, Table, TableTotals
from portability.restoring.planning import RestorePlan
from portability.restoring.report import TotalsRecord
from portability.restoring.values import Tally
from portability.targets import Target
from portability.targets.duckdb import DuckdbTarget
from portability.totals import normal_number, time_text

__all__ = ["compare_totals"]

Tallies = Mapping[str, Mapping[str, Tally]]
_EXACT = Context(prec=1000)  # no sum of decimals of 38 digits needs as many


def compare_totals(
    target: Target, url: str, plan: RestorePlan, archived: Mapping[str, TableTotals], tallies: Tallies, limits: Limits
) -> TotalsRecord:
    """Compare every figure of every restored table; ``archived`` and ``tallies`` by the table's label.

    Raises:
        TargetError: The target cannot be asked.
    """
    compared = 0
    not_comparable: list[str] = []
    explained: list[str] = []
    differences: list[str] = []
    with _asking(target, url, plan, archived, limits) as ask:
        for table in plan.plan.tables:
            label, claimed = table.table.label, archived[table.table.label]
            found = ask(table)
            if found.rows != claimed.rows:
                differences.append(f"{label}: {claimed.rows} rows in the archive, {found.rows} here")
            by_name = {column.name: column for column in found.columns}
            for column in claimed.columns:
                planned = table.columns_of([column.name])[0]
                tally = tallies[label][column.name]
                for figure, theirs, ours in _figures(column, by_name[planned.name], planned, tally):
                    if ours is None and by_name[planned.name].non_null:
                        not_comparable.append(f"{label}.{column.name}: {figure}")
                        continue
                    compared += 1
                    if theirs != ours:
                        line = f"{label}.{column.name}: {figure} {theirs} in the archive, {ours} here"
                        is_said = bool(tally.reasons) and figure in ("minimum", "maximum")
                        (explained if is_said else differences).append(line)
    return TotalsRecord(
        compared=compared,
        explained=tuple(explained),
        differences=tuple(differences),
        not_comparable=tuple(not_comparable),
    )


def _figures(
    claimed: ColumnTotals, found: ColumnTotals, planned: PlannedColumn, tally: Tally
) -> Iterator[tuple[str, Any, Any]]:
    """Yield each archived figure as it must be here, with what it is; None where it cannot be asked."""
    yield "non_null", claimed.non_null - tally.nulls, found.non_null
    if claimed.true is not None:
        counted = found.true if found.true is not None else found.sum
        yield "true", claimed.true, None if counted is None and found.non_null else int(counted or 0)
    for figure in ("sum", "minimum", "maximum"):
        theirs, ours = getattr(claimed, figure), getattr(found, figure)
        if theirs is None:
            continue
        if planned.shape.kind == "time" and ours is not None and ":" not in ours:
            ours = time_text(int(ours))
        yield figure, theirs, ours
    if claimed.size_bytes is not None:
        yield "size_bytes", claimed.size_bytes + tally.size_bytes, found.size_bytes


# -- asking -----------------------------------------------------------------------------------------------------------


@contextmanager
def _asking(
    target: Target, url: str, plan: RestorePlan, archived: Mapping[str, TableTotals], limits: Limits
) -> Iterator[Any]:
    if isinstance(target, DuckdbTarget):
        yield lambda table: _ask_duckdb(target, plan, table)
        return
    with open_connector(url, limits=limits).snapshot() as snapshot:
        if not isinstance(snapshot, SqlSnapshot):
            raise TargetError("the target cannot be asked for its totals", place=target.label)
        source = snapshot.discover()
        tables = {(t.schema, t.name): t for t in source.tables}

        def ask(table: PlannedTable) -> TableTotals:
            there = tables[table.schema or source.default_schema, table.name]
            totals = snapshot.plan(there).totals
            if target.dbms != "sqlite":
                return totals
            return _with_texts(snapshot, there, table, totals, archived[table.table.label])

        yield ask


def _ask_duckdb(target: DuckdbTarget, plan: RestorePlan, table: PlannedTable) -> TableTotals:
    schema = plan.schemas[table.table.file]
    fields = [schema.field(schema.get_field_index(column.source)).with_name(column.name) for column in table.columns]
    return target.totals(table.table, fields, relation=plan.dialect.relation(table))


def _with_texts(
    snapshot: SqlSnapshot, there: Table, table: PlannedTable, totals: TableTotals, claimed: TableTotals
) -> TableTotals:
    """Add sums and bounds of what SQLite keeps as text: decimals, integers beyond its own, dates and times."""
    kinds = ("decimal", "integer", "date", "timestamp", "instant", "time")
    texts = [column for column in table.columns if column.type == "TEXT" and column.shape.kind in kinds]
    if not texts:
        return totals
    excepted = {column.name for column in claimed.columns if column.excepted}
    found = {column.name: column for column in totals.columns}
    names = ", ".join(snapshot.quote(column.name) for column in texts)
    spans = [_Span(column.shape.kind, is_odd=column.source in excepted) for column in texts]
    for row in snapshot.rows(f"SELECT {names} FROM {snapshot.relation(there)}"):
        for span, value in zip(spans, row, strict=True):
            span.add(value)
    for column, span in zip(texts, spans, strict=True):
        found[column.name] = span.merged(found[column.name])
    return TableTotals(schema=totals.schema, name=totals.name, rows=totals.rows, columns=tuple(found.values()))


class _Span:
    """Sum and bounds of texts that are numbers or times."""

    def __init__(self, kind: str, *, is_odd: bool) -> None:
        self._is_odd = is_odd  # some of them are exceptions that were put back: no numbers, no dates
        self._is_number = kind in ("decimal", "integer")
        self._is_time = kind == "time"
        self._is_moment = kind in ("timestamp", "instant")
        self._sum = Decimal(0)
        self._least: Any = None
        self._most: Any = None

    def add(self, value: Any) -> None:  # noqa: ANN401 -- bytes of a text, or None
        if value is None:
            return
        text = value.decode() if isinstance(value, bytes) else str(value)
        if self._is_odd and not self._is_proper(text):
            return
        number: Any = Decimal(text) if self._is_number else text
        if self._is_number:
            self._sum = _EXACT.add(self._sum, number)
        self._least = number if self._least is None or number < self._least else self._least
        self._most = number if self._most is None or number > self._most else self._most

    def _is_proper(self, text: str) -> bool:
        if self._is_number:
            return not text.strip("-.0123456789")
        if self._is_time:
            return not text.startswith("24")
        try:
            date.fromisoformat(text[:10])
        except ValueError:
            return False
        return len(text) == len("0001-01-01") or text[10:11] == " "

    def merged(self, totals: ColumnTotals) -> ColumnTotals:
        bounds = [self._text(value) for value in (self._least, self._most)]
        whole = normal_number(format(self._sum, "f")) if self._is_number and self._least is not None else None
        return ColumnTotals(name=totals.name, non_null=totals.non_null, sum=whole, minimum=bounds[0], maximum=bounds[1])

    def _text(self, value: Any) -> str | None:  # noqa: ANN401 -- a Decimal or a text
        if value is None:
            return None
        if self._is_number:
            return normal_number(format(value, "f"))
        plain = str(value).removesuffix("+00:00")
        return plain.replace(" ", "T", 1) if self._is_moment else plain
