"""SSHSIG, OpenSSH's signature format (PROTOCOL.sshsig): what ``ssh-keygen -Y sign`` writes and ``-Y verify`` reads.

Content of any length is hashed while it streams; a signature is over the bytes as they are. Reading is stricter than
OpenSSH's: one way to write a signature, so that no changed byte of one is accepted.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from portability.limits import DEFAULT_LIMITS
from portability.signing.public_keys import PublicKey, parse_public_blob
from portability.signing.refusals import Refusal, SignatureRefusedError
from portability.signing.wire import WireError, WireReader, pack_string, pack_uint32
from portability.streams import iter_chunks

__all__ = [
    "ARCHIVE_NAMESPACE",
    "AUDIT_NAMESPACE",
    "ERASURE_NAMESPACE",
    "HOLD_NAMESPACE",
    "INDEX_NAMESPACE",
    "NAMESPACES",
    "OPERATOR_NAMESPACE",
    "RECEIPT_NAMESPACE",
    "RELEASE_NAMESPACE",
    "SEALED_NAMESPACE",
    "STATEMENT_NAMESPACE",
    "STEP_NAMESPACE",
    "Signature",
    "armor",
    "check_signature",
    "read_signature",
    "signed_data",
]

ARCHIVE_NAMESPACE = "legal-portability-archive"
SEALED_NAMESPACE = "legal-portability-sealed"
STATEMENT_NAMESPACE = "legal-portability-statement"
AUDIT_NAMESPACE = "legal-portability-audit"
OPERATOR_NAMESPACE = "legal-portability-operator"
STEP_NAMESPACE = "legal-portability-step"
RECEIPT_NAMESPACE = "legal-portability-receipt"  # an escrow agent's word that a deposit arrived, and how it was found
RELEASE_NAMESPACE = "legal-portability-release"  # whom a deposit's key was wrapped for, and on whose authority
ERASURE_NAMESPACE = "legal-portability-erasure"  # what an agent deleted, and a depositor's request to delete
HOLD_NAMESPACE = "legal-portability-hold"  # who placed a legal hold on deposits, or lifted it
INDEX_NAMESPACE = "legal-portability-index"  # never handed out: the index of deposits has its keys from it
NAMESPACES = "legal-portability-*"  # all of them, as a trust file writes it

_MAGIC = b"SSHSIG"
_VERSION = 1
_NAMESPACE_CHARACTERS_MAX = 255  # ours have 28 at most; errors repeat it
_HASHES = ("sha512", "sha256")
_LINE_CHARACTERS = 70  # as ssh-keygen writes it; other programs write up to 76
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----\n", b"-----END SSH SIGNATURE-----"
_ARMOR = re.compile(_BEGIN + rb"((?:[A-Za-z0-9+/=]{1,76}\n)+)" + _END + rb"\n")


@dataclass(frozen=True, kw_only=True)
class Signature:
    """A signature as it was read: who made it and for what. Nothing here says that it is right or trusted."""

    key: PublicKey
    namespace: str
    hash_algorithm: str
    value: bytes = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """The signing key's fingerprint."""
        return self.key.fingerprint

    @property
    def public_line(self) -> str:
        """The signing key as one line of a ``.pub`` file."""
        return self.key.line


def read_signature(signature: bytes) -> Signature:
    """Read an armored signature without checking it.

    Raises:
        SignatureRefusedError: It is not an SSH signature in its one form, or by a key that is not known here.
    """
    try:
        blob, namespace, hash_algorithm, value = _fields(WireReader(_unarmored(signature)))
    except WireError as error:
        raise _malformed(f"the signature {error}") from None
    if hash_algorithm not in _HASHES:
        message = f"the signature is over a hash that is not accepted; {' and '.join(_HASHES)} are"
        raise SignatureRefusedError(message, reason=Refusal.UNSUPPORTED)
    try:
        key = parse_public_blob(blob)
    except ValueError as error:
        message = f"the signature's key {error}"
        raise SignatureRefusedError(message, reason=Refusal.UNSUPPORTED) from None
    return Signature(key=key, namespace=namespace, hash_algorithm=hash_algorithm, value=value)


def check_signature(content: bytes | BinaryIO, signature: bytes, *, namespace: str) -> Signature:
    """Check that a signature is right over these bytes and made for this purpose, whoever signed.

    Raises:
        SignatureRefusedError: It is not.
    """
    found = read_signature(signature)
    if found.namespace != namespace:
        message = f"the signature was made for '{found.namespace}', not for '{namespace}'"
        raise SignatureRefusedError(message, reason=Refusal.OTHER_NAMESPACE)
    found.key.verify(found.value, signed_data(content, namespace=namespace, hash_algorithm=found.hash_algorithm))
    return found


def signed_data(content: bytes | BinaryIO, *, namespace: str, hash_algorithm: str = _HASHES[0]) -> bytes:
    """Return what the key signs: the namespace and the content's hash, framed."""
    digest = hashlib.new(hash_algorithm, usedforsecurity=True)
    for chunk in (content,) if isinstance(content, bytes) else iter_chunks(content):
        digest.update(chunk)
    fields = (namespace.encode("ascii"), b"", hash_algorithm.encode("ascii"), digest.digest())
    return _MAGIC + b"".join(pack_string(value) for value in fields)


def _fields(reader: WireReader) -> tuple[bytes, str, str, bytes]:
    if reader.take(len(_MAGIC)) != _MAGIC or reader.uint32() != _VERSION:
        raise WireError("is of a version that is not known")
    blob, namespace, reserved = reader.string(), reader.text(), reader.string()
    hash_algorithm, value = reader.text(), reader.string()
    reader.finish()
    if reserved or not namespace.isprintable() or not 0 < len(namespace) <= _NAMESPACE_CHARACTERS_MAX:
        raise WireError("has a field that its version does not know")
    return blob, namespace, hash_algorithm, value


def armor(key: PublicKey, value: bytes, *, namespace: str) -> bytes:
    """Return a signature as it is written to a file."""
    fields = (key.blob, namespace.encode("ascii"), b"", _HASHES[0].encode("ascii"), value)
    text = base64.b64encode(_MAGIC + pack_uint32(_VERSION) + b"".join(pack_string(part) for part in fields))
    lines = [text[at : at + _LINE_CHARACTERS] + b"\n" for at in range(0, len(text), _LINE_CHARACTERS)]
    return _BEGIN + b"".join(lines) + _END + b"\n"


def _unarmored(signature: bytes) -> bytes:
    if len(signature) > DEFAULT_LIMITS.signature_bytes_max:
        raise _malformed(f"the signature is longer than the limit of {DEFAULT_LIMITS.signature_bytes_max} bytes")
    found = _ARMOR.fullmatch(signature)
    if found is None:
        raise _malformed("this is not an armored SSH signature")
    *full, last = found[1].split(b"\n")[:-1]
    if any(len(line) != len(full[0]) for line in full) or (full and len(last) > len(full[0])):
        raise _malformed("the signature's lines are not of one length")
    text = b"".join([*full, last])
    try:
        data = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise _malformed("the signature is not base64") from None
    if base64.b64encode(data) != text:
        raise _malformed("the signature is not written in the one form that base64 has for it")
    return data


def _malformed(message: str) -> SignatureRefusedError:
    hint = "The file is damaged, or was never made by `ssh-keygen -Y sign` or this program."
    return SignatureRefusedError(message, reason=Refusal.MALFORMED, hint=hint)
