"""What runs before left unfinished: deposits on their way are brought to an end before a new one is begun.

A deposit whose spool is lost is looked for in the depositories. Where one has it whole, it is fetched back and goes on;
where its signature lies it counts, whole or not, and the next one follows it in full; where nothing of it lies
anywhere, its number is free again; otherwise the number is burnt, and said to be.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from portability.catalogue import moment_text
from portability.catalogue.deposits import (
    COUNTED,
    ON_THE_WAY,
    Deposit,
    Placement,
    drop_deposit,
    find_deposit,
    list_deposits,
    move_deposit,
    record_placement,
)
from portability.depositories import download, open_depository
from portability.errors import ConfigError, DepositConflictError, DepositoryError, SealError, SignatureError
from portability.escrow.deposits.holdings import has_our_signature, holds, look, prefix_of
from portability.escrow.deposits.publishing import look_into, publish_deposit, too_few
from portability.escrow.deposits.requests import PlacementResult
from portability.escrow.deposits.spool import clear_spool, spool_folder, sweep_spool
from portability.escrow.jobs_trust import require_trusted
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE
from portability.sealing.reading import parse_manifest
from portability.streams import digest_file

if TYPE_CHECKING:
    from portability.escrow.deposits.requests import JobRequest

__all__ = ["Settled", "finish_deposits", "settle"]


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A deposit as it stands, what became of it in each depository, and what a person must look into."""

    deposit: Deposit
    placements: tuple[PlacementResult, ...]
    warnings: tuple[str, ...]


def finish_deposits(request: JobRequest, agreement: str) -> tuple[tuple[Settled, ...], tuple[str, ...]]:
    """Finish a chain's deposits that are on their way, and bring others to depositories that still lack them.

    Returns:
        The deposits that were on their way; and what a person must look into of those that counted before.

    Raises:
        DepositoryError: One cannot be finished.
    """
    with request.catalogue.reading() as transaction:
        known = list_deposits(transaction, agreement)
    sweep_spool(request.job.spool, agreement, {each.sequence for each in known if each.state != "LOST"})
    finished, warnings = list[Settled](), list[str]()
    for deposit in known:
        folder = spool_folder(request.job.spool, agreement, deposit.sequence)
        if deposit.state in ON_THE_WAY:
            request.progress(f"finishing deposit {deposit.sequence}")
            found, told = _finish(request, deposit, folder)
            finished += found
            warnings += told
        elif deposit.state in COUNTED and folder.is_dir():
            warnings += look_into(request, *publish_deposit(request, deposit))
    return tuple(finished), tuple(warnings)


def _finish(request: JobRequest, deposit: Deposit, folder: Path) -> tuple[list[Settled], list[str]]:
    """Bring a deposit that was on its way to an end; none where its number was given up, which is told."""
    told = list[str]()
    if folder.is_dir():
        try:
            return [settle(request, deposit)], told
        except (DepositoryError, SealError, SignatureError):
            if not _is_rotten(request, deposit, folder):
                raise
        told.append(f"deposit {deposit.sequence} was not in the spool as it was made: look after that disk")
        clear_spool(folder)
    found = _without_spool(request, deposit, folder)
    if found is not None:
        return [found], told
    lost = "was given up: its spool is lost, and something of it lies in a depository"
    with request.catalogue.reading() as transaction:
        if find_deposit(transaction, deposit.agreement, deposit.sequence) is not None:
            told.append(f"number {deposit.sequence} {lost}; the chain goes on without it")
    return [], told


def _is_rotten(request: JobRequest, deposit: Deposit, folder: Path) -> bool:
    """Tell whether the spool does not hold a deposit as it was made, to the last byte."""
    try:
        if (folder / MANIFEST_JSON).read_bytes() != deposit.manifest.encode():
            return True
        if (folder / MANIFEST_SIGNATURE).read_bytes() != deposit.signature.encode("ascii"):
            return True
        files = parse_manifest(deposit.manifest.encode(), request.limits).files
        return any(digest_file(folder / each.path).sha256 != each.sha256 for each in files)
    except FileNotFoundError:
        return True
    except OSError as error:
        raise ConfigError(f"the spool cannot be read: {error.strerror}", place=str(folder)) from error


