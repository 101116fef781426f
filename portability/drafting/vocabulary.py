"""What names mean: words of tables and columns become concepts, and concepts become entities, fields and codes.

The knowledge is data: spellings.yaml (concept -> spellings in several languages), entities.yaml (what tables and
columns can become) and codes.yaml (what the values of coded columns mean). ``load_vocabulary`` reads them once.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from importlib import resources
from typing import TYPE_CHECKING, Any

import yaml

try:
    from yaml import CSafeLoader as SafeLoader
except ImportError:  # PyYAML was built without its C library: slower, the same result
    from yaml import SafeLoader  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["EntityWords", "Ingredient", "Phrase", "Vocabulary", "load_vocabulary", "singulars", "split_name"]

# Letters that join the parts of a Dutch or German compound.
_JOINTS = ("", "s", "n", "en", "e", "es")
_COMPOUND_LENGTH_MIN = 5
_PART_LENGTH_MIN = 3
# Shorter words that are looked for at the end of a compound only: CLIENTNO, clientid.
_TAILS = {"id", "no", "nr", "cd", "dt", "nm"}
_PHRASE_WORDS_MAX = 4
_FILLERS = {
    "is",
    "has",
    "the",
    "of",
    "was",
    "a",
    "tbl",
    "tab",
    "col",
    "fld",
    "fk",
    "flag",
    "yn",
    "ind",
    "mast",
    "master",
    "lkp",
    "lookup",
    "hdr",
    "header",
    "data",
    "info",
    "list",
    "lst",
}


@dataclass(frozen=True)
class Phrase:
    """Concepts that a column or table must have; ``only`` is whole or fraction where only such numbers fit."""

    words: tuple[str, ...]
    only: str = ""


@dataclass(frozen=True, kw_only=True)
class Ingredient:
    """A value that a fallback needs and that is no field."""

    type: str
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, kw_only=True)
class EntityWords:
    """How one entity shows in a source. See entities.yaml."""

    tables: tuple[Phrase, ...] = ()
    fields: dict[str, tuple[Phrase, ...]] = field(default_factory=dict)
    ingredients: dict[str, Ingredient] = field(default_factory=dict)
    flags: dict[str, dict[Phrase, tuple[str, str]]] = field(default_factory=dict)
    fallbacks: dict[str, tuple[str, ...]] = field(default_factory=dict)


def split_name(name: str) -> list[str]:
    """Cut a name into small words: at signs, digits and changes of case, umlauts written plainly.

    >>> split_name("ClientAddress2_DX")
    ['client', 'address', '2', 'dx']
    """
    plain = _plain(name)
    spaced = re.sub(
        r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=\d)(?=[A-Za-z])|(?<=[A-Za-z])(?=\d)", " ", plain
    )
    return [word for word in re.split(r"[^A-Za-z0-9]+", spaced.lower().strip()) if word]


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.replace("ß", "ss"))
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def _spelled_out(text: str) -> str:
    """The other way to write umlauts without them."""
    for umlaut, pair in (("ä", "ae"), ("ö", "oe"), ("ü", "ue")):
        text = text.replace(umlaut, pair)
    return text


class Vocabulary:
    """Everything the three files say, with the names in them already turned into concepts."""

    def __init__(
        self, spellings: Mapping[str, list[str]], entities: Mapping[str, Any], codes: Mapping[str, Any]
    ) -> None:
        self._phrases: dict[tuple[str, ...], str] = {}
        for concept, names in spellings.items():
            for name in (concept.replace("_", " "), *names):
                for text in {name, _spelled_out(name)}:
                    self._phrases.setdefault(tuple(split_name(text)), concept)
        self._concepts = functools.cache(self._concepts_of)
        self._codes = {name: _code_words(entry) for name, entry in codes.items()}
        self._otherwise = {name: entry["otherwise"] for name, entry in codes.items()}
        self.common = self._entity_words(entities["common"])
        self.entities = {name: self._entity_words(entry) for name, entry in entities["entities"].items()}
        self.telling = _telling(self.entities)

    def _entity_words(self, entry: Mapping[str, Any]) -> EntityWords:
        ingredients = {
            name: Ingredient(type=ingredient["type"], phrases=self._read_phrases(ingredient["phrases"]))
            for name, ingredient in entry.get("ingredients", {}).items()
        }
        flags = {
            name: {self._read_phrase(text): (pair[0], pair[1]) for text, pair in flags.items()}
            for name, flags in entry.get("flags", {}).items()
        }
        return EntityWords(
            tables=self._read_phrases(entry.get("tables", [])),
            fields={name: self._read_phrases(texts) for name, texts in entry.get("fields", {}).items()},
            ingredients=ingredients,
            flags=flags,
            fallbacks={name: tuple(texts) for name, texts in entry.get("fallbacks", {}).items()},
        )

    def _read_phrases(self, texts: Iterable[str]) -> tuple[Phrase, ...]:
        return tuple(self._read_phrase(text) for text in texts)

    def _read_phrase(self, text: str) -> Phrase:
        words, _, only = text.partition("@")
        return Phrase(self.concepts(words), only.strip())

    def concepts(self, name: str) -> tuple[str, ...]:
        """Return the concepts that a name is made of; words that nobody knows stay as they are."""
        return self._concepts(name)

    def _concepts_of(self, name: str) -> tuple[str, ...]:
        words = split_name(name)
        found = list(self._longest_first(words))
        kept = [concept for concept in found if concept not in _FILLERS]
        return tuple(kept or found or (name.lower(),))

    def _longest_first(self, words: list[str]) -> Iterator[str]:
        start = 0
        while start < len(words):
            for length in range(min(_PHRASE_WORDS_MAX, len(words) - start), 0, -1):
                concept = self._known(tuple(words[start : start + length]))
                if concept is not None:
                    yield concept
                    start += length
                    break
            else:
                yield from self._compound(words[start])
                start += 1

    def _known(self, words: tuple[str, ...]) -> str | None:
        """The concept of a spelling, in the singular or the plural."""
        for last in singulars(words[-1]):
            form = (*words[:-1], last)
            # "MwSt" and "time_sheet" are one word elsewhere.
            concept = self._phrases.get(form) or self._phrases.get(("".join(form),))
            if concept is not None:
                return concept
        return None

    def _compound(self, word: str) -> list[str]:
        """The concepts of a compound's parts, or the word itself."""
        if len(word) >= _COMPOUND_LENGTH_MIN:
            parts = self._parts(word)
            if parts:
                return [concept for concept in parts if concept]
        return [next(iter(singulars(word)))] if word.isdigit() else [singulars(word)[-1]]

    def _parts(self, word: str) -> list[str] | None:
        """Cut into known words, the longest first; None when something is left over."""
        if not word:
            return []
        for length in range(len(word), _PART_LENGTH_MIN - 1, -1):
            concept = self._known((word[:length],))
            if concept is None:
                continue
            for joint in _JOINTS:
                rest = word[length:]
                if joint and not rest.startswith(joint):
                    continue
                rest = rest[len(joint) :]
                if joint and not rest:
                    continue
                if rest in _TAILS:
                    return [concept, self._phrases[rest,]]
                tail = self._parts(rest)
                if tail is not None:
                    return [concept, *tail]
        return None

    def code_of(self, code_list: str, value: str) -> str | None:
        """Return the code that a value seems to mean, or None."""
        words = self._codes.get(code_list, {})
        text = " ".join(split_name(value))
        if text in words:
            return words[text]
        found = [words[word] for word in text.split() if len(word) >= _PART_LENGTH_MIN and word in words]
        return found[0] if found else None

    def otherwise(self, code_list: str) -> str | None:
        """Return the code of values that say nothing, or None where there is none."""
        code: str | None = self._otherwise.get(code_list)
        return code

    def codes(self, code_list: str) -> set[str]:
        """Return the codes of a list that some word leads to."""
        return set(self._codes[code_list].values())

    def code_lists(self) -> set[str]:
        """Return the lists that the vocabulary has words for."""
        return set(self._codes)


