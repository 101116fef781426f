"""R: every row of the source layer reaches the scope's root, and no table is there without a path or a reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from portability.checks.case import file_sha256
from portability.checks.scope.declared import (
    NARROW_KINDS,
    SCOPE_JSON,
    TREATMENTS_JSON,
    Rules,
    Scope,
    Treatments,
)
from portability.checks.scope.keeping import LEFT_BY_SCOPE, tables_not_kept
from portability.checks.scope.links import Net, matches
from portability.checks.scope.reaching import Counts, Reach, TooDeepError
from portability.duck import text_literal
from portability.formats.totals import scan_sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from portability.checks.case import Case
    from portability.manifest import Table

__all__ = ["ScopeTable", "Scoped", "check_dates", "check_rows", "check_treatments"]


@dataclass(frozen=True, kw_only=True)
class ScopeTable:
    """One table in the report: rows in on which ground, and rows that should be out."""

    table: str
    treatment: str
    reason: str
    rows: int
    belonging: int
    referred: int
    shared: int
    outside: int


@dataclass(kw_only=True)
class Scoped:
    """What the steps of family R know of the archive's scope, one after the other."""

    scope: Scope
    rules: Rules = field(default_factory=Rules)
    treatments: Treatments | None = None
    net: Net = field(default_factory=lambda: Net(tables={}, links=()))
    reach: Reach | None = None
    left: set[str] = field(default_factory=set)
    tables: list[ScopeTable] = field(default_factory=list)

    def reason(self, names: Mapping[str, str], table: Table) -> str | None:
        """Look a table up in a part of the profile's section."""
        return next((why for name, why in names.items() if matches(table, name)), None)

    @property
    def is_whole_tenant(self) -> bool:
        """Whether nothing below a tenant is named: then tables that no key leads from may be there whole."""
        return not any(self.scope.named(kind) for kind in NARROW_KINDS)


def check_rows(case: Case, scoped: Scoped) -> None:
    """Follow the keys (R611, R612), find what the scope names (R606), count (R613, R615)."""
    shared = _listed(scoped, scoped.rules.shared)
    free = shared if scoped.is_whole_tenant else shared | _listed(scoped, scoped.rules.outside)
    scoped.left = tables_not_kept(case, scoped.scope, scoped.rules, scoped.net)
    reach = Reach(case, scoped.scope, scoped.rules, scoped.net, free)
    try:
        reach.work_out()
        for missing in reach.missing():
            case.log.add("R606", "scope.json", [missing])
        for label in scoped.net.tables:
            case.progress(f"scope: {label}")
            _judge(case, scoped, reach, label, is_free=label in free)
    except (duckdb.Error, TooDeepError) as error:
        case.log.add("R635", "source/", [type(error).__name__])
        return
    scoped.reach = reach


def _listed(scoped: Scoped, names: Mapping[str, str]) -> set[str]:
    return {label for label, table in scoped.net.tables.items() if scoped.reason(names, table) is not None}


def _judge(case: Case, scoped: Scoped, reach: Reach, label: str, *, is_free: bool) -> None:
    table, counts = scoped.net.tables[label], reach.counts(label)
    reasons = ("shared", "outside", "referred")
    found = {name: scoped.reason(getattr(scoped.rules, name), table) for name in reasons}
    treatment = next((name for name in reasons if found[name] is not None), "")
    if treatment == "outside" and not is_free:
        treatment = ""  # of a whole tenant: its keys are followed as any other's
    if label in scoped.left:
        treatment, found["outside"] = "outside", LEFT_BY_SCOPE
    bad = 0
    if treatment == "outside":
        bad = counts.rows
        if bad:
            case.log.add("R613", label, count=bad)
    elif not is_free and scoped.scope.kinds:
        bad = counts.foreign + counts.unreached
        _log(case, label, counts, has_path=any(reach.has_path(label, kind) for kind in scoped.scope.kinds))
    scoped.tables.append(
        ScopeTable(
            table=label,
            treatment=treatment or ("by keys" if counts.rows else "empty"),
            reason=found.get(treatment) or "",
            rows=counts.rows,
            belonging=0 if is_free else counts.belonging,
            referred=0 if is_free else counts.referred,
            shared=counts.rows if treatment == "shared" else 0,
            outside=bad,
        )
    )


