"""age files: keys, and encrypting and decrypting streams. The only user of pyrage; the header stands in age_header.

Reading and writing follow the age format v1 (C2SP). The library holds the interpreter's lock while it works, so bulk
data passes through worker processes; it hides what the caller's streams raise, which is brought back here; and it never
flushes, so what was written is counted and compared with the exact length that the format gives.

Identities are private keys: they have no readable ``repr`` and no error carries any part of one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyrage
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from portability.errors import ConfigError, DecryptionError, FormatError, SealError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.age_header import (
    CHUNK_BYTES,
    VERSION_LINE,
    AgeHeader,
    Stanza,
    ciphertext_length,
    plaintext_length,
    read_header,
    unpadded,
)
from portability.sealing.manifest import RecipientKind
from portability.signing.key_files import parse_private_key

__all__ = [
    "CHUNK_BYTES",
    "AgeHeader",
    "Identity",
    "PublicKey",
    "Stanza",
    "Written",
    "ciphertext_length",
    "decrypt_stream",
    "deposit_identity",
    "encrypt_stream",
    "looks_private",
    "new_identity",
    "parse_identities",
    "parse_recipient",
    "plaintext_length",
    "protect_identity",
    "read_header",
    "recipient_of",
    "unpadded",
]

_ARMOR = b"-----BEGIN AGE ENCRYPTED FILE-----"
_RSA_BITS_MIN = 2048
_SSH_KINDS: dict[str, RecipientKind] = {"ssh-ed25519": "ssh-ed25519", "ssh-rsa": "ssh-rsa"}
_DEPOSIT_IDENTITY = re.compile(rb"(AGE-SECRET-KEY-1[A-Z0-9]{58})\n?")
_PRIVATE = ("AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATE KEY")


class Reader(Protocol):
    """What bytes are taken from."""

    def read(self, size: int = ..., /) -> bytes: ...


class Writer(Protocol):
    """What bytes are given to."""

    def write(self, data: bytes, /) -> int | None: ...

    def flush(self) -> None: ...


# --- keys ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class PublicKey:
    """A recipient's public key: ``text`` is one line without a comment, as ``age -r`` takes it."""

    kind: RecipientKind
    text: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A private key that opens; ``secret`` is its text, shown nowhere."""

    kind: RecipientKind
    secret: str = field(repr=False)


def new_identity() -> Identity:
    """Make a fresh age identity, such as a deposit's own."""
    return Identity(kind="age-x25519", secret=str(pyrage.x25519.Identity.generate()))


def recipient_of(identity: Identity) -> PublicKey:
    """Return the public half of an identity."""
    if identity.kind == "age-x25519":
        return _age_key(str(pyrage.x25519.Identity.from_str(identity.secret).to_public()))
    private = serialization.load_ssh_private_key(identity.secret.encode(), None)
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return parse_recipient(public.decode())


def looks_private(text: str) -> bool:
    """Tell whether a text holds what marks a private key; such a text is never shown."""
    return any(mark in text.upper() for mark in _PRIVATE)


def parse_recipient(text: str, *, place: str = "") -> PublicKey:
    """Read ``age1…``, ``ssh-ed25519 AAAA… [comment]`` or ``ssh-rsa AAAA… [comment]``.

    Raises:
        ConfigError: It is no such key, is too weak, or is a private key; the text is never repeated.
    """
    if looks_private(text):
        raise ConfigError(
            "this is a private key, not a recipient",
            place=place,
            hint="Give the public half (age1…, or the .pub file); the private key stays with its owner.",
        )
    words = text.split()
    try:
        key = _ssh_key(words) if words[:1] and words[0].startswith("ssh-") else _age_key(text.strip())
        pyrage.encrypt(b"", [_library_recipient(key)])  # proves that the library can use it
    except (pyrage.RecipientError, pyrage.EncryptError, ValueError, UnsupportedAlgorithm, LookupError):
        hint = "Recipients are age1… keys, ssh-ed25519 keys and ssh-rsa keys of 2048 to 4096 bits."
        raise ConfigError("this is not a recipient's key", place=place, hint=hint) from None
    return key


def _age_key(text: str) -> PublicKey:
    canonical = str(pyrage.x25519.Recipient.from_str(text))
    return PublicKey(kind="age-x25519", text=canonical, fingerprint=_fingerprint(canonical.encode()))


