"""What a dialect of SQL must say of itself, so that the same three scripts can be written in it.

The methods that add constraints return a :class:`Statement`: SQL, or the reason why this DBMS cannot have it. What
the *data* forbids (a broken reference, an excluded column) is decided elsewhere and does not reach a dialect.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from portability.formats.ddl.shapes import Shape
from portability.manifest import Column, Table

__all__ = ["Dialect", "PlannedColumn", "PlannedTable", "Reference", "Statement", "comment", "quoted_text"]


@dataclass(frozen=True, kw_only=True)
class PlannedColumn:
    """A column of a file and what it is in a dialect.

    ``typeof`` is the position of the sidecar that tells each value's storage class; ``in_key`` says that a key or a
    reference of the source uses the column.
    """

    source: str
    position: int
    name: str
    shape: Shape
    type: str
    required: bool = False
    typeof: int | None = None
    in_key: bool = False

    @property
    def alias(self) -> str:
        """The column's name where the file is read: by position, because names may differ by case alone."""
        return f"c{self.position}"


@dataclass(frozen=True, kw_only=True)
class PlannedTable:
    """A carried table and its name in a dialect; ``schema`` is empty for the default one."""

    table: Table
    schema: str
    name: str
    columns: tuple[PlannedColumn, ...]
    file_width: int

    @property
    def stem(self) -> str:
        """The file's name without folder and suffix."""
        return self.table.file.rpartition("/")[2].removesuffix(".parquet")

    def columns_of(self, names: Sequence[str]) -> list[PlannedColumn]:
        """Return the columns of these source names, in this order."""
        by_source = {each.source: each for each in self.columns}
        return [by_source[name] for name in names]


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A foreign key between two carried tables, and its actions as (event, action)."""

    table: PlannedTable
    columns: Sequence[PlannedColumn]
    target: PlannedTable
    target_columns: Sequence[PlannedColumn]
    actions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Statement:
    """SQL without its semicolon, or the reason why there is none."""

    sql: str = ""
    reason: str = ""


def comment(text: str) -> str:
    """Write text as SQL comment lines; no line break in it, of whatever kind, ends the comment."""
    return "\n".join(f"-- {line}".rstrip() for line in text.replace("\0", " ").splitlines() or [""])


def quoted_text(text: str) -> str:
    """Quote a text as standard SQL does."""
    return "'" + text.replace("'", "''") + "'"


class Dialect(ABC):
    """One DBMS as a target."""

    name: ClassVar[str]
    title: ClassVar[str]
    dbms: ClassVar[str]  # what a source of this DBMS calls itself
    kin: ClassVar[frozenset[str]] = frozenset()  # others whose types mean the same here
    name_max: ClassVar[int] = 0
    has_schemas: ClassVar[bool] = True
    folds_case: ClassVar[bool] = True
    keeps_storage_classes: ClassVar[bool] = False
    transport_head: ClassVar[str] = ""  # what csv.sql begins with
    inline_keys: ClassVar[bool] = False  # keys and references can only be declared with the table

    # -- names --------------------------------------------------------------------------------------------------------

    def quote(self, name: str) -> str:
        """Quote an identifier."""
        return '"' + name.replace('"', '""') + '"'

    def name_length(self, name: str) -> int:
        """Measure a name as this DBMS limits it."""
        return len(name)

    def clean(self, name: str) -> str:
        """Replace what this DBMS cannot have in a name."""
        return name

    def relation(self, table: PlannedTable) -> str:
        """Quote a table's name, with its schema where it has one."""
        return f"{self.quote(table.schema)}.{self.quote(table.name)}" if table.schema else self.quote(table.name)

    def names(self, columns: Sequence[PlannedColumn]) -> str:
        """Quote a list of columns."""
        return ", ".join(self.quote(each.name) for each in columns)

    def has_types_of(self, dbms: str) -> bool:
        """Tell whether a source's own types can be kept."""
        return dbms == self.dbms or dbms in self.kin

    # -- tables -------------------------------------------------------------------------------------------------------

    @abstractmethod
    def type_of(self, shape: Shape, column: Column | None, *, same: bool) -> str:
        """Return the type that holds every value of a shape exactly; the native one where it is safe."""

    def fit(self, columns: list[PlannedColumn]) -> list[PlannedColumn]:
        """Widen types where all of them together break a limit of this DBMS."""
        return columns

    def create_schema(self, name: str) -> str:
        """Return SQL that makes a schema."""
        return f"CREATE SCHEMA IF NOT EXISTS {self.quote(name)}"

    def column_definition(self, column: PlannedColumn) -> str:
        """Return a column's line in CREATE TABLE."""
        return f"{self.quote(column.name)} {column.type}{' NOT NULL' if column.required else ''}".rstrip()

    def table_options(self) -> str:
        """Return what follows the closing bracket of CREATE TABLE."""
        return ""

    # -- constraints --------------------------------------------------------------------------------------------------

    def primary_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        """Add a primary key."""
        constraint = f"CONSTRAINT {self.quote(name)} PRIMARY KEY ({self.names(columns)})"
        return Statement(sql=f"ALTER TABLE {self.relation(table)} ADD {constraint}")

    def unique_key(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn]) -> Statement:
        """Add a unique key; several rows may have nulls in it."""
        constraint = f"CONSTRAINT {self.quote(name)} UNIQUE ({self.names(columns)})"
        return Statement(sql=f"ALTER TABLE {self.relation(table)} ADD {constraint}")

    def foreign_key(self, name: str, reference: Reference) -> Statement:
        """Add a reference."""
        if reason := self.cannot_refer(reference):
            return Statement(reason=reason)
        constraint = f"CONSTRAINT {self.quote(name)} {self.reference(reference)}"
        return Statement(sql=f"ALTER TABLE {self.relation(reference.table)} ADD {constraint}")

    def index(self, table: PlannedTable, name: str, columns: Sequence[PlannedColumn], *, unique: bool) -> Statement:
        """Add an index."""
        word = "UNIQUE INDEX" if unique else "INDEX"
        return Statement(sql=f"CREATE {word} {self.quote(name)} ON {self.relation(table)} ({self.names(columns)})")

    def check(self, table: PlannedTable, name: str, expression: str) -> Statement:
        """Add a check, in this DBMS's own words."""
        return Statement(
            sql=f"ALTER TABLE {self.relation(table)} ADD CONSTRAINT {self.quote(name)} CHECK ({expression})"
        )

    def cannot_refer(self, reference: Reference) -> str:
        """Return why two lists of columns cannot be compared here, or nothing."""
        pairs = zip(reference.columns, reference.target_columns, strict=True)
        differ = [f"{a.type} / {b.type}" for a, b in pairs if a.shape.kind != b.shape.kind]
        return f"the types differ: {', '.join(differ)}" if differ else ""

    def reference(self, reference: Reference) -> str:
        """Return the FOREIGN KEY clause."""
        target = f"{self.relation(reference.target)} ({self.names(reference.target_columns)})"
        actions = "".join(f" ON {event} {action}" for event, action in reference.actions if self.can_act(action))
        return f"FOREIGN KEY ({self.names(reference.columns)}) REFERENCES {target}{actions}"

    def can_act(self, action: str) -> bool:
        """Tell whether a referential action exists here."""
        return action in {"CASCADE", "SET NULL", "SET DEFAULT", "RESTRICT", "NO ACTION"}

    # -- loading ------------------------------------------------------------------------------------------------------

    @abstractmethod
    def how_to(self, script: str) -> str:
        """Say how a script (``create``, ``csv``, ``load``, ``constrain``) is run."""

    @abstractmethod
    def load(self, tables: Sequence[PlannedTable]) -> str:
        """Return load.sql without its head."""

    @abstractmethod
    def transport(self, table: PlannedTable) -> str:
        """Return the DuckDB statement that writes what load.sql reads; empty when that is the Parquet file."""
