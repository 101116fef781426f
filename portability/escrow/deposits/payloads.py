"""A job's payload as bags in private staging: an export, or what ``sources`` prepares.

Nothing plain leaves the staging folder; it goes with the run, and after a kill with the next one. What makes a payload
is imported when it is wanted: the exporter's libraries take as long as a small deposit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from portability.escrow.deposits.requests import JobRequest, Payload, Terms, utc_text
from portability.escrow.jobs import DataPayload

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
        from portability.escrow.deposits.exporting import export_payload  # noqa: PLC0415 -- slow; see above

        terms = terms_of(request.job)
        return (export_payload(request, request.job.payload, terms, folder / "archive"),)
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
