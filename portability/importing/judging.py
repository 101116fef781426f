"""Which rows cannot be loaded, and why: ``problem`` holds every reason, ``rejected`` the rows.

A row is a reject when a value does not fit its column, a code is unknown, a reference leads nowhere, or the row that it
leads to is a reject itself. What is loaded all the same but is worth a look is a warning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from portability.duck import quote, text_literal
from portability.importing.conversions import flaws
from portability.importing.plan import ID, REJECT
from portability.importing.rows import mapped, value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from portability.importing.plan import ColumnLoad, LoadPlan, TableLoad
    from portability.profiles.loading import CodeMap

__all__ = ["Complaint", "Judge"]

_VALUE_SHOWN = 200  # characters of a value in a report


@dataclass(frozen=True, kw_only=True)
class _Test:
    """One reason for which rows of a table are rejects: SQL over ``raw`` as ``r``."""

    kind: str
    column: str
    condition: str
    reason: str
    shown: str
    warning: bool = False


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """What the target says of rows of one table; ``others`` names for each the row that it goes against."""

    kind: str
    column: str
    reason: str
    ids: Sequence[str]
    others: Sequence[str | None] = ()


class Judge:
    """Fills ``problem`` and ``rejected``.

    Order of calls: ``judge`` for every table that is computed, ``cascade``; later ``add`` for what the target found,
    and ``cascade`` again.

    Args:
        keeps: A reject whose row an earlier import loaded stays in the target as it was, so it has no dependants.
    """

    def __init__(
        self, engine: duckdb.DuckDBPyConnection, plan: LoadPlan, codes: Mapping[str, CodeMap], *, keeps: bool
    ) -> None:
        self._engine, self._plan, self._codes, self._keeps = engine, plan, codes, keeps
        engine.execute(
            "CREATE TABLE problem (tbl VARCHAR, id VARCHAR, kind VARCHAR, col VARCHAR, value VARCHAR, reason VARCHAR, "
            "warning BOOLEAN, other VARCHAR)"
        )
        engine.execute("CREATE TABLE rejected (tbl VARCHAR, id VARCHAR)")
        # Parents whose rows are not there for their children.
        engine.execute("CREATE TABLE gone (tbl VARCHAR, id VARCHAR)")

    def judge(self, load: TableLoad) -> None:
        """Find what single rows of a table lack."""
        tests = [test for column in load.columns for test in self._tests(load, column)]
        if load.has_reject:
            given = f"r.{quote(REJECT)}"
            tests.append(_Test(kind="rule", column="", condition=f"{given} IS NOT NULL", reason="$shown", shown=given))
        if not tests:
            return
        counts = ", ".join(f"count(*) FILTER ({test.condition})" for test in tests)
        found = self._engine.execute(f"SELECT {counts} FROM {load.raw} AS r").fetchall()[0]
        for test, count in zip(tests, found, strict=True):
            if count:
                self._note(load, test)
        self._settle(load)

    def _tests(self, load: TableLoad, column: ColumnLoad) -> Iterable[_Test]:
        if column.sort == "key":
            return
        if column.sort == "reference":
            yield from self._reference_tests(load, column)
            return
        given, kind = (mapped(column), "TEXT") if column.sort == "code" else (value(column), column.kind)
        shown = value(column)
        if not column.nullable:
            reason = "is empty, but the column must be filled"
            unknown = f" AND {shown} IS NULL" if column.sort == "code" else ""
            yield _Test(
                kind="empty", column=column.name, condition=f"{given} IS NULL{unknown}", reason=reason, shown=shown
            )
        if column.sort == "code":
            yield self._code_test(column)
        for flaw in flaws(column.shape, kind, given):
            condition = f"{given} IS NOT NULL AND ({flaw.condition})"
            yield _Test(
                kind=flaw.kind,
                column=column.name,
                condition=condition,
                reason=flaw.reason,
                shown=shown,
                warning=flaw.warning,
            )

    def _code_test(self, column: ColumnLoad) -> _Test:
        given, code_map = value(column), self._codes[str(column.code)]
        known = f"SELECT code FROM codes.{quote(str(column.code))}"
        falls = code_map.falls_back and (code_map.fallback is not None or column.nullable)
        instead = "left empty" if code_map.fallback is None else f"loaded as {code_map.fallback}"
        reason = f"is not mapped in the code list {column.code}" + (f"; {instead}" if falls else "")
        condition = f"{given} IS NOT NULL AND {given} NOT IN ({known})"
        return _Test(kind="code", column=column.name, condition=condition, reason=reason, shown=given, warning=falls)

    def _reference_tests(self, load: TableLoad, column: ColumnLoad) -> Iterable[_Test]:
        del load
        given, reference = value(column), column.reference
        assert reference is not None  # noqa: S101 -- of this sort
        if not column.nullable:
            yield _Test(
                kind="empty",
                column=column.name,
                condition=f"{given} IS NULL",
                reason="is empty, but the column must be filled",
                shown=given,
            )
        lost = " AND ".join(f"NOT EXISTS ({self._parent_row(name, column)})" for name in reference.tables)
        leaves = reference.missing == "empty" and column.nullable
        reason = f"there is no such row in {' or '.join(reference.tables)}" + ("; left empty" if leaves else "")
        condition = f"{given} IS NOT NULL AND {lost}"
        yield _Test(
            kind="reference", column=column.name, condition=condition, reason=reason, shown=given, warning=leaves
        )

    def _parent_row(self, name: str, column: ColumnLoad, *, gone: bool = False) -> str:
        """A query that has a row where the reference of ``r`` leads to a row of ``name``."""
        given, several = value(column), bool(column.reference and column.reference.several)
        wanted = f"{text_literal(name + '/')} || p.{{id}}" if several else "p.{id}"
        if gone:
            return f"SELECT 1 FROM gone AS p WHERE p.tbl = {text_literal(name)} AND {wanted.format(id='id')} = {given}"
        return f"SELECT 1 FROM {self._plan.table(name).raw} AS p WHERE {wanted.format(id=quote(ID))} = {given}"

    def _note(self, load: TableLoad, test: _Test) -> None:
        shown = f"left(CAST({test.shown} AS VARCHAR), {_VALUE_SHOWN})"
        reason = shown if test.reason == "$shown" else text_literal(test.reason)
        self._engine.execute(
            f"INSERT INTO problem SELECT {text_literal(load.name)}, r.{quote(ID)}, {text_literal(test.kind)}, "
            f"{text_literal(test.column)}, {shown}, {reason}, {test.warning}, NULL FROM {load.raw} AS r "
            f"WHERE {test.condition}"
        )

    def add(self, load: TableLoad, found: Complaint, *, warning: bool = False) -> None:
        """Note rows that the target refuses, or as a warning what it says of rows that are there."""
        if not found.ids:
            return
        others = found.others or (None,) * len(found.ids)
        rows = pa.table({"id": pa.array(found.ids, pa.string()), "other": pa.array(others, pa.string())})
        self._engine.register("found", rows)
        told = ", ".join(text_literal(each) for each in (found.kind, found.column))
        names = found.column.split(", ")
        given = [value(column) for column in load.columns if column.name in names and column.sort != "key"]
        # Several columns make one key: their values stand as their names do.
        shown = f"left(concat_ws(', ', {', '.join(given)}), {_VALUE_SHOWN})" if len(given) == len(names) else "NULL"
        self._engine.execute(
            f"INSERT INTO problem SELECT {text_literal(load.name)}, f.id, {told}, {shown}, "
            f"{text_literal(found.reason)}, {warning}, f.other "
            f"FROM found AS f LEFT JOIN {load.raw} AS r ON r.{quote(ID)} = f.id"
        )
        self._engine.unregister("found")
        self._settle(load)

    def _settle(self, load: TableLoad) -> int:
        """Make rejects of the rows that have a problem; return how many are new and have dependants."""
        name = text_literal(load.name)
        new = (
            f"SELECT DISTINCT p.tbl, p.id FROM problem AS p WHERE p.tbl = {name} AND NOT p.warning "
            f"AND NOT EXISTS (SELECT 1 FROM rejected AS r WHERE r.tbl = p.tbl AND r.id = p.id)"
        )
        self._engine.execute(f"INSERT INTO rejected {new}")
        kept = f"AND NOT EXISTS (SELECT 1 FROM {load.old} AS o WHERE o.id = j.id)" if self._keeps else ""
        (added,) = self._engine.execute(
            f"INSERT INTO gone SELECT j.tbl, j.id FROM rejected AS j WHERE j.tbl = {name} {kept} "
            "AND NOT EXISTS (SELECT 1 FROM gone AS g WHERE g.tbl = j.tbl AND g.id = j.id)"
        ).fetchall()[0]
        return int(added)

    def cascade(self, loads: Iterable[TableLoad]) -> None:
        """Reject whatever depends on a reject, until nothing more does."""
        tables = list(loads)
        more = True
        while more:
            more = False
            with_gone = {str(name) for (name,) in self._engine.execute("SELECT DISTINCT tbl FROM gone").fetchall()}
            for load in tables:
                for column in load.references:
                    parents = [] if column.reference is None else column.reference.tables
                    for parent in with_gone.intersection(parents):
                        more |= self._reject_dependants(load, column, parent)

    def settle_warnings(self) -> None:
        """Drop warnings of rows that are not loaded: they say what becomes of a row that is."""
        self._engine.execute(
            "DELETE FROM problem AS p WHERE p.warning AND p.kind NOT IN ('changed', 'missing') AND EXISTS "
            "(SELECT 1 FROM rejected AS r WHERE r.tbl = p.tbl AND r.id = p.id)"
        )

    def _reject_dependants(self, load: TableLoad, column: ColumnLoad, parent: str) -> bool:
        leaves = column.reference is not None and column.reference.missing == "empty" and column.nullable
        name, given = text_literal(load.name), value(column)
        known = (
            f"EXISTS (SELECT 1 FROM problem AS q WHERE q.tbl = {name} AND q.id = r.{quote(ID)} "
            f"AND q.kind = 'parent' AND q.col = {text_literal(column.name)})"
        )
        reason = f"the row in {parent} that it refers to is rejected" + ("; left empty" if leaves else "")
        before = self._engine.execute("SELECT count(*) FROM problem").fetchall()[0][0]
        self._engine.execute(
            f"INSERT INTO problem SELECT {name}, r.{quote(ID)}, 'parent', {text_literal(column.name)}, "
            f"left({given}, {_VALUE_SHOWN}), {text_literal(reason)}, {leaves}, NULL FROM {load.raw} AS r "
            f"WHERE EXISTS ({self._parent_row(parent, column, gone=True)}) AND NOT {known}"
        )
        after = self._engine.execute("SELECT count(*) FROM problem").fetchall()[0][0]
        return after > before and (self._settle(load) > 0 or leaves)
