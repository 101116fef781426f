"""What an export would do, without doing it: for ``portability inspect`` and ``portability profile check``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.connectors.connector import unreadable
from portability.exports.choices import apply_profile
from portability.mapping import trace_coverage
from portability.profiles import bare_profile, detect_profile, load_profile

if TYPE_CHECKING:
    from portability.connectors.connector import Connector
    from portability.manifest import SourceSchema, Table
    from portability.mapping import Coverage
    from portability.profiles import Profile

__all__ = ["Preview", "preview_source"]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A source as discovered, with row counts, and what the profile would make of it.

    ``unreadable`` names the tables and columns that would stop an export, each with the reason.
    """

    source: SourceSchema
    profile: Profile
    detected: str | None
    coverage: Coverage
    rows: dict[str, int]
    unreadable: tuple[str, ...]


def preview_source(connector: Connector, profile: Profile | None = None, *, count_rows: bool = True) -> Preview:
    """Look at a source; nothing is read but the catalogue and, on request, row counts."""
    with connector.snapshot() as snapshot:
        source = snapshot.discover()
        detected = detect_profile(source)
        chosen = profile or (load_profile(detected) if detected else bare_profile())
        marked = apply_profile(source, chosen)
        wanted = [each for each in marked.tables if each.excluded is None]
        rows = {each.label: snapshot.count(each) for each in wanted if _is_readable(each)} if count_rows else {}
    return Preview(
        source=marked,
        profile=chosen,
        detected=detected,
        coverage=trace_coverage(marked, chosen),
        rows=rows,
        unreadable=tuple(line for each in wanted for line in unreadable(each, _excluded(each))),
    )


def _excluded(table: Table) -> frozenset[str]:
    return frozenset(column.name for column in table.columns if column.carried == "excluded")


def _is_readable(table: Table) -> bool:
    """Tell whether any column can be read; rows that are hidden from the account are not to be counted either."""
    return not table.columns or any(each.reason is None or each.carried == "excluded" for each in table.columns)
