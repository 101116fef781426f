"""What an import will do, decided before a row is read: the target's tables, their columns, keys and order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.duck import quote

if TYPE_CHECKING:
    from portability.importing.shapes import Shape
    from portability.manifest import ForeignKey, Table
    from portability.profiles.loading import LoadTable, Reference

__all__ = ["ID", "REJECT", "ColumnLoad", "LoadPlan", "TableLoad"]

ID = "_id"
REJECT = "_reject"


@dataclass(frozen=True, kw_only=True)
class ColumnLoad:
    """A target column that is filled.

    ``sort`` is value, code, reference or key (made by the engine); ``kind`` the DuckDB type that the SQL gives.
    """

    name: str
    sort: str
    shape: Shape
    nullable: bool
    kind: str = "VARCHAR"
    code: str | None = None
    reference: Reference | None = None


@dataclass(frozen=True, kw_only=True)
class TableLoad:
    """A target table that is filled.

    Args:
        key: Names of the key's columns.
        deferred: Columns that stay empty until all rows are there, because they lead in a circle.
        number: Place in the order of loading; parents come first.
    """

    name: str
    number: int
    group: int
    spec: LoadTable
    sql: str
    table: Table
    columns: tuple[ColumnLoad, ...]
    key: tuple[str, ...]
    has_reject: bool = False
    deferred: frozenset[str] = frozenset()

    @property
    def raw(self) -> str:
        """The rows as the SQL gives them, in DuckDB."""
        return f"raw.{quote(self.name)}"

    @property
    def act(self) -> str:
        """What becomes of each row: id, hash, action and key, in DuckDB."""
        return f"act.{quote(self.name)}"

    @property
    def old(self) -> str:
        """The crosswalk's lines of the table, in DuckDB."""
        return f"old.{quote(self.name)}"

    @property
    def keys(self) -> str:
        """Canonical id to target key, of rows that are there or will be, in DuckDB."""
        return f"keys.{quote(self.name)}"

    @property
    def stage(self) -> str:
        """Name of the staging table in the target; the number keeps long names apart."""
        return f"_portability_stage_{self.number}_{self.name[:30]}"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that are filled."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> ColumnLoad:
        """Return the column of that name; KeyError when it is not filled."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    @property
    def references(self) -> tuple[ColumnLoad, ...]:
        """The columns that lead to rows of loaded tables."""
        return tuple(column for column in self.columns if column.reference is not None)

    def made_key(self) -> bool:
        """Whether the engine makes the key."""
        return self.spec.key.kind != "own"

    def open_foreign_keys(self) -> tuple[ForeignKey, ...]:
        """Declared references that the engine does not resolve itself: the target must be asked about each value."""
        resolved = {c.name for c in self.columns if c.reference is not None and c.reference.column is None}
        filled = set(self.names)
        return tuple(
            key
            for key in self.table.foreign_keys
            if set(key.columns) <= filled and not (len(key.columns) == 1 and key.columns[0] in resolved)
        )


@dataclass(frozen=True, kw_only=True)
class LoadPlan:
    """All tables, in the order in which they are loaded."""

    tables: tuple[TableLoad, ...]
    groups: tuple[str, ...]

    def table(self, name: str) -> TableLoad:
        """Return a table by its name; KeyError when it is not loaded."""
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(name)

    def in_group(self, number: int) -> tuple[TableLoad, ...]:
        """Return a group's tables in their order."""
        return tuple(table for table in self.tables if table.group == number)
