"""Before a new deposit: what the depositories hold of its chain, and what the catalogue must learn from them.

A catalogue that was lost, or put back from an old copy, is behind the depositories. It learns the chain's head from
them, checked by its signature, and the next deposit is full. Two chains under one agreement are refused.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.catalogue import moment_text
from portability.catalogue.deposits import COUNTED, Deposit, list_deposits, list_placements, record_spooled
from portability.catalogue.receipts import list_receipts
from portability.depositories import Depository, open_depository
from portability.errors import ConfigError, DepositConflictError, DepositoryError, SealError, SignatureError
from portability.escrow.deposits.holdings import Holding, holds, look, read_committed
from portability.escrow.deposits.planning import ChainSoFar, read_chain
from portability.escrow.deposits.receipted import is_receipted_broken
from portability.escrow.deposits.spool import spooled
from portability.sealing.manifest import MANIFEST_JSON, SealedManifest
from portability.sealing.reading import parse_manifest
from portability.signing import SEALED_NAMESPACE, check_signature

if TYPE_CHECKING:
    from portability.escrow.deposits.requests import JobRequest

__all__ = ["Survey", "survey_chain"]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A chain as it stands, what is wrong with the deposits that the next one would lean on, and what is strange."""

    chain: ChainSoFar
    missing: tuple[str, ...]
    warnings: tuple[str, ...]


def survey_chain(request: JobRequest, agreement: str) -> Survey:
    """Ask every depository of a job what it holds of a chain.

    Raises:
        DepositoryError: Fewer than the quorum can be asked.
        DepositConflictError: A depository holds another deposit under a number than the catalogue knows.
        SignatureError: The catalogue is behind, and what it would learn is not signed by the job's own key.
    """
    with ExitStack() as stack:
        opened = _open_all(request, stack)
        holdings = {each.name: look(each, agreement) for each in opened}
        left_out = [text for each in opened for text in _learn_head(request, agreement, each, holdings[each.name])]
        chain = read_chain(request.catalogue, agreement, tuple(holdings.values()))
        missing = tuple(_missing(request, chain, opened, holdings))
        broken = tuple(_broken(request, chain, opened, holdings))
    with request.catalogue.reading() as transaction:
        known = list_deposits(transaction, agreement)
    strange = (*left_out, *_passed_over(known, holdings), *_not_made_here(known, holdings))
    return Survey(chain=chain, missing=(*missing, *broken), warnings=(*strange, *broken))


def _open_all(request: JobRequest, stack: ExitStack) -> list[Depository]:
    opened, failures = [], list[Exception]()
    for depository in request.job.depositories:
        try:
            opened.append(stack.enter_context(open_depository(depository.config, passphrase=request.passphrase)))
        except (ConfigError, DepositoryError) as error:
            failures.append(error)
    if len(opened) < request.job.quorum:
        raise failures[0]
    return opened


def _missing(
    request: JobRequest, chain: ChainSoFar, opened: list[Depository], holdings: dict[str, Holding]
) -> list[str]:
    if not chain.leaned_on:
        return []
    agreement = chain.leaned_on[0].agreement
    on_their_way = spooled(request.job.spool, agreement)
    with request.catalogue.reading() as transaction:
        placements = list_placements(transaction, agreement)
    given_up = {(each.depository, each.sequence) for each in placements if each.state == "CONFLICT"}
    return [
        f"{depository.name} does not have deposit {deposit.sequence} as it was made"
        for depository in opened
        for deposit in chain.leaned_on
        if (deposit.sequence not in on_their_way or (depository.name, deposit.sequence) in given_up)
        and not holds(depository, holdings[depository.name], deposit, request.limits)
    ]


def _broken(
    request: JobRequest, chain: ChainSoFar, opened: list[Depository], holdings: dict[str, Holding]
) -> Iterator[str]:
    """Say which deposits an agent has found broken, by its receipts: nothing new may lean on those."""
    if not chain.leaned_on:
        return
    with request.catalogue.reading() as transaction:
        rows = list_receipts(transaction, chain.leaned_on[0].agreement)
    fetched = {(each.depository, each.manifest_sha256): each.document for each in rows if each.result == "fail"}
    for depository in opened:
        for deposit in chain.leaned_on:
            told = fetched.get((depository.name, deposit.manifest_sha256), "").encode() or None
            holding = holdings[depository.name]
            if is_receipted_broken(depository, holding, deposit, request.limits, fetched=told):
                yield f"the agent found deposit {deposit.sequence} in {depository.name} broken: its receipt says so"


