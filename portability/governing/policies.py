"""The register of policy documents: which there are, by whom they are kept, and when each is to be looked at again.

Each step (added, reviewed, retired) is a signed statement that names the one before it; the register is what they give.
The document itself is evidence, kept by its hash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from portability.auditing import GENESIS, NewEntry, Role, StepStatement, append, parse_step, sign_step
from portability.auditing.clock import chain_moment
from portability.catalogue import Catalogue, sha256_text
from portability.catalogue import now as this_moment
from portability.catalogue.request_tables import add_policy_step, iter_policy_steps
from portability.errors import CatalogueError, PortabilityError, ProcedureError
from portability.governing.calendars import local_day
from portability.governing.evidence import describe_file
from portability.governing.witness import Witness
from portability.sealing.reading import canonical_json
from portability.signing import STEP_NAMESPACE, check_signature

if TYPE_CHECKING:
    from portability.catalogue import Transaction
    from portability.governing.evidence import EvidenceStore
    from portability.governing.recording import Actor

__all__ = ["Policy", "change_policy", "read_policies"]

Change = Literal["add", "review", "retire"]
_ROLES: tuple[Role, ...] = ("administrator", "approver")
_NAME = re.compile(r"[a-z][a-z0-9-]{1,39}")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A policy document as the register has it."""

    name: str
    title: str
    document: str
    sha256: str
    reviewed_on: date
    review_by: date
    reviewed_by: str
    retired: bool = False

    def is_overdue(self, today: date) -> bool:
        """Tell whether its review date has passed."""
        return not self.retired and self.review_by < today


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    title: str
    document: str
    sha256: str
    review_by: date


def read_policies(where: Catalogue | Transaction) -> Mapping[str, Policy]:
    """Return the policies by name, those that are retired too; every signature is checked.

    Raises:
        CatalogueError: The register is not as it was signed.
    """
    return _read(where)[0]


def change_policy(  # noqa: PLR0913 -- what a step of the register says
    catalogue: Catalogue,
    store: EvidenceStore,
    change: Change,
    name: str,
    actor: Actor,
    *,
    title: str = "",
    document: Path | None = None,
    review_by: date | None = None,
    now: datetime | None = None,
) -> Policy:
    """Add a policy, record its review, or retire it.

    Raises:
        ProcedureError: The operator may not, or the change makes no sense.
        ConfigError: The document cannot be read.
    """
    moment = now or this_moment()
    known, _ = _read(catalogue)
    old = known.get(name)
    if not _NAME.fullmatch(name):
        raise ProcedureError("is no name for a policy", place=name[:40], hint="Use a-z, 0-9 and -, up to 40.")
    if (old is None or old.retired) != (change == "add"):
        message = "is in the register already" if change == "add" else "is not in the register"
        raise ProcedureError(message, place=name, hint="portability policy list shows it.")
    if change != "retire" and (review_by is None or review_by <= local_day(moment)):
        raise ProcedureError("needs a day in the future for its next review", place=name, hint="Add --review-by DATE.")
    if document is None and old is None:
        raise ProcedureError("needs its document", place=name, hint="Add --document FILE.")
    content = _content(store, old, title=title, document=document, review_by=review_by)
    return _write(catalogue, change, name, content, actor, moment)


def _content(
    store: EvidenceStore, old: Policy | None, *, title: str, document: Path | None, review_by: date | None
) -> _Content:
    if document is not None:
        found = describe_file(document, kind="policy", size_bytes_max=store.size_bytes_max)
        with document.open("rb") as stream:
            store.keep(stream, found.sha256)
        file, sha256 = found.name, found.sha256
    else:
        assert old is not None  # noqa: S101 -- change_policy has seen it
        file, sha256 = old.document, old.sha256
    heading = title or (old.title if old is not None else file)
    by = review_by or (old.review_by if old is not None else date.max)
    return _Content(title=heading[:200], document=file, sha256=sha256, review_by=by)


def _write(
    catalogue: Catalogue, change: Change, name: str, content: _Content, actor: Actor, moment: datetime
) -> Policy:
    with catalogue.transaction() as transaction:
        transaction.lock("policies")
        witness = Witness(transaction)
        witness.require(actor.name, _ROLES, at=moment)
        witness.require_now(actor.name, _ROLES, at=max(moment, chain_moment(transaction)))
        known, previous = _read(transaction)
        statement = StepStatement(
            catalogue=transaction.catalogue_id,
            request=f"policy:{name}",
            step=change,
            operator=actor.name,
            signed_at=moment,
            previous=previous,
            evidence=(content.sha256,),
            details={"content": canonical_json(content).decode()},
        ).to_bytes()
        signature = sign_step(actor.key, statement)
        policy = _after(known, statement, signature, previous=previous, witness=witness, catalogue=catalogue.id)
        add_policy_step(transaction, statement=statement.decode(), signature=signature)
        details: dict[str, str | int] = {
            "statement_sha256": sha256_text(statement.decode()),
            "document": content.sha256,
        }
        entry = NewEntry(action=f"policy.{change}", actor=actor.name, subject=f"policy:{name}", details=details)
        append(transaction, entry)
    return policy


def _read(where: Catalogue | Transaction) -> tuple[Mapping[str, Policy], str]:
    if isinstance(where, Catalogue):
        with where.reading() as transaction:
            return _read(transaction)
    witness, found, previous = Witness(where), dict[str, Policy](), GENESIS
    for row in iter_policy_steps(where):
        try:
            policy = _after(
                found,
                row.statement.encode(),
                row.signature,
                previous=previous,
                witness=witness,
                catalogue=where.catalogue_id,
            )
        except PortabilityError as error:
            message = f"the register of policies is not as it was signed: {error.message}"
            raise CatalogueError(message, place=f"policy step {row.number}") from error
        found[policy.name] = policy
        previous = sha256_text(row.statement)
    return found, previous


def _after(
    known: Mapping[str, Policy],
    statement: bytes,
    signature: str,
    *,
    previous: str,
    witness: Witness,
    catalogue: str,
) -> Policy:
    step = parse_step(statement)
    name = step.request.removeprefix("policy:")
    if (step.catalogue, step.previous, step.request) != (catalogue, previous, f"policy:{name}"):
        raise ProcedureError("a step does not follow the one before it")
    old = known.get(name)
    if step.step not in ("add", "review", "retire") or (old is None or old.retired) != (step.step == "add"):
        raise ProcedureError("a step makes no sense after the one before it")
    key = check_signature(statement, signature.encode(), namespace=STEP_NAMESPACE).key
    operator = witness.require(step.operator, _ROLES, at=step.signed_at)
    if operator.fingerprint != key.fingerprint:
        raise ProcedureError(f"the key {key.fingerprint} is not theirs", place=operator.name)
    try:
        content = msgspec.json.decode(str(step.details.get("content")), type=_Content)
    except msgspec.MsgspecError:
        raise ProcedureError("a step says nothing that can be read") from None
    return Policy(
        name=name,
        title=content.title,
        document=content.document,
        sha256=content.sha256,
        reviewed_on=local_day(step.signed_at),
        review_by=content.review_by,
        reviewed_by=operator.name,
        retired=step.step == "retire",
    )
