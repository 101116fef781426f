"""The gate: an export or a release for a request runs only when its step is due, by whom may do it, within its scope.

``require_release`` asks before anything is read or handed over; ``record_step`` judges the same again when it is done.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from portability.auditing.clock import chain_moment
from portability.errors import ProcedureError, ScopeError
from portability.governing.calendars import local_day
from portability.governing.course import check_turn
from portability.governing.recording import refusals
from portability.governing.witness import Witness
from portability.scoping import Scope, parse_scope

if TYPE_CHECKING:
    from portability.governing.kinds import Step
    from portability.governing.recording import Actor
    from portability.governing.register import Register, Request

__all__ = ["Authorisation", "fixed_scope", "require_release"]

Act = Literal["export", "release"]


@dataclass(frozen=True, kw_only=True)
class Authorisation:
    """What may be done now: the step that it is, and the scope that was fixed (None: the whole source)."""

    request: str
    step: str
    purpose: str
    lawful_basis: str
    customer: str
    scope: Scope | None
    artefact_sha256: str | None

    @property
    def scope_sha256(self) -> str | None:
        """The hash of the scope."""
        return None if self.scope is None else self.scope.sha256


def require_release(
    register: Register,
    number: str,
    actor: Actor,
    *,
    act: Act = "release",
    scope: Scope | None = None,
    now: datetime | None = None,
) -> Authorisation:
    """Return what may be done for a request now.

    Args:
        act: ``export`` or ``release``.
        scope: A scope that was given besides; it must be the one that was fixed.

    Raises:
        ProcedureError: The request's next step is another, or this operator may not.
        ScopeError: The scope is not the one that was fixed.
    """
    with refusals(register, actor, action=f"request.{act}") as details:
        with register.catalogue.reading() as transaction:
            request = register.load(transaction, number)
            witness, moment = Witness(transaction), max(now or chain_moment(transaction), chain_moment(transaction))
        details["request"] = request.text
        step = _step(request, act)
        check_turn(request.course, step.name, operator=actor.name, key=actor.key.fingerprint, today=local_day(moment))
        witness.require_now(actor.name, step.roles, at=moment, releases=actor.rules if act == "release" else None)
        fixed = request.course.scope_sha256
        if scope is not None and scope.sha256 != fixed:
            hint = f"Leave --scope out: the scope of {request.text} is taken from the request."
            raise ScopeError("this is not the scope that was fixed for the request", place=request.text, hint=hint)
        made = request.course.artefact
        return Authorisation(
            request=request.text,
            step=step.name,
            purpose=request.course.kind.purpose,
            lawful_basis=request.course.kind.lawful_basis,
            customer=request.customer,
            scope=fixed_scope(register, request),
            artefact_sha256=None if made is None else made.sha256,
        )


def _step(request: Request, act: str) -> Step:
    found = next((step for step in request.course.kind.course if step.does == act), None)
    if found is None:
        kind = request.course.kind.name
        raise ProcedureError(f"a request of kind {kind} has no {act}", place=request.text)
    return found


def fixed_scope(register: Register, request: Request) -> Scope | None:
    """Return the scope that was fixed for a request; None before, and where the whole source is meant.

    Raises:
        ConfigError: Its file is not among the evidence any more.
        ScopeError: It is another one.
    """
    sha256 = request.course.scope_sha256
    if sha256 is None:
        return None
    scope = parse_scope(register.evidence.read(sha256), place=f"scope of {request.text}")
    if scope.sha256 != sha256:
        raise ScopeError("the scope in evidence is not the one that was fixed", place=request.text)
    return scope
