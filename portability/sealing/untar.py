"""The tar inside a segment, read once and forwards: regular files only, each header bounded and told in one way.

What tar programs disagree about, or what reaches outside of a file, is refused: links, devices, directories, sparse
files, GNU long names, global headers, and every pax record but the path and the times that stock tar writes.
The content of a member is read, or skipped, before the next one is asked for.
"""

from __future__ import annotations

import re
import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from portability.errors import SealError
from portability.limits import DEFAULT_LIMITS, Limits

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HEADER_BYTES", "Member", "TarReader"]

HEADER_BYTES = tarfile.BLOCKSIZE
"""What a member takes at least, its content aside; whoever counts content counts this too, or empty ones are free."""
_BLOCK = tarfile.BLOCKSIZE
_PAX_RECORD = re.compile(rb"([1-9][0-9]{0,5}) ([A-Za-z0-9.]+)=")
_PAX_KNOWN = (b"path", b"mtime", b"atime", b"ctime")


class Readable(Protocol):
    """What the tar's bytes come from."""

    def readinto(self, buffer: bytearray | memoryview, /) -> int: ...


@dataclass(frozen=True, kw_only=True)
class Member:
    """A regular file in the tar."""

    name: str
    size_bytes: int


class TarReader:
    """Use: ``next`` until it returns None; after each member ``copy`` or ``skip``."""

    def __init__(self, stream: Readable, limits: Limits = DEFAULT_LIMITS) -> None:
        self._stream = stream
        self._limits = limits
        self._buffer = bytearray(limits.chunk_bytes)
        self._left = 0  # of the member's content
        self._padding = 0  # behind it

    def next(self) -> Member | None:
        """Return the next member; None at the tar's end, which has then been checked.

        Raises:
            SealError: What follows is no regular file told in one way, or the tar is cut short.
        """
        if self._left:
            raise ValueError("the member before was neither copied nor skipped")
        self._zeros(self._padding)
        self._padding = 0
        header = self._header()
        path = None
        if header is not None and header.type == tarfile.XHDTYPE:
            path = self._pax_path(header.size)
            header = self._header()
            if header is None:
                raise SealError("its tar ends after a pax header")
        if header is None:
            self._end()
            return None
        if not header.isreg() or header.type not in (tarfile.REGTYPE, tarfile.AREGTYPE) or header.linkname:
            raise SealError("its tar holds something that is no regular file")
        self._left, self._padding = header.size, -header.size % _BLOCK
        return Member(name=header.name if path is None else path, size_bytes=header.size)

    def copy(self, write: Callable[[memoryview], object]) -> None:
        """Give the member's content to ``write``, in pieces that are overwritten after each call."""
        while self._left:
            write(self._fill(min(self._left, len(self._buffer))))

    def skip(self) -> None:
        """Pass over the member's content."""
        self.copy(len)

    def _fill(self, size: int) -> memoryview:
        count = self._stream.readinto(memoryview(self._buffer)[:size])
        if not count:
            raise SealError("its tar is cut short")
        self._left -= count
        return memoryview(self._buffer)[:count]

    def _exactly(self, size: int) -> bytes:
        self._left, data = size, b""
        while self._left:
            data += self._fill(min(self._left, len(self._buffer)))
        return data

    def _header(self) -> tarfile.TarInfo | None:
        raw = self._exactly(_BLOCK)
        if raw == bytes(_BLOCK):
            return None
        try:
            header = tarfile.TarInfo.frombuf(raw, "ascii", "strict")
        except (tarfile.HeaderError, UnicodeDecodeError, ValueError):
            raise SealError("its tar holds a damaged header") from None
        if header.size < 0 or header.size > self._limits.segment_bytes_max:
            raise SealError(f"its tar holds a file of more than {self._limits.segment_bytes_max} bytes")
        return header

    def _pax_path(self, size: int) -> str | None:
        """Read a pax header; return the path that it gives, if any."""
        if size > self._limits.pax_header_bytes_max:
            raise SealError(f"its tar holds a pax header of more than {self._limits.pax_header_bytes_max} bytes")
        data, path = self._exactly(size), None
        self._zeros(-size % _BLOCK)
        while data:
            found = _PAX_RECORD.match(data)
            length = int(found[1]) if found else 0
            if found is None or not found.end() < length <= len(data) or data[length - 1 : length] != b"\n":
                raise SealError("its tar holds a damaged pax header")
            if found[2] not in _PAX_KNOWN or (found[2] == b"path" and path is not None):
                raise SealError("its tar holds a pax record that no sealed archive has")
            if found[2] == b"path":
                path = _ascii(data[found.end() : length - 1])
            data = data[length:]
        return path

    def _zeros(self, size: int) -> None:
        if self._exactly(size).strip(b"\0"):
            raise SealError("its tar hides bytes behind a member")

    def _end(self) -> None:
        """Nothing may follow the two blocks of zeros but zeros, and of those no more than tar programs write."""
        self._zeros(_BLOCK)
        for _ in range(self._limits.tar_padding_bytes_max // _BLOCK + 1):
            block = memoryview(self._buffer)[:_BLOCK]
            count = self._stream.readinto(block)
            if not count:
                return
            if bytes(block[:count]).strip(b"\0"):
                break
        raise SealError("its tar has something behind its end")


def _ascii(name: bytes) -> str:
    # An archive's paths are ASCII; with anything else readers disagree about what the name is.
    if not name.isascii() or b"\0" in name:
        raise SealError("its tar holds a name that no archive has")
    return name.decode("ascii")
