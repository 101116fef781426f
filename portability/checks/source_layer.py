"""S: the source layer. The rows give the totals that the source's own SQL gave, and the keys that it declared hold.

Keys are compared exactly, byte for byte, as the format says; a source may know looser equality. Examples are row
numbers of the file, counted from 0: a key may itself be a person's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from portability.archive import EXCEPTIONS_PARQUET, SOURCE_JSON
from portability.checks.keys import KeyColumns, broken_references_sql, doubled_keys_sql
from portability.checks.sampling import sample
from portability.checks.steps import Step
from portability.errors import FormatError
from portability.formats.totals import difference, recompute_totals, scan_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.case import Case
    from portability.manifest import ForeignKey, Key, Table, TableTotals

__all__ = ["STEPS"]


def _tables(case: Case) -> Iterator[Table]:
    return (table for table in case.source.tables if table.excluded is None)


def _check_exceptions(case: Case) -> None:
    """The ledger names columns that are there, and as many values as the totals say."""
    carried = {(t.schema, t.name, c.name) for t in _tables(case) for c in t.columns if c.carried != "excluded"}
    ledger = _ledger(case)
    claimed = {
        (totals.schema, totals.name, column.name): column.excepted
        for totals in case.control.tables
        for column in totals.columns
    }
    for key in sorted(ledger.keys() - carried):
        case.log.add("S309", EXCEPTIONS_PARQUET, [".".join(key)], count=ledger[key])
    for key in sorted(carried):
        if ledger.get(key, 0) != claimed.get(key, 0):
            text = f"{'.'.join(key)}: {ledger.get(key, 0)} in the ledger, {claimed.get(key, 0)} in the totals"
            case.log.add("S308", EXCEPTIONS_PARQUET, [text])


def _ledger(case: Case) -> dict[tuple[str, str, str], int]:
    """Count the exceptions of each column; what cannot be read is logged and counts as none."""
    sql = f"SELECT table_schema, table_name, column_name, count(*) FROM {scan_sql(case.data / EXCEPTIONS_PARQUET)}"
    try:
        rows = case.engine.execute(f"{sql} GROUP BY ALL").fetchall()
    except duckdb.Error as error:
        case.log.add("S301", EXCEPTIONS_PARQUET, [type(error).__name__])
        return {}
    return {(schema, table, column): count for schema, table, column, count in rows}


def _check_totals(case: Case) -> None:
    claimed = {(totals.schema, totals.name): totals for totals in case.control.tables}
    for table in _tables(case):
        case.progress(table.label)
        # That the ledger holds as many has been compared before.
        excepted = {column.name: column.excepted for column in claimed[table.schema, table.name].columns}
        try:
            found = recompute_totals(case.engine, case.data / table.file, table, excepted=excepted)
        except FormatError as error:
            case.log.add("S301", table.label, [error.message])
            continue
        wrong = difference(claimed[table.schema, table.name], found)
        if wrong:
            case.log.add("S302", table.label, wrong, count=len(wrong))
        _check_nulls(case, table, found)


def _check_nulls(case: Case, table: Table, found: TableTotals) -> None:
    present = {column.name: column.non_null for column in found.columns}
    for column in table.columns:
        nulls = found.rows - present.get(column.name, found.rows)
        if not column.nullable and nulls:
            case.log.add("S303", f"{table.label}.{column.name}", count=nulls)


def _check_keys(case: Case) -> None:
    for table in _tables(case):
        keys = [("S304", table.primary_key)] if table.primary_key else []
        for code, key in [*keys, *(("S305", key) for key in table.unique_keys)]:
            case.progress(f"{table.label} key")
            _check_key(case, table, key, code)


def _check_key(case: Case, table: Table, key: Key, code: str) -> None:
    place = f"{table.label} ({', '.join(key.columns)})"
    columns = KeyColumns.of(table, case.tables[table.file].schema, key.columns)
    if columns is None:
        case.log.add("S310", place)
        return
    try:
        found = sample(case.engine, doubled_keys_sql(case.data / table.file, columns), case.limits.finding_examples)
    except duckdb.Error as error:
        case.log.add("S301", table.label, [type(error).__name__])
        return
    if found.count:
        case.log.add(code, place, [f"row {number}" for number in found.examples], count=found.count)


def _check_foreign_keys(case: Case) -> None:
    targets = {(table.schema, table.name): table for table in _tables(case)}
    for table in _tables(case):
        for reference in table.foreign_keys:
            case.progress(f"{table.label} references")
            target = targets.get((reference.target_schema, reference.target_table))
            _check_foreign_key(case, table, reference, target)


def _check_foreign_key(case: Case, table: Table, reference: ForeignKey, target: Table | None) -> None:
    place = f"{table.label} ({', '.join(reference.columns)}) -> {reference.target_schema}.{reference.target_table}"
    own = KeyColumns.of(table, case.tables[table.file].schema, reference.columns)
    theirs = KeyColumns.of(target, case.tables[target.file].schema, reference.target_columns) if target else None
    if own is None or theirs is None or target is None or not own.is_plain or not theirs.is_plain:
        case.log.add("S310", place)
        return
    sql = broken_references_sql(case.data / table.file, own, case.data / target.file, theirs)
    try:
        found = sample(case.engine, sql, case.limits.finding_examples)
    except duckdb.Error as error:
        case.log.add("S301", table.label, [type(error).__name__])
        return
    if found.count:
        case.log.add("S306", place, [f"row {number}" for number in found.examples], count=found.count)
    # Text that is equal to the source's collation may be unequal byte for byte.
    if reference.broken_rows is not None and reference.broken_rows != found.count and not own.has_text:
        counts = f"{place}: {reference.broken_rows} described, {found.count} in the files"
        case.log.add("S307", SOURCE_JSON, [counts])


STEPS = (
    Step(title="The exceptions ledger counts what the control totals count", check=_check_exceptions, gate=False),
    Step(title="The rows give the source's control totals and no forbidden null", check=_check_totals, gate=False),
    Step(title="Primary and unique keys are unique", check=_check_keys, gate=False),
    Step(title="Foreign keys resolve, or break as often as described", check=_check_foreign_keys, gate=False),
)
