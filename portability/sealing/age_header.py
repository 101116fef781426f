"""The header of an age file, which anyone can read, and the exact lengths that the format gives (C2SP age v1).

Strict: armor, other versions, spellings that are not canonical and lengths above the limits are refused. No key is
needed, and nothing is decrypted.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from portability.errors import FormatError
from portability.limits import DEFAULT_LIMITS

__all__ = [
    "CHUNK_BYTES",
    "VERSION_LINE",
    "AgeHeader",
    "Stanza",
    "ciphertext_length",
    "plaintext_length",
    "read_header",
    "unpadded",
]

CHUNK_BYTES = 64 * 1024  # of plaintext, by the format
VERSION_LINE = b"age-encryption.org/v1\n"
_NONCE_BYTES = 16
_TAG_BYTES = 16
_BODY_COLUMNS = 64
_MAC_BYTES = 32
_ARGUMENT = re.compile(rb"[\x21-\x7e]+")


@dataclass(frozen=True, kw_only=True)
class Stanza:
    """One wrapped file key: ``X25519``, ``ssh-ed25519``, ``ssh-rsa``, ``…-grease`` or something foreign."""

    type: str
    arguments: tuple[str, ...]
    body: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class AgeHeader:
    """What stands before the payload, and how long it is."""

    stanzas: tuple[Stanza, ...]
    length_bytes: int


def read_header(stream: BinaryIO) -> AgeHeader:
    """Read a binary age file's header strictly, leaving the stream behind it; no key is needed.

    Raises:
        FormatError: It is no age v1 header (armor included), is not canonical, or is longer than the limits.
    """
    lines = _HeaderLines(stream)
    if lines.next() != VERSION_LINE[:-1]:
        raise FormatError("is not an age file")
    stanzas: list[Stanza] = []
    while (line := lines.next()).startswith(b"-> "):
        if len(stanzas) >= DEFAULT_LIMITS.age_stanzas_max:
            raise FormatError(f"has more than {DEFAULT_LIMITS.age_stanzas_max} recipients in its header")
        stanzas.append(_stanza(line, lines))
    if not stanzas or not line.startswith(b"--- ") or len(unpadded(line[4:])) != _MAC_BYTES:
        raise FormatError("has a damaged age header")
    return AgeHeader(stanzas=tuple(stanzas), length_bytes=lines.length_bytes)


def _stanza(line: bytes, lines: _HeaderLines) -> Stanza:
    arguments = line[3:].split(b" ")
    if not all(_ARGUMENT.fullmatch(argument) for argument in arguments):
        raise FormatError("has a damaged age header")
    body = bytearray()
    while True:
        columns = lines.next()
        body += columns
        if len(columns) > _BODY_COLUMNS:
            raise FormatError("has a damaged age header")
        if len(columns) < _BODY_COLUMNS:
            break
    return Stanza(
        type=arguments[0].decode(), arguments=tuple(a.decode() for a in arguments[1:]), body=unpadded(bytes(body))
    )


def unpadded(text: bytes) -> bytes:
    """Decode unpadded base64, accepting only the one canonical spelling."""
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise FormatError("has a damaged age header") from None
    if base64.b64encode(data).rstrip(b"=") != text:
        raise FormatError("has a damaged age header")
    return data


class _HeaderLines:
    """Lines of a header, without their ends, up to the limit."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.length_bytes = 0

    def next(self) -> bytes:
        line = self._stream.readline(DEFAULT_LIMITS.age_header_bytes_max - self.length_bytes)
        self.length_bytes += len(line)
        if not line.endswith(b"\n"):
            raise FormatError("has no whole age header")
        return line[:-1]


def ciphertext_length(header_bytes: int, plain_bytes: int) -> int:
    """Return the exact length of an age file: header, nonce, and a tag for each chunk of 64 KiB, one at least."""
    chunks = max(1, -(-plain_bytes // CHUNK_BYTES))
    return header_bytes + _NONCE_BYTES + plain_bytes + chunks * _TAG_BYTES


def plaintext_length(header_bytes: int, size_bytes: int) -> int:
    """Return how long the plaintext of an age file of this size is.

    Raises:
        FormatError: No plaintext has this size.
    """
    payload = size_bytes - header_bytes - _NONCE_BYTES
    chunks = max(1, -(-payload // (CHUNK_BYTES + _TAG_BYTES)))
    plain = payload - chunks * _TAG_BYTES
    if plain < 0 or ciphertext_length(header_bytes, plain) != size_bytes:
        raise FormatError("has a length that no age file has")
    return plain
