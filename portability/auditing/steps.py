"""Steps that a person signs: what exactly, in which catalogue, after what, and when; so that it can be used once only.

A statement is canonical JSON. Whoever records a step keeps its bytes and the signature, and refuses a statement that it
has already: with the catalogue, the request and the hash of the step before in it, it fits in one place only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from portability.auditing.clock import chain_moment
from portability.auditing.entries import GENESIS
from portability.auditing.operators import Operator, OperatorRules, Role, require_own_key
from portability.auditing.register import read_register
from portability.catalogue import Catalogue, Transaction, canonical_text, moment_text, now, parse_moment_text
from portability.errors import ProcedureError
from portability.limits import DEFAULT_LIMITS
from portability.signing import STEP_NAMESPACE, SigningKey, check_signature

__all__ = ["StepStatement", "parse_step", "sign_step", "verify_step"]

FORMAT = "legal-portability-step 1"


@dataclass(frozen=True, kw_only=True)
class StepStatement:
    """What somebody signs when they do a step.

    Args:
        catalogue: The catalogue's id.
        request: The request's number, or what else the step belongs to.
        step: The step's name.
        operator: Who does it.
        signed_at: When.
        previous: The SHA-256 of the statement of the step before it in this request; 64 zeros for the first.
        evidence: The SHA-256 of every file of evidence.
        details: What else is stated, as text and integers.
    """

    catalogue: str
    request: str
    step: str
    operator: str
    signed_at: datetime
    previous: str = GENESIS
    evidence: tuple[str, ...] = ()
    details: Mapping[str, str | int] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the exact bytes that are signed."""
        plain = {
            **vars(self),
            "details": dict(self.details),
            "evidence": sorted(self.evidence),
            "format": FORMAT,
            "signed_at": moment_text(self.signed_at),
        }
        return canonical_text(plain).encode()


def sign_step(key: SigningKey, statement: StepStatement | bytes) -> str:
    """Sign a statement; returns the armored signature.

    Raises:
        ConfigError: The ssh-agent refused.
    """
    content = statement if isinstance(statement, bytes) else statement.to_bytes()
    return key.sign(content, namespace=STEP_NAMESPACE).decode("ascii")


def parse_step(content: bytes) -> StepStatement:
    """Read a statement's exact bytes.

    Raises:
        ProcedureError: They are none, or not in their one form.
    """
    try:
        plain: dict[str, Any] = json.loads(content)
        if plain.pop("format") != FORMAT:
            raise ValueError(FORMAT)  # noqa: TRY301
        plain["signed_at"] = parse_moment_text(plain["signed_at"])
        found = StepStatement(**{**plain, "evidence": tuple(plain["evidence"])})
        if found.to_bytes() != content:
            raise ValueError(FORMAT)  # noqa: TRY301
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ProcedureError("is no statement of a step in its one form", place="step") from error
    return found


def verify_step(
    where: Catalogue | Transaction,
    statement: bytes,
    signature: str,
    *,
    role: Role,
    fresh: bool = True,
    releases: OperatorRules | None = None,
) -> Operator:
    """Return who did a step, as the register had them then.

    Args:
        where: The catalogue, or the transaction that records the step.
        statement: The exact bytes.
        signature: Its armored signature.
        role: What they had to be.
        fresh: The step is being recorded: it was signed just now, and they may act now too.
        releases: The rules that bar somebody from a release, when this step is one.

    Raises:
        ProcedureError: It is of another catalogue, not fresh, by nobody who might, or not by their key.
        SignatureError: The signature is not over these bytes, or for another purpose.
    """
    if isinstance(where, Catalogue):
        with where.reading() as transaction:
            return verify_step(transaction, statement, signature, role=role, fresh=fresh, releases=releases)
    step = parse_step(statement)
    if step.catalogue != where.catalogue_id:
        raise ProcedureError("was signed for another catalogue", place=step.step[:64])
    found = check_signature(statement, signature.encode(), namespace=STEP_NAMESPACE)
    moment = chain_moment(where) if fresh else now()
    age = moment - step.signed_at
    if age < -timedelta(seconds=DEFAULT_LIMITS.step_skew_s):
        raise ProcedureError("says that it was signed in the future", place=step.step[:64], hint="Set the clock.")
    if fresh:
        if age > timedelta(seconds=DEFAULT_LIMITS.step_age_s_max):
            raise ProcedureError("was signed too long ago to be recorded now", place=step.step[:64], hint="Sign again.")
        operator = read_register(where).require(step.operator, role, at=moment, releases=releases)
        require_own_key(operator, found.key)
    operator = read_register(where, until=step.signed_at).require(step.operator, role, at=step.signed_at)
    return require_own_key(operator, found.key)
