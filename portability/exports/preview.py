"""What an export would do, without doing it: for ``portability inspect`` and ``portability profile check``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.exports.choices import apply_profile
from portability.mapping import trace_coverage
from portability.profiles import bare_profile, detect_profile, load_profile

if TYPE_CHECKING:
    from portability.connectors.connector import Connector
    from portability.manifest import SourceSchema
    from portability.mapping import Coverage
    from portability.profiles import Profile

__all__ = ["Preview", "preview_source"]


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A source as discovered, with row counts, and what the profile would make of it."""

    source: SourceSchema
    profile: Profile
    detected: str | None
    coverage: Coverage
    rows: dict[str, int]


def preview_source(connector: Connector, profile: Profile | None = None, *, count_rows: bool = True) -> Preview:
    """Look at a source; nothing is read but the catalogue and, on request, row counts."""
    with connector.snapshot() as snapshot:
        source = snapshot.discover()
        detected = detect_profile(source)
        chosen = profile or (load_profile(detected) if detected else bare_profile())
        marked = apply_profile(source, chosen)
        rows = {t.label: snapshot.count(t) for t in marked.tables if t.excluded is None} if count_rows else {}
    return Preview(source=marked, profile=chosen, detected=detected, coverage=trace_coverage(marked, chosen), rows=rows)
