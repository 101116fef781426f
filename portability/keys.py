"""Keys: made in files that only their owner can read, and shown without their secret.

Two kinds: Ed25519 keys of OpenSSH, which sign, and age identities, which open what was sealed for them. Both are in
their programs' own formats, so that ssh-keygen and age read them without this program. Nothing is ever overwritten, and
no error and no result holds a secret.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from portability.errors import ArchiveExistsError, ConfigError
from portability.folders import new_file
from portability.sealing.encryption import (
    new_identity,
    parse_identities,
    parse_recipient,
    protect_identity,
    recipient_of,
)
from portability.signing import PrivateKeyFile, forbid_core_files, signing_key_of
from portability.signing.key_files import parse_key, read_key_bytes, refuse_readable

__all__ = ["KeyFacts", "describe_key", "new_age_identity", "new_signing_key"]

# Four times ssh-keygen's own: a key is unlocked once an export, and half a second then is a price for the thief alone.
_KDF_ROUNDS = 64
_AGE_ENCRYPTED = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")
_COMMENT = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029]{0,200}")


@dataclass(frozen=True, kw_only=True)
class KeyFacts:
    """What may be known of a key by anyone: never its secret.

    ``public`` is the public half as it is passed on: ``age1...``, or one line of a ``.pub`` file without its comment.
    ``public_path`` is where a new key's public half was written.
    """

    path: Path
    kind: str
    public: str
    fingerprint: str
    is_private: bool
    is_encrypted: bool = False
    comment: str = ""
    public_path: Path | None = None

    @property
    def signs(self) -> bool:
        """Whether archives can be signed with it."""
        return self.kind == "ssh-ed25519"


def new_signing_key(path: Path, *, comment: str = "", passphrase: str | None = None) -> KeyFacts:
    """Make an Ed25519 key of OpenSSH: ``path``, and ``path.pub`` beside it.

    Raises:
        ArchiveExistsError: One of the files exists.
        ConfigError: They cannot be written.
    """
    public_path = path.with_name(f"{path.name}.pub")
    _refuse_taken(path, public_path)
    _check_comment(comment)
    forbid_core_files()
    private = Ed25519PrivateKey.generate()
    key = signing_key_of(private)
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, _protection(passphrase))
    _create_pair(path, secret, public_path, f"{key.public_line} {comment}".rstrip())
    return KeyFacts(
        path=path,
        kind="ssh-ed25519",
        public=key.public_line,
        fingerprint=key.fingerprint,
        is_private=True,
        is_encrypted=passphrase is not None,
        comment=comment,
        public_path=public_path,
    )


def new_age_identity(path: Path, *, comment: str = "", passphrase: str | None = None) -> KeyFacts:
    """Make an age identity in a file as age-keygen writes it, and its recipient in ``path.pub`` beside it.

    Raises:
        ArchiveExistsError: One of the files exists.
        ConfigError: They cannot be written.
    """
    public_path = path.with_name(f"{path.name}.pub")
    _refuse_taken(path, public_path)
    _check_comment(comment)
    forbid_core_files()
    identity = new_identity()
    public = recipient_of(identity)
    remarks = [f"created: {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}", *([comment] if comment else [])]
    lines = [*(f"# {remark}" for remark in remarks), f"# public key: {public.text}", identity.secret]
    content = "".join(f"{line}\n" for line in lines).encode()
    secret = content if passphrase is None else protect_identity(content, passphrase)
    _create_pair(path, secret, public_path, public.text)
    return KeyFacts(
        path=path,
        kind=public.kind,
        public=public.text,
        fingerprint=public.fingerprint,
        is_private=True,
        is_encrypted=passphrase is not None,
        comment=comment,
        public_path=public_path,
    )


def describe_key(path: Path, *, passphrase: Callable[[str], str] | None = None) -> tuple[KeyFacts, ...]:
    """Return what may be known of each key in a file: a private one of either kind, a ``.pub`` file, recipients.

    Args:
        path: The file.
        passphrase: Asked for an age identity under a passphrase; OpenSSH keys show their public half without.

    Raises:
        ConfigError: It holds no key, or a private one that others can read.
        DecryptionError: The passphrase does not open it.
    """
    content, mode = read_key_bytes(path)
    encrypted = content.startswith(_AGE_ENCRYPTED)
    if encrypted or b"AGE-SECRET-KEY-" in content:
        refuse_readable(mode, str(path))
        forbid_core_files()
        found = [recipient_of(each) for each in parse_identities(content, place=str(path), passphrase=passphrase)]
        private = True
    elif content.lstrip().startswith((b"age1", b"#")):
        found = [parse_recipient(line, place=str(path)) for line in _lines(content)]
        private = False
    else:
        return (_ssh_facts(path, content, mode),)
    return tuple(
        KeyFacts(
            path=path,
            kind=each.kind,
            public=each.text,
            fingerprint=each.fingerprint,
            is_private=private,
            is_encrypted=encrypted,
        )
        for each in found
    )


def _ssh_facts(path: Path, content: bytes, mode: int) -> KeyFacts:
    found = parse_key(content, str(path))
    private = isinstance(found, PrivateKeyFile)
    if isinstance(found, PrivateKeyFile):
        refuse_readable(mode, str(path))
        key = found.key
    else:
        key = found
    return KeyFacts(
        path=path,
        kind=key.kind,
        public=key.line,
        fingerprint=key.fingerprint,
        is_private=private,
        is_encrypted=isinstance(found, PrivateKeyFile) and found.encrypted,
        comment=key.comment,
    )


def _lines(content: bytes) -> list[str]:
    text = content.decode("utf-8", errors="replace")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def _protection(passphrase: str | None) -> KeySerializationEncryption:
    if passphrase is None:
        return NoEncryption()
    return PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(_KDF_ROUNDS).build(passphrase.encode())


def _refuse_taken(*paths: Path) -> None:
    for path in paths:
        if os.path.lexists(path):
            hint = "Choose another name; a key that was overwritten is gone for ever."
            raise ArchiveExistsError("the file exists", place=str(path), hint=hint)


def _check_comment(comment: str) -> None:
    if not _COMMENT.fullmatch(comment):
        raise ConfigError("a comment is one line of at most 200 characters", place="--comment")


def _create_pair(path: Path, secret: bytes, public_path: Path, public_line: str) -> None:
    _create(path, secret, mode=0o600)
    try:
        _create(public_path, f"{public_line}\n".encode(), mode=0o644)
    except BaseException:
        with suppress(OSError):
            path.unlink()  # half a pair is of no use, and its secret has been nowhere else
        raise


def _create(path: Path, content: bytes, *, mode: int) -> None:
    """Write a new file that has its mode from its first byte; it gets its name when it is whole and on disk."""
    try:
        with new_file(path, mode=mode) as stream:
            stream.write(content)
    except FileExistsError:
        raise ArchiveExistsError("the file exists", place=str(path)) from None
    except OSError as error:
        raise ConfigError(f"the key cannot be written: {error.strerror}", place=str(path)) from None
