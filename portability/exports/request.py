"""What an export is asked for, and what it did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portability.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portability.archive import Archive
    from portability.connectors.connector import Connector
    from portability.manifest import Finding
    from portability.mapping import Coverage
    from portability.profiles import Profile
    from portability.scoping import Scope
    from portability.scoping.redaction import Redaction
    from portability.signing import SigningKey

__all__ = ["ExportRequest", "ExportResult"]


@dataclass(frozen=True, kw_only=True)
class ExportRequest:
    """What to export and how.

    ``documents`` is the folder or URL that path columns are relative to; without one, a profile that has such columns
    is refused unless ``without_documents`` says that this is meant. ``fetch_urls`` reads documents that are URLs;
    otherwise they are listed. ``signing_key`` signs the archive once all else is done. ``keep_unfinished`` is whether
    what a stopped run has finished stays on the disk, for ``resume``. ``scope`` restricts what is read and written;
    ``request_number`` is the request under which it may be released, for the record. ``redaction`` orders what is made
    of its columns.
    """

    connector: Connector
    destination: Path
    profile: Profile | None = None
    documents: str | None = None
    without_documents: bool = False
    fetch_urls: bool = False
    resume: bool = False
    keep_unfinished: bool = True
    signing_key: SigningKey | None = None
    scope: Scope | None = None
    request_number: str | None = None
    redaction: Redaction | None = None
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, kw_only=True)
class ExportResult:
    """What was done."""

    archive: Archive
    profile: str
    tables: int
    rows: int
    entities: dict[str, int]
    quarantined: dict[str, int]
    documents: dict[str, int]
    exceptions: int
    coverage: Coverage
    findings: tuple[Finding, ...]
    resumed_tables: int
    notes: tuple[str, ...]
    signed_by: str | None = None
    scope_sha256: str | None = None
