"""Operators: who may do what, bound to the SSH key with which they sign. Denied unless the register says otherwise.

The register is what replaying its signed steps gives: each names its predecessor's hash and is signed by whoever was
an administrator before it, the first by the first administrator. A row that somebody edited, removed or added by hand
is found whenever the register is read, and then nobody may do anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args

from portability.catalogue import moment_text, now
from portability.errors import ProcedureError
from portability.signing import PublicKey

__all__ = ["NOBODY", "ROLES", "Operator", "OperatorRules", "Register", "Role", "require_own_key", "require_two"]

Role = Literal["viewer", "operator", "approver", "auditor", "administrator"]
ROLES: tuple[Role, ...] = get_args(Role)
NOBODY = "nobody"  # never an operator: what a form says where no operator is meant
_REGISTER = "portability operator list shows the register; an administrator changes it."


@dataclass(frozen=True, kw_only=True)
class Operator:
    """A person as the register has them; valid from one moment to another, which revoking moves."""

    name: str
    roles: tuple[Role, ...]
    public_key: PublicKey
    valid_from: datetime
    valid_until: datetime | None = None
    agreement_date: date | None = None
    training_date: date | None = None

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint, as ``ssh-keygen -l`` shows it."""
        return self.public_key.fingerprint

    def is_valid(self, at: datetime) -> bool:
        """Tell whether the register lets them do anything at a moment."""
        return self.valid_from <= at and (self.valid_until is None or at < self.valid_until)

    def to_dict(self) -> dict[str, Any]:
        """Return the operator as plain JSON values."""
        return {
            "agreement_date": None if self.agreement_date is None else self.agreement_date.isoformat(),
            "name": self.name,
            "public_key": self.public_key.line,
            "roles": sorted(self.roles),
            "training_date": None if self.training_date is None else self.training_date.isoformat(),
            "valid_from": moment_text(self.valid_from),
            "valid_until": None if self.valid_until is None else moment_text(self.valid_until),
        }


@dataclass(frozen=True, kw_only=True)
class OperatorRules:
    """For how long a confidentiality agreement and a training count, in days; None: for ever, and none is needed."""

    agreement_days: int | None = None
    training_days: int | None = None

    def bar(self, operator: Operator, at: datetime) -> str:
        """Say why an operator may not release anything at a moment; empty when they may."""
        for what, since, days in (
            ("confidentiality agreement", operator.agreement_date, self.agreement_days),
            ("training", operator.training_date, self.training_days),
        ):
            if days is None:
                continue
            if since is None:
                return f"no {what} is on record"
            if at.date() > since + timedelta(days=days):
                return f"the {what} of {since.isoformat()} is older than {days} days"
        return ""


@dataclass(frozen=True, kw_only=True)
class Register:
    """The operators at one moment, by name; those whose time is over too."""

    operators: Mapping[str, Operator] = field(default_factory=dict)
    steps: int = 0
    last_hash: str = ""

    def require(
        self, name: str, role: Role, *, at: datetime | None = None, releases: OperatorRules | None = None
    ) -> Operator:
        """Return the operator, if they may act in a role.

        Args:
            name: Who says that they act.
            role: What they act as.
            at: When; now if left out.
            releases: The rules that bar somebody from a release, when this is one.

        Raises:
            ProcedureError: They may not.
        """
        moment = at or now()
        found = self.operators.get(name)
        if not self.operators:
            hint = "Make the first administrator: portability operator new NAME --bootstrap (docs/operators.md)."
            raise ProcedureError("the catalogue has no operators yet, so nobody may", place=_shown(name), hint=hint)
        if found is None:
            raise ProcedureError("is no operator of this catalogue", place=_shown(name), hint=_REGISTER)
        if not found.is_valid(moment):
            word = "not yet" if moment < found.valid_from else "no longer"
            raise ProcedureError(f"is {word} an operator", place=name, hint=_REGISTER)
        if role not in found.roles:
            has = ", ".join(sorted(found.roles)) or "none"
            raise ProcedureError(f"needs the role {role}; has {has}", place=name, hint=_REGISTER)
        if releases is not None and (why := releases.bar(found, moment)):
            hint = "Put it on record: portability operator renew."
            raise ProcedureError(f"may release nothing: {why}", place=name, hint=hint)
        return found

    def holder(self, key: PublicKey, *, but: str = "") -> Operator | None:
        """Return the operator whose key this is, valid or not; ``but`` is a name that is passed over."""
        found = (one for one in self.operators.values() if one.public_key.blob == key.blob and one.name != but)
        return next(found, None)


def require_own_key(operator: Operator, key: PublicKey) -> Operator:
    """Return the operator, if this is their key.

    Raises:
        ProcedureError: It is not.
    """
    if operator.public_key.blob != key.blob:
        message = f"the key {key.fingerprint} is not theirs"
        hint = f"The register has {operator.fingerprint} for {operator.name}."
        raise ProcedureError(message, place=operator.name, hint=hint)
    return operator


def require_two(first: Operator, second: Operator) -> None:
    """Refuse two operators who are one person.

    Raises:
        ProcedureError: They have the same name or the same key.
    """
    if first.name == second.name or first.public_key.blob == second.public_key.blob:
        hint = "Somebody else must do this step."
        raise ProcedureError("two different people with keys of their own are needed", place=second.name, hint=hint)


def _shown(name: str) -> str:
    return name[:64] or "nobody"
