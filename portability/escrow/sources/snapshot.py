"""A repository as it was at one moment: all refs pinned by one answer of its server, then everything from the pin.

The mirror is ours and moves no more. The bundle is made of it, and its refs are compared with the pin; that the
repository has moved on meanwhile is written down and changes nothing.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from portability.errors import ConfigError, FormatError
from portability.escrow.sources.git import Git, GitFailedError, shown_url
from portability.escrow.sources.lfs import parse_pointer
from portability.limits import DEFAULT_LIMITS
from portability.streams import digest_file

__all__ = ["PIN_REFS", "Mirror", "bundle_refs", "make_bundle", "mirror_repository", "pin_commits"]

PIN_REFS = "refs/portability/submodules/"
_OBJECT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """A repository's bare copy with its pinned refs, by name; ``head`` is a ref's name, or a commit."""

    name: str
    url: str
    path: Path
    head: str
    refs: dict[str, str]
    notes: tuple[str, ...]


def mirror_repository(git: Git, name: str, url: str, folder: Path) -> Mirror:
    """Copy a repository, whole.

    Raises:
        ConfigError: It cannot be reached, is shallow, or has no commit.
    """
    path = folder / f"{name}.git"
    address = _address(url)
    try:
        git.run("clone", "--mirror", "--quiet", "--no-local", "--", address, path)
    except GitFailedError as error:
        hint = (
            "Try it by hand: git ls-remote (a login must need no answer from a person, and a host key be known), and "
            "where the repository lies git fsck --full."
        )
        raise ConfigError(error.message, place=f"{name} ({shown_url(url)})", hint=hint) from None
    if git.text("rev-parse", "--is-shallow-repository", cwd=path) == "true":
        hint = "Complete it first: git fetch --unshallow."
        raise ConfigError("is shallow: a part of its history is missing", place=f"{name} ({shown_url(url)})", hint=hint)
    refs = read_refs(git, path)
    if not refs:
        raise ConfigError("has no branch and no tag: there is nothing to deposit", place=f"{name} ({shown_url(url)})")
    if len(refs) > DEFAULT_LIMITS.source_refs_max:
        raise FormatError(f"has more refs than the limit of {DEFAULT_LIMITS.source_refs_max}", place=name)
    _require_whole(git, path, name)
    notes = (*_moved(git, address, refs), *_uncommitted(git, url))
    return Mirror(name=name, url=url, path=path, head=_head(git, path), refs=refs, notes=notes)


def _address(url: str) -> str:
    """Return a path as an address, so that git asks the repository's server side, which gives one answer."""
    return f"file://{url}" if url.startswith("/") else url


def read_refs(git: Git, path: Path) -> dict[str, str]:
    """Return all refs with what they name, in order."""
    lines = git.text("for-each-ref", "--format=%(objectname) %(refname)", cwd=path).splitlines()
    return {name: value for value, _, name in (line.partition(" ") for line in lines)}


def _head(git: Git, path: Path) -> str:
    done = git.attempt("symbolic-ref", "--quiet", "HEAD", cwd=path)
    if done.returncode == 0:
        return done.stdout.decode().strip()
    return git.text("rev-parse", "HEAD", cwd=path)


def _require_whole(git: Git, path: Path, name: str) -> None:
    try:
        git.run("fsck", "--full", "--no-dangling", "--no-progress", cwd=path)
    except GitFailedError as error:
        hint = "Mend the repository before it is deposited: git fsck --full."
        raise FormatError(f"is damaged: {error.message}", place=name, hint=hint) from None


def _moved(git: Git, address: str, refs: dict[str, str]) -> tuple[str, ...]:
    done = git.attempt("ls-remote", "--refs", "--", address)
    if done.returncode != 0:
        return ()
    pairs = (line.split("\t", 1) for line in done.stdout.decode("utf-8", "surrogateescape").splitlines())
    now = {name: value for value, name in pairs}
    moved = sorted(name for name in now.keys() | refs.keys() if now.get(name) != refs.get(name))
    if not moved:
        return ()
    some = ", ".join(moved[:5]) + (f" and {len(moved) - 5} more" if len(moved) > 5 else "")  # noqa: PLR2004
    return (f"moved while it was copied: {some}; deposited as pinned",)


