"""Making what rows are loaded into: schemas, types, sequences and tables, with what can only be declared with them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from portability.errors import TargetError
from portability.formats.ddl.constraints import Constraint, constraints
from portability.formats.ddl.dialect import PlannedColumn, PlannedTable
from portability.manifest import Column, Sequence, SourceSchema
from portability.restoring.defaults import plain_default
from portability.restoring.marker import LARGE_OBJECTS, Made
from portability.restoring.planning import RestorePlan
from portability.restoring.report import LeftOut
from portability.targets import Target

__all__ = ["Ruled", "attempt", "create", "is_numbered", "made_by", "own_sequences", "rules", "uses_own_text"]

Ruled = dict[str, list[Constraint]]
_CREATE_TABLE = re.compile(r"CREATE\s+TABLE\b", re.IGNORECASE)
_NEXTVAL = re.compile(r"nextval\('((?:[^']|'')+)'::regclass\)")
_CHARACTERS = re.compile(r"(var)?char\b|(tiny|medium|long)?text\b|enum\b|set\b", re.IGNORECASE)


def rules(plan: RestorePlan) -> Ruled:
    """Return every table's constraints by its label, keys before references."""
    ruled: Ruled = {table.table.label: [] for table in plan.plan.tables}
    for table, many in constraints(plan.plan):
        ruled[table.table.label] += many
    return ruled


def made_by(plan: RestorePlan, source: SourceSchema) -> list[Made]:
    """List what the restore is going to make, in the order of making."""
    schemas = sorted({table.schema for table in plan.plan.tables} - {""})
    made = [Made(kind="schema", name=name) for name in schemas]
    made += [
        Made(kind="type", name=name, schema="domain" if sql.startswith("CREATE DOMAIN") else "")
        for name, sql in plan.types.items()
    ]
    made += [
        Made(kind="sequence", name=each.name, schema=_schema(each, source)) for each in own_sequences(plan, source)
    ]
    return made + [
        Made(kind=LARGE_OBJECTS if plan.are_large_objects(table) else "table", name=table.name, schema=table.schema)
        for table in plan.plan.tables
    ]


def create(target: Target, plan: RestorePlan, source: SourceSchema, ruled: Ruled) -> list[LeftOut]:
    """Make everything, and say what could not be made as it was."""
    dialect = plan.dialect
    for name in sorted({table.schema for table in plan.plan.tables} - {""}):
        target.execute(dialect.create_schema(name), place=name)
    for name, sql in plan.types.items():
        target.execute(sql, place=name)
    for sequence in own_sequences(plan, source):
        relation = target.relation(sequence.name, _schema(sequence, source))
        target.execute(f"CREATE SEQUENCE {relation}", place=sequence.name)
    left_out: list[LeftOut] = []
    for table in plan.plan.tables:
        left_out += _create_table(target, plan, table, ruled[table.table.label])
    return left_out


def own_sequences(plan: RestorePlan, source: SourceSchema) -> list[Sequence]:
    """Return the sequences that are made by themselves: those of identities come with their columns."""
    if not plan.kin or plan.dialect.dbms != "postgresql":
        return []
    implied = {
        (table.table.schema, f"{table.table.name}_{column.name}_seq")
        for table in plan.plan.tables
        for column in table.table.columns
        if column.identity
    }
    return [each for each in source.sequences if (each.schema, each.name) not in implied]


def _schema(sequence: Sequence, source: SourceSchema) -> str:
    return "" if sequence.schema == source.default_schema else sequence.schema


def is_numbered(column: Column) -> bool:
    """Tell whether the source gives a new row its own number in this column."""
    return column.identity or bool(column.default and _NEXTVAL.search(column.default))


def uses_own_text(plan: RestorePlan, table: PlannedTable) -> bool:
    """Tell whether a table of SQLite can be made by the very text that made it."""
    whole = len(table.columns) == len(table.table.columns) and all(
        column.carried != "excluded" and column.generated is None for column in table.table.columns
    )
    same = table.name == table.table.name and all(column.name == column.source for column in table.columns)
    text = table.table.attributes.get("sql", "")
    return plan.kin and plan.dialect.dbms == "sqlite" and whole and same and bool(_CREATE_TABLE.match(text))


def _create_table(target: Target, plan: RestorePlan, table: PlannedTable, many: list[Constraint]) -> list[LeftOut]:
    label = table.table.label
    if uses_own_text(plan, table):
        if attempt(target, table.table.attributes["sql"], label) is None:
            return []
    elif plan.kin and attempt(target, _statement(plan, table, many, native=True), label) is None:
        return []
    target.execute(_statement(plan, table, many, native=False), place=label)
    why = "the target refuses the declaration as it was"
    return [LeftOut(place=label, what="collations, defaults and comments of the table", why=why)] if plan.kin else []


