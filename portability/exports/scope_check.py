"""What a scope would leave of a source, table by table, without exporting: for ``portability scope check``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.exports.choices import apply_profile
from portability.exports.scoped import prepare_scope, scope_record
from portability.mapping import trace_coverage
from portability.model import load_model
from portability.profiles import bare_profile, detect_profile, load_profile

if TYPE_CHECKING:
    from portability.connectors.connector import Connector, Explained
    from portability.profiles import Profile
    from portability.scoping import Scope
    from portability.scoping.record import ScopeRecord

__all__ = ["CheckedTable", "ScopeCheck", "check_scope"]


@dataclass(frozen=True, kw_only=True)
class CheckedTable:
    """One table: its rows within the scope, and, when asked, how the DBMS would find them."""

    table: str
    rows: int
    explained: Explained | None = None


@dataclass(frozen=True, kw_only=True)
class ScopeCheck:
    """The scope as it would be applied."""

    scope: Scope
    profile: str
    record: ScopeRecord
    tables: tuple[CheckedTable, ...]
    orphans: dict[str, int]


def check_scope(
    connector: Connector, scope: Scope, profile: Profile | None = None, *, explain: bool = False
) -> ScopeCheck:
    """Plan a scope, resolve what it names, and count.

    Raises:
        ScopeError: As an export with this scope would.
    """
    with connector.snapshot() as snapshot:
        source = snapshot.discover()
        detected = detect_profile(source)
        chosen = profile or (load_profile(detected) if detected else bare_profile())
        source = apply_profile(source, chosen)
        coverage, asked = trace_coverage(source, chosen), (snapshot, connector.limits)
        scoped = prepare_scope(scope, source, profile=chosen, coverage=coverage, model=load_model(), asked=asked)
        tables = []
        for name, planned in scoped.rows.plan.tables.items():
            rows = scoped.filters[name]
            explained = snapshot.explain(planned.table, rows) if explain else None
            counted = snapshot.count(planned.table, rows)
            tables.append(CheckedTable(table=planned.table.label, rows=counted, explained=explained))
    return ScopeCheck(
        scope=scope,
        profile=chosen.profile,
        record=scope_record(scoped),
        tables=tuple(tables),
        orphans=scoped.rows.orphans,
    )
