"""A spooled deposit into every depository of its job, in order, until all have it; a quorum makes it count.

To be called again after any interruption. No depository gets a deposit before those that come earlier in the chain.
The spool is cleared when every depository has the deposit, or never will because something else lies there; not before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from portability.catalogue import moment_text, parse_moment_text
from portability.catalogue.deposits import (
    COUNTED,
    ON_THE_WAY,
    Deposit,
    DepositState,
    Placement,
    find_deposit,
    forget_pieces,
    list_placements,
    move_deposit,
    record_placement,
)
from portability.depositories import open_depository, publish
from portability.errors import ConfigError, DepositConflictError, DepositoryError, DepositoryRefusedError, SealError
from portability.escrow.deposits.holdings import prefix_of
from portability.escrow.deposits.requests import PlacementResult
from portability.escrow.deposits.schedule import is_quiet
from portability.escrow.deposits.spool import clear_spool, spool_folder, spooled
from portability.sealing.contradictions import parse_time
from portability.sealing.manifest import MANIFEST_JSON

if TYPE_CHECKING:
    from portability.escrow.deposits.requests import JobRequest
    from portability.escrow.jobs import JobDepository

__all__ = ["look_into", "publish_deposit", "too_few"]

SETTLED = frozenset({"COMMITTED", "CONFLICT"})  # in a depository that has it, or never will


def publish_deposit(request: JobRequest, deposit: Deposit) -> tuple[Deposit, tuple[PlacementResult, ...]]:
    """Bring a deposit to every depository that lacks it.

    Returns:
        The deposit as it stands, and what became of it in each depository; one that failed does not stop the others.

    Raises:
        SealError: The spool does not hold what was recorded.
    """
    folder = spool_folder(request.job.spool, deposit.agreement, deposit.sequence)
    _check_spooled(folder, deposit)
    results = tuple(_place(request, each, deposit, folder) for each in request.job.depositories)
    with request.catalogue.transaction() as transaction:
        request.still_held()
        placements = list_placements(transaction, deposit.agreement, deposit.sequence)
        state = _state(_committed(request, placements), request.job.quorum)
        found = find_deposit(transaction, deposit.agreement, deposit.sequence)
        if found is not None and found.state in ON_THE_WAY and state != "SPOOLED":
            deposit = move_deposit(transaction, deposit.agreement, deposit.sequence, state, moment=request.now())
            if state == "PUBLISHED":
                forget_pieces(transaction, deposit.agreement, before=deposit.base_sequence)
    if deposit.state in COUNTED and not _lacking(request, placements, settled=SETTLED):
        clear_spool(folder)
    return deposit, results


def look_into(request: JobRequest, deposit: Deposit, results: Sequence[PlacementResult]) -> tuple[str, ...]:
    """Return what a person must look into: a depository that never gets a deposit that counts, or that lacks it late.

    Late is after the moment by which the deposit itself promises the next one.
    """
    if deposit.state not in COUNTED:
        return ()
    promised = parse_time(deposit.next_by or "")
    late = promised is not None and request.now() > promised
    found = [
        f"{each.depository} never gets deposit {deposit.sequence}, something else lies there: {each.detail}"
        for each in results
        if each.state == "CONFLICT"
    ]
    return (
        *found,
        *(
            f"{each.depository} still lacks deposit {deposit.sequence}: {each.detail}"
            for each in results
            if late and each.state in {"FAILED", "WAITING"}
        ),
    )


def _lacking(request: JobRequest, placements: Sequence[Placement], *, settled: Collection[str]) -> tuple[str, ...]:
    """Return the depositories of the job where a deposit is in none of these states, as far as the catalogue knows."""
    there = {each.depository for each in placements if each.state in settled}
    return tuple(each.config.name for each in request.job.depositories if each.config.name not in there)


def _check_spooled(folder: Path, deposit: Deposit) -> None:
    try:
        found = hashlib.sha256((folder / MANIFEST_JSON).read_bytes()).hexdigest()
    except OSError as error:
        raise SealError(f"the spool cannot be read: {error.strerror}", place=str(folder)) from error
    if found != deposit.manifest_sha256:
        hint = "Move that folder away; the next run then finds out what the depositories have of it."
        raise SealError("the spool holds another deposit than the catalogue says", place=str(folder), hint=hint)


def _place(request: JobRequest, depository: JobDepository, deposit: Deposit, folder: Path) -> PlacementResult:
    name = depository.config.name
    with request.catalogue.reading() as transaction:
        placements = list_placements(transaction, deposit.agreement, deposit.sequence)
    before = next((each for each in placements if each.depository == name), None)
    if before is not None and before.state == "COMMITTED":
        return PlacementResult(depository=name, state="COMMITTED")
    if before is not None and before.state == "CONFLICT" and deposit.state in COUNTED:
        return PlacementResult(depository=name, state="CONFLICT", detail=before.detail)
    waits = _waits(request, depository, deposit)
    if waits:
        return PlacementResult(depository=name, state="WAITING", detail=waits)
    request.progress(f"to {name}")
    request.still_held()
    try:
        with open_depository(depository.config, passphrase=request.passphrase) as opened:
            prefix = prefix_of(deposit.agreement, deposit.sequence)
            done = publish(
                opened,
                folder,
                prefix,
                reserve_bytes=depository.config.reserve_bytes,
                before_commit=request.still_held,  # the upload may have taken hours
            )
    except (ConfigError, DepositoryError) as error:
        state: Literal["CONFLICT", "FAILED"] = "CONFLICT" if isinstance(error, DepositConflictError) else "FAILED"
        detail = f"{error}. {error.hint}" if error.hint else str(error)
        _record(request, deposit, name, state, detail=detail)
        return PlacementResult(depository=name, state=state, detail=detail, retryable=error.retryable)
    _record(request, deposit, name, "COMMITTED", sent=done.sent_bytes)
    return PlacementResult(depository=name, state="COMMITTED", sent_bytes=done.sent_bytes)


def _record(
    request: JobRequest,
    deposit: Deposit,
    depository: str,
    state: Literal["COMMITTED", "CONFLICT", "FAILED"],
    *,
    sent: int = 0,
    detail: str = "",
) -> None:
    placement = Placement(
        agreement=deposit.agreement,
        sequence=deposit.sequence,
        depository=depository,
        state=state,
        moment=moment_text(request.now()),
        sent_bytes=sent,
        detail=detail[: request.limits.detail_characters_max],
    )
    with request.catalogue.transaction() as transaction:
        record_placement(transaction, placement)


def _waits(request: JobRequest, depository: JobDepository, deposit: Deposit) -> str:
    """Say what a deposit waits for before it may go to a depository; nothing when it may."""
    now = request.now()
    with request.catalogue.reading() as transaction:
        placements = list_placements(transaction, deposit.agreement)
    there = {each.sequence: each for each in placements if each.depository == depository.config.name}
    if is_quiet(depository.quiet_hours, request.job.schedule.time_zone, now):
        return "its quiet hours"
    if before := _before(request, deposit, {number for number, each in there.items() if each.state in SETTLED}):
        return f"deposit {before}, which comes first"
    committed = [each for each in there.values() if each.state == "COMMITTED"]
    ended = max((parse_moment_text(each.moment) for each in committed), default=None)
    if ended is not None and 0 <= _seconds(ended, now) < depository.cooldown_s:  # unless a clock was ahead
        return f"its cooldown of {depository.cooldown_s} s"
    return ""


def _before(request: JobRequest, deposit: Deposit, there: Collection[int]) -> int | None:
    """Return a deposit that lies in the spool for the same depository and comes earlier in the chain."""
    numbers = spooled(request.job.spool, deposit.agreement)
    return next((each for each in numbers if each < deposit.sequence and each not in there), None)


def _seconds(earlier: datetime, later: datetime) -> int:
    return int((later - earlier).total_seconds())


def _committed(request: JobRequest, placements: Sequence[Placement]) -> int:
    names = {each.config.name for each in request.job.depositories}
    return sum(each.state == "COMMITTED" and each.depository in names for each in placements)


def _state(placed: int, quorum: int) -> DepositState:
    if placed >= quorum:
        return "PUBLISHED"
    return "UPLOADED" if placed else "SPOOLED"


def too_few(results: Sequence[PlacementResult]) -> DepositoryError:
    """Return the error for a deposit that did not reach its quorum; retryable when trying again may help."""
    failed = [each for each in results if each.state in {"FAILED", "CONFLICT"}]
    kind = DepositoryError if any(each.retryable for each in failed) else DepositoryRefusedError
    told = "; ".join(each.detail for each in failed)
    hint = "The deposit is kept in the spool; the next run goes on from where this one stopped."
    return kind(f"too few depositories have the deposit: {told}", hint=hint)
