"""``data/schema/scope.json``: how every table of an archive was filtered, by which keys, and what that cut apart.

Never what other tenants have: neither their keys nor their numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["SCOPE_JSON", "SCOPE_RECORD_JSON", "BrokenByScope", "OwnerRecord", "ScopeRecord", "Step", "TableRecord"]

SCOPE_JSON = "scope.json"
"""The scope itself, in its canonical form; below ``data/``."""
SCOPE_RECORD_JSON = "schema/scope.json"


@dataclass(frozen=True, kw_only=True)
class Step:
    """One key on the way to a root."""

    table: str
    columns: tuple[str, ...]
    to_table: str
    to_columns: tuple[str, ...]
    when: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class OwnerRecord:
    """The keys of a table that decide to which root its rows belong, in their order; each goes on in its own table."""

    root: str
    keys: tuple[Step, ...]


@dataclass(frozen=True, kw_only=True)
class RootRecord:
    """The rows that a kind of the scope names: their keys as text."""

    table: str
    columns: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, kw_only=True)
class TableRecord:
    """One table: ``treatment`` is root, belongs, referred, shared, outside or whole."""

    table: str
    treatment: str
    reason: str = ""
    owners: tuple[OwnerRecord, ...] = ()
    referred_by: tuple[str, ...] = ()
    date: str | None = None
    columns_left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BrokenByScope:
    """A foreign key of which some rows refer to what the scope does not name."""

    table: str
    columns: tuple[str, ...]
    to_table: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class ScopeRecord:
    """The whole record. ``left_out`` says what of the source's description is not in ``schema/source.json``."""

    scope: str
    sha256: str
    roots: dict[str, RootRecord]
    tables: tuple[TableRecord, ...]
    broken_by_scope: tuple[BrokenByScope, ...] = ()
    orphans: dict[str, str] = field(default_factory=dict)
    left_out: tuple[str, ...] = ()
    format_version: str = "1.0"
