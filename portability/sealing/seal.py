"""Sealing: an archive -> segments, catalog, envelopes, manifest, signature; in that order, published by one rename.

The plaintext is read once, as a stream, in worker processes that know only the deposit's public key; one segment alone
is sealed in this one. The deposit's identity exists in this process alone and is written into nothing but envelopes.
All is written in a private folder beside the destination; it holds no plaintext, goes with the run, and the next run
removes it if this one was killed.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from portability.archive import Archive
from portability.errors import ArchiveExistsError, ConfigError, InterruptedRunError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.container_writing import SealedForm, open_form
from portability.sealing.content import SealedContent, seal_content
from portability.sealing.encryption import Identity, new_identity, recipient_of
from portability.sealing.envelopes import iter_envelopes
from portability.sealing.manifest import (
    FORMAT,
    MANIFEST_JSON,
    MANIFEST_SIGNATURE,
    OPEN_MD,
    OPEN_SH,
    VERSION,
    Chain,
    Recipient,
    SealedFile,
    SealedManifest,
)
from portability.sealing.opening_notes import open_md, open_sh
from portability.sealing.reading import canonical_json, parse_manifest
from portability.sealing.recipients import NamedRecipient, check_threshold
from portability.sealing.segments import disk_error
from portability.sealing.workers import Workers
from portability.signing import SEALED_NAMESPACE, SigningKey, forbid_core_files
from portability.staging import open_staging

__all__ = ["SealRequest", "SealResult", "check_request", "seal_archive"]

_SEGMENT_BYTES_MIN = 1024 * 1024  # below, age files and their entries outgrow what they hold


@dataclass(frozen=True, kw_only=True)
class SealRequest:
    """What to seal, for whom, and who signs.

    ``one_file`` asks for a tar instead of a directory.
    """

    archive: Path
    destination: Path
    recipients: tuple[NamedRecipient, ...]
    key: SigningKey
    threshold: int = 1
    one_file: bool = False
    workers: int = 2
    deposit_class: Literal["data", "source", "access"] = "data"
    chain: Chain = field(default_factory=Chain)
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, kw_only=True)
class SealResult:
    """What was sealed; ``archive_signed`` is whether the archive inside has a signature of its own, right or not."""

    sealed: Path
    deposit_id: str
    manifest_sha256: str
    files: int
    content_bytes: int
    segments: int
    sealed_bytes: int
    threshold: int
    recipients: tuple[Recipient, ...]
    envelopes: tuple[str, ...]
    signed_by: str
    archive_signed: bool


def seal_archive(request: SealRequest) -> SealResult:
    """Seal an archive into a new directory or tar.

    Raises:
        PortabilityError: Of the kind that went wrong; nothing then stands under the destination's name.
    """
    forbid_core_files()
    check_request(request)
    root, destination = Archive.open(request.archive).root.resolve(), _absolute(request.destination)
    if root in (destination.parent.resolve(), *destination.parent.resolve().parents):
        raise ConfigError("the destination lies inside the archive", place=str(destination))
    try:
        with (
            open_staging(destination.parent) as staging,
            open_form(staging.path, one_file=request.one_file) as form,
            Workers(request.workers, keep_open=[staging.lock]) as workers,
        ):
            result = _seal(request, form, workers)
            form.publish(destination)
    except KeyboardInterrupt as error:
        raise InterruptedRunError("stopped", place=str(destination), hint="Nothing was left behind.") from error
    except OSError as error:
        raise disk_error(error, destination) from error
    return result


def check_request(request: SealRequest) -> None:
    """Refuse what cannot be sealed so, whatever the archive is.

    Raises:
        ArchiveExistsError: The destination exists.
        ConfigError: The recipients, the threshold or a limit cannot be used.
    """
    check_threshold(request.recipients, request.threshold, request.limits)
    if not 1 <= request.workers <= request.limits.seal_workers_max:
        raise ConfigError(f"the number of workers is not between 1 and {request.limits.seal_workers_max}")
    if not _SEGMENT_BYTES_MIN <= request.limits.segment_bytes <= request.limits.segment_bytes_max:
        message = f"is not between {_SEGMENT_BYTES_MIN} and {request.limits.segment_bytes_max} bytes"
        raise ConfigError(message, place="limits.segment_bytes")
    if os.path.lexists(_absolute(request.destination)):
        hint = "Choose another name, or move the existing one away; nothing is overwritten."
        raise ArchiveExistsError("the destination exists", place=str(request.destination), hint=hint)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100 -- resolve() would follow a link at the destination


def _seal(request: SealRequest, form: SealedForm, workers: Workers) -> SealResult:
    identity = new_identity()
    content = seal_content(
        request.archive,
        form,
        recipient_of(identity),
        workers=workers,
        limits=request.limits,
        progress=request.progress,
    )
    manifest = _manifest(request, identity, content)
    for envelope, wrapped in iter_envelopes(identity, request.recipients, request.threshold):
        file = _add(form, envelope.file, wrapped)
        manifest = replace(manifest, files=(*manifest.files, file), envelopes=(*manifest.envelopes, envelope))
    manifest = _sorted(manifest)
    files = [_add(form, OPEN_MD, open_md(manifest)), _add(form, OPEN_SH, open_sh())]
    manifest = _sorted(replace(manifest, files=(*manifest.files, *files)))
    written = canonical_json(manifest)
    parse_manifest(written, request.limits)  # what every reader asks of it; nothing is signed that nobody would open
    form.add(MANIFEST_JSON, written)
    request.progress("signing")
    form.add(MANIFEST_SIGNATURE, request.key.sign(written, namespace=SEALED_NAMESPACE))
    return _result(request, manifest, content, hashlib.sha256(written).hexdigest())


def _manifest(request: SealRequest, identity: Identity, content: SealedContent) -> SealedManifest:
    return SealedManifest(
        format=FORMAT,
        version=VERSION,
        deposit_id=secrets.token_hex(16),
        deposit_class=request.deposit_class,
        sealed_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        threshold=request.threshold,
        recipients=tuple(
            Recipient(name=one.name, kind=one.key.kind, fingerprint=one.key.fingerprint) for one in request.recipients
        ),
        envelopes=(),
        commitment=hashlib.sha256(recipient_of(identity).text.encode()).hexdigest(),
        content_files=content.files,
        content_bytes=content.size_bytes,
        files=content.written,
        chain=request.chain,
    )


def _add(form: SealedForm, path: str, content: bytes) -> SealedFile:
    form.add(path, content)
    return SealedFile(path=path, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def _sorted(manifest: SealedManifest) -> SealedManifest:
    return replace(manifest, files=tuple(sorted(manifest.files, key=lambda each: each.path)))


def _result(request: SealRequest, manifest: SealedManifest, content: SealedContent, sha256: str) -> SealResult:
    return SealResult(
        sealed=request.destination,
        deposit_id=manifest.deposit_id,
        manifest_sha256=sha256,
        files=content.files,
        content_bytes=content.size_bytes,
        segments=content.segments,
        sealed_bytes=sum(each.size_bytes for each in manifest.files),
        threshold=manifest.threshold,
        recipients=manifest.recipients,
        envelopes=tuple(each.file for each in manifest.envelopes),
        signed_by=request.key.fingerprint,
        archive_signed=content.archive_signed,
    )
