"""A local directory or a removable medium as a depository.

The directory must be there: it is never made, so that a mount point without its medium does not become a deposit on
the wrong disk; a marker file, where one is configured, makes sure of it.
"""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from portability.depositories.depository import (
    Capabilities,
    Depository,
    Placed,
    Progress,
    PutRequest,
    check_range,
)
from portability.depositories.placing import Placing, Track
from portability.depositories.probing import TAKEN, TRIED, try_names
from portability.depositories.source import open_source
from portability.depositories.volume import NameTakenError, OpenFile, Volume, run_now, with_those_above
from portability.errors import DepositoryError, DepositoryRefusedError
from portability.limits import MIB
from portability.streams import sync_directory

__all__ = ["DirectoryDepository"]

_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_CANNOT_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EBADF, errno.EACCES}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


class DirectoryDepository(Depository):
    """A directory that is there.

    Raises:
        DepositoryRefusedError: It is not there, or its marker is not.
    """

    def __init__(self, name: str, root: Path, marker: str | None = None) -> None:
        self.name = name
        self._root = root
        if not root.is_dir():
            hint = "Mount the medium or create the directory; it is never made here."
            raise DepositoryRefusedError("there is no such directory", place=f"{name}: {root}", hint=hint)
        if marker is not None and not (root / marker).is_file():
            hint = "Is the medium mounted, and the right one? The marker is put on it once, by hand."
            raise DepositoryRefusedError(f"the marker {marker} does not lie in it", place=f"{name}: {root}", hint=hint)
        self._volume = DirectoryVolume(name, root)

    def _probe(self) -> Capabilities:
        run_now(try_names(self._volume))
        try:
            run_now(self._volume.rename(TRIED, TAKEN))
        except NameTakenError:
            refused = True
        else:
            refused = False
        return Capabilities(
            kind="directory",
            server=str(self._root),
            sync=True,
            sync_folders=self._volume.can_sync_folders,
            free_space=True,
            hard_links=self._volume.has_links,
            rename="refuses" if self._volume.has_links and refused else "checked",
        )

    def _free_bytes(self) -> int | None:
        with _ours(self.name, str(self._root)):
            return shutil.disk_usage(self._root).free

    def _sizes(self, folder: str) -> tuple[dict[str, int], tuple[str, ...]] | None:
        return run_now(self._volume.sizes(folder))

    def _read(self, name: str, offset: int, length: int | None) -> Iterator[bytes]:
        with _ours(self.name, name), (self._root / name).open("rb") as stream:
            size_bytes = os.fstat(stream.fileno()).st_size
            end = size_bytes if length is None else offset + length
            check_range(end, size_bytes, f"{self.name}: {name}")
            stream.seek(offset)
            while offset < end and (piece := stream.read(min(MIB, end - offset))):
                yield piece
                offset += len(piece)

    def _put_all(self, requests: Sequence[PutRequest], progress: Progress) -> Sequence[Placed]:
        folders = {request.name.rpartition("/")[0] for request in requests}
        names: dict[str, dict[str, int]] = {}
        for folder in folders:
            run_now(self._volume.make_folder(folder))
            names[folder] = (run_now(self._volume.sizes(folder)) or ({}, ()))[0]
        placed = []
        for request in requests:
            with open_source(request) as source:
                placing = Placing(
                    volume=self._volume,
                    request=request,
                    source=source,
                    names=names[request.name.rpartition("/")[0]],
                    track=Track(progress),
                )
                placed.append(run_now(placing.run()))
        run_now(self._volume.sync_folders(with_those_above(folders)))
        return placed


