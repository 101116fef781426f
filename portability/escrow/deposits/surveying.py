"""Before a new deposit: what the depositories hold of its chain, and what the catalogue must learn from them.

A catalogue that was lost, or put back from an old copy, is behind the depositories. It learns the chain's head from
them, checked by its signature, and the next deposit is full. Two chains under one agreement are refused.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.catalogue import moment_text
from portability.catalogue.deposits import COUNTED, Deposit, list_deposits, record_spooled
from portability.depositories import Depository, open_depository
from portability.errors import ConfigError, DepositConflictError, DepositoryError, SignatureError
from portability.escrow.deposits.holdings import Holding, holds, look, read_committed
from portability.escrow.deposits.planning import ChainSoFar, read_chain
from portability.escrow.deposits.spool import spooled
from portability.sealing.reading import parse_manifest
from portability.signing import SEALED_NAMESPACE, check_signature

if TYPE_CHECKING:
    from portability.escrow.deposits.requests import JobRequest

__all__ = ["Survey", "survey_chain"]


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A chain as it stands, and what depositories lack of the deposits that the next one would lean on."""

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
        warnings = tuple(_learn_head(request, agreement, opened, holdings))
        chain = read_chain(request.catalogue, agreement, tuple(holdings.values()))
        missing = tuple(_missing(request, chain, opened, holdings))
    return Survey(chain=chain, missing=missing, warnings=warnings)


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
    on_their_way = spooled(request.job.spool, chain.leaned_on[0].agreement) if chain.leaned_on else ()
    return [
        f"{depository.name} does not have deposit {deposit.sequence} as it was made"
        for depository in opened
        for deposit in chain.leaned_on
        if deposit.sequence not in on_their_way
        and not holds(depository, holdings[depository.name], deposit, request.limits)
    ]


def _learn_head(
    request: JobRequest, agreement: str, opened: list[Depository], holdings: dict[str, Holding]
) -> list[str]:
    """Record the last deposit that a depository has, where the catalogue does not know of it.

    Returns:
        What a person must know: a catalogue that knows the chain, but not its head, is an old copy, or was robbed.

    Raises:
        DepositConflictError: The catalogue knows another deposit under that number.
    """
    with request.catalogue.reading() as transaction:
        known = {each.sequence: each for each in list_deposits(transaction, agreement)}
    had_any, warnings = bool(known), list[str]()
    for depository in opened:
        committed = holdings[depository.name].committed
        if not committed:
            continue
        head = committed[-1]
        manifest, signature = read_committed(depository, agreement, head, request.limits)
        ours = known.get(head)
        if ours is not None and ours.manifest_sha256 == hashlib.sha256(manifest).hexdigest():
            continue
        if head <= max((each.sequence for each in known.values()), default=0):
            hint = (
                "Somebody else deposits under this agreement, or this catalogue was put back from an old copy. Find "
                "out which; then deposit under another agreement, or with the catalogue that knows this deposit."
            )
            place = f"{depository.name}: {agreement}/{head:06d}"
            raise DepositConflictError("there are two chains under this agreement", place=place, hint=hint)
        learnt = _learnt(request, agreement, manifest, signature)
        with request.catalogue.transaction() as transaction:
            record_spooled(transaction, learnt)
        known[head] = learnt
        if had_any:
            warnings.append(
                f"deposit {head} in {depository.name} was not made with this catalogue: it was put back from an old "
                "copy, or somebody else has the signing key; find out which"
            )
    return warnings


def _learnt(request: JobRequest, agreement: str, content: bytes, signature: bytes) -> Deposit:
    signed = check_signature(content, signature, namespace=SEALED_NAMESPACE)
    if signed.fingerprint != request.key.fingerprint:
        hint = "If the job's key was changed, put back the catalogue; else find out who deposits under this agreement."
        message = "the catalogue does not know the last deposit there, and another key signed it"
        raise SignatureError(message, place=agreement, hint=hint)
    manifest, now = parse_manifest(content, request.limits), moment_text(request.now())
    if manifest.chain.agreement != agreement:
        raise DepositConflictError("holds a deposit of another agreement", place=agreement)
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
