"""The sealed archive under check: what was given to check it with, and what is known about it so far.

Nothing it says is believed before the step that checks it; so the parts below are set one after the other, each by the
step that its comment names, and read only after it.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from portability.streams import iter_chunks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portability.checks.report import Log
    from portability.limits import Limits
    from portability.sealing.container import Container
    from portability.sealing.encryption import AgeHeader, Identity, PublicKey
    from portability.sealing.manifest import SealedManifest
    from portability.signing import Policy, Signature, Signer

__all__ = ["Expected", "SealedCase", "SealedRequest", "SealedStep"]


@dataclass(frozen=True, kw_only=True)
class SealedRequest:
    """What a sealed archive is checked against.

    Attributes:
        policy: Whose signature is accepted; None compares it with nobody and says so.
        previous: The exact bytes of the manifest.json before this one.
        recipients: Those who were agreed, by name.
        identities: Private keys of recipients, for levels v2 and v3.
        now: The moment that ``next_by`` is compared with.
        workers: Processes that level v3 opens with.
    """

    policy: Policy | None = None
    previous: bytes | None = None
    recipients: dict[str, PublicKey] | None = None
    identities: tuple[Identity, ...] = ()
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    workers: int = 2

    @property
    def given(self) -> frozenset[str]:
        """The options, of those that a step may need, that there is something to compare with for."""
        options = {"trust": self.policy, "previous": self.previous, "recipients": self.recipients}
        return frozenset(name for name, value in options.items() if value is not None)


@dataclass(frozen=True, slots=True)
class Expected:
    """What the catalog says of one member of a segment; only of a whole file it has the hash."""

    size_bytes: int
    sha256: str | None


@dataclass(frozen=True, kw_only=True)
class SealedStep:
    """One numbered step.

    The step fails when it logs an error. A ``gate`` that fails ends the check; any failure ends it at its level.
    ``needs`` is the option without which it compares with nothing: it may find errors then, but never passes.
    """

    title: str
    check: Callable[[SealedCase], None]
    gate: bool = True
    needs: str = ""


class SealedCase:
    """A sealed archive under check. Use it as a context manager: it owns what is open.

    Args:
        root: The directory or tar.
        request: What it is checked against.
        limits: Bounds on everything read.
        log: Where findings go.
        staging: Where level v3 makes its private directory for plaintext; None for the system's temporary one.
        progress: Told what is being looked at.
    """

    container: Container  # 1: it holds only what the form knows
    manifest_bytes: bytes  # 2
    signature: Signature  # 2: it is right over these bytes
    plain: object  # 4: manifest.json as plain values
    manifest: SealedManifest  # 4
    signer: Signer | None = None  # 5: it is one who is trusted, and their key was valid
    headers: dict[str, AgeHeader]  # v1: age headers by path
    deposit: Identity  # v2: the deposit's own key, which the manifest commits to
    sampled: dict[int, dict[str, Expected]]  # v2: what the catalog says of the segments that are looked into

    def __init__(
        self,
        root: Path,
        *,
        request: SealedRequest,
        limits: Limits,
        log: Log,
        staging: Path | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.root = root
        self.request = request
        self.limits = limits
        self.log = log
        self.staging = staging
        self.progress = progress
        self.totals: dict[str, int] = {}
        self.facts: dict[str, str] = {}
        self.stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def read(self, path: str) -> bytes:
        """Return a small file's bytes; its size was looked at before, and what has grown since is not read."""
        with self.container.open(path) as stream:
            return stream.read(self.container.files[path])

    def sha256(self, path: str) -> str:
        """Return the SHA-256 of a file's bytes, in lower-case hex."""
        digest = hashlib.sha256()
        with self.container.open(path) as stream:
            for chunk in iter_chunks(stream):
                digest.update(chunk)
        return digest.hexdigest()
