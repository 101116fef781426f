"""From a bag in staging to a sealed deposit in the spool, recorded in the catalogue with the pieces that it carries.

The order is the promise: seal into the spool, one rename, then the record. A run that is killed before the record left
nothing outside the spool, where the next one finds a folder that nobody knows and removes it; the number is still free.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from portability.catalogue import moment_text
from portability.catalogue.deposits import Deposit, PieceRow, record_spooled
from portability.errors import SealError
from portability.escrow.deposits.catalogue_index import CatalogueIndex, IndexLostError, sealed_rows
from portability.escrow.deposits.index_keys import IndexKeys, derive_index_keys
from portability.escrow.deposits.noting import iter_noted, note_differential, note_full
from portability.escrow.deposits.schedule import next_due
from portability.escrow.deposits.spool import spool_folder
from portability.escrow.deposits.writing import BagRequest, write_differential
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE, Chain
from portability.sealing.reading import parse_manifest
from portability.sealing.seal import SealRequest, SealResult, seal_archive

if TYPE_CHECKING:
    from portability.escrow.deposits.planning import ChainSoFar, Step
    from portability.escrow.deposits.requests import JobRequest, Payload

__all__ = ["Made", "make_deposit"]

_NOTED = "pieces"  # in the staging folder


@dataclass(frozen=True, kw_only=True)
class Made:
    """What is to be sealed: an archive, or a bag of what is new in it; the pieces that it carries are noted."""

    bag: Path
    reason: str
    archive_bytes: int


def make_deposit(
    request: JobRequest, payload: Payload, chain: ChainSoFar, decide: Callable[[str], Step], staging: Path
) -> Deposit:
    """Make the next deposit of a chain and record it as SPOOLED.

    Args:
        request: The job.
        payload: What is deposited.
        chain: What it follows.
        decide: Says for a key epoch whether it is full.
        staging: A private folder.

    Raises:
        PortabilityError: Of the kind that went wrong; nothing was recorded then.
    """
    epoch = payload.terms.epoch(signer=request.key.fingerprint, contents=payload.contents)
    keys = derive_index_keys(request.key, epoch) if payload.leans else None
    made = _made(request, payload, chain, _step(decide(epoch).reason, payload, keys), keys, staging)
    sealed = _seal(request, payload, chain, made)
    deposit = _deposit(request, payload, chain, made, sealed, epoch)
    rows = _rows(staging / _NOTED, keys, deposit) if keys is not None else ()
    with request.catalogue.transaction() as transaction:
        request.still_held()
        record_spooled(transaction, deposit, rows)
    return deposit


def _step(reason: str, payload: Payload, keys: IndexKeys | None) -> str:
    if reason or (payload.leans and keys is not None):
        return reason
    if not payload.leans:
        return f"deposits of class {payload.terms.deposit_class} are always full"
    return "the signing key does not sign the same bytes alike, so there is no index"


def _made(
    request: JobRequest, payload: Payload, chain: ChainSoFar, reason: str, keys: IndexKeys | None, staging: Path
) -> Made:
    if not reason and keys is not None:
        try:
            return _differential(request, payload, chain, keys, staging)
        except IndexLostError as error:
            reason = str(error)
    if keys is None:
        return Made(bag=payload.bag, reason=reason, archive_bytes=_octets(payload.bag))
    request.progress("noting what the deposit carries")
    octets = note_full(staging / _NOTED, payload.bag, request.limits)
    return Made(bag=payload.bag, reason=reason, archive_bytes=octets)


def _octets(bag: Path) -> int:
    return sum(path.stat().st_size for path in bag.rglob("*") if path.is_file())


def _differential(request: JobRequest, payload: Payload, chain: ChainSoFar, keys: IndexKeys, staging: Path) -> Made:
    bag, sequence = staging / "differential", chain.sequence
    manifests = {each.sequence: each.manifest_sha256 for each in chain.leaned_on}
    agreement = payload.terms.agreement
    written = write_differential(
        BagRequest(
            archive=payload.bag,
            bag=bag,
            index=CatalogueIndex(request.catalogue, keys, agreement, manifests, request.limits),
            agreement=agreement,
            sequence=sequence,
            info={"Bagging-Date": f"{request.now():%Y-%m-%d}", "External-Description": "Differential deposit"},
            limits=request.limits,
            progress=request.progress,
        )
    )
    request.progress("noting what the deposit carries")
    note_differential(staging / _NOTED, payload.bag, bag, sequence, request.limits)
    return Made(bag=bag, reason="", archive_bytes=written.octets)


def _rows(file: Path, keys: IndexKeys, deposit: Deposit) -> Iterator[PieceRow]:
    return sealed_rows(iter_noted(file), keys, sequence=deposit.sequence, manifest_sha256=deposit.manifest_sha256)


def _seal(request: JobRequest, payload: Payload, chain: ChainSoFar, made: Made) -> SealResult:
    terms = payload.terms
    folder = spool_folder(request.job.spool, terms.agreement, chain.sequence)
    base = None if made.reason else chain.leaned_on[0].manifest_sha256
    request.progress("sealing")
    return seal_archive(
        SealRequest(
            archive=made.bag,
            destination=folder,
            recipients=terms.recipients,
            key=request.key,
            threshold=terms.threshold,
            deposit_class=terms.deposit_class,
            chain=Chain(
                agreement=terms.agreement,
                sequence=chain.sequence,
                previous_sha256=chain.previous_sha256,
                kind="full" if made.reason else "differential",
                base_sha256=base,
                watermark=payload.watermark,
                next_by=_next_by(request),
            ),
            limits=request.limits,
            progress=request.progress,
        )
    )


def _next_by(request: JobRequest) -> str:
    schedule = request.job.schedule
    due: datetime = next_due(schedule, request.now())
    return f"{due + timedelta(seconds=schedule.missed_after_s):%Y-%m-%dT%H:%M:%SZ}"


def _deposit(
    request: JobRequest, payload: Payload, chain: ChainSoFar, made: Made, sealed: SealResult, epoch: str
) -> Deposit:
    content = (sealed.sealed / MANIFEST_JSON).read_bytes()
    if hashlib.sha256(content).hexdigest() != sealed.manifest_sha256:
        raise SealError("the manifest in the spool is not the one that was written", place=str(sealed.sealed))
    manifest, now = parse_manifest(content, request.limits), moment_text(request.now())
    full = manifest.chain.kind == "full"
    return Deposit(
        agreement=payload.terms.agreement,
        sequence=chain.sequence,
        deposit_class=manifest.deposit_class,
        job=request.job.name,
        kind=manifest.chain.kind,
        reason=made.reason,
        base_sequence=chain.sequence if full else chain.leaned_on[0].sequence,
        key_epoch=epoch,
        deposit_id=manifest.deposit_id,
        manifest_sha256=sealed.manifest_sha256,
        previous_sha256=manifest.chain.previous_sha256,
        base_sha256=manifest.chain.base_sha256,
        watermark=manifest.chain.watermark,
        next_by=manifest.chain.next_by,
        sealed_at=manifest.sealed_at,
        sealed_bytes=sealed.sealed_bytes + len(content),
        content_bytes=manifest.content_bytes,
        archive_bytes=made.archive_bytes,
        state="SPOOLED",
        spool=str(sealed.sealed),
        recorded_at=now,
        moved_at=now,
        manifest=content.decode(),
        signature=(sealed.sealed / MANIFEST_SIGNATURE).read_text(encoding="ascii"),
    )
