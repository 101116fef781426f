"""Writing the two forms of a sealed archive: a directory, or one uncompressed tar written straight through.

``place`` says where the next file is to be written, ``take`` makes it part of the sealed archive; in the tar it is
appended and removed, so only segments that are under way lie on the disk twice. Files come in the order of the form.
What was taken is flushed to disk in the background; ``finish`` waits for it.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, Self

from portability.errors import ArchiveExistsError
from portability.folders import give_name
from portability.sealing.manifest import KEYS, SEGMENTS
from portability.sealing.segments import disk_error
from portability.staging import publish
from portability.streams import sync_directory

__all__ = ["DirectoryForm", "SealedForm", "TarForm", "open_form"]

_BLOCK = tarfile.BLOCKSIZE
_COPY_BYTES = 8 * 1024 * 1024


class SealedForm(Protocol):
    """How the files of a sealed archive come to lie."""

    def place(self, path: str) -> Path:
        """Return where the file ``path`` of the sealed archive is to be written."""

    def take(self, path: str) -> None:
        """Make the file that was written there part of it."""

    def add(self, path: str, content: bytes) -> None:
        """Write a small file and make it part of it."""

    def publish(self, destination: Path) -> None:
        """Flush all of it and give it its final name."""


@contextmanager
def open_form(folder: Path, *, one_file: bool) -> Iterator[SealedForm]:
    """Begin a sealed archive in a private folder."""
    with _Flusher() as flusher:
        yield TarForm(folder, flusher) if one_file else DirectoryForm(folder, flusher)


class _Flusher:
    """Flushes files to disk, one after the other, while others are being written."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._last: Future[None] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def flush(self, path: Path) -> None:
        self.check()
        self._last = self._thread.submit(_sync, path)

    def check(self, *, wait: bool = False) -> None:
        if self._last is not None and (wait or self._last.done()):
            self._last.result()


def _sync(path: Path) -> None:
    try:
        sync_directory(path)  # a file is flushed as a directory is
    except OSError as error:
        raise disk_error(error, path) from error


def _write(path: Path, content: bytes) -> None:
    try:
        path.write_bytes(content)
    except OSError as error:
        raise disk_error(error, path) from error


class DirectoryForm:
    """Each file under its own name from the start, in a folder that becomes the sealed archive by one rename."""

    def __init__(self, folder: Path, flusher: _Flusher) -> None:
        self._root = folder / "sealed"
        self._flusher = flusher
        for name in ("", SEGMENTS, KEYS):
            (self._root / name).mkdir()

    def place(self, path: str) -> Path:
        return self._root / path

    def take(self, path: str) -> None:
        self._flusher.flush(self._root / path)

    def add(self, path: str, content: bytes) -> None:
        _write(self._root / path, content)
        self.take(path)

    def publish(self, destination: Path) -> None:
        self._flusher.check(wait=True)
        publish(self._root, destination)


class TarForm:
    """One growing tar; each file is written beside it, appended and removed."""

    def __init__(self, folder: Path, flusher: _Flusher) -> None:
        self._folder = folder
        self._tar = folder / "sealed.tar"
        self._flusher = flusher
        _write(self._tar, b"")

    def place(self, path: str) -> Path:
        return self._folder / path.replace("/", "_")

    def take(self, path: str) -> None:
        source = self.place(path)
        try:
            with source.open("rb") as content, self._tar.open("ab") as tar:
                size = os.fstat(content.fileno()).st_size
                tar.write(_header(path, size))
                while chunk := content.read(_COPY_BYTES):
                    tar.write(chunk)
                tar.write(bytes(-size % _BLOCK))
            source.unlink()
        except OSError as error:
            raise disk_error(error, self._tar) from error
        self._flusher.flush(self._tar)

    def add(self, path: str, content: bytes) -> None:
        _write(self.place(path), content)
        self.take(path)

    def publish(self, destination: Path) -> None:
        try:
            with self._tar.open("ab") as tar:
                size = tar.tell() + 2 * _BLOCK
                tar.write(bytes(2 * _BLOCK + -size % tarfile.RECORDSIZE))
        except OSError as error:
            raise disk_error(error, self._tar) from error
        self._flusher.flush(self._tar)
        self._flusher.check(wait=True)
        try:
            give_name(self._tar, destination)
        except FileExistsError as error:
            raise ArchiveExistsError("the name was taken meanwhile", place=str(destination)) from error


def _header(path: str, size: int) -> bytes:
    info = tarfile.TarInfo(path)  # mode 0644, owner 0, time 0
    info.size = size
    return info.tobuf(tarfile.USTAR_FORMAT)
