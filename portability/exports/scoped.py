"""The scope of an export: what it leaves of the source, and what must not be said of the rest.

Decided and asked of the source before a row is read; after the rows are read, the references that the scope cut are
counted and told apart from those that were broken before.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portability.duck import quote, text_literal
from portability.manifest import Finding
from portability.mapping import Coverage
from portability.scoping import RowFilter, ScopedRows, TableName, plan_scope, resolve_scope
from portability.scoping.filters import Among
from portability.scoping.record import (
    BrokenByScope,
    OwnerRecord,
    RootRecord,
    ScopeRecord,
    Step,
    TableRecord,
)
from portability.scoping.restricting import Feeds, Kept, columns_left_out, kept_fields, kept_tables

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from portability.connectors.connector import Snapshot
    from portability.limits import Limits
    from portability.manifest import SourceSchema, Table
    from portability.model import Model
    from portability.profiles import Profile
    from portability.scoping import PlannedTable, Scope, ScopePlan
    from portability.scoping.links import Link

__all__ = ["ScopedExport", "cut_references", "feeds_of", "prepare_scope", "scope_findings", "without_betrayals"]

_LEFT_OUT = (
    "views and routines",
    "comments",
    "column defaults and check constraints",
    "positions of sequences",
    "texts of indexes",
    "expressions of generated columns",
    "labels of enumerations that no row in the scope has",
    "attributes of tables but the DBMS's own engine, collation and partition key",
)
_ATTRIBUTES = ("engine", "collation", "partition_key")
_KEYS_AT_ONCE = 5_000


@dataclass(frozen=True, kw_only=True)
class ScopedExport:
    """A scope as it is applied: rows and columns of the source, entities and fields of the canonical layer."""

    rows: ScopedRows
    kept: Kept
    columns: dict[TableName, dict[str, str]]
    broken: tuple[BrokenByScope, ...] = ()

    @property
    def scope(self) -> Scope:
        """What was asked for."""
        return self.rows.plan.scope

    @property
    def filters(self) -> dict[TableName, RowFilter]:
        """The rows of every table."""
        return self.rows.filters

    @property
    def choices(self) -> str:
        """A hash of all that decides which values are read."""
        conditions = [repr((name, each.condition)) for name, each in sorted(self.filters.items())]
        return hashlib.sha256("\n".join([self.scope.sha256, *conditions]).encode()).hexdigest()


def prepare_scope(
    scope: Scope,
    source: SourceSchema,
    *,
    profile: Profile,
    coverage: Coverage,
    model: Model,
    asked: tuple[Snapshot, Limits],
) -> ScopedExport:
    """Plan a scope and resolve what it names in the snapshot.

    Raises:
        ScopeError: With every problem of a kind at once; no row was read.
    """
    feeds = feeds_of(coverage)
    kept = kept_fields(scope, model, frozenset(profile.maps))
    plan = plan_scope(scope, source, profile, kept_tables=kept_tables(scope, source, feeds))
    columns = columns_left_out(plan, feeds, kept, plan.section)
    snapshot, limits = asked
    return ScopedExport(rows=resolve_scope(plan, snapshot, limits), kept=kept, columns=columns)


def feeds_of(coverage: Coverage) -> Feeds:
    """Return what maps make of every column."""
    return {(t.schema, t.name, c.name): c.targets for t in coverage.tables for c in t.columns}


def mark_columns(source: SourceSchema, scoped: ScopedExport) -> SourceSchema:
    """Return the schema with the columns that the scope leaves out marked as excluded."""

    def marked(table: Table) -> Table:
        left = scoped.columns.get((table.schema, table.name), {})
        return replace(
            table,
            columns=tuple(
                replace(c, carried="excluded", reason=left[c.name]) if c.name in left and c.carried != "excluded" else c
                for c in table.columns
            ),
        )

    return source.with_tables(tuple(marked(table) for table in source.tables))


def mark_coverage(coverage: Coverage, scoped: ScopedExport) -> Coverage:
    """Return the coverage report with those columns excluded."""
    tables = tuple(
        replace(
            table,
            columns=tuple(
                replace(c, status="excluded", targets=(), reason=left[c.name])
                if c.name in left and c.status != "excluded"
                else c
                for c in table.columns
            ),
        )
        for table in coverage.tables
        for left in [scoped.columns.get((table.schema, table.name), {})]
    )
    statuses = Counter(column.status for table in tables for column in table.columns)
    return replace(
        coverage,
        tables=tables,
        mapped=statuses["mapped"],
        carried=statuses["carried"],
        excluded=statuses["excluded"],
    )


def without_betrayals(source: SourceSchema) -> SourceSchema:
    """Return what a scoped archive may say of its source: no text in which another practice could be named."""
    return replace(
        source,
        tables=tuple(_plain_table(table) for table in source.tables),
        views=(),
        routines=(),
        sequences=tuple(replace(each, value=None) for each in source.sequences),
        notes=(),
    )


def _plain_table(table: Table) -> Table:
    return replace(
        table,
        comment=None,
        columns=tuple(replace(c, default=None, comment=None, generated=None) for c in table.columns),
        checks=(),
        indexes=tuple(replace(index, definition=None) for index in table.indexes),
        attributes={name: table.attributes[name] for name in _ATTRIBUTES if name in table.attributes},
    )


# -- references that the scope cuts ------------------------------------------------------------------------------------


def cut_references(
    source: SourceSchema, scoped: ScopedExport, snapshot: Snapshot, engine: duckdb.DuckDBPyConnection, data: Path
) -> tuple[SourceSchema, tuple[BrokenByScope, ...]]:
    """Count, for each key, rows that refer to nothing here; tell the scope's doing from the source's own.

    Returns:
        The schema with ``broken_rows`` where rows refer to nothing, and the keys of which the scope left parents out.
    """
    known = {(table.schema, table.name): table for table in source.tables if table.excluded is None}
    plan = scoped.rows.plan
    broken: dict[tuple[TableName, tuple[str, ...]], int] = {}
    cut: list[BrokenByScope] = []
    for name in plan.tables:
        for link in plan.catalogue.links[name]:
            if link.when or plan.leads_to_named(link):
                continue  # its value is one of the scope's own; or it is a key in some rows only
            missing = _missing(engine, data, known[name], link, known[link.to])
            if link.declared and missing:
                broken[name, link.columns] = sum(missing.values())
            rows = _cut_by_scope(scoped, snapshot, known[link.to], link, missing)
            if rows:
                labels = {"table": known[name].label, "to_table": known[link.to].label}
                cut.append(BrokenByScope(**labels, columns=link.columns, rows=rows))
    tables = tuple(
        replace(
            table,
            foreign_keys=tuple(
                replace(key, broken_rows=broken.get(((table.schema, table.name), key.columns)))
                for key in table.foreign_keys
            ),
        )
        for table in source.tables
    )
    return source.with_tables(tables), tuple(cut)


def _missing(
    engine: duckdb.DuckDBPyConnection, data: Path, table: Table, link: Link, target: Table
) -> dict[tuple[str, ...], int]:
    """The values of a key that no row here has, with the number of rows that hold them."""
    gone = {c.name for c in table.columns if c.carried == "excluded"}
    lost = {c.name for c in target.columns if c.carried == "excluded"}
    if not table.row_count or gone & set(link.columns) or lost & set(link.to_columns):
        return {}
    own = ", ".join(f"CAST(s.{quote(name)} AS VARCHAR)" for name in link.columns)
    filled = " AND ".join(f"s.{quote(name)} IS NOT NULL" for name in link.columns)
    pairs = zip(link.columns, link.to_columns, strict=True)
    joined = " AND ".join(f"CAST(t.{quote(b)} AS VARCHAR) = CAST(s.{quote(a)} AS VARCHAR)" for a, b in pairs)
    here, there = (f"read_parquet({text_literal(str((data / each.file).resolve()))})" for each in (table, target))
    sql = (
        f"SELECT {own}, count(*) FROM {here} AS s WHERE {filled} AND NOT EXISTS (SELECT 1 FROM {there} AS t "
        f"WHERE {joined}) GROUP BY ALL"
    )
    return {tuple(map(str, row[:-1])): int(row[-1]) for row in engine.execute(sql).fetchall()}


def _cut_by_scope(
    scoped: ScopedExport, snapshot: Snapshot, target: Table, link: Link, missing: dict[tuple[str, ...], int]
) -> int:
    """The rows whose parent is in the source, though not in the scope."""
    known = scoped.filters[target.schema, target.name].tables
    values, rows = sorted(missing), 0
    for start in range(0, len(values), _KEYS_AT_ONCE):
        some = Among(columns=link.to_columns, values=tuple(values[start : start + _KEYS_AT_ONCE]))
        for found in snapshot.keys(target, link.to_columns, RowFilter(condition=some, tables=known)):
            rows += missing.get(found, 0)
    return rows


# -- what is said of it ------------------------------------------------------------------------------------------------


def scope_findings(scoped: ScopedExport) -> Iterator[Finding]:
    """Say in the archive that it is a part, and what that cut."""
    name = scoped.scope.name
    yield Finding(
        code="E301",
        severity="note",
        place="scope",
        text=(
            f"the archive holds what the scope {name} names, and nothing else; scope.json is that scope; balances and "
            "totals of what is there in part only do not add up"
        ),
        count=1,
    )
    for cut in scoped.broken:
        yield Finding(
            code="E302",
            severity="note",
            place=f"{cut.table}({', '.join(cut.columns)})",
            text=f"refers to rows of {cut.to_table} that are outside the scope {name}",
            count=cut.rows,
        )
    for each in scoped.rows.unclear:
        yield Finding(
            code="E303",
            severity="finding",
            place=f"{each.table}({', '.join(each.columns)})",
            text=f"{each.text} ({name})",
            count=each.rows,
        )


def scope_record(scoped: ScopedExport) -> ScopeRecord:
    """Return ``schema/scope.json``."""
    plan = scoped.rows.plan
    roots = {}
    for kind, keys in scoped.rows.roots.items():
        table = plan.catalogue.tables[plan.paths[kind].root]
        key = plan.roots[kind].key.casefold()
        column = next(c.name for c in table.columns if c.name.casefold() == key)
        roots[kind] = RootRecord(table=table.label, columns=(column,), keys=keys)
    pulls: dict[TableName, list[str]] = {}
    for link in plan.pulls():
        if plan.tables[link.to].treatment == "referred":
            pulls.setdefault(link.to, []).append(f"{'.'.join(link.table)}({', '.join(link.columns)})")
    return ScopeRecord(
        scope=scoped.scope.name,
        sha256=scoped.scope.sha256,
        roots=roots,
        tables=tuple(
            _table_record(plan, planned, scoped, sorted(set(pulls.get(name, ()))))
            for name, planned in plan.tables.items()
        ),
        broken_by_scope=scoped.broken,
        orphans=plan.section.orphans,
        left_out=_LEFT_OUT,
    )


def _table_record(plan: ScopePlan, planned: PlannedTable, scoped: ScopedExport, pulled_by: list[str]) -> TableRecord:
    owners = []
    for kind, paths in plan.paths.items():
        keys = tuple(
            Step(
                table=".".join(link.table),
                columns=link.columns,
                to_table=".".join(link.to),
                to_columns=link.to_columns,
                when={w.column if w.via is None else f"{w.via.columns[0]}.{w.column}": w.value for w in link.when},
            )
            for owner in paths.owners(planned.place)
            for link in owner
        )
        if keys and planned.treatment in ("root", "belongs"):
            owners.append(OwnerRecord(root=kind, keys=keys))
    return TableRecord(
        table=planned.table.label,
        treatment=planned.treatment,
        reason=planned.reason,
        owners=tuple(owners),
        referred_by=tuple(pulled_by),
        date=plan.dates.column(planned.place),
        columns_left_out=scoped.columns.get(planned.place, {}),
    )
