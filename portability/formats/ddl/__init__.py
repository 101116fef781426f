"""SQL scripts that put an archive's source layer back into a database of five kinds.

For each: create.sql (tables), csv.sql (run by DuckDB; writes what load.sql reads), load.sql, constrain.sql (keys,
references, indexes, checks). Types hold every value exactly and are never narrower than the source's. Defaults,
identities, generated columns, views, routines and sequences are not recreated: their texts are in
schema/source.json.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from portability.errors import FormatError
from portability.formats.ddl.constraints import Constraint, constraints
from portability.formats.ddl.dialect import Dialect, PlannedTable, comment, quoted_text
from portability.formats.ddl.duckdb import DuckDB
from portability.formats.ddl.mariadb import MariaDB
from portability.formats.ddl.planning import Plan, plan_tables
from portability.formats.ddl.postgresql import PostgreSQL
from portability.formats.ddl.sqlite import SQLite
from portability.formats.ddl.sqlserver import SQLServer
from portability.manifest import ControlTotals, SourceSchema

__all__ = ["DIALECTS", "write_ddl"]

DIALECTS: tuple[Dialect, ...] = (DuckDB(), MariaDB(), PostgreSQL(), SQLServer(), SQLite())

_CSV_HOW_TO = (
    "Run by DuckDB, in an empty folder outside the archive that has a folder csv/ in it:\n"
    "duckdb -cmd \"SET file_search_path = 'ARCHIVE/data'\" -f THIS_FILE"
)
_PURPOSE = {
    "create": "step 1: the tables",
    "csv": "step 2: text files of the rows, written by DuckDB",
    "load": "step 3: the rows",
    "constrain": "step 4: keys, references, indexes, checks",
}


def write_ddl(
    schema: SourceSchema,
    directory: Path,
    *,
    totals: ControlTotals | None = None,
    schemas: Mapping[str, pa.Schema] | None = None,
) -> None:
    """Write ``<dialect>/{create,csv,load,constrain}.sql`` for every dialect.

    Args:
        schema: As in schema/source.json.
        directory: ``data/sql`` of the archive; made when missing.
        totals: As in reports/control_totals.json; without them a declared NOT NULL is taken at its word.
        schemas: Arrow schema of each table's file by its path below ``data/``; read from the files when not given.

    Raises:
        FormatError: A table's file cannot be read, or has a type that no dialect knows.
    """
    arrow = _read_schemas(schema, directory.parent) if schemas is None else schemas
    for dialect in DIALECTS:
        plan = plan_tables(schema, dialect, arrow, totals)
        folder = directory / dialect.name
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in _scripts(plan).items():
            (folder / f"{name}.sql").write_text(f"{_head(plan, name)}\n{text}\n", encoding="utf-8", newline="\n")


def _read_schemas(schema: SourceSchema, data: Path) -> dict[str, pa.Schema]:
    found = {}
    for table in schema.tables:
        if table.file:
            try:
                found[table.file] = pq.read_schema(data / table.file)
            except (OSError, pa.ArrowException) as error:
                raise FormatError(f"cannot be read: {type(error).__name__}", place=table.file) from error
    return found


def _scripts(plan: Plan) -> dict[str, str]:
    ruled = list(constraints(plan))
    scripts = {"create": _create(plan, ruled)}
    transports = [statement for table in plan.tables if (statement := plan.dialect.transport(table))]
    if transports:
        scripts["csv"] = "\n\n".join([plan.dialect.transport_head, *(f"{each};" for each in transports)]).strip()
    return scripts | {
        "load": f"{plan.dialect.load(plan.tables)}\n\n{_counts(plan)}",
        "constrain": _constrain(plan, ruled),
    }


def _counts(plan: Plan) -> str:
    """Return queries that find tables with another number of rows than the source had."""
    lines = [comment("What follows lists the tables whose number of rows is wrong. It must list none.")]
    for each in plan.tables:
        if (rows := each.table.row_count) is not None:
            counted = f"(SELECT count(*) AS found FROM {plan.dialect.relation(each)}) AS counted"
            label = quoted_text(each.name)
            lines.append(
                f"SELECT {label} AS wrong_table, found, {rows} AS expected FROM {counted} WHERE found <> {rows};"
            )
    return "\n".join(lines)


def _head(plan: Plan, script: str) -> str:
    dialect = plan.dialect
    lines = [
        f"Legal Portability Archive: the source layer in {dialect.title}, {_PURPOSE[script]}.",
        _CSV_HOW_TO if script == "csv" else dialect.how_to(script),
        "Not recreated: defaults, identities, generated columns, views, routines; see schema/source.json.",
    ]
    if plan.renames:
        lines += ["", "Names that this DBMS cannot have as they were:"]
        lines += [f"  {each.what} {_visible(each.old)} -> {each.new}" for each in plan.renames]
    return comment("\n".join(lines)) + "\n"


def _visible(name: str) -> str:
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in name)


def _create(plan: Plan, ruled: list[tuple[PlannedTable, list[Constraint]]]) -> str:
    parts = [comment(f"left out: table {each.label}: {each.excluded}") for each in plan.source.tables if not each.file]
    parts += [f"{plan.dialect.create_schema(name)};" for name in sorted({t.schema for t in plan.tables} - {""})]
    parts += [_create_table(plan.dialect, table, ruled) for table in plan.tables]
    return "\n\n".join(parts)


def _create_table(dialect: Dialect, table: PlannedTable, ruled: list[tuple[PlannedTable, list[Constraint]]]) -> str:
    missing = [each for each in table.table.columns if each.carried == "excluded"]
    notes = [comment(f"left out: column {table.table.label}.{each.name}: {each.reason}") for each in missing]
    lines = [dialect.column_definition(each) for each in table.columns]
    if dialect.inline_keys:
        lines += [each.statement.sql for owner, many in ruled if owner is table for each in many if _is_inline(each)]
    body = ",\n  ".join(lines)
    return "\n".join([*notes, f"CREATE TABLE {dialect.relation(table)} (\n  {body}\n){dialect.table_options()};"])


def _is_inline(constraint: Constraint) -> bool:
    return constraint.kind in {"primary", "foreign", "check"} and bool(constraint.statement.sql)


def _constrain(plan: Plan, ruled: list[tuple[PlannedTable, list[Constraint]]]) -> str:
    return "\n".join(line for table, many in ruled for line in _constrain_table(plan.dialect, table, many))


def _constrain_table(dialect: Dialect, table: PlannedTable, many: list[Constraint]) -> Iterator[str]:
    for each in many:
        if each.statement.reason:
            yield comment(f"not made: {table.table.label}: {each.label}: {each.statement.reason}")
        elif not (dialect.inline_keys and _is_inline(each)):
            yield f"{each.statement.sql};"
