"""Source to sealed archive, keeping no plain copy: the archive is exported into a private folder, sealed, and removed.

The folder lies where the operator chooses; nobody else can read it. It goes with the run, whether that succeeds or
fails; when the run was killed, the next one that stages in the same place removes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from portability.errors import ConfigError
from portability.exports.job import export_archive
from portability.exports.request import ExportRequest, ExportResult
from portability.sealing.recipients import NamedRecipient
from portability.sealing.seal import SealRequest, SealResult, check_request, seal_archive
from portability.staging import open_staging

__all__ = ["SealedExport", "SealedExportRequest", "export_sealed"]


@dataclass(frozen=True, kw_only=True)
class SealedExportRequest:
    """What to export, with the sealed archive as its destination and the key that signs both; and for whom to seal it.

    ``staging`` is where the plain archive lies meanwhile; beside the destination when None.
    """

    export: ExportRequest
    recipients: tuple[NamedRecipient, ...]
    threshold: int = 1
    one_file: bool = False
    workers: int = 2
    staging: Path | None = None


@dataclass(frozen=True, kw_only=True)
class SealedExport:
    """What was done. The plain archive that ``export`` names is gone."""

    export: ExportResult
    sealed: SealResult


def export_sealed(request: SealedExportRequest) -> SealedExport:
    """Export a source and seal it.

    Raises:
        PortabilityError: Of the kind that went wrong; nothing then stands under the destination's name.
    """
    export = request.export
    if export.signing_key is None:
        raise ConfigError("a sealed archive is always signed, and there is no key", hint="Add --sign KEY.")
    if export.resume:
        hint = "Without --resume it starts again; nothing of a stopped run was kept."
        raise ConfigError("an export that seals keeps nothing that could be resumed", hint=hint)
    with open_staging(request.staging or export.destination.absolute().parent) as staging:
        plain = staging.path / "archive"
        seal = SealRequest(
            archive=plain,
            destination=export.destination,
            recipients=request.recipients,
            threshold=request.threshold,
            one_file=request.one_file,
            workers=request.workers,
            key=export.signing_key,
            limits=export.limits,
            progress=export.progress,
        )
        check_request(seal)  # an hour of reading later would be late
        result = export_archive(replace(export, destination=plain, keep_unfinished=False))
        return SealedExport(export=result, sealed=seal_archive(seal))
