"""Opening requests and recording steps: looked at, signed, and written in one transaction with its audit entry.

The order: the request is followed from its signed steps; the new step is judged; evidence is kept; the operator's key
signs; and in one transaction the request is looked at again, the step added, the audit entry written. What is refused
is recorded as refused, and nothing else is changed.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from portability.auditing import NOBODY, NewEntry, OperatorRules, sign_step
from portability.auditing.clock import chain_moment
from portability.auditing.entries import ACTOR
from portability.errors import PortabilityError, ProcedureError, ScopeError, SignatureError
from portability.governing.artefacts import check_archive, describe_artefact, scope_of_artefact
from portability.governing.course import Course, check_event
from portability.governing.events import Artefact, Event, Evidence, Opening, SignedEvent, statement_of
from portability.governing.evidence import describe_file
from portability.governing.register import Request
from portability.governing.step_content import SCOPE, named_operators
from portability.governing.witness import Witness
from portability.limits import DEFAULT_LIMITS
from portability.scoping import Scope, canonical_scope

if TYPE_CHECKING:
    from portability.catalogue import Catalogue, Transaction
    from portability.governing.kinds import Kind, Step
    from portability.governing.register import Register
    from portability.signing import SigningKey

__all__ = ["Actor", "StepContent", "new_request", "record_step"]

_ATTEMPTS = 20  # to take the next number, while others open requests too
_NAME = re.compile(r"[a-z][a-z0-9_]{1,39}")


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who does it, with which key; ``rules`` say when an agreement or a training is too old to release anything."""

    name: str
    key: SigningKey
    rules: OperatorRules | None = None


@dataclass(frozen=True, kw_only=True)
class StepContent:
    """What a step says and proves. ``made`` is an artefact that the program itself has just made and hashed."""

    fields: Mapping[str, str] = field(default_factory=dict)
    evidence: Sequence[tuple[str, Path]] = ()
    scope: Scope | None = None
    artefact: Path | None = None
    made: Artefact | None = None


def new_request(
    register: Register, kind: Kind, content: StepContent, actor: Actor, *, now: datetime | None = None
) -> Request:
    """Open a request: its first step is recorded, under the next number.

    Raises:
        ProcedureError: The first step lacks something, or the operator may not.
    """
    with refusals(register, actor, action="request.new", details={"kind": kind.name}):
        if register.silent and not kind.may_be_silent:
            raise ProcedureError(f"a request of kind {kind.name} is never silent")
        for _ in range(_ATTEMPTS):
            with register.catalogue.reading() as transaction:
                number = register.last(transaction) + 1
            course = Course(kind=kind, silent=register.silent)
            fresh = Request(number=number, text=register.text(number), course=course, signed=())
            opening = Opening(kind=kind.name, kind_sha256=kind.sha256, silent=register.silent)
            try:
                return _record(register, fresh, kind.first.name, content, actor, opening=opening, now=now)
            except _OvertakenError:
                continue
        raise ProcedureError("others take every number first", hint="Try again.")


def record_step(
    register: Register,
    number: str,
    step: str | Callable[[Course], str],
    content: StepContent,
    actor: Actor,
    *,
    now: datetime | None = None,
) -> Request:
    """Record the next step of a request.

    Args:
        step: Its name, or what finds it: the one that approves, say.

    Raises:
        ProcedureError: It is not due, lacks something, or the operator may not; or somebody recorded one meanwhile.
        ScopeError: What was made was made with another scope.
        CatalogueError: The request is not as it was signed.
    """
    with refusals(register, actor, action="request.record") as details:
        with register.catalogue.reading() as transaction:
            request = register.load(transaction, number)
        details["request"] = request.text
        name = step if isinstance(step, str) else step(request.course)
        details["step"] = name if _NAME.fullmatch(name) else "unknown"
        try:
            return _record(register, request, name, content, actor, now=now)
        except _OvertakenError as error:
            raise ProcedureError(error.message, place=error.place, hint=error.hint) from None


class _OvertakenError(ProcedureError):
    """Somebody was quicker."""


