"""What a reconciliation says: a comparison for each total, and the rows that were not loaded.

Amounts are exact decimals, written as text in JSON. A line *agrees* when archive and target have the same amount; it is
*explained* when the target has exactly what the archive has without the rows that were not loaded; else it is
*unexplained*, and the move is not done.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Literal

from portability.errors import CheckFailedError

__all__ = ["EXACT", "Certificate", "Comparison", "Line", "NotLoaded", "State", "require_explained"]

# Amounts have up to 38 digits; Python's own context would round them to 28.
EXACT = Context(prec=60)

State = Literal["agrees", "explained", "unexplained"]


@dataclass(frozen=True, kw_only=True)
class Line:
    """One amount under its key (empty for a total that has one amount only)."""

    key: tuple[str, ...]
    label: str | None
    archive: Decimal
    without: Decimal  # the archive's amount without the rows that were not loaded
    target: Decimal
    state: State

    @property
    def difference(self) -> Decimal:
        """Target less archive."""
        return EXACT.subtract(self.target, self.archive)


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """One total of the profile; ``lines`` holds those that differ, the first of them when there are very many."""

    name: str
    unit: str
    keys: tuple[str, ...]
    archive: Decimal  # sums over all lines
    target: Decimal
    agreeing: int
    explained: int
    unexplained: int
    lines: tuple[Line, ...]

    @property
    def state(self) -> State:
        """The worst of the lines' states."""
        return "unexplained" if self.unexplained else "explained" if self.explained else "agrees"


@dataclass(frozen=True, kw_only=True)
class NotLoaded:
    """Rows that were not loaded for one reason; ``rows`` are their ids, the first of them.

    ``table`` is the target's; for rows in the archive's quarantine the entity, and ``rows`` their source keys.
    """

    table: str
    kind: str
    column: str
    reason: str
    count: int
    rows: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """The whole reconciliation."""

    archive: str  # its name, never its place
    tagmanifest_sha256: str
    profile: str
    profile_version: str
    dbms: str
    import_id: str
    product: str
    made_at: str
    comparisons: tuple[Comparison, ...]
    not_loaded: tuple[NotLoaded, ...]

    @property
    def ok(self) -> bool:
        """Whether there was something to compare and no difference is unexplained."""
        return bool(self.comparisons) and not any(each.unexplained for each in self.comparisons)


def require_explained(certificate: Certificate) -> None:
    """Refuse a reconciliation that leaves a difference.

    Raises:
        CheckFailedError: A difference is not explained, or nothing was compared.
    """
    if certificate.ok:
        return
    if not certificate.comparisons:
        raise CheckFailedError(
            "nothing was compared: the profile has no totals", place=certificate.profile, hint="Add load.totals to it."
        )
    left = [each.name for each in certificate.comparisons if each.unexplained]
    raise CheckFailedError(
        f"{len(left)} totals differ without an explanation: {', '.join(left)}",
        report=certificate,
        place=certificate.archive,
        hint="The certificate lists every amount that differs. Find out why before anybody signs.",
    )
