"""How many rows of the archive refer to nothing, for targets that must know before a table is made."""

from __future__ import annotations

from dataclasses import replace

import duckdb

from portability.archive import Archive
from portability.duck import open_engine
from portability.errors import FormatError
from portability.formats.carried import are_values
from portability.formats.totals import scan_sql
from portability.limits import Limits
from portability.manifest import ForeignKey, SourceSchema, Table
from portability.restoring.creating import uses_own_text
from portability.restoring.planning import RestorePlan

__all__ = ["with_broken_rows"]


def with_broken_rows(archive: Archive, plan: RestorePlan, source: SourceSchema, limits: Limits) -> SourceSchema:
    """Return the schema with each reference's broken rows counted, but for tables that are made by their own text."""
    own = {table.table.label for table in plan.plan.tables if uses_own_text(plan, table)}
    tables = {(table.schema, table.name): table for table in source.tables}
    with open_engine(limits, scratch=None, folders=[archive.data]) as engine:
        return source.with_tables(
            tuple(
                table
                if table.label in own
                else replace(
                    table,
                    foreign_keys=tuple(
                        _counted(engine, archive, table, key, tables, plan) for key in table.foreign_keys
                    ),
                )
                for table in source.tables
            )
        )


def _counted(
    engine: duckdb.DuckDBPyConnection,
    archive: Archive,
    table: Table,
    key: ForeignKey,
    tables: dict[tuple[str, str], Table],
    plan: RestorePlan,
) -> ForeignKey:
    target = tables.get((key.target_schema, key.target_table))
    if target is None or not are_values(table, key.columns) or not are_values(target, key.target_columns):
        return key
    mine = [_value(plan, table, "a", name) for name in key.columns]
    theirs = [_value(plan, target, "b", name) for name in key.target_columns]
    present = " AND ".join(f"{value} IS NOT NULL" for value in mine)
    equal = " AND ".join(f"{one} = {other}" for one, other in zip(mine, theirs, strict=True))
    sql = (
        f"SELECT count(*) FROM {_scan(plan, archive, table, 'a')} WHERE {present}"
        f" AND NOT EXISTS (SELECT 1 FROM {_scan(plan, archive, target, 'b')} WHERE {equal})"
    )
    try:
        ((count,),) = engine.execute(sql).fetchall()
    except duckdb.Error as error:
        raise FormatError(f"cannot be read: {type(error).__name__}", place=table.file) from error
    return replace(key, broken_rows=int(count))


def _scan(plan: RestorePlan, archive: Archive, table: Table, alias: str) -> str:
    names = [f"{alias}{number}" for number in range(len(plan.schemas[table.file]))]
    return scan_sql(archive.data / table.file, names).replace(" AS t(", f" AS {alias}(", 1)


def _value(plan: RestorePlan, table: Table, alias: str, name: str) -> str:
    return f"CAST({alias}.{alias}{plan.schemas[table.file].get_field_index(name)} AS VARCHAR)"
