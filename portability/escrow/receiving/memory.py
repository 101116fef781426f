"""What an agent remembers: every deposit's head, apart from where the vendor can write.

A folder of the agent's own: ``log.jsonl`` (append-only, each line with the hash of the one before), a copy of every
manifest that was received, and holds, which nobody but the agent sees. It is what catches a vendor, or whoever holds
the vendor's keys, who exchanges history. One process at a time has it open for writing.

Legal order: ``with open_memory(folder) as memory: memory.records(); memory.append({...})``. A line is on disk when
``append`` returns; a torn last line of a killed run is dropped, for nothing was built on it yet. It is read whole, so
it is bounded: what would make it longer than it may be is refused before it is written.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import itertools
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.contradictions import parse_time
from portability.sealing.reading import canonical_json
from portability.streams import sync_directory

__all__ = ["CLOCK_LEAP", "Memory", "open_memory", "refuse_inside"]

CLOCK_LEAP = timedelta(days=31)  # an agent runs daily; a clock that leaps further is wrong, or nobody looked

LOG = "log.jsonl"
HOLDS = "holds.jsonl"
_LOCK = ".lock"
_MANIFESTS = "manifests"
_FIRST = "0" * 64
_BROKEN = "Restore the folder from the agent's backup; do not go on with a memory that was altered."


@dataclass(kw_only=True)
class _Log:
    """An append-only file of canonical JSON lines, chained by hash."""

    path: Path
    lines: list[dict[str, Any]] = field(default_factory=list)
    head: str = _FIRST
    size_bytes: int = 0
    is_lost: bool = False  # it could not be written: nothing may be built on it any more

    def load(self) -> None:
        """Read and check all lines, and cut off the torn end of a killed run."""
        if not self.path.exists():
            return
        whole, room = self.path.stat().st_size, DEFAULT_LIMITS.memory_line_bytes_max
        if whole > DEFAULT_LIMITS.memory_bytes_max:
            raise self._full()
        with self.path.open("rb") as stream:
            for number in itertools.count(1):
                line = stream.readline(room + 1)
                if len(line) > room:
                    place = f"{self.path}:{number}"
                    raise ConfigError("the memory has a line that is too long", place=place, hint=_BROKEN)
                if not line.endswith(b"\n"):
                    break
                self._take(line, number)
                self.size_bytes += len(line)
        if self.size_bytes < whole:
            os.truncate(self.path, self.size_bytes)

    def _full(self) -> ConfigError:
        message = f"the memory would be longer than the limit of {DEFAULT_LIMITS.memory_bytes_max} bytes"
        hint = "Receive the newest agreements with a folder and a --memory of their own; this one is read whole."
        return ConfigError(message, place=str(self.path), hint=hint)

    def _take(self, line: bytes, number: int) -> None:
        place = f"{self.path}:{number}"
        try:
            record = json.loads(line)
        except ValueError:
            raise ConfigError("the memory cannot be read", place=place, hint=_BROKEN) from None
        if not isinstance(record, dict) or record.get("previous") != self.head:
            raise ConfigError("the memory was altered: a line does not follow", place=place, hint=_BROKEN)
        self.lines.append(record)
        self.head = hashlib.sha256(line).hexdigest()

    def append(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """Write one line; it is on disk when this returns."""
        full = {**record, "previous": self.head}
        line = canonical_json(full) + b"\n"
        if len(line) > DEFAULT_LIMITS.memory_line_bytes_max:
            message = f"is longer than the limit of {DEFAULT_LIMITS.memory_line_bytes_max} bytes for a line"
            raise ConfigError(message, place=str(self.path), hint="Nothing was written; the memory is as it was.")
        if self.is_lost or self.size_bytes + len(line) > DEFAULT_LIMITS.memory_bytes_max:
            self.is_lost = True
            raise self._full()
        try:
            self._write(line)
        except OSError as error:
            self.is_lost = True  # half a line may stand there; the next run cuts it off
            raise ConfigError(f"the memory cannot be written: {error.strerror}", place=str(self.path)) from error
        self.lines.append(full)
        self.size_bytes += len(line)
        self.head = hashlib.sha256(line).hexdigest()
        return full

    def _write(self, line: bytes) -> None:
        new = not self.path.exists()
        with open(os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "wb") as stream:  # noqa: PTH123
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        if new:
            sync_directory(self.path.parent)


class Memory:
    """An open memory; made by :func:`open_memory`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log = _Log(path=folder / LOG)
        self._holds = _Log(path=folder / HOLDS)
        self._log.load()
        self._holds.load()

    def records(self, kind: str, agreement: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the records of a kind, the oldest first."""
        for each in self._log.lines:
            if each["kind"] == kind and agreement in (None, each.get("agreement")):
                yield each

    def append(self, record: Mapping[str, Any]) -> None:
        """Remember something for ever."""
        self._log.append(record)

    def agreements(self) -> list[str]:
        """Return the agreements that anything is remembered of."""
        return sorted({each["agreement"] for each in self._log.lines if "agreement" in each})

    @property
    def is_lost(self) -> bool:
        """Whether it could not be written: then a run ends, whatever else it could still do."""
        return self._log.is_lost

    def last_moment(self, *, until: datetime | None = None) -> datetime | None:
        """Return the latest moment that anything was remembered at, of those up to ``until``."""
        found = (parse_time(str(each["at"])) for each in self._log.lines if "at" in each)
        return max((each for each in found if each is not None and (until is None or each <= until)), default=None)

    @property
    def head(self) -> str:
        """The hash of the last line: whoever notes it down elsewhere can tell a memory that was cut short."""
        return self._log.head

    def holds(self) -> list[dict[str, Any]]:
        """Return every line about holds, the oldest first."""
        return list(self._holds.lines)

    def append_hold(self, record: Mapping[str, Any]) -> None:
        """Remember a hold, or that one was lifted, where only the agent looks."""
        self._holds.append(record)

    def manifest(self, agreement: str, sequence: int) -> bytes:
        """Return the kept copy of a manifest.

        Raises:
            ConfigError: It cannot be read.
        """
        path = self._manifest_path(agreement, sequence)
        try:
            return path.read_bytes()
        except OSError as error:
            raise ConfigError("the memory lacks a manifest", place=str(path), hint=_BROKEN) from error

    def keep_manifest(self, agreement: str, sequence: int, content: bytes) -> None:
        """Keep a copy of a manifest; it is on disk when this returns."""
        path = self._manifest_path(agreement, sequence)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        part = path.with_suffix(".part")
        with part.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)  # a copy that a killed run left is the same, or was never relied on
        sync_directory(path.parent)

    def _manifest_path(self, agreement: str, sequence: int) -> Path:
        return self.folder / _MANIFESTS / agreement / f"{sequence:06d}.json"


@contextlib.contextmanager
def open_memory(folder: Path) -> Iterator[Memory]:
    """Open the memory in a folder, which is made when it is not there; only this process has it meanwhile.

    Raises:
        ConfigError: It cannot be made or read, was altered, or another run has it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise ConfigError(f"the memory cannot be opened: {error.strerror}", place=str(folder)) from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hint = "Wait until the other run is done."
            raise ConfigError("another run is using the memory", place=str(folder), hint=hint) from None
        yield Memory(folder)
    finally:
        os.close(lock)


def refuse_inside(memory: Path, depository: Path) -> None:
    """Refuse a memory that lies where the vendor can write.

    Raises:
        ConfigError: It lies inside the depository, or the other way round.
    """
    inner, outer = memory.resolve(), depository.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        hint = "Name a folder that the vendor's login cannot reach: --memory /var/lib/escrow-memory."
        raise ConfigError("the memory must not lie where deposits do", place=str(memory), hint=hint)
