"""The ``load:`` section of a profile: what is known of the target's tables beyond the SQL that gives their rows.

Shapes only: whether they fit a target is the import's question. docs/target_profiles.md explains every field.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CodeMap", "KeySpec", "LoadSection", "LoadTable", "LoadTotal", "Reference", "parse_load"]


@dataclass(frozen=True, kw_only=True)
class KeySpec:
    """How a table's key is made: derived (``uuid``), counted (``integer``) or given by the SQL (``own``)."""

    kind: Literal["uuid", "integer", "own"] = "own"
    column: str | None = None
    columns: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.column is not None and self.columns:
            message = "key: give column or columns, not both"
            raise ValueError(message)
        if self.kind != "own" and self.column is None:
            message = f"key: kind {self.kind} needs column"
            raise ValueError(message)

    @property
    def names(self) -> tuple[str, ...]:
        """The key's columns; empty when the target's primary key is meant."""
        return (self.column,) if self.column is not None else self.columns


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A column that refers to rows of other loaded tables.

    With one table the SQL gives its ``_id``; with several ``<table>/<_id>``. ``missing`` says what becomes of a row
    whose parent is not there: it is a reject, or the column stays empty and that is reported.
    """

    tables: tuple[str, ...]
    column: str | None = None
    missing: Literal["reject", "empty"] = "reject"
    several: bool = False


@dataclass(frozen=True, kw_only=True)
class CodeMap:
    """A code list's values in the target; ``empty`` is for null.

    ``fallback`` is for codes that are not mapped where ``falls_back``; elsewhere such rows are rejects.
    """

    values: dict[str, str]
    falls_back: bool = False
    fallback: str | None = None
    empty: str | None = None


@dataclass(frozen=True, kw_only=True)
class LoadTable:
    """One table of the target.

    ``entity`` is the one whose ids are the rows' ``_id``; where several entities feed a table, ``entities`` gives the
    prefix before the id of each.
    """

    name: str
    entity: str | None = None
    entities: dict[str, str] = field(default_factory=dict)
    left_out: str | None = None
    key: KeySpec = field(default_factory=KeySpec)
    references: dict[str, Reference] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    match: tuple[str, ...] = ()
    group: str | None = None

    def __post_init__(self) -> None:
        if self.entity is not None and self.entities:
            message = "give entity or entities, not both"
            raise ValueError(message)

    @property
    def origins(self) -> dict[str, str]:
        """Each entity that feeds the table, with the prefix of its ids."""
        return {self.entity: ""} if self.entity is not None else self.entities


@dataclass(frozen=True, kw_only=True)
class LoadTotal:
    """A total for the reconciliation: DuckDB's SQL over the entities, and the target's own.

    One value each; with ``keys`` one row for each key, whose columns are named there with the table that they refer to
    (null: a plain value), and ``value``. With ``decimals`` both give whole numbers of the smallest unit.
    """

    name: str
    canonical: str
    target: str
    unit: str = "count"
    currency: str | None = None
    keys: dict[str, str | None] = field(default_factory=dict)
    decimals: int = 0


@dataclass(frozen=True, kw_only=True)
class LoadSection:
    """The whole section. ``documents`` is as written; the placing of documents reads it."""

    tables: dict[str, LoadTable]
    codes: dict[str, CodeMap] = field(default_factory=dict)
    groups: tuple[str, ...] = ()
    without: dict[str, str] = field(default_factory=dict)
    totals: tuple[LoadTotal, ...] = ()
    documents: dict[str, Any] = field(default_factory=dict)


def parse_load(document: object, files: Mapping[str, bytes]) -> LoadSection:
    """Read the section; ``files`` are the profile's files, for code lists that are CSV.

    Raises:
        ValueError: It is not as docs/target_profiles.md says; the message names the field.
    """
    section = _mapping(document, "load", LoadSection)
    tables = {
        name: _table(name, _mapping(entry or {}, f"load.tables.{name}", LoadTable, without=("name",)))
        for name, entry in _mapping(section.get("tables"), "load.tables").items()
    }
    codes = {name: _code_map(name, entry, files) for name, entry in _mapping(section.get("codes"), "codes").items()}
    parsed = LoadSection(
        tables=tables,
        codes=codes,
        groups=msgspec.convert(section.get("groups") or (), tuple[str, ...]),
        without=msgspec.convert(section.get("without") or {}, dict[str, str]),
        totals=tuple(
            msgspec.convert(_mapping(entry, "load.totals", LoadTotal), LoadTotal)
            for entry in section.get("totals") or ()
        ),
        documents=_mapping(section.get("documents"), "load.documents"),
    )
    _check_names(parsed, files)
    return parsed


def _mapping(value: object, place: str, shape: type | None = None, *, without: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(value or {}, dict):
        message = f"{place} must be a mapping"
        raise ValueError(message)  # noqa: TRY004 -- a mistake in a file, told as all others of it
    found = {str(key): entry for key, entry in (value or {}).items()}  # type: ignore[attr-defined]
    if shape is not None:
        unknown = sorted(set(found) - {f.name for f in fields(shape)} | (set(found) & set(without)))
        if unknown:
            message = f"{place}: unknown field {unknown[0]!r}"
            raise ValueError(message)
    return found


def _table(name: str, entry: dict[str, Any]) -> LoadTable:
    place = f"load.tables.{name}"
    key = msgspec.convert(_mapping(entry.pop("key", {}), f"{place}.key", KeySpec), KeySpec)
    references = {
        column: _reference(value, f"{place}.references.{column}")
        for column, value in _mapping(entry.pop("references", {}), f"{place}.references").items()
    }
    return msgspec.convert({**entry, "name": name, "key": key, "references": references}, LoadTable)


def _reference(value: object, place: str) -> Reference:
    if isinstance(value, str):
        return Reference(tables=(value,))
    entry = _mapping(value, place)
    unknown = sorted(set(entry) - {"table", "tables", "column", "missing"})
    if unknown or ("table" in entry) == ("tables" in entry):
        message = f"{place}: " + (f"unknown field {unknown[0]!r}" if unknown else "needs either table or tables")
        raise ValueError(message)
    several = "tables" in entry
    tables = entry.pop("tables", None) or (entry.pop("table"),)
    return msgspec.convert({**entry, "tables": tables, "several": several}, Reference)


def _code_map(name: str, value: object, files: Mapping[str, bytes]) -> CodeMap:
    place = f"load.codes.{name}"
    entry = _mapping(value, place)
    unknown = sorted(set(entry) - {"values", "file", "fallback", "empty"})
    if unknown or ("values" in entry) == ("file" in entry):
        message = f"{place}: " + (f"unknown field {unknown[0]!r}" if unknown else "needs either values or file")
        raise ValueError(message)
    values = _mapping(entry["values"], place) if "values" in entry else _code_file(str(entry["file"]), files, place)
    rest = {key: _text(entry[key]) for key in ("fallback", "empty") if entry.get(key) is not None}
    # A fallback that is written out as null means an empty column; none at all means a reject.
    return CodeMap(values={key: _text(text) for key, text in values.items()}, falls_back="fallback" in entry, **rest)


def _text(value: object) -> str:
    """A YAML scalar as the target's text; YAML's own booleans are given as 1 and 0."""
    return str(int(value)) if isinstance(value, bool) else str(value)


def _code_file(name: str, files: Mapping[str, bytes], place: str) -> dict[str, Any]:
    if name not in files:
        message = f"{place}: there is no file {name}"
        raise ValueError(message)
    rows = csv.DictReader(io.StringIO(files[name].decode("utf-8-sig")))
    if set(rows.fieldnames or ()) < {"canonical", "target"}:
        message = f"{name}: the header must be canonical,target"
        raise ValueError(message)
    return {row["canonical"]: row["target"] for row in rows}


def _check_names(section: LoadSection, files: Mapping[str, bytes]) -> None:
    """Whatever one part of the section names must stand in another."""
    loads = {name[len("load/") : -len(".sql")] for name in files if name.startswith("load/")}
    wrong = [f"load.tables.{name} has no load/{name}.sql" for name in sorted(set(section.tables) - loads)]
    wrong += [f"load/{name}.sql has no entry under load.tables" for name in sorted(loads - set(section.tables))]
    for table in section.tables.values():
        place = f"load.tables.{table.name}"
        for column, reference in table.references.items():
            wrong += [f"{place}.references.{column}: no table {t}" for t in reference.tables if t not in section.tables]
        wrong += [
            f"{place}.codes.{c}: no code list {name}" for c, name in table.codes.items() if name not in section.codes
        ]
        if table.group is not None and table.group not in section.groups:
            wrong.append(f"{place}: no group {table.group}")
    if wrong:
        raise ValueError("; ".join(wrong))