def _record(  # noqa: PLR0913 -- what a step is made of
    register: Register,
    request: Request,
    step_name: str,
    content: StepContent,
    actor: Actor,
    *,
    opening: Opening | None = None,
    now: datetime | None = None,
) -> Request:
    course, limit = request.course, register.evidence.size_bytes_max
    with register.catalogue.reading() as transaction:
        moment = chain_moment(transaction)
    files = [(path, describe_file(path, kind=kind, size_bytes_max=limit)) for kind, path in content.evidence]
    scope, scope_sha256 = _scope(course, step_name, content)
    artefact = content.made or (describe_artefact(content.artefact) if content.artefact is not None else None)
    if artefact is not None and content.artefact is not None:
        _refuse_by_hand(course, step_name, artefact)
        scope_sha256 = scope_of_artefact(content.artefact, form=artefact.form, fixed=course.scope_sha256)
        _check_by_hand(register, course, step_name, content.artefact, artefact)
    event = Event(
        catalogue=register.catalogue.id,
        request=request.text,
        sequence=len(course.events) + 1,
        previous=request.head,
        step=step_name,
        at=now or moment,
        operator=actor.name,
        key=actor.key.fingerprint,
        fields=dict(content.fields),
        evidence=tuple(found for _, found in files) + ((scope,) if scope is not None else ()),
        scope_sha256=scope_sha256,
        artefact=artefact,
        opening=opening,
    )
    step = check_event(course, event)
    with register.catalogue.reading() as transaction:
        _require(transaction, step, event, actor)
    for path, found in files:
        with path.open("rb") as stream:
            register.evidence.keep(stream, found.sha256)
    if scope is not None and content.scope is not None:
        register.evidence.keep(io.BytesIO(canonical_scope(content.scope)), scope.sha256)
    statement = statement_of(event)
    signed = SignedEvent(event=event, statement=statement, signature=sign_step(actor.key, statement).encode())
    return _write(register, request, step, signed, actor)


def _refuse_by_hand(course: Course, step_name: str, artefact: Artefact) -> None:
    """Refuse what only the program can vouch for: a scope inside a sealed archive, a hand-over that it makes itself."""
    step = course.kind.step(step_name)
    exports = any(each.does == "export" for each in course.kind.course)
    if step is not None and step.does == "release" and not exports:
        hint = step.about or "The command that hands it over records it."
        raise ProcedureError(f"the step {step.name} is recorded by doing it, not by hand", hint=hint)
    if step is not None and step.does == "export" and artefact.form == "sealed" and course.kind.scope != "none":
        hint = "Seal while exporting: portability export SOURCE SEALED --request NUMBER --to RECIPIENT --sign KEY"
        raise ProcedureError("a sealed archive does not show its scope", hint=hint)


def _check_by_hand(register: Register, course: Course, step_name: str, path: Path, artefact: Artefact) -> None:
    """Check the rows of an export that somebody made elsewhere; its own word for its scope is not enough."""
    step, fixed = course.kind.step(step_name), course.scope_sha256
    if step is not None and step.does == "export" and step.artefact == "archive" and fixed is not None:
        check_archive(path, artefact, register.evidence.read(fixed))


def _scope(course: Course, step_name: str, content: StepContent) -> tuple[Evidence | None, str | None]:
    """Return the scope as evidence, and the hash that the step names: of what was given, proposed or fixed."""
    step = course.kind.step(step_name)
    if content.scope is not None:
        sha256, size = content.scope.sha256, len(canonical_scope(content.scope))
        evidence = Evidence(
            kind=SCOPE, name="scope.json", sha256=sha256, size_bytes=size, media_type="application/json"
        )
        return evidence, sha256
    if step is not None and step.fixes_scope:
        proposed = [event.scope_sha256 for event in course.events if event.scope_sha256 is not None]
        return None, proposed[-1] if proposed else None
    return None, course.scope_sha256 if step is not None and step.does else None


