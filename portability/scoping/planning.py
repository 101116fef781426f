"""From a scope, a source's schema and a profile to what becomes of every table, before any row is read.

Fails closed: a table without a path to what the scope names and without a stated reason, and a table called shared that
has a path to a tenant, are listed all at once.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from portability.errors import ScopeError
from portability.plurals import counted, first_few
from portability.profiles.scope_section import KINDS, Root, ScopeSection
from portability.scoping.dates import DateRules
from portability.scoping.document import Dates, Named, Scope
from portability.scoping.links import Catalogue, Link
from portability.scoping.paths import Paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.manifest import SourceSchema, Table
    from portability.profiles import Profile
    from portability.scoping.filters import TableName

__all__ = ["PlannedTable", "ScopePlan", "plan_scope", "section_problems"]


@dataclass(frozen=True, kw_only=True)
class PlannedTable:
    """What becomes of a table: root, belongs, referred, shared, outside or whole, and why if that needs a reason."""

    table: Table
    treatment: str
    reason: str = ""

    @property
    def place(self) -> TableName:
        """Schema and name."""
        return (self.table.schema, self.table.name)


@dataclass(frozen=True, kw_only=True)
class ScopePlan:
    """How a scope is kept for every table; ``resolving`` turns it into row filters by asking the source.

    ``paths`` has the kinds that the scope names, the tenant's first; ``ownerships`` are clients' and matters' whether
    named or not.
    """

    scope: Scope
    section: ScopeSection
    roots: dict[str, Root]
    catalogue: Catalogue = field(repr=False)
    paths: dict[str, Paths] = field(repr=False)
    ownerships: tuple[Paths, ...] = field(repr=False)
    dates: DateRules = field(repr=False)
    tables: dict[TableName, PlannedTable]

    @property
    def narrow(self) -> tuple[Paths, ...]:
        """The paths to what the scope names below the tenant."""
        return tuple(self.paths[kind] for kind in self.scope.narrow_kinds)

    def leads_to_named(self, link: Link) -> bool:
        """Whether a key is what makes its rows belong to the scope: it cannot refer to anything else."""
        for paths in self.paths.values():
            owners = paths.owners(link.table)
            if link.to == paths.root and len(owners) == 1 and owners[0] == (link,):
                return self.tables[link.table].treatment in ("root", "belongs")
        return False

    def pulls(self) -> Iterator[Link]:
        """Every key by which a row in the scope brings another one along."""
        reading = ("root", "belongs", "referred", "whole")
        for name, planned in self.tables.items():
            if planned.treatment in reading:
                yield from (link for link in self.catalogue.links[name] if link.to in self.tables)


def plan_scope(
    scope: Scope, source: SourceSchema, profile: Profile, *, kept_tables: frozenset[TableName] | None = None
) -> ScopePlan:
    """Decide for every table of a source how a scope is kept.

    Args:
        scope: What may be released.
        source: As discovered, with excluded tables marked.
        profile: Its ``scope:`` section says what the database does not.
        kept_tables: The tables that ``entities`` and ``tables`` of the scope leave; None for all.

    Raises:
        ScopeError: Lists every table for which the scope cannot be kept, and every mistake in the section.
    """
    section = profile.scope
    if section is None:
        hint = "Add a scope: section to its profile.yaml; docs/profiles.md explains it."
        if not profile.maps:
            hint = f"No profile knows this system: portability profile new SOURCE DIRECTORY begins one. {hint}"
        raise ScopeError("the profile does not say what belongs to whom", place=profile.profile, hint=hint)
    _check_roots(scope, section, profile.profile)
    catalogue = Catalogue(source, section)
    paths = {}
    for kind in KINDS:
        if kind in scope.roots:
            root = catalogue.find(section.roots[kind].table, f"scope.roots.{kind}")  # type: ignore[index]
            if root is not None and _root_columns(catalogue, root, section.roots[kind], kind):  # type: ignore[index]
                paths[kind] = Paths(catalogue, section, kind, root)
    planner = _Planner(scope, section, catalogue, paths, kept_tables)
    tables = planner.plan() if not catalogue.problems else {}
    dates = DateRules(catalogue, section, scope.dates, profile.time_zone)
    if scope.dates is not None:
        catalogue.problems += dates.missing(each.table for each in tables.values() if each.treatment in _DATED)
    if catalogue.problems:
        raise _all_at_once(catalogue.problems, scope, profile.profile)
    roots = {str(kind): root for kind, root in section.roots.items()}
    return ScopePlan(
        scope=scope,
        section=section,
        roots=roots,
        catalogue=catalogue,
        paths=paths,
        ownerships=planner.ownerships,
        dates=dates,
        tables=tables,
    )


def section_problems(source: SourceSchema, profile: Profile) -> tuple[str, ...]:
    """Say what a profile's ``scope:`` section lacks for this source, whatever a scope may name."""
    if profile.scope is None:
        return ()
    kinds = [str(kind) for kind in profile.scope.roots]
    any_row: tuple[Named, ...] = (Named(key="?"),)
    tenant = {"tenant": any_row} if "tenant" in kinds else {}
    found: set[str] = set()
    dates = Dates(first=date.min) if profile.scope.dates else None
    for kind in kinds or [""]:
        roots = tenant | ({kind: any_row} if kind else {})
        try:
            plan_scope(Scope(name="check", roots=roots, dates=dates), source, profile)
        except ScopeError as error:
            found |= set(error.details or (error.message,))
    return tuple(sorted(found))


