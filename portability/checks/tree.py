"""Walking an archive's directory without following, opening or believing anything in it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.archive import is_safe_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portability.checks.report import Log
    from portability.limits import Limits

__all__ = ["TreeEntry", "check_names", "iter_files", "list_directory"]

# Documents are spread over 256 directories; this bounds the memory that listing one directory takes.
_ENTRIES_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """A directory entry: its name, ``directory``, ``file``, ``link`` or ``special``, and its size."""

    name: str
    kind: str
    size_bytes: int


def list_directory(path: Path, *, entries_max: int = _ENTRIES_MAX) -> list[TreeEntry]:
    """Return a directory's entries in the byte order of the paths below it; at most ``entries_max`` and one more."""
    entries: list[TreeEntry] = []
    with os.scandir(path) as found:
        for each in found:
            status = each.stat(follow_symlinks=False)
            entries.append(TreeEntry(each.name, _kind(status.st_mode), status.st_size))
            if len(entries) > entries_max:
                break
    return sorted(entries, key=_order)


def _kind(mode: int) -> str:
    kinds = {stat.S_IFDIR: "directory", stat.S_IFREG: "file", stat.S_IFLNK: "link"}
    return kinds.get(stat.S_IFMT(mode), "special")


def _order(entry: TreeEntry) -> str:
    # The paths below a directory follow those beside it whose next character sorts before the slash.
    return f"{entry.name}/" if entry.kind == "directory" else entry.name


def iter_files(top: Path) -> Iterator[tuple[str, int]]:
    """Yield (path, size) of every regular file below a directory, in the byte order of the paths."""
    stack = [("", iter(list_directory(top)))]
    while stack:
        folder, entries = stack[-1]
        entry = next(entries, None)
        if entry is None:
            stack.pop()
        elif entry.kind == "directory":
            inner = f"{folder}{entry.name}/"
            stack.append((inner, iter(list_directory(top / inner))))
        elif entry.kind == "file":
            yield f"{folder}{entry.name}", entry.size_bytes


def check_names(top: Path, place: str, log: Log, limits: Limits) -> None:
    """Check the name and kind of everything below a directory; a bad name is not descended into."""
    counts = {"file": 0, "directory": 0}
    stack = [""]
    while stack:
        folder = stack.pop()
        entries = list_directory(top / folder)
        for entry in entries:
            counts[entry.kind] = counts.get(entry.kind, 0) + 1
        if max(counts.values()) > limits.manifest_lines_max or len(entries) > _ENTRIES_MAX:
            log.add("C107", place, [folder])
            return
        if folder and not entries:
            log.add("C110", place, [folder])
        colliding = _colliding(entries)
        for entry in entries:
            path = f"{folder}{entry.name}"
            code = _fault(entry, path, colliding, limits)
            if code:
                log.add(code, place, [path])
            elif entry.kind == "directory":
                stack.append(f"{path}/")


def _colliding(entries: list[TreeEntry]) -> set[str]:
    seen: dict[str, str] = {}
    colliding: set[str] = set()
    for entry in entries:
        twin = seen.setdefault(entry.name.casefold(), entry.name)
        if twin != entry.name:
            colliding |= {twin, entry.name}
    return colliding


def _fault(entry: TreeEntry, path: str, colliding: set[str], limits: Limits) -> str:
    """Return the code of what is wrong with an entry; empty when nothing is."""
    if entry.kind in ("link", "special"):
        return "C102" if entry.kind == "link" else "C103"
    if entry.name in colliding:
        return "C105"
    if len(path) > limits.path_length_max:
        return "C106"
    return "" if is_safe_path(path) else "C104"
