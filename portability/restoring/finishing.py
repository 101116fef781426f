"""What is added once the rows are there: keys, unique constraints, references, indexes, checks, defaults, numbering.

Each is tried; one that the target refuses is left out and said so. A reference that leads to nothing in some rows was
broken in the source: PostgreSQL gets it unvalidated, the others do without.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from portability.formats.ddl.constraints import Constraint
from portability.formats.ddl.dialect import PlannedTable
from portability.manifest import ForeignKey, SourceSchema
from portability.restoring.creating import Ruled, attempt, is_numbered, own_sequences, uses_own_text
from portability.restoring.defaults import plain_default
from portability.restoring.planning import RestorePlan
from portability.restoring.report import LeftOut
from portability.targets import Target

__all__ = ["add_constraints", "add_details", "set_numbering"]

_NEXTVAL = re.compile(r"nextval\('((?:[^']|'')+)'::regclass\)")


def add_constraints(target: Target, plan: RestorePlan, ruled: Ruled, progress: Callable[[str], None]) -> list[LeftOut]:
    """Add keys of all tables, then everything else."""
    left_out: list[LeftOut] = []
    if target.dbms == "mariadb":
        target.execute("SET SESSION foreign_key_checks = 0, unique_checks = 1")
    for kinds in ({"primary", "unique"}, {"foreign", "index", "check"}):
        for table in plan.plan.tables:
            progress(f"keys: {table.table.label}")
            for each in ruled[table.table.label]:
                if each.kind in kinds:
                    left_out += _add(target, plan, table, each)
    return left_out


def _add(target: Target, plan: RestorePlan, table: PlannedTable, constraint: Constraint) -> list[LeftOut]:
    label = table.table.label
    if _is_there(plan, table, constraint):
        return []
    sql, reason = constraint.statement.sql, constraint.statement.reason
    if own := _own_index(plan, table, constraint):
        sql, reason = own, ""
    if reason:
        return [LeftOut(place=label, what=constraint.label, why=reason)]
    if constraint.kind == "foreign":
        return _add_reference(target, plan, table, constraint)
    if error := attempt(target, sql, label):
        return [LeftOut(place=label, what=constraint.label, why=error.message)]
    return []


def _is_there(plan: RestorePlan, table: PlannedTable, constraint: Constraint) -> bool:
    """Tell whether the constraint was declared with its table."""
    dialect = plan.dialect
    if dialect.inline_keys:
        if uses_own_text(plan, table):
            # Its own text has everything but the indexes that were made apart, which have a name.
            named = {key.name for key in table.table.unique_keys if key.name} if constraint.kind == "unique" else set()
            apart = constraint.kind == "index" or any(f'"{name}"' in constraint.statement.sql for name in named)
            return not apart
        return constraint.kind in {"primary", "foreign", "check"} and bool(constraint.statement.sql)
    head = f"ALTER TABLE {dialect.relation(table)} ADD PRIMARY KEY"
    return dialect.dbms == "mariadb" and constraint.kind == "primary" and constraint.statement.sql.startswith(head)


def _own_index(plan: RestorePlan, table: PlannedTable, constraint: Constraint) -> str:
    """Return the source's own text of an index of the same DBMS: it may be partial or of an expression."""
    same = all(column.name == column.source for column in table.columns) and table.name == table.table.name
    if not (plan.kin and same and constraint.kind == "index"):
        return ""
    for index in table.table.indexes:
        if constraint.label.startswith(f"{'UNIQUE ' if index.unique else ''}INDEX {index.name} ("):
            text = index.definition or ""
            if plan.dialect.dbms == "mariadb":
                names = plan.dialect.names(table.columns_of(index.columns)) if text == "FULLTEXT" else ""
                head = f"CREATE FULLTEXT INDEX {plan.dialect.quote(index.name)} ON {plan.dialect.relation(table)}"
                return f"{head} ({names})" if names else ""
            return text if re.match(r"CREATE\s+(UNIQUE\s+)?INDEX\b", text, re.IGNORECASE) else ""
    return ""


def _add_reference(target: Target, plan: RestorePlan, table: PlannedTable, constraint: Constraint) -> list[LeftOut]:
    label, sql = table.table.label, constraint.statement.sql
    if target.dbms == "postgresql":
        if error := attempt(target, f"{sql} NOT VALID", label):
            return [LeftOut(place=label, what=constraint.label, why=error.message)]
        name = sql.partition(" ADD CONSTRAINT ")[2].partition(" FOREIGN KEY ")[0]
        if attempt(target, f"ALTER TABLE {plan.dialect.relation(table)} VALIDATE CONSTRAINT {name}", label):
            why = "rows of the source refer to nothing: the reference is declared NOT VALID"
            return [LeftOut(place=label, what=constraint.label, why=why)]
        return []
    if broken := _broken_rows(target, plan, table, constraint):
        return [LeftOut(place=label, what=constraint.label, why=f"{broken} rows of the source refer to nothing")]
    if error := attempt(target, sql, label):
        return [LeftOut(place=label, what=constraint.label, why=error.message)]
    return []


def _broken_rows(target: Target, plan: RestorePlan, table: PlannedTable, constraint: Constraint) -> int:
    """Count rows whose reference leads to nothing, as the target compares."""
    key = next((each for each in table.table.foreign_keys if _label(each) == constraint.label), None)
    other = plan.plan.table(key.target_schema, key.target_table) if key else None
    if key is None or other is None:
        return 0
    pairs = list(zip(table.columns_of(key.columns), other.columns_of(key.target_columns), strict=True))
    quote = plan.dialect.quote
    present = " AND ".join(f"a.{quote(mine.name)} IS NOT NULL" for mine, _ in pairs)
    equal = " AND ".join(f"b.{quote(theirs.name)} = a.{quote(mine.name)}" for mine, theirs in pairs)
    found = target.query(
        f"SELECT count(*) AS n FROM {plan.dialect.relation(table)} AS a WHERE {present}"
        f" AND NOT EXISTS (SELECT 1 FROM {plan.dialect.relation(other)} AS b WHERE {equal})",
        place=table.table.label,
    )
    return int(found.column("n")[0].as_py())


