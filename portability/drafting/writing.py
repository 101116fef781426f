"""A draft's profile.yaml and DRAFT.md: what was decided, how sure it is, and what a person has to answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.drafting.branches import FIRM_NAME
from portability.drafting.feeds import guess_rank
from portability.drafting.questions import quarantined, questions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from portability.drafting.building import Built
    from portability.drafting.checking import CheckResult
    from portability.drafting.documents import Storage
    from portability.drafting.rendering import Branch
    from portability.drafting.typed_views import PlannedSource
    from portability.manifest import Table
    from portability.mapping import TableFate

__all__ = ["Guess", "list_guesses", "render_draft_notes", "render_profile"]

_DETECT_MAX = 6
# The entities whose tables tell one legal system from another.
_TELLING = ("matter", "client", "bill", "time_entry", "contact", "document", "user", "ledger_transaction", "disbursement", "payment")
_WHY = {
    "log": "a log of the application, kept as it is",
    "link": "which rows are linked, and when and by whom that was written",
    "unknown": "nobody has said yet what this is; kept as it is",
    "lookup": "a list of codes that the draft does not use",
}


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One guess in a map."""

    place: str
    about: str
    text: str
    confidence: str


def list_guesses(branches: Mapping[str, Sequence[Branch]]) -> Iterator[Guess]:
    """Yield every guess of the maps, the least sure first."""
    found = [
        Guess(place=f"map/{entity}.sql: {name}", about=branch.about, text=expression.reason, confidence=expression.confidence)
        for entity, parts in sorted(branches.items())
        for branch in parts
        for name, expression in branch.fields.items()
        if expression.reason
    ]
    yield from sorted(found, key=lambda guess: (-guess_rank(guess.confidence), guess.place))


# -- profile.yaml -----------------------------------------------------------------------------------------------------------


def render_profile(name: str, built: Built, planned: PlannedSource, fates: Sequence[TableFate]) -> str:
    """Return profile.yaml; ``fates`` tells which columns no map uses, and so need an entry."""
    context = built.context
    lines = [
        "# Draft, made by `portability profile new`. Each GUESS wants a look: confirm it, mend it or delete it.",
        f"profile: {name}",
        f"title: {_scalar(f'Draft of a {planned.schema.dbms} database (fill in the name of the system)')}",
        'version: "1"',
        f"time_zone: {context.time_zone}  # GUESS (nothing in a database says it, low)",
        f"currency: {context.currency}  # GUESS (nothing in a database says it, low)",
        f"detect: [{', '.join(_scalar(table) for table in _detect(built))}]  # GUESS (the tables that mattered most, medium)",
        *_section("documents", [_document(storage) for storage in built.storages]),
        *_section("exclude", _excluded(built, planned)),
        *_section("carry", [f"{_scalar(place)}: {_scalar('GUESS: ' + why)}" for place, why in _carried(built, planned, fates)]),
    ]
    return "\n".join(lines) + "\n"


def _scalar(text: str) -> str:
    # A JSON string is a YAML string.
    return json.dumps(text, ensure_ascii=False)


def _section(name: str, entries: Sequence[str]) -> list[str]:
    return ["", f"{name}:", *(f"  {entry}" for entry in entries)] if entries else []


def _detect(built: Built) -> list[str]:
    best = [feeds[0] for entity in _TELLING for feeds in [built.context.feeds.of(entity)] if feeds and not feeds[0].derived]
    return list(dict.fromkeys(feed.table.table.name for feed in best))[:_DETECT_MAX]


def _document(storage: Storage) -> str:
    entries = {"name": storage.name, "table": storage.table.table.name, storage.kind: storage.column}
    entries |= {key: value for key, value in (("size", storage.size), ("md5", storage.md5), ("file_name", storage.file_name)) if value}
    listed = ", ".join(f"{key}: {_scalar(value)}" for key, value in entries.items())
    return f"- {{{listed}}}  # GUESS (the column's name or type, {storage.confidence})"


def _excluded(built: Built, planned: PlannedSource) -> list[str]:
    return [
        f"{_scalar(_rule_name(table, planned))}: {_scalar('GUESS: ' + role.reason)}"
        for table in planned.schema.tables
        for role in [built.context.roles.get((table.schema, table.name))]
        if role is not None and role.kind == "machine"
    ]


