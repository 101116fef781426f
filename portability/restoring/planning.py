"""What is going to be made: tables with names and types in the target, and what of the archive cannot be as it was.

Types come from the DDL generators. Where source and target are of one kind, the declared types themselves are used:
values are loaded through the target's own input functions, so any type that it has can be filled. Values that became
files or exceptions are going to be put back, so the plan is made as if they had never left their columns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pyarrow as pa
import pyarrow.parquet as pq

from portability.archive import Archive
from portability.connectors.postgresql_large_objects import LARGE_OBJECT, is_large_objects
from portability.errors import FormatError, TargetError
from portability.formats.ddl import DIALECTS
from portability.formats.ddl.dialect import Dialect, PlannedColumn, PlannedTable
from portability.formats.ddl.planning import Plan, plan_tables
from portability.manifest import Column, ControlTotals, SourceSchema, Table
from portability.restoring.report import ColumnChange, LeftOut
from portability.targets import Target

__all__ = ["RestorePlan", "file_column", "plan_restore"]

# As PostgreSQL's format_type writes a type outside pg_catalog, and one in it.
_NAME = r'(?:"(?:[^"]|"")+"|[a-z_][a-z0-9_$]*)'
_QUALIFIED = re.compile(rf"{_NAME}\.{_NAME}")
_BUILT_IN = re.compile(r'"char"|[a-z][a-z0-9_ ]*(\([0-9, -]+\))?( with(out)? time zone)?((\[\])*)?')
_ENGINE = "a restore needs transactions; in MariaDB it is InnoDB here"
_MARIADB = re.compile(r"[a-z][a-z0-9]*(\([0-9, ]+\))?( unsigned)?( zerofill)?")


@dataclass(frozen=True, kw_only=True)
class RestorePlan:
    """The plan, the Arrow schema of each table's file, and what is already known to be different.

    ``types`` are enums and domains to make first: SQL name -> SQL that makes it. ``kin`` tells that source and target
    are of one kind.
    """

    plan: Plan
    kin: bool
    schemas: Mapping[str, pa.Schema]
    types: Mapping[str, str] = field(default_factory=dict)
    columns: tuple[ColumnChange, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    collations: frozenset[str] = frozenset()

    @property
    def dialect(self) -> Dialect:
        """The target's."""
        return self.plan.dialect

    def are_large_objects(self, table: PlannedTable) -> bool:
        """Tell whether a table's rows become large objects of PostgreSQL again, and no table is made of them."""
        whole = all(column.carried != "excluded" for column in table.table.columns)
        return self.kin and is_large_objects(table.table) and whole and bool(table.table.row_count)

    def of_tables(self) -> RestorePlan:
        """Return the plan of what is made as tables."""
        tables = tuple(table for table in self.plan.tables if not self.are_large_objects(table))
        return replace(self, plan=replace(self.plan, tables=tables))


def file_column(name: str) -> str:
    """Name the sidecar of a column whose values became files."""
    return f"{name}__file"


def plan_restore(archive: Archive, source: SourceSchema, totals: ControlTotals, target: Target) -> RestorePlan:
    """Decide everything that can be decided before the first row is read.

    Raises:
        FormatError: A table's file cannot be read.
        TargetError: No generator knows this kind of target.
    """
    dialect = next((each for each in DIALECTS if each.dbms == target.dbms), None)
    if dialect is None:
        raise TargetError("nothing can be restored into this kind of database", place=target.label)
    schemas = {table.file: _read_schema(archive, table) for table in source.tables if table.file}
    whole = source.with_tables(tuple(_with_values(table) for table in source.tables))
    kin = dialect.has_types_of(source.dbms)
    trimmed = {path: _without_files(schema) for path, schema in schemas.items()}
    plan = plan_tables(whole, dialect, trimmed, _without_exceptions(totals) if kin else totals)
    types: dict[str, str] = {}
    if kin:
        plan = replace(plan, tables=tuple(_native(table, dialect, types) for table in plan.tables))
    planned = RestorePlan(plan=plan, kin=kin, schemas=schemas, types=types)
    return replace(
        planned,
        columns=tuple(
            change for table in planned.of_tables().plan.tables for change in _changes(table, types, kin=kin)
        ),
        left_out=(*_excluded(source), *_not_recreated(source)),
        collations=_collations(target),
    )


def _read_schema(archive: Archive, table: Table) -> pa.Schema:
    try:
        return pq.read_schema(archive.data / table.file)
    except (OSError, pa.ArrowException) as error:
        raise FormatError(f"cannot be read: {type(error).__name__}", place=table.file) from error


def _with_values(table: Table) -> Table:
    return replace(
        table,
        columns=tuple(replace(c, carried="value") if c.carried == "file" else c for c in table.columns),
    )


def _without_files(schema: pa.Schema) -> pa.Schema:
    """Leave out the sidecars of values that are put back."""
    sidecars = {file_column(name) for name in schema.names}
    return pa.schema([each for each in schema if each.name not in sidecars or not pa.types.is_struct(each.type)])


