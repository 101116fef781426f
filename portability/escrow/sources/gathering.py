"""Gathering a source payload into a bag's payload folder: repositories, folders, packages, their SBOM and licences."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from portability.errors import ConfigError
from portability.escrow.jobs_shapes import SourceFolder, SourcePayload
from portability.escrow.sources.git import Git, open_git
from portability.escrow.sources.layout import (
    SBOM_JSON,
    FolderRecord,
    PackagesRecord,
    RepositoryRecord,
    lfs_path,
    payload_name,
)
from portability.escrow.sources.licences import LicenceEntry, collect_licences, write_licences
from portability.escrow.sources.locks import LockedPackage
from portability.escrow.sources.packages import Packages, bring_packages
from portability.escrow.sources.packing import pack
from portability.escrow.sources.repositories import bundle_repositories
from portability.escrow.sources.sbom import write_sbom
from portability.escrow.sources.trees import FolderTree, GitTree, Tree
from portability.limits import Limits
from portability.manifest import to_json

__all__ = ["Gathered", "gather"]


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What stands in the bag, and where it was taken from while that is still at hand."""

    git: Git
    repositories: tuple[RepositoryRecord, ...]
    mirrors: Mapping[str, Path]
    folders: tuple[FolderRecord, ...]
    folder_paths: Mapping[str, Path]
    lfs_files: Mapping[str, tuple[str, Path]]  # by hash: origin/path, file
    packages: tuple[PackagesRecord, ...]
    locked: tuple[LockedPackage, ...]
    licences: tuple[LicenceEntry, ...]
    trees: Mapping[str, Tree] = field(repr=False)
    build_commit: str | None
    pinned_at: str
    content: str
    notes: tuple[str, ...]


def gather(
    payload: SourcePayload, *, work: Path, data: Path, limits: Limits, progress: Callable[[str], None]
) -> Gathered:
    """Gather it.

    Raises:
        PortabilityError: Something cannot be had whole.
    """
    git = open_git(work, fetching=True)
    mirrors = work / "mirrors"
    mirrors.mkdir()
    bundled = bundle_repositories(git, payload.repositories, work=mirrors, data=data, limits=limits, progress=progress)
    pinned_at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    folders = _pack_folders(payload.folders, data, limits, progress)
    commits = {name: _commit(git, path, payload, name) for name, path in bundled.mirrors.items()}
    trees: dict[str, Tree] = {
        name: GitTree(name=name, git=git, mirror=path, commit=commits[name]) for name, path in bundled.mirrors.items()
    }
    trees |= {each.name: FolderTree(name=each.name, top=each.path, limits=limits) for each in payload.folders}
    packages = bring_packages(payload.lock_files, trees, work=work, data=data, limits=limits, progress=progress)
    content = _content(bundled.records, folders, data, packages)
    licences = _describe_packages(payload, packages, trees, data, content)
    return Gathered(
        git=git,
        repositories=bundled.records,
        mirrors=bundled.mirrors,
        folders=folders,
        folder_paths={each.name: each.path for each in payload.folders},
        lfs_files={
            lfs.sha256: (f"{each.name}/{lfs.path}", data / lfs_path(lfs.sha256))
            for each in bundled.records
            for lfs in each.lfs
        },
        packages=packages.records,
        locked=packages.locked,
        licences=licences,
        trees=trees,
        build_commit=commits.get(payload.build.origin),
        pinned_at=pinned_at,
        content=content,
        notes=tuple(f"{each.name}: {note}" for each in bundled.records for note in each.notes) + packages.notes,
    )


def _pack_folders(
    folders: tuple[SourceFolder, ...], data: Path, limits: Limits, progress: Callable[[str], None]
) -> tuple[FolderRecord, ...]:
    records = []
    for each in folders:
        progress(f"packing {each.name}")
        file = f"folders/{payload_name(each.name)}.tar"
        (data / file).parent.mkdir(exist_ok=True)
        packed = pack(each.path, data / file, limits)
        records.append(
            FolderRecord(name=each.name, file=file, role=each.role, files=packed.files, size_bytes=packed.size_bytes)
        )
    return tuple(records)


def _commit(git: Git, mirror: Path, payload: SourcePayload, name: str) -> str:
    """Return the commit of a repository that is built, or its HEAD's."""
    ref = payload.build.ref if payload.build.origin == name else None
    done = git.attempt(
        "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref or 'HEAD'}^{{commit}}", cwd=mirror
    )
    if done.returncode == 0:
        return done.stdout.decode().strip()
    if ref is None:
        # HEAD names a branch that nobody made; any other will do for what is only looked into.
        return git.text("rev-list", "--all", "--max-count=1", cwd=mirror)
    hint = "Name a branch, a tag or a commit that the repository has."
    raise ConfigError(f"there is no {ref} in {name}", place="payload.build.ref", hint=hint)


def _content(
    repositories: tuple[RepositoryRecord, ...], folders: tuple[FolderRecord, ...], data: Path, packages: Packages
) -> str:
    """Return a hash over all that was pinned, by what it is: git may pack the same commits in other bytes."""
    pinned = {
        "repositories": [
            [each.name, each.head, each.refs, [one.sha256 for one in each.lfs], msgspec.to_builtins(each.submodules)]
            for each in repositories
        ],
        "folders": [[each.name, _sha256(data / each.file)] for each in folders],
        "packages": [[each.name, _sha256(data / each.copy)] for each in packages.records],
    }
    return hashlib.sha256(to_json(pinned)).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _describe_packages(
    payload: SourcePayload, packages: Packages, trees: Mapping[str, Tree], data: Path, content: str
) -> tuple[LicenceEntry, ...]:
    licences = collect_licences([*trees.values()], packages.licences, data)
    write_licences(licences, data)
    declared = {
        (each.ecosystem, each.name, each.version): each.declared for each in licences if each.declared is not None
    }
    (data / SBOM_JSON).write_bytes(write_sbom(payload.build.name, packages.locked, declared, content=content))
    return licences
