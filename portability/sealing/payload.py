"""Reading age files of an age identity in place: any chunk of 64 KiB, as fast as the machine's ciphers.

The age library only pushes whole files through callbacks of 8 KiB, with the interpreter's lock held, at a third of the
speed of stock age. A deposit's own files (segments, catalog) are all for one X25519 key, so this reads that one case of
the age format v1 (C2SP) with ``cryptography``: header strict, MAC checked, each chunk authenticated before any of it is
given, the last one checked before the end is reported. Envelopes and foreign recipients stay with the library.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, BinaryIO, cast

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portability.errors import DecryptionError, FormatError
from portability.sealing.encryption import CHUNK_BYTES, AgeHeader, Stanza, plaintext_length, read_header, unpadded

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from _typeshed import WriteableBuffer

    from portability.sealing.encryption import Identity

__all__ = ["AgeReader", "derived_key", "open_age", "raw_key"]

_KEY_BYTES = 32
_WRAPPED_BYTES = 32
_NONCE_BYTES = 16
_TAG_BYTES = 16
_SEALED_CHUNK_BYTES = CHUNK_BYTES + _TAG_BYTES
_BECH32 = {letter: value for value, letter in enumerate("QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L")}
_BECH32_CHECKSUM_LETTERS = 6


def open_age(stream: BinaryIO, identities: Sequence[Identity]) -> AgeReader:
    """Read the header of an age file and return its plaintext as a stream that can be sought in.

    Whoever reads the result from front to end has each byte of ``stream`` read once, and in order.

    Args:
        stream: The whole age file; it can be sought in, and is closed with the result.
        identities: Age identities; others open nothing here.

    Raises:
        FormatError: The header is not canonical, uses what no sealed archive has, or the length is impossible.
        DecryptionError: None of the identities opens it, or the header was changed.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    recorded = _RecordedLines(stream)
    header = read_header(cast("BinaryIO", recorded))
    file_key = _file_key(header, identities)
    _check_mac(bytes(recorded.taken), file_key)
    nonce = stream.read(_NONCE_BYTES)
    length = plaintext_length(header.length_bytes, size)
    return AgeReader(stream, derived_key(file_key, nonce, b"payload"), header.length_bytes + _NONCE_BYTES, length)


class AgeReader(io.RawIOBase):
    """The plaintext of an age file; ``length`` bytes, of which each chunk is given only when it is authentic."""

    def __init__(self, stream: BinaryIO, key: bytes, offset: int, length: int) -> None:
        self.length = length
        self._stream = stream
        self._cipher = ChaCha20Poly1305(key)
        self._offset = offset
        self._last = max(0, -(-length // CHUNK_BYTES) - 1)
        self._next = 0  # the chunk that the stream stands before
        self._rest = memoryview(b"")  # of the chunk before it
        self._ended = False

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        ahead = self.length if self._ended else min(self._next * CHUNK_BYTES, self.length)
        return ahead - len(self._rest)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte of the plaintext; reading there decrypts its chunk alone."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self.length}[whence]
        position = min(max(0, start + offset), self.length)
        self._next = min(position // CHUNK_BYTES, self._last)
        self._stream.seek(self._offset + self._next * _SEALED_CHUNK_BYTES)
        self._rest, self._ended = memoryview(b""), False
        inside = position - self._next * CHUNK_BYTES
        if inside:
            self._rest = memoryview(self._chunk())[inside:]
        return position

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, and never more than the rest of one chunk; all that is left for -1."""
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK_BYTES), b""))
        if not self._rest:
            chunk = self._chunk()
            if len(chunk) <= size:
                return chunk
            self._rest = memoryview(chunk)
        part, self._rest = self._rest[:size], self._rest[size:]
        return bytes(part)

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        data = self.read(len(view))
        view[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()

    def _chunk(self) -> bytes:
        """Decrypt the next chunk; nothing once the last was given, which was then authentic too."""
        if self._next > self._last:
            self._ended = True
            return b""
        is_last = self._next == self._last
        nonce = self._next.to_bytes(11, "big") + bytes([is_last])
        sealed = self._stream.read(_SEALED_CHUNK_BYTES)
        try:
            chunk = self._cipher.decrypt(nonce, sealed, None)
        except (InvalidTag, ValueError):
            raise DecryptionError("is damaged or cut short: a chunk is not authentic") from None
        self._next += 1
        return chunk


# --- the header's one case -------------------------------------------------------------------------------------------


class _RecordedLines:
    """Keeps the header's bytes as they were read, for its MAC."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.taken = bytearray()

    def readline(self, size: int) -> bytes:
        line = self._stream.readline(size)
        self.taken += line
        return line


def _file_key(header: AgeHeader, identities: Sequence[Identity]) -> bytes:
    shares = [(_share(stanza), stanza.body) for stanza in _own_stanzas(header)]
    for secret in _secrets(identities):
        for share, body in shares:
            key = _unwrapped(secret, share, body)
            if key is not None:
                return key
    raise DecryptionError("no key at hand opens it")


def _own_stanzas(header: AgeHeader) -> list[Stanza]:
    """Stanzas of unknown types are passed over, as the format wants; a passphrase stands alone or the file is wrong."""
    if any(stanza.type == "scrypt" for stanza in header.stanzas):
        raise FormatError("is encrypted with a passphrase, which no sealed archive is")
    return [stanza for stanza in header.stanzas if stanza.type == "X25519"]


def _share(stanza: Stanza) -> bytes:
    share = unpadded(stanza.arguments[0].encode()) if len(stanza.arguments) == 1 else b""
    if len(share) != _KEY_BYTES or len(stanza.body) != _WRAPPED_BYTES:
        raise FormatError("has a damaged age header")
    return share


def _secrets(identities: Sequence[Identity]) -> Iterator[X25519PrivateKey]:
    for identity in identities:
        if identity.kind == "age-x25519":
            yield X25519PrivateKey.from_private_bytes(raw_key(identity.secret))


def raw_key(text: str) -> bytes:
    """Decode the Bech32 of an age identity or recipient; its checksum was verified when it was read."""
    letters = text.upper().rpartition("1")[2][:-_BECH32_CHECKSUM_LETTERS]
    number = 0
    for letter in letters:
        number = number << 5 | _BECH32[letter]
    return (number >> (5 * len(letters) - 8 * _KEY_BYTES)).to_bytes(_KEY_BYTES, "big")


def _unwrapped(secret: X25519PrivateKey, share: bytes, body: bytes) -> bytes | None:
    """Return the file key, or None when the stanza is for another key."""
    try:
        shared = secret.exchange(X25519PublicKey.from_public_bytes(share))
    except ValueError:  # a point of low order, which makes the shared secret known to all
        raise FormatError("has a damaged age header") from None
    public = secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    wrap = derived_key(shared, share + public, b"age-encryption.org/v1/X25519")
    try:
        return ChaCha20Poly1305(wrap).decrypt(bytes(12), body, None)
    except InvalidTag:
        return None


def derived_key(key: bytes, salt: bytes, info: bytes) -> bytes:
    """Derive a key as the age format does."""
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=salt, info=info).derive(key)


def _check_mac(raw: bytes, file_key: bytes) -> None:
    mark = raw.rindex(b"\n--- ") + len(b"\n---")
    mac = HMAC(derived_key(file_key, b"", b"header"), SHA256())
    mac.update(raw[:mark])
    try:
        mac.verify(unpadded(raw[mark + 1 : -1]))
    except InvalidSignature:
        raise DecryptionError("its header was changed after it was made") from None