def _without_exceptions(totals: ControlTotals) -> ControlTotals:
    """Totals as they are once every exception stands in its column again."""
    tables = (
        replace(table, columns=tuple(replace(column, excepted=0) for column in table.columns))
        for table in totals.tables
    )
    return replace(totals, tables=tuple(tables))


# -- types ------------------------------------------------------------------------------------------------------------


def _native(table: PlannedTable, dialect: Dialect, types: dict[str, str]) -> PlannedTable:
    declared = {column.name: column for column in table.table.columns}
    columns = []
    for planned in table.columns:
        column = declared.get(planned.source)
        native = _native_type(column, planned, dialect, types) if column else None
        columns.append(replace(planned, type=native) if native else planned)
    return replace(table, columns=tuple(columns))


def _native_type(column: Column, planned: PlannedColumn, dialect: Dialect, types: dict[str, str]) -> str | None:
    declared = column.native_type
    if declared == LARGE_OBJECT:
        return None
    if dialect.dbms == "mariadb":
        if column.labels is not None:
            word = "set" if declared.startswith("set") else "enum"
            return f"{word}({','.join(_quoted(label) for label in column.labels)})"
        return declared if _MARIADB.fullmatch(declared) else None
    if dialect.dbms != "postgresql":
        return None
    element = declared.partition("[")[0]
    if _QUALIFIED.fullmatch(declared) and declared not in types:
        labels = ", ".join(_quoted(label) for label in column.labels or ())
        kind = f"TYPE {declared} AS ENUM ({labels})" if column.labels else f"DOMAIN {declared} AS {planned.type}"
        types[declared] = f"CREATE {kind}"
    return declared if element in types or _BUILT_IN.fullmatch(declared) else None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _changes(table: PlannedTable, types: Mapping[str, str], *, kin: bool) -> list[ColumnChange]:
    declared = {column.name: column for column in table.table.columns}
    changes = []
    for planned in table.columns:
        column = declared.get(planned.source)
        why = _why(column, planned, types, kin=kin)
        if why:
            changes.append(
                ColumnChange(
                    table=table.table.label,
                    column=planned.source,
                    declared=column.native_type if column else "",
                    restored_as=planned.type,
                    why=why,
                )
            )
    return changes


def _why(column: Column | None, planned: PlannedColumn, types: Mapping[str, str], *, kin: bool) -> str:
    if column is None:
        return "the storage class of each value of the column beside it, which has one type here"
    if types.get(column.native_type, "").startswith("CREATE DOMAIN"):
        base = types[column.native_type].rpartition(" AS ")[2]
        return f"the archive does not say what the type is; a domain over {base} stands for it"
    if column.generated:
        return "it was computed; its values are here, what computes them is not"
    if planned.type.lower() == column.native_type.lower():
        return ""
    return "the declared type cannot be made again" if kin else "the type that holds every value exactly here"


# -- what is not made -------------------------------------------------------------------------------------------------


def _excluded(source: SourceSchema) -> list[LeftOut]:
    tables = [
        LeftOut(place=table.label, what="table", why=table.excluded or "it is not in the archive")
        for table in source.tables
        if not table.file
    ]
    columns = [
        LeftOut(place=f"{table.label}.{column.name}", what="column", why=_reason(column))
        for table in source.tables
        if table.file
        for column in table.columns
        if column.carried == "excluded"
    ]
    return tables + columns


def _reason(column: Column) -> str:
    reason = column.reason or "it is not in the archive"
    return reason if column.nullable else f"{reason}; it was declared NOT NULL"


def _not_recreated(source: SourceSchema) -> list[LeftOut]:
    why = "its text is in schema/source.json; running it is for whoever knows the system"
    views = [LeftOut(place=f"{view.schema}.{view.name}", what="view", why=why) for view in source.views]
    routines = [LeftOut(place=f"{r.schema}.{r.name}", what=r.kind, why=why) for r in source.routines]
    return views + routines + [each for table in source.tables if table.file for each in _manners(table)]


def _manners(table: Table) -> list[LeftOut]:
    """List what a table was beside its rows and columns."""
    said = {
        "partition_key": "all rows are in one table here",
        "inherits": "it is a table of its own here, with its own rows",
        "system_versioned": "only its current rows were exported",
    }
    found = [
        LeftOut(place=table.label, what=f"{name.replace('_', ' ')} {table.attributes[name]}", why=why)
        for name, why in said.items()
        if name in table.attributes
    ]
    engine = table.attributes.get("engine", "InnoDB")
    return found if engine == "InnoDB" else [*found, LeftOut(place=table.label, what=f"engine {engine}", why=_ENGINE)]


def _collations(target: Target) -> frozenset[str]:
    if target.dbms != "mariadb":
        return frozenset()
    found = target.query("SELECT collation_name AS name FROM information_schema.collations")
    return frozenset(found.column("name").to_pylist())
