"""Key files of OpenSSH as they lie on disk: read bounded, refused when others can read them, repeated in no error.

The public part of a private key can be read without its passphrase; ``KeyFile.unlock`` needs it.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.signing.memory import forbid_core_files
from portability.signing.public_keys import PublicKey, parse_public_blob, parse_public_line
from portability.signing.wire import WireError, WireReader

__all__ = [
    "PrivateKeyFile",
    "parse_key",
    "parse_private_key",
    "parse_public_file",
    "read_key_bytes",
    "read_key_file",
    "refuse_readable",
]

_PRIVATE = re.compile(
    rb"-----BEGIN OPENSSH PRIVATE KEY-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END OPENSSH PRIVATE KEY-----\s*"
)
_MAGIC = b"openssh-key-v1\0"
# A named pipe must not make us wait for a writer; systems without these flags have no such files.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, kw_only=True)
class PrivateKeyFile:
    """A private key that may still be locked: its public part, and its bytes, which are never shown."""

    key: PublicKey
    encrypted: bool
    place: str
    content: bytes = field(repr=False)

    def unlock(self, passphrase: str | None) -> Ed25519PrivateKey:
        """Return the private key, which must be an Ed25519 one.

        Raises:
            ConfigError: The passphrase does not open it.
        """
        forbid_core_files()
        password = passphrase.encode("utf-8") if self.encrypted and passphrase is not None else None
        try:
            loaded = load_ssh_private_key(self.content, password)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            message = "the passphrase does not open the key" if self.encrypted else "the private key is damaged"
            raise ConfigError(message, place=self.place) from None
        if not isinstance(loaded, Ed25519PrivateKey) or loaded.public_key().public_bytes_raw() != _raw(self.key):
            raise ConfigError("the private key is not the one that its file announces", place=self.place)
        return loaded


def read_key_file(path: Path) -> PublicKey | PrivateKeyFile:
    """Read a private key, or a ``.pub`` file.

    Raises:
        ConfigError: It is neither, cannot be read, or is a private key that others can read.
    """
    content, mode = read_key_bytes(path)
    found = parse_key(content, str(path))
    if isinstance(found, PrivateKeyFile):
        refuse_readable(mode, str(path))
    return found


def refuse_readable(mode: int, place: str) -> None:
    """Refuse a private key that others can read, as ssh does.

    Raises:
        ConfigError: Group or others have any right to it.
    """
    if mode & _OTHERS and os.name == "posix":
        message = f"others can read this private key (mode {stat.S_IMODE(mode):04o})"
        raise ConfigError(message, place=place, hint=f"chmod 600 {place}; if it was so for long, make a new key.")


def parse_key(content: bytes, place: str) -> PublicKey | PrivateKeyFile:
    """Read the content of a private key or of a ``.pub`` file.

    Raises:
        ConfigError: It is neither.
    """
    read = parse_private_key if content.startswith(b"-----BEGIN") else parse_public_file
    return read(content, place)


def parse_public_file(content: bytes, place: str) -> PublicKey:
    """Read the content of a ``.pub`` file: one key on one line."""
    hint = "`portability keys new FILE --kind signing` and ssh-keygen make such keys."
    text = content.decode("utf-8", errors="replace")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if len(lines) != 1:
        message = "is neither a private key of OpenSSH nor one public key on one line"
        raise ConfigError(message, place=place, hint=hint)
    try:
        return parse_public_line(lines[0])
    except ValueError as error:
        raise ConfigError(str(error), place=place, hint=hint) from None


def parse_private_key(content: bytes, place: str) -> PrivateKeyFile:
    """Read a private key's header: what kind it is, whether it is encrypted, its public part.

    Raises:
        ConfigError: It is not a private key in OpenSSH's format, or would take unreasonably long to unlock.
    """
    found = _PRIVATE.fullmatch(content)
    if found is None:
        hint = "`ssh-keygen -p -f FILE` writes a key of another format again in OpenSSH's own."
        raise ConfigError("this is not a private key in OpenSSH's format", place=place, hint=hint)
    try:
        key, encrypted = _public_part(base64.b64decode(b"".join(found[1].split()), validate=True))
    except (ValueError, binascii.Error) as error:
        reason = str(error) if isinstance(error, WireError) else "is damaged"
        raise ConfigError(f"the private key {reason}", place=place) from None
    return PrivateKeyFile(key=key, encrypted=encrypted, place=place, content=content)


def _public_part(data: bytes) -> tuple[PublicKey, bool]:
    """Return the public key, and whether the private one is encrypted."""
    reader = WireReader(data)
    if reader.take(len(_MAGIC)) != _MAGIC:
        raise WireError("is of a version that is not known")
    cipher, kdf, options = reader.text(), reader.text(), reader.string()
    if reader.uint32() != 1:
        raise WireError("holds more than one key")
    key = parse_public_blob(reader.string())
    reader.string()
    reader.finish()
    if cipher != "none":
        _check_rounds(kdf, options)
    return key, cipher != "none"


def _check_rounds(kdf: str, options: bytes) -> None:
    if kdf != "bcrypt":
        raise WireError("is encrypted in a way that is not known")
    reader = WireReader(options)
    reader.string()
    if reader.uint32() > DEFAULT_LIMITS.key_kdf_rounds_max:
        raise WireError(f"asks for more rounds than the limit of {DEFAULT_LIMITS.key_kdf_rounds_max}")


def read_key_bytes(path: Path) -> tuple[bytes, int]:
    """Return a small regular file's bytes and its mode, both of the same open file.

    Raises:
        ConfigError: It cannot be read, is no regular file, or too long for a key.
    """
    try:
        descriptor = os.open(path, _OPEN_FLAGS)
        with os.fdopen(descriptor, "rb") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigError("is not a regular file", place=str(path))
            content = stream.read(DEFAULT_LIMITS.key_file_bytes_max + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the key: {error.strerror}", place=str(path)) from None
    if len(content) > DEFAULT_LIMITS.key_file_bytes_max:
        raise ConfigError("is too long for a key", place=str(path))
    return content, mode


def _raw(key: PublicKey) -> bytes:
    reader = WireReader(key.blob)
    reader.string()
    return reader.string()
