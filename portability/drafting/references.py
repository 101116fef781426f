"""Where columns point: by declared foreign key, or by their name and the values that both sides have in common.

A reference is followed to a row of the entity that a field wants: straight through the key, through another column that
names the row (a user's login, a client's number), or through a table that links the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.drafting.feeds import Expression, Feeds, key_text
from portability.drafting.matching import POINTING
from portability.drafting.survey import identifier

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.drafting.recognition import Role
    from portability.drafting.survey import Survey, SurveyedColumn, SurveyedTable

__all__ = ["References", "Target", "is_spelled"]

# A column whose values are mostly not there does not point there.
SHARE_MIN = 0.5
# What besides the key names a row, in the order of trust.
_NAMING = (
    {"login"},
    {"initials"},
    {"code"},
    {"number"},
    {"email"},
    {"email_address"},
    {"reference"},
    {"name"},
    {"role"},
    {"title"},
)
_NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT"}
_STEPS_MAX = 2


@dataclass(frozen=True, kw_only=True)
class Target:
    """A row that columns point at: ``theirs`` of ``table`` equal ``ours``. ``straight`` when ``theirs`` is its key."""

    table: SurveyedTable
    ours: tuple[str, ...]
    theirs: tuple[str, ...]
    reason: str
    confidence: str

    @property
    def straight(self) -> bool:
        """Whether the columns hold the row's key."""
        return set(self.theirs) == set(self.table.key)