def _rule_name(table: Table | TableFate, planned: PlannedSource) -> str:
    """What a rule calls a table: with its schema where another has the same name."""
    same = [other for other in planned.schema.tables if other.name.casefold() == table.name.casefold()]
    return table.name if len(same) == 1 else f"{table.schema}.{table.name}"


def _carried(built: Built, planned: PlannedSource, fates: Sequence[TableFate]) -> Iterator[tuple[str, str]]:
    """A table that no map uses, or the single columns of one that is used."""
    left_out = {entry.table: entry for entry in built.left_out}
    for fate in fates:
        place = _rule_name(fate, planned)
        role = built.context.roles.get((fate.schema, fate.name))
        kind = role.kind if role is not None else "unknown"
        unused = [column.name for column in fate.columns if column.status == "unclassified"]
        if not unused:
            continue
        whole = all(column.status in ("unclassified", "excluded") for column in fate.columns)
        left = left_out.get(f"{fate.schema}.{fate.name}")
        why = f"looks like {left.entity}, but {left.reason}; kept as it is" if left else _WHY.get(kind, "no field for it was found; kept as it is")
        if whole:
            yield place, why
            continue
        for name in unused:
            yield f"{place}.{name}", why if kind == "link" else "no field for it was found; kept as it is"


# -- DRAFT.md ---------------------------------------------------------------------------------------------------------------


def render_draft_notes(built: Built, planned: PlannedSource, check: CheckResult, guesses: Sequence[Guess]) -> str:
    """Return DRAFT.md, the to-do list of whoever finishes the profile."""
    counts = {level: sum(guess.confidence == level for guess in guesses) for level in ("low", "medium", "high")}
    coverage = check.coverage
    lines = [
        f"# Draft of the profile {check.profile}",
        "",
        f"Made from a {planned.schema.dbms} {planned.schema.dbms_version} database with {len(planned.plans)} tables. "
        f"{len(guesses)} guesses: {counts['low']} of low confidence, {counts['medium']} medium, {counts['high']} high. "
        "This file is yours: cross off what is settled; no program reads it.",
        "",
        *([f"Columns: {coverage.columns}; {coverage.mapped} mapped, {coverage.carried} carried, {coverage.excluded} excluded, "
           f"{coverage.unclassified} unclassified.", ""] if coverage else []),
        *_part("Questions to ask", questions(built, FIRM_NAME)),
        *_part("What each table became", _tables(built, check)),
        *_part("Left out", [f"`{each.table}` looks like {each.entity}: {each.reason}." for each in built.left_out]),
        *_part("Rows that would go to quarantine as it stands", quarantined(built)),
        *_part("Coded fields", _codes(built)),
        *_part("Guesses, the least sure first", [f"{g.confidence}: `{g.place}` ({g.about}): {g.text}" for g in guesses]),
        *_part("Problems that the check found", [f"{p.severity}: `{p.place}`: {p.text}. {p.mend}" for p in check.problems]),
        "## Next",
        "",
        "Mend the maps, then `portability profile check FOLDER SOURCE` until it is silent, then `portability export SOURCE",
        "ARCHIVE --profile FOLDER` and `portability verify ARCHIVE --level deep`. See docs/add_a_system.md.",
    ]
    return "\n".join(lines) + "\n"


def _part(title: str, entries: Iterable[str]) -> list[str]:
    listed = [f"- [ ] {' '.join(entry.split())}" for entry in entries]
    return [f"## {title}", "", *listed, ""] if listed else []


def _tables(built: Built, check: CheckResult) -> Iterator[str]:
    for counted in check.tables:
        schema, _, name = counted.table.partition(".")
        role = built.context.roles.get((schema, name))
        feeds = [feed for feed in built.context.feeds.all() if feed.table.place == (schema, name)]
        became = ", ".join(sorted(feed.entity for feed in feeds)) or (role.kind if role else "not read")
        why = feeds[0].reason if feeds else (role.reason if role else "cannot be read")
        yield (
            f"`{counted.table}` ({counted.rows or 0} rows, {counted.columns} columns): {became}; {why}; "
            f"{counted.mapped} mapped, {counted.carried} carried, {counted.excluded} excluded"
        )


def _codes(built: Built) -> Iterator[str]:
    for feed in built.context.feeds.all():
        for name, expression in feed.fields.items():
            if expression.otherwise is not None:
                seen = ", ".join(f"{value!r} is {code}" for value, code in expression.seen) or "nothing was recognised"
                yield f"`{feed.entity}.{name}` from `{feed.table.table.label}`: {seen}; everything else becomes {expression.otherwise}"
