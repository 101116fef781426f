"""Redacted and pseudonymised exports: what the order says, what it makes of each column, and the record of it.

Order of calls: ``load_redaction`` -> ``plan_redaction`` (no row read; all problems at once) -> for each table
``transform`` over its batches and ``settled`` over its totals -> ``report``, which goes into the archive. The key is
read from a file and goes nowhere. In a resumed export ``sha256`` says whether tables finished earlier are of use.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from portability.errors import ConfigError, ScopeError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.manifest import FORMAT_VERSION, TableTotals, to_json
from portability.scoping.redaction_batches import Transform, treat_batches
from portability.scoping.redaction_pseudonyms import KINDS, REDACTED, Pseudonyms
from portability.scoping.redaction_rules import UNKNOWN, Place, Targets, Verdict, verdicts
from portability.yaml_files import YamlDocument, YamlPath, check_schema, read_yaml

if TYPE_CHECKING:
    import pyarrow as pa

    from portability.manifest import ControlTotals, SourceSchema, Table
    from portability.model import Model

__all__ = [
    "REDACTIONS_JSON",
    "ColumnOrder",
    "Redaction",
    "RedactionPlan",
    "load_redaction",
    "plan_redaction",
    "redaction_schema",
]

REDACTIONS_JSON = "reports/redactions.json"
"""Where the record goes, below ``data/``."""

_KEY_BYTES_MIN = 32
_HINT = "docs/pseudonyms.md lists every field."


@dataclass(frozen=True, kw_only=True)
class ColumnOrder:
    """What a person orders of one column, which goes before the classes."""

    do: Literal["keep", "redact", "pseudonymise"]
    why: str
    kind: str = ""


@dataclass(frozen=True, kw_only=True)
class Redaction:
    """The order: who wants what redacted, and why; ``key`` is what pseudonyms are made with.

    ``mode`` is ``pseudonymise`` (every column is treated by its class; what has no known class goes) or ``redact`` (the
    listed classes and columns go, the rest stays).
    """

    by: str
    why: str
    mode: Literal["pseudonymise", "redact"]
    documents: Literal["keep", "remove"] = "remove"
    classes: tuple[str, ...] = ()
    columns: dict[str, ColumnOrder] = field(default_factory=dict)
    key: bytes = field(default=b"", repr=False)


def load_redaction(path: Path, key_file: Path | None = None, *, limits: Limits = DEFAULT_LIMITS) -> Redaction:
    """Read an order, and the key that its pseudonyms are made with.

    Raises:
        ConfigError: It is not as docs/pseudonyms.md says, or the key is missing, too short or readable by others.
    """
    document = read_yaml(path, size_bytes_max=limits.key_file_bytes_max)
    check_schema(document, redaction_schema())
    content: dict[str, Any] = document.content
    columns = {name: ColumnOrder(**entry) for name, entry in (content.get("columns") or {}).items()}
    order = Redaction(
        by=content["by"],
        why=content["why"],
        mode=content["mode"],
        documents=content.get("documents", "remove"),
        classes=tuple(content.get("classes") or ()),
        columns=columns,
    )
    _check(order, document)
    return replace(order, key=_key(order, key_file, str(path), limits))


@cache
def redaction_schema() -> dict[str, Any]:
    """Return the JSON Schema of an order."""
    text = resources.files("portability.scoping").joinpath("redaction.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _check(order: Redaction, document: YamlDocument) -> None:
    """Refuse what the schema cannot say."""
    wrong: list[tuple[YamlPath, str]] = []
    for name, column in order.columns.items():
        if (column.do == "pseudonymise") is not (column.kind in KINDS):
            wrong.append((("columns", name), f"kind is for do: pseudonymise, and is one of {', '.join(KINDS)}"))
        if column.do == "pseudonymise" and order.mode == "redact":
            wrong.append((("columns", name), "pseudonyms need mode: pseudonymise"))
    if order.documents == "keep" and order.mode == "pseudonymise":
        told = "documents: keep is for mode: redact; what a document says cannot be pseudonymised"
        wrong.append((("documents",), told))
    if order.classes and order.mode == "pseudonymise":
        wrong.append((("classes",), "in mode pseudonymise every class is treated; list columns that shall stay"))
    if order.mode == "redact" and not order.classes and not order.columns:
        wrong.append((("mode",), "nothing is listed: give classes or columns"))
    if wrong:
        told_all = tuple(f"{document.where(place)}: {message}" for place, message in wrong)
        raise document.fault(wrong[0][0], wrong[0][1], hint=_HINT, details=told_all)


def _read(path: Path, size_bytes_max: int) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(size_bytes_max + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from error
    if len(content) > size_bytes_max:
        raise ConfigError(f"is larger than the limit of {size_bytes_max} bytes", place=str(path))
    return content


def _key(order: Redaction, key_file: Path | None, place: str, limits: Limits) -> bytes:
    if order.mode == "redact":
        if key_file is not None:
            raise ConfigError("a key is for pseudonyms, and mode: redact makes none", place=place)
        return b""
    hint = (
        "Make one: head -c 32 /dev/urandom > pseudonyms.key && chmod 600 pseudonyms.key. Keep it apart from archives."
    )
    if key_file is None:
        raise ConfigError("pseudonyms need a key", place="--redaction-key", hint=hint)
    key = _read(key_file, limits.key_file_bytes_max)
    if len(key) < _KEY_BYTES_MIN or len(set(key)) < _KEY_BYTES_MIN // 4:
        raise ConfigError(f"a key has at least {_KEY_BYTES_MIN} random bytes", place=str(key_file), hint=hint)
    if key_file.stat().st_mode & 0o077:
        raise ConfigError("others may read the key", place=str(key_file), hint=f"chmod 600 {key_file}")
    return key


@dataclass(frozen=True, kw_only=True)
class RedactionPlan:
    """What becomes of each column; made by ``plan_redaction``."""

    order: Redaction
    decided: dict[Place, Verdict]
    sha256: str
    makers: Pseudonyms | None = field(repr=False)

    @property
    def documents(self) -> str:
        """``keep`` or ``remove``."""
        return self.order.documents

    def transform(self, table: Table, schema: pa.Schema) -> Transform:
        """Return what makes of a planned table's batches those that may be written."""
        decided = {name: self.decided[table.schema, table.name, name] for name in self._names(table)}
        return treat_batches(table, schema, decided, self.makers)

    def redacted(self, table: Table, schema: pa.Schema) -> frozenset[str]:
        """Name the columns of which other values are written than the source has."""
        return self.transform(table, schema).treated

    def row_key(self, table: Table, schema: pa.Schema, key: tuple[str | None, ...]) -> tuple[str | None, ...]:
        """Return the key of a row of the exceptions ledger as it is in the archive."""
        treated, makers = self.redacted(table, schema), self.makers
        return tuple(
            part if part is None or name not in treated else REDACTED if makers is None else makers.text("key", part)
            for name, part in zip(table.order or (None,) * len(key), key, strict=False)
        )

    def settled(self, table: Table, schema: pa.Schema, claimed: TableTotals, found: TableTotals) -> TableTotals:
        """Return the source's totals, with those of the archive for every redacted column, marked and counted."""
        treated, ours = self.redacted(table, schema), {each.name: each for each in found.columns}
        return replace(
            claimed,
            columns=tuple(
                replace(ours[each.name], redacted=each.non_null) if each.name in treated and each.name in ours else each
                for each in claimed.columns
            ),
        )

    def _names(self, table: Table) -> list[str]:
        return [c.name for c in table.columns if (table.schema, table.name, c.name) in self.decided]

    def report(self, totals: ControlTotals) -> bytes:
        """Return reports/redactions.json: who, why, and what became of which column, how often."""
        counts = {
            (t.schema, t.name, c.name): c.redacted for t in totals.tables for c in t.columns if c.redacted is not None
        }
        columns = [
            {
                "schema": place[0],
                "table": place[1],
                "column": place[2],
                "done": _done(self.decided[place]),
                "kind": self.decided[place].kind or None,
                "pd": self.decided[place].pd,
                "why": self.decided[place].why,
                "values": count,
            }
            for place, count in sorted(counts.items())
        ]
        head: dict[str, Any] = {"by": self.order.by, "why": self.order.why, "mode": self.order.mode}
        head |= {"documents": {"keep": "kept", "remove": "removed"}[self.order.documents]}
        head |= {"key_check": self.makers.check_value if self.makers is not None else None}
        return to_json({**head, "columns": columns, "format_version": FORMAT_VERSION})


