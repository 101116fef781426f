"""One job, one source, one chain: another job's deposits are never added to an agreement's.

The catalogue remembers which job deposits what under an agreement, from the chain's first deposit on. Only a person
says that another one goes on with it (``escrow deposit --adopt``): a job that was renamed, a source that moved.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.catalogue import moment_text
from portability.catalogue.deposit_chains import ChainOwner, find_owner, record_owner
from portability.catalogue.deposits import last_deposit
from portability.connectors.url import parse_url
from portability.errors import ConfigError
from portability.escrow.jobs import AccessPayload, DataPayload, Job
from portability.scoping import load_scope

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.catalogue import Catalogue, Transaction
    from portability.escrow.deposits.requests import JobRequest, SourceAddress

__all__ = ["agreements_of", "refuse_other_job", "require_own_chains", "source_label"]


def agreements_of(job: Job) -> tuple[str, ...]:
    """Return the agreements that a job deposits under: one, or two where credentials have their own."""
    payload = job.payload
    slot = payload.credentials if isinstance(payload, AccessPayload) else None
    return (job.agreement,) if slot is None else (job.agreement, slot.agreement)


def source_label(job: Job, resolve: Callable[[str], SourceAddress]) -> str:
    """Return what a job deposits, for people and to be told from another: no password is in it.

    Raises:
        ConfigError: The source's name stands for nothing, or its scope cannot be read.
    """
    payload = job.payload
    if isinstance(payload, DataPayload):
        label = parse_url(resolve(payload.source).url).label
        return label if payload.scope is None else f"{label} in the scope {load_scope(payload.scope).name}"
    if isinstance(payload, AccessPayload):
        first = payload.instructions.split("/")[0]
        return next(str(part.path) for part in payload.parts if part.name == first)
    from portability.escrow.sources.git import shown_url  # noqa: PLC0415 -- slow, and only these jobs need it

    origin = payload.build.origin
    folders = {each.name: str(each.path) for each in payload.folders}
    return folders.get(origin) or next(shown_url(each.url) for each in payload.repositories if each.name == origin)


def require_own_chains(request: JobRequest) -> None:
    """Refuse a job that would go on with another one's chain; remember whose each of its chains is.

    Raises:
        ConfigError: An agreement is another job's, or was deposited from another source.
    """
    job, source = request.job, source_label(request.job, request.resolve)
    with request.catalogue.transaction() as transaction:
        for agreement in agreements_of(job):
            mine = ChainOwner(
                agreement=agreement,
                deposit_class=job.deposit_class,
                job=job.name,
                source=source,
                recorded_at=moment_text(request.now()),
            )
            before = _owner(transaction, agreement)
            if before is not None and not request.adopt:
                _refuse_other(job, before, mine)
            if before is None or not _is_same(before, mine):
                record_owner(transaction, mine)


def refuse_other_job(catalogue: Catalogue, job: Job) -> None:
    """Refuse a job under whose agreements another job deposits, as far as that can be told by its name.

    Raises:
        ConfigError: One is another job's.
    """
    with catalogue.reading() as transaction:
        for agreement in agreements_of(job):
            before = _owner(transaction, agreement)
            if before is not None:
                mine = ChainOwner(
                    agreement=agreement,
                    deposit_class=job.deposit_class,
                    job=job.name,
                    source=before.source,
                    recorded_at="",
                )
                _refuse_other(job, before, mine)


def _owner(transaction: Transaction, agreement: str) -> ChainOwner | None:
    """Return whose a chain is; nobody's while it holds no deposit: whoever failed so far has no claim to it."""
    return None if last_deposit(transaction, agreement) is None else find_owner(transaction, agreement)


def _is_same(before: ChainOwner, mine: ChainOwner) -> bool:
    return (before.job, before.deposit_class, before.source) == (mine.job, mine.deposit_class, mine.source)


def _refuse_other(job: Job, before: ChainOwner, mine: ChainOwner) -> None:
    if _is_same(before, mine):
        return
    text = (
        f"under the agreement {mine.agreement} the job {before.job} deposits "
        f"{before.source} (class {before.deposit_class}); "
        f"this one is {mine.job} and deposits {mine.source} (class {mine.deposit_class})"
    )
    hint = (
        "Give this job an agreement of its own. If it is to go on with that chain, renamed or with its source moved: "
        f"portability escrow deposit {job.path.name} --adopt"
    )
    raise ConfigError(text, place=job.document.where(("agreement",)), hint=hint)
