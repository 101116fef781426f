"""Does the profile fit the target? Everything that does not is listed at once, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portability.errors import MappingError, TargetError
from portability.importing.conversions import convert
from portability.importing.ordering import deferred_columns, load_order
from portability.importing.plan import ID, REJECT, ColumnLoad, LoadPlan, TableLoad
from portability.importing.shapes import Shape, shape_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portability.manifest import Column, SourceSchema, Table
    from portability.profiles import Profile
    from portability.profiles.loading import LoadSection, LoadTable

__all__ = ["fit"]

_SHOWN = 40  # mistakes in one message


@dataclass(kw_only=True)
class _Wrong:
    """What does not fit: the target's part and the profile's."""

    target: list[str] = field(default_factory=list)
    profile: list[str] = field(default_factory=list)

    def refuse(self, place: str) -> None:
        """Raise when there is anything."""
        if self.target:
            hint = "Is it the right target, and the version that the profile is for? Nothing was written."
            raise TargetError(_listed(self.target), place=place, hint=hint)
        if self.profile:
            hint = "docs/target_profiles.md says what a load file gives. Nothing was written."
            raise MappingError(_listed(self.profile), place="load/", hint=hint)


def _listed(texts: list[str]) -> str:
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return "; ".join(texts[:_SHOWN]) + more


def fit(profile: Profile, schema: SourceSchema, types: Mapping[str, Mapping[str, str]]) -> LoadPlan:
    """Lay the profile beside the target's catalogue.

    Args:
        profile: With a ``load:`` section.
        schema: What the target declares.
        types: The columns of each load file with their DuckDB types.

    Raises:
        TargetError: Tables or columns are missing in the target.
        MappingError: The SQL gives what the target cannot take.
    """
    section = profile.load
    assert section is not None  # noqa: S101 -- the job refuses a profile without one
    wrong = _Wrong()
    tables = _tables(section, schema, wrong)
    wrong.refuse(schema.dbms)
    order = load_order(section.tables, tables)
    loads = []
    for number, name in enumerate(order):
        fitted = _Fitting(section.tables[name], tables[name], types[name], schema.dbms, wrong)
        loads.append(fitted.load(profile.loads[name], number, order, _group(section, name)))
    wrong.refuse(schema.dbms)
    _check_references(loads, wrong)
    wrong.refuse(schema.dbms)
    return LoadPlan(tables=tuple(loads), groups=section.groups or ("all",))


def _group(section: LoadSection, name: str) -> int:
    group = section.tables[name].group
    return section.groups.index(group) if group is not None else 0


def _tables(section: LoadSection, schema: SourceSchema, wrong: _Wrong) -> dict[str, Table]:
    there = {table.name: table for table in schema.tables if table.schema == schema.default_schema}
    wrong.target += [f"there is no table {name}" for name in sorted(set(section.tables) - set(there))]
    return {name: there[name] for name in section.tables if name in there}


def _check_references(loads: list[TableLoad], wrong: _Wrong) -> None:
    known = {load.name: load for load in loads}
    for load in loads:
        for column in load.references:
            reference = column.reference
            for name in reference.tables if reference else ():
                parent, place = known[name], f"{load.name}.{column.name}"
                if reference and reference.column is None and len(parent.key) != 1:
                    wrong.profile.append(f"{place}: {name} has a key of several columns and cannot be referred to")
                if reference and reference.column is not None and reference.column not in parent.names:
                    wrong.profile.append(f"{place}: load/{name}.sql does not give the column {reference.column}")
        for key in load.table.foreign_keys:
            parent_of = known.get(key.target_table)
            if parent_of is not None and parent_of.group > load.group:
                wrong.profile.append(f"{load.name} refers to {parent_of.name}, which belongs to a later group")


class _Fitting:
    """One table: its columns looked up, with everything wrong noted."""

    def __init__(self, spec: LoadTable, table: Table, types: Mapping[str, str], dbms: str, wrong: _Wrong) -> None:
        self._spec, self._table, self._types, self._dbms, self._wrong = spec, table, types, dbms, wrong
        self._there = {column.name.casefold(): column for column in table.columns}

    def load(self, sql: str, number: int, order: list[str], group: int) -> TableLoad:
        """Return what will be loaded."""
        self._check_identity()
        key = self._key()
        columns = tuple(c for c in map(self._column, self._given()) if c is not None)
        made = [self._made_key(name) for name in key if self._spec.key.kind != "own"]
        columns = (*(c for c in made if c is not None), *columns)
        self._check_named()
        if self._spec.match and len(key) != 1:
            self._wrong.profile.append(f"{self._spec.name} has match: and must have a key of one column for it")
        self._check_filled({c.name for c in columns}, key)
        filled = {c.name for c in columns}
        deferred = deferred_columns(self._spec.name, order, self._table, filled, by_row=self._dbms == "mariadb")
        return TableLoad(
            name=self._spec.name,
            number=number,
            group=group,
            spec=self._spec,
            sql=sql,
            table=self._table,
            columns=columns,
            key=key,
            has_reject=REJECT in self._types,
            deferred=deferred,
        )

    def _given(self) -> list[str]:
        return [name for name in self._types if name not in (ID, REJECT)]

    def _check_identity(self) -> None:
        if self._types.get(ID) != "VARCHAR":
            self._wrong.profile.append(f"load/{self._spec.name}.sql: the column {ID} is missing, or no VARCHAR")

    def _key(self) -> tuple[str, ...]:
        declared = self._table.primary_key.columns if self._table.primary_key else ()
        names = self._spec.key.names or declared
        if not names:
            self._wrong.profile.append(f"{self._spec.name} has no primary key: give key: {{columns: […]}}")
        return tuple(self._there[n.casefold()].name if n.casefold() in self._there else n for n in names)

    def _find(self, name: str) -> Column | None:
        column = self._there.get(name.casefold())
        if column is None:
            self._wrong.target.append(f"there is no column {self._spec.name}.{name}")
        elif column.generated is not None:
            self._wrong.profile.append(f"{self._spec.name}.{name} is computed by the target and cannot be given")
        return column

    def _made_key(self, name: str) -> ColumnLoad | None:
        column = self._find(name)
        if column is None:
            return None
        shape, kind = shape_of(column, self._dbms), self._spec.key.kind
        if name.casefold() in {given.casefold() for given in self._given()}:
            self._wrong.profile.append(f"load/{self._spec.name}.sql gives {name}, which is made by the engine")
        fits = ("int", "decimal") if kind == "integer" else ("uuid", "text", "bytes", "other")
        if shape.kind not in fits:
            self._wrong.profile.append(f"{self._spec.name}.{name}: {shape.native} cannot hold a key of kind {kind}")
        return ColumnLoad(name=column.name, sort="key", shape=shape, nullable=False, kind="TEXT")

    def _column(self, given: str) -> ColumnLoad | None:
        column = self._find(given)
        if column is None:
            return None
        references = {name.casefold(): each for name, each in self._spec.references.items()}
        codes = {name.casefold(): each for name, each in self._spec.codes.items()}
        reference, code = references.get(given.casefold()), codes.get(given.casefold())
        shape, kind = shape_of(column, self._dbms), self._types[given]
        sort = "reference" if reference else "code" if code else "value"
        if sort == "value":
            self._check_type(column, shape, kind)
        elif kind not in ("VARCHAR", '"NULL"'):
            self._wrong.profile.append(
                f"load/{self._spec.name}.sql: {given} is a {sort} and must be VARCHAR, not {kind}"
            )
        return ColumnLoad(
            name=column.name,
            sort=sort,
            shape=shape,
            nullable=column.nullable,
            kind=kind,
            code=code,
            reference=reference,
        )

    def _check_type(self, column: Column, shape: Shape, kind: str) -> None:
        made, hint = convert(shape, kind, "x")
        if made is None:
            wanted = f"but the target wants {column.native_type} ({hint})"
            self._wrong.profile.append(f"load/{self._spec.name}.sql: {column.name} is {kind}, {wanted}")

    def _check_named(self) -> None:
        """Whatever the profile says of columns must be about columns that the SQL gives."""
        given = {name.casefold() for name in self._given()}
        for what, names in (
            ("references", self._spec.references),
            ("codes", self._spec.codes),
            ("match", self._spec.match),
        ):
            for name in names:
                if name.casefold() not in given:
                    self._wrong.profile.append(f"{what} of {self._spec.name} names {name}, which the SQL does not give")

    def _check_filled(self, filled: set[str], key: tuple[str, ...]) -> None:
        for column in self._table.columns:
            needed = not column.nullable and column.default is None and not column.identity and not column.generated
            if needed and column.name not in filled:
                self._wrong.profile.append(
                    f"{self._spec.name}.{column.name} must be filled and has no default, but the SQL does not give it"
                )
        for name in key:
            if name not in filled and self._spec.key.kind == "own":
                self._wrong.profile.append(f"{self._spec.name}.{name} belongs to the key, but the SQL does not give it")
