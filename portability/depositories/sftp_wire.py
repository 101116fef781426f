"""SFTP version 3 on the wire: packets of requests, and what answers say. Nothing here sends or receives.

The version that every server speaks (draft-ietf-secsh-filexfer-02), with OpenSSH's extensions by name. A packet is its
length, a type, and for all but the first two the number of the request.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from portability.errors import DepositoryError

__all__ = ["Answer", "Entry", "OpenFlag", "PacketType", "Status", "packet", "read_packets", "text"]

VERSION = 3
PACKET_BYTES_MAX = 1024 * 1024  # of an answer; OpenSSH's own are at most 256 KiB
_FOLDER_TYPE = 0o040000
_FILE_TYPE = 0o100000
_TYPE_MASK = 0o170000


class PacketType(enum.IntEnum):
    """What a packet is."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    MKDIR = 14
    STAT = 17
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class Status(enum.IntEnum):
    """What became of a request; servers send others too, which are failures."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    OP_UNSUPPORTED = 8


class OpenFlag(enum.IntFlag):
    """How a file is opened."""

    READ = 1
    WRITE = 2
    CREATE = 8
    EXCLUSIVE = 32


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A name in a folder; ``size_bytes`` is None where the server does not say."""

    name: str
    is_file: bool
    is_folder: bool
    size_bytes: int | None


def text(value: str | bytes) -> bytes:
    """Return a string as the protocol writes it: its length and its bytes."""
    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    return struct.pack(">I", len(raw)) + raw


def packet(kind: PacketType, number: int, *fields: bytes) -> list[bytes]:
    """Return a request as pieces to be sent one after the other; long fields are not copied."""
    length = 5 + sum(map(len, fields))
    return [struct.pack(">IBI", length, kind, number), *fields]


def read_packets(buffer: bytearray) -> Iterator[Answer]:
    """Take whole packets from the start of a buffer; a started one stays in it.

    Raises:
        DepositoryError: What came is no SFTP.
    """
    start = 0
    while len(buffer) - start >= 5:  # noqa: PLR2004 -- a length and a type
        length, kind = struct.unpack_from(">IB", buffer, start)
        if not 1 <= length <= PACKET_BYTES_MAX:
            raise DepositoryError("the server answered something that is no SFTP")
        if len(buffer) - start < 4 + length:
            break
        yield Answer(kind, bytes(memoryview(buffer)[start + 5 : start + 4 + length]))
        start += 4 + length
    del buffer[:start]


class Answer:
    """An answer, read from its start field by field."""

    __slots__ = ("_at", "_body", "kind")

    def __init__(self, kind: int, body: bytes) -> None:
        self.kind = kind
        self._body = body
        self._at = 0

    def integer(self) -> int:
        return int(self._unpack(">I", 4))

    def long(self) -> int:
        return int(self._unpack(">Q", 8))

    def string(self) -> bytes:
        length = self.integer()
        if len(self._body) - self._at < length:
            raise DepositoryError("the server answered something that is no SFTP")
        self._at += length
        return self._body[self._at - length : self._at]

    def has_more(self) -> bool:
        return self._at < len(self._body)

    def entries(self) -> Iterator[Entry]:
        """Yield the names of a NAME answer."""
        for _ in range(self.integer()):
            name = self.string().decode("utf-8", "surrogateescape")
            self.string()  # a line as `ls -l` writes it
            size_bytes, mode = self.attributes()
            kind = mode & _TYPE_MASK if mode is not None else 0
            yield Entry(name=name, is_file=kind == _FILE_TYPE, is_folder=kind == _FOLDER_TYPE, size_bytes=size_bytes)

    def attributes(self) -> tuple[int | None, int | None]:
        """Return size and mode, where they are given; what follows is passed over."""
        flags = self.integer()
        size_bytes = self.long() if flags & 1 else None
        if flags & 2:
            self.long()  # owner and group
        mode = self.integer() if flags & 4 else None
        if flags & 8:
            self.long()  # times
        for _ in range(2 * self.integer() if flags & 0x80000000 else 0):
            self.string()
        return size_bytes, mode

    def _unpack(self, form: str, length: int) -> int:
        if len(self._body) - self._at < length:
            raise DepositoryError("the server answered something that is no SFTP")
        (value,) = struct.unpack_from(form, self._body, self._at)
        self._at += length
        return int(value)
