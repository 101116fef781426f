"""What runs before left unfinished: deposits on their way are brought to an end before a new one is begun.

A deposit whose spool is lost is looked for in the depositories. Where one has it whole, it is fetched back and goes on;
where nothing of it lies anywhere, its number is free again; otherwise the number is burnt, and said to be.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from portability.catalogue import moment_text
from portability.catalogue.deposits import (
    COUNTED,
    ON_THE_WAY,
    Deposit,
    Placement,
    drop_deposit,
    list_deposits,
    move_deposit,
    record_placement,
)
from portability.depositories import download, open_depository
from portability.errors import DepositConflictError
from portability.escrow.deposits.holdings import holds, look, prefix_of
from portability.escrow.deposits.publishing import publish_deposit, too_few
from portability.escrow.deposits.spool import clear_spool, spool_folder, sweep_spool

if TYPE_CHECKING:
    from portability.escrow.deposits.requests import JobRequest, PlacementResult

__all__ = ["finish_deposits", "settle"]


def finish_deposits(request: JobRequest, agreement: str) -> tuple[tuple[Deposit, tuple[PlacementResult, ...]], ...]:
    """Finish a chain's deposits that are on their way, and bring others to depositories that still lack them.

    Returns:
        The deposits that were on their way, as they stand now.

    Raises:
        DepositoryError: One cannot be finished.
    """
    with request.catalogue.reading() as transaction:
        known = list_deposits(transaction, agreement)
    sweep_spool(request.job.spool, agreement, {each.sequence for each in known if each.state != "LOST"})
    finished = []
    for deposit in known:
        folder = spool_folder(request.job.spool, agreement, deposit.sequence)
        if deposit.state in ON_THE_WAY:
            request.progress(f"finishing deposit {deposit.sequence}")
            if folder.is_dir() or _fetch_back(request, deposit, folder):
                finished.append(settle(request, deposit))
        elif deposit.state in COUNTED and folder.is_dir():
            publish_deposit(request, deposit)
    return tuple(finished)


def settle(request: JobRequest, deposit: Deposit) -> tuple[Deposit, tuple[PlacementResult, ...]]:
    """Publish a deposit; burn its number when something else lies under it and it is committed nowhere.

    Raises:
        DepositConflictError: Its number was burnt; the next run takes another.
        DepositoryError: It did not reach its quorum, and does not merely wait.
    """
    found, results = publish_deposit(request, deposit)
    states = {each.state for each in results}
    if found.state == "SPOOLED" and "CONFLICT" in states:
        with request.catalogue.transaction() as transaction:
            move_deposit(transaction, deposit.agreement, deposit.sequence, "LOST", moment=request.now())
        clear_spool(spool_folder(request.job.spool, deposit.agreement, deposit.sequence))
        detail = next(each.detail for each in results if each.state == "CONFLICT")
        hint = f"Number {deposit.sequence} is given up; run it again: the next deposit takes a new one."
        raise DepositConflictError(f"something else lies under the deposit's number: {detail}", hint=hint)
    if found.state in ON_THE_WAY and states & {"FAILED", "CONFLICT"}:
        raise too_few(results)
    return found, results


def _fetch_back(request: JobRequest, deposit: Deposit, folder: Path) -> bool:
    """Find out what is left of a deposit whose spool is lost; True when it lies in the spool again.

    Raises:
        DepositoryError: A depository cannot be asked; nothing is decided then.
    """
    begun = False
    for depository in request.job.depositories:
        with open_depository(depository.config, passphrase=request.passphrase) as opened:
            holding = look(opened, deposit.agreement)
            begun = begun or deposit.sequence in holding.files
            if holds(opened, holding, deposit, request.limits):
                request.progress(f"fetching deposit {deposit.sequence} back from {opened.name}")
                if not folder.is_dir():
                    download(opened, prefix_of(deposit.agreement, deposit.sequence), folder)
                _note_committed(request, deposit, opened.name)
    if folder.is_dir():
        return True
    with request.catalogue.transaction() as transaction:
        if begun or deposit.state != "SPOOLED":
            move_deposit(transaction, deposit.agreement, deposit.sequence, "LOST", moment=request.now())
        else:
            drop_deposit(transaction, deposit.agreement, deposit.sequence)
    return False


def _note_committed(request: JobRequest, deposit: Deposit, depository: str) -> None:
    placement = Placement(
        agreement=deposit.agreement,
        sequence=deposit.sequence,
        depository=depository,
        state="COMMITTED",
        moment=moment_text(request.now()),
        sent_bytes=0,
        detail="",
    )
    with request.catalogue.transaction() as transaction:
        record_placement(transaction, placement)
