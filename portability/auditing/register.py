"""Reading and changing the register of operators: every change is a step, signed by an administrator and audited."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any, Literal

from portability.auditing.clock import SKEW, chain_moment
from portability.auditing.entries import ACTOR, GENESIS, NewEntry, append, entry_of
from portability.auditing.operators import NOBODY, ROLES, Operator, OperatorRules, Register, Role
from portability.auditing.running import refused
from portability.catalogue import (
    Catalogue,
    Transaction,
    canonical_text,
    moment_text,
    parse_moment_text,
    sha256_text,
)
from portability.catalogue.audit_tables import newest_about
from portability.catalogue.operator_tables import OperatorStepRow, add_operator_step, iter_operator_steps
from portability.errors import CatalogueError, ProcedureError, SignatureError
from portability.limits import DEFAULT_LIMITS
from portability.signing import OPERATOR_NAMESPACE, SigningKey, check_signature
from portability.signing.public_keys import parse_public_line

__all__ = ["change_register", "iter_register", "read_history", "read_register", "require"]

FORMAT = "legal-portability-operator-step 1"
Change = Literal["bootstrap", "new", "renew", "revoke"]


def read_register(where: Catalogue | Transaction, *, until: datetime | None = None) -> Register:
    """Return the register, now or as it was at a moment; every signature in it is checked.

    Raises:
        CatalogueError: A step of it is not as it was signed.
    """
    if isinstance(where, Catalogue):
        with where.reading() as transaction:
            return read_register(transaction, until=until)
    register = Register()
    for moment, found in read_history(where):
        if until is not None and moment > until:
            break
        register = found
    return register


def read_history(transaction: Transaction) -> tuple[tuple[datetime, Register], ...]:
    """Return the register after each of its steps; the last of them is the one that the audit chain names last.

    Raises:
        CatalogueError: A step is not as it was signed, or steps were taken away from the end.
    """
    history = tuple(iter_register(transaction.catalogue_id, iter_operator_steps(transaction)))
    last = history[-1][1].last_hash if history else GENESIS
    if last != _named_last(transaction):
        hint = "The register was changed by hand; nobody may do anything. Compare with: portability audit verify"
        message = "the register is not as it was signed: its last step is not the one that the audit chain names"
        raise CatalogueError(message, place="operator step", hint=hint)
    return history


def _named_last(transaction: Transaction) -> str:
    """Return the hash of the register's last step, as the audit chain has it."""
    row = newest_about(transaction, "operator:", stating="step_sha256")
    try:
        return GENESIS if row is None else str(entry_of(row).details["step_sha256"])
    except (ValueError, KeyError):
        return ""  # a damaged entry names none


def require(
    where: Catalogue | Transaction, operator: str, role: Role, *, releases: OperatorRules | None = None
) -> Operator:
    """Return the operator, if the register lets them act in a role now; see ``Register.require``.

    Raises:
        ProcedureError: They may not.
        CatalogueError: The register is not as it was signed.
    """
    return read_register(where).require(operator, role, releases=releases)


def iter_register(catalogue_id: str, rows: Iterable[OperatorStepRow]) -> Iterable[tuple[datetime, Register]]:
    """Yield the register after each step, with the step's moment.

    Raises:
        CatalogueError: A step is not as it was signed, or signed by somebody who might not.
    """
    register, latest = Register(last_hash=GENESIS), None
    for row in rows:
        place = f"operator step {row.number}"
        try:
            step = json.loads(row.document)
            if canonical_text(step) != row.document:
                raise ValueError("is not canonical JSON")  # noqa: TRY301 -- one place turns them all into ours
            moment, operator = _admitted(step, row, register, catalogue_id)
            if latest is not None and moment < latest - SKEW:
                raise ValueError("is earlier than the step before it")  # noqa: TRY301
        except (ValueError, KeyError, TypeError, AttributeError, SignatureError) as error:
            reason = error.message if isinstance(error, SignatureError) else f"it {error}"
            hint = "The register was changed by hand; nobody may do anything. Compare with: portability audit verify"
            raise CatalogueError(f"the register is not as it was signed: {reason}", place=place, hint=hint) from error
        operators = {**register.operators, operator.name: operator}
        register = Register(operators=operators, steps=row.number, last_hash=sha256_text(row.document))
        if row.number > DEFAULT_LIMITS.operators_max:
            raise CatalogueError(f"the register is longer than the limit of {DEFAULT_LIMITS.operators_max}")
        latest = moment if latest is None else max(latest, moment)
        yield latest, register


def _admitted(
    step: dict[str, Any], row: OperatorStepRow, register: Register, catalogue_id: str
) -> tuple[datetime, Operator]:
    """Return a step's moment and operator, if it follows and its signer might make it."""
    expected = (FORMAT, catalogue_id, register.steps + 1, register.last_hash)
    if (step["format"], step["catalogue"], step["number"], step["previous"]) != expected or row.number != step[
        "number"
    ]:
        raise ValueError("does not follow the step before it")
    moment, operator = parse_moment_text(step["at"]), _operator(step["operator"])
    signature = check_signature(row.document.encode(), row.signature.encode(), namespace=OPERATOR_NAMESPACE)
    if step["change"] == "bootstrap":
        if register.steps or step["by"] != operator.name or signature.key.blob != operator.public_key.blob:
            raise ValueError("is a second beginning, or not signed by its own administrator")
    else:
        by = register.operators.get(step["by"])
        if by is None or "administrator" not in by.roles or not by.is_valid(moment):
            raise ValueError("was made by nobody who was an administrator")
        if by.public_key.blob != signature.key.blob:
            raise ValueError("is not signed with its administrator's key")
    return moment, operator


