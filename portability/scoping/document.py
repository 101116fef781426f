"""The scope document: what an export may contain, as people write it, and its one canonical form, which is hashed.

A value is what people know a row by; ``{key: …}`` is the row's own key. All values are text: ``7`` and ``"7"`` are the
same, ``007`` is another.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import rfc8785

from portability.errors import ConfigError, ScopeError
from portability.limits import DEFAULT_LIMITS
from portability.profiles.scope_section import KINDS
from portability.yaml_files import YamlDocument, check_schema, parse_yaml, read_yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Dates", "Named", "Scope", "canonical_scope", "load_scope", "parse_scope", "scope_schema"]

VERSION = "1.0"
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, kw_only=True, order=True)
class Named:
    """One row that a scope names: by the name that people know it by, or by its key."""

    name: str | None = None
    key: str | None = None

    @property
    def shown(self) -> str:
        """The value as written."""
        return f"key {self.key}" if self.key is not None else str(self.name)


@dataclass(frozen=True, kw_only=True)
class Dates:
    """The first and the last day, both included; None: open."""

    first: date | None = None
    last: date | None = None


@dataclass(frozen=True, kw_only=True)
class Scope:
    """What an export may contain: every restriction that is there must be met; of a list, one entry.

    ``roots`` is tenant, client, matter, contact to the rows named. ``entities`` and ``tables`` restrict what is
    written, ``fields`` and ``columns`` what is kept of it, by entity and by table.
    """

    name: str
    roots: dict[str, tuple[Named, ...]] = field(default_factory=dict)
    dates: Dates | None = None
    entities: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    fields: dict[str, tuple[str, ...]] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def sha256(self) -> str:
        """The hash of the canonical form: what an approval is bound to."""
        return hashlib.sha256(canonical_scope(self)).hexdigest()

    @property
    def narrow_kinds(self) -> tuple[str, ...]:
        """The kinds of rows named below the tenant."""
        return tuple(kind for kind in KINDS if kind != "tenant" and kind in self.roots)


@cache
def scope_schema() -> dict[str, Any]:
    """Return the JSON Schema of the document."""
    text = resources.files("portability.scoping").joinpath("scope.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def load_scope(path: Path) -> Scope:
    """Read a scope from a YAML file.

    Raises:
        ScopeError: It is not such a document; the message names file, line, field and mend, the details all of them.
    """
    try:
        return _read(read_yaml(path, size_bytes_max=DEFAULT_LIMITS.scope_bytes_max))
    except ConfigError as error:
        raise _scope_error(error) from error


def parse_scope(content: bytes, *, place: str = "scope") -> Scope:
    """Read a scope from the bytes of a YAML file, or of the canonical form.

    Raises:
        ScopeError: As ``load_scope``.
    """
    try:
        return _read(parse_yaml(content, place=place))
    except ConfigError as error:
        raise _scope_error(error) from error


def _scope_error(error: ConfigError) -> ScopeError:
    hint = error.hint or "docs/scoping.md shows a whole scope."
    return ScopeError(error.message, place=error.place, hint=hint, details=error.details)


def canonical_scope(scope: Scope) -> bytes:
    """Return the one form of a scope: RFC 8785 JSON, lists sorted, each entry once."""
    document: dict[str, Any] = {"scope": scope.name, "version": VERSION}
    for kind, named in scope.roots.items():
        once = sorted(set(named), key=lambda each: (each.key is not None, each.key or each.name or ""))
        document[kind] = [{"key": each.key} if each.key is not None else {"name": each.name} for each in once]
    if scope.dates is not None:
        days = {"from": scope.dates.first, "to": scope.dates.last}
        document["dates"] = {name: day.isoformat() for name, day in days.items() if day}
    for name, names in (("entities", scope.entities), ("tables", scope.tables)):
        if names:
            document[name] = sorted(set(names))
    for name, kept in (("fields", scope.fields), ("columns", scope.columns)):
        if kept:
            document[name] = {key: sorted(set(values)) for key, values in kept.items()}
    return rfc8785.dumps(document)


def _read(document: YamlDocument) -> Scope:
    check_schema(document, scope_schema())
    content: dict[str, Any] = document.content
    roots = {kind: tuple(sorted(_named(document, kind), key=repr)) for kind in KINDS if kind in content}
    scope = Scope(
        name=content["scope"],
        roots=roots,
        dates=_dates(document) if "dates" in content else None,
        entities=_names(content.get("entities")),
        tables=_names(content.get("tables")),
        fields={key: _names(names) for key, names in (content.get("fields") or {}).items()},
        columns={key: _names(names) for key, names in (content.get("columns") or {}).items()},
    )
    if not (scope.roots or scope.dates or scope.entities or scope.tables or scope.fields or scope.columns):
        hint = "Name a tenant, client, matter, contact, dates, entities or tables; to export all, leave --scope away."
        raise document.fault((), "the scope restricts nothing", hint=hint)
    return scope


def _names(value: Any) -> tuple[str, ...]:  # noqa: ANN401 -- a list or one entry, as the schema says
    return tuple(sorted({str(each) for each in (value if isinstance(value, list) else [value])})) if value else ()


def _named(document: YamlDocument, kind: str) -> Iterator[Named]:
    value = document.content[kind]
    for number, each in enumerate(value if isinstance(value, list) else [value]):
        path = (kind, number) if isinstance(value, list) else (kind,)
        inner = each.get("key", each.get("name")) if isinstance(each, dict) else each
        text = str(inner)
        if not text.strip() or not text.isprintable():
            hint = "Write the number or name as the source has it."
            raise document.fault(path, "the value is empty or holds characters that no name has", hint=hint)
        yield Named(key=text) if isinstance(each, dict) and "key" in each else Named(name=text)


def _dates(document: YamlDocument) -> Dates:
    content = document.content["dates"]
    first, last = (_day(document, side) if content.get(side) else None for side in ("from", "to"))
    if first and last and first > last:
        raise document.fault(("dates", "to"), "the last day is before the first", hint="Swap from and to.")
    return Dates(first=first, last=last)


def _day(document: YamlDocument, side: str) -> date:
    text = document.content["dates"][side]
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise document.fault(("dates", side), "is no day of the calendar", hint="Write it as 2024-12-31.")
