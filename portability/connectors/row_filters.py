"""A scope's neutral row filters as a SQL source's own conditions.

Keys are followed by semi-joins, ``key IN (SELECT …)``, which every DBMS can drive from the small side by an index; what
must not be reached by ``NOT EXISTS``. Identifiers and values pass through the dialect's own quoting, always.
"""

from __future__ import annotations

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
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portability.manifest import Column, Table
    from portability.scoping.filters import Condition, RowFilter, TableName

__all__ = ["Dialect", "render_rows"]


class Dialect(Protocol):
    """What a SQL snapshot says about its DBMS."""

    def quote(self, name: str) -> str: ...

    def relation(self, table: Table) -> str: ...

    def among(self, column: Column, name: str, values: Sequence[str]) -> str: ...

    def day_bounds(self, column: Column, name: str, bounds: Between) -> str: ...


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

    def render(self, condition: Condition, place: _Place) -> str:
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
        inner, relation = self._inner(condition)
        names = ", ".join(self._name(each, place) for each in condition.columns)
        select = ", ".join(self._name(each, inner) for each in condition.to_columns)
        left = names if len(condition.columns) == 1 else f"({names})"
        return f"{left} IN (SELECT {select} FROM {relation} WHERE {self.render(condition.rows, inner)})"

    def _beyond(self, condition: Reaches, place: _Place) -> str:
        inner, relation = self._inner(condition)
        pairs = zip(condition.to_columns, condition.columns, strict=True)
        quote = self._dialect.quote
        joined = " AND ".join(f"{self._name(to, inner)} = {place.outer}.{quote(own)}" for to, own in pairs)
        return f"NOT EXISTS (SELECT 1 FROM {relation} WHERE {joined} AND ({self.render(condition.rows, inner)}))"


def _gaps(name: str, values: Sequence[int]) -> str:
    """SQL that is true for null and for every number but these."""
    inner = [f"({name} > {low:d} AND {name} < {high:d})" for low, high in pairwise(values)]
    outer = [f"{name} < {values[0]:d}", f"{name} > {values[-1]:d}"] if values else [f"{name} IS NOT NULL"]
    return " OR ".join([f"{name} IS NULL", *outer, *inner])
