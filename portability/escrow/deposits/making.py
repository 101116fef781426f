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
from portability.escrow.deposits.index_keys import IndexKeys, Location, derive_index_keys
from portability.escrow.deposits.sampling import check_bag_sample, check_sample
from portability.escrow.deposits.schedule import next_due
from portability.escrow.deposits.spool import spool_folder
from portability.escrow.deposits.writing import BagRequest, iter_own_pieces, write_differential
from portability.sealing.differential import iter_entries
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE, Chain
from portability.sealing.reading import parse_manifest
from portability.sealing.seal import SealRequest, SealResult, seal_archive

if TYPE_CHECKING:
    from portability.escrow.deposits.planning import ChainSoFar, Step
    from portability.escrow.deposits.requests import JobRequest, Payload

__all__ = ["Made", "make_deposit"]


@dataclass(frozen=True, kw_only=True)
class Made:
    """What is to be sealed, and the pieces that it carries: all of an archive's, or those in a bag of what is new."""

    bag: Path
    reason: str
    archive_bytes: int
    pieces: Callable[[], Iterator[tuple[str, Location]]]


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
    noted = staging / "pieces"
    if keys is not None:
        _note(noted, made.pieces())
    sealed = _seal(request, payload, chain, made)
    deposit = _deposit(request, payload, chain, made, sealed, epoch)
    rows = _rows(noted, keys, deposit) if keys is not None else ()
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
    if payload.leans:
        request.progress("reading a sample again")
        check_sample(payload.bag, iter_own_pieces(payload.bag, request.limits), request.limits)
    return Made(
        bag=payload.bag,
        reason=reason,
        archive_bytes=_octets(payload.bag),
        pieces=lambda: iter_own_pieces(payload.bag, request.limits),
    )


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
    request.progress("reading a sample again")
    check_bag_sample(payload.bag, bag, sequence, request.limits)
    return Made(
        bag=bag,
        reason="",
        archive_bytes=written.octets,
        pieces=lambda: _new_pieces(bag, sequence, request),
    )


def _new_pieces(bag: Path, sequence: int, request: JobRequest) -> Iterator[tuple[str, Location]]:
    for entry in iter_entries(bag, request.limits):
        for piece in entry.pieces:
            if piece.deposit == sequence:
                yield piece.sha256, Location(path=piece.path, offset=piece.offset, size_bytes=piece.size_bytes)


def _note(file: Path, pieces: Iterator[tuple[str, Location]]) -> None:
    """Keep the pieces beside the archive until the manifest is known; the catalogue is not held up meanwhile."""
    with file.open("x", encoding="ascii") as stream:
        for sha256, location in pieces:
            stream.write(f"{sha256} {location.offset} {location.size_bytes} {location.path}\n")


def _noted(file: Path) -> Iterator[tuple[str, Location]]:
    with file.open(encoding="ascii") as stream:
        for line in stream:
            sha256, offset, size, path = line.rstrip("\n").split(" ", 3)
            yield sha256, Location(path=path, offset=int(offset), size_bytes=int(size))


def _rows(file: Path, keys: IndexKeys, deposit: Deposit) -> Iterator[PieceRow]:
    return sealed_rows(_noted(file), keys, sequence=deposit.sequence, manifest_sha256=deposit.manifest_sha256)


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
