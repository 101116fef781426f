"""What was done for a request, as signed statements: one for each step, each bound to the one before by its hash.

A statement is canonical JSON; its exact bytes are what the operator's key signs and what is kept. The first names the
kind by its hash, so that a request is judged for ever by what it was opened under.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from portability.auditing import StepStatement, parse_step
from portability.errors import ProcedureError
from portability.sealing.reading import canonical_json

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Artefact", "Event", "Evidence", "Opening", "SignedEvent", "event_from_statement", "statement_of"]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A file that was put in evidence: what it proves, what it was called, what it is."""

    kind: str
    name: str
    sha256: str
    size_bytes: int
    media_type: str


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """What was made for a request and is handed over: its name, its hash and what it is."""

    name: str
    form: str
    sha256: str
    size_bytes: int
    files: int


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What only the first statement says: the kind, by name and hash, and whether nobody may see the request."""

    kind: str
    kind_sha256: str
    silent: bool


@dataclass(frozen=True, kw_only=True)
class Event:
    """A step as it was recorded."""

    catalogue: str
    request: str
    sequence: int
    previous: str
    step: str
    at: datetime
    operator: str
    key: str
    fields: Mapping[str, str] = field(default_factory=dict, repr=False)
    evidence: tuple[Evidence, ...] = ()
    scope_sha256: str | None = None
    artefact: Artefact | None = None
    opening: Opening | None = None


@dataclass(frozen=True, kw_only=True)
class SignedEvent:
    """A step with the bytes that were signed and the signature."""

    event: Event
    statement: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def sha256(self) -> str:
        """The statement's hash, which the next one names."""
        return hashlib.sha256(self.statement).hexdigest()


class _Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a statement says beyond who, when and after what."""

    fields: dict[str, str]
    evidence: tuple[Evidence, ...]
    scope_sha256: str | None
    artefact: Artefact | None
    opening: Opening | None


def statement_of(event: Event) -> bytes:
    """Return the bytes that are signed."""
    content = _Content(
        fields={**event.fields},
        evidence=event.evidence,
        scope_sha256=event.scope_sha256,
        artefact=event.artefact,
        opening=event.opening,
    )
    return StepStatement(
        catalogue=event.catalogue,
        request=event.request,
        step=event.step,
        operator=event.operator,
        signed_at=event.at,
        previous=event.previous,
        evidence=tuple(each.sha256 for each in event.evidence),
        details={"sequence": event.sequence, "key": event.key, "content": canonical_json(content).decode()},
    ).to_bytes()


def event_from_statement(statement: bytes) -> Event:
    """Read a statement.

    Raises:
        ProcedureError: It is none, or not in its one form.
    """
    step = parse_step(statement)
    try:
        content = msgspec.json.decode(str(step.details["content"]), type=_Content)
        sequence, key = step.details["sequence"], step.details["key"]
    except (msgspec.MsgspecError, KeyError) as error:
        raise ProcedureError("is no statement of a request's step", place=step.step[:64]) from error
    event = Event(
        catalogue=step.catalogue,
        request=step.request,
        sequence=int(sequence),
        previous=step.previous,
        step=step.step,
        at=step.signed_at,
        operator=step.operator,
        key=str(key),
        **{name: getattr(content, name) for name in content.__struct_fields__},
    )
    if statement_of(event) != statement:
        raise ProcedureError("is not in its one form", place=step.step[:64])
    return event
