"""The contract of a depository: what a deposit is put into, never changed in, never deleted from.

A name in a depository is a relative path with ``/``. It stands for exactly the bytes that were put there or it does not
exist: bytes arrive under a ``.part`` name, are flushed and read back, and get their name by a rename that overwrites
nothing. There is no delete: what a dead run left under a ``.part`` name is carried on with, or stays for the agent.

Subclasses implement the underscored methods; the public ones guard the door. The conformance suite is in
:mod:`portability.depositories.testing`.
"""

from __future__ import annotations

import enum
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from portability.errors import ConfigError, DepositoryRefusedError

__all__ = [
    "Capabilities",
    "Depository",
    "Placed",
    "Progress",
    "PutRequest",
    "ReadBack",
    "Stored",
    "check_name",
    "check_range",
    "is_part",
]

Progress: TypeAlias = Callable[[int], None]  # called with each number of bytes that went on their way; any thread

_PART = re.compile(r".+?(\.[1-9][0-9]{0,3})?\.part")
_NAME_CHARACTERS_MAX = 240


class ReadBack(enum.StrEnum):
    """How much of a file is read back from the depository and compared before it gets its name."""

    FULL = "full"
    SAMPLED = "sampled"  # the first and the last MiB, and some at random between


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A file in a depository."""

    name: str
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class Placed(Stored):
    """A file as ``put`` left it: what it took."""

    sent_bytes: int = 0
    read_bytes: int = 0  # read back and compared
    was_there: bool = False  # under its final name, before


@dataclass(frozen=True, kw_only=True)
class PutRequest:
    """A file to put: from a path, or from bytes at hand.

    Args:
        name: Where: ``<agreement>/<sequence>/segments/000000.age``, say.
        source: The file, or the content itself.
        sha256: What it must be, where that is known: other bytes are sent, but never get the name.
        read_back: How much is read back.
    """

    name: str
    source: Path | bytes
    sha256: str | None = None
    read_back: ReadBack = ReadBack.FULL

    def size_bytes(self) -> int:
        """Return how long it is now; 0 when that cannot be found out."""
        if isinstance(self.source, bytes):
            return len(self.source)
        try:
            return self.source.stat().st_size
        except OSError:
            return 0


@dataclass(frozen=True, kw_only=True)
class Capabilities:
    """What was found, by trying, that a depository can do.

    Args:
        kind: ``sftp``, ``directory`` or ``s3``.
        server: What it calls itself.
        sync: Flushes a file to disk when asked. Where not, everything is read back in full, and said so.
        sync_folders: Flushes a folder, so that a rename survives a power cut.
        free_space: Tells how much space is left.
        hard_links: Knows second names.
        rename: ``refuses`` to overwrite by itself; ``links`` a second name, which refuses, and leaves the ``.part``
            name beside it; or is ``checked`` first: two steps, so only one depositor may write at a time.
        notes: What a person should know of it.
    """

    kind: Literal["sftp", "directory", "s3"]
    server: str
    sync: bool
    sync_folders: bool
    free_space: bool
    hard_links: bool
    rename: Literal["refuses", "links", "checked"]
    notes: tuple[str, ...] = ()


class Depository(ABC):
    """A depository that is open. Not to be shared between threads."""

    name: str  # as configured; every error's place starts with it

    def probe(self) -> Capabilities:
        """Find out, by trying, what it can do; leaves two tiny files in ``.portability-probe/``.

        Raises:
            DepositoryError: It cannot be written to.
        """
        return self._probe()

    def free_bytes(self) -> int | None:
        """Return how much we may still write there, or None where it does not say."""
        return self._free_bytes()

    def list(self, prefix: str = "", *, parts: bool = False) -> Iterator[Stored]:
        """Yield the files below a folder, at any depth, by name; those under ``.part`` names only when asked for.

        Nothing is yielded when there is no such folder. What is yielded is a name in the depository whatever the server
        said: below the folder, of printable steps, once.

        Raises:
            DepositoryRefusedError: The server lists a name that leads out, or that no depository can hold.
        """
        if prefix:
            check_name(prefix)
        return (each for each in self._walk(prefix) if parts or not is_part(each.name))

    def read(self, name: str, *, offset: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield a file's bytes from ``offset``, ``length`` of them or up to its end, in pieces of about a MiB.

        Raises:
            DepositoryError: There is no such file, or it ends before.
        """
        check_name(name)
        if offset < 0 or (length is not None and length < 0):
            raise ValueError("a range starts at 0 or later and has a length of 0 or more")
        return self._read(name, offset, length)

    def put(self, request: PutRequest) -> Placed:
        """Put one file: resumes what an interrupted run left, and confirms what is there already.

        When this returns, the bytes are under their name, on disk where the depository can be told to flush, and read
        back as asked. When it raises, the name is not there or holds exactly these bytes.

        Raises:
            DepositConflictError: The name is taken by other bytes; nothing was changed.
            DepositoryError: Anything else; ``retryable`` says whether trying again may help.
        """
        return self.put_all([request])[0]

    def put_all(self, requests: Iterable[PutRequest], *, progress: Progress | None = None) -> Sequence[Placed]:
        """Put several files, in no certain order, as :meth:`put` would; returns in the order of the requests."""
        requests = tuple(requests)
        for request in requests:
            check_name(request.name)
            if is_part(request.name):
                raise ConfigError("a name must not end like an unfinished file's", place=f"{self.name}: {request.name}")
        if len({request.name for request in requests}) != len(requests):
            raise ValueError("two requests for one name")
        return self._put_all(requests, progress or (lambda _: None)) if requests else ()

    def _walk(self, folder: str) -> Iterator[Stored]:
        found = self._sizes(folder)
        if found is None:
            return
        files, folders = found
        for leaf in sorted({*files, *folders}):
            name = self._joined(folder, leaf)
            if leaf in files:
                yield Stored(name=name, size_bytes=files[leaf])
            else:
                yield from self._walk(name)

    def _joined(self, folder: str, leaf: str) -> str:
        name = f"{folder}/{leaf}" if folder else leaf
        try:
            check_name(name)
        except ConfigError:
            leads_on = True
        else:
            leads_on = "/" in leaf
        if leads_on:
            shown = ascii(leaf[:_NAME_CHARACTERS_MAX])
            hint = "Whoever runs the depository moves it away; nothing of this folder was taken from there."
            message = f"lists a name that no depository can hold: {shown}"
            raise DepositoryRefusedError(message, place=f"{self.name}: {folder}", hint=hint)
        return name

    @abstractmethod
    def _probe(self) -> Capabilities: ...

    @abstractmethod
    def _free_bytes(self) -> int | None: ...

    @abstractmethod
    def _sizes(self, folder: str) -> tuple[dict[str, int], tuple[str, ...]] | None:
        """Return a folder's files with their sizes and its subfolders as they are listed, or None where it is not."""

    @abstractmethod
    def _read(self, name: str, offset: int, length: int | None) -> Iterator[bytes]: ...

    @abstractmethod
    def _put_all(self, requests: Sequence[PutRequest], progress: Progress) -> Sequence[Placed]: ...


def check_name(name: str) -> None:
    """Refuse a name that leads out of the depository or that some system cannot hold.

    Raises:
        ConfigError: It does.
    """
    steps = name.split("/")
    good = all(step and step not in {".", ".."} and step.isprintable() for step in steps)
    if not good or "\\" in name or len(name) > _NAME_CHARACTERS_MAX:
        raise ConfigError("is no name of a file in a depository", place=name)


def check_range(end: int, size_bytes: int, place: str) -> None:
    """Refuse a range that goes beyond a file's end.

    Raises:
        DepositoryRefusedError: It does.
    """
    if end > size_bytes:
        raise DepositoryRefusedError("ends before the range that is asked for", place=place)


def is_part(name: str) -> bool:
    """Tell whether a name is one of an unfinished file."""
    return _PART.fullmatch(name.rpartition("/")[2]) is not None
