"""Submodules: the commits of other repositories that the trees of pinned refs name, brought with their repositories.

Worked off until nothing new is named: a submodule may have submodules. Every ref of a deposited repository is looked
at; of a submodule's repository only the commits that are named, for nobody asked for its other branches.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from portability.errors import ConfigError, FormatError
from portability.escrow.sources.git import Git, shown_url
from portability.escrow.sources.layout import SubmoduleRecord
from portability.escrow.sources.snapshot import Mirror, mirror_repository, pin_commits
from portability.limits import Limits

__all__ = ["Gitlink", "Mirrors", "bring_submodules", "tree_links"]

_REFS_SHOWN = 5
_SCHEMES = {"https", "ssh", "file", ""}


@dataclass(frozen=True, kw_only=True)
class Gitlink:
    """A commit that a tree names at a path."""

    path: str
    commit: str


@dataclass(kw_only=True)
class Mirrors:
    """All repositories of a deposit by name, and which of them stand for which address.

    ``overrides`` gives addresses by (repository, path of the submodule in it).
    """

    git: Git
    folder: Path
    limits: Limits
    overrides: Mapping[tuple[str, str], str]
    by_name: dict[str, Mirror] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    submodules: dict[str, tuple[SubmoduleRecord, ...]] = field(default_factory=dict)
    asked_for: set[str] = field(default_factory=set)  # those that the job names

    def add(self, name: str, url: str) -> None:
        """Mirror a repository that the job names."""
        self.by_name[name] = mirror_repository(self.git, name, url, self.folder)
        self.names.setdefault(url, name)
        self.asked_for.add(name)


def bring_submodules(mirrors: Mirrors) -> None:
    """Mirror every repository that a tree of another names, with the commits that are named.

    Raises:
        ConfigError: A submodule has no address, one that is not fetched from, or cannot be had.
        FormatError: There are more than the limit.
    """
    waiting = [(name, _tips(mirrors.by_name[name])) for name in mirrors.by_name]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, tips = waiting.pop(0)
        fresh = {commit: refs for commit, refs in tips.items() if (name, commit) not in seen}
        seen |= {(name, commit) for commit in fresh}
        wanted = _named_by(mirrors, name, fresh)
        for repository, commits in wanted.items():
            mirrors.by_name[repository] = pin_commits(mirrors.git, mirrors.by_name[repository], commits)
            waiting.append((repository, dict.fromkeys(commits, ())))


def _tips(mirror: Mirror) -> dict[str, tuple[str, ...]]:
    tips: dict[str, tuple[str, ...]] = {}
    for ref, value in mirror.refs.items():
        tips[value] = (*tips.get(value, ()), ref)
    return tips


def _named_by(mirrors: Mirrors, name: str, tips: Mapping[str, tuple[str, ...]]) -> dict[str, set[str]]:
    """Return the commits that trees name, by repository; those repositories are mirrored, and it is recorded."""
    mirror, wanted = mirrors.by_name[name], dict[str, set[str]]()
    found = {(each.path, each.commit): each for each in mirrors.submodules.get(name, ())}
    for tip, refs in tips.items():
        links = tree_links(mirrors.git, mirror.path, tip)
        addresses = _addresses(mirrors.git, mirror.path, tip) if links else {}
        for link in links:
            repository = _repository(mirrors, mirror, link.path, addresses.get(link.path))
            wanted.setdefault(repository, set()).add(link.commit)
            before = found.get((link.path, link.commit))
            shown = ((before.refs if before else ()) + refs)[:_REFS_SHOWN]
            found[link.path, link.commit] = SubmoduleRecord(
                path=link.path, commit=link.commit, repository=repository, refs=shown
            )
    mirrors.submodules[name] = tuple(found[key] for key in sorted(found))
    return wanted


def tree_links(git: Git, mirror: Path, tip: str) -> tuple[Gitlink, ...]:
    """Return the submodules of what a ref names; nothing of a ref that leads to no tree."""
    listed = git.attempt("ls-tree", "-r", "-z", "--full-tree", tip, cwd=mirror)
    if listed.returncode != 0:
        return ()
    entries = (entry.split(b"\t", 1) for entry in listed.stdout.split(b"\0") if entry.startswith(b"160000 "))
    return tuple(
        Gitlink(path=path.decode("utf-8", "surrogateescape"), commit=about.split(b" ")[2].decode())
        for about, path in entries
    )


def _addresses(git: Git, mirror: Path, tip: str) -> dict[str, str]:
    """Return the addresses of .gitmodules by path; git reads the file, and runs nothing of it."""
    done = git.attempt("config", "--blob", f"{tip}:.gitmodules", "--null", "--list", cwd=mirror)
    paths, urls = dict[str, str](), dict[str, str]()
    for entry in done.stdout.decode("utf-8", "surrogateescape").split("\0") if done.returncode == 0 else ():
        key, _, value = entry.partition("\n")
        found = re.fullmatch(r"submodule\.(.+)\.(path|url)", key, re.DOTALL)
        if found is not None:
            (paths if found[2] == "path" else urls)[found[1]] = value
    return {path: urls[name] for name, path in paths.items() if name in urls}


def _repository(mirrors: Mirrors, parent: Mirror, path: str, address: str | None) -> str:
    """Return the repository of a submodule, mirrored now if it was not."""
    place = f"{parent.name}: submodule {path}"
    url = mirrors.overrides.get((parent.name, path))
    if url is None:
        if address is None:
            hint = f"Give it one in the job file, under submodules: {{{path}: ADDRESS}} of {parent.name}."
            raise ConfigError("no address is known for it: .gitmodules does not have it", place=place, hint=hint)
        url = _absolute(parent.url, address)
    _check_scheme(url, place)
    if url not in mirrors.names:
        if len(mirrors.by_name) >= mirrors.limits.source_repositories_max:
            number = mirrors.limits.source_repositories_max
            raise FormatError(f"there are more repositories than the limit of {number}", place=place)
        name = _new_name(url, set(mirrors.by_name))
        mirrors.by_name[name] = mirror_repository(mirrors.git, name, url, mirrors.folder)
        mirrors.names[url] = name
    return mirrors.names[url]


def _absolute(parent: str, address: str) -> str:
    """Return a submodule's address; ``./`` and ``../`` are relative to that of the repository that names it."""
    if not address.startswith(("./", "../")):
        return address
    head, separator, tail = parent.rpartition(":") if "://" not in parent else ("", "", parent)
    parts = urlsplit(tail)
    path = posixpath.normpath(posixpath.join(parts.path, address))
    return head + separator + parts._replace(path=path).geturl()


def _check_scheme(url: str, place: str) -> None:
    scheme = url.split("::", 1)[0] if "::" in url.split("/", 1)[0] else urlsplit(url).scheme
    is_remote_path = "://" not in url and ":" in url.split("/", 1)[0] and "::" not in url
    if url.startswith("-") or (scheme not in _SCHEMES and not is_remote_path):
        hint = "Addresses are https://, ssh://, user@host:path or a path; give another one under submodules:."
        raise ConfigError(f"{shown_url(url)[:80]} is not an address that is fetched from", place=place, hint=hint)


def _new_name(url: str, taken: set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "-", url.rstrip("/").rpartition("/")[2].removesuffix(".git").lower()).strip("-")
    name = (stem or "submodule")[:23]
    return name if name not in taken else f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