def _statement(plan: RestorePlan, table: PlannedTable, many: list[Constraint], *, native: bool) -> str:
    dialect = plan.dialect
    declared = {column.name: column for column in table.table.columns}
    numbered = _numbered(plan, table)
    lines = []
    for column in table.columns:
        line = dialect.column_definition(column)
        own = declared.get(column.source)
        if native and own:
            line = _native_definition(plan, column, own)
        elif own and not plan.kin and own.generated is None:
            default = plain_default(own, column, dialect.dbms)
            line += f" DEFAULT {default}" if default else ""
        if column is numbered:
            line += {"postgresql": " GENERATED BY DEFAULT AS IDENTITY", "mariadb": " AUTO_INCREMENT"}[dialect.dbms]
        if native and own and own.comment and dialect.dbms == "mariadb":
            line += f" COMMENT {_quoted(own.comment)}"
        lines.append(line)
    lines += _inline(plan, table, many)
    options = _table_options(plan, table) if native and dialect.dbms == "mariadb" else dialect.table_options()
    return f"CREATE TABLE {dialect.relation(table)} ({', '.join(lines)}){options}"


def _inline(plan: RestorePlan, table: PlannedTable, many: list[Constraint]) -> Iterator[str]:
    dialect = plan.dialect
    if dialect.inline_keys:
        yield from (
            each.statement.sql for each in many if each.kind in {"primary", "foreign", "check"} and each.statement.sql
        )
    elif dialect.dbms == "mariadb":
        # Rows come in the order of the key: with it in place they are written once, added later they are written twice.
        for each in many:
            head = f"ALTER TABLE {dialect.relation(table)} ADD "
            if each.kind == "primary" and each.statement.sql.startswith(f"{head}PRIMARY KEY"):
                yield each.statement.sql.removeprefix(head)


def _numbered(plan: RestorePlan, table: PlannedTable) -> PlannedColumn | None:
    """Return the column that numbers new rows here: one at most, an integer, and in MariaDB the first of its key."""
    if plan.dialect.dbms not in ("postgresql", "mariadb"):
        return None
    key = table.table.primary_key.columns if table.table.primary_key else ()
    for column in table.columns:
        own = next((each for each in table.table.columns if each.name == column.source), None)
        if own is None or column.shape.kind != "integer" or not column.required or not is_numbered(own):
            continue
        if plan.dialect.dbms == "postgresql" and (own.identity or not plan.kin):
            return column if re.fullmatch("smallint|integer|bigint", column.type) else None
        if plan.dialect.dbms == "mariadb" and key and key[0] == column.source:
            return column
    return None


def _native_definition(plan: RestorePlan, column: PlannedColumn, own: Column) -> str:
    """Write a column of the same kind of DBMS with its collation and default."""
    dialect = plan.dialect
    required = "NOT NULL" if column.required else "NULL"
    if dialect.dbms == "postgresql":
        collation = f' COLLATE "{own.collation}"' if own.collation else ""
        return f"{dialect.quote(column.name)} {column.type}{collation} {required}"
    if dialect.dbms == "mariadb":
        known = own.collation in plan.collations and _CHARACTERS.match(column.type)
        collation = f" CHARACTER SET {own.charset} COLLATE {own.collation}" if known else ""
        default = f" DEFAULT {own.default}" if own.default is not None and not own.generated else ""
        return f"{dialect.quote(column.name)} {column.type}{collation} {required}{default}"
    return dialect.column_definition(column)


def _table_options(plan: RestorePlan, table: PlannedTable) -> str:
    collation = table.table.attributes.get("collation", "")
    charset = collation.partition("_")[0]
    known = collation in plan.collations
    chosen = f"DEFAULT CHARACTER SET {charset} COLLATE {collation}" if known else "DEFAULT CHARACTER SET utf8mb4"
    comment = f" COMMENT={_quoted(table.table.comment)}" if table.table.comment else ""
    return f" ENGINE=InnoDB ROW_FORMAT=DYNAMIC {chosen}{comment}"


def attempt(target: Target, sql: str, place: str) -> TargetError | None:
    """Run a statement that may be refused; what was done before it stays. DuckDB gives up the transaction instead."""
    saves = target.dbms in ("postgresql", "sqlite")
    if saves:
        target.execute("SAVEPOINT portability_attempt")
    try:
        target.execute(sql, place=place)
    except TargetError as error:
        if not target.can_roll_back() and saves:
            raise
        if saves:
            target.execute("ROLLBACK TO SAVEPOINT portability_attempt")
        return error
    if saves:
        target.execute("RELEASE SAVEPOINT portability_attempt")
    return None


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