def _require(transaction: Transaction, step: Step, event: Event, actor: Actor) -> Witness:
    """Judge who records a step by the register as it was when they signed, and as it stands."""
    witness, moment = Witness(transaction), chain_moment(transaction)
    releases = actor.rules if step.does == "release" else None
    witness.require(actor.name, step.roles, at=event.at, releases=releases)
    operator = witness.require_now(actor.name, step.roles, at=max(event.at, moment), releases=releases)
    if operator.fingerprint != actor.key.fingerprint:
        hint = f"The register has {operator.fingerprint} for {operator.name}."
        raise ProcedureError(f"the key {actor.key.fingerprint} is not theirs", place=operator.name, hint=hint)
    known = {NOBODY, *(one.name for one in witness.operators())}
    for asked in step.fields:
        names = named_operators(event.fields.get(asked.name, NOBODY)) if asked.type == "operators" else ()
        if {*names} - known:
            hint = "portability operator list --all shows the register; nobody: no operator is meant."
            raise ProcedureError(f"the field {asked.name!r} names somebody who is no operator", hint=hint)
    return witness


def _write(register: Register, request: Request, step: Step, signed: SignedEvent, actor: Actor) -> Request:
    event = signed.event
    with register.catalogue.transaction() as transaction:
        transaction.lock("requests")
        _refuse_overtaken(register, transaction, request)
        witness = _require(transaction, step, event, actor)
        witness.check(signed, step.roles)
        register.add(transaction, request.number, event.sequence, signed)
        register.audit(transaction, _entry(request, step, signed))
    return replace(request, course=request.course.after(event), signed=(*request.signed, signed))


def _refuse_overtaken(register: Register, transaction: Transaction, request: Request) -> None:
    if not request.signed:
        if register.last(transaction) >= request.number:
            raise _OvertakenError("somebody else has just taken the number")
        return
    if len(request.signed) >= DEFAULT_LIMITS.request_events_max:
        raise ProcedureError(f"a request has at most {DEFAULT_LIMITS.request_events_max} steps")
    if register.load(transaction, request.text).head != request.head:
        hint = f"Look again: portability request show {request.text}"
        raise _OvertakenError("somebody else has just recorded a step", place=request.text, hint=hint)


def _entry(request: Request, step: Step, signed: SignedEvent) -> NewEntry:
    event, kind = signed.event, request.course.kind
    releases = step.does is not None or step.approves
    details: dict[str, str | int] = {
        "kind": kind.name,
        "step": step.name,
        "sequence": event.sequence,
        "statement_sha256": signed.sha256,
    }
    if event.artefact is not None:
        details["artefact_sha256"] = event.artefact.sha256
    if event.scope_sha256 is not None:
        details["scope_sha256"] = event.scope_sha256
    return NewEntry(
        action="request.new" if event.opening is not None else f"request.{step.does or 'record'}",
        actor=event.operator,
        subject=f"request:{request.text}",
        purpose=kind.purpose if releases else "",
        basis=kind.lawful_basis if releases else "",
        details=details,
    )


@contextmanager
def refusals(
    register: Register,
    actor: Actor,
    *,
    action: str,
    details: Mapping[str, str | int] | None = None,
) -> Iterator[dict[str, str | int]]:
    """Record in the register's chain whatever is refused inside; nothing that was typed stands in the entry."""
    found: dict[str, str | int] = {**(details or {})}
    try:
        yield found
    except (ProcedureError, ScopeError, SignatureError) as error:
        subject = f"request:{found.pop('request')}" if "request" in found else ""
        found |= {"error": type(error).__name__.removeprefix("_"), "exit_code": error.exit_code}
        name = actor.name if ACTOR.fullmatch(actor.name) else "unknown"
        entry = NewEntry(action=action, actor=name, subject=subject, outcome="refused", details=found)
        _record_quietly(register, register.catalogue, entry)
        raise


def _record_quietly(register: Register, catalogue: Catalogue, entry: NewEntry) -> None:
    try:
        register.audit(catalogue, entry)
    except PortabilityError:
        return  # the refusal itself is what the person must see
