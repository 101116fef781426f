"""What the scripts of one dialect are about: each carried table with its name, columns and types there.

Names are decided once here, so that create, load and constrain agree; every name that had to change is in ``renames``.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from portability.errors import FormatError
from portability.formats.carried import is_always_present, totals_of
from portability.formats.ddl.dialect import Dialect, PlannedColumn, PlannedTable
from portability.formats.ddl.shapes import shape_of
from portability.manifest import ControlTotals, SourceSchema, Table

__all__ = ["Names", "Plan", "Rename", "plan_tables"]

TYPEOF = "__typeof"
# Some tools read a script line by line: a line break in a name would end a command.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, kw_only=True)
class Rename:
    """A name that this dialect cannot have as it was."""

    what: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """All that the scripts of one dialect need."""

    dialect: Dialect
    source: SourceSchema
    totals: ControlTotals | None
    tables: tuple[PlannedTable, ...]
    renames: tuple[Rename, ...]

    def table(self, schema: str, name: str) -> PlannedTable | None:
        """Return the planned table of a source table; None when its rows are not in the archive."""
        return next((each for each in self.tables if (each.table.schema, each.table.name) == (schema, name)), None)


@dataclass
class Names:
    """The names taken in one namespace of a dialect."""

    dialect: Dialect
    taken: set[str] = field(default_factory=set)

    def take(self, wanted: str) -> str:
        """Return the name as it can be there: cleaned, cut, and with a number when another has it."""
        clean = self.dialect.clean(_CONTROL.sub("_", wanted)) or "_"
        candidate, number = self._cut(clean, ""), 1
        while self._folded(candidate) in self.taken:
            number += 1
            candidate = self._cut(clean, f"_{number}")
        self.taken.add(self._folded(candidate))
        return candidate

    def _cut(self, name: str, suffix: str) -> str:
        limit = self.dialect.name_max
        while limit and self.dialect.name_length(name + suffix) > limit:
            name = name[:-1]
        return name + suffix

    def _folded(self, name: str) -> str:
        if not self.dialect.folds_case:
            return name
        # Where case does not count, accents may not either: more names than needed are told apart.
        return "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if not unicodedata.combining(c))


def plan_tables(
    source: SourceSchema, dialect: Dialect, schemas: Mapping[str, pa.Schema], totals: ControlTotals | None
) -> Plan:
    """Decide names and types of every carried table in one dialect.

    Raises:
        FormatError: A table's Arrow schema is not given, or has a type that no dialect knows.
    """
    renames: list[Rename] = []
    spaces: dict[str, Names] = {}
    tables = []
    for table in source.tables:
        if not table.file:
            continue
        if table.file not in schemas:
            raise FormatError("has no Arrow schema to make types from", place=table.file)
        schema, wanted = _target_name(table, source, dialect)
        name = spaces.setdefault(schema, Names(dialect)).take(wanted)
        if name != table.name:
            renames.append(Rename(what="table", old=table.label, new=name))
        columns = _columns(table, source, dialect, schemas[table.file], totals)
        renames += [
            Rename(what="column", old=f"{table.label}.{each.source}", new=each.name)
            for each in columns
            if each.name != each.source
        ]
        tables.append(
            PlannedTable(
                table=table, schema=schema, name=name, columns=tuple(columns), file_width=len(schemas[table.file])
            )
        )
    return Plan(dialect=dialect, source=source, totals=totals, tables=tuple(tables), renames=tuple(renames))


def _target_name(table: Table, source: SourceSchema, dialect: Dialect) -> tuple[str, str]:
    """Return schema and name; the source's default schema is the target's, which needs no name."""
    if table.schema == source.default_schema:
        return "", table.name
    if dialect.has_schemas:
        return Names(dialect).take(table.schema), table.name
    return "", f"{table.schema}__{table.name}"


def _columns(
    table: Table, source: SourceSchema, dialect: Dialect, schema: pa.Schema, totals: ControlTotals | None
) -> Sequence[PlannedColumn]:
    names = Names(dialect)
    declared = {each.name: each for each in table.columns}
    counted = totals_of(totals, table)
    planned = []
    for position, each in enumerate(schema):
        column = declared.get(each.name)
        mixed = schema.get_field_index(f"{each.name}{TYPEOF}") if column else -1
        if column is None and each.name.endswith(TYPEOF) and dialect.keeps_storage_classes:
            continue  # the values themselves will have their classes again
        shape = shape_of(each.type, column, dbms=source.dbms, place=f"{table.label}.{each.name}")
        planned.append(
            PlannedColumn(
                source=each.name,
                position=position,
                name=names.take(each.name),
                shape=shape,
                type=dialect.type_of(shape, column, same=dialect.has_types_of(source.dbms)),
                required=column is not None and is_always_present(table, column, counted),
                typeof=mixed if mixed >= 0 else None,
            )
        )
    keys = _key_columns(table)
    return dialect.fit([replace(each, in_key=each.source in keys) for each in planned])


def _key_columns(table: Table) -> set[str]:
    keys = [table.primary_key] if table.primary_key else []
    return {name for key in [*keys, *table.unique_keys] for name in key.columns} | {
        name for key in table.foreign_keys for name in key.columns
    }
