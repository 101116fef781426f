"""Kinds of request: what must be done, by whom and on what evidence, as data: one YAML file for each kind.

Ours lie in ``kinds/``; a vendor's own folder (``request_kinds`` in the configuration) adds kinds, or takes the place of
ours by name. A kind's shape is ``kind.schema.json``; what a schema cannot say is in ``kind_rules``. A request keeps the
kind as it was when it was opened: changing a file changes no open request.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from portability.auditing import Role
from portability.errors import ConfigError, PortabilityError
from portability.governing.kind_rules import kind_problems, new_kind_problems
from portability.sealing.reading import canonical_json
from portability.yaml_files import check_schema, parse_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "Clock",
    "Condition",
    "EvidenceKind",
    "Field",
    "Kind",
    "Step",
    "kind_from_document",
    "load_kind",
    "load_kinds",
]


class _Shape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How every part of a kind is read."""


class Condition(_Shape, frozen=True, kw_only=True):
    """Holds when a step was recorded (or was not), or when a field of it has one of these values."""

    step: str
    recorded: bool | None = None
    field: str | None = None
    values: tuple[str, ...] = msgspec.field(name="is", default=())


class Field(_Shape, frozen=True, kw_only=True):
    """What a step asks for in words: a text, a date, an amount, a choice."""

    name: str
    title: str
    type: str = "text"
    one_of: tuple[str, ...] = ()
    required: bool = True
    only_silent: tuple[str, ...] = ()
    only_visible: tuple[str, ...] = ()


class EvidenceKind(_Shape, frozen=True, kw_only=True):
    """What a step asks for as files."""

    kind: str
    title: str
    at_least: int = 1


class NamedIn(_Shape, frozen=True, kw_only=True):
    """A field that names a person."""

    step: str
    field: str


class SendsBack(_Shape, frozen=True, kw_only=True):
    """With one of these values the course goes on from an earlier step."""

    field: str
    values: tuple[str, ...] = msgspec.field(name="is")
    to: str


class Step(_Shape, frozen=True, kw_only=True):
    """One step; ``kind.schema.json`` says what each field means."""

    name: str
    title: str
    roles: tuple[Role, ...]
    about: str = ""
    evidence: tuple[EvidenceKind, ...] = ()
    fields: tuple[Field, ...] = ()
    when: tuple[Condition, ...] = ()
    when_any: tuple[Condition, ...] = ()
    optional: bool = False
    aside: bool = False
    after: str | None = None
    many: bool = False
    differs_from: tuple[str, ...] = ()
    artefact: str = "archive"
    not_named_in: tuple[NamedIn, ...] = ()
    approves: bool = False
    does: str | None = None
    fixes_scope: bool = False
    sends_back: SendsBack | None = None
    ends: bool = False
    after_clock: str | None = None
    within_clock: str | None = None

    def field(self, name: str) -> Field | None:
        """Return a field of this step."""
        return next((each for each in self.fields if each.name == name), None)


class Pause(_Shape, frozen=True, kw_only=True):
    """A clock stands still from one step to another."""

    from_step: str = msgspec.field(name="from")
    until: str


class Extension(_Shape, frozen=True, kw_only=True):
    """A step that gives a clock more time."""

    step: str
    months: int


class Clock(_Shape, frozen=True, kw_only=True):
    """By when a step must be done, counted from another."""

    name: str
    title: str
    from_step: str = msgspec.field(name="from")
    until: str
    from_field: str | None = None
    working_days: int | None = None
    calendar_days: int | None = None
    months: int | None = None
    date_field: str | None = None
    then: str = "as_it_is"
    pauses: tuple[Pause, ...] = ()
    extensions: tuple[Extension, ...] = ()


