"""Where requests are kept: the register that everybody with a role sees, and the silent one.

Both hold signed statements and nothing else. ``load`` follows them from the first and believes nothing that was not
signed by somebody who might, in the order in which it might be done. The silent register lies in the sealed chain;
without an identity of a silent recipient nobody can tell whether anything is in it.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from portability.auditing import GENESIS, NewEntry, append, read_silent
from portability.auditing.entries import entry_of
from portability.catalogue import Catalogue
from portability.catalogue.audit_tables import newest_about
from portability.catalogue.request_tables import (
    add_kinds,
    add_request_step,
    iter_kinds,
    iter_request_steps,
    last_request,
)
from portability.errors import CatalogueError, PortabilityError, ProcedureError
from portability.governing.course import Course, follow
from portability.governing.events import SignedEvent, event_from_statement
from portability.governing.kinds import Kind, kind_from_document
from portability.governing.witness import Witness
from portability.sealing.reading import canonical_json

if TYPE_CHECKING:
    from portability.auditing import SealedRun
    from portability.catalogue import Transaction
    from portability.governing.evidence import EvidenceStore
    from portability.sealing.encryption import Identity

__all__ = ["BrokenRequest", "Register", "Request", "SilentRegister", "VisibleRegister", "remember_kinds"]

STEP = "request-step"
ENTRY = "audit-entry"
SUBJECT, STATEMENT = "request:", "statement_sha256"  # how an entry of the audit chain names a request and its step

Rows = Mapping[int, Sequence[tuple[bytes, bytes]]]


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request, as its signed steps make it."""

    number: int
    text: str
    course: Course
    signed: tuple[SignedEvent, ...]

    @property
    def head(self) -> str:
        """The hash that the next step names."""
        return self.signed[-1].sha256 if self.signed else GENESIS

    @property
    def customer(self) -> str:
        """Whose data it is about."""
        return self.course.events[0].fields.get("customer", "")


@dataclass(frozen=True, kw_only=True)
class BrokenRequest:
    """A request whose steps are not as they were signed."""

    number: int
    text: str
    problem: str


class Register(ABC):
    """Requests by number, in a catalogue."""

    prefix: str
    silent: bool

    def __init__(self, catalogue: Catalogue, evidence: EvidenceStore) -> None:
        self.catalogue = catalogue
        self.evidence = evidence

    @abstractmethod
    def rows(self, transaction: Transaction, number: int | None = None) -> Rows:
        """Return statements and signatures as they lie there: of one request, or of all."""

    @abstractmethod
    def recorded(self, transaction: Transaction, number: int) -> str | None:
        """Return the hash of a request's last step as the audit chain has it; None when it has none."""

    @abstractmethod
    def add(self, transaction: Transaction, number: int, sequence: int, signed: SignedEvent) -> None:
        """Add a step behind the last."""

    @abstractmethod
    def audit(self, where: Catalogue | Transaction, entry: NewEntry) -> None:
        """Record what was done or refused, where it belongs."""

    def text(self, number: int) -> str:
        """Return a number as people write it."""
        return f"{self.prefix}-{number:06d}"

    def number(self, text: str) -> int:
        """Read a number as people write it.

        Raises:
            ProcedureError: It is none of this register.
        """
        found = re.fullmatch(rf"(?:{self.prefix}-)?(\d{{1,9}})", text.strip(), re.IGNORECASE | re.ASCII)
        if found is None or not int(found[1]):
            raise _unknown(text)
        return int(found[1])

    def last(self, transaction: Transaction) -> int:
        """Return the highest number given out."""
        return max(self.rows(transaction), default=0)

    def load(self, transaction: Transaction, text: str, witness: Witness | None = None) -> Request:
        """Return a request.

        Raises:
            ProcedureError: There is none of this number.
            CatalogueError: Its steps are not as they were signed.
        """
        number = self.number(text)
        rows = self.rows(transaction, number).get(number)
        if not rows:
            raise _unknown(text)
        kinds = known_kinds(transaction)
        return self._request(transaction, number, rows, kinds, witness or Witness(transaction))

    def load_all(self, transaction: Transaction) -> tuple[Request | BrokenRequest, ...]:
        """Return every request, those too whose steps cannot be believed."""
        witness, kinds = Witness(transaction), known_kinds(transaction)
        found: list[Request | BrokenRequest] = []
        for number, rows in sorted(self.rows(transaction).items()):
            try:
                found.append(self._request(transaction, number, rows, kinds, witness))
            except PortabilityError as error:
                found.append(BrokenRequest(number=number, text=self.text(number), problem=error.message))
        return tuple(found)

    def _request(
        self,
        transaction: Transaction,
        number: int,
        rows: Sequence[tuple[bytes, bytes]],
        kinds: Mapping[str, Kind],
        witness: Witness,
    ) -> Request:
        try:
            signed = _linked(rows, catalogue=transaction.catalogue_id, text=self.text(number), silent=self.silent)
            opening = signed[0].event.opening
            kind = kinds.get(opening.kind_sha256) if opening is not None else None
            if kind is None:
                raise ProcedureError("the kind it was opened under is not in the catalogue")
            course = follow(kind, [each.event for each in signed], silent=self.silent)
            if signed[-1].sha256 != self.recorded(transaction, number):
                raise ProcedureError("its last step is not the one that the audit chain names")
            for each in signed:
                step = kind.step(each.event.step)
                witness.check(each, step.roles if step is not None else ())
        except PortabilityError as error:
            hint = "Compare with a copy of the catalogue; portability request check and audit verify say more."
            message = f"the request is not as it was signed: {error.message}"
            raise CatalogueError(message, place=self.text(number), hint=hint) from error
        return Request(number=number, text=self.text(number), course=course, signed=signed)