def _ssh_key(words: list[str]) -> PublicKey:
    kind = _SSH_KINDS[words[0]]
    blob = base64.b64decode(words[1], validate=True)
    text = f"{kind} {words[1]}"
    public = serialization.load_ssh_public_key(text.encode())
    if isinstance(public, rsa.RSAPublicKey) and public.key_size < _RSA_BITS_MIN:
        raise ValueError(kind)
    return PublicKey(kind=kind, text=text, fingerprint=_fingerprint(blob))


def _fingerprint(content: bytes) -> str:
    return "SHA256:" + base64.b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")


def _library_recipient(key: PublicKey) -> Any:  # noqa: ANN401 -- the library has no types
    return (pyrage.x25519 if key.kind == "age-x25519" else pyrage.ssh).Recipient.from_str(key.text)


def _library_identity(identity: Identity) -> Any:  # noqa: ANN401
    if identity.kind == "age-x25519":
        return pyrage.x25519.Identity.from_str(identity.secret)
    return pyrage.ssh.Identity.from_buffer(identity.secret.encode())


def parse_identities(
    content: bytes, *, place: str = "", passphrase: Callable[[str], str] | None = None
) -> tuple[Identity, ...]:
    """Read an identity file: age identities by line, an OpenSSH or PEM private key, or either under a passphrase.

    Args:
        content: The file's bytes.
        place: Names the file in errors and in the question for a passphrase.
        passphrase: Asked only when the file is protected.

    Raises:
        ConfigError: It holds no private key that opens sealed archives.
        DecryptionError: The passphrase is wrong, or nobody can be asked for it.
    """
    if content.startswith((VERSION_LINE, _ARMOR)):
        try:
            content = pyrage.passphrase.decrypt(_dearmored(content), _ask(passphrase, place))
        except (pyrage.DecryptError, FormatError):
            raise DecryptionError("the passphrase does not open this identity file", place=place) from None
    if b"PRIVATE KEY-----" in content:
        return (_ssh_identity(content, place, passphrase),)
    lines = [line.strip() for line in content.decode("utf-8", errors="replace").splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    try:
        found[0]
        return tuple(Identity(kind="age-x25519", secret=str(pyrage.x25519.Identity.from_str(line))) for line in found)
    except (pyrage.IdentityError, LookupError):
        hint = "Give an age identity file (AGE-SECRET-KEY-1…) or an OpenSSH private key (ssh-ed25519 or ssh-rsa)."
        raise ConfigError("this file holds no usable private key", place=place, hint=hint) from None


def deposit_identity(content: bytes) -> Identity:
    """Read what an envelope holds: one age identity on one line and nothing else.

    Whoever made the envelope chose these bytes, and nobody has signed them: no reader of key files ever sees them.

    Raises:
        DecryptionError: It is anything else.
    """
    found = _DEPOSIT_IDENTITY.fullmatch(content)
    try:
        return Identity(
            kind="age-x25519", secret=str(pyrage.x25519.Identity.from_str(found[1].decode() if found else ""))
        )
    except pyrage.IdentityError:
        raise DecryptionError("the envelope holds no key of a deposit") from None


def protect_identity(content: bytes, passphrase: str) -> bytes:
    """Encrypt an identity file with a passphrase, as ``age -p`` does; age and ``parse_identities`` ask for it."""
    protected: bytes = pyrage.passphrase.encrypt(content, passphrase)
    return protected


def _ask(passphrase: Callable[[str], str] | None, place: str) -> str:
    if passphrase is None:
        raise DecryptionError("the identity is protected by a passphrase, and nobody can be asked for it", place=place)
    return passphrase(f"Passphrase for {place}")


def _ssh_identity(content: bytes, place: str, passphrase: Callable[[str], str] | None) -> Identity:
    # The library reads no protected SSH keys: they are opened in memory and handed over plain.
    load = serialization.load_pem_private_key
    if b"OPENSSH" in content:
        load = serialization.load_ssh_private_key
        parse_private_key(content, place)  # refuses one that would take for ever to unlock
    try:
        try:
            private = load(content, None)
        except (TypeError, ValueError):  # protected, says one reader or the other
            private = load(content, _ask(passphrase, place).encode())
        kind: RecipientKind = "ssh-rsa" if isinstance(private, rsa.RSAPrivateKey) else "ssh-ed25519"
        plain = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
        )
        identity = Identity(kind=kind, secret=plain.decode())
        _library_identity(identity)
    except (pyrage.IdentityError, UnsupportedAlgorithm):
        hint = "Sealed archives open with age identities, ssh-ed25519 keys and ssh-rsa keys."
        raise ConfigError("this kind of private key does not open sealed archives", place=place, hint=hint) from None
    except (TypeError, ValueError):
        raise DecryptionError("the private key cannot be read: a wrong passphrase, or damaged", place=place) from None
    return identity


