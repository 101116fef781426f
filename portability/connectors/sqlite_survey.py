"""What a SQLite table holds, found out in fewer and cheaper scans than by asking each column what it may be.

A guess comes from the table's first rows and steers nothing but the cost: every answer that leaves this module is
proved by all rows. One scan of SQLite's own proves storage classes where it can by what the totals need anyway (the
classes have an order, so that a column's least and greatest value tell; a sum is an integer only if every value is). A
survey of the texts through Arrow proves that they are UTF-8 and that dates are dates, by batches and not by values. A
column that turns out otherwise is left to the dialect's probes.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from portability.connectors.planning import AGGREGATES_PER_QUERY
from portability.connectors.sqlite_facts import SIZED_KINDS, TEMPORAL_KINDS, Surveyed, TextFacts, look_at, moments_of
from portability.connectors.sqlite_types import PLAIN, quote_identifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from portability.connectors.carrying import Carrying
    from portability.connectors.sqlite_arrow import ArrowFile
    from portability.connectors.sqlite_types import SqliteTypes
    from portability.manifest import Column

    Ask = Callable[[str], Iterator[tuple[Any, ...]]]

_STORAGE = {
    "number": "integer",  # or real, where the declaration is of decimals
    "bool": "integer",
    "float": "real",
    "text": "text",
    "date": "text",
    "timestamp": "text",
    "bytes": "blob",
}

# SQLite's expressions are at most 1,000 deep.
_DOUBTS = 100
_Key = TypeVar("_Key")

__all__ = ["Guess", "answers", "conclusions", "guess", "sample", "shown_by_reading", "survey"]

# Rows from which it is guessed what a table holds.
_SAMPLE_ROWS = 1_000
_SAMPLE_BYTES = 1024 * 1024  # longer than what travels in a batch by its presumed plan


@dataclass(frozen=True, kw_only=True)
class Guess:
    """How a column would travel if all rows are like the first ones."""

    column: Column
    carrying: Carrying
    storage: str
    form: int

    @property
    def name(self) -> str:
        """The column in SQL."""
        return quote_identifier(self.column.name)

    @property
    def is_numeric(self) -> bool:
        """Whether its least and greatest value and its sum tell its storage class."""
        return self.carrying.kind in ("number", "bool")

    @property
    def is_scaled(self) -> bool:
        """Whether it travels as decimals of a declared scale."""
        return self.carrying.codec == "scaled"

    @property
    def is_full(self) -> bool:
        """Whether it is declared to hold no null."""
        return not self.column.nullable

    @property
    def is_temporal(self) -> bool:
        """Whether it travels as a date or time."""
        return self.carrying.kind in TEMPORAL_KINDS


def sample(types: SqliteTypes, columns: Sequence[Column], source: str, ask: Ask) -> dict[tuple[str, str], Any]:
    """Answer the dialect's probes, by column and slot, from the first rows of ``source`` alone."""
    names = ", ".join(_bounded(quote_identifier(column.name)) for column in columns) or "1"
    rows = f"(SELECT {names} FROM {source} LIMIT {_SAMPLE_ROWS})"
    seen = _asked(ask, rows, {(c.name, slot): sql for c in columns for slot, sql in types.probes(c).items()})
    again = {(c.name, slot): sql for c in columns for slot, sql in types.reprobes(c, _of(c, seen)).items()}
    return seen | _asked(ask, rows, again)


def _bounded(name: str) -> str:
    """SQL of a value of which a long blob is another, shorter one: rows of a sample are held whole."""
    long = f"typeof({name}) = 'blob' AND length({name}) > {_SAMPLE_BYTES}"
    return f"CASE WHEN {long} THEN zeroblob({_SAMPLE_BYTES + 1}) ELSE {name} END AS {name}"


def guess(types: SqliteTypes, columns: Sequence[Column], seen: Mapping[tuple[str, str], Any]) -> list[Guess]:
    """Say how columns would travel, but for those of which only the dialect's probes can prove how."""
    guesses = []
    for column in columns:
        answers = _of(column, seen)
        carrying, *beside = types.decide(column, answers)
        if not beside and not carrying.unfit:
            form, storage = int(answers.get("form") or PLAIN), _STORAGE[carrying.kind]
            guesses.append(Guess(column=column, carrying=carrying, storage=storage, form=form))
    return guesses


def _of(column: Column, seen: Mapping[tuple[str, str], Any]) -> dict[str, Any]:
    return {slot: value for (name, slot), value in seen.items() if name == column.name}


def _asked(ask: Ask, source: str, questions: Mapping[_Key, str]) -> dict[_Key, Any]:
    found: dict[str, Any] = {}
    wanted = list(dict.fromkeys(questions.values()))
    for start in range(0, len(wanted), AGGREGATES_PER_QUERY):
        part = wanted[start : start + AGGREGATES_PER_QUERY]
        (row,) = list(ask(f"SELECT {', '.join(part)} FROM {source}"))
        found |= zip(part, row, strict=True)
    return {key: found[sql] for key, sql in questions.items()}


