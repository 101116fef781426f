"""A job's payload as bags in private staging: an export, or what ``sources`` prepares.

Nothing plain leaves the staging folder; it goes with the run, and after a kill with the next one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from portability.archive import EXPORT_JSON
from portability.connectors import open_connector
from portability.errors import FormatError
from portability.escrow.deposits.requests import JobRequest, Payload, SourceAddress, Terms
from portability.escrow.jobs import DataPayload
from portability.exports import ExportRequest, export_archive
from portability.manifest import FORMAT_VERSION, ExportRecord, read_json
from portability.profiles import load_profile
from portability.scoping import load_scope
from portability.sealing.contradictions import parse_time

if TYPE_CHECKING:
    from portability.escrow.jobs import Job

__all__ = ["prepare_payloads", "terms_of"]


def terms_of(job: Job) -> Terms:
    """Return the chain that a job deposits into."""
    return Terms(
        agreement=job.agreement,
        deposit_class=job.deposit_class,
        recipients=job.sealed_for,
        threshold=job.threshold,
    )


def prepare_payloads(request: JobRequest, folder: Path) -> tuple[Payload, ...]:
    """Make what a job deposits.

    Args:
        request: The job.
        folder: An open, private staging folder.

    Raises:
        PortabilityError: Of the kind that went wrong.
    """
    if isinstance(request.job.payload, DataPayload):
        return (_export(request, request.job.payload, folder / "archive"),)
    from portability.escrow.sources import prepare  # noqa: PLC0415 -- its libraries are slow, and only these jobs need them

    bags = prepare(request.job, folder, limits=request.limits, progress=request.progress)
    return tuple(
        Payload(
            terms=Terms(
                agreement=each.agreement,
                deposit_class=each.deposit_class,
                recipients=each.recipients,
                threshold=each.threshold,
            ),
            bag=each.root,
            watermark=each.watermark or utc_text(request.now().isoformat(timespec="seconds"), request.job.name),
            contents=each.deposit_class,
            leans=False,
        )
        for each in bags
    )


def _export(request: JobRequest, payload: DataPayload, archive: Path) -> Payload:
    source = request.resolve(payload.source)
    export_archive(_export_request(request, payload, source, archive))
    record = read_json(archive / EXPORT_JSON, ExportRecord)
    scope = "" if payload.scope is None else f" scope {record.scope_sha256}"
    return Payload(
        terms=terms_of(request.job),
        bag=archive,
        watermark=utc_text(record.snapshot_at, EXPORT_JSON),
        contents=f"archive {FORMAT_VERSION} profile {record.profile_sha256}{scope}",
        leans=True,
    )


def _export_request(request: JobRequest, payload: DataPayload, source: SourceAddress, archive: Path) -> ExportRequest:
    profile = payload.profile or source.profile
    whole = ExportRequest(
        connector=open_connector(source.url, limits=request.limits),
        destination=archive,
        profile=load_profile(profile) if profile else None,
        documents=payload.documents or source.documents,
        keep_unfinished=False,
        signing_key=request.key,
        limits=request.limits,
        progress=request.progress,
    )
    return whole if payload.scope is None else replace(whole, scope=load_scope(payload.scope))


def utc_text(text: str, place: str) -> str:
    """Write a time as manifests have it.

    Raises:
        FormatError: It is none, or has no time zone.
    """
    written = text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
    if parse_time(written) is None:
        raise FormatError("the snapshot's time is not one in UTC", place=place)
    return written
