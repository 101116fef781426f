"""What is to be put: a file of the spool or bytes at hand, read by position, hashed while it is sent."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from portability.depositories.depository import PutRequest
from portability.errors import ConfigError

__all__ = ["Source", "open_source"]


class Source:
    """An open source; ``size_bytes`` is fixed when it is opened."""

    def __init__(self, name: str, content: bytes | int, size_bytes: int) -> None:
        self.name = name
        self.size_bytes = size_bytes
        self._content = content

    def read(self, offset: int, length: int) -> bytes:
        """Return a range.

        Raises:
            ConfigError: The file got shorter, or cannot be read.
        """
        if isinstance(self._content, bytes):
            return self._content[offset : offset + length]
        try:
            content = os.pread(self._content, length, offset)
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", place=self.name) from error
        if len(content) != min(length, self.size_bytes - offset):
            raise ConfigError("changed while it was sent", place=self.name, hint="Nothing else may write to the spool.")
        return content

    def pieces(self, piece_bytes: int, *, offset: int = 0, end: int | None = None) -> Iterator[bytes]:
        """Yield a range in pieces."""
        end = self.size_bytes if end is None else end
        while offset < end:
            piece = self.read(offset, min(piece_bytes, end - offset))
            yield piece
            offset += len(piece)

    def hash(self, piece_bytes: int, *, end: int) -> hashlib._Hash:
        """Return the hash of the first ``end`` bytes, to be carried on."""
        found = hashlib.sha256()
        for piece in self.pieces(piece_bytes, end=end):
            found.update(piece)
        return found


@contextmanager
def open_source(request: PutRequest) -> Iterator[Source]:
    """Open what a request puts.

    Raises:
        ConfigError: It is no regular file, or cannot be opened.
    """
    if isinstance(request.source, bytes):
        yield Source(request.name, request.source, len(request.source))
        return
    try:
        descriptor = os.open(request.source, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ConfigError(f"cannot be opened: {error.strerror}", place=str(request.source)) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError("is no regular file", place=str(request.source))
        yield Source(str(request.source), descriptor, found.st_size)
    finally:
        os.close(descriptor)