class References:
    """Follows columns of one source."""

    def __init__(self, survey: Survey, roles: dict[tuple[str, str], Role], feeds: Feeds) -> None:
        self._survey = survey
        self._feeds = feeds
        self._links = [table for table in survey.tables if roles[table.place].kind == "link"]

    # -- one column ---------------------------------------------------------------------------------------------------

    def declared(self, table: SurveyedTable, column: str) -> Target | None:
        """Return what a declared foreign key says of a column."""
        for key in table.table.foreign_keys:
            target = self._survey.find(key.target_schema, key.target_table)
            if column not in key.columns or target is None:
                continue
            if set(key.columns) <= set(table.columns) and set(key.target_columns) <= set(target.columns):
                ours, theirs = key.columns, key.target_columns
                return Target(table=target, ours=ours, theirs=theirs, reason="foreign key", confidence="high")
        return None

    def find(self, table: SurveyedTable, column: SurveyedColumn, candidates: Sequence[SurveyedTable]) -> Target | None:
        """Return the row of one of the candidates that a column points at.

        A declared key is believed whatever the name says: when it leads elsewhere, there is no reference.
        """
        declared = self.declared(table, column.name)
        if declared is not None:
            return declared if declared.table.place in [c.place for c in candidates] else None
        for candidate in sorted(candidates, key=lambda candidate: self._unlikeness(table, column, candidate)):
            for theirs, name_suffices in self._naming(candidate, column):
                target = self._checked(table, column, candidate, theirs, name_suffices=name_suffices)
                if target is not None:
                    return target
        return None

    def _unlikeness(
        self, table: SurveyedTable, column: SurveyedColumn, candidate: SurveyedTable
    ) -> tuple[bool, bool, int]:
        """Order candidates: for a parent the own table, then those that the column's name spells, shortest first."""
        other = "parent" in column.words and candidate.place != table.place
        return other, not is_spelled(column, candidate), len(candidate.spelled) if is_spelled(column, candidate) else 0

    def _naming(self, candidate: SurveyedTable, column: SurveyedColumn) -> Iterator[tuple[SurveyedColumn, bool]]:
        """The columns that may name a row, each with whether the columns' names alone are enough."""
        if len(candidate.key) == 1:
            key = candidate.columns[candidate.key[0]]
            yield key, "id" in column.words or key.kind == column.kind
        for words in _NAMING:
            for theirs in candidate.columns.values():
                shown = set(theirs.words) - set(candidate.words)
                if theirs.name not in candidate.key and shown == words and theirs.kind == column.kind:
                    yield theirs, theirs.name.casefold() == column.name.casefold()

    def _checked(
        self,
        table: SurveyedTable,
        column: SurveyedColumn,
        candidate: SurveyedTable,
        theirs: SurveyedColumn,
        *,
        name_suffices: bool,
    ) -> Target | None:
        if not _comparable(column.kind, theirs.kind) or (table.place, column.name) == (candidate.place, theirs.name):
            return None
        share = self._survey.contained(table, column.name, candidate, theirs.name)
        if (share is None and not name_suffices) or (share is not None and share < SHARE_MIN):
            return None
        reason = "name" if share is None else f"name; {share:.0%} of the values are in {candidate.name}"
        confidence = "low" if share is None else "high" if share == 1 else "medium"
        return Target(table=candidate, ours=(column.name,), theirs=(theirs.name,), reason=reason, confidence=confidence)

    # -- as SQL -------------------------------------------------------------------------------------------------------

    def follow(self, table: SurveyedTable, column: SurveyedColumn, entity: str) -> Expression | None:
        """Return SQL of the id, in ``entity``, of the row that a column of ``t`` points at."""
        target = self.find(table, column, [feed.table for feed in self._feeds.of(entity)])
        if target is None:
            return None
        return Expression(
            sql=self.id_of(target, entity, "t"), reason=target.reason, confidence=target.confidence, columns=target.ours
        )

    def id_of(self, target: Target, entity: str, alias: str) -> str:
        """SQL of the id of the row that columns of ``alias`` point at."""
        if target.straight:
            ours = dict(zip(target.theirs, target.ours, strict=True))
            return self._feeds.id_sql(entity, target.table, [ours[name] for name in target.table.key], alias)
        pairs = zip(target.theirs, target.ours, strict=True)
        conditions = " AND ".join(f"r.{identifier(theirs)} = {alias}.{identifier(ours)}" for theirs, ours in pairs)
        found = self._feeds.prefixed(entity, target.table, key_text(target.table.key, "r"))
        return f"(SELECT min({found}) FROM {target.table.view} AS r WHERE {conditions})"

    # -- through links ------------------------------------------------------------------------------------------------

    def reach(self, table: SurveyedTable, entity: str, steps: int = _STEPS_MAX) -> Expression | None:
        """Return SQL of the id in ``entity`` that linking tables connect with ``t``; the least of several."""
        found = self._reach(table, entity, "t", steps, frozenset([table.place]))
        if found is None:
            return None
        sql, path = found
        return Expression(
            sql=sql, reason=f"through {', then '.join(path)}; the least id where there are several", confidence="medium"
        )

    def _reach(
        self, table: SurveyedTable, entity: str, alias: str, steps: int, seen: frozenset[tuple[str, str]]
    ) -> tuple[str, list[str]] | None:
        if steps == 0 or len(table.key) != 1:
            return None
        for link in self._links:
            back = next((column for column in link.columns.values() if self._points_at(link, column, table)), None)
            if back is None:
                continue
            inner = f"l{_STEPS_MAX - steps}"
            condition = _equal(back, inner, table.columns[table.key[0]], alias)
            for column in link.columns.values():
                onward = None if column.name == back.name else self._onward(link, column, entity, inner, steps, seen)
                if onward is not None:
                    sql, path = onward
                    return f"(SELECT min({sql}) FROM {link.view} AS {inner} WHERE {condition})", [
                        link.name,
                        *path,
                    ]
        return None

    def _points_at(self, link: SurveyedTable, column: SurveyedColumn, table: SurveyedTable) -> bool:
        named = is_spelled(column, table) or set(column.words) - POINTING == set(table.words)
        if not named and self.declared(link, column.name) is None:
            return False
        target = self.find(link, column, [table])
        return target is not None and target.straight and target.ours == (column.name,)

    def _onward(
        self,
        link: SurveyedTable,
        column: SurveyedColumn,
        entity: str,
        alias: str,
        steps: int,
        seen: frozenset[tuple[str, str]],
    ) -> tuple[str, list[str]] | None:
        """From a link's other column: the row itself, or a row from which it can be reached."""
        wanted = [feed.table for feed in self._feeds.of(entity)]
        target = self.find(link, column, wanted)
        if target is not None and self._is_named_for(column, target):
            return self.id_of(target, entity, alias), []
        between = self.declared(link, column.name) or self.find(link, column, self._neighbours(column))
        if between is None or not between.straight or between.table.place in seen or between.ours != (column.name,):
            return None
        step = f"b{_STEPS_MAX - steps}"
        onward = self._reach(between.table, entity, step, steps - 1, seen | {between.table.place})
        if onward is None:
            return None
        sql, path = onward
        condition = _equal(between.table.columns[between.theirs[0]], step, column, alias)
        return f"(SELECT {sql} FROM {between.table.view} AS {step} WHERE {condition})", path

    def _neighbours(self, column: SurveyedColumn) -> list[SurveyedTable]:
        """Tables that a column of a link could mean by its name."""
        words = set(column.words) - POINTING
        return [feed.table for feed in self._feeds.all() if words == set(feed.table.words)]

    def _is_named_for(self, column: SurveyedColumn, target: Target) -> bool:
        return (
            target.reason == "foreign key"
            or is_spelled(column, target.table)
            or set(column.words) - POINTING == set(target.table.words)
        )


def is_spelled(column: SurveyedColumn, table: SurveyedTable) -> bool:
    """Whether a column is named after a table: external_user_id after external_users."""
    return bool(column.spelled) and column.spelled <= set(table.spelled)


def _comparable(ours: str, theirs: str) -> bool:
    return ours == theirs or (ours in _NUMBERS and theirs in _NUMBERS) or {ours, theirs} <= {*_NUMBERS, "VARCHAR"}


def _equal(left: SurveyedColumn, left_alias: str, right: SurveyedColumn, right_alias: str) -> str:
    """SQL that compares two columns, as text where types differ: a text that is no number would stop the query."""
    sides = (f"{left_alias}.{identifier(left.name)}", f"{right_alias}.{identifier(right.name)}")
    return " = ".join(sides if left.kind == right.kind else (f"{side}::VARCHAR" for side in sides))