def _dearmored(content: bytes) -> bytes:
    if not content.startswith(_ARMOR):
        return content
    body = b"".join(content.strip().splitlines()[1:-1])
    try:
        return base64.b64decode(body, validate=True)
    except binascii.Error:
        raise FormatError("is not an armored age file") from None


# --- streams ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Written:
    """What was encrypted: the plaintext's length and the age file's, which agree."""

    plain_bytes: int
    size_bytes: int


def encrypt_stream(reader: Reader, writer: Writer, recipients: Sequence[PublicKey]) -> Written:
    """Encrypt all of ``reader`` to ``writer`` for each recipient, and flush it.

    Raises:
        SealError: The library failed, or wrote other than the format's exact length.
        Exception: Whatever ``reader`` or ``writer`` raise, as they raised it.
    """
    source, sink = _Source(reader), _Sink(writer)
    try:
        pyrage.encrypt_io(source, sink, [_library_recipient(key) for key in recipients])
    except (pyrage.EncryptError, OSError) as error:
        raise source.error or sink.error or SealError("cannot be encrypted") from error
    if sink.error:  # raised while the library let go of its last bytes, which it does not report
        raise sink.error
    writer.flush()
    header = read_header(io.BytesIO(bytes(sink.head)))
    if sink.size_bytes != ciphertext_length(header.length_bytes, source.size_bytes):
        raise SealError("the encrypted length is not what the format gives; nothing of it is kept")
    return Written(plain_bytes=source.size_bytes, size_bytes=sink.size_bytes)


def decrypt_stream(reader: Reader, writer: Writer, identities: Sequence[Identity]) -> int:
    """Decrypt an age file to ``writer``, flush it, and return the plaintext's length.

    Bytes reach ``writer`` only after their chunk is authenticated; that the file is whole is known at the return.

    Raises:
        DecryptionError: None of the identities opens it, or it is damaged, cut short or no age file.
        Exception: Whatever ``reader`` or ``writer`` raise, as they raised it.
    """
    source, sink = _Source(reader), _Sink(writer)
    try:
        pyrage.decrypt_io(source, sink, [_library_identity(identity) for identity in identities])
    except (pyrage.DecryptError, OSError) as error:
        unopened = "No matching keys" in str(error)
        message = "no key at hand opens it" if unopened else "is damaged, cut short or no age file"
        raise source.error or sink.error or DecryptionError(message) from error
    if sink.error:
        raise sink.error
    writer.flush()
    return sink.size_bytes


class _Source:
    """Counts what is read, and remembers what the reader raised."""

    def __init__(self, reader: Reader) -> None:
        self._read = reader.read
        self.size_bytes = 0
        self.error: BaseException | None = None

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._read(size)
        except BaseException as error:
            self.error = error
            raise
        self.size_bytes += len(data)
        return data


class _Sink:
    """Counts what is written, keeps the head for the header's length, and remembers what the writer raised."""

    def __init__(self, writer: Writer) -> None:
        self._write = writer.write
        self.size_bytes = 0
        self.head = bytearray()
        self.error: BaseException | None = None

    def write(self, data: bytes) -> int:
        try:
            self._write(data)
        except BaseException as error:
            self.error = error
            raise
        if self.size_bytes < DEFAULT_LIMITS.age_header_bytes_max:
            self.head += data[: DEFAULT_LIMITS.age_header_bytes_max]
        self.size_bytes += len(data)
        return len(data)

    def flush(self) -> None:
        """The library never asks; the caller's writer is flushed at the end."""
