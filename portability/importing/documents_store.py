"""Where placed files lie: a folder, or an address that smart-open writes (``s3://…``).

A file gets its name only when all of its bytes are there: in a folder by a rename, at an address because an object
store shows an object only when it is whole. Nothing is ever overwritten.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import smart_open

from portability.errors import ConfigError
from portability.streams import iter_chunks, write_file

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from portability.limits import Limits

__all__ = ["Store", "open_store"]

# What S3, Google and Azure call it.
_ABSENT = {"404", "NoSuchKey", "NotFound", "ResourceNotFoundError", "BlobNotFound"}
_SCHEMES = ("s3", "gs", "azure")  # stores whose objects appear whole or not at all


class Store(ABC):
    """A place for files, named by relative paths with slashes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    def sha256(self, path: str) -> str | None:
        """Read a file back and hash it; None when there is none."""
        try:
            with self._reader(path) as stream:
                return self._hash(stream)
        except FileNotFoundError:
            return None

    @abstractmethod
    def put(self, path: str, source: Path) -> None:
        """Write a file.

        Raises:
            OSError: It could not be written; nothing has its name then.
        """

    @abstractmethod
    def remove(self, path: str) -> None:
        """Remove a file that turned out wrong."""

    @abstractmethod
    def _reader(self, path: str) -> AbstractContextManager[BinaryIO]:
        """Open a file for reading; FileNotFoundError when it is not there."""

    def _hash(self, stream: BinaryIO) -> str:
        digest = hashlib.sha256()
        for chunk in iter_chunks(stream, chunk_bytes=self._limits.chunk_bytes):
            digest.update(chunk)
        return digest.hexdigest()

    def _copy(self, stream: BinaryIO, output: BinaryIO) -> None:
        chunks = iter_chunks(stream, chunk_bytes=self._limits.chunk_bytes)
        write_file(chunks, output, size_bytes_max=self._limits.value_bytes_max)


class _Folder(Store):
    def __init__(self, root: Path, limits: Limits) -> None:
        super().__init__(limits)
        self._root = root

    def put(self, path: str, source: Path) -> None:
        final = self._root / path
        final.parent.mkdir(parents=True, exist_ok=True)
        # The same name in every run: what a killed one left is written over by the next.
        part = final.with_name(f".{source.name[:24]}.part")
        try:
            with source.open("rb") as reader, part.open("wb") as writer:
                self._copy(reader, writer)
            part.rename(final)
        finally:
            part.unlink(missing_ok=True)

    def remove(self, path: str) -> None:
        (self._root / path).unlink(missing_ok=True)

    def _reader(self, path: str) -> AbstractContextManager[BinaryIO]:
        return (self._root / path).open("rb")


class _Address(Store):
    def __init__(self, url: str, limits: Limits) -> None:
        super().__init__(limits)
        self._url = url.rstrip("/")

    def put(self, path: str, source: Path) -> None:
        with source.open("rb") as reader, self._open(path, "wb") as writer:
            self._copy(reader, writer)

    def remove(self, path: str) -> None:
        """An address has no remove of its own in smart-open; the wrong object is reported."""

    def _reader(self, path: str) -> AbstractContextManager[BinaryIO]:
        try:
            return self._open(path, "rb")
        except OSError as error:
            if _is_absent(error):
                raise FileNotFoundError(0, "not there") from error
            raise

    def _open(self, path: str, mode: str) -> AbstractContextManager[BinaryIO]:
        scheme = self._url.partition("://")[0]
        try:
            stream = cast("BinaryIO", smart_open.open(f"{self._url}/{path}", mode, compression="disable"))
        except ImportError as error:
            hint = f"pip install 'portability[{scheme}]'"
            raise ConfigError(f"{scheme}:// needs a library that is not installed", hint=hint) from error
        except OSError:
            raise
        except Exception as error:
            # Each transport has errors of its own; their texts may quote an address with a key in it.
            raise OSError(0, type(error).__name__) from error
        return stream


def _is_absent(error: BaseException | None) -> bool:
    """Tell whether a store says that there is no such object; each says it in its own way, below smart-open's error."""
    while error is not None:
        backend = getattr(error, "backend_error", error)
        code = getattr(backend, "response", None)
        code = code.get("Error", {}).get("Code") if isinstance(code, dict) else None
        if code in _ABSENT or type(backend).__name__ in _ABSENT or isinstance(error, FileNotFoundError):
            return True
        error = error.__cause__ or error.__context__
    return False


def open_store(place: str, limits: Limits) -> Store:
    """Return the store at a folder (made if it is not there) or an address.

    Raises:
        ConfigError: The folder cannot be made, or the address is of another kind.
    """
    scheme = place.partition("://")[0] if "://" in place else ""
    if scheme in _SCHEMES:
        return _Address(place, limits)
    if scheme:
        hint = f"Give a folder, or an address of {', '.join(_SCHEMES)}."
        raise ConfigError("documents cannot be placed there", place=f"{scheme[:20]}://…", hint=hint)
    try:
        Path(place).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot be made: {error.strerror}", place=place, hint="Give another folder.") from error
    return _Folder(Path(place), limits)