def _telling(entities: Mapping[str, EntityWords]) -> dict[tuple[str, ...], float]:
    """How much a phrase tells: all when one entity has it, the less the more entities do."""
    counted: Counter[tuple[str, ...]] = Counter()
    for words in entities.values():
        counted.update({tuple(sorted(phrase.words)) for phrases in words.fields.values() for phrase in phrases})
    return {words: 1 / count for words, count in counted.items()}


def _code_words(entry: Mapping[str, Any]) -> dict[str, str]:
    words: dict[str, str] = {}
    for code, texts in entry["words"].items():
        for text in (code, *texts):
            for form in {text, _spelled_out(text)}:
                words.setdefault(" ".join(split_name(form)), code)
    return words


def singulars(word: str) -> tuple[str, ...]:
    """The word itself, and what an English plural would be the plural of."""
    forms = [word]
    if word.endswith("ies") and len(word) > _PART_LENGTH_MIN + 1:
        forms.append(word[:-3] + "y")
    elif word.endswith(("sses", "xes", "ches", "shes", "uses")):
        forms.append(word[:-2])
    elif word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > _PART_LENGTH_MIN:
        forms.append(word[:-1])
    return tuple(forms)


@functools.cache
def load_vocabulary() -> Vocabulary:
    """Return the packaged vocabulary."""
    folder = resources.files("portability.drafting")
    names = ("spellings", "entities", "codes")
    texts = (folder.joinpath(f"{name}.yaml").read_text("utf-8") for name in names)
    return Vocabulary(*(yaml.load(text, Loader=SafeLoader) for text in texts))