def _uncommitted(git: Git, url: str) -> tuple[str, ...]:
    """Say what lies in a work tree on this machine and in no commit. Nothing is run for it, as ``git status`` would."""
    parts = urlsplit(url)
    path = Path(unquote(parts.path)) if parts.scheme == "file" else Path(url)
    if parts.scheme not in ("", "file") or not (path / ".git").exists():
        return ()
    new = git.attempt("ls-files", "-z", "--others", "--exclude-standard", cwd=path).stdout.split(b"\0")
    staged = git.attempt("diff-index", "-z", "--cached", "--name-only", "HEAD", cwd=path).stdout.split(b"\0")
    touched = git.attempt("diff-files", "-z", "--raw", "--no-abbrev", "--ignore-submodules", cwd=path).stdout.split(
        b"\0"
    )
    changed = {
        name for about, name in zip(touched[::2], touched[1::2], strict=False) if _differs(git, path, about, name)
    }
    number = len({*new, *staged, *changed} - {b""})
    return (f"{number} changed or new files of its work tree are in no commit, and not deposited",) if number else ()


def _differs(git: Git, path: Path, about: bytes, name: bytes) -> bool:
    """Tell whether a file whose time changed has other content than the index, or than the LFS object that it names."""
    indexed, file = about.split(b" ")[2].decode(), path / os.fsdecode(name)
    if file.is_symlink() or not file.is_file():
        return True
    if git.attempt("hash-object", "--no-filters", "--", file, cwd=path).stdout.decode().strip() == indexed:
        return False
    named = parse_pointer(git.attempt("cat-file", "blob", indexed, cwd=path).stdout)
    return named is None or digest_file(file).sha256 != named[0]


def pin_commits(git: Git, mirror: Mirror, commits: set[str]) -> Mirror:
    """Return the mirror with commits that no ref of it leads to fetched and pinned by a ref of their own.

    Raises:
        ConfigError: One cannot be had.
    """
    if strange := sorted(each for each in commits if not _OBJECT.fullmatch(each)):
        raise FormatError(f"is not a commit's name: {strange[0][:64]}", place=mirror.name)
    reachable = _reachable(git, mirror.path, commits)
    for commit in sorted(commits - reachable):
        if not git.succeeds("cat-file", "-e", f"{commit}^{{commit}}", cwd=mirror.path):
            git.attempt("fetch", "--quiet", "--no-tags", "origin", commit, cwd=mirror.path)
        if not git.succeeds("cat-file", "-e", f"{commit}^{{commit}}", cwd=mirror.path):
            hint = "Push that commit, or give another address for it under the repository's submodules:."
            place = f"{mirror.name} ({shown_url(mirror.url)})"
            raise ConfigError(f"the submodule's commit {commit} is not to be had", place=place, hint=hint)
        git.run("update-ref", f"{PIN_REFS}{commit}", commit, cwd=mirror.path)
    refs = read_refs(git, mirror.path)
    return Mirror(name=mirror.name, url=mirror.url, path=mirror.path, head=mirror.head, refs=refs, notes=mirror.notes)


def _reachable(git: Git, path: Path, commits: set[str]) -> set[str]:
    """Return those of the commits that some ref leads to."""
    found = set()
    for commit in commits:
        done = git.attempt("for-each-ref", "--count=1", "--contains", commit, "--format=%(refname)", cwd=path)
        if done.returncode == 0 and done.stdout.strip():
            found.add(commit)
    return found


def make_bundle(git: Git, mirror: Mirror, file: Path) -> None:
    """Write all of a mirror into a bundle, and compare its refs with the pinned ones.

    Raises:
        FormatError: They differ.
    """
    git.run("bundle", "create", "--quiet", file, "--all", cwd=mirror.path)
    if bundle_refs(git, file) != mirror.refs:
        raise FormatError("the bundle's refs are not the pinned ones", place=mirror.name)


def bundle_refs(git: Git, file: Path) -> dict[str, str]:
    """Return the refs of a bundle but HEAD.

    Raises:
        GitFailedError: It is no bundle.
    """
    lines = git.text("bundle", "list-heads", file).splitlines()
    pairs = (line.split(" ", 1) for line in lines)
    return {name: value for value, name in pairs if name != "HEAD"}
