"""The ``scope:`` section of a profile: which rows are a firm, a client, a matter, a person, and what refers to them.

Shapes only: whether they fit a source is the planner's question (``portability.scoping``). docs/profiles.md explains
every field.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, Literal

import msgspec

__all__ = ["KINDS", "KeyTarget", "Root", "ScopeSection", "parse_scope_section", "split_place"]

KINDS = ("tenant", "client", "matter", "contact")
"""What a scope may name rows of, from wide to narrow."""
Kind = Literal["tenant", "client", "matter", "contact"]


@dataclass(frozen=True, kw_only=True)
class Root:
    """The table whose rows are tenants, clients, matters or contacts; ``name`` is what people know one by.

    ``folder`` is where a tenant's documents lie below the documents folder, ``{key}`` in it standing for the key.
    """

    table: str
    key: str
    name: str | None = None
    folder: str | None = None


@dataclass(frozen=True, kw_only=True)
class KeyTarget:
    """What a column refers to; ``when`` says in which rows: a column of the row, or of one that it refers to."""

    to: str
    when: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ScopeSection:
    """What a scope needs to know of a system beside the keys that its database declares.

    ``keys`` is ``TABLE.COLUMN`` (or ``COLUMN`` of every table) to what it refers to; empty: it is no key at all.
    """

    roots: dict[Kind, Root]
    keys: dict[str, tuple[KeyTarget, ...]] = field(default_factory=dict)
    owner: dict[str, dict[Kind, tuple[str, ...]]] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    referred: dict[str, str] = field(default_factory=dict)
    outside: dict[str, str] = field(default_factory=dict)
    orphans: dict[str, str] = field(default_factory=dict)
    mentions: dict[str, str] = field(default_factory=dict)
    mixed: dict[str, str] = field(default_factory=dict)
    dates: dict[str, str] = field(default_factory=dict)
    undated: dict[str, str] = field(default_factory=dict)


def split_place(text: str) -> tuple[str, tuple[str, ...]]:
    """Split ``TABLE.COLUMN,COLUMN`` into table and columns; a table's name may hold dots and blanks, a column's none.

    Examples:
        >>> split_place("Deed Store.Item No"), split_place("FIRM_ID")
        (('Deed Store', ('Item No',)), ('', ('FIRM_ID',)))
    """
    table, _, columns = text.rpartition(".")
    return table, tuple(column.strip() for column in columns.split(","))


def parse_scope_section(document: object) -> ScopeSection:
    """Check the shape of a section.

    Raises:
        ValueError: It is not as docs/profiles.md says; the message names the field.
    """
    section = _mapping(document, "scope", ScopeSection)
    section["keys"] = {key: _targets(entry, f"scope.keys.{key}") for key, entry in _entries(section, "keys")}
    section["roots"] = {
        kind: _mapping(entry, f"scope.roots.{kind}", Root) for kind, entry in _entries(section, "roots")
    }
    section["owner"] = {
        table: {kind: [columns] if isinstance(columns, str) else columns for kind, columns in owners.items()}
        for table, entry in _entries(section, "owner")
        for owners in [_mapping(entry, f"scope.owner.{table}")]
    }
    try:
        parsed = msgspec.convert(section, ScopeSection)
    except msgspec.ValidationError as error:
        message = f"scope: {error}"
        raise ValueError(message) from None
    _check_reasons(parsed)
    return parsed


def _entries(section: dict[str, Any], name: str) -> list[tuple[str, Any]]:
    return list(_mapping(section.get(name), f"scope.{name}").items())


def _targets(entry: object, place: str) -> list[dict[str, Any]]:
    if entry is None:
        return []
    if isinstance(entry, str):
        return [{"to": entry}]
    if not isinstance(entry, list):
        message = f"{place}: write TABLE.COLUMN, a list of {{to:, when:}}, or null for a column that is no key"
        raise ValueError(message)  # noqa: TRY004 -- a mistake in a file, told as all others of it
    found = [_mapping(each, place, KeyTarget) for each in entry]
    for each in found:
        each["when"] = {key: _text(value) for key, value in _mapping(each.get("when"), f"{place}.when").items()}
    return found


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        message = f"{value!r} under when: is no text; put it in quotes"
        raise ValueError(message)  # noqa: TRY004 -- a mistake in a file, told as all others of it
    return str(value)


def _mapping(value: object, place: str, shape: type | None = None) -> dict[str, Any]:
    if not isinstance(value or {}, dict):
        message = f"{place} must be a mapping"
        raise ValueError(message)  # noqa: TRY004 -- a mistake in a file, told as all others of it
    found = {str(key): entry for key, entry in (value or {}).items()}  # type: ignore[attr-defined]
    unknown = sorted(set(found) - {f.name for f in fields(shape)}) if shape is not None else []
    if unknown:
        message = f"{place}: unknown field {unknown[0]!r}"
        raise ValueError(message)
    return found


def _check_reasons(section: ScopeSection) -> None:
    """What is left out or shared says why; the reasons are read by the firm and its auditor."""
    for name in ("shared", "referred", "outside", "orphans", "mentions", "mixed", "undated"):
        for key, reason in getattr(section, name).items():
            if not reason.strip():
                message = f"scope.{name}.{key} has no reason"
                raise ValueError(message)