def settle(request: JobRequest, deposit: Deposit) -> Settled:
    """Publish a deposit; burn its number when something else lies under it and its signature lies nowhere.

    Raises:
        DepositConflictError: Its number was burnt; the next run takes another.
        DepositoryError: It did not reach its quorum, and does not merely wait.
        SignatureRefusedError: The job's trust file does not accept its signature.
    """
    require_trusted(request.job, spool_folder(request.job.spool, deposit.agreement, deposit.sequence))
    found, results = publish_deposit(request, deposit)
    states = {each.state for each in results}
    if found.state == "SPOOLED" and "CONFLICT" in states:
        if damaged := _signed_in(request, deposit):
            return _count_damaged(request, deposit, damaged)
        with request.catalogue.transaction() as transaction:
            request.still_held()
            move_deposit(transaction, deposit.agreement, deposit.sequence, "LOST", moment=request.now())
        clear_spool(spool_folder(request.job.spool, deposit.agreement, deposit.sequence))
        detail = next(each.detail for each in results if each.state == "CONFLICT")
        hint = f"Number {deposit.sequence} is given up; run it again: the next deposit takes a new one."
        raise DepositConflictError(f"something else lies under the deposit's number: {detail}", hint=hint)
    if found.state in ON_THE_WAY and states & {"FAILED", "CONFLICT"}:
        raise too_few(results)
    return Settled(deposit=found, placements=results, warnings=look_into(request, found, results))


def _without_spool(request: JobRequest, deposit: Deposit, folder: Path) -> Settled | None:
    """Bring a deposit whose spool is lost to an end, by what is left of it; None when nothing came of it.

    Raises:
        DepositoryError: A depository cannot be asked; nothing is decided then.
    """
    begun, damaged = False, list[str]()
    for depository in request.job.depositories:
        with open_depository(depository.config, passphrase=request.passphrase) as opened:
            holding = look(opened, deposit.agreement)
            begun = begun or deposit.sequence in holding.files
            if holds(opened, holding, deposit, request.limits):
                request.progress(f"fetching deposit {deposit.sequence} back from {opened.name}")
                if not folder.is_dir():
                    download(opened, prefix_of(deposit.agreement, deposit.sequence), folder)
                _note_committed(request, deposit, opened.name)
            elif has_our_signature(opened, holding, deposit, request.limits):
                damaged.append(opened.name)
    if folder.is_dir():
        return settle(request, deposit)
    if damaged:
        return _count_damaged(request, deposit, damaged)
    with request.catalogue.transaction() as transaction:
        request.still_held()
        if begun or deposit.state != "SPOOLED":
            move_deposit(transaction, deposit.agreement, deposit.sequence, "LOST", moment=request.now())
        else:
            drop_deposit(transaction, deposit.agreement, deposit.sequence)
    return None


def _signed_in(request: JobRequest, deposit: Deposit) -> list[str]:
    """Return the depositories where a deposit's signature lies.

    Raises:
        DepositoryError: One cannot be asked; nothing is decided then.
    """
    found = []
    for depository in request.job.depositories:
        with open_depository(depository.config, passphrase=request.passphrase) as opened:
            if has_our_signature(opened, look(opened, deposit.agreement), deposit, request.limits):
                found.append(opened.name)
    return found


def _count_damaged(request: JobRequest, deposit: Deposit, where: Sequence[str]) -> Settled:
    """Count a deposit that was committed, though it is not whole any more: whoever has seen it waits for what follows.

    Giving its number up would fork the chain. The next survey finds that it is not as it was made, and nothing leans
    on it.
    """
    detail = "committed there, and not as it was made any more"
    with request.catalogue.transaction() as transaction:
        request.still_held()
        for name in where:
            record_placement(transaction, _placement(request, deposit, name, "CONFLICT", detail))
        moved = move_deposit(transaction, deposit.agreement, deposit.sequence, "PUBLISHED", moment=request.now())
    text = (
        f"deposit {deposit.sequence} is not in {', '.join(where)} as it was made, though it was committed there: "
        "it may not open, and the next one is full"
    )
    placements = tuple(PlacementResult(depository=name, state="CONFLICT", detail=detail) for name in where)
    return Settled(deposit=moved, placements=placements, warnings=(text,))


def _note_committed(request: JobRequest, deposit: Deposit, depository: str) -> None:
    with request.catalogue.transaction() as transaction:
        record_placement(transaction, _placement(request, deposit, depository, "COMMITTED"))


def _placement(
    request: JobRequest, deposit: Deposit, depository: str, state: Literal["COMMITTED", "CONFLICT"], detail: str = ""
) -> Placement:
    return Placement(
        agreement=deposit.agreement,
        sequence=deposit.sequence,
        depository=depository,
        state=state,
        moment=moment_text(request.now()),
        sent_bytes=0,
        detail=detail,
    )
