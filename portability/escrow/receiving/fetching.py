"""The depositor's side: receipts fetched from depositories, checked, and the deposits moved on by them.

PUBLISHED -> RECEIVED when an agent signed for it; VERIFIED when the receipt says pass, for the very manifest that was
deposited; CURRENT is the newest that is VERIFIED. A receipt that says fail moves a deposit to RECEIVED and no further,
until the agent judges it again: a further receipt counts when it names the hash of the one that it replaces.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from portability.catalogue import Catalogue, Transaction, moment_text
from portability.catalogue.deposits import Deposit, find_deposit, last_deposit, list_deposits, move_deposit
from portability.catalogue.receipts import ReceiptRow, list_receipts, record_receipt
from portability.depositories import Depository, read_small
from portability.errors import CatalogueError, FormatError, SignatureError
from portability.escrow.receiving.receipts import Receipt, receipt_name, verify_receipt
from portability.limits import DEFAULT_LIMITS
from portability.signing import Trust

__all__ = ["Fetched", "fetch_receipts"]

_WAITING = ("UPLOADED", "PUBLISHED", "RECEIVED", "VERIFIED", "CURRENT")


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """What was found for one deposit in one depository."""

    agreement: str
    sequence: int
    depository: str
    outcome: str  # pass, fail, none yet, refused, unknown (a deposit that this catalogue did not make)
    received_at: str = ""
    signer: str = ""
    detail: str = ""


def fetch_receipts(
    catalogue: Catalogue, agreement: str, depositories: Iterable[Depository], trust: Trust
) -> tuple[Fetched, ...]:
    """Fetch what is new of an agreement's receipts and move its deposits on.

    Raises:
        DepositoryError: A depository cannot be read.
        CatalogueError: The catalogue cannot be used.
    """
    with catalogue.reading() as transaction:
        known = {(each.sequence, each.depository): each for each in list_receipts(transaction, agreement)}
        ours = list_deposits(transaction, agreement)
    waiting = [each for each in ours if each.state in _WAITING]
    found: list[Fetched] = []
    for depository in depositories:
        names = {each.name for each in depository.list(agreement)}
        there = {each for each in names if each.endswith(".receipt.json.sig")}
        foreign = _foreign_numbers(
            there, {each.sequence for each in ours} | {n for n, d in known if d == depository.name}
        )
        found.extend(_foreign(catalogue, depository, agreement, number, trust) for number in foreign)
        new = (each for each in waiting if (each.sequence, depository.name) not in known)
        found.extend(_fetch(catalogue, depository, each, trust, there) for each in new)
        for each in waiting:
            found.extend(_replacing(catalogue, depository, each, trust, names))
    with catalogue.transaction() as transaction:
        _set_current(transaction, agreement)
    return tuple(found)


def _fetch(catalogue: Catalogue, depository: Depository, deposit: Deposit, trust: Trust, there: set[str]) -> Fetched:
    none = _none_of(deposit, depository)
    name = f"{deposit.agreement}/{receipt_name(deposit.sequence)}"
    if f"{name}.sig" not in there:
        return none
    try:
        read = _read(depository, name, trust)
        _check_same(deposit, read.receipt)
        _record(catalogue, depository.name, read)
    except (FormatError, SignatureError, CatalogueError) as error:
        return replace(none, outcome="refused", detail=error.message)
    return _outcome(none, read)


def _replacing(
    catalogue: Catalogue, depository: Depository, deposit: Deposit, trust: Trust, names: set[str]
) -> Iterator[Fetched]:
    """Fetch the further receipts of a deposit that was judged again, the oldest first, as far as they are new."""
    for number in itertools.count(2):
        name = f"{deposit.agreement}/{receipt_name(deposit.sequence, number)}"
        if not {name, f"{name}.sig"} <= names:
            return
        with catalogue.reading() as transaction:
            rows = list_receipts(transaction, deposit.agreement)
        taken = next((e for e in rows if (e.sequence, e.depository) == (deposit.sequence, depository.name)), None)
        none = _none_of(deposit, depository)
        try:
            read = _read(depository, name, trust)
            _check_same(deposit, read.receipt)
            if taken is None or not read.receipt.replaces(taken.document.encode()):
                continue
            _record(catalogue, depository.name, read)
        except (FormatError, SignatureError, CatalogueError) as error:
            yield replace(none, outcome="refused", detail=error.message)
            return
        yield _outcome(none, read)


def _none_of(deposit: Deposit, depository: Depository) -> Fetched:
    return Fetched(
        agreement=deposit.agreement, sequence=deposit.sequence, depository=depository.name, outcome="none yet"
    )


def _outcome(none: Fetched, read: _Read) -> Fetched:
    return replace(
        none,
        outcome=read.receipt.result,
        received_at=read.receipt.received_at,
        signer=read.signer,
        detail="; ".join(f"{each.code} {each.text}" for each in read.receipt.findings if each.severity == "error"),
    )


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A receipt whose signature is right, as it lies there."""

    receipt: Receipt
    signer: str
    content: bytes
    signature: bytes