class _KindFile(_Shape, frozen=True, kw_only=True):
    kind: str
    version: int
    title: str
    about: str
    purpose: str
    lawful_basis: str
    steps: tuple[Step, ...]
    silence: str = "never"
    freezes_deletion: bool = False
    scope: str = "none"
    clocks: tuple[Clock, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of request, checked; ``document`` is what its file says, for statements."""

    name: str
    version: int
    title: str
    about: str
    purpose: str
    lawful_basis: str
    may_be_silent: bool
    freezes_deletion: bool
    scope: str
    steps: tuple[Step, ...]
    clocks: tuple[Clock, ...]
    document: Mapping[str, Any] = field(repr=False)

    @property
    def first(self) -> Step:
        """The step that opens a request."""
        return self.steps[0]

    @property
    def course(self) -> tuple[Step, ...]:
        """The steps in their order, without those that stand beside it."""
        return tuple(step for step in self.steps if not step.aside)

    @property
    def sha256(self) -> str:
        """The hash of its document in canonical JSON."""
        return hashlib.sha256(canonical_json(self.document)).hexdigest()

    def step(self, name: str) -> Step | None:
        """Return a step."""
        return next((step for step in self.steps if step.name == name), None)

    def clock(self, name: str) -> Clock:
        """Return a clock, which the rules have seen to exist."""
        return next(clock for clock in self.clocks if clock.name == name)


def load_kinds(folder: Path | None = None) -> Mapping[str, Kind]:
    """Return every kind by name: ours, with a vendor's beside or instead.

    Raises:
        ConfigError: A file is no kind; file, line, field and mend are named.
    """
    found = dict(_built_in())
    if folder is None:
        return found
    if not folder.is_dir():
        raise ConfigError("there is no such folder", place=str(folder), hint="request_kinds names it.")
    for path in sorted(folder.glob("*.yaml")):
        kind = load_kind(path.read_bytes(), place=str(path))
        if path.stem != kind.name:
            hint = f"Rename the file to {kind.name}.yaml."
            raise ConfigError("the file's name is not its kind's", place=str(path), hint=hint)
        found[kind.name] = kind
    return dict(sorted(found.items()))


def load_kind(content: bytes, *, place: str) -> Kind:
    """Read a kind from YAML.

    Raises:
        ConfigError: It is none.
    """
    document = parse_yaml(content, place=place)
    check_schema(document, _schema())
    kind = _kind(document.content)
    if problems := (*kind_problems(kind), *new_kind_problems(kind)):
        path, message, hint = problems[0]
        details = tuple(f"{document.where(each)}: {said}" for each, said, _ in problems)
        raise document.fault(path, message, hint=hint, details=details)
    return kind


def kind_from_document(document: Mapping[str, Any]) -> Kind:
    """Return the kind that a statement carries.

    Raises:
        ConfigError: It is none.
    """
    try:
        kind = _kind(document)
    except msgspec.ValidationError as error:
        raise ConfigError(f"a request's kind cannot be read: {error}") from None
    if problems := kind_problems(kind):
        raise ConfigError(problems[0][1], place=f"kind {kind.name}")
    return kind


def _kind(document: Mapping[str, Any]) -> Kind:
    read = msgspec.convert(document, _KindFile)
    return Kind(
        name=read.kind,
        version=read.version,
        title=read.title,
        about=" ".join(read.about.split()),
        purpose=read.purpose,
        lawful_basis=read.lawful_basis,
        may_be_silent=read.silence == "allowed",
        freezes_deletion=read.freezes_deletion,
        scope=read.scope,
        steps=read.steps,
        clocks=read.clocks,
        document=document,
    )


@lru_cache(maxsize=1)
def _built_in() -> Mapping[str, Kind]:
    folder = resources.files("portability.governing").joinpath("kinds")
    files = sorted((each for each in folder.iterdir() if each.name.endswith(".yaml")), key=lambda each: each.name)
    try:
        kinds = [load_kind(each.read_bytes(), place=f"kinds/{each.name}") for each in files]
    except ConfigError as error:
        raise PortabilityError(error.message, place=error.place, hint=error.hint) from None
    return {kind.name: kind for kind in kinds}


@lru_cache(maxsize=1)
def _schema() -> Mapping[str, Any]:
    text = resources.files("portability.governing").joinpath("kind.schema.json").read_bytes()
    schema: Mapping[str, Any] = msgspec.json.decode(text)
    return schema