def _done(verdict: Verdict) -> str:
    return {"redact": "redacted", "pseudonymise": "pseudonymised"}[verdict.do]


def plan_redaction(order: Redaction, source: SourceSchema, targets: Targets, model: Model) -> RedactionPlan:
    """Decide on every carried column.

    Args:
        order: As loaded.
        source: As discovered, with what the profile and the scope exclude marked.
        targets: The canonical fields that each column feeds, from the coverage.
        model: The canonical model, whose personal-data classes decide.

    Raises:
        ScopeError: The order names a column that is not there, or one that must stay; all of them at once.
    """
    found = verdicts(source, targets, model)
    if order.mode == "redact":
        found = {place: _by_class(verdict, order.classes) for place, verdict in found.items()}
    if order.documents == "remove":
        why = "holds documents, which the order removes"
        found = {
            place: replace(verdict, do="redact", kind="", why=why) if verdict.is_document else verdict
            for place, verdict in found.items()
        }
    problems: list[str] = []
    for name, wanted in order.columns.items():
        places = [place for place in found if _is_named(place, name)]
        if len(places) != 1:
            problems.append(f"{name}: {'is no column that is exported' if not places else 'names several columns'}")
            continue
        pd = found[places[0]].pd
        found[places[0]] = Verdict(
            do=wanted.do, kind=wanted.kind, pd=pd, why=f"ordered: {wanted.why}", is_personal=True
        )
    problems += _key_problems(order, source, found)
    if problems:
        hint = "Name columns as TABLE.COLUMN or SCHEMA.TABLE.COLUMN, as `portability inspect` shows them."
        raise ScopeError(f"the redaction cannot be kept: {problems[0]}", hint=hint, details=problems)
    makers = Pseudonyms(order.key) if order.mode == "pseudonymise" else None
    decided = {place: verdict for place, verdict in found.items() if verdict.do != "keep"}
    return RedactionPlan(order=order, decided=decided, sha256=_digest(order, decided, makers), makers=makers)