def _operator(plain: dict[str, Any]) -> Operator:
    until, agreement, training = plain["valid_until"], plain["agreement_date"], plain["training_date"]
    return Operator(
        name=plain["name"],
        roles=tuple(plain["roles"]),
        public_key=parse_public_line(plain["public_key"]),
        valid_from=parse_moment_text(plain["valid_from"]),
        valid_until=None if until is None else parse_moment_text(until),
        agreement_date=None if agreement is None else date.fromisoformat(agreement),
        training_date=None if training is None else date.fromisoformat(training),
    )


def change_register(catalogue: Catalogue, change: Change, operator: Operator, *, by: str, key: SigningKey) -> Operator:
    """Add, renew or revoke an operator, as an administrator; the change and its audit entry are one transaction.

    Args:
        catalogue: The open catalogue.
        change: ``bootstrap`` makes the first administrator, in an empty register only.
        operator: The whole record as it is to be; for ``revoke`` its end is now.
        by: The administrator.
        key: The administrator's key, which signs.

    Raises:
        ProcedureError: The administrator may not, the key is not theirs, or the change makes no sense.
    """
    try:
        with catalogue.transaction() as transaction:
            transaction.lock("operators")
            moment = chain_moment(transaction)
            changed = replace(operator, valid_until=moment) if change == "revoke" else operator
            history = read_history(transaction)
            register = history[-1][1] if history else Register()
            _refuse_change(register, change, changed, by, key, at=moment)
            _refuse_anothers_key([each for _, each in reversed(history)], changed)
            row = _signed_step(transaction, register, change, changed, by=by, key=key, moment=moment)
            tuple(iter_register(transaction.catalogue_id, [*iter_operator_steps(transaction), row]))
            add_operator_step(transaction, row)
            append(transaction, _entry(f"operator.{change}", by, changed, document=row.document))
    except ProcedureError as error:
        actor = by if ACTOR.fullmatch(by) else "unknown"
        entry = NewEntry(action=f"operator.{change}", actor=actor, details={"key": key.fingerprint})
        refused(catalogue, entry, error)
        raise
    return changed


def _entry(action: str, by: str, operator: Operator, *, document: str) -> NewEntry:
    details = {
        "step_sha256": sha256_text(document),
        "key": operator.fingerprint,
        "roles": ",".join(sorted(operator.roles)),
    }
    return NewEntry(action=action, actor=by, subject=f"operator:{operator.name}", details=details)


def _signed_step(  # noqa: PLR0913 -- what a step says
    transaction: Transaction,
    register: Register,
    change: Change,
    operator: Operator,
    *,
    by: str,
    key: SigningKey,
    moment: datetime,
) -> OperatorStepRow:
    number = register.steps + 1
    document = canonical_text(
        {
            "at": moment_text(moment),
            "by": by,
            "catalogue": transaction.catalogue_id,
            "change": change,
            "format": FORMAT,
            "number": number,
            "operator": operator.to_dict(),
            "previous": register.last_hash or GENESIS,
        }
    )
    signature = key.sign(document.encode(), namespace=OPERATOR_NAMESPACE).decode("ascii")
    return OperatorStepRow(number=number, document=document, signature=signature)


def _refuse_change(
    register: Register, change: Change, operator: Operator, by: str, key: SigningKey, *, at: datetime
) -> None:
    if change == "bootstrap":
        if register.operators:
            raise ProcedureError("the catalogue has operators already; an administrator adds others", place=by)
        if by != operator.name or "administrator" not in operator.roles:
            raise ProcedureError("the first operator is an administrator, and signs for themselves", place=by)
    else:
        administrator = register.require(by, "administrator", at=at)
        if administrator.public_key.line != key.public_line:
            raise ProcedureError(f"the key {key.fingerprint} is not theirs", place=by)
    _refuse_record(register, change, operator, at)


def _refuse_record(register: Register, change: Change, operator: Operator, at: datetime) -> None:
    place = operator.name[:64]
    if not ACTOR.fullmatch(operator.name):
        raise ProcedureError("is no name for an operator", place=place, hint="Use a-z, 0-9 and . _ @ -, up to 64.")
    if operator.name == NOBODY:
        raise ProcedureError("is no name for an operator: it says that none is meant", place=place)
    if not operator.roles or set(operator.roles) - set(ROLES):
        raise ProcedureError("needs one or more roles", place=place, hint=f"Roles: {', '.join(ROLES)}.")
    known = register.operators.get(operator.name)
    if (known is not None) != (change in ("renew", "revoke")):
        raise ProcedureError("is in the register already" if known else "is not in the register", place=place)
    if (known is None or known.valid_from != operator.valid_from) and operator.valid_from < at - SKEW:
        raise ProcedureError("cannot have begun before now", place=place, hint="Leave --from out, or name a later day.")
    if operator.valid_until is not None and operator.valid_until <= operator.valid_from and change != "revoke":
        raise ProcedureError("ends to be valid before it begins", place=place)
    after = {**register.operators, operator.name: operator}.values()
    if not any("administrator" in one.roles and one.is_valid(at) for one in after):
        raise ProcedureError("nobody would be left as administrator", place=place, hint="Add another one first.")


def _refuse_anothers_key(history: Iterable[Register], operator: Operator) -> None:
    """Refuse a key that is or was somebody else's: what it signed then was signed by them."""
    for register in history:
        holder = register.holder(operator.public_key, but=operator.name)
        if holder is not None:
            word = "is" if holder.valid_until is None else "was"
            hint = "Everybody signs with a key of their own, which nobody else ever had."
            raise ProcedureError(f"the key {word} {holder.name}'s", place=operator.name[:64], hint=hint)
