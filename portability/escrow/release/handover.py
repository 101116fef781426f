"""The release itself: for a request whose turn it is, of the deposit that was claimed, to the key that was checked.

Legal order: everything before it is recorded through ``portability request``; ``hand_over`` asks the gate, compares the
claim and the approval with what lies in the depository, wraps the key, fills the bundle under a private name, records
the step with the bundle's hash, hashes it again and gives it its name. A run killed after the step was recorded is
finished by the next, which finds the bundle by its hash; killed before, nothing was released and nothing has the final
name. One run at a time fills a bundle: the private folder is locked for as long as a run lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from portability.catalogue import now as this_moment
from portability.errors import ArchiveExistsError, ConfigError, PortabilityError, ProcedureError
from portability.escrow.chain_folders import ChainedDeposit, needed_deposits
from portability.escrow.receiving.judging import moment_text
from portability.escrow.receiving.receipts import receipt_paths
from portability.escrow.release.bundle import ENVELOPES, STATEMENT, make_bundle
from portability.escrow.release.statement import FORMAT, VERSION, ReleasedDeposit, ReleaseStatement
from portability.escrow.release.wrapping import Wrapped, wrap_for
from portability.escrow.signed_files import decode_document, read_bounded, signature_path
from portability.governing import StepContent, record_step, require_release
from portability.governing.artefacts import describe_artefact
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.manifest import Recipient
from portability.streams import sync_directory

if TYPE_CHECKING:
    from portability.governing import Actor, Artefact, Authorisation, Request
    from portability.governing.register import Register
    from portability.sealing.encryption import Identity
    from portability.sealing.recipients import NamedRecipient
    from portability.signing import Policy

__all__ = ["HandOver", "HandedOver", "hand_over"]

KIND = "escrow_release"


@dataclass(frozen=True, kw_only=True)
class HandOver:
    """What is handed over, and by whom.

    Attributes:
        register: Where the request is.
        number: The request.
        folder: The depository.
        bundle: The new bundle's folder.
        to: The beneficiary's key, under the name that the bundle gives it.
        identities: Of the custodians who open the deposit's key, as many as it takes.
        actor: Who does it.
        policy: Whose deposits are believed.
    """

    register: Register
    number: str
    folder: Path
    bundle: Path
    to: NamedRecipient
    actor: Actor
    policy: Policy
    identities: tuple[Identity, ...] = field(repr=False)
    now: datetime | None = None
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = field(default=lambda _: None)


@dataclass(frozen=True, kw_only=True)
class HandedOver:
    """What was handed over."""

    bundle: Path
    request: str
    statement: ReleaseStatement
    artefact_sha256: str
    finished: bool = False  # an earlier run had recorded it


def hand_over(request: HandOver) -> HandedOver:
    """Release a deposit.

    Raises:
        ProcedureError: It is not the request's turn, the person may not, or it is another deposit or key than approved.
        ArchiveExistsError: The bundle exists.
        PortabilityError: A deposit is not whole, does not open, or the bundle cannot be written.
    """
    bundle = Path(os.path.abspath(request.bundle))  # noqa: PTH100 -- resolve() would follow a link at the destination
    with _own_part(bundle) as part:
        found = _load(request)
        if "released" in found.course.recorded:
            return _finish(found, part, bundle)
        authorisation = require_release(request.register, request.number, request.actor, act="release", now=request.now)
        deposits = _deposits(request, _claim(found))
        _check_recipient(found, request.to)
        envelopes = [wrap_for(each, request.identities, request.to, request.limits) for each in deposits]
        statement = _statement(request, found, authorisation, envelopes)
        made = _made(request, part, deposits, envelopes, statement)
        _record(request, authorisation, made, part)
        _publish(part, bundle, made.sha256)
    return HandedOver(bundle=bundle, request=found.text, statement=statement, artefact_sha256=made.sha256)


@contextmanager
def _own_part(bundle: Path) -> Iterator[Path]:
    """Yield the private folder that becomes the bundle, which no other run has; an empty one goes again.

    Raises:
        ArchiveExistsError: The bundle exists.
        ProcedureError: Another run has it.
        ConfigError: It cannot be made.
    """
    part = bundle.with_name(f".{bundle.name}.part")
    if os.path.lexists(bundle):
        raise ArchiveExistsError("the bundle exists", place=str(bundle), hint="Nothing is overwritten; name another.")
    try:
        part.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except OSError as error:
        raise ConfigError(f"the bundle cannot be written: {error.strerror}", place=str(part)) from error
    try:
        if not _locked(descriptor, part):
            hint = "Let it end; then, if the bundle is not there, run this again."
            raise ProcedureError("another run is handing over into this bundle", place=str(bundle), hint=hint)
        try:
            yield part
        finally:
            with contextlib.suppress(OSError):
                part.rmdir()  # refuses where anything is in it
    finally:
        os.close(descriptor)


def _locked(descriptor: int, part: Path) -> bool:
    """Lock a folder; not one that another run has, or that has given its name away since it was opened."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), part.lstat())
    except OSError:
        return False


def _made(
    request: HandOver,
    part: Path,
    deposits: tuple[ChainedDeposit, ...],
    envelopes: list[Wrapped],
    statement: ReleaseStatement,
) -> Artefact:
    try:
        for left in part.iterdir():  # of a run that was killed before it recorded anything
            shutil.rmtree(left) if left.is_dir() and not left.is_symlink() else left.unlink()
        _fill(request, part, deposits, envelopes, statement)
        return describe_artefact(part)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise ConfigError(f"the bundle cannot be written: {error.strerror}", place=str(part)) from error
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise


