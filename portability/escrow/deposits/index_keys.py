"""The depositor's index of pieces: keyed, encrypted and authentic, by a key that the catalogue does not hold.

The key comes from a signature by the job's signing key over a fixed statement, in a namespace of its own: Ed25519
signs the same bytes alike, so nothing has to be kept beside the signing key. Whoever has the catalogue alone can
neither ask whether a document was deposited nor write a row that is believed. A row is bound to the manifest of
the deposit that carries the piece, and opens only beside it. A key that does not sign alike (one on a security key,
say) gives no index: then every deposit is full.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portability.signing import INDEX_NAMESPACE, SigningKey

__all__ = ["IndexKeys", "Location", "derive_index_keys"]

_LOCATION = re.compile(r"([A-Za-z0-9_./-]+) ([0-9]+) ([0-9]+)")


@dataclass(frozen=True, kw_only=True)
class Location:
    """Where a piece lies in an opened deposit."""

    path: str
    offset: int
    size_bytes: int


def derive_index_keys(key: SigningKey, epoch: str) -> IndexKeys | None:
    """Return the keys of an index; None when the signing key does not sign the same bytes alike.

    Args:
        key: The key that signs the deposits.
        epoch: What all deposits have in common that lean on each other: another epoch has other keys.
    """
    statement = f"legal-portability deposit index\n{epoch}\n".encode()
    first, second = (key.sign(statement, namespace=INDEX_NAMESPACE) for _ in range(2))
    return IndexKeys(first) if hmac.compare_digest(first, second) else None


class IndexKeys:
    """What turns a piece's hash into its key in the index, and a place into a row, and back."""

    def __init__(self, secret: bytes) -> None:
        self._keyed = HKDF(SHA256(), 32, None, b"legal-portability: piece keys").derive(secret)
        self._cipher = AESSIV(HKDF(SHA256(), 64, None, b"legal-portability: piece locations").derive(secret))

    def piece_key(self, sha256: str) -> str:
        """Return the name under which the index knows a piece."""
        return hmac.digest(self._keyed, bytes.fromhex(sha256), hashlib.sha256).hex()

    def seal(self, piece_key: str, manifest_sha256: str, location: Location) -> str:
        """Write where a piece lies in the deposit of this manifest."""
        text = f"{location.path} {location.offset} {location.size_bytes}"
        return b64encode(self._cipher.encrypt(text.encode(), _bound_to(piece_key, manifest_sha256))).decode()

    def open(self, piece_key: str, manifest_sha256: str, row: str) -> Location | None:
        """Read a row; None when it was not written for this piece and this deposit by whoever holds the key."""
        try:
            text = self._cipher.decrypt(b64decode(row, validate=True), _bound_to(piece_key, manifest_sha256)).decode()
        except (InvalidTag, ValueError):
            return None
        found = _LOCATION.fullmatch(text)
        return Location(path=found[1], offset=int(found[2]), size_bytes=int(found[3])) if found else None

    def __repr__(self) -> str:
        return "<IndexKeys>"


def _bound_to(piece_key: str, manifest_sha256: str) -> list[bytes]:
    return [bytes.fromhex(piece_key), bytes.fromhex(manifest_sha256)]
