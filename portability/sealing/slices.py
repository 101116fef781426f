"""Hashes of files that are sealed in slices, by several processes: read once more, in order, in a thread here.

A hash of the whole cannot be put together from slices, so the file is read a second time; that each slice then has the
tag that its segment's worker made proves that what was sealed is what was hashed. A tag is Poly1305 under a random key
of the run: six times as quick as SHA-256, and nobody who changes a file knows the key.
"""

from __future__ import annotations

import hashlib
import os
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Self

from cryptography.hazmat.primitives.poly1305 import Poly1305

from portability.errors import SealError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.sealing.planning import Member

__all__ = ["SliceHashes"]

_READ_BYTES = 1024 * 1024
_KEY_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class _Hashes:
    sha256: str
    tags: list[str]


class SliceHashes:
    """Use: ``with SliceHashes(root) as slices:``, ``expect`` members as they are planned, then ask for ``whole``."""

    def __init__(self, root: Path) -> None:
        self.key = os.urandom(_KEY_BYTES)
        self._root = root
        self._thread = ThreadPoolExecutor(1)
        self._found: dict[str, Future[_Hashes]] = {}
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stopped.set()
        self._thread.shutdown(cancel_futures=True)

    def expect(self, members: Sequence[Member]) -> None:
        """Begin to read each file that begins here and is sliced."""
        for member in members:
            if member.offset == 0 and not member.last:
                path = member.source.path
                self._found[path] = self._thread.submit(self._read, path, member.size_bytes)

    def whole_sha256(self, path: str, tags: Sequence[str]) -> str:
        """Return a file's hash, given the tags of its slices as they were sealed.

        Raises:
            SealError: They differ, or the file cannot be read.
        """
        hashes = self._found.pop(path).result()
        if hashes.tags != list(tags):
            hint = "Seal it again when nothing writes to it."
            raise SealError("was changed while it was being sealed", place=path, hint=hint)
        return hashes.sha256

    def _read(self, path: str, slice_bytes: int) -> _Hashes:
        whole, tags = hashlib.sha256(), list[str]()
        try:
            with (self._root / path).open("rb", buffering=0) as stream:
                while not self._stopped.is_set() and (tag := self._read_slice(stream, whole, slice_bytes)):
                    tags.append(tag)
        except OSError as error:
            raise SealError(f"cannot be read: {error.strerror}", place=path) from error
        return _Hashes(sha256=whole.hexdigest(), tags=tags)

    def _read_slice(self, stream: FileIO, whole: hashlib._Hash, left: int) -> str:
        """Read the next slice for its own tag and the whole's hash; return nothing at the end."""
        tag, wanted = Poly1305(self.key), left
        while left and (chunk := stream.read(min(left, _READ_BYTES))):
            whole.update(chunk)
            tag.update(chunk)
            left -= len(chunk)
        return tag.finalize().hex() if left < wanted else ""
