"""Signing an archive: the tag manifest's exact bytes, which vouch for every other byte of it.

A new archive is signed before it gets its name. An archive that exists is signed only when every byte of it is as it
was sealed; nothing in it changes, one file comes beside the tag manifest, by one rename.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portability.archive import Archive
from portability.errors import ArchiveExistsError, ConfigError
from portability.folders import give_name
from portability.formats.bag import SIGNATURE, TAGMANIFEST
from portability.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from portability.signing import SigningKey

__all__ = ["Signed", "sign_archive", "sign_bag"]


@dataclass(frozen=True, kw_only=True)
class Signed:
    """An archive that was signed, and by which key."""

    archive: Archive
    signature: Path
    fingerprint: str
    public_line: str


def sign_bag(bag: Path, key: SigningKey | None) -> None:
    """Sign a bag that is still being made; without a key, drop what an earlier run may have left."""
    signature = bag / SIGNATURE
    signature.unlink(missing_ok=True)
    if key is not None:
        signature.write_bytes(_signature(bag, key))


def sign_archive(root: Path, key: SigningKey, *, limits: Limits = DEFAULT_LIMITS) -> Signed:
    """Sign an archive that exists.

    Raises:
        ArchiveExistsError: It has a signature already; nothing is overwritten.
        CheckFailedError: It is not as it was sealed; what is not whole is not vouched for.
        ConfigError: The file cannot be written, or the key's agent refused.
    """
    from portability.checks import require, verify  # noqa: PLC0415 -- an export signs what it has just written

    archive = Archive.open(root)
    destination = archive.root / SIGNATURE
    if os.path.lexists(destination):
        hint = "Move the signature away first, if it may be replaced; nothing is overwritten."
        raise ArchiveExistsError("the archive is signed already", place=str(destination), hint=hint)
    require(verify(archive.root, level="quick", limits=limits))
    _write_beside(destination, _signature(archive.root, key))
    return Signed(archive=archive, signature=destination, fingerprint=key.fingerprint, public_line=key.public_line)


def _signature(bag: Path, key: SigningKey) -> bytes:
    from portability.signing import ARCHIVE_NAMESPACE  # noqa: PLC0415 -- few exports are signed

    with (bag / TAGMANIFEST).open("rb") as stream:
        return key.sign(stream, namespace=ARCHIVE_NAMESPACE)


def _write_beside(destination: Path, content: bytes) -> None:
    """Write a file outside the archive, then move it in: a killed run leaves nothing that the archive does not know."""
    root = destination.parent.resolve()
    part = root.with_name(f".{root.name}.sig.part")
    try:
        part.unlink(missing_ok=True)  # what a killed run left is of no use
        # Exclusively: a link that somebody planted here would be written through.
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        give_name(part, destination)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        hint = f"It is made in {root.parent} first, which must be writable and on the archive's own disk."
        message = f"the signature cannot be written: {error.strerror}"
        raise ConfigError(message, place=str(destination), hint=hint) from error
