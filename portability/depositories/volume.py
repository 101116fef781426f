"""The few things the protocol asks of a place that holds files; each kind of depository has its own volume.

The methods are coroutines so that one connection can carry many files at once; a volume that answers at once never
suspends, and :func:`run_now` runs it to its end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Coroutine, Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, TypeVar

__all__ = ["NameTakenError", "OpenFile", "Volume", "run_now", "with_those_above"]

_T = TypeVar("_T")


class NameTakenError(Exception):
    """Something has the name already; never leaves this package."""


class OpenFile(ABC):
    """A file on a volume, open for writing and reading."""

    @abstractmethod
    async def write(self, offset: int, chunks: Iterator[bytes]) -> None:
        """Write one piece after the other; :meth:`size` and :meth:`close` raise what became of them."""

    @abstractmethod
    def read(self, ranges: Sequence[tuple[int, int]]) -> AsyncIterator[tuple[int, bytes]]:
        """Yield ranges, of an offset and a length, in pieces with their offsets; less only where the file ends."""

    @abstractmethod
    async def size(self) -> int: ...

    @abstractmethod
    async def sync(self) -> None:
        """Flush it to disk, at the latest with :meth:`size`; does nothing where :attr:`Volume.can_sync` is false."""

    @abstractmethod
    async def close(self) -> None: ...

    @abstractmethod
    def drop(self) -> None:
        """Close it without waiting, after a failure; raises nothing."""


class Volume(ABC):
    """A place with folders and files; paths are relative to its root. Raises DepositoryError and NameTakenError."""

    name: str  # of the depository, for errors
    can_sync: bool
    write_bytes: int  # the best size of one piece that is written

    @abstractmethod
    async def sizes(self, folder: str) -> tuple[dict[str, int], tuple[str, ...]] | None:
        """Return a folder's files with their sizes and its subfolders, or None where there is no such folder."""

    @abstractmethod
    async def make_folder(self, folder: str) -> None:
        """Make a folder and those above it, not flushed yet; one that is there is fine."""

    @abstractmethod
    async def create(self, path: str) -> OpenFile:
        """Create a file that must not be there yet; raises NameTakenError."""

    @abstractmethod
    async def open(self, path: str, *, writing: bool) -> OpenFile:
        """Open a file that is there."""

    @abstractmethod
    async def rename(self, part: str, path: str) -> None:
        """Give a file its name, which must be free; raises NameTakenError."""

    @abstractmethod
    async def move(self, path: str, free: str) -> None:
        """Rename what nobody else relies on to a name that is free, as plainly as it can; for trying out alone."""

    @abstractmethod
    async def sync_folders(self, folders: Collection[str]) -> None:
        """Flush the names in folders to disk, where the volume can."""


def with_those_above(folders: Iterable[str]) -> list[str]:
    """Return folders with all above them up to the root, whose names in each other have to be flushed too.

    Always all: one that is there may have been made by a run that was killed before it could flush it.
    """
    found = {""}
    for folder in folders:
        found |= set(accumulate(folder.split("/"), "{}/{}".format)) if folder else set()
    return sorted(found)


def run_now(work: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine of a volume that never waits."""
    try:
        work.send(None)
    except StopIteration as end:
        result: _T = end.value
        return result
    raise RuntimeError("a volume that answers at once has suspended")
