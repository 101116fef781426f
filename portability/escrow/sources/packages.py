"""All lock files of a job: read, their packages brought, or the reason why they are not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from portability.errors import ConfigError
from portability.escrow.jobs_shapes import LockFile
from portability.escrow.sources.layout import PackagesRecord
from portability.escrow.sources.licences import FoundLicence, package_licences
from portability.escrow.sources.locks import LockedPackage, read_npm_lock, read_pip_lock
from portability.escrow.sources.packing import pack
from portability.escrow.sources.trees import Tree
from portability.escrow.sources.vendoring import Vendored, vendor_npm, vendor_pip
from portability.limits import Limits

__all__ = ["Packages", "bring_packages", "read_lock"]


@dataclass(frozen=True, kw_only=True)
class Packages:
    """What the lock files fix and what was brought of it."""

    records: tuple[PackagesRecord, ...]
    locked: tuple[LockedPackage, ...]
    licences: tuple[FoundLicence, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class _Place:
    work: Path
    data: Path
    limits: Limits


def bring_packages(
    lock_files: tuple[LockFile, ...],
    trees: Mapping[str, Tree],
    *,
    work: Path,
    data: Path,
    limits: Limits,
    progress: Callable[[str], None],
) -> Packages:
    """Bring the packages of all lock files into ``data``.

    Raises:
        ConfigError: A lock file is not there or fixes nothing, or a tool is missing.
        SourceUnavailableError: A package cannot be had.
    """
    records, locked, licences, notes = [], list[LockedPackage](), list[FoundLicence](), []
    for number, lock in enumerate(lock_files, 1):
        progress(f"packages of {lock.name}")
        place = _Place(work=work / f"packages-{number}", data=data, limits=limits)
        place.work.mkdir()
        content = _read(trees, lock.origin, lock.path, lock.name, limits)
        built_with = None if lock.built_with is None else _read(trees, lock.origin, lock.built_with, lock.name, limits)
        fixed = read_lock(lock.kind, content, lock.name)
        if built_with is not None:
            fixed = (*fixed, *read_lock(lock.kind, built_with, f"{lock.origin}/{lock.built_with}"))
        record, found = _brought(lock, trees, content, built_with, place, number=number, packages=len({*fixed}))
        records.append(record)
        locked += fixed
        licences += found
        if lock.kind == "pip" and any(not each.hashes for each in fixed):
            notes.append(f"{lock.name}: has packages without hashes; what was fetched is what the index had")
    return Packages(records=tuple(records), locked=tuple(locked), licences=tuple(licences), notes=tuple(notes))


def read_lock(kind: str, content: bytes, place: str) -> tuple[LockedPackage, ...]:
    """Return what a lock file fixes; nothing for kinds that are not read.

    Raises:
        ConfigError: It is none.
    """
    if kind == "pip":
        return read_pip_lock(content, place)
    return read_npm_lock(content, place) if kind == "npm" else ()


def _read(trees: Mapping[str, Tree], origin: str, path: str, place: str, limits: Limits) -> bytes:
    content = trees[origin].read(path, size_bytes_max=limits.json_bytes_max)
    if content is None:
        hint = f"Write its path from the top of {origin}; of a repository the tree that is built counts."
        raise ConfigError("there is no such lock file", place=place, hint=hint)
    return content


def _brought(  # noqa: PLR0913 -- the lock file and what belongs to it
    lock: LockFile,
    trees: Mapping[str, Tree],
    content: bytes,
    built_with: bytes | None,
    place: _Place,
    *,
    number: int,
    packages: int,
) -> tuple[PackagesRecord, list[FoundLicence]]:
    copy = f"packages/{number}_lock.txt"
    (place.data / copy).parent.mkdir(exist_ok=True)
    (place.data / copy).write_bytes(content)
    built_copy = None if built_with is None else f"packages/{number}_built_with.txt"
    if built_with is not None and built_copy is not None:
        (place.data / built_copy).write_bytes(built_with)
    file, vendored, licences = None, None, list[FoundLicence]()
    if lock.not_vendored is None:
        vendored = _vendor(lock, trees, content, built_with, place)
        file = f"packages/{number}_{lock.kind}.tar"
        pack(vendored.folder, place.data / file, place.limits)
        licensed = vendored.folder if lock.kind == "pip" else place.work / "project"
        licences = list(package_licences(lock.kind, licensed))
    told = vendored.told if vendored is not None and vendored.told else None
    return PackagesRecord(
        name=lock.name,
        kind=lock.kind,
        origin=lock.origin,
        path=lock.path,
        copy=copy,
        packages=packages,
        file=file,
        built_with=lock.built_with,
        built_copy=built_copy,
        platform=None if vendored is None else vendored.platform,
        resolves_offline=None if vendored is None else vendored.resolves_offline,
        reason=lock.not_vendored or told,
    ), licences


def _vendor(
    lock: LockFile, trees: Mapping[str, Tree], content: bytes, built_with: bytes | None, place: _Place
) -> Vendored:
    if lock.kind == "pip":
        return vendor_pip(lock, content, built_with, place.work)
    folder = lock.path.rpartition("/")[0]
    prefix = f"{folder}/" if folder else ""
    project = [(lock.path.rpartition("/")[2], content)]
    for name in ("package.json", ".npmrc"):
        found = trees[lock.origin].read(prefix + name, size_bytes_max=place.limits.json_bytes_max)
        if found is not None:
            project.append((name, found))
    return vendor_npm(lock, project, place.work)
