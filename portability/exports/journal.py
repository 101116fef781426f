"""The journal of an unfinished export: which tables are whole in the staging directory, for ``--resume``.

One JSON line for each finished table, flushed to disk before the next begins. The first line names the snapshot and
what was left out; a journal of another snapshot is not believed.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from portability.manifest import Table, TableTotals
from portability.streams import digest_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Journal", "TableDone"]


@dataclass(frozen=True, kw_only=True)
class _Header:
    identity: str | None
    choices: str
    snapshot_at: str


@dataclass(frozen=True, kw_only=True)
class TableDone:
    """A table whose Parquet file is complete: as planned, with its totals, and the hash of its file."""

    table: Table
    totals: TableTotals
    sha256: str
    exceptions: int


class Journal:
    """Open with ``begin`` (new or resumed), then ``add`` for each table."""

    def __init__(self, path: Path, done: dict[str, TableDone], snapshot_at: str) -> None:
        self._path = path
        self.done = done
        self.snapshot_at = snapshot_at

    @classmethod
    def begin(cls, path: Path, *, identity: str | None, choices: str, snapshot_at: str) -> tuple[Journal, bool]:
        """Return the journal and whether an earlier run's entries are still good.

        Args:
            path: The journal's file.
            identity: The snapshot's; None is never equal to anything.
            choices: Hash of what decides a table's bytes besides the data: exclusions, document columns, limits,
                version.
            snapshot_at: Clock time of this run's snapshot, kept for a later resume.
        """
        header, entries = _read(path)
        if header is not None and identity is not None and (header.identity, header.choices) == (identity, choices):
            return cls(path, {entry.table.label: entry for entry in entries}, header.snapshot_at), True
        path.unlink(missing_ok=True)
        journal = cls(path, {}, snapshot_at)
        journal._append(_Header(identity=identity, choices=choices, snapshot_at=snapshot_at))
        return journal, False

    def add(self, entry: TableDone) -> None:
        """Record a table as finished."""
        self.done[entry.table.label] = entry
        self._append(entry)

    def is_whole(self, label: str, data: Path) -> TableDone | None:
        """Return a table's entry when its file still has the bytes that were written."""
        entry = self.done.get(label)
        if entry is None:
            return None
        file = data / entry.table.file
        return entry if file.is_file() and digest_file(file).sha256 == entry.sha256 else None

    def _append(self, entry: _Header | TableDone) -> None:
        with self._path.open("ab") as stream:
            stream.write(msgspec.json.encode(entry) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())


def _read(path: Path) -> tuple[_Header | None, list[TableDone]]:
    """Read what is whole; a line cut by a kill ends the reading."""
    if not path.is_file():
        return None, []
    lines = path.read_bytes().split(b"\n")[:-1]
    try:
        header = msgspec.json.decode(lines[0], type=_Header) if lines else None
    except msgspec.DecodeError:
        return None, []
    entries = []
    for line in lines[1:]:
        try:
            entries.append(msgspec.json.decode(line, type=TableDone))
        except msgspec.DecodeError:
            break
    return header, entries