def _label(key: ForeignKey) -> str:
    target = f"{key.target_schema}.{key.target_table} ({', '.join(key.target_columns)})"
    return f"FOREIGN KEY ({', '.join(key.columns)}) REFERENCES {target}"


# -- defaults, comments -----------------------------------------------------------------------------------------------


def add_details(target: Target, plan: RestorePlan) -> list[LeftOut]:
    """Add defaults and comments where source and target are of one kind; say which defaults are not there."""
    left_out: list[LeftOut] = []
    for table in plan.plan.tables:
        whole = uses_own_text(plan, table)
        for column in table.table.columns:
            if column.default is None or column.carried == "excluded" or whole:
                continue
            place = f"{table.table.label}.{column.name}"
            if plan.kin and target.dbms == "mariadb":
                continue  # declared with the table
            if plan.kin and target.dbms == "postgresql":
                left_out += _set_default(target, plan, table, column.name, column.default)
            elif not is_numbered(column) and not plain_default(column, table.columns_of([column.name])[0], target.dbms):
                why = f"it is written for {plan.plan.source.dbms}; its text is in schema/source.json"
                left_out.append(LeftOut(place=place, what="default", why=why))
        if plan.kin and target.dbms == "postgresql":
            _comment(target, plan, table)
    return left_out


def _set_default(target: Target, plan: RestorePlan, table: PlannedTable, name: str, default: str) -> list[LeftOut]:
    column = plan.dialect.quote(table.columns_of([name])[0].name)
    place = f"{table.table.label}.{name}"
    error = attempt(
        target, f"ALTER TABLE {plan.dialect.relation(table)} ALTER COLUMN {column} SET DEFAULT {default}", place
    )
    if error:
        return [LeftOut(place=place, what="default", why=f"the target refuses it: {error.message}")]
    if found := _NEXTVAL.fullmatch(default):
        sequence = found[1].replace("''", "'")
        attempt(target, f"ALTER SEQUENCE {sequence} OWNED BY {plan.dialect.relation(table)}.{column}", place)
    return []


def _comment(target: Target, plan: RestorePlan, table: PlannedTable) -> None:
    relation = plan.dialect.relation(table)
    if table.table.comment:
        target.execute(f"COMMENT ON TABLE {relation} IS {target.text(table.table.comment)}", place=table.table.label)
    for column in table.columns:
        own = next((each for each in table.table.columns if each.name == column.source), None)
        if own and own.comment:
            name = f"{relation}.{plan.dialect.quote(column.name)}"
            target.execute(f"COMMENT ON COLUMN {name} IS {target.text(own.comment)}", place=table.table.label)


# -- numbering --------------------------------------------------------------------------------------------------------


def set_numbering(target: Target, plan: RestorePlan, source: SourceSchema) -> None:
    """Let every identity and sequence go on after the data, and not before where the source's stood."""
    stood = {
        (each.schema, each.name): int(each.value) for each in source.sequences if each.value and each.value.isdecimal()
    }
    if target.dbms == "postgresql":
        for each in own_sequences(plan, source):
            if (each.schema, each.name) in stood:
                relation = target.relation(each.name, "" if each.schema == source.default_schema else each.schema)
                target.execute(
                    f"SELECT setval({target.text(relation)}, {stood[each.schema, each.name]})", place=each.name
                )
    for table in plan.plan.tables:
        for own in table.table.columns:
            if not is_numbered(own) or own.carried == "excluded":
                continue
            column = table.columns_of([own.name])[0]
            if column.shape.kind == "integer":
                last = stood.get((table.table.schema, f"{table.table.name}_{own.name}_seq"), 0)
                _number_on(target, plan, table, plan.dialect.quote(column.name), last)
    if target.dbms == "sqlite" and plan.kin:
        _number_on_sqlite(target, source)


def _number_on(target: Target, plan: RestorePlan, table: PlannedTable, column: str, last: int) -> None:
    relation, place = plan.dialect.relation(table), table.table.label
    found = target.query(f"SELECT max({column}) AS n FROM {relation}", place=place).column("n")[0].as_py()
    number = max(int(found or 0), last)
    if number <= 0:
        return
    if target.dbms == "postgresql":
        name = column[1:-1].replace('""', '"')
        sequence = f"pg_get_serial_sequence({target.text(relation)}, {target.text(name)})"
        target.execute(f"SELECT setval({sequence}, greatest({number}, 1)) WHERE {sequence} IS NOT NULL", place=place)
    elif target.dbms == "mariadb":
        target.execute(f"ALTER TABLE {relation} AUTO_INCREMENT = {number + 1}", place=place)
    elif target.dbms == "duckdb":
        sequence = plan.dialect.quote(f"{table.name}_{column[1:-1]}_seq")
        if attempt(target, f"CREATE SEQUENCE {sequence} START {number + 1}", place) is None:
            default = target.text(sequence)
            attempt(target, f"ALTER TABLE {relation} ALTER COLUMN {column} SET DEFAULT nextval({default})", place)


def _number_on_sqlite(target: Target, source: SourceSchema) -> None:
    for each in source.sequences:
        if (each.value or "").isdecimal():
            update = f"UPDATE sqlite_sequence SET seq = max(seq, {each.value}) WHERE name = {target.text(each.name)}"
            if attempt(target, update, each.name) is None:
                continue
