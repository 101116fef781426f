"""Opening a sealed archive: whole, back into the archive it was, or only some of its files into a plain folder.

The order is the promise: signature, manifest, presence and hashes, envelope, commitment, catalog, segments, every file
against the catalog, one rename. Until that rename all plaintext lies in a private staging folder, which is removed on
failure and, after a kill, by the next run. The destination is never overwritten.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from portability.errors import ArchiveExistsError, ConfigError, InterruptedRunError, PortabilityError, SealError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.container import Container, open_container
from portability.sealing.encryption import Identity
from portability.sealing.manifest import SEGMENTS, CatalogEntry, SealedManifest
from portability.sealing.opening_authenticity import Authentic, check_hashes, check_presence, read_authentic
from portability.sealing.opening_content import Content, Written, write_content
from portability.sealing.opening_keys import DepositKey, open_wrapped, unwrap_deposit_key
from portability.sealing.opening_segment import cannot_write
from portability.sealing.selection import Selection
from portability.signing import Policy
from portability.staging import open_staging, publish

__all__ = ["OpenRequest", "Opened", "open_sealed"]


@dataclass(frozen=True, kw_only=True)
class OpenRequest:
    """What to open, with which keys, and where to put it.

    ``policy`` says who must have signed; ``only`` names tables, paths, globs or hashes (all when empty); ``staging``
    is where plaintext lies until it is whole, on the destination's file system (beside the destination when None).
    ``envelope`` is one that lies outside, made anew when the deposit was released; its own are then not asked.
    """

    sealed: Path
    destination: Path
    identities: tuple[Identity, ...] = field(repr=False)
    policy: Policy | None = None
    only: tuple[str, ...] = ()
    workers: int = 2
    staging: Path | None = None
    envelope: Path | None = None
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, kw_only=True)
class Opened:
    """What was opened; ``entries`` are the files of a selection, empty when all was opened."""

    destination: Path
    authentic: Authentic
    opened_by: tuple[str, ...]
    files: int
    size_bytes: int
    segments: int
    read_bytes: int
    entries: tuple[CatalogEntry, ...]


def open_sealed(request: OpenRequest) -> Opened:
    """Open a sealed archive.

    Raises:
        PortabilityError: Of the kind that went wrong; nothing then stands under the destination's name, and nothing
            is left in the staging place.
    """
    destination = Path(os.path.abspath(request.destination))  # noqa: PTH100 -- resolve() would follow a link at the destination
    if os.path.lexists(destination):
        hint = "Choose another name, or move the existing one away; nothing is overwritten."
        raise ArchiveExistsError("the destination exists", place=str(destination), hint=hint)
    if destination.resolve().is_relative_to(request.sealed.resolve()):
        raise ConfigError("the destination lies inside the sealed archive", place=str(destination))
    try:
        return _open(request, destination)
    except KeyboardInterrupt as error:
        hint = "Nothing was left behind."
        raise InterruptedRunError("stopped", place=str(destination), hint=hint) from error
    except OSError as error:
        raise cannot_write(error, str(error.filename or request.sealed)) from error


def _open(request: OpenRequest, destination: Path) -> Opened:
    with open_container(request.sealed, request.limits) as container:
        request.progress("checking the signature")
        authentic = read_authentic(container, request.policy, request.limits)
        manifest = authentic.manifest
        small = [each for each in manifest.files if not each.path.startswith(f"{SEGMENTS}/")]
        check_presence(container, manifest, [each.path for each in small] if request.only else None)
        check_hashes(container, small)
        key = _unwrap(request, container, manifest)
        content = Content(
            container=container,
            manifest=manifest,
            identity=key.identity,
            selection=Selection(request.only) if request.only else None,
            workers=request.workers,
            limits=request.limits,
            progress=request.progress,
        )
        parent = _staging_parent(request.staging, destination)
        if not request.only:
            _check_space(parent, manifest.content_bytes)
        return _opened(destination, authentic, key, _write(content, parent, destination))


def _unwrap(request: OpenRequest, container: Container, manifest: SealedManifest) -> DepositKey:
    if request.envelope is None:
        return unwrap_deposit_key(container, manifest, request.identities, request.limits)
    with request.envelope.open("rb") as stream:
        content = stream.read(request.limits.envelope_bytes_max + 1)
    if len(content) > request.limits.envelope_bytes_max:
        message = f"is larger than the limit of {request.limits.envelope_bytes_max} bytes"
        raise SealError(message, place=str(request.envelope))
    return open_wrapped(content, manifest, request.identities, place=request.envelope.name)


def _staging_parent(staging: Path | None, destination: Path) -> Path:
    if not destination.parent.is_dir():
        hint = "Create it, or choose another destination."
        raise ConfigError("there is no such folder", place=str(destination.parent), hint=hint)
    if staging is None:
        return destination.parent
    if not staging.is_dir() or staging.stat().st_dev != destination.parent.stat().st_dev:
        hint = "The archive gets its name by one rename, which crosses no file systems."
        raise ConfigError("is not a folder on the destination's file system", place=str(staging), hint=hint)
    return staging


def _check_space(parent: Path, needed: int) -> None:
    free = shutil.disk_usage(parent).free
    if free < needed:
        message = f"the disk is too small: the archive takes {needed:,} bytes, and {free:,} are free"
        raise PortabilityError(message, place=str(parent), hint="Free space, or choose another destination.")


def _write(content: Content, parent: Path, destination: Path) -> Written:
    with open_staging(parent) as staging:
        target = staging.path / "content"
        target.mkdir(mode=0o700)  # and so the archive begins: its owner opens it to others, nobody else
        written = write_content(content, staging, target)
        content.progress("publishing")
        publish(target, destination)
    return written


def _opened(destination: Path, authentic: Authentic, key: DepositKey, written: Written) -> Opened:
    return Opened(
        destination=destination,
        authentic=authentic,
        opened_by=key.opened_by,
        files=written.files,
        size_bytes=written.size_bytes,
        segments=written.segments,
        read_bytes=written.read_bytes,
        entries=written.entries,
    )
