"""What a run of a job is given, what it works under, and what it tells: values that the steps of a run hand on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from portability.errors import FormatError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.contradictions import parse_time
from portability.sealing.differential import VERSION as DIFFERENTIAL_VERSION
from portability.sealing.manifest import VERSION as SEALED_VERSION
from portability.sealing.reading import canonical_json

if TYPE_CHECKING:
    from portability.catalogue import Catalogue
    from portability.escrow.jobs import DepositClass, Job
    from portability.sealing.recipients import NamedRecipient
    from portability.signing import SigningKey

__all__ = ["DepositResult", "JobRequest", "Payload", "PlacementResult", "SourceAddress", "Terms", "utc_text"]


@dataclass(frozen=True, kw_only=True)
class SourceAddress:
    """A job's source, once its name was looked up in the configuration."""

    url: str
    documents: str | None = None
    profile: str | None = None


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """A job to run once.

    Args:
        resolve: Looks a source's name up in the configuration.
        passphrase: Asked for the passphrase of a depository's login key.
        actor: Whom the audit chain names.
        force_full: Make a full deposit whatever has changed.
        due_at: The moment of the schedule that this run answers.
        adopt: Go on with a chain that another job made, or that was made from another source.
        still_held: Raises when the run no longer holds what keeps others from running beside it.
        now: The clock.
    """

    job: Job
    catalogue: Catalogue
    key: SigningKey
    resolve: Callable[[str], SourceAddress]
    passphrase: Callable[[str], str] | None = None
    actor: str = "scheduler"
    force_full: bool = False
    due_at: datetime | None = None
    adopt: bool = False
    still_held: Callable[[], None] = field(default=lambda: None)
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = field(default=lambda _: None)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


@dataclass(frozen=True, kw_only=True)
class Terms:
    """A chain of deposits and who opens it. A job has one; an ``access`` job with credentials has two."""

    agreement: str
    deposit_class: DepositClass
    recipients: tuple[NamedRecipient, ...]
    threshold: int

    def epoch(self, *, signer: str, contents: str) -> str:
        """Return what deposits must have in common that lean on each other: keys, threshold, profile, formats.

        Args:
            signer: The signing key's fingerprint.
            contents: What says how the archive is made: its profile, its scope, its format's version.
        """
        parts = {
            "agreement": self.agreement,
            "class": self.deposit_class,
            "contents": contents,
            "formats": [SEALED_VERSION, DIFFERENTIAL_VERSION],
            "recipients": sorted(f"{one.name} {one.key.fingerprint}" for one in self.recipients),
            "signer": signer,
            "threshold": self.threshold,
        }
        return hashlib.sha256(canonical_json(parts)).hexdigest()


@dataclass(frozen=True, kw_only=True)
class Payload:
    """What is to be deposited: a bag in private staging.

    ``contents`` is for the key epoch; ``leans`` is whether it may be deposited as a differential.
    """

    terms: Terms
    bag: Path
    watermark: str
    contents: str
    leans: bool


@dataclass(frozen=True, kw_only=True)
class PlacementResult:
    """What became of a deposit in one depository: COMMITTED, FAILED, CONFLICT or WAITING, and why."""

    depository: str
    state: str
    sent_bytes: int = 0
    detail: str = ""
    retryable: bool = False


@dataclass(frozen=True, kw_only=True)
class DepositResult:
    """A deposit that a run made, or finished for a run before it."""

    agreement: str
    sequence: int
    kind: str
    reason: str
    state: str
    manifest_sha256: str
    archive_bytes: int
    content_bytes: int
    sealed_bytes: int
    watermark: str | None
    next_by: str | None
    finished_earlier: bool
    placements: tuple[PlacementResult, ...]
    warnings: tuple[str, ...]
    seconds: dict[str, str]  # by step, as text: no number of ours is a float


def utc_text(text: str, place: str) -> str:
    """Write a time as manifests have it.

    Raises:
        FormatError: It is none, or has no time zone.
    """
    written = text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
    if parse_time(written) is None:
        raise FormatError("the snapshot's time is not one in UTC", place=place)
    return written
