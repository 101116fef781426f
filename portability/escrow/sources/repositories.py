"""All repositories of a job, into the bag: mirrored, with submodules and LFS objects, bundled, described."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from portability.errors import ConfigError
from portability.escrow.jobs_shapes import Repository
from portability.escrow.sources.git import Git, shown_url
from portability.escrow.sources.layout import AbsentLfs, LfsRecord, RepositoryRecord, lfs_path, payload_name
from portability.escrow.sources.lfs import Pointer, fetch_objects, find_damaged, find_object, find_pointers
from portability.escrow.sources.snapshot import Mirror, make_bundle
from portability.escrow.sources.submodules import Mirrors, bring_submodules
from portability.limits import Limits

__all__ = ["Bundled", "bundle_repositories"]


@dataclass(frozen=True, kw_only=True)
class Bundled:
    """The repositories as they stand in the bag, and the mirrors that they were made of, by name."""

    records: tuple[RepositoryRecord, ...]
    mirrors: Mapping[str, Path]


def bundle_repositories(
    git: Git,
    wanted: tuple[Repository, ...],
    *,
    work: Path,
    data: Path,
    limits: Limits,
    progress: Callable[[str], None],
) -> Bundled:
    """Put all repositories into ``data``, by way of mirrors in ``work``.

    Raises:
        PortabilityError: One cannot be had whole: refs, submodules, LFS objects. All missing LFS objects are named.
    """
    overrides = {(each.name, path): url for each in wanted for path, url in each.submodules}
    mirrors = Mirrors(git=git, folder=work, limits=limits, overrides=overrides)
    for each in wanted:
        progress(f"copying {each.name}")
        mirrors.add(each.name, each.url)
    bring_submodules(mirrors)
    reasons = {sha256: reason for each in wanted for sha256, reason in each.absent_lfs}
    lacking = _Lacking(reasons=reasons)
    records = []
    for name, mirror in mirrors.by_name.items():
        progress(f"bundling {name}")
        records.append(_bundled(mirrors, mirror, data, lacking))
    lacking.refuse()
    return Bundled(records=tuple(records), mirrors={name: each.path for name, each in mirrors.by_name.items()})


@dataclass(kw_only=True)
class _Lacking:
    """LFS objects that cannot be deposited and have no reason: those that are not there, and those that are damaged."""

    reasons: Mapping[str, str]
    missing: list[str] = field(default_factory=list)
    damaged: list[tuple[str, Path]] = field(default_factory=list)

    def note(self, mirrors: Mirrors, mirror: Mirror, absent: Sequence[Pointer]) -> None:
        """Take up a repository's objects that could not be had."""
        for each in absent:
            if each.sha256 in self.reasons:
                continue
            name = f"{mirror.name}/{each.path} ({each.sha256})"
            found = find_damaged(mirrors.git, mirror.path, mirror.url, each)
            if found is None:
                self.missing.append(name)
            else:
                self.damaged.append((name, found))

    def refuse(self) -> None:
        """Raise when there are any, naming all."""
        names = [*(f"{name} is damaged" for name, _ in self.damaged), *self.missing]
        if not names:
            return
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        if self.damaged:
            name, file = self.damaged[0]
            hint = f"Its bytes are not what its name says. Remove {file} and fetch it again: git lfs fetch --all"
            raise ConfigError(f"an LFS object is damaged: {name}{more}", hint=hint, details=names)
        hint = "Fetch them where the repository lies (git lfs fetch --all), or give a reason under its absent_lfs."
        raise ConfigError(f"an LFS object is missing: {self.missing[0]}{more}", hint=hint, details=names)


def _bundled(mirrors: Mirrors, mirror: Mirror, data: Path, lacking: _Lacking) -> RepositoryRecord:
    pointers = find_pointers(mirrors.git, mirror.path, mirrors.limits)
    if pointers:
        fetch_objects(mirrors.git, mirror.path, mirror.url, pointers)
    present, absent = _collect(mirror, pointers, data)
    lacking.note(mirrors, mirror, absent)
    file = f"repositories/{payload_name(mirror.name)}.bundle"
    (data / file).parent.mkdir(exist_ok=True)
    make_bundle(mirrors.git, mirror, data / file)
    return RepositoryRecord(
        name=mirror.name,
        file=file,
        url=shown_url(mirror.url),
        role="repository" if mirror.name in mirrors.asked_for else "submodule",
        head=mirror.head,
        refs=mirror.refs,
        lfs=tuple(LfsRecord(sha256=each.sha256, size_bytes=each.size_bytes, path=each.path) for each in present),
        absent_lfs=tuple(
            AbsentLfs(sha256=each.sha256, path=each.path, reason=lacking.reasons.get(each.sha256, ""))
            for each in absent
        ),
        submodules=mirrors.submodules.get(mirror.name, ()),
        notes=mirror.notes,
    )


def _collect(mirror: Mirror, pointers: tuple[Pointer, ...], data: Path) -> tuple[list[Pointer], list[Pointer]]:
    """Put the objects that are there and right into the bag; return these, and those that are not."""
    present, absent = list[Pointer](), list[Pointer]()
    for pointer in pointers:
        found = find_object(mirror.path, pointer)
        (absent if found is None else present).append(pointer)
        target = data / lfs_path(pointer.sha256)
        if found is not None and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            _place(found, target)
    return present, absent


def _place(found: Path, target: Path) -> None:
    try:
        os.link(found, target)
    except OSError:  # another file system, or one without second names
        shutil.copyfile(found, target)
