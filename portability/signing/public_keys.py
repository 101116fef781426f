"""Public keys as OpenSSH writes them, their fingerprints, and what each kind of key accepts as a signature.

Accepted: Ed25519, Ed25519 on a security key, ECDSA on the NIST curves, and RSA of 2048 bits and more with SHA-256 or
SHA-512. Refused by name: DSA, RSA with SHA-1, ECDSA on a security key, certificates. The mathematics is the
``cryptography`` library's; here is the encoding, bounded and strict.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from portability.signing.refusals import Refusal, SignatureRefusedError
from portability.signing.wire import WireError, WireReader

__all__ = ["ED25519", "SK_ED25519", "PublicKey", "parse_public_blob", "parse_public_line"]

ED25519 = "ssh-ed25519"
SK_ED25519 = "sk-ssh-ed25519@openssh.com"
_ECDSA: dict[str, HashAlgorithm] = {
    "ecdsa-sha2-nistp256": SHA256(),
    "ecdsa-sha2-nistp384": SHA384(),
    "ecdsa-sha2-nistp521": SHA512(),
}
_RSA: dict[str, HashAlgorithm] = {"rsa-sha2-256": SHA256(), "rsa-sha2-512": SHA512()}
_SUPPORTED = frozenset({ED25519, SK_ED25519, "ssh-rsa", *_ECDSA})
_REFUSED = frozenset({"ssh-dss", "sk-ecdsa-sha2-nistp256@openssh.com"})

RSA_BITS_MIN = 2048  # NIST SP 800-131A: less is not acceptable for signatures since 2014
_LINE_FIELDS_MIN = 2
_USER_PRESENT = 0x01  # the security key was touched


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """A public key. Two keys are the same when their bytes are; the comment says nothing."""

    kind: str
    blob: bytes
    comment: str = ""

    @property
    def line(self) -> str:
        """The key as one line of a ``.pub`` file, without its comment."""
        return f"{self.kind} {base64.b64encode(self.blob).decode('ascii')}"

    @property
    def fingerprint(self) -> str:
        """``SHA256:...`` as ``ssh-keygen -l`` shows it."""
        return "SHA256:" + base64.b64encode(hashlib.sha256(self.blob).digest()).decode("ascii").rstrip("=")

    @property
    def is_supported(self) -> bool:
        return self.kind in _SUPPORTED

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a signature as SSH encodes it: the algorithm's name, then the algorithm's own bytes.

        Raises:
            SignatureRefusedError: It is not right over the message, or made in a way that is not accepted.
        """
        if not self.is_supported:
            raise _unsupported(f"signatures by {self.kind} keys are not accepted")
        reader = WireReader(signature)
        try:
            algorithm, value = reader.text(), reader.string()
            details = (reader.byte(), reader.uint32()) if self.kind == SK_ED25519 else None
            reader.finish()
            self._check(algorithm, value, details, message)
        except WireError as error:
            raise SignatureRefusedError(f"the signature {error}", reason=Refusal.MALFORMED) from None
        except InvalidSignature:
            raise SignatureRefusedError(
                "the signature is not over these bytes, or not by this key", reason=Refusal.WRONG
            ) from None

    def _check(self, algorithm: str, value: bytes, details: tuple[int, int] | None, message: bytes) -> None:
        if algorithm not in (_RSA if self.kind == "ssh-rsa" else {self.kind}):
            raise _unsupported(f"the signature was made as {_shown(algorithm)}, which is not accepted for such a key")
        key = _load(self)
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(value, message, padding.PKCS1v15(), _RSA[algorithm])
        elif isinstance(key, ec.EllipticCurvePublicKey):
            numbers = WireReader(value)
            der = encode_dss_signature(numbers.unsigned(), numbers.unsigned())
            numbers.finish()
            key.verify(der, message, ec.ECDSA(_ECDSA[algorithm]))
        else:
            key.verify(value, message if details is None else _security_key_message(self, details, message))


def _security_key_message(key: PublicKey, details: tuple[int, int], message: bytes) -> bytes:
    """Return what a security key signs (PROTOCOL.u2f): its application, flags, counter, and the message's hash."""
    reader = WireReader(key.blob)
    reader.string()
    reader.string()
    application = reader.string()
    flags, counter = details
    if not flags & _USER_PRESENT:
        raise SignatureRefusedError("the security key signed without being touched", reason=Refusal.UNSUPPORTED)
    digests = (hashlib.sha256(application).digest(), hashlib.sha256(message).digest())
    return digests[0] + bytes([flags]) + counter.to_bytes(4, "big") + digests[1]


def parse_public_line(line: str) -> PublicKey:
    """Read ``kind base64 [comment]``, a line of a ``.pub`` file.

    Raises:
        ValueError: It is no such line; the message says why and never repeats the line.
    """
    fields = line.strip().split(None, 2)
    if len(fields) < _LINE_FIELDS_MIN:
        raise ValueError("is not a public key line of OpenSSH")
    try:
        blob = base64.b64decode(fields[1].encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("has a key that is not base64") from None
    key = parse_public_blob(blob, comment=fields[2] if len(fields) > _LINE_FIELDS_MIN else "")
    if key.kind != fields[0]:
        raise ValueError("names one kind of key and holds another")
    return key


def parse_public_blob(blob: bytes, *, comment: str = "") -> PublicKey:
    """Read a key's bytes; kinds that are refused for signatures can be read, so that they can be named.

    Raises:
        ValueError: It is no key of a kind that is known here.
    """
    try:
        kind = WireReader(blob).text()
    except WireError as error:
        raise ValueError(f"has a key that {error}") from None
    if kind not in _SUPPORTED | _REFUSED:
        certificate = kind.endswith("-cert-v01@openssh.com")
        raise ValueError("is a certificate; name the key itself" if certificate else "is of a kind that is not known")
    key = PublicKey(kind=kind, blob=blob, comment=comment)
    if key.is_supported:
        try:
            _load(key)
        except SignatureRefusedError as error:
            raise ValueError(f"cannot be used: {error.message}") from None
    return key


def _load(key: PublicKey) -> ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    try:
        loaded = load_ssh_public_key(key.line.encode("ascii"))
    except (ValueError, NotImplementedError, UnsupportedAlgorithm):  # the second: a point written in its short form
        raise SignatureRefusedError("the public key is damaged", reason=Refusal.MALFORMED) from None
    if isinstance(loaded, rsa.RSAPublicKey) and loaded.key_size < RSA_BITS_MIN:
        raise _unsupported(f"an RSA key of {loaded.key_size} bits is not accepted; {RSA_BITS_MIN} are the least")
    if not isinstance(loaded, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise _unsupported("the key is of a kind that is not accepted")
    return loaded


def _unsupported(message: str) -> SignatureRefusedError:
    hint = "Sign with an Ed25519 key: portability keys new FILE --kind signing"
    return SignatureRefusedError(message, reason=Refusal.UNSUPPORTED, hint=hint)


def _shown(name: str) -> str:
    return name if name.isprintable() and 0 < len(name) <= 64 else "an unnamed algorithm"  # noqa: PLR2004 -- a name
