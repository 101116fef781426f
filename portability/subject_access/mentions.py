"""Free text: where the person is named in rows that no key leads to, and whom else the person's own texts name.

A name in a text asserts nothing: it may be another person's. So such rows are only ever offered for a decision.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.duck import quote, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from portability.model import Model

__all__ = ["Marks", "OtherMarks", "find_mentions", "own_marks"]

_NAME_LENGTH_MIN = 5  # shorter names are words of the language
_PHONE_DIGITS_MIN = 9
_WORDS = re.compile(r"\w+")
_TEXT_TYPES = ("text", "json", "string")
_NOT_TEXT = {"id", "source_system", "source_key"}


@dataclass(frozen=True, kw_only=True)
class Marks:
    """What a person is known by in a text, in lower case: names and addresses; telephone numbers as digits."""

    words: frozenset[str]
    phones: frozenset[str]


def own_marks(engine: duckdb.DuckDBPyConnection, present: set[str], people: list[str]) -> Marks:
    """Gather what the person is known by."""
    return _marks(_known(engine, present, people))


def _known(engine: duckdb.DuckDBPyConnection, present: set[str], people: list[str]) -> list[str]:
    ids = ", ".join(text_literal(each) for each in people)
    names = "concat_ws(' ', given_name, family_name), display_name, organisation_name, preferred_name"
    rows = engine.execute(f"SELECT {names} FROM contact WHERE id IN ({ids})").fetchall()
    if "contact_point" in present:
        rows += engine.execute(f"SELECT value FROM contact_point WHERE contact_id IN ({ids})").fetchall()
    return [text for row in rows for text in row if text]


def _marks(texts: list[str]) -> Marks:
    words, phones = set(), set()
    for text in texts:
        digits = re.sub(r"\D", "", text)
        if "@" not in text and len(digits) >= _PHONE_DIGITS_MIN and not re.search(r"[A-Za-z]{3}", text):
            phones.add(digits.lstrip("0")[-_PHONE_DIGITS_MIN:])
        elif len(text.strip()) >= _NAME_LENGTH_MIN:
            words.add(text.strip().lower())
    return Marks(words=frozenset(words), phones=frozenset(phones))


def find_mentions(
    engine: duckdb.DuckDBPyConnection, model: Model, present: set[str], marks: Marks, limit: int
) -> Iterator[tuple[str, str, str]]:
    """Yield entity, id and field of each text that names the person, of rows that no key led to.

    Raises:
        duckdb.Error: A file cannot be read.
    """
    for entity in model.entities:
        names = [f.name for f in entity.fields if f.type in _TEXT_TYPES and f.name not in _NOT_TEXT]
        if entity.name not in present or entity.name == "contact" or not names:
            continue
        key, literal = quote(entity.primary_key[0]), text_literal(entity.name)
        tests = [test for name in names for test in _tests(quote(name), marks)]
        cases = " ".join(f"WHEN {test} THEN {text_literal(name)}" for name, test in _named(names, marks))
        if not tests:
            continue
        sql = (
            f"SELECT e.{key}, CASE {cases} END FROM {quote(entity.name)} AS e WHERE ({' OR '.join(tests)}) "
            f"AND NOT EXISTS (SELECT 1 FROM found AS g WHERE g.entity = {literal} AND g.id = e.{key}) "
            f"ORDER BY 1 LIMIT {limit + 1}"
        )
        for found_id, name in engine.execute(sql).fetchall():
            yield entity.name, str(found_id), str(name)


def _named(names: list[str], marks: Marks) -> Iterator[tuple[str, str]]:
    for name in names:
        yield from ((name, test) for test in _tests(quote(name), marks))


def _tests(column: str, marks: Marks) -> list[str]:
    found = [f"contains(lower({column}), {text_literal(word)})" for word in sorted(marks.words)]
    digits = f"regexp_replace({column}, '[^0-9]', '', 'g')"
    return found + [f"contains({digits}, {text_literal(phone)})" for phone in sorted(marks.phones)]


class OtherMarks:
    """What all contacts but the person are known by, found by its first word: a text is asked word by word.

    Args:
        engine: With the views of the archive.
        present: The entities that it has.
        people: The person's ids.
    """

    def __init__(self, engine: duckdb.DuckDBPyConnection, present: set[str], people: list[str]) -> None:
        ids = ", ".join(text_literal(each) for each in people)
        sql = (
            "SELECT DISTINCT lower(trim(mark)) FROM ("
            "SELECT id, concat_ws(' ', given_name, family_name) AS mark FROM contact UNION ALL "
            "SELECT id, display_name FROM contact UNION ALL SELECT id, organisation_name FROM contact"
            f"{_points(present)}) WHERE id NOT IN ({ids}) AND length(trim(mark)) >= {_NAME_LENGTH_MIN}"
        )
        self._by_word: dict[str, list[str]] = {}
        for (mark,) in engine.execute(sql).fetchall():
            words = _WORDS.findall(mark)
            if words:
                self._by_word.setdefault(words[0], []).append(mark)

    def is_in(self, text: str) -> bool:
        """Tell whether one of them stands in a text."""
        lowered = text.lower()
        words = set(_WORDS.findall(lowered))
        return any(mark in lowered for word in words for mark in self._by_word.get(word, ()))


def _points(present: set[str]) -> str:
    return " UNION ALL SELECT contact_id, value FROM contact_point" if "contact_point" in present else ""
