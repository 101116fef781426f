"""Which items a source deposit must have, and which of them it has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from portability.escrow.jobs_shapes import SourcePayload
from portability.escrow.sources.completeness import Item
from portability.escrow.sources.gathering import Gathered
from portability.escrow.sources.locks import KNOWN_LOCKS
from portability.escrow.sources.secrets import ScanReport, stale_allowances
from portability.limits import DEFAULT_LIMITS

__all__ = ["complete_items"]

_CONTAINER = re.compile(r"(?:.*\.)?(?:Dockerfile|Containerfile)(?:\..*)?")
_FROM = re.compile(rb"(?im)^\s*FROM\s+(?:--\S+\s+)*(\S+)")
_TEXT_BYTES_MAX = 1024 * 1024


def complete_items(payload: SourcePayload, gathered: Gathered, scanned: ScanReport) -> tuple[Item, ...]:
    """Return every item, present or absent."""
    reasons = dict(payload.absent)
    return (
        *_repositories(payload, gathered, reasons),
        *_folders(gathered),
        *_packages(payload, gathered, reasons),
        *_unlisted_locks(payload, gathered),
        *_images(gathered),
        *_licences(gathered, reasons),
        *_build(payload, gathered),
        *_operations(payload, reasons),
        *_scan(payload, scanned),
    )


def _repositories(payload: SourcePayload, gathered: Gathered, reasons: dict[str, str]) -> Iterator[Item]:
    for each in gathered.repositories:
        size = sum(one.size_bytes for one in each.lfs)
        about = f"{len(each.refs)} refs, {len(each.lfs)} LFS objects ({size} bytes), {len(each.submodules)} submodules"
        yield Item(name=f"{each.role} {each.name}", about=about, present=True)
        for lost in each.absent_lfs:
            name = f"LFS object {each.name}/{lost.path}"
            yield Item(name=name, about=f"sha256 {lost.sha256}", present=False, reason=lost.reason)
    if not payload.repositories:
        mend = "List them under payload.repositories, or say under payload.absent.repositories why there are none."
        about, reason = "the history of the source", reasons.get("repositories")
        yield Item(name="repositories", about=about, present=False, reason=reason, mend=mend)


def _folders(gathered: Gathered) -> Iterator[Item]:
    for each in gathered.folders:
        about = f"{each.role}: {each.files} files, {each.size_bytes} bytes"
        mend = "Name a folder that has files, or leave it out."
        yield Item(name=f"folder {each.name}", about=about, present=each.files > 0, mend=mend)


def _packages(payload: SourcePayload, gathered: Gathered, reasons: dict[str, str]) -> Iterator[Item]:
    for each in gathered.packages:
        about = f"{each.packages} packages that {each.kind} takes"
        if each.file is None:
            yield Item(name=f"packages of {each.name}", about=about, present=False, reason=each.reason)
            continue
        if not each.resolves_offline:
            about = f"{about}; without a network they do not suffice: {each.reason}"
        mend = "Lock all that is needed, what builds them too (built_with)."
        yield Item(name=f"packages of {each.name}", about=about, present=bool(each.resolves_offline), mend=mend)
    if not payload.lock_files:
        mend = "List lock files under payload.lock_files, or say under payload.absent.packages why there are none."
        about, reason = "what the build takes from elsewhere", reasons.get("packages")
        yield Item(name="packages", about=about, present=False, reason=reason, mend=mend)
    about = f"CycloneDX 1.6, {len({*gathered.locked})} components"
    yield Item(name="software bill of materials", about=about, present=True)


def _unlisted_locks(payload: SourcePayload, gathered: Gathered) -> Iterator[Item]:
    """A lock file that the job does not list is a package list that nobody thought of."""
    listed = {(each.origin, each.path) for each in payload.lock_files}
    for name, tree in gathered.trees.items():
        for path in tree.paths():
            if PurePosixPath(path).name in KNOWN_LOCKS and (name, path) not in listed:
                mend = (
                    "List it under payload.lock_files; kind other with not_vendored where its packages are not needed."
                )
                yield Item(name=f"lock file {name}/{path}", about="is not listed in the job", present=False, mend=mend)


def _images(gathered: Gathered) -> Iterator[Item]:
    for name, tree in gathered.trees.items():
        for path in tree.paths():
            if not _CONTAINER.fullmatch(PurePosixPath(path).name):
                continue
            content = tree.read(path, size_bytes_max=DEFAULT_LIMITS.json_bytes_max) or b""
            for image in sorted({found.decode("utf-8", "replace") for found in _FROM.findall(content)} - {"scratch"}):
                yield Item(
                    name=f"base image {image}",
                    about=f"{name}/{path} starts from it",
                    present=False,
                    required=False,
                    reason="container images are not fetched; deposit a saved image as a folder, or in class access",
                )


def _licences(gathered: Gathered, reasons: dict[str, str]) -> Iterator[Item]:
    own = [each for each in gathered.licences if each.ecosystem == "product" and each.texts]
    mend = "Put a LICENSE file at the top of a repository, or say under payload.absent.licences why there is none."
    names = ", ".join(each.name for each in own) or "the terms under which the product may be used after a release"
    reason = None if own else reasons.get("licences")
    yield Item(name="licence of the product", about=names, present=bool(own), reason=reason, mend=mend)
    others = [each for each in gathered.licences if each.ecosystem != "product"]
    silent = [f"{each.name} {each.version}" for each in others if not each.texts and not each.declared]
    if others:
        about = f"{len(others) - len(silent)} of {len(others)} packages say theirs"
        reason = f"these say nothing: {', '.join(silent[:20])}" if silent else None
        yield Item(name="licences of packages", about=about, present=not silent, required=False, reason=reason)


def _build(payload: SourcePayload, gathered: Gathered) -> Iterator[Item]:
    build = payload.build
    content = gathered.trees[build.origin].read(build.instructions, size_bytes_max=DEFAULT_LIMITS.json_bytes_max)
    yield Item(
        name="build instructions",
        about=f"{build.origin}/{build.instructions}",
        present=bool(content and content.strip()),
        mend=f"Write {build.instructions} for somebody who has never seen the product, and commit it.",
    )
    yield Item(name="build command", about=" ".join(build.command), present=True)
    about = ", ".join(build.tools) or "none beyond a shell"
    yield Item(name="tools of the build", about=about, present=True, required=False)


def _operations(payload: SourcePayload, reasons: dict[str, str]) -> Iterator[Item]:
    for role, about in (("infrastructure", "what sets up the machines"), ("run_book", "how the product is operated")):
        found = [each.name for each in payload.folders if each.role == role]
        mend = f"Add a folder with role: {role}, or say under payload.absent.{role} where it is."
        reason = None if found else reasons.get(role)
        yield Item(name=role, about=", ".join(found) or about, present=bool(found), reason=reason, mend=mend)


def _scan(payload: SourcePayload, scanned: ScanReport) -> Iterator[Item]:
    about = (
        f"{scanned.files} files, {scanned.versions} older versions and {scanned.messages} messages looked into "
        f"({scanned.size_bytes} bytes); {scanned.findings_total} findings, all allowed with a reason"
    )
    left = len(scanned.too_long) + scanned.not_reached
    reason = f"{left} files are too long or too many, and were not looked into, as the job allows" if left else None
    yield Item(name="secrets scan", about=about, present=not left, required=False, reason=reason)
    for path in stale_allowances(scanned, payload.allowed_secrets):
        yield Item(name=f"allowed secret {path}", about="nothing needs this allowance", present=False, required=False)
