"""Where an archive's documents lie: each once, under its hash, written whole before it has that name."""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING

from portability.archive import document_path
from portability.streams import Digest, write_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from portability.limits import Limits

__all__ = ["DocumentStore"]


class DocumentStore:
    """``documents/<aa>/<sha256>`` below an archive's payload; adding the same bytes again changes nothing."""

    def __init__(self, data: Path, limits: Limits) -> None:
        self._data = data
        self._limits = limits
        self._folders: set[Path] = set()

    def add(self, chunks: Iterable[bytes], *, with_md5: bool = False) -> Digest:
        """Store content that comes in pieces, and return what it is.

        Raises:
            FormatError: It is longer than ``limits.value_bytes_max``.
        """
        # Not yet under its own name; a kill leaves this one file, which the next run overwrites and publishing removes.
        part = self._folder(self._data / "documents") / "part"
        try:
            with part.open("wb") as stream:
                digest = write_file(chunks, stream, size_bytes_max=self._limits.value_bytes_max, with_md5=with_md5)
            self._place(part, digest.sha256)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        return digest

    def add_value(self, content: bytes | memoryview) -> Digest:
        """Store content that is in memory; what is there already is not written again."""
        digest = Digest(sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content))
        part = self._folder(self._data / "documents") / "part"
        if not self.path(digest.sha256).exists():
            with part.open("wb", buffering=0) as stream:
                written = stream.write(content)
            if written != digest.size_bytes:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._place(part, digest.sha256)
        return digest

    def _place(self, part: Path, sha256: str) -> None:
        target = self.path(sha256)
        self._folder(target.parent)
        part.replace(target)

    def _folder(self, path: Path) -> Path:
        if path not in self._folders:
            path.mkdir(parents=True, exist_ok=True)
            self._folders.add(path)
        return path

    def path(self, sha256: str) -> Path:
        """Where the bytes of a hash are."""
        return self._data / document_path(sha256)
