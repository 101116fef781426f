"""Keys, references, indexes and checks of a plan: each as SQL, or as a comment that says why it is not there.

What the archive's data cannot satisfy (a column that stayed behind, a reference that was broken in the source
already) is refused here; what a DBMS cannot have, its dialect refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from portability.formats.carried import are_values
from portability.formats.ddl.dialect import PlannedTable, Reference, Statement
from portability.formats.ddl.planning import Names, Plan
from portability.manifest import Check, ForeignKey, Index, Key

__all__ = ["Constraint", "constraints"]

_SPECIAL_INDEX = re.compile(
    r"\bWHERE\b|\bFULLTEXT\b|\bSPATIAL\b|\bRTREE\b|\bUSING\s+(?!BTREE\b)|\bINCLUDE\b", re.IGNORECASE
)
_CHECK_WORD = re.compile(r"\s*CHECK\s*(?=\()", re.IGNORECASE)
_NO_ROW = "is not carried whole in the archive"


@dataclass(frozen=True, kw_only=True)
class Constraint:
    """One constraint of a table. ``label`` tells it to people."""

    kind: str
    label: str
    statement: Statement


def constraints(plan: Plan) -> Iterator[tuple[PlannedTable, list[Constraint]]]:
    """Yield the constraints of each table, keys of all tables before any reference."""
    names = Names(plan.dialect)
    for each in plan.tables:
        names.take(each.name)  # indexes and tables share one namespace in most systems
    for table in plan.tables:
        yield table, [*_keys(plan, table, names)]
    for table in plan.tables:
        yield table, [*_references(plan, table, names), *_indexes(plan, table, names), *_checks(plan, table, names)]


def _keys(plan: Plan, table: PlannedTable, names: Names) -> Iterator[Constraint]:
    primary = table.table.primary_key
    if primary:
        name = names.take(primary.name or f"pk_{table.name}")
        label = f"PRIMARY KEY {_list(primary.columns)}"
        yield Constraint(kind="primary", label=label, statement=_primary_key(plan, table, primary, name))
    for number, key in enumerate(table.table.unique_keys, start=1):
        name = names.take(key.name or f"uq_{table.name}_{number}")
        statement = Statement(reason=f"a column {_NO_ROW}")
        if are_values(table.table, key.columns):
            statement = plan.dialect.unique_key(table, name, table.columns_of(key.columns))
        yield Constraint(kind="unique", label=f"UNIQUE {_list(key.columns)}", statement=statement)


def _primary_key(plan: Plan, table: PlannedTable, key: Key, name: str) -> Statement:
    if not are_values(table.table, key.columns):
        return Statement(reason=f"a column {_NO_ROW}")
    columns = table.columns_of(key.columns)
    if not all(each.required for each in columns):
        return Statement(reason="a column of it has nulls, or values that could not be carried")
    return plan.dialect.primary_key(table, name, columns)


def _references(plan: Plan, table: PlannedTable, names: Names) -> Iterator[Constraint]:
    for number, key in enumerate(table.table.foreign_keys, start=1):
        name = names.take(key.name or f"fk_{table.name}_{number}")
        target = f"{key.target_schema}.{key.target_table} {_list(key.target_columns)}"
        label = f"FOREIGN KEY {_list(key.columns)} REFERENCES {target}"
        yield Constraint(kind="foreign", label=label, statement=_foreign_key(plan, table, key, name))


def _foreign_key(plan: Plan, table: PlannedTable, key: ForeignKey, name: str) -> Statement:
    target = plan.table(key.target_schema, key.target_table)
    if target is None:
        return Statement(reason="the table referred to is not in the archive")
    if key.broken_rows:
        return Statement(reason=f"{key.broken_rows} rows of the source refer to nothing")
    if not are_values(table.table, key.columns) or not are_values(target.table, key.target_columns):
        return Statement(reason=f"a column {_NO_ROW}")
    if not _is_unique(target, key.target_columns):
        return Statement(reason="the columns referred to are no key of their table")
    columns = table.columns_of(key.columns)
    reference = Reference(
        table=table,
        columns=columns,
        target=target,
        target_columns=target.columns_of(key.target_columns),
        actions=_actions(key, nullable=not any(each.required for each in columns)),
    )
    return plan.dialect.foreign_key(name, reference)


def _is_unique(target: PlannedTable, columns: Sequence[str]) -> bool:
    primary = target.table.primary_key
    if primary and primary.columns == tuple(columns):
        return all(each.required for each in target.columns_of(primary.columns))
    return any(key.columns == tuple(columns) for key in target.table.unique_keys)


def _actions(key: ForeignKey, *, nullable: bool) -> tuple[tuple[str, str], ...]:
    actions = [("DELETE", (key.on_delete or "").upper()), ("UPDATE", (key.on_update or "").upper())]
    # A default is not recreated, and a null cannot be set where none may stand.
    return tuple((event, act) for event, act in actions if act != "SET DEFAULT" and (nullable or act != "SET NULL"))


def _indexes(plan: Plan, table: PlannedTable, names: Names) -> Iterator[Constraint]:
    for index in table.table.indexes:
        label = f"{'UNIQUE ' if index.unique else ''}INDEX {index.name} {_list(index.columns)}"
        if index.definition:
            label += f" [{index.definition}]"
        statement = _index(plan, table, index, names.take(index.name))
        yield Constraint(kind="index", label=label, statement=statement)


def _index(plan: Plan, table: PlannedTable, index: Index, name: str) -> Statement:
    if _SPECIAL_INDEX.search(index.definition or ""):
        return Statement(reason="it is partial or of a special kind")
    # An expression shows up as a column without a name, or as one that the table does not have.
    if not are_values(table.table, index.columns) or _has_expression(index):
        return Statement(reason=f"it has an expression, or a column {_NO_ROW}")
    return plan.dialect.index(table, name, table.columns_of(index.columns), unique=index.unique)


def _has_expression(index: Index) -> bool:
    """Tell whether the list in the source's text is longer than the index's columns, or has a bracket as a call."""
    listed, depth = "", 0
    for character in index.definition or "":
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth:
            listed += character
        elif listed:
            break
    return "(" in listed[1:] or (bool(listed) and listed.count(",") + 1 != len(index.columns))


def _checks(plan: Plan, table: PlannedTable, names: Names) -> Iterator[Constraint]:
    for number, check in enumerate(table.table.checks, start=1):
        name = names.take(check.name or f"ck_{table.name}_{number}")
        statement = _check(plan, table, check, name)
        yield Constraint(kind="check", label=f"CHECK {check.name or ''} {check.expression}", statement=statement)


def _check(plan: Plan, table: PlannedTable, check: Check, name: str) -> Statement:
    if plan.source.dbms != plan.dialect.dbms:
        return Statement(reason=f"it is written for {plan.source.dbms}")
    whole = {each.source for each in table.columns if each.name == each.source}
    for column in table.table.columns:
        if column.name in check.expression and (column.carried != "value" or column.name not in whole):
            return Statement(reason=f"a column of it has another name here, or {_NO_ROW}")
    return plan.dialect.check(table, name, _CHECK_WORD.sub("", check.expression, count=1))


def _list(columns: Sequence[str]) -> str:
    return f"({', '.join(columns)})"
