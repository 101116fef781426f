"""Putting a source deposit together in a new folder, trusting nothing in it; what restore.sh does, for the verifier.

Repositories are filled from their bundles with a git that runs nothing; LFS objects and submodules are put where the
checked-out trees name them. No link is followed while that is done.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from portability.errors import FormatError
from portability.escrow.sources.git import Git
from portability.escrow.sources.layout import Deposit, RepositoryRecord, lfs_path
from portability.escrow.sources.lfs import parse_pointer
from portability.escrow.sources.submodules import tree_links
from portability.escrow.sources.unpacking import unpack

__all__ = ["restore_deposit"]

_DEPTH_MAX = 16
_POINTER_BYTES_MAX = 1024


@dataclass(frozen=True, kw_only=True)
class _Restoring:
    git: Git
    deposit: Deposit
    data: Path


def restore_deposit(git: Git, deposit: Deposit, data: Path, out: Path) -> None:
    """Put it together.

    Args:
        git: git that fetches nothing from a network and runs nothing.
        deposit: What ``data`` says of itself.
        data: The payload.
        out: A folder that does not exist; gets one folder for each repository and folder, and ``packages``.

    Raises:
        FormatError: Something in it cannot be put where it says, or leads out of the folder.
    """
    out.mkdir(mode=0o700)
    (out / "packages").mkdir()
    case = _Restoring(git=git, deposit=deposit, data=data)
    for repository in deposit.repositories:
        if repository.role == "repository":
            commit = deposit.build.commit if deposit.build.origin == repository.name else None
            _check_out(case, repository, out / repository.name, commit=commit or repository.head, depth=0)
    for folder in deposit.folders:
        unpack(data / folder.file, out / folder.name)
    for packages in deposit.packages:
        if packages.file is not None:
            name = packages.file.removeprefix("packages/").removesuffix(".tar")
            if packages.file != f"packages/{name}.tar" or "/" in name:
                raise FormatError("names packages that are not where they must be", place=packages.file[:200])
            unpack(data / packages.file, out / "packages" / name)


def _check_out(case: _Restoring, repository: RepositoryRecord, folder: Path, *, commit: str, depth: int) -> None:
    git = case.git
    if depth > _DEPTH_MAX:
        raise FormatError("has submodules nested too deeply", place=repository.name)
    if folder.is_symlink() or (folder.exists() and any(folder.iterdir())) or commit.startswith("-"):
        raise FormatError("cannot be checked out where it belongs", place=repository.name)
    git.run("init", "--quiet", folder)
    bundle = (case.data / repository.file).resolve()
    git.run("fetch", "--quiet", "--update-head-ok", "--no-tags", bundle, "+refs/*:refs/*", cwd=folder)
    git.run("checkout", "--quiet", "--force", commit.removeprefix("refs/heads/"), "--", cwd=folder)
    for link in tree_links(git, folder, "HEAD"):
        target = _place(folder, link.path, repository.name)
        found = [each for each in repository.submodules if (each.path, each.commit) == (link.path, link.commit)]
        if not found:
            raise FormatError(f"has no repository for the submodule {link.path}", place=repository.name)
        child = case.deposit.repository(found[0].repository)
        _check_out(case, child, target, commit=link.commit, depth=depth + 1)
    _put_objects(git, repository, case.data, folder)


def _place(folder: Path, path: str, name: str) -> Path:
    """Return where a path of the tree is, having made sure that no link leads elsewhere."""
    parts = PurePosixPath(path).parts
    if PurePosixPath(path).is_absolute() or not parts or {"..", ".git"} & {part.lower() for part in parts}:
        raise FormatError(f"has a path that leads out of it: {path!r}", place=name)
    current = folder
    for part in parts:
        current = current / part
        if current.is_symlink():
            raise FormatError(f"has a link on the way to {path!r}", place=name)
    return current


def _put_objects(git: Git, repository: RepositoryRecord, data: Path, folder: Path) -> None:
    if not repository.lfs:
        return
    listed = git.run("ls-files", "-z", "--stage", cwd=folder)
    for entry in listed.split(b"\0"):
        if not entry.startswith(b"100"):
            continue
        path = _place(folder, os.fsdecode(entry.split(b"\t", 1)[1]), repository.name)
        if path.is_symlink() or not path.is_file() or path.stat().st_size >= _POINTER_BYTES_MAX:
            continue
        parsed = parse_pointer(path.read_bytes())
        if parsed is not None and (data / lfs_path(parsed[0])).is_file():
            mode = path.stat().st_mode
            path.unlink()
            with (data / lfs_path(parsed[0])).open("rb") as content, path.open("xb") as out:
                shutil.copyfileobj(content, out)
            path.chmod(mode)
