"""The vendor's tables as data: how one line of text becomes a table description.

A table is written as `Table(name, "COL type[!]; COL type", ...)`: `!` means NOT NULL, the name is everything before the
last blank (so that a name may hold blanks). Nothing here knows a database; `ddl` renders the types for each one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

__all__ = ["Column", "Reference", "Table"]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column in the vendor's own type words, such as `money` or `char(4)`."""

    name: str
    kind: str
    required: bool


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A declared foreign key to the primary key of another table."""

    columns: tuple[str, ...]
    table: str


@dataclass(frozen=True)
class Table:
    """One table of the vendor's schema; the text fields are read by the properties."""

    name: str
    text: str
    key: str = ""
    references: str = ""
    indexes: tuple[str, ...] = ()
    comment: str = ""
    notes: dict[str, str] = field(default_factory=dict)

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns in their declared order."""
        return tuple(_parse_column(part.strip()) for part in self.text.split(";"))

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the column names in their declared order."""
        return tuple(column.name for column in self.columns)

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Return the primary key's columns; empty for the table without a key."""
        return _split(self.key)

    @property
    def foreign_keys(self) -> tuple[Reference, ...]:
        """Return the declared foreign keys, written `A,B>TABLE; C>TABLE`."""
        parts = [part.strip().split(">") for part in self.references.split(";") if part.strip()]
        return tuple(Reference(columns=_split(names), table=table) for names, table in parts)


def _split(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _parse_column(text: str) -> Column:
    name, kind = text.rsplit(" ", 1)
    return Column(name=name.strip(), kind=kind.removesuffix("!"), required=kind.endswith("!"))
