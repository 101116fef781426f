"""A scope's neutral row filters as a SQL source's own conditions.

Keys are followed by semi-joins, ``key IN (SELECT …)``, which every DBMS can drive from the small side by an index; what
must not be reached by ``NOT EXISTS``. Where collations or types may call different keys equal, a second comparison
beside the indexed one knows only bytes. Identifiers and values pass through the dialect's own quoting, always.
"""

from __future__ import annotations

from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from portability.errors import ConnectorError
from portability.scoping.filters import (
    AllOf,
    Among,
    AnyOf,
    Apart,
    Between,
    Everything,
    Filled,
    Nothing,
    Reaches,
    Undated,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from portability.manifest import Column, Table
    from portability.scoping.filters import Condition, RowFilter, TableName

__all__ = ["Dialect", "render_rows"]


class Dialect(Protocol):
    """What a SQL snapshot says about its DBMS."""

    def quote(self, name: str) -> str: ...

    def relation(self, table: Table) -> str: ...

    def among(self, column: Column, name: str, values: Sequence[str]) -> str: ...

    def exact_key(self, column: Column, name: str) -> str:
        """SQL of a key's value in a form that compares by its characters alone, whatever the column is."""

    def comparable(self, column: Column, other: Column, name: str) -> str | None:
        """SQL of ``other``'s value that may stand beside ``column`` and its index; None where there is none."""

    def compares_exactly(self, column: Column, other: Column) -> bool:
        """Whether the DBMS calls values of two columns equal only when they read the same."""

    def day_bounds(self, column: Column, name: str, bounds: Between) -> str: ...

    def no_day(self, name: str) -> str: ...


def render_rows(dialect: Dialect, table: Table, rows: RowFilter) -> str:
    """Return the condition for a WHERE over ``table``; empty when every row is meant."""
    if isinstance(rows.condition, Everything):
        return ""
    tables = {(each.schema, each.name): each for each in rows.tables}
    place = _Place(table, "", dialect.quote(table.name))
    return _Renderer(dialect, tables).render(rows.condition, place)


class _Place:
    """Where a condition stands: its table, what goes before a column's name, and how a subquery calls the table."""

    def __init__(self, table: Table, prefix: str, outer: str) -> None:
        self.table, self.prefix, self.outer = table, prefix, outer


class _Renderer:
    def __init__(self, dialect: Dialect, tables: Mapping[TableName, Table]) -> None:
        self._dialect = dialect
        self._tables = tables
        self._aliases = 0
        # Within a comparison beside which an exact one stands: what is inside need not be exact a second time.
        self._near_only = False

    def render(self, condition: Condition, place: _Place) -> str:  # noqa: C901 -- one case for each condition
        match condition:
            case Everything():
                return "1 = 1"
            case Nothing():
                return "1 = 0"
            case Among():
                return self._among(condition.columns, condition.values, place)
            case Apart():
                return _gaps(self._name(condition.column, place), sorted(condition.values))
            case Between():
                name = self._name(condition.column, place)
                return self._dialect.day_bounds(place.table.column(condition.column), name, condition)
            case Undated():
                return self._dialect.no_day(self._name(condition.column, place))
            case Filled():
                words, joint = (" IS NULL", " OR ") if condition.no else (" IS NOT NULL", " AND ")
                return "(" + joint.join(self._name(each, place) + words for each in condition.columns) + ")"
            case AllOf():
                return " AND ".join(f"({self.render(each, place)})" for each in condition.conditions)
            case AnyOf():
                return " OR ".join(f"({self.render(each, place)})" for each in condition.conditions)
            case Reaches():
                return self._beyond(condition, place) if condition.no else self._reaches(condition, place)

    def _name(self, column: str, place: _Place) -> str:
        return place.prefix + self._dialect.quote(column)

    def _among(self, columns: tuple[str, ...], values: Sequence[tuple[str, ...]], place: _Place) -> str:
        """Values of several columns are nested by the first: what they have in common is said once."""
        column = place.table.column(columns[0])
        name = self._name(columns[0], place)
        if len(columns) == 1:
            return self._dialect.among(column, name, [value for (value,) in values]) if values else "1 = 0"
        grouped: dict[tuple[tuple[str, ...], ...], list[str]] = {}
        for first in dict.fromkeys(value[0] for value in values):
            rest = tuple(value[1:] for value in values if value[0] == first)
            grouped.setdefault(rest, []).append(first)
        parts = [
            f"({self._dialect.among(column, name, firsts)} AND ({self._among(columns[1:], rest, place)}))"
            for rest, firsts in grouped.items()
        ]
        return " OR ".join(parts) or "1 = 0"

    def _inner(self, condition: Reaches) -> tuple[_Place, str]:
        try:
            table = self._tables[condition.table]
        except KeyError:
            raise ConnectorError("a scope's path leads to an unknown table", place=".".join(condition.table)) from None
        self._aliases += 1
        alias = self._dialect.quote(f"scope_{self._aliases}")
        return _Place(table, f"{alias}.", alias), f"{self._dialect.relation(table)} AS {alias}"

    def _reaches(self, condition: Reaches, place: _Place) -> str:
        """The semi-join by the columns as they are, for the index, and where that is not exact a second one."""
        if self._are_exact(condition, place):
            return self._semi_join(condition, place, exact=False) or "1 = 0"
        with self._nearly(near_only=True):
            near = self._semi_join(condition, place, exact=False)
        if self._near_only:
            return near or "1 = 1"
        return " AND ".join(filter(None, (near, self._semi_join(condition, place, exact=True))))

    @contextmanager
    def _nearly(self, *, near_only: bool) -> Iterator[None]:
        before, self._near_only = self._near_only, near_only
        yield
        self._near_only = before

    def _are_exact(self, condition: Reaches, place: _Place) -> bool:
        return all(self._dialect.compares_exactly(own, to) for own, to in self._pairs(condition, place))

    def _pairs(self, condition: Reaches, place: _Place) -> list[tuple[Column, Column]]:
        target = self._tables.get(condition.table)
        if target is None:
            raise ConnectorError("a scope's path leads to an unknown table", place=".".join(condition.table))
        return [
            (place.table.column(own), target.column(to))
            for own, to in zip(condition.columns, condition.to_columns, strict=True)
        ]

    def _semi_join(self, condition: Reaches, place: _Place, *, exact: bool) -> str | None:
        inner, relation = self._inner(condition)
        names, select = [], []
        for own, to in self._pairs(condition, place):
            left, right = self._name(own.name, place), self._name(to.name, inner)
            if exact:
                left, right = self._dialect.exact_key(own, left), self._dialect.exact_key(to, right)
            else:
                beside = self._dialect.comparable(own, to, right)
                if beside is None:
                    return None
                right = beside
            names.append(left)
            select.append(right)
        left = names[0] if len(names) == 1 else f"({', '.join(names)})"
        return f"{left} IN (SELECT {', '.join(select)} FROM {relation} WHERE {self.render(condition.rows, inner)})"

    def _beyond(self, condition: Reaches, place: _Place) -> str:
        inner, relation = self._inner(condition)
        outer = f"{place.outer}."
        joined = []
        for own, to in self._pairs(condition, place):
            left, right = self._name(to.name, inner), outer + self._dialect.quote(own.name)
            beside = self._dialect.comparable(to, own, right)
            if beside is not None:
                joined.append(f"{left} = {beside}")
            if beside is None or not self._dialect.compares_exactly(own, to):
                joined.append(f"{self._dialect.exact_key(to, left)} = {self._dialect.exact_key(own, right)}")
        with self._nearly(near_only=False):
            met = " AND ".join([*joined, f"({self.render(condition.rows, inner)})"])
        return f"NOT EXISTS (SELECT 1 FROM {relation} WHERE {met})"


def _gaps(name: str, values: Sequence[int]) -> str:
    """SQL that is true for null and for every number but these."""
    inner = [f"({name} > {low:d} AND {name} < {high:d})" for low, high in pairwise(values)]
    outer = [f"{name} < {values[0]:d}", f"{name} > {values[-1]:d}"] if values else [f"{name} IS NOT NULL"]
    return " OR ".join([f"{name} IS NULL", *outer, *inner])
