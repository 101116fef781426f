"""DRAFT.md: what a draft became, how sure each guess is, and what a person has to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.drafting.feeds import guess_rank
from portability.drafting.questions import quarantined, questions
from portability.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from portability.drafting.building import Built
    from portability.drafting.checking import CheckResult
    from portability.drafting.rendering import Branch
    from portability.drafting.typed_views import PlannedSource

__all__ = ["Guess", "list_guesses", "render_notes"]

_NEXT = """\
## Next

Mend the maps, then run `portability profile check FOLDER SOURCE` until it is silent, then
`portability export SOURCE ARCHIVE --profile FOLDER` and `portability verify ARCHIVE --level deep`.
See docs/add_a_system.md.
"""


@dataclass(frozen=True, kw_only=True)
class Guess:
    """One guess in a map."""

    place: str
    about: str
    text: str
    confidence: str


def list_guesses(branches: Mapping[str, Sequence[Branch]]) -> list[Guess]:
    """List every guess of the maps, the least sure first."""
    found = [
        Guess(
            place=f"map/{entity}.sql: {name}",
            about=part.about,
            text=expression.reason,
            confidence=expression.confidence,
        )
        for entity, parts in sorted(branches.items())
        for part in parts
        for name, expression in part.fields.items()
        if expression.reason
    ]
    return sorted(found, key=lambda guess: (-guess_rank(guess.confidence), guess.place))


def render_notes(built: Built, planned: PlannedSource, check: CheckResult, guesses: Sequence[Guess]) -> str:
    """Return DRAFT.md, the to-do list of whoever finishes the profile."""
    doubts = [f"{guess.confidence}: `{guess.place}` ({guess.about}): {guess.text}" for guess in guesses]
    left_out = [f"`{each.table}` looks like {each.entity}: {each.reason}." for each in built.left_out]
    problems = [f"{each.severity}: `{each.place}`: {each.text}. {each.mend}" for each in check.problems]
    parts = [
        *_head(planned, check, guesses),
        *_part("Questions to ask", questions(built)),
        *_part("What each table became", _tables(built, check)),
        *_part("Left out", left_out),
        *_part("Rows that would go to quarantine as it stands", quarantined(built)),
        *_part("Coded fields", _codes(built)),
        *_part("Guesses, the least sure first", doubts),
        *_part("Problems that the check found", problems),
    ]
    return "\n".join(parts) + "\n" + _NEXT


def _head(planned: PlannedSource, check: CheckResult, guesses: Sequence[Guess]) -> list[str]:
    counts = {level: sum(guess.confidence == level for guess in guesses) for level in ("low", "medium", "high")}
    made_from = f"{planned.schema.dbms} {planned.schema.dbms_version}".rstrip()  # files have no version
    levels = f"{counts['low']} of low confidence, {counts['medium']} medium, {counts['high']} high"
    lines = [
        f"# Draft of the profile {check.profile}",
        "",
        f"Made from {counted(len(planned.plans), 'table')} of {made_from}.",
        f"{counted(len(guesses), 'guess', 'guesses')}: {levels}.",
        "This file is yours: cross off what is settled. No program reads it, and it goes into no archive.",
        "",
    ]
    coverage = check.coverage
    if coverage is not None:
        fates = ("mapped", "carried", "excluded", "unclassified")
        told = ", ".join(f"{getattr(coverage, fate)} {fate}" for fate in fates)
        lines += [f"Columns: {coverage.columns}; {told}.", ""]
    return lines


def _part(title: str, entries: Iterable[str]) -> list[str]:
    listed = [f"- [ ] {' '.join(entry.split())}" for entry in entries]
    return [f"## {title}", "", *listed, ""] if listed else []


def _tables(built: Built, check: CheckResult) -> Iterator[str]:
    for found in check.tables:
        schema, _, name = found.table.partition(".")
        role = built.context.roles.get((schema, name))
        feeds = [feed for feed in built.context.feeds.all() if feed.table.place == (schema, name)]
        became = ", ".join(sorted(feed.entity for feed in feeds)) or (role.kind if role else "not read")
        why = feeds[0].reason if feeds else (role.reason if role else "cannot be read")
        fates = f"{found.mapped} mapped, {found.carried} carried, {found.excluded} excluded"
        rows = "" if found.rows is None else f"{counted(found.rows, 'row')}, "  # what is excluded was not counted
        yield f"`{found.table}` ({rows}{counted(found.columns, 'column')}): {became}; {why}; {fates}"


def _codes(built: Built) -> Iterator[str]:
    for feed in built.context.feeds.all():
        for name, expression in feed.fields.items():
            if expression.otherwise is None:
                continue
            seen = ", ".join(f"{value!r} is {code}" for value, code in expression.seen) or "nothing was recognised"
            where = f"`{feed.entity}.{name}` from `{feed.table.label}`"
            yield f"{where}: {seen}; everything else becomes {expression.otherwise}"
