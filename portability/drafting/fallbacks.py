"""What fills a required field that no column fills, and the gaps of one that a column fills.

The vocabulary lists SQL for each such field, the best first, with {names} of other values in braces. All whose parts
are known are tried in turn, up to the first that is always there. Every one is a guess of low confidence, and says so.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from portability.drafting.feeds import Expression, Feed, row_key
from portability.drafting.survey import identifier

if TYPE_CHECKING:
    from portability.drafting.context import Context
    from portability.drafting.survey import SurveyedColumn
    from portability.model import Field

__all__ = ["fall_back"]

_PLACEHOLDER = re.compile(r"\{([a-z_]+)(?:\.([a-z_]+))?\}")
# Needs no brackets where it is put into other SQL.
_SIMPLE = re.compile(r"[\w.\"]+|\w+\([^()]*\)")
_PLAIN_COLUMN = re.compile(r"t\.[\w\"]+")
_NO_COLUMN = "no column fits"
_TEXTS = ("string", "text")
_FIRM = "firm"
_SETTINGS = ("id", "currency", "zone", _FIRM)


def fall_back(context: Context, feed: Feed) -> None:
    """Fill what the assignment left open in ``feed.fields``; what has no fallback stays open."""
    filler = _Filler(context, feed)
    for field in context.model.entity(feed.entity).fields:
        if field.required or field.name == "is_deleted":
            filler.fill(field)


class _Filler:
    def __init__(self, context: Context, feed: Feed) -> None:
        self._context = context
        self._feed = feed
        self._entity = context.model.entity(feed.entity)
        self._words = context.vocabulary.entities[feed.entity]

    def fill(self, field: Field) -> None:
        """Fill a field that no column fills, and its gaps where one does."""
        have = self._feed.fields.get(field.name)
        if have is not None and (field.name in self._feed.given or field.codes or not self._has_gaps(field, have)):
            return  # the ELSE of a coded field covers its gaps
        sql, used = self._chain(field)
        if not sql:
            return
        if have is None:
            joined = f"coalesce({', '.join(sql)})" if len(sql) > 1 else sql[0]
            reason = f"{_NO_COLUMN}; {', else '.join(used)}"
            self._feed.fields[field.name] = Expression(sql=joined, reason=reason, confidence="low")
        else:
            first = f"text_or_null({have.sql})" if field.type in _TEXTS else have.sql
            reason = f"{have.reason}; where empty, {', else '.join(used)}"
            sql = [first, *sql]
            self._feed.fields[field.name] = replace(have, sql=f"coalesce({', '.join(sql)})", reason=reason)

    def _has_gaps(self, field: Field, have: Expression) -> bool:
        if have.columns and have.columns == self._feed.table.key:
            return False
        if have.unreadable or have.sql.startswith("(SELECT") or field.type in _TEXTS:
            return True
        table = self._feed.table
        return any(table.may_be_null(name) for name in _columns_in(have.sql, table.columns))

    def _chain(self, field: Field) -> tuple[list[str], list[str]]:
        """SQL of the fallbacks whose parts are known, up to the first that is always there, and their templates."""
        common = self._context.vocabulary.common.fallbacks
        sql: list[str] = []
        used: list[str] = []
        for template in self._words.fallbacks.get(field.name) or common.get(field.name, ()):
            filled = self._filled(template, field.name)
            if filled is not None:
                sql.append(filled)
                used.append(template)
                names = {match.group(1) for match in _PLACEHOLDER.finditer(template)}
                always = template.endswith("NULL") or (template.startswith("CASE ") and "ELSE" in template)
                if always or names <= set(_SETTINGS):
                    break
        return sql, used

    def _filled(self, template: str, filling: str) -> str | None:
        """The template with every {name} replaced, or None when one is not known."""
        values = {}
        for match in _PLACEHOLDER.finditer(template):
            name, member = match.group(1), match.group(2)
            value = self._through(name, member) if member else self._known(name, filling)
            if value is None:
                return None
            values[match.group(0)] = value
        for placeholder, value in values.items():
            template = template.replace(placeholder, value)
        return template

    def _known(self, name: str, filling: str) -> str | None:
        if name in _SETTINGS:
            return self._setting(name)
        found = self._feed.fields.get(name) or self._feed.ingredients.get(name)
        if name == filling or found is None or found.reason.startswith(_NO_COLUMN):
            return None
        if self._is_text(name) and _PLAIN_COLUMN.fullmatch(found.sql):
            return f"text_or_null({found.sql})"
        return found.sql if _SIMPLE.fullmatch(found.sql) else f"({found.sql})"

    def _is_text(self, name: str) -> bool:
        ingredient = self._words.ingredients.get(name)
        return (ingredient.type if ingredient else self._entity.field(name).type) in _TEXTS

    def _setting(self, name: str) -> str | None:
        context = self._context
        if name != _FIRM:
            return {"id": row_key(self._feed.table), "currency": context.currency_sql, "zone": context.zone_sql}[name]
        feeds = context.feeds.of(_FIRM)
        if not feeds:
            return "'firm'"
        firm = feeds[0].table
        if not firm.key:
            return None
        return f"(SELECT min({context.feeds.id_sql(_FIRM, firm, firm.key, 'f')}) FROM {firm.view} AS f)"

    def _through(self, entity: str, member: str) -> str | None:
        """A field of the row of another entity that this row refers to."""
        feeds = self._context.feeds
        reference = next((f.name for f in self._entity.fields if f.ref == entity and f.name in self._feed.fields), None)
        sources = [feed for feed in feeds.of(entity) if member in feed.fields]
        if reference is None or not sources:
            return None
        rows = " UNION ALL ".join(
            f"SELECT {feeds.prefixed(entity, feed.table, row_key(feed.table))} AS id, "
            f"{feed.fields[member].sql} AS {member} FROM {feed.table.relation} AS t"
            for feed in sources
        )
        return f"(SELECT min(x.{member}) FROM ({rows}) AS x WHERE x.id = {self._feed.fields[reference].sql})"


def _columns_in(sql: str, columns: dict[str, SurveyedColumn]) -> list[str]:
    return [name for name in columns if re.search(rf"\bt\.{re.escape(identifier(name))}(?!\w)", sql)]
