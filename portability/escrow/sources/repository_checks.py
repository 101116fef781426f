"""V3 of one repository: its bundle is whole, its refs are the listed ones, LFS objects and submodules are there."""

from __future__ import annotations

from pathlib import Path

from portability.errors import FormatError
from portability.escrow.sources.git import Git, GitFailedError
from portability.escrow.sources.layout import Deposit, RepositoryRecord, lfs_path
from portability.escrow.sources.lfs import find_pointers
from portability.escrow.sources.snapshot import bundle_refs, read_refs
from portability.escrow.sources.submodules import tree_links
from portability.limits import Limits
from portability.streams import digest_file

__all__ = ["check_repository"]


def check_repository(
    git: Git, deposit: Deposit, repository: RepositoryRecord, data: Path, clones: Path, limits: Limits
) -> str:
    """Check a repository, and say what it has.

    Raises:
        FormatError: Something is missing or wrong; it is named.
    """
    clone = _cloned(git, repository, data, clones)
    objects = _check_objects(git, repository, clone, data, limits)
    commits = _check_submodules(git, deposit, repository, clone, data)
    absent = f", {len(repository.absent_lfs)} lost for a reason" if repository.absent_lfs else ""
    return f"{len(repository.refs)} refs, git fsck; {objects} LFS objects{absent}; {commits} submodule commits"


def _cloned(git: Git, repository: RepositoryRecord, data: Path, clones: Path) -> Path:
    bundle, clone = (data / repository.file).resolve(), clones / f"{repository.name}.git"
    if bundle_refs(git, bundle) != repository.refs:
        raise FormatError("the bundle's refs are not the ones that are listed", place=repository.file)
    if clone.exists():  # a repository that names it came first
        return clone
    try:
        git.run("init", "--quiet", "--bare", clone)
        git.run("fetch", "--quiet", "--no-tags", bundle, "+refs/*:refs/*", cwd=clone)
        git.run("fsck", "--full", "--no-dangling", "--no-progress", cwd=clone)
    except GitFailedError as error:
        raise FormatError(error.message, place=repository.file) from None
    if read_refs(git, clone) != repository.refs:
        raise FormatError("holds other refs than are listed", place=repository.file)
    return clone


def _check_objects(git: Git, repository: RepositoryRecord, clone: Path, data: Path, limits: Limits) -> int:
    """What the history names counts, not what the description lists."""
    excused = {each.sha256 for each in repository.absent_lfs if each.reason}
    pointers = find_pointers(git, clone, limits)
    present = 0
    for pointer in pointers:
        file = data / lfs_path(pointer.sha256)
        if not file.is_file():
            if pointer.sha256 in excused:
                continue
            raise FormatError(f"the LFS object of {pointer.path} is missing: {pointer.sha256}", place=repository.name)
        if file.stat().st_size != pointer.size_bytes or digest_file(file).sha256 != pointer.sha256:
            raise FormatError(f"the LFS object of {pointer.path} is not what its name says", place=repository.name)
        present += 1
    return present


def _check_submodules(git: Git, deposit: Deposit, repository: RepositoryRecord, clone: Path, data: Path) -> int:
    known = {(each.path, each.commit): each for each in repository.submodules}
    named = {each.name for each in deposit.repositories}
    tips = {*repository.refs.values()} if repository.role == "repository" else _asked_for(deposit, repository)
    needed = {link for tip in sorted(tips) for link in tree_links(git, clone, tip)}
    for link in sorted(needed, key=lambda each: (each.path, each.commit)):
        found = known.get((link.path, link.commit))
        if found is None or found.repository not in named:
            raise FormatError(
                f"the submodule {link.path} at {link.commit} is not in the deposit", place=repository.name
            )
        _check_commit(git, deposit.repository(found.repository), link.commit, clone, data)
    return len(needed)


def _asked_for(deposit: Deposit, repository: RepositoryRecord) -> set[str]:
    return {
        link.commit for each in deposit.repositories for link in each.submodules if link.repository == repository.name
    }


def _check_commit(git: Git, child: RepositoryRecord, commit: str, clone: Path, data: Path) -> None:
    """Look for a submodule's commit in its own clone, made now where its turn has not come yet."""
    folder = clone.parent / f"{child.name}.git"
    if not folder.exists():
        _cloned(git, child, data, clone.parent)
    if not git.succeeds("cat-file", "-e", f"{commit}^{{commit}}", cwd=folder):
        raise FormatError(f"does not hold the commit {commit}, which a submodule needs", place=child.name)
