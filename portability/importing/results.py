"""What is asked of an import and what it tells: the request, the counts of each table, the problems."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portability.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portability.archive import Archive
    from portability.importing.documents import DocumentsPlaced
    from portability.profiles import Profile
    from portability.reconciling import Certificate
    from portability.signing import Policy

__all__ = ["ImportRequest", "ImportResult", "Problem", "ProblemKind", "TableResult"]


@dataclass(frozen=True, kw_only=True)
class ImportRequest:
    """An import.

    Args:
        archive: Not yet verified: the import does that.
        target: The target's address.
        profile: With a ``load:`` section.
        dry_run: Do everything but the move, and write this workbook.
        previous: The archive that the target was filled from; only what changed since is moved, deletions too.
        documents: Where documents are to be placed; None places those that go into the database.
        report: A directory that does not exist yet, for everything that was found, to the row.
        certificate: A new directory: reconcile archive and target at the end, and write the certificate there.
        unverified: Do not verify the archives first; the report says so.
        older: Go back on purpose to an archive older than the one imported last.
        signer: Who must have signed them.
    """

    archive: Archive
    target: str
    profile: Profile
    dry_run: Path | None = None
    previous: Archive | None = None
    documents: str | None = None
    report: Path | None = None
    certificate: Path | None = None
    unverified: bool = False
    older: bool = False
    signer: Policy | None = None
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, kw_only=True)
class TableResult:
    """Rows of one target table.

    ``rows`` is what the profile's SQL gives; the others say what became of them. ``kept`` are rows of an earlier import
    that this archive no longer gives; only a delta deletes them. ``changed`` and ``missing`` are rows that an earlier
    import made and somebody changed or deleted in the target since; they are left so.
    ``left_out`` are rows of ``entity`` with no row here.
    """

    name: str
    rows: int
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    deleted: int = 0
    matched: int = 0
    rejected: int = 0
    kept: int = 0
    changed: int = 0
    missing: int = 0
    entity: str | None = None
    left_out: int = 0
    left_out_reason: str | None = None
    computed: bool = True


@dataclass(frozen=True, kw_only=True)
class ProblemKind:
    """Problems of one kind in one column. A warning's rows are loaded all the same."""

    table: str
    kind: str
    column: str
    reason: str
    rows: int
    warning: bool
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One row with one problem; ``row`` is the whole row as the profile gives it, as JSON."""

    table: str
    id: str
    kind: str
    column: str
    value: str | None
    reason: str
    warning: bool
    row: str


@dataclass(frozen=True, kw_only=True)
class ImportResult:
    """What an import did, or would do."""

    archive_id: str
    target: str
    dbms: str
    profile: str
    mode: str
    verified: bool
    tables: tuple[TableResult, ...]
    problems: tuple[ProblemKind, ...]
    rejects: tuple[Problem, ...] = ()
    more_rejects: bool = False
    quarantined: dict[str, int] = field(default_factory=dict)
    without: dict[str, str] = field(default_factory=dict)
    documents: DocumentsPlaced | None = None
    certificate: Certificate | None = None
    notes: tuple[str, ...] = ()

    def count(self, what: str) -> int:
        """Add a count up over all tables."""
        return sum(int(getattr(table, what)) for table in self.tables)