# -- texts ------------------------------------------------------------------------------------------------------------


def survey(arrow: ArrowFile, guesses: Sequence[Guess], source: str, *, batch_bytes: int, rows_max: int) -> Surveyed:
    """Look at every text of the columns that are guessed to hold texts.

    Args:
        arrow: The file.
        guesses: Columns of which something is guessed.
        source: SQL of the table and its rows, for a FROM clause.
        batch_bytes: What a batch may hold; columns whose values are longer are not looked at.
        rows_max: Rows of a batch.
    """
    session = arrow.sessions[1]
    sized = [each for each in guesses if each.carrying.kind in SIZED_KINDS]
    longest: dict[str, int] = {}
    for start in range(0, len(sized), AGGREGATES_PER_QUERY):
        part = sized[start : start + AGGREGATES_PER_QUERY]
        sizes = arrow.row(
            session, f"SELECT {', '.join(f'max(octet_length({each.name}))' for each in part)} FROM {source}"
        )
        longest |= {each.column.name: int(size or 0) for each, size in zip(part, sizes, strict=True)}
    texts = [each for each in sized if each.storage == "text"]
    row_bytes = sum(longest[each.column.name] for each in texts)
    rows = min(rows_max, batch_bytes // max(1, row_bytes))
    if not rows:
        return Surveyed(longest=longest, texts={})
    by_name = {each.column.name: each for each in texts}
    # Where a null need not be told from a text, the driver shall take no column of nulls for integers.
    words = {name: each.name if each.is_temporal else f"ifnull({each.name}, '')" for name, each in by_name.items()}
    facts: dict[str, TextFacts] = {}
    for arrays in arrow.texts(session, words, source, rows):
        for name, array in arrays.items():
            look_at(array, moments_of(array, by_name[name].carrying), facts.setdefault(name, TextFacts()))
    return Surveyed(longest=longest, texts=facts)


# -- everything else --------------------------------------------------------------------------------------------------


def answers(types: SqliteTypes, guesses: Sequence[Guess], source: str, ask: Ask, *, is_read: bool) -> dict[str, Any]:
    """Ask what proves the guesses and what the totals need; return the answers by their SQL.

    Args:
        types: The file's rules.
        guesses: What is to be proved.
        source: SQL of the table and its rows, for a FROM clause.
        ask: Runs a query.
        is_read: The table is being read meanwhile, which will prove the answers of ``shown_by_reading``: those are not
            asked, but taken for granted.
    """
    try:
        return _answers(types, guesses, source, ask, is_read=is_read, wide=False)
    except sqlite3.OperationalError as error:
        if "integer overflow" not in str(error):
            raise
        # SQLite's sum() of integers stops at 64 bits.
        return _answers(types, guesses, source, ask, is_read=is_read, wide=True)


def shown_by_reading(types: SqliteTypes, guesses: Sequence[Guess], source: str, ask: Ask) -> dict[str, Any]:
    """Ask what a whole reading shows as well: no null where none is allowed, no number that is not its decimal."""
    questions = {f"count({each.name})": _count(each) for each in guesses if each.is_full}
    doubts = [_number_of(_doubt(types, each)) for each in guesses if each.is_scaled]
    return _asked(ask, source, questions | dict(zip(doubts, doubts, strict=True)))


def conclusions(
    types: SqliteTypes, guesses: Sequence[Guess], known: Mapping[str, Any], surveyed: Surveyed
) -> dict[str, Any]:
    """Return the answers to the dialect's questions that follow from others, by their SQL."""
    found: dict[str, Any] = {}
    for each in guesses:
        found |= _conclusions(types, each, known, surveyed)
    return found


def _answers(
    types: SqliteTypes, guesses: Sequence[Guess], source: str, ask: Ask, *, is_read: bool, wide: bool
) -> dict[str, Any]:
    shown = {_doubt(types, each): each.is_scaled and is_read for each in guesses}
    doubts = [doubt for doubt, is_shown in shown.items() if doubt and not is_shown]
    counts = {each.name: "count(*)" if each.is_full and is_read else _count(each) for each in guesses}
    parts = [doubts[start : start + _DOUBTS] for start in range(0, len(doubts), _DOUBTS)]
    # One expression for many columns costs a third of one for each; mostly none of them is true.
    joined = [_number_of(" OR ".join(f"({doubt})" for doubt in part)) for part in parts]
    asked = ["count(*)", *joined, *counts.values()]
    asked += [sql for each in guesses for sql in _questions(types, each, wide=wide)]
    known = _asked(ask, source, dict(zip(asked, asked, strict=True)))
    known |= {f"count({name})": known[sql] for name, sql in counts.items()}
    known |= {_number_of(doubt): 0 for doubt, is_shown in shown.items() if is_shown}
    single = [_number_of(doubt) for doubt in doubts]
    if any(known[sql] for sql in joined):
        return known | _asked(ask, source, dict(zip(single, single, strict=True)))
    return known | dict.fromkeys(single, 0)


def _count(each: Guess) -> str:
    """SQL of the number of values. To count bytes by their name would load them; a class is known without."""
    return _number_of(f"typeof({each.name}) <> 'null'") if each.storage == "blob" else f"count({each.name})"


def _number_of(condition: str) -> str:
    return f"count(CASE WHEN {condition} THEN 1 END)"


def _doubt(types: SqliteTypes, each: Guess) -> str:
    """SQL that is true for a value that refutes the guess; empty where the totals tell."""
    name = each.name
    if each.carrying.codec == "scaled":
        return types.unequal(each.carrying)
    # Numbers come before every text, texts before all bytes, whatever the collation: but without the column's affinity
    # (the plus takes it away), by which a number would be compared as the text that prints it. Bytes may be long, and
    # are not loaded for their class.
    words = {
        "text": f"+{name} < '' OR +{name} >= x''",
        "bytes": f"typeof({name}) NOT IN ('blob', 'null')",
        "float": f"{name} IS NOT NULL AND typeof({name}) <> 'real'",
    }
    return words.get(each.carrying.kind, "")


def _questions(types: SqliteTypes, each: Guess, *, wide: bool) -> list[str]:
    name, carrying = each.name, each.carrying
    asked = list(types.totals(carrying).values())
    if each.is_numeric:
        asked += [f"min({name})", f"max({name})"]
        if wide and carrying.codec != "scaled":
            asked += [_whole(name)]
        if not wide:
            asked = [_narrow_sum(carrying) if sql == _sum(types, carrying) else sql for sql in asked]
        return asked
    if each.is_temporal:
        # The least and the greatest of the texts themselves cost less than those of their common form.
        return [*(f"{end}({name})" for end in ("min", "max")), *_outer_classes(name)]
    return asked


def _whole(name: str) -> str:
    return f"sum({name} * 0)"


def _narrow_sum(carrying: Carrying) -> str:
    return f"sum({carrying.value})"


def _sum(types: SqliteTypes, carrying: Carrying) -> str | None:
    return types.totals(carrying).get("sum")


def _outer_classes(name: str) -> tuple[str, str]:
    return f"typeof(min({name}))", f"typeof(max({name}))"


def _conclusions(types: SqliteTypes, each: Guess, known: Mapping[str, Any], surveyed: Surveyed) -> dict[str, Any]:
    """What follows for one column; nothing where the guess was wrong."""
    column = each.column
    seen = None if known[f"count({each.name})"] else dict.fromkeys(types.probes(column))
    if seen is None and _is_proved(types, each, known):
        storage = each.storage.encode()
        seen = dict.fromkeys(types.probes(column), storage)
    if seen is None:
        return {}
    found = {types.probes(column)[slot]: value for slot, value in seen.items()}
    facts = surveyed.texts.get(column.name)
    answers: dict[str, Any] = {"size": surveyed.longest.get(column.name)}
    if facts is not None and facts.is_utf8:
        answers |= {"broken": 0, "form": facts.form(each.form)}
    if each.carrying.kind == "bool" or each.carrying.codec == "scaled":
        answers["misfit"] = 0
    for slot, sql in types.reprobes(column, seen).items():
        if answers.get(slot) is not None:
            found[sql] = answers[slot]
    return found | _totals(types, each, known, facts)


def _is_proved(types: SqliteTypes, each: Guess, known: Mapping[str, Any]) -> bool:
    name = each.name
    if each.is_numeric:
        least, most = known[f"min({name})"], known[f"max({name})"]
        if each.carrying.codec == "scaled":
            ends = [
                end for end in (least, most) if isinstance(end, int | float) and types.is_bounded(each.carrying, end)
            ]
            return len(ends) == len((least, most)) and not known[_number_of(_doubt(types, each))]
        total = known[_whole(name) if _whole(name) in known else _narrow_sum(each.carrying)]
        bounded = each.carrying.kind != "bool" or (least, most) in ((0, 0), (0, 1), (1, 1))
        return all(isinstance(number, int) for number in (least, most, total)) and bounded
    if each.is_temporal:
        return all(known[sql] == each.storage.encode() for sql in _outer_classes(name))
    return not known[_number_of(_doubt(types, each))]


def _totals(types: SqliteTypes, each: Guess, known: Mapping[str, Any], facts: TextFacts | None) -> dict[str, Any]:
    """The totals that are told by answers to other questions."""
    totals, narrow = types.totals(each.carrying), _narrow_sum(each.carrying)
    if each.is_numeric and "sum" in totals and narrow in known:
        return {totals["sum"]: known[narrow]}
    if each.carrying.kind == "timestamp" and facts is not None and facts.is_uniform:
        ends = {"minimum": known[f"min({each.name})"], "maximum": known[f"max({each.name})"]}
        return {totals[slot]: end for slot, end in ends.items()}
    return {}