def _log(case: Case, label: str, counts: Counts, *, has_path: bool) -> None:
    if counts.foreign:
        case.log.add("R611", label, counts.foreign_examples, count=counts.foreign)
    if counts.unreached:
        code = "R612" if has_path or counts.referred else "R615"
        case.log.add(code, label, counts.unreached_examples, count=counts.unreached)


def check_treatments(case: Case, scoped: Scoped) -> None:
    """What schema/scope.json says of each table agrees with the profile and its rows (R616, R613)."""
    if scoped.treatments is None:
        return
    claimed = {each.table: each.treatment for each in scoped.treatments.tables}
    found = {each.table: each for each in scoped.tables}
    if scoped.treatments.sha256 != file_sha256(case.data / SCOPE_JSON):
        case.log.add("R616", TREATMENTS_JSON, ["it is about another scope"])
    for label in sorted(found.keys() - claimed.keys()):
        case.log.add("R616", TREATMENTS_JSON, [f"{label}: not listed"])
    for label in sorted(found.keys() & claimed.keys()):
        counts = found[label]
        is_left = claimed[label] == "outside" and bool(scoped.scope.entities or scoped.scope.tables)  # R613 if not so
        if (claimed[label] == "shared") is not (counts.treatment == "shared") and not is_left:
            case.log.add("R616", TREATMENTS_JSON, [f"{label}: said to be {claimed[label]}, the profile says otherwise"])
        if claimed[label] == "outside" and counts.rows and not counts.outside:
            case.log.add("R613", label, count=counts.rows)


def check_dates(case: Case, scoped: Scoped) -> None:
    """Rows that belong lie within the scope's dates, by the column that the profile names (R617).

    Where it names a key, the date is that of the row referred to, which is held against the scope in its own table.
    """
    if scoped.scope.dates is None or scoped.reach is None:
        return
    for label, table in scoped.net.tables.items():
        wanted = scoped.reason(scoped.rules.dates, table)
        column = next((c for c in table.columns if wanted is not None and c.name.casefold() == wanted.casefold()), None)
        if column is None or column.carried == "excluded":
            continue
        inside = scoped.reach.is_inside_sql(label) if scoped.scope.kinds else ""
        keys = [link for link in scoped.net.of(label) if link.columns == (column.name,)]
        outside = scoped.reach.lost_sql(keys) if keys else _outside_sql(case, scoped.scope, table, column.name)
        only = f"WHERE n IN ({inside})" if inside else ""
        _log_dates(case, label, f"SELECT n FROM ({outside}) AS o(n) {only}")


def _outside_sql(case: Case, scope: Scope, table: Table, column: str) -> str:
    dates, names = scope.dates, case.tables[table.file].schema.names
    aliases = [f"c{position}" for position in range(len(names))]
    day = f"TRY_CAST({aliases[names.index(column)]} AS DATE)"
    tests = [f"{day} IS NULL"]
    tests += [f"{day} < DATE {text_literal(dates.first)}"] if dates is not None and dates.first else []
    tests += [f"{day} > DATE {text_literal(dates.last)}"] if dates is not None and dates.last else []
    scan = scan_sql(case.data / table.file, [*aliases, "row_number"], row_number=True)
    return f"SELECT row_number FROM {scan} WHERE {' OR '.join(tests)}"


def _log_dates(case: Case, label: str, sql: str) -> None:
    most = case.limits.finding_examples
    try:
        (row,) = case.engine.execute(f"SELECT count(*), min(n, {most}) FROM ({sql}) AS f(n)").fetchall()
    except duckdb.Error as error:
        case.log.add("R635", label, [type(error).__name__])
        return
    if row[0]:
        case.log.add("R617", label, [f"row {number}" for number in row[1]], count=int(row[0]))