_DATED = ("root", "belongs", "whole")


def _check_roots(scope: Scope, section: ScopeSection, profile: str) -> None:
    unknown = [kind for kind in scope.roots if kind not in section.roots]
    if unknown:
        hint = f"It knows {', '.join(section.roots) or 'none'}; roots are declared under scope: roots: in profile.yaml."
        raise ScopeError(f"the profile {profile} has no root for {', '.join(unknown)}", place=scope.name, hint=hint)
    if "tenant" in section.roots and "tenant" not in scope.roots:
        hint = "Add `tenant:` with the firm's key."
        raise ScopeError("the database holds several firms, and the scope names none", place=scope.name, hint=hint)


def _root_columns(catalogue: Catalogue, table: Table, root: Root, kind: str) -> bool:
    names = (root.key, *([root.name] if root.name else []))
    return catalogue.columns(table, names, f"scope.roots.{kind}") is not None


def _all_at_once(problems: list[str], scope: Scope, profile: str) -> ScopeError:
    told = sorted(set(problems))
    hint = (
        "Declare the keys under scope: keys: in the profile, or give the table's reason under shared:, referred: or "
        "outside:. Nothing was read."
    )
    message = f"the scope cannot be kept, {counted(len(told), 'problem')} with the profile {profile}: {first_few(told)}"
    return ScopeError(message, place=scope.name, hint=hint, details=told)


