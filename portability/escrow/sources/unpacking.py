"""Unpacking a tar that nobody trusts, so that nothing of it leaves its folder whichever Python reads it.

Files are created where nothing was before, below real folders only; links are made last, when nothing is written any
more, and only those that lead to a place in the folder. Where a link leads is worked out from the tar's own links, step
by step: asking the file system is what deep paths deceive. What the packer of deposits never writes is refused.
"""

from __future__ import annotations

import os
import shutil
import stat
import tarfile
from collections import deque
from pathlib import Path
from typing import IO, TypeAlias

from portability.errors import FormatError
from portability.limits import DEFAULT_LIMITS, Limits

__all__ = ["unpack"]

_Steps: TypeAlias = tuple[str, ...]

_HOPS_MAX = 40  # links on the way to one place, as Linux itself allows


def unpack(tar: Path, into: Path, limits: Limits = DEFAULT_LIMITS) -> None:
    """Unpack a tar into a new folder.

    Raises:
        FormatError: It is no tar, something has the folder's name, or a member is or leads where none may.
    """
    try:
        into.parent.mkdir(parents=True, exist_ok=True)
        into.mkdir()
        with tarfile.open(tar, "r:") as archive:
            links = _write_files(archive, into, limits)
        _make_links(into, links)
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
        raise FormatError(f"cannot be unpacked: {type(error).__name__}", place=tar.name) from None
    except FormatError as error:
        raise FormatError(error.message, place=tar.name) from None


def _write_files(archive: tarfile.TarFile, into: Path, limits: Limits) -> dict[_Steps, str]:
    """Write the tar's files, and return its links, which are still to be made."""
    links: dict[_Steps, str] = {}
    for number, member in enumerate(archive, 1):
        steps = _steps(member.name)
        if number > limits.source_files_max or steps in links:
            raise FormatError("has too many members, or one twice")
        if member.issym():
            links[steps] = member.linkname
        elif member.isreg() and not member.issparse() and (content := archive.extractfile(member)) is not None:
            _write(into.joinpath(*steps), member, content, limits)
        else:
            raise FormatError(f"has what is neither file nor link: {member.name[:200]!r}")
    return links


def _make_links(into: Path, links: dict[_Steps, str]) -> None:
    if leaving := [steps for steps in links if not _stays(steps, links)]:
        raise FormatError(f"has a link that leads out: {'/'.join(leaving[0])[:200]!r}")
    for steps, target in links.items():
        path = into.joinpath(*steps)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)


def _steps(name: str) -> _Steps:
    """Return the steps of a member's name.

    Raises:
        FormatError: It leads out.
    """
    steps = tuple(name.split("/"))
    if any(step in ("", ".", "..") for step in steps):
        raise FormatError(f"has a name that leads out: {name[:200]!r}")
    return steps


def _write(path: Path, member: tarfile.TarInfo, content: IO[bytes], limits: Limits) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mode = 0o755 if member.mode & stat.S_IXUSR else 0o644
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode), "wb") as out:
        shutil.copyfileobj(content, out, limits.chunk_bytes)
        out.flush()
        os.utime(out.fileno(), (member.mtime, member.mtime))  # builds go by it


def _stays(link: _Steps, links: dict[_Steps, str]) -> bool:
    """Tell whether a link, which must lie in real folders, leads to a place in the folder, through whatever others."""
    if any(link[:depth] in links for depth in range(1, len(link))):
        return False
    here, ahead, hops = list(link[:-1]), deque(links[link].split("/")), 0
    if links[link].startswith("/"):
        return False
    while ahead:
        step = ahead.popleft()
        if step == ".." and not here:
            return False
        if step == "..":
            here.pop()
        elif step not in ("", "."):
            here.append(step)
        if (onward := links.get(tuple(here))) is not None:
            here.pop()
            hops += 1
            if hops > _HOPS_MAX or onward.startswith("/"):
                return False
            ahead.extendleft(reversed(onward.split("/")))
    return True