class VisibleRegister(Register):
    """Requests that everybody with a role may see."""

    prefix = "R"
    silent = False

    def rows(self, transaction: Transaction, number: int | None = None) -> Rows:
        found: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
        for row in iter_request_steps(transaction, request=number):
            found[row.request].append((row.statement.encode(), row.signature.encode()))
        return found

    def last(self, transaction: Transaction) -> int:
        return last_request(transaction)

    def recorded(self, transaction: Transaction, number: int) -> str | None:
        row = newest_about(transaction, f"{SUBJECT}{self.text(number)}", stating=STATEMENT)
        try:
            return None if row is None else str(entry_of(row).details[STATEMENT])
        except (ValueError, KeyError):
            return None  # a damaged entry names none

    def add(self, transaction: Transaction, number: int, sequence: int, signed: SignedEvent) -> None:
        statement, signature = signed.statement.decode(), signed.signature.decode()
        add_request_step(transaction, request=number, sequence=sequence, statement=statement, signature=signature)

    def audit(self, where: Catalogue | Transaction, entry: NewEntry) -> None:
        append(where, entry)


class SilentRegister(Register):
    """Requests that nobody sees who has no identity of a silent recipient."""

    prefix = "S"
    silent = True

    def __init__(
        self, catalogue: Catalogue, evidence: EvidenceStore, *, run: SealedRun, identities: Sequence[Identity]
    ) -> None:
        super().__init__(catalogue, evidence)
        self._run, self._identities = run, identities

    def rows(self, transaction: Transaction, number: int | None = None) -> Rows:
        found: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
        for entry in read_silent(transaction, self._identities):
            document = entry.document
            if document.get("type") == STEP and number in (None, document.get("request")):
                statement, signature = str(document["statement"]), str(document["signature"])
                found[int(document["request"])].append((statement.encode(), signature.encode()))
        return found

    def recorded(self, transaction: Transaction, number: int) -> str | None:
        found = None
        for entry in read_silent(transaction, self._identities):
            document = entry.document
            if document.get("type") == ENTRY and document["subject"] == f"{SUBJECT}{self.text(number)}":
                found = document["details"].get(STATEMENT, found)
        return found

    def add(self, transaction: Transaction, number: int, sequence: int, signed: SignedEvent) -> None:
        document = {
            "type": STEP,
            "request": number,
            "sequence": sequence,
            "statement": signed.statement.decode(),
            "signature": signed.signature.decode(),
        }
        self._run.append(document, transaction=transaction)

    def audit(self, where: Catalogue | Transaction, entry: NewEntry) -> None:
        transaction = None if isinstance(where, Catalogue) else where
        document = {"type": ENTRY, **vars(entry), "details": dict(entry.details)}
        self._run.append(document, transaction=transaction)


def remember_kinds(catalogue: Catalogue, kinds: Mapping[str, Kind]) -> None:
    """Keep the kinds by their hashes, so that a request can be judged by its own for ever."""
    documents = {kind.sha256: canonical_json(kind.document).decode() for kind in kinds.values()}
    with catalogue.reading() as transaction:
        known = {sha256 for sha256, _ in iter_kinds(transaction)}
    if {*documents} - known:
        with catalogue.transaction() as transaction:
            add_kinds(transaction, documents)


def known_kinds(transaction: Transaction) -> Mapping[str, Kind]:
    """Return the kinds that the catalogue keeps, by hash; one that is not what its hash says is left out."""
    found = {}
    for sha256, text in iter_kinds(transaction):
        if hashlib.sha256(text.encode()).hexdigest() == sha256:
            found[sha256] = kind_from_document(msgspec.json.decode(text))
    return found


def _linked(rows: Sequence[tuple[bytes, bytes]], *, catalogue: str, text: str, silent: bool) -> tuple[SignedEvent, ...]:
    """Read statements, each of which must follow the one before it."""
    previous, found = GENESIS, []
    for at, (statement, signature) in enumerate(rows, start=1):
        event = event_from_statement(statement)
        if (event.catalogue, event.request) != (catalogue, text):
            raise ProcedureError(f"event {at} belongs to another request")
        if event.sequence != at or event.previous != previous:
            raise ProcedureError(f"event {at} does not follow the one before it")
        if (event.opening is not None) != (at == 1) or (event.opening is not None and event.opening.silent != silent):
            raise ProcedureError(f"event {at} does not open this request")
        found.append(SignedEvent(event=event, statement=statement, signature=signature))
        previous = found[-1].sha256
    return tuple(found)


def _unknown(text: str) -> ProcedureError:
    # The same words whatever is asked for: a number that is hidden is as unknown as one that never was.
    shown = text.strip()[:20]
    return ProcedureError("there is no such request", place=shown, hint="portability request list shows them.")
