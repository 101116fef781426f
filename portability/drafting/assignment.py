"""Which column becomes which field of the entity that a table feeds.

What no column fills is filled by a fallback of the vocabulary, or is lacking. The best fitting pair of column and field
is settled first. A column fills one field; one that gave a code may give its wording too.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portability.drafting.coded import code_case, flag_case
from portability.drafting.conversions import convert
from portability.drafting.fallbacks import fall_back
from portability.drafting.feeds import Expression, Feed
from portability.drafting.matching import ENOUGH, GOOD, column_score
from portability.drafting.survey import identifier
from portability.drafting.vocabulary import Phrase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.drafting.context import Context, Label
    from portability.drafting.survey import SurveyedColumn
    from portability.drafting.vocabulary import EntityWords
    from portability.model import Entity, Field

__all__ = ["assign"]

# Filled when the draft is written.
_LATER = {"id", "source_key", "source_system", "extras"}
# A column with more different values than this, or longer ones, is prose and no code.
_CODES_MAX = 25
_CODE_LENGTH_MAX = 40
_CODED_KINDS = {"VARCHAR", "TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_DATED = {"date", "moment"}
_KEY_COLUMN = 0.1
_BY_CODE = 0.02
_FIRM = "firm"


@dataclass(frozen=True, kw_only=True)
class _Pair:
    """A column that could fill a field, or a ingredient, and how well."""

    score: float
    name: str
    field: Field | None
    logical: str
    column: SurveyedColumn
    codes: tuple[str, str] | None = None
    # The column fits only as a pointer to a list of codes that has the wording.
    by_code: bool = False


def assign(context: Context, feed: Feed) -> None:
    """Fill ``feed.fields``, ``feed.ingredients`` and ``feed.lacking``."""
    _Assigner(context, feed).run()


class _Assigner:
    def __init__(self, context: Context, feed: Feed) -> None:
        self._context = context
        self._feed = feed
        self._table = feed.table
        self._entity: Entity = context.model.entity(feed.entity)
        self._words: EntityWords = context.vocabulary.entities[feed.entity]
        self._used: dict[str, list[str]] = {}

    def run(self) -> None:
        feed = self._feed
        feed.fields, feed.ingredients = dict(feed.given), {}
        for expression in feed.given.values():
            self._use(expression.columns, "given")
        for pair in sorted(self._pairs(), key=self._order):
            self._settle(pair)
        self._settle_only_references()
        self._settle_only_dates()
        self._reach_required()
        filled = bool(set(feed.fields) - set(feed.given) - {field.name for field in self._context.model.common_fields})
        fall_back(self._context, feed)
        lacking = [
            f.name
            for f in self._entity.fields
            if f.required and f.name not in feed.fields and f.name not in _LATER | {"is_deleted"}
        ]
        feed.lacking = tuple(lacking) if filled or feed.given else (*lacking, "anything but its key")

    # -- pairing ------------------------------------------------------------------------------------------------------

    def _pairs(self) -> Iterator[_Pair]:
        common = {} if self._feed.derived else self._context.vocabulary.common.fields
        for field in self._entity.fields:
            if field.name in _LATER or field.name in self._feed.given:
                continue
            phrases = self._words.fields.get(field.name) or common.get(field.name, ())
            if field.ref is not None and phrases and field.name not in common:
                # A table's own word for what it holds is what others call it by.
                phrases += tuple(
                    Phrase(feed.table.words) for feed in self._context.feeds.of(field.ref) if not feed.derived
                )
            yield from self._scored(field.name, field, field.type, phrases)
            for phrase, codes in self._words.flags.get(field.name, {}).items():
                for pair in self._scored(field.name, field, field.type, (phrase,)):
                    yield replace(pair, codes=codes, score=pair.score - 0.02)
        for name, ingredient in self._words.ingredients.items():
            yield from self._scored(name, None, ingredient.type, ingredient.phrases)

    def _scored(self, name: str, field: Field | None, logical: str, phrases: tuple[Phrase, ...]) -> Iterator[_Pair]:
        if not phrases:
            return
        points = field is not None and field.ref is not None
        worded = not points and logical in ("enum", "string", "text")
        for column in self._table.columns.values():
            # A key says which row it is, and little else.
            worth = -_KEY_COLUMN if not points and self._table.key == (column.name,) else 0.0
            score = column_score(phrases, column, self._table.own, points=points) + worth
            if score >= ENOUGH:
                yield _Pair(score=score, name=name, field=field, logical=logical, column=column)
            coded = column_score(phrases, column, self._table.own, points=True) + worth - _BY_CODE if worded else 0.0
            if coded >= GOOD and coded > score:
                yield _Pair(score=coded, name=name, field=field, logical=logical, column=column, by_code=True)

    def _order(self, pair: _Pair) -> tuple[float, bool, int, int]:
        names = [*self._entity.field_names, *self._words.ingredients]
        required = pair.field is not None and pair.field.required
        return (-round(pair.score, 2), not required, names.index(pair.name), pair.column.column.position)

    def _settle(self, pair: _Pair) -> None:
        known = self._feed.fields if pair.field is not None else self._feed.ingredients
        if pair.name in known or not self._is_free(pair):
            return
        expression = self._build(pair)
        if expression is not None:
            if pair.score < GOOD:
                expression = replace(expression, confidence="low")
            known[pair.name] = expression
            self._use((pair.column.name,), pair.logical)

    def _is_free(self, pair: _Pair) -> bool:
        uses = self._used.get(pair.column.name, [])
        # The wording of a code is worth a second field; a flag may decide two of them.
        return (
            not uses
            or (uses == ["enum"] and pair.logical in ("string", "text", "bool", "timestamp"))
            or (pair.codes is not None and "given" not in uses)
        )

    def _use(self, columns: tuple[str, ...], logical: str) -> None:
        for column in columns:
            self._used.setdefault(column, []).append("enum" if logical == "enum" else logical)

    # -- building -----------------------------------------------------------------------------------------------------

    def _build(self, pair: _Pair) -> Expression | None:
        context, column, field = self._context, pair.column, pair.field
        samples = context.survey.samples(self._table, column)
        if field is not None and pair.codes is not None:
            return flag_case(column, samples, pair.codes)
        if field is not None and field.ref is not None:
            return context.references.follow(self._table, column, field.ref)
        label = context.label(self._table, column) if pair.logical in ("enum", "string", "text") else None
        if pair.by_code and label is None:
            return None
        if field is not None and field.codes is not None:
            return self._coded(field, column, samples, label)
        if label is not None:
            return Expression(sql=label.sql, reason=label.reason, confidence="medium")
        return convert(pair.logical, column, samples, context.zone_sql)

    def _coded(
        self, field: Field, column: SurveyedColumn, samples: tuple[str, ...], label: Label | None
    ) -> Expression | None:
        vocabulary = self._context.vocabulary
        if label is not None:
            return code_case(field, label.sql, label.samples, vocabulary, reason=f"name; {label.reason}")
        many = len(samples) > _CODES_MAX or (column.non_null > 0 and not samples)
        if many or column.kind not in _CODED_KINDS or any(len(text) > _CODE_LENGTH_MAX for text in samples):
            return None
        sql = f"t.{identifier(column.name)}" + ("" if column.kind == "VARCHAR" else "::VARCHAR")
        return code_case(field, sql, samples, vocabulary, reason="name")

    def _settle_only_references(self) -> None:
        """A reference that no name gives: the one column left that leads there, by declared key or the key's name."""
        common = {field.name for field in self._context.model.common_fields}
        for field in sorted(self._entity.fields, key=lambda field: not field.required):
            if field.ref is None or field.name in common or field.name in self._feed.fields:
                continue
            found = [
                (column, expression)
                for column in self._unused()
                for expression in [self._leads_to(column, field.ref)]
                if expression
            ]
            if len(found) == 1:
                column, expression = found[0]
                reason = f"the only column that leads to {field.ref} ({expression.reason})"
                self._feed.fields[field.name] = replace(expression, reason=reason, confidence="medium")
                self._use((column.name,), field.type)

    def _settle_only_dates(self) -> None:
        """A required date that no name gives: the one date left in the table."""
        for field in self._entity.fields:
            if (
                not field.required
                or field.type not in ("date", "timestamp")
                or field.name in self._feed.fields
                or self._feed.derived
            ):
                continue
            dates = [
                c
                for c in self._unused()
                if _DATED & set(c.words) or c.kind in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")
            ]
            if len(dates) == 1:
                samples = self._context.survey.samples(self._table, dates[0])
                expression = convert(field.type, dates[0], samples, self._context.zone_sql)
                if expression is not None:
                    self._feed.fields[field.name] = replace(
                        expression, reason="the only date left in the table", confidence="low"
                    )
                    self._use((dates[0].name,), field.type)

    def _unused(self) -> list[SurveyedColumn]:
        return [
            column
            for column in self._table.columns.values()
            if column.name not in self._used and (column.name,) != self._table.key
        ]

    def _leads_to(self, column: SurveyedColumn, entity: str) -> Expression | None:
        references = self._context.references
        keys = {feed.table.key[0].casefold() for feed in self._context.feeds.of(entity) if len(feed.table.key) == 1} - {
            "id"
        }
        if references.declared(self._table, column.name) is None and column.name.casefold() not in keys:
            return None
        return references.follow(self._table, column, entity)

    def _reach_required(self) -> None:
        """A matter or required row that other tables link to this one."""
        if self._feed.derived:
            return
        for field in self._entity.fields:
            wanted = field.ref is not None and (field.required or field.name == "matter_id")
            if wanted and field.name not in self._feed.fields and field.ref not in (None, _FIRM, self._feed.entity):
                expression = self._context.references.reach(self._table, str(field.ref))
                if expression is not None:
                    self._feed.fields[field.name] = expression
