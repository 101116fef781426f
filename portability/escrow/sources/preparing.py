"""From a job to the bags of its deposit, in a private folder: gathered, scanned, judged complete, described, bagged.

Nothing is bagged that is not complete or holds a secret that nobody allowed. The folder is the caller's and private;
plaintext lies nowhere else.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from portability.archive import DATA
from portability.errors import ConfigError
from portability.escrow.jobs_shapes import AccessPayload, Job, SourcePayload
from portability.escrow.sources.access import access_bags
from portability.escrow.sources.completeness import Item, completeness_html, completeness_json, require_complete
from portability.escrow.sources.gathering import Gathered, gather
from portability.escrow.sources.layout import (
    COMPLETENESS_HTML,
    COMPLETENESS_JSON,
    DEPOSIT_JSON,
    FORMAT,
    RESTORE_MD,
    RESTORE_SH,
    SECRETS_JSON,
    VERSION,
    BuildRecord,
    Deposit,
)
from portability.escrow.sources.prepared import PreparedBag
from portability.escrow.sources.requirements import complete_items
from portability.escrow.sources.restore_notes import restore_md, restore_sh
from portability.escrow.sources.scanning import require_clean, scan_document
from portability.formats.bag import write_bag
from portability.limits import DEFAULT_LIMITS, Limits
from portability.manifest import to_json

__all__ = ["PreparedBag", "prepare"]


@dataclass(frozen=True, kw_only=True)
class _Case:
    job: Job
    payload: SourcePayload
    limits: Limits
    progress: Callable[[str], None]


def prepare(
    job: Job, folder: Path, *, limits: Limits = DEFAULT_LIMITS, progress: Callable[[str], None] = lambda _: None
) -> tuple[PreparedBag, ...]:
    """Make the bags of a job of class source or access: one, or two where credentials have their own slot.

    Args:
        job: The job; its policy has been required.
        folder: A private folder that exists; the bags lie in it afterwards, and nothing else.
        limits: Of sizes and counts.
        progress: Told what is being done.

    Raises:
        ConfigError: The deposit would not be complete, or would hold a secret.
        PortabilityError: Something cannot be read or fetched.
    """
    try:
        if isinstance(job.payload, AccessPayload):
            return access_bags(job, job.payload, folder, limits=limits, progress=progress)
        if isinstance(job.payload, SourcePayload):
            return (_source_bag(_Case(job=job, payload=job.payload, limits=limits, progress=progress), folder),)
    except OSError as error:
        hint = "Make room for about three times what is deposited, or name another staging folder."
        raise ConfigError(
            f"cannot be read or written: {error.strerror}", place=str(error.filename or folder), hint=hint
        ) from error
    raise ConfigError("is a job of class data", place=job.path.name, hint="Its deposit is an export.")


def _source_bag(case: _Case, folder: Path) -> PreparedBag:
    root, work = folder / "source", folder / ".work"
    (root / DATA).mkdir(parents=True)
    work.mkdir()
    try:
        gathered = gather(case.payload, work=work, data=root / DATA, limits=case.limits, progress=case.progress)
        case.progress("looking for secrets")
        scanned = require_clean(gathered, case.payload.allowed_secrets, case.job, case.limits)
        items = complete_items(case.payload, gathered, scanned)
        require_complete(items)
        deposit = _deposit(case, gathered)
        (root / DATA / SECRETS_JSON).write_bytes(to_json(scan_document(scanned, case.payload.allowed_secrets)))
        _describe(root, deposit, items, gathered)
        case.progress("hashing")
        write_bag(root, info=_info(case.job, deposit, gathered.pinned_at))
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return PreparedBag(
        root=root,
        agreement=case.job.agreement,
        deposit_class="source",
        recipients=case.job.sealed_for,
        threshold=case.job.threshold,
        watermark=gathered.pinned_at,
        content_sha256=deposit.content,
    )


def _deposit(case: _Case, gathered: Gathered) -> Deposit:
    build = case.payload.build
    record = BuildRecord(
        name=build.name,
        command=build.command,
        origin=build.origin,
        commit=gathered.build_commit,
        instructions=build.instructions,
        tools=build.tools,
        produces=build.produces,
        time_limit_s=build.time_limit_s,
        environment=dict(build.environment),
    )
    return Deposit(
        format=FORMAT,
        version=VERSION,
        job=case.job.name,
        agreement=case.job.agreement,
        content=gathered.content,
        repositories=gathered.repositories,
        folders=gathered.folders,
        packages=gathered.packages,
        build=record,
    )


def _describe(root: Path, deposit: Deposit, items: tuple[Item, ...], gathered: Gathered) -> None:
    data, product = root / DATA, deposit.build.name
    (data / DEPOSIT_JSON).write_bytes(to_json(deposit))
    (data / COMPLETENESS_JSON).write_bytes(completeness_json(product, items, gathered.notes))
    (data / COMPLETENESS_HTML).write_bytes(completeness_html(product, items, gathered.notes))
    (data / RESTORE_SH).write_bytes(restore_sh(deposit))
    (root / RESTORE_MD).write_bytes(restore_md(deposit, gathered.pinned_at))


def _info(job: Job, deposit: Deposit, pinned_at: str) -> dict[str, str]:
    return {
        "Bagging-Date": datetime.now(UTC).date().isoformat(),
        "External-Description": f"Source deposit of {deposit.build.name}",
        "External-Identifier": job.agreement,
        "Pinned-At": pinned_at,
        "Source-Deposit-Version": VERSION,
    }