def _record(request: HandOver, authorisation: Authorisation, made: Artefact, part: Path) -> None:
    """Record the release; what is refused leaves nothing, and what may have been recorded stays to be finished."""
    content = StepContent(made=made)
    try:
        record_step(request.register, request.number, authorisation.step, content, request.actor, now=request.now)
    except PortabilityError:
        recorded = _load(request).course.recorded.get("released")
        if recorded is None or recorded.artefact is None or recorded.artefact.sha256 != made.sha256:
            shutil.rmtree(part, ignore_errors=True)
        raise


def _load(request: HandOver) -> Request:
    with request.register.catalogue.reading() as transaction:
        found = request.register.load(transaction, request.number)
    if found.course.kind.name != KIND:
        hint = f"Deposits are released for a request of kind {KIND}."
        raise ProcedureError(f"is a request of kind {found.course.kind.name}", place=found.text, hint=hint)
    return found


def _finish(found: Request, part: Path, bundle: Path) -> HandedOver:
    """Give a bundle its name that a killed run recorded and did not publish."""
    recorded = found.course.recorded["released"].artefact
    if recorded is None or describe_artefact(part).sha256 != recorded.sha256:
        hint = "What was handed over then is the bundle with the hash that portability request show gives."
        raise ProcedureError("it was released already", place=found.text, hint=hint)
    content = read_bounded(part / STATEMENT)
    statement = decode_document(content, ReleaseStatement, name=FORMAT, version=VERSION, place=STATEMENT)
    _publish(part, bundle, recorded.sha256)
    return HandedOver(
        bundle=bundle, request=found.text, statement=statement, artefact_sha256=recorded.sha256, finished=True
    )


def _publish(part: Path, bundle: Path, sha256: str) -> None:
    """Give the bundle its name, if it is, now, what was recorded."""
    if describe_artefact(part).sha256 != sha256:
        hint = (
            "Find out who writes there. The release is recorded with the right bundle's hash, and cannot be repeated."
        )
        raise ProcedureError("the bundle was changed after it was recorded; not given", place=str(part), hint=hint)
    part.rename(bundle)
    sync_directory(bundle.parent)


def _claim(found: Request) -> dict[str, str]:
    return dict(found.course.recorded["requested"].fields)


def _deposits(request: HandOver, claim: dict[str, str]) -> tuple[ChainedDeposit, ...]:
    """Return the deposits of the claim; the one claimed must be, to the byte, the one that was approved."""
    name, number = claim["agreement"], claim["sequence"]
    folder = request.folder / name
    if not number.isdecimal() or Path(name).name != name or not folder.is_dir():
        raise ProcedureError("the deposit of the request is not in this depository", place=f"{name} {number}")
    deposits = needed_deposits(folder, sequence=int(number), policy=request.policy, limits=request.limits)
    last = deposits[-1]
    if last.authentic.manifest_sha256 != claim["manifest_sha256"]:
        hint = "Withdraw the request, find out why the deposit differs, and open a new one."
        raise ProcedureError("the deposit is not the one that was approved: its manifest has another hash", hint=hint)
    if last.manifest.deposit_class != claim["deposit_class"] or last.manifest.chain.agreement != name:
        found = f"{last.manifest.chain.agreement}, {last.manifest.deposit_class}"
        raise ProcedureError("the deposit is of another agreement or class than was approved", place=found)
    return deposits


def _check_recipient(found: Request, to: NamedRecipient) -> None:
    checked = found.course.recorded["recipient_checked"].fields
    if checked["recipient_fingerprint"].strip() != to.key.fingerprint:
        hint = "Only the key whose fingerprint was checked and approved is wrapped for."
        message = f"this is not the key that was approved: its fingerprint is {to.key.fingerprint}"
        raise ProcedureError(message, place=to.name, hint=hint)


def _statement(
    request: HandOver, found: Request, authorisation: Authorisation, envelopes: list[Wrapped]
) -> ReleaseStatement:
    claim, moment = _claim(found), request.now or this_moment()
    return ReleaseStatement(
        format=FORMAT,
        version=VERSION,
        request=found.text,
        agreement=claim["agreement"],
        deposit_class=claim["deposit_class"],
        purpose=authorisation.purpose,
        lawful_basis=authorisation.lawful_basis,
        released_at=moment_text(moment.astimezone(UTC)),
        released_by=request.actor.name,
        key=request.actor.key.fingerprint,
        approved_by=found.course.recorded["releasable"].operator,
        recipient=Recipient(name=request.to.name, kind=request.to.key.kind, fingerprint=request.to.key.fingerprint),
        deposits=tuple(
            ReleasedDeposit(
                sequence=each.sequence,
                manifest_sha256=each.manifest_sha256,
                commitment=each.commitment,
                envelope=f"{ENVELOPES}/{each.sequence:06d}.age",
                envelope_sha256=each.sha256,
                opened_by=each.opened_by,
            )
            for each in envelopes
        ),
    )


def _fill(
    request: HandOver,
    part: Path,
    deposits: tuple[ChainedDeposit, ...],
    envelopes: list[Wrapped],
    statement: ReleaseStatement,
) -> None:
    receipts = [
        receipt for each in deposits for receipt in receipt_paths(request.folder, statement.agreement, each.sequence)
    ]
    make_bundle(
        part,
        deposits,
        envelopes,
        statement,
        request.actor.key,
        also=[path for receipt in receipts for path in (receipt, signature_path(receipt))],
    )
