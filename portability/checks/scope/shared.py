"""R: a table that the profile declares shared leads to no tenant, by no key and by no text (R614).

Judged by its keys, by the names of its columns, and by its values: a text that holds the tenant's own key or name shows
that rows are told apart by tenant, whatever the profile says. Other tenants' names are not in the archive, so a table
that holds those alone is found at the source, where the export asks the same of every tenant.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from portability.checks.scope.links import matches
from portability.formats.totals import scan_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.case import Case
    from portability.checks.scope.declared import Root
    from portability.checks.scope.rows import Scoped
    from portability.manifest import Table

__all__ = ["check_shared"]

_OF_ANY_TABLE = {"id", "name", "code"}  # what a key is called in tables that have nothing to do with each other
_NAMED = re.compile(r"(?:^|_)(?:name|nm)$", re.IGNORECASE)
_WHOLE_MIN = 3  # letters of a name that is looked for as a whole value; shorter ones are codes of anything
_PART_MIN = 5  # letters of a name that is looked for within longer texts


def check_shared(case: Case, scoped: Scoped) -> None:
    """Tables that the profile declares shared have no column, and no text, that leads to a tenant."""
    root = scoped.rules.roots.get("tenant")
    if root is None:
        return
    named = {
        column.casefold()
        for link in scoped.net.links
        for column in link.columns
        if matches(scoped.net.tables[link.to], root.table)
    } | {root.key.casefold()}
    try:
        _gather_names(case, scoped, root)
        for label, table in scoped.net.tables.items():
            if not _is_shared(scoped, label):
                continue
            leading = {c.name for c in table.columns if c.name.casefold() in named - _OF_ANY_TABLE}
            leading |= {c for link in scoped.net.of(label) for c in link.columns if not _is_shared(scoped, link.to)}
            leading |= set(_naming(case, scoped, table))
            if leading:
                case.log.add("R614", label, sorted(leading), count=len(leading))
    except duckdb.Error as error:
        case.log.add("R635", "source/", [type(error).__name__])


def _is_shared(scoped: Scoped, label: str) -> bool:
    return scoped.reason(scoped.rules.shared, scoped.net.tables[label]) is not None


def _gather_names(case: Case, scoped: Scoped, root: Root) -> None:
    """Note the texts that name a tenant: his key and name, other unique values, and what a column called name says."""
    case.engine.execute("CREATE OR REPLACE TABLE tenant_names (said VARCHAR)")
    for table in scoped.net.tables.values():
        if not matches(table, root.table):
            continue
        wanted = {root.key.casefold(), root.name.casefold()}
        wanted |= {name.casefold() for key in table.unique_keys for name in key.columns if len(key.columns) == 1}
        for name, column, scan in _columns(case, table):
            if name.casefold() in wanted or _NAMED.search(name):
                case.engine.execute(
                    f"INSERT INTO tenant_names SELECT DISTINCT lower(trim({column})) FROM {scan} "
                    f"WHERE regexp_matches({column}, '[[:alpha:]]') AND length(trim({column})) >= {_WHOLE_MIN}"
                )


def _naming(case: Case, scoped: Scoped, table: Table) -> Iterator[str]:
    """Name the columns in which a tenant is named, but for those of which the profile says why."""
    excused = {name.casefold() for name in scoped.rules.mentions}
    for name, column, scan in _columns(case, table):
        if {f"{table.name}.{name}".casefold(), f"{table.label}.{name}".casefold()} & excused:
            continue
        said = f"lower(trim({column})) = n.said OR length(n.said) >= {_PART_MIN} AND contains(lower({column}), n.said)"
        sql = f"SELECT 1 WHERE EXISTS (SELECT 1 FROM {scan}, tenant_names AS n WHERE {said})"
        if case.engine.execute(sql).fetchall():
            yield name


def _columns(case: Case, table: Table) -> Iterator[tuple[str, str, str]]:
    """Yield the name, SQL and scan of each column that is in the file as a value."""
    names = case.tables[table.file].schema.names
    aliases = [f"c{position}" for position in range(len(names))]
    scan = scan_sql(case.data / table.file, aliases)
    for column in table.columns:
        if column.carried == "value" and column.name in names:
            yield column.name, f"CAST({aliases[names.index(column.name)]} AS VARCHAR)", scan
