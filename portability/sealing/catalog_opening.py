"""Reading catalog.age where it lies: the very bytes that are decrypted are the ones that the manifest lists.

A hash taken beforehand says nothing of what is read afterwards: any recipient has the deposit's key, and could put a
catalog of their own in its place meanwhile. So it is hashed while it is read, each time that it is read.
"""

from __future__ import annotations

import hashlib
import io
import os
from typing import TYPE_CHECKING, BinaryIO, cast

from portability.errors import DecryptionError, FormatError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.catalog import CatalogError, iter_catalog
from portability.sealing.manifest import CATALOG
from portability.sealing.payload import open_age
from portability.streams import iter_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _typeshed import WriteableBuffer

    from portability.sealing.container import Container
    from portability.sealing.encryption import Identity
    from portability.sealing.manifest import CatalogEntry, SealedManifest

__all__ = ["iter_sealed_catalog"]


def iter_sealed_catalog(
    container: Container, manifest: SealedManifest, identity: Identity, limits: Limits = DEFAULT_LIMITS
) -> Iterator[CatalogEntry]:
    """Yield the entries of a sealed archive's catalog; at the end, its bytes were those that the manifest lists.

    Raises:
        CatalogError: It is no catalog, or (``exchanged``) other bytes; what was yielded before must not be used.
        DecryptionError: It does not open with the deposit's key.
        FormatError: It is no age file as sealed archives have them.
    """
    wanted = next(each.sha256 for each in manifest.files if each.path == CATALOG)
    with container.open(CATALOG) as file:
        hashed = _HashedReader(file)
        try:
            # Not closed: the file is, above, and what went wrong is looked at below.
            plain = open_age(cast("BinaryIO", hashed), [identity])
            yield from iter_catalog(plain, manifest, limits)
        except (CatalogError, DecryptionError, FormatError):
            _require(hashed, wanted)  # whoever exchanged it is to blame then, not the sender
            raise
        _require(hashed, wanted)


def _require(hashed: _HashedReader, sha256: str) -> None:
    for _ in iter_chunks(cast("BinaryIO", hashed)):
        pass
    if hashed.sha256.hexdigest() != sha256:
        message = "was exchanged while it was read: its SHA-256 is not the manifest's"
        raise CatalogError(message, reason="exchanged")


class _HashedReader(io.RawIOBase):
    """A file that is hashed as it is read; going back to its start begins anew, and there is nowhere else to go."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.sha256 = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if offset or whence == os.SEEK_CUR:
            raise io.UnsupportedOperation
        self.sha256 = hashlib.sha256()  # at the end nothing is read, and whoever asked for the length goes back
        return self._file.seek(0, whence)

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self.sha256.update(data)
        return data

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)
