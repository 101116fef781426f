"""LFS objects: which ones a repository's whole history names, and bringing all of them, each checked by its hash.

git bundles do not carry them. What is wanted is read from the pointers in the history itself, not from what a tool says
it fetched: an object that is missing in the end is named.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from portability.errors import ConfigError, FormatError
from portability.escrow.sources.git import Git
from portability.limits import Limits
from portability.streams import digest_file

__all__ = ["Pointer", "fetch_objects", "find_damaged", "find_object", "find_pointers", "parse_pointer"]

_POINTER_BYTES_MAX = 1024  # the specification's own bound
_POINTER = re.compile(
    rb"version https://(?:git-lfs\.github\.com|hawser\.github\.com)/spec/v1\n"
    rb"(?:ext-[0-9]-[^\n]*\n)*oid sha256:([0-9a-f]{64})\nsize ([0-9]{1,18})\n"
)


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """An LFS object as a pointer names it, the blob that is the pointer, and one path that has it."""

    sha256: str
    size_bytes: int
    blob: str
    path: str = ""


def parse_pointer(content: bytes) -> tuple[str, int] | None:
    """Return the hash and the size that a pointer names; None for what is no pointer."""
    found = _POINTER.fullmatch(content) if len(content) < _POINTER_BYTES_MAX else None
    return None if found is None else (found[1].decode(), int(found[2]))


def find_pointers(git: Git, mirror: Path, limits: Limits) -> tuple[Pointer, ...]:
    """Return every LFS object that any commit of a repository names, by hash.

    Raises:
        FormatError: There are more than the limit.
    """
    found: dict[str, Pointer] = {}
    for pointer in _pointer_blobs(git, mirror):
        found.setdefault(pointer.sha256, pointer)
        if len(found) > limits.lfs_objects_max:
            raise FormatError(f"has more LFS objects than the limit of {limits.lfs_objects_max}", place=mirror.name)
    if not found:
        return ()
    paths = _paths_of(git, mirror, {each.blob for each in found.values()})
    return tuple(
        Pointer(sha256=each.sha256, size_bytes=each.size_bytes, blob=each.blob, path=paths.get(each.blob, ""))
        for _, each in sorted(found.items())
    )


def _pointer_blobs(git: Git, mirror: Path) -> Iterator[Pointer]:
    listing = (
        "cat-file",
        "--batch-all-objects",
        "--unordered",
        "--batch-check=%(objectname) %(objecttype) %(objectsize)",
    )
    with git.reading(*listing, cwd=mirror) as lines:
        small = [
            words[0]
            for words in map(bytes.split, lines)
            if words[1] == b"blob" and 100 < int(words[2]) < _POINTER_BYTES_MAX  # noqa: PLR2004 -- a pointer has 120 bytes
        ]
    for start in range(0, len(small), 10_000):
        content = git.run("cat-file", "--batch", cwd=mirror, stdin=b"\n".join(small[start : start + 10_000]) + b"\n")
        yield from _pointers_in(content)


def _pointers_in(batch: bytes) -> Iterator[Pointer]:
    position = 0
    while position < len(batch):
        end = batch.index(b"\n", position)
        name, _, size = batch[position:end].split(b" ")
        blob = batch[end + 1 : end + 1 + int(size)]
        position = end + 2 + int(size)
        if (parsed := parse_pointer(blob)) is not None:
            yield Pointer(sha256=parsed[0], size_bytes=parsed[1], blob=name.decode())


def _paths_of(git: Git, mirror: Path, blobs: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    with git.reading("rev-list", "--objects", "--all", cwd=mirror) as lines:
        for line in lines:
            name, _, path = line.rstrip(b"\n").partition(b" ")
            if name.decode() in blobs:
                found.setdefault(name.decode(), path.decode("utf-8", "replace"))
    return found


def fetch_objects(git: Git, mirror: Path, url: str, pointers: tuple[Pointer, ...]) -> None:
    """Bring what is wanted into the mirror's own store; what could not be had is simply not there afterwards.

    Raises:
        ConfigError: git-lfs is not installed.
    """
    local = _local_store(git, url)
    for pointer in pointers:
        _copy_from(local, mirror, pointer)
    if all(find_object(mirror, each) is not None for each in pointers):
        return
    if shutil.which("git-lfs") is None:
        hint = "Install git-lfs: apt-get install git-lfs."
        raise ConfigError("the repository has LFS objects, and git-lfs is not installed", place=mirror.name, hint=hint)
    git.attempt("lfs", "fetch", "--all", "origin", cwd=mirror)


def find_object(mirror: Path, pointer: Pointer) -> Path | None:
    """Return an object in a mirror's store, if it is there and is what its name says."""
    path = _stored(mirror, pointer.sha256)
    if not path.is_file() or path.stat().st_size != pointer.size_bytes:
        return None
    return path if digest_file(path).sha256 == pointer.sha256 else None


def find_damaged(git: Git, mirror: Path, url: str, pointer: Pointer) -> Path | None:
    """Return the file of an object that cannot be had because what lies under its name is something else.

    That is the file of the repository itself where it is on this machine, since there it is to be mended.
    """
    local = _local_store(git, url)
    for path in (None if local is None else _stored(local, pointer.sha256), _stored(mirror, pointer.sha256)):
        if path is not None and path.is_file():
            return path
    return None


def _stored(git_folder: Path, sha256: str) -> Path:
    return git_folder / "lfs" / "objects" / sha256[:2] / sha256[2:4] / sha256


def _local_store(git: Git, url: str) -> Path | None:
    """Return the git folder of a repository on this machine, whose store can be read as it lies."""
    parts = urlsplit(url)
    if parts.scheme not in ("", "file"):
        return None
    path = Path(unquote(parts.path) if parts.scheme else url)
    if not path.is_dir():
        return None
    found = git.attempt("-C", path, "rev-parse", "--path-format=absolute", "--git-common-dir")
    return Path(os.fsdecode(found.stdout.rstrip(b"\n"))) if found.returncode == 0 else None


def _copy_from(store: Path | None, mirror: Path, pointer: Pointer) -> None:
    if store is None or not (found := _stored(store, pointer.sha256)).is_file():
        return
    target = _stored(mirror, pointer.sha256)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(found, target)
