"""Which tables feed which entity, and the ids that their rows get.

An id is the row's key as text. Where several tables feed one entity, each id begins with its table's name, and so does
every reference to it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portability.drafting.survey import ROW_NUMBER, SurveyedTable, identifier
from portability.duck import text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Expression", "Feed", "Feeds", "guess_rank", "key_text", "row_key", "source_key"]

_RANKS = {"high": 0, "medium": 1, "low": 2}


def guess_rank(confidence: str) -> int:
    """Order confidences, the surest first."""
    return _RANKS[confidence]


@dataclass(frozen=True, kw_only=True)
class Expression:
    """SQL of one field over a table's row ``t``, and the guess behind it.

    Args:
        sql: The value.
        reason: Why it was taken for this field, or what was assumed; empty for what is no guess.
        confidence: high, medium or low.
        columns: Columns of the row's own table that are used up; they do not go to extras.
        unreadable: SQL of the source's text where the value could not be typed, null elsewhere.
        otherwise: For a coded field, the code of values that were not seen.
        seen: For a coded field, each value with its code.
    """

    sql: str
    reason: str = ""
    confidence: str = "high"
    columns: tuple[str, ...] = ()
    unreadable: str = ""
    otherwise: str | None = None
    seen: tuple[tuple[str, str], ...] = ()


@dataclass(kw_only=True)
class Feed:
    """One table's rows as one entity's. ``given`` are fields decided beforehand; ``join`` and ``where`` are SQL."""

    entity: str
    table: SurveyedTable
    score: float
    reason: str
    join: str = ""
    where: str = ""
    given: dict[str, Expression] = field(default_factory=dict)
    # Derived feeds take single columns of a table that is another entity's; its other columns are not theirs.
    derived: bool = False
    # Filled by the assignment: fields, ingredients among them, and required fields that nothing fills.
    fields: dict[str, Expression] = field(default_factory=dict)
    ingredients: dict[str, Expression] = field(default_factory=dict)
    lacking: tuple[str, ...] = ()


class Feeds:
    """All feeds, by entity, the best first."""

    def __init__(self) -> None:
        self._by_entity: dict[str, list[Feed]] = {}

    def add(self, feed: Feed) -> None:
        """Add a feed in its place; a table feeds an entity once."""
        if self.of_table(feed.entity, feed.table) is None:
            feeds = self._by_entity.setdefault(feed.entity, [])
            feeds.append(feed)
            feeds.sort(key=lambda each: (-each.score, each.table.place))

    def remove(self, feed: Feed) -> None:
        """Take a feed away."""
        self._by_entity[feed.entity].remove(feed)

    def of(self, entity: str) -> Sequence[Feed]:
        """Return the feeds of an entity."""
        return self._by_entity.get(entity, [])

    def of_table(self, entity: str, table: SurveyedTable) -> Feed | None:
        """Return a table's feed of an entity."""
        return next((feed for feed in self.of(entity) if feed.table.place == table.place), None)

    def all(self) -> Iterator[Feed]:
        """Yield every feed, entity by entity."""
        for feeds in self._by_entity.values():
            yield from feeds

    def entities(self) -> list[str]:
        """Return the entities that have a feed."""
        return [entity for entity, feeds in self._by_entity.items() if feeds]

    def id_sql(self, entity: str, table: SurveyedTable, columns: Sequence[str], alias: str) -> str:
        """SQL of the id that a row of ``table`` has in ``entity``, from columns that hold its key."""
        return self.prefixed(entity, table, key_text(columns, alias))

    def prefixed(self, entity: str, table: SurveyedTable, key_sql: str) -> str:
        """SQL of an id from SQL of the key's text."""
        feeds = self.of(entity)
        if len(feeds) < 2:  # noqa: PLR2004 -- one table needs no telling apart
            return key_sql
        names = [feed.table.name.casefold() for feed in feeds]
        name = table.name if names.count(table.name.casefold()) == 1 else table.label
        return f"{text_literal(name + '-')} || {key_sql}"


def key_text(columns: Sequence[str], alias: str) -> str:
    """SQL of the columns' values as one text; null when one of them is."""
    return " || '/' || ".join(f"{alias}.{identifier(name)}::VARCHAR" for name in columns)


def row_key(table: SurveyedTable) -> str:
    """SQL of what names a row of ``t``, one of the table's ``relation``."""
    return key_text(table.key or (ROW_NUMBER,), "t")


def source_key(table: SurveyedTable, default_schema: str) -> str:
    """SQL of a row's source key."""
    name = table.name if table.table.schema == default_schema else table.label
    return f"{text_literal(name + '/')} || {row_key(table)}"