class _Planner:
    """One planning; problems go to the catalogue's."""

    def __init__(
        self,
        scope: Scope,
        section: ScopeSection,
        catalogue: Catalogue,
        paths: dict[str, Paths],
        kept: frozenset[TableName] | None,
    ) -> None:
        self._scope, self._catalogue, self._paths, self._kept = scope, catalogue, paths, kept
        self._shared = catalogue.reasons(section.shared, "shared")
        self._referred = catalogue.reasons(section.referred, "referred")
        self._outside = catalogue.reasons(section.outside, "outside")
        self._every = self._all_paths(section)
        self._narrow = [paths[kind] for kind in scope.narrow_kinds if kind in paths]

    def _all_paths(self, section: ScopeSection) -> list[Paths]:
        """The paths to every kind of root that the profile knows: a shared table has none of them."""
        found = []
        for kind, root in section.roots.items():
            table = self._catalogue.find(root.table, f"scope.roots.{kind}")
            if table is not None:
                known = self._paths.get(kind)
                # Which of two owners decides is of no interest for a kind that the scope does not name.
                before = len(self._catalogue.problems)
                found.append(known or Paths(self._catalogue, section, kind, table))
                del self._catalogue.problems[before:]
        return found

    @property
    def ownerships(self) -> tuple[Paths, ...]:
        """The paths to clients and matters."""
        return tuple(paths for paths in self._every if paths.kind in ("client", "matter"))

    def plan(self) -> dict[TableName, PlannedTable]:
        planned = {name: self._first(name, table) for name, table in self._catalogue.tables.items()}
        tables = {name: each for name, each in planned.items() if each is not None}
        self._refer(tables)
        for name, table in self._catalogue.tables.items():
            if name not in tables:
                self._catalogue.problems.append(self._without_path(name, table))
        return {name: self._kept_or_empty(each) for name, each in sorted(tables.items())}

    def _first(self, name: TableName, table: Table) -> PlannedTable | None:
        """What can be said of a table without the others."""
        tenant = self._paths.get("tenant")
        if name in self._shared:
            self._check_shared(name, table)
            return PlannedTable(table=table, treatment="shared", reason=self._shared[name])
        if tenant is not None and not tenant.leads(name):
            return self._without_tenant(name, table)
        if any(not paths.leads(name) for paths in self._narrow):
            if name in self._outside:
                return PlannedTable(table=table, treatment="outside", reason=self._outside[name])
            return None
        roots = [paths.root for paths in self._paths.values()]
        treatment = "root" if name in roots else "belongs" if self._paths else "whole"
        return PlannedTable(table=table, treatment=treatment)

    def _without_tenant(self, name: TableName, table: Table) -> PlannedTable | None:
        if name in self._referred:
            return PlannedTable(table=table, treatment="referred", reason=self._referred[name])
        if name in self._outside:
            return PlannedTable(table=table, treatment="outside", reason=self._outside[name])
        return None

    def _kept_or_empty(self, planned: PlannedTable) -> PlannedTable:
        """Empty a table that neither the scope's entities nor its tables name."""
        # The rows that the scope names are in it, whatever else it leaves out.
        if self._kept is None or planned.place in self._kept or planned.treatment == "root":
            return planned
        return PlannedTable(table=planned.table, treatment="outside", reason="neither it nor its entities are named")

    def _refer(self, tables: dict[TableName, PlannedTable]) -> None:
        """Add the tables that rows in the scope refer to, and those that these refer to."""
        tenant = self._paths.get("tenant")
        ahead = [name for name, each in tables.items() if each.treatment in ("root", "belongs", "referred", "whole")]
        while ahead:
            for link in self._catalogue.links[ahead.pop()]:
                if link.to in tables or (tenant is not None and not tenant.leads(link.to)):
                    continue
                reason = "rows in the scope refer to it"
                tables[link.to] = PlannedTable(
                    table=self._catalogue.tables[link.to], treatment="referred", reason=reason
                )
                ahead.append(link.to)

    def _check_shared(self, name: TableName, table: Table) -> None:
        for paths in self._every:
            owners = paths.owners(name)
            if paths.root == name:
                self._catalogue.problems.append(f"{table.label} is called shared, and is the table of {paths.kind}s")
            elif owners:
                by = ", ".join(link.shown for link in owners[0])
                self._catalogue.problems.append(f"{table.label} is called shared, and {by} leads to a {paths.kind}")
            elif paths.kind == "tenant":
                self._check_named_like(paths, table)

    def _check_named_like(self, paths: Paths, table: Table) -> None:
        """A column named as tenants' key is, or as those that lead to it are, is one whatever the profile says."""
        links = (link for found in self._catalogue.links.values() for link in found if link.to == paths.root)
        names = {column.casefold() for link in links for column in (*link.columns, *link.to_columns)}
        names -= {"id", "name", "code"}
        for column in table.columns:
            if column.name.casefold() in names:
                self._catalogue.problems.append(f"{table.label} is called shared, and has the column {column.name}")

    def _without_path(self, name: TableName, table: Table) -> str:
        missing = [paths.kind for paths in self._paths.values() if not paths.leads(name)]
        named = {
            column.casefold(): link.to[1]
            for found in self._catalogue.links.values()
            for link in found
            for column in link.columns
            if any(paths.leads(link.to) for paths in self._paths.values()) and len(link.columns) == 1
        }
        have = {column for link in self._catalogue.links[name] for column in link.columns}
        alike = [c.name for c in table.columns if c.name.casefold() in named and c.name not in have]
        looks = f" (a key undeclared? {', '.join(alike)})" if alike else ""
        return f"{table.label} has no path to a {' or '.join(missing)}, and no reason{looks}"
