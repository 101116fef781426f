"""Writing age files for one X25519 recipient, such as a deposit: as fast as the machine's ciphers.

The counterpart of ``payload``, for the same reason: the age library encrypts at a third of the speed. This writes
the one case of the age format v1 (C2SP) that segments and the catalog are; envelopes stay with the library. Nothing
secret is needed: the recipient is a public key, and the file's own key is made here, used once and forgotten.
"""

from __future__ import annotations

import base64
import os
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from portability.errors import SealError
from portability.sealing.encryption import CHUNK_BYTES, Written, ciphertext_length
from portability.sealing.payload import derived_key, raw_key

if TYPE_CHECKING:
    from portability.sealing.encryption import PublicKey, Writer

__all__ = ["AgeWriter"]

_FILE_KEY_BYTES = 16
_NONCE_BYTES = 16


class AgeWriter:
    """Use: ``write`` the plaintext in pieces of any size, then ``finish`` once; before that the file is not whole."""

    def __init__(self, writer: Writer, recipient: PublicKey) -> None:
        file_key, nonce = os.urandom(_FILE_KEY_BYTES), os.urandom(_NONCE_BYTES)
        header = _header(file_key, raw_key(recipient.text))
        self._writer = writer
        self._cipher = ChaCha20Poly1305(derived_key(file_key, nonce, b"payload"))
        self._held = bytearray()  # never empty once something came: the last chunk is marked as the last
        self._chunks = 0
        self._header_bytes = len(header)
        self._plain_bytes = 0
        self._size_bytes = 0
        self._put(header + nonce)

    def write(self, data: bytes) -> None:
        """Encrypt some more."""
        self._plain_bytes += len(data)
        self._held += data
        start = 0
        with memoryview(self._held) as held:
            while len(held) - start > CHUNK_BYTES:
                self._seal(held[start : start + CHUNK_BYTES], last=False)
                start += CHUNK_BYTES
        del self._held[:start]

    def finish(self) -> Written:
        """Write the last chunk.

        Raises:
            SealError: The length is not what the format gives.
        """
        self._seal(self._held, last=True)
        self._writer.flush()
        if self._size_bytes != ciphertext_length(self._header_bytes, self._plain_bytes):
            raise SealError("the encrypted length is not what the format gives; nothing of it is kept")
        return Written(plain_bytes=self._plain_bytes, size_bytes=self._size_bytes)

    def _seal(self, chunk: bytearray | memoryview, *, last: bool) -> None:
        nonce = self._chunks.to_bytes(11, "big") + bytes([last])
        self._chunks += 1
        self._put(self._cipher.encrypt(nonce, chunk, None))

    def _put(self, data: bytes) -> None:
        self._writer.write(data)
        self._size_bytes += len(data)


def _header(file_key: bytes, recipient: bytes) -> bytes:
    share = X25519PrivateKey.generate()
    public = share.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    shared = share.exchange(X25519PublicKey.from_public_bytes(recipient))
    wrap = derived_key(shared, public + recipient, b"age-encryption.org/v1/X25519")
    body = ChaCha20Poly1305(wrap).encrypt(bytes(12), file_key, None)
    lines = b"age-encryption.org/v1\n-> X25519 " + _text(public) + b"\n" + _text(body) + b"\n---"
    mac = HMAC(derived_key(file_key, b"", b"header"), SHA256())
    mac.update(lines)
    return lines + b" " + _text(mac.finalize()) + b"\n"


def _text(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")
