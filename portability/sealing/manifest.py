"""What a sealed archive says of itself: manifest.json (in the clear, signed) and the catalog (encrypted).

Both are wire formats. ``manifest.json`` is canonical JSON (RFC 8785) with integers and text only; its signature covers
the file's exact bytes. ``catalog.age`` holds zstd-compressed JSON lines, one :class:`CatalogEntry` each, by path.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CatalogEntry", "Chain", "Envelope", "Piece", "Recipient", "SealedFile", "SealedManifest"]

FORMAT = "legal-portability-sealed"
VERSION = "1.0"

MANIFEST_JSON = "manifest.json"
MANIFEST_SIGNATURE = "manifest.json.sig"
CATALOG = "catalog.age"
OPEN_MD = "OPEN.md"
OPEN_SH = "open.sh"
SEGMENTS = "segments"
KEYS = "keys"

RecipientKind = Literal["age-x25519", "ssh-ed25519", "ssh-rsa"]


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """Somebody who can open it, alone or with others; ``fingerprint`` is ``SHA256:`` and unpadded base64.

    For SSH keys it is what ``ssh-keygen -l`` prints; for age keys the same hash over the recipient's text (``age1…``).
    """

    name: str
    kind: RecipientKind
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """The deposit key, wrapped: ``recipients`` by name, the outermost layer first (who has to open first)."""

    file: str
    recipients: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class SealedFile:
    """A file of the sealed archive: exact size and SHA-256 of its bytes as they lie.

    ``plain_bytes`` is the length of what an age file encrypts (compressed, for segments and the catalog), from which
    its exact length follows; None for files that are not encrypted and for envelopes.
    """

    path: str
    size_bytes: int
    sha256: str
    plain_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Chain:
    """Where a deposit stands among those before it; all but ``sequence`` may be missing for a hand-over."""

    agreement: str | None = None
    sequence: int = 1
    previous_sha256: str | None = None  # of the previous manifest.json's exact bytes
    kind: Literal["full", "differential"] = "full"
    base_sha256: str | None = None  # of the manifest.json that a differential builds on
    watermark: str | None = None  # the snapshot's own time, RFC 3339 UTC
    next_by: str | None = None  # silence past this moment is an alarm, RFC 3339 UTC


@dataclass(frozen=True, kw_only=True)
class SealedManifest:
    """manifest.json: everything that can be checked without any key."""

    format: str
    version: str
    deposit_id: str  # random, 32 hex digits
    deposit_class: Literal["data", "source", "access"]
    sealed_at: str  # RFC 3339 UTC
    threshold: int  # how many recipients it takes
    recipients: tuple[Recipient, ...]
    envelopes: tuple[Envelope, ...]
    commitment: str  # SHA-256 over the text of the deposit's own age recipient (age1…)
    content_files: int
    content_bytes: int
    files: tuple[SealedFile, ...]  # all but manifest.json and its signature, by path
    chain: Chain = Chain()


@dataclass(frozen=True, kw_only=True)
class Piece:
    """Where a file, or a slice of one, lies: the member ``member`` of segment ``segment``, ``size_bytes`` long."""

    segment: int
    member: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class CatalogEntry:
    """A file of the archive: its path from the archive's root, its length and hash, its pieces in order."""

    path: str
    size_bytes: int
    sha256: str
    pieces: tuple[Piece, ...]
