"""Files of evidence, kept by their hash where only the service can read them; for silent requests, sealed.

A file is copied under a temporary name, flushed, and gets its hash as name; one that lies there already is compared.
What is read back is hashed again: a file that somebody changed or removed is found, never used.
"""

from __future__ import annotations

import hashlib
import io
import mimetypes
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from portability.errors import ConfigError, PortabilityError, ProcedureError
from portability.folders import new_file
from portability.governing.events import Evidence
from portability.limits import DEFAULT_LIMITS
from portability.sealing.encryption import Identity, PublicKey, decrypt_stream, encrypt_stream
from portability.streams import iter_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["EvidenceStore", "FolderStore", "SealedStore", "describe_file"]

_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600
_OTHERS = 0o077


class EvidenceStore(ABC):
    """Where evidence lies."""

    size_bytes_max: int

    @abstractmethod
    def keep(self, content: BinaryIO, sha256: str) -> None:
        """Keep a file's bytes; keeping the same twice changes nothing."""

    @abstractmethod
    def read(self, sha256: str) -> bytes:
        """Return a file's bytes, hashed again.

        Raises:
            ProcedureError: It is missing or is not what it was.
        """

    def problem(self, sha256: str) -> str:
        """Say what is wrong with a file; empty when nothing is."""
        try:
            self.read(sha256)
        except PortabilityError as error:
            return error.message
        return ""


class FolderStore(EvidenceStore):
    """A private folder: ``ab/ab12…`` for a file whose hash that is."""

    size_bytes_max = DEFAULT_LIMITS.evidence_bytes_max

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, content: BinaryIO, sha256: str) -> None:
        _private_folder(self.folder)
        path = self._path(sha256)
        _private_folder(path.parent)
        if path.exists() and not self.problem(sha256):
            return
        if path.exists():
            hint = "portability request check lists what is wrong."
            raise ProcedureError("evidence of this hash lies there with other bytes", place=path.name, hint=hint)
        _write_private(path, _same_bytes(content, sha256))

    def read(self, sha256: str) -> bytes:
        path = self._path(sha256)
        try:
            content = path.read_bytes()
        except OSError as error:
            message = "evidence is missing" if isinstance(error, FileNotFoundError) else "evidence cannot be read"
            raise ProcedureError(
                message, place=sha256, hint="Put it back from a copy of the evidence folder."
            ) from None
        if hashlib.sha256(content).hexdigest() != sha256:
            hint = "Put it back from a copy of the evidence folder."
            raise ProcedureError("evidence is not what it was", place=sha256, hint=hint)
        return content

    def problem(self, sha256: str) -> str:
        path = self._path(sha256)
        digest = hashlib.sha256()
        try:
            with path.open("rb") as stream:
                for chunk in iter_chunks(stream):
                    digest.update(chunk)
            others = os.name == "posix" and path.stat().st_mode & _OTHERS
        except OSError as error:
            return "evidence is missing" if isinstance(error, FileNotFoundError) else "evidence cannot be read"
        if digest.hexdigest() != sha256:
            return "evidence is not what it was"
        return "evidence can be read by others" if others else ""

    def _path(self, sha256: str) -> Path:
        return self.folder / sha256[:2] / sha256


class SealedStore(EvidenceStore):
    """A folder of the silent register: age files for the silent recipients, under names that say nothing.

    The name is a keyed hash that only who can open the register can compute, so that nobody can ask the folder whether
    a certain letter lies in it.
    """

    size_bytes_max = DEFAULT_LIMITS.silent_evidence_bytes_max

    def __init__(
        self, folder: Path, *, recipients: Sequence[PublicKey], identities: Sequence[Identity], name_key: bytes
    ) -> None:
        self.folder, self.recipients, self.identities, self.name_key = folder, recipients, identities, name_key

    def keep(self, content: BinaryIO, sha256: str) -> None:
        _private_folder(self.folder)
        path = self._path(sha256)
        if path.exists():
            self.read(sha256)
            return
        sealed, same = io.BytesIO(), b"".join(_same_bytes(content, sha256))
        encrypt_stream(io.BytesIO(same), sealed, self.recipients)
        _write_private(path, iter((sealed.getvalue(),)))

    def read(self, sha256: str) -> bytes:
        path = self._path(sha256)
        opened = io.BytesIO()
        try:
            with path.open("rb") as stream:
                decrypt_stream(stream, opened, self.identities)
        except OSError:
            raise ProcedureError("evidence is missing", place=sha256) from None
        if hashlib.sha256(opened.getvalue()).hexdigest() != sha256:
            raise ProcedureError("evidence is not what it was", place=sha256)
        return opened.getvalue()

    def _path(self, sha256: str) -> Path:
        name = hashlib.blake2b(bytes.fromhex(sha256), key=self.name_key, digest_size=32).hexdigest()
        return self.folder / f"{name}.age"


def describe_file(path: Path, *, kind: str, size_bytes_max: int) -> Evidence:
    """Return what a file of evidence is.

    Raises:
        ConfigError: It cannot be read, is empty, is no file, or is too long.
    """
    digest, size = hashlib.sha256(), 0
    try:
        if not path.is_file():
            raise ConfigError("evidence is a file; this is none", place=str(path))
        with path.open("rb") as stream:
            for chunk in iter_chunks(stream):
                digest.update(chunk)
                size += len(chunk)
                if size > size_bytes_max:
                    raise ConfigError(f"is larger than the limit of {size_bytes_max} bytes", place=str(path))
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from error
    if not size:
        raise ConfigError("an empty file is evidence of nothing", place=str(path))
    media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return Evidence(kind=kind, name=path.name[:200], sha256=digest.hexdigest(), size_bytes=size, media_type=media_type)


def _same_bytes(content: BinaryIO, sha256: str) -> Iterator[bytes]:
    """Yield a file's bytes, and refuse at their end those that are not what was hashed and signed for."""
    digest = hashlib.sha256()
    for chunk in iter_chunks(content):
        digest.update(chunk)
        yield chunk
    if digest.hexdigest() != sha256:
        hint = "Somebody writes to the file; nothing was recorded. Repeat when it is as it should be."
        raise ProcedureError("evidence changed while it was kept", place=sha256, hint=hint)


def _private_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=_PRIVATE_FOLDER, exist_ok=True)
        others = os.name == "posix" and folder.stat().st_mode & _OTHERS
    except OSError as error:
        hint = "Name a folder that can be made, in `evidence` of the configuration."
        raise ConfigError(f"cannot be used for evidence: {error.strerror}", place=str(folder), hint=hint) from error
    if others:
        raise ConfigError("others can read this folder", place=str(folder), hint=f"chmod 700 {folder}")


def _write_private(path: Path, chunks: Iterator[bytes]) -> None:
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with new_file(path, part=part, mode=_PRIVATE_FILE) as stream:
            stream.writelines(chunks)
    except FileExistsError:
        return  # another run has just kept the same
    except OSError as error:
        raise PortabilityError(f"cannot keep evidence: {error.strerror}", place=str(path.parent)) from error