class DirectoryVolume(Volume):
    """A directory as a volume."""

    can_sync = True
    write_bytes = MIB

    def __init__(self, name: str, root: Path) -> None:
        self.name = name
        self._root = root
        self.has_links = True
        self.can_sync_folders = True

    async def sizes(self, folder: str) -> tuple[dict[str, int], tuple[str, ...]] | None:
        files, folders = {}, []
        try:
            with _ours(self.name, folder), os.scandir(self._root / folder) as entries:
                for entry in entries:
                    if entry.is_file(follow_symlinks=False):
                        files[entry.name] = entry.stat(follow_symlinks=False).st_size
                    elif entry.is_dir(follow_symlinks=False):
                        folders.append(entry.name)
        except _MissingError:
            return None
        return files, tuple(folders)

    async def make_folder(self, folder: str) -> None:
        path = self._root
        for step in folder.split("/") if folder else ():
            path /= step
            with _ours(self.name, folder):
                path.mkdir(exist_ok=True)

    async def create(self, path: str) -> OpenFile:
        with _ours(self.name, path):
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            return _DirectoryFile(self.name, path, os.open(self._root / path, flags, 0o666))

    async def open(self, path: str, *, writing: bool) -> OpenFile:
        with _ours(self.name, path):
            flags = (os.O_RDWR if writing else os.O_RDONLY) | os.O_CLOEXEC
            return _DirectoryFile(self.name, path, os.open(self._root / path, flags))

    async def rename(self, part: str, path: str) -> None:
        with _ours(self.name, path):
            if self.has_links:
                try:
                    os.link(self._root / part, self._root / path)
                except OSError as error:
                    # FAT, and some network file systems, know no second names.
                    if error.errno not in _NO_LINKS:
                        raise
                    self.has_links = False
                else:
                    (self._root / part).unlink()
                    return
            self._rename_checked(self._root / part, self._root / path)

    async def move(self, path: str, free: str) -> None:
        with _ours(self.name, free):
            (self._root / path).rename(self._root / free)

    async def sync_folders(self, folders: Collection[str]) -> None:
        for folder in folders:
            with _ours(self.name, folder):
                self._sync(self._root / folder)

    @staticmethod
    def _rename_checked(part: Path, path: Path) -> None:
        if os.path.lexists(path):
            raise NameTakenError
        part.rename(path)

    def _sync(self, folder: Path) -> None:
        try:
            sync_directory(folder)
        except OSError as error:
            if error.errno not in _CANNOT_SYNC:
                raise
            self.can_sync_folders = False


class _DirectoryFile(OpenFile):
    """An open file of a directory."""

    def __init__(self, depository: str, path: str, descriptor: int) -> None:
        self._depository, self._path, self._descriptor = depository, path, descriptor

    async def write(self, offset: int, chunks: Iterator[bytes]) -> None:
        for chunk in chunks:
            with _ours(self._depository, self._path):
                view = memoryview(chunk)
                while view:
                    written = os.pwrite(self._descriptor, view, offset)
                    view, offset = view[written:], offset + written

    async def read(self, ranges: Sequence[tuple[int, int]]) -> AsyncIterator[tuple[int, bytes]]:
        for start, length in ranges:
            offset, end = start, start + length
            while offset < end:
                with _ours(self._depository, self._path):
                    piece = os.pread(self._descriptor, min(end - offset, MIB), offset)
                if not piece:
                    return
                yield offset, piece
                offset += len(piece)

    async def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    async def sync(self) -> None:
        with _ours(self._depository, self._path):
            os.fsync(self._descriptor)
            if sys.platform == "linux":
                # What is read back shall come from the medium, not from memory.
                os.posix_fadvise(self._descriptor, 0, 0, os.POSIX_FADV_DONTNEED)

    async def close(self) -> None:
        with _ours(self._depository, self._path):
            os.close(self._descriptor)

    def drop(self) -> None:
        with suppress(OSError):
            os.close(self._descriptor)


class _MissingError(DepositoryRefusedError):
    """There is no such file or folder."""


@contextmanager
def _ours(depository: str, path: str) -> Iterator[None]:
    """Turn what the system raises into what a person can act on."""
    place = f"{depository}: {path}"
    try:
        yield
    except FileExistsError:
        raise NameTakenError from None
    except FileNotFoundError:
        raise _MissingError("there is no such file or folder", place=place) from None
    except OSError as error:
        if error.errno in _FULL:
            hint = "Make space there, or have the quota raised; the next run carries on."
            raise DepositoryRefusedError("the depository is full", place=place, hint=hint) from error
        if error.errno in _READ_ONLY:
            hint = "Check how the medium is mounted, and who may write there."
            raise DepositoryRefusedError("the depository cannot be written to", place=place, hint=hint) from error
        hint = "Check the medium and its connection, then run again."
        raise DepositoryError(f"the depository failed: {error.strerror}", place=place, hint=hint) from error
