"""How well a name fits a phrase of the vocabulary, and so which fields the columns of a table could be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from portability.drafting.survey import SurveyedColumn
    from portability.drafting.vocabulary import EntityWords, Phrase

__all__ = ["ENOUGH", "GOOD", "POINTING", "Evidence", "column_score", "evidence", "table_score"]

# Scores run from 0 to 1. ``GOOD`` fits word for word; below ``ENOUGH`` nothing is concluded.
GOOD = 0.88
ENOUGH = 0.5
_OWN_WORD_DROPPED = 0.95
_LATER_PHRASE = 0.01
_NEUTRAL_WORD = 0.6
# Words that change little about what a column is.
_NEUTRAL = {
    "primary",
    "full",
    "default",
    "date",
    "moment",
    "time",
    "text",
    "1",
    "home",
    "work",
    "business",
    "total",
    "amount",
    "value",
    "number",
    "name",
}
# Words that only say that a column points somewhere.
POINTING = {"id", "number", "code", "reference"}
_WHOLE = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "HUGEINT",
    "UHUGEINT",
}


def column_score(phrases: Sequence[Phrase], column: SurveyedColumn, own: Iterable[str], *, points: bool) -> float:
    """Return how well a column fits the best of the phrases.

    Args:
        phrases: The best first.
        column: The candidate.
        own: The words of its table, which its columns often repeat.
        points: Whether the field is a reference, so that "client id" is a client.
    """
    forms = list(_forms(column.words, set(own), points=points))
    best = 0.0
    for place, phrase in enumerate(phrases):
        if phrase.only and (phrase.only == "whole") != (column.kind in _WHOLE):
            continue
        for form, worth in forms:
            best = max(best, worth * _fit(phrase.words, form) - place * _LATER_PHRASE)
    return best


def _forms(words: tuple[str, ...], own: set[str], *, points: bool) -> Iterable[tuple[tuple[str, ...], float]]:
    yield words, 1.0
    shorter = tuple(word for word in words if word not in own)
    if shorter and shorter != words:
        yield shorter, _OWN_WORD_DROPPED
    if points:
        for form in {words, shorter}:
            bare = tuple(word for word in form if word not in POINTING)
            if bare and bare != form:
                yield bare, 1.0 if "id" in form else _OWN_WORD_DROPPED


def _fit(phrase: tuple[str, ...], words: tuple[str, ...]) -> float:
    wanted, have = Counter(phrase), Counter(words)
    if wanted == have:
        return 1.0
    extra = list((have - wanted).elements())
    if not wanted - have and len(extra) == 1 and extra[0] in _NEUTRAL:
        return _NEUTRAL_WORD
    return 0.0


def table_score(phrases: Sequence[Phrase], words: Sequence[str]) -> float:
    """Return how well a table's name ends in, or consists of, one of the phrases."""
    best = 0.0
    for place, phrase in enumerate(phrases):
        length = len(phrase.words)
        if tuple(words[-length:]) == phrase.words or Counter(words) == Counter(phrase.words):
            best = max(best, 0.6 + 0.4 * length / len(words) - place * _LATER_PHRASE)
    return best


@dataclass(frozen=True)
class Evidence:
    """What a table's columns say for an entity: how many of its fields they could be, and how telling those are."""

    fields: int
    weight: float


def evidence(
    words: EntityWords,
    columns: Iterable[SurveyedColumn],
    own: Iterable[str],
    references: set[str],
    telling: Mapping[tuple[str, ...], float],
) -> Evidence:
    """Weigh the fields of an entity that the columns of a table could be, word for word."""
    plain: set[tuple[str, ...]] = set()
    pointing: set[tuple[str, ...]] = set()
    for column in columns:
        plain |= {tuple(sorted(form)) for form, _ in _forms(column.words, set(own), points=False)}
        pointing |= {tuple(sorted(form)) for form, _ in _forms(column.words, set(own), points=True)}
    weights = []
    for name, phrases in words.fields.items():
        forms = pointing if name in references else plain
        fitting = [telling[bag] for bag in (tuple(sorted(phrase.words)) for phrase in phrases) if bag in forms]
        if fitting:
            weights.append(max(fitting))
    return Evidence(len(weights), sum(weights))
