"""Directories as tars: any names, links that stay inside, and the same bytes for the same files."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from portability.errors import ConfigError
from portability.limits import Limits

__all__ = ["Packed", "PackedFile", "list_folder", "pack"]

_MODE_FILE, _MODE_PROGRAM = 0o644, 0o755


@dataclass(frozen=True, kw_only=True)
class PackedFile:
    """A file, or a link, below a folder; ``path`` has slashes."""

    path: str
    file: Path
    is_link: bool


@dataclass(frozen=True, kw_only=True)
class Packed:
    """What went into a tar."""

    files: int
    size_bytes: int


def list_folder(top: Path, limits: Limits) -> Iterator[PackedFile]:
    """Yield the files below a directory in order; a file that is given itself is the only one.

    Raises:
        ConfigError: Something in it cannot be deposited so: a repository, a device, a link that leads outside.
    """
    if not os.path.lexists(top):
        raise ConfigError("there is no such file or directory", place=str(top))
    if not top.is_dir():
        yield _checked(top.name, top, top.parent)
        return
    number = 0
    for directory, folders, names in os.walk(top):
        folders.sort()
        if ".git" in (*folders, *names):
            hint = "List it under repositories, so that its history goes with it."
            raise ConfigError("is a git repository", place=directory, hint=hint)
        links = [name for name in folders if Path(directory, name).is_symlink()]
        for name in sorted((*names, *links)):
            number += 1
            if number > limits.source_files_max:
                raise ConfigError(f"has more files than the limit of {limits.source_files_max}", place=str(top))
            file = Path(directory, name)
            yield _checked(file.relative_to(top).as_posix(), file, top)


def _checked(path: str, file: Path, top: Path) -> PackedFile:
    mode = file.lstat().st_mode
    if stat.S_ISREG(mode):
        return PackedFile(path=path, file=file, is_link=False)
    if not stat.S_ISLNK(mode):
        raise ConfigError("is neither a file nor a directory", place=str(file), hint="Move it out of the folder.")
    target = os.path.normpath(file.parent / file.readlink())
    if file.readlink().is_absolute() or not PurePosixPath(target).is_relative_to(os.path.normpath(top)):
        hint = "Replace the link by what it leads to."
        raise ConfigError("is a link that leads out of the folder", place=str(file), hint=hint)
    return PackedFile(path=path, file=file, is_link=True)


def pack(top: Path, tar: Path, limits: Limits) -> Packed:
    """Write a directory, or one file, into a new tar.

    Raises:
        ConfigError: As ``list_folder``; or a file changed while it was read.
    """
    files = size = 0
    with tarfile.open(tar, "x", format=tarfile.PAX_FORMAT) as out:
        for each in sorted(list_folder(top, limits), key=lambda one: one.path):
            member = out.gettarinfo(each.file, arcname=each.path)
            member.uid = member.gid = 0
            member.uname = member.gname = ""
            member.mode = _MODE_PROGRAM if member.mode & stat.S_IXUSR else _MODE_FILE
            member.mtime = int(member.mtime)
            member.type = tarfile.SYMTYPE if each.is_link else tarfile.REGTYPE  # a second name is a second copy
            files, size = files + 1, size + (0 if each.is_link else each.file.lstat().st_size)
            _add(out, member, each)
    return Packed(files=files, size_bytes=size)


def _add(out: tarfile.TarFile, member: tarfile.TarInfo, each: PackedFile) -> None:
    if each.is_link:
        out.addfile(member)
        return
    member.size = each.file.lstat().st_size
    with each.file.open("rb") as stream:
        try:
            out.addfile(member, stream)
        except OSError:  # shorter than it was when it was listed
            raise _changed(each) from None
        if stream.read(1):
            raise _changed(each)


def _changed(each: PackedFile) -> ConfigError:
    return ConfigError("changed while it was read", place=str(each.file), hint="Run the job again when it is at rest.")