def _passed_over(known: tuple[Deposit, ...], holdings: dict[str, Holding]) -> Iterator[str]:
    """Name what lies under numbers that no deposit has come to yet, the next one's too."""
    last = max((each.sequence for each in known), default=0)
    for each in holdings.values():
        ahead = [number for number in each.files if number > last and number not in each.committed]
        if ahead:
            yield (
                f"something that is not ours lies under number {min(ahead)} in {each.depository}: that number is left "
                "out; ask the agent whose it is"
            )


def _not_made_here(known: tuple[Deposit, ...], holdings: dict[str, Holding]) -> Iterator[str]:
    """Name the deposits at the end of the chain that this catalogue did not make, though it made those before them."""
    own = max((each.sequence for each in known if each.key_epoch), default=None)
    for deposit in known:
        if own is not None and deposit.sequence > own:
            where = ", ".join(each.depository for each in holdings.values() if deposit.sequence in each.committed)
            yield (
                f"deposit {deposit.sequence} in {where or 'a depository'} was not made with this catalogue: it was put "
                "back from an old copy, or somebody else has the signing key; find out which"
            )


def _learn_head(request: JobRequest, agreement: str, depository: Depository, holding: Holding) -> Iterator[str]:
    """Record the last deposit that a depository has, where the catalogue does not know of it.

    Yields:
        What was left out: folders that hold no deposit of this agreement and number, whatever lies in them.

    Raises:
        DepositConflictError: The catalogue knows another deposit under that number.
    """
    with request.catalogue.reading() as transaction:
        known = {each.sequence: each for each in list_deposits(transaction, agreement)}
    for number in reversed(holding.committed):
        place = f"{depository.name}: {agreement}/{number:06d}"
        found = _read_head(request, agreement, depository, holding, number)
        if found is None:
            yield f"what lies in {place} is no deposit of that number, and was left out; ask the agent whose it is"
            continue
        manifest, content, signature = found
        ours = known.get(number)
        if ours is not None and ours.signature == signature.decode("ascii", "replace"):
            return  # whether it still is as it was made is another question
        if number <= max(known, default=0):
            hint = (
                "Somebody else deposits under this agreement, or this catalogue was put back from an old copy. Find "
                "out which; then deposit under another agreement, or with the catalogue that knows this deposit."
            )
            raise DepositConflictError("there are two chains under this agreement", place=place, hint=hint)
        learnt = _learnt(request, agreement, manifest, content, signature)
        with request.catalogue.transaction() as transaction:
            request.still_held()
            record_spooled(transaction, learnt)
        return


def _read_head(
    request: JobRequest, agreement: str, depository: Depository, holding: Holding, number: int
) -> tuple[SealedManifest, bytes, bytes] | None:
    """Return a committed deposit's manifest, its bytes and its signature; None when it is not of this number."""
    if MANIFEST_JSON not in holding.files[number]:
        return None
    content, signature = read_committed(depository, agreement, number, request.limits)
    try:
        manifest = parse_manifest(content, request.limits)
    except SealError:
        return None
    if (manifest.chain.agreement, manifest.chain.sequence) != (agreement, number):
        return None
    return manifest, content, signature


def _learnt(request: JobRequest, agreement: str, manifest: SealedManifest, content: bytes, signature: bytes) -> Deposit:
    signed = check_signature(content, signature, namespace=SEALED_NAMESPACE)
    if signed.fingerprint != request.key.fingerprint:
        hint = "If the job's key was changed, put back the catalogue; else find out who deposits under this agreement."
        message = "the catalogue does not know the last deposit there, and another key signed it"
        raise SignatureError(message, place=agreement, hint=hint)
    now = moment_text(request.now())
    return Deposit(
        agreement=agreement,
        sequence=manifest.chain.sequence,
        deposit_class=manifest.deposit_class,
        job=request.job.name,
        kind=manifest.chain.kind,
        reason="learnt from a depository",
        base_sequence=manifest.chain.sequence,
        key_epoch="",  # nothing is known of what it carries: nothing can lean on it
        deposit_id=manifest.deposit_id,
        manifest_sha256=hashlib.sha256(content).hexdigest(),
        previous_sha256=manifest.chain.previous_sha256,
        base_sha256=manifest.chain.base_sha256,
        watermark=manifest.chain.watermark,
        next_by=manifest.chain.next_by,
        sealed_at=manifest.sealed_at,
        sealed_bytes=sum(each.size_bytes for each in manifest.files) + len(content),
        content_bytes=manifest.content_bytes,
        archive_bytes=manifest.content_bytes,
        state=COUNTED[0],
        spool="",
        recorded_at=now,
        moved_at=now,
        manifest=content.decode(),
        signature=signature.decode("ascii"),
    )
