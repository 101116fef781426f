"""A data deposit's payload: an export into private staging, by the connector and profile that the job names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from portability.archive import EXPORT_JSON
from portability.connectors import open_connector
from portability.escrow.deposits.requests import JobRequest, Payload, SourceAddress, Terms, utc_text
from portability.escrow.jobs import DataPayload
from portability.exports import ExportRequest, export_archive
from portability.manifest import FORMAT_VERSION, ExportRecord, read_json
from portability.profiles import load_profile
from portability.scoping import load_scope

__all__ = ["export_payload"]


def export_payload(request: JobRequest, payload: DataPayload, terms: Terms, archive: Path) -> Payload:
    """Export what a data job deposits.

    Raises:
        PortabilityError: Of the kind that went wrong.
    """
    source = request.resolve(payload.source)
    export_archive(_export_request(request, payload, source, archive))
    record = read_json(archive / EXPORT_JSON, ExportRecord)
    scope = "" if payload.scope is None else f" scope {record.scope_sha256}"
    return Payload(
        terms=terms,
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
