"""Which keys lie on this machine, by fingerprint: a depositor holds no key that opens what it deposits.

Looked for in ``~/.ssh``, in the job file's folder, in the ssh-agent and in the files that the job names. A private
key's public part is read without its passphrase where its format allows that; a file that keeps it hidden is listed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from portability.errors import PortabilityError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.encryption import Identity, recipient_of
from portability.signing.agent import agent_has
from portability.signing.key_files import parse_private_key, parse_public_file
from portability.signing.public_keys import PublicKey, parse_public_line

__all__ = ["KeyPlaces", "find_keys", "in_agent"]

_AGE_SECRET = re.compile(rb"AGE-SECRET-KEY-1[A-Z0-9]{58}")
_OPENSSH = re.compile(rb"-----BEGIN OPENSSH PRIVATE KEY-----.*?-----END OPENSSH PRIVATE KEY-----\s*", re.DOTALL)
_PEM = re.compile(rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----.*?-----END (?:[A-Z]+ )?PRIVATE KEY-----\s*", re.DOTALL)
_HIDDEN = (b"age-encryption.org/v1\n", b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
_FILES_MAX = 10_000
_DEPTH_MAX = 3
_NOT_LOOKED_INTO = {".git", "node_modules", ".venv"}


@dataclass(frozen=True, kw_only=True)
class KeyPlaces:
    """Fingerprints of private and of public keys with the file of each; ``hidden`` are files that may hold one."""

    private: dict[str, str]
    public: dict[str, str]
    hidden: tuple[str, ...]
    cut: bool  # there were more files than are looked into


def find_keys(folders: tuple[Path, ...], named: tuple[Path, ...]) -> KeyPlaces:
    """Look into folders (and what lies in them) and into single files."""
    private: dict[str, str] = {}
    public: dict[str, str] = {}
    hidden: list[str] = []
    number = 0
    for number, path in enumerate(_files(folders, named)):
        content = _content(path)
        if number >= _FILES_MAX:
            break
        for fingerprint in _private_in(content):
            private.setdefault(fingerprint, str(path))
        for fingerprint in _public_in(content):
            public.setdefault(fingerprint, str(path))
        if content.startswith(_HIDDEN):
            hidden.append(str(path))
    return KeyPlaces(private=private, public=public, hidden=tuple(hidden), cut=number >= _FILES_MAX)


def in_agent(recipient: str) -> bool:
    """Tell whether the ssh-agent, where one runs, holds the private half of an SSH recipient's line."""
    if not os.environ.get("SSH_AUTH_SOCK") or not recipient.startswith("ssh-"):
        return False
    try:
        return agent_has(parse_public_line(recipient))
    except (PortabilityError, ValueError):
        return False


def _files(folders: tuple[Path, ...], named: tuple[Path, ...]) -> Iterator[Path]:
    yield from named
    for folder in folders:
        for directory, below, names in os.walk(folder):
            depth = len(Path(directory).relative_to(folder).parts)
            below[:] = sorted(set(below) - _NOT_LOOKED_INTO) if depth < _DEPTH_MAX else []
            yield from (Path(directory, name) for name in sorted(names))


def _content(path: Path) -> bytes:
    """Return a small regular file's bytes; nothing of what is no key because of its size or kind."""
    try:
        if not path.is_file() or path.stat().st_size > DEFAULT_LIMITS.key_file_bytes_max:
            return b""
        return path.read_bytes()
    except OSError:
        return b""  # what this user cannot read, this depositor does not have


def _private_in(content: bytes) -> Iterator[str]:
    for secret in _AGE_SECRET.findall(content):
        try:
            yield recipient_of(Identity(kind="age-x25519", secret=secret.decode())).fingerprint
        except Exception:  # noqa: BLE001, S112 -- the library's own errors: letters that make no key
            continue
    for armor in _OPENSSH.findall(content):
        try:
            yield parse_private_key(armor, "").key.fingerprint
        except PortabilityError:
            continue
    for armor in _PEM.findall(content):
        yield from _pem_fingerprint(armor)


def _pem_fingerprint(armor: bytes) -> Iterator[str]:
    try:
        public = load_pem_private_key(armor, None).public_key()
        line = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()
        yield parse_public_line(line).fingerprint
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return


def _public_in(content: bytes) -> Iterator[str]:
    if content.startswith((b"ssh-", b"ecdsa-", b"sk-")):
        try:
            key: PublicKey = parse_public_file(content, "")
        except PortabilityError:
            return
        yield key.fingerprint
