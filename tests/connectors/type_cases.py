"""Type cases: a declared type, literals, and what must arrive; carried all at once, so that a case costs milliseconds.

Expected values are written as text (``shown``): it tells -0.0 from 0.0, 1.50 from 1.5 and an instant from a local time.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from portability.connectors import open_connector
from portability.connectors.testing import SourceDatabase
from portability.formats.parquet import write_parquet
from portability.formats.totals import difference, recompute_totals

__all__ = ["Carried", "Case", "Unfit", "carry_cases", "check_case"]


@dataclass(frozen=True)
class Unfit:
    """A value that must stand in the exceptions ledger with this original text."""

    raw: str


@dataclass(frozen=True)
class Case:
    """One declared type.

    Args:
        declared: SQL type of the column.
        arrow: The Arrow type that must arrive, as pyarrow prints it.
        values: SQL literals with what must arrive for each.
    """

    declared: str
    arrow: str
    values: Mapping[str, str | Unfit | None]


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What arrived of a case."""

    arrow: str
    shown: Sequence[str | None]
    excepted: Mapping[str, str]
    wrong_totals: Sequence[str]


def shown(value: Any) -> str | None:  # noqa: ANN401 -- whatever a column holds
    """Write a value as exact text."""
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dt.timedelta):
        return str(value // dt.timedelta(microseconds=1))
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)


def carry_cases(database: SourceDatabase, cases: Mapping[str, Case], directory: Path) -> dict[str, Carried]:
    """Make a table for each case and carry them all in one snapshot.

    Statements before the last in ``declared``, divided by ``;``, prepare the type.
    """
    for number, case in enumerate(cases.values()):
        *before, declared = case.declared.split(";")
        rows = ", ".join(f"({n}, {literal})" for n, literal in enumerate(case.values))
        table = f"CREATE TABLE t{number} (id int PRIMARY KEY, v {declared})"
        database.execute(*before, table, *([f"INSERT INTO t{number} (id, v) VALUES {rows}"] if rows else []))
    carried = {}
    with open_connector(database.url).snapshot() as snapshot, duckdb.connect() as duck:
        tables = {table.name: table for table in snapshot.discover().tables}
        for number, name in enumerate(cases):
            plan = snapshot.plan(tables[f"t{number}"])
            batches = list(snapshot.read(plan))
            exceptions = list(snapshot.exceptions(plan))
            path = directory / f"{number}.parquet"
            write_parquet(path, plan.schema, batches, key=plan.table.order)
            excepted = Counter(each.column for each in exceptions)
            found = pa.Table.from_batches(batches, schema=plan.schema)
            carried[name] = Carried(
                arrow=str(plan.schema.field("v").type),
                shown=[shown(value) for value in found.column("v").to_pylist()],
                excepted={str(each.key[0]): each.raw.decode("utf-8", "backslashreplace") for each in exceptions},
                wrong_totals=difference(plan.totals, recompute_totals(duck, path, plan.table, excepted=excepted)),
            )
    return carried


def check_case(case: Case, carried: Carried) -> None:
    """Compare what arrived with what must arrive."""
    expected = list(case.values.values())
    assert carried.arrow == case.arrow
    assert carried.shown == [None if isinstance(value, Unfit) else value for value in expected]
    assert carried.excepted == {str(n): value.raw for n, value in enumerate(expected) if isinstance(value, Unfit)}
    assert not carried.wrong_totals