def _read(depository: Depository, name: str, trust: Trust) -> _Read:
    content = read_small(depository, name, size_bytes_max=DEFAULT_LIMITS.json_bytes_max)
    signature = read_small(depository, f"{name}.sig", size_bytes_max=DEFAULT_LIMITS.signature_bytes_max)
    receipt, signer = verify_receipt(content, signature, trust, place=f"{depository.name}: {name}")
    return _Read(receipt=receipt, signer=signer.principals, content=content, signature=signature)


def _foreign(catalogue: Catalogue, depository: Depository, agreement: str, number: int, trust: Trust) -> Fetched:
    """Tell, once, of a deposit that this catalogue did not make: it is an old copy, or the vendor's keys are stolen."""
    found = Fetched(agreement=agreement, sequence=number, depository=depository.name, outcome="unknown")
    try:
        read = _read(depository, f"{agreement}/{receipt_name(number)}", trust)
        _record(catalogue, depository.name, read)
    except (FormatError, SignatureError, CatalogueError) as error:
        return replace(found, outcome="refused", detail=error.message)
    detail = "the agent has a deposit, signed with your key, that this catalogue did not make"
    return replace(found, received_at=read.receipt.received_at, signer=read.signer, detail=detail)


def _foreign_numbers(there: set[str], ours: set[int]) -> list[int]:
    numbers = {int(name[-len("000000.receipt.json.sig") :][:6]) for name in there}
    return sorted(numbers - ours)


def _check_same(deposit: Deposit, receipt: Receipt) -> None:
    if (receipt.agreement, receipt.sequence) != (deposit.agreement, deposit.sequence):
        raise SignatureError(f"the receipt is for {receipt.agreement} {receipt.sequence}")
    if receipt.manifest_sha256 != deposit.manifest_sha256:
        hint = "Somebody exchanged the deposit in the depository; compare it with the spool or another depository."
        raise SignatureError("the receipt is for another manifest than the one that was deposited", hint=hint)


def _record(catalogue: Catalogue, depository: str, read: _Read) -> None:
    receipt = read.receipt
    row = ReceiptRow(
        agreement=receipt.agreement,
        sequence=receipt.sequence,
        depository=depository,
        manifest_sha256=receipt.manifest_sha256,
        result=receipt.result,
        level=receipt.level,
        received_at=receipt.received_at,
        signer=read.signer,
        document=read.content.decode(),
        signature=read.signature.decode(),
        recorded_at=moment_text(),
    )
    with catalogue.transaction() as transaction:
        record_receipt(transaction, row, replaces_sha256=receipt.before.get("replaces_sha256", ""))
        deposit = find_deposit(transaction, receipt.agreement, receipt.sequence)
        if deposit is not None and deposit.state in ("UPLOADED", "PUBLISHED"):
            move_deposit(transaction, receipt.agreement, receipt.sequence, "RECEIVED")
        if receipt.passed and deposit is not None and deposit.state not in ("VERIFIED", "CURRENT"):
            move_deposit(transaction, receipt.agreement, receipt.sequence, "VERIFIED")


def _set_current(transaction: Transaction, agreement: str) -> None:
    """Make the newest verified deposit the current one, and the one before it verified again."""
    newest = last_deposit(transaction, agreement, ("VERIFIED", "CURRENT"))
    if newest is None or newest.state == "CURRENT":
        return
    for each in list_deposits(transaction, agreement):
        if each.state == "CURRENT":
            move_deposit(transaction, agreement, each.sequence, "VERIFIED")
    move_deposit(transaction, agreement, newest.sequence, "CURRENT")