def _by_class(verdict: Verdict, classes: tuple[str, ...]) -> Verdict:
    return replace(verdict, do="redact" if verdict.pd in classes and verdict.kind != "key" else "keep", kind="")


def _is_named(place: Place, name: str) -> bool:
    schema, table, column = (part.casefold() for part in place)
    return name.casefold() in {f"{table}.{column}", f"{schema}.{table}.{column}"}


_STAYS = re.compile(r"int|serial|dec|num|real|doub|float|money|number|bool|date|time|year", re.IGNORECASE)


def _key_problems(order: Redaction, source: SourceSchema, decided: Mapping[Place, Verdict]) -> list[str]:
    """A key that were redacted would make rows that nobody can tell apart, whether it or its class is listed.

    Of a class, numbers and dates in keys stay; where pseudonyms are made, keys of text and bytes become such.
    """
    wrong = []
    for table in source.tables:
        keys = [table.primary_key, *table.unique_keys] if table.excluded is None else []
        for name in sorted({name for key in keys if key is not None for name in key.columns}):
            verdict = decided.get((table.schema, table.name, name))
            if verdict is None or verdict.do != "redact":
                continue
            is_ordered = verdict.why.startswith("ordered: ")
            if is_ordered or (order.mode == "redact" and not _STAYS.search(table.column(name).native_type)):
                wrong.append(
                    f"{table.label}.{name}: is part of a key: pseudonymise it (mode: pseudonymise), or keep it"
                )
    return wrong


def _digest(order: Redaction, decided: Mapping[Place, Verdict], makers: Pseudonyms | None) -> str:
    choices = [[*place, v.do, v.kind] for place, v in sorted(decided.items())]
    check = makers.check_value if makers is not None else ""
    return hashlib.sha256(to_json([choices, order.documents, check, UNKNOWN])).hexdigest()
