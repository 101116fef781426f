"""Addresses, telephone numbers and e-mail addresses in columns of a contact's row: each becomes a row of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from portability.drafting.feeds import Expression, key_text, source_key
from portability.drafting.matching import GOOD, column_score
from portability.drafting.survey import identifier
from portability.duck import text_literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.drafting.context import Context
    from portability.drafting.feeds import Feed
    from portability.drafting.survey import SurveyedColumn

__all__ = ["Detail", "contact_details"]

_KINDS = {
    "phone": "phone",
    "mobile": "mobile",
    "fax": "fax",
    "email": "email",
    "email_address": "email",
    "web": "web",
    "url": "web",
}
_BESIDES = {"home", "work", "business", "office", "private", "primary", "number", "address", "alternate", "other"}
_LINES = ("line1", "line2", "line3", "town", "county", "postcode", "country_code")
_PLACED = {"line1", "town", "postcode"}
_COUNTRY_CODE = re.compile(r"[A-Za-z]{2}")


@dataclass(frozen=True, kw_only=True)
class Detail:
    """One row of contact_point or contact_address for each row of a feed where there is something in it."""

    entity: str
    feed: Feed
    fields: dict[str, Expression]
    where: str
    columns: tuple[str, ...]


def contact_details(context: Context, feed: Feed) -> Iterator[Detail]:
    """Yield the addresses and contact points in the columns of a feed of contacts."""
    if feed.table.key:
        yield from _points(context, feed)
        yield from _addresses(context, feed)


def _owner(context: Context, feed: Feed, name: str) -> dict[str, Expression]:
    contact = context.feeds.id_sql("contact", feed.table, feed.table.key, "t")
    own = f"{text_literal(feed.table.name + '/' + name + '/')} || {key_text(feed.table.key, 't')}"
    return {
        "id": Expression(sql=own),
        "source_key": Expression(sql=source_key(feed.table, context.default_schema)),
        "contact_id": Expression(sql=contact, reason="the row's own contact"),
    }


def _points(context: Context, feed: Feed) -> Iterator[Detail]:
    taken: set[str] = set()
    for column in feed.table.columns.values():
        kind = _kind(column)
        if kind is None:
            continue
        sql = f"t.{identifier(column.name)}"
        text = sql if column.kind == "VARCHAR" else f"{sql}::VARCHAR"
        fields = _owner(context, feed, column.name) | {
            "kind": Expression(sql=text_literal(kind), reason="the column's name", confidence="high"),
            "label": Expression(sql=text_literal(column.name), reason="the column's name"),
            "value": Expression(sql=text, reason="name", columns=(column.name,)),
            "is_primary": Expression(
                sql="false" if kind in taken else "true", reason="the first of its kind", confidence="low"
            ),
        }
        taken.add(kind)
        yield Detail(
            entity="contact_point", feed=feed, fields=fields, where=f"trim({text}) <> ''", columns=(column.name,)
        )


def _kind(column: SurveyedColumn) -> str | None:
    if column.kind not in ("VARCHAR", "BIGINT", "INTEGER"):
        return None
    words = {word for word in column.words if not word.isdigit()} - _BESIDES
    kinds = {_KINDS.get(word) for word in words}
    return kinds.pop() if len(kinds) == 1 else None


def _addresses(context: Context, feed: Feed) -> Iterator[Detail]:
    groups: dict[str, list[SurveyedColumn]] = {}
    for column in feed.table.columns.values():
        group, bare = _grouped(column)
        groups.setdefault(group, []).append(bare)
    first = True
    for group, columns in groups.items():
        fields = _address_fields(context, feed, columns)
        if not _PLACED & set(fields):
            continue
        used = tuple(name for expression in fields.values() for name in expression.columns)
        filled = " OR ".join(f"trim({fields[name].sql}) <> ''" for name in fields)
        fields = _owner(context, feed, f"address{group}") | fields
        fields["address_type"] = Expression(
            sql="'other'", reason="the columns do not say what it is for", confidence="low", otherwise="other"
        )
        fields["is_primary"] = Expression(
            sql="true" if first else "false", reason="the first address", confidence="low"
        )
        first = False
        yield Detail(entity="contact_address", feed=feed, fields=fields, where=filled, columns=used)


def _grouped(column: SurveyedColumn) -> tuple[str, SurveyedColumn]:
    """The number of the address that a column belongs to, and the column without it: address2_city is the town of 2."""
    digits = [place for place, word in enumerate(column.words[:-1]) if word.isdigit()]
    group = column.words[digits[0]] if digits else ""
    words = tuple(word for place, word in enumerate(column.words) if place not in digits)
    shorter = tuple(word for word in words if word not in ("address", "billing", "mailing", "postal"))
    if shorter and not shorter[0].isdigit():
        words = shorter
    return group, replace(column, words=words)


def _address_fields(context: Context, feed: Feed, columns: list[SurveyedColumn]) -> dict[str, Expression]:
    phrases = context.vocabulary.entities["contact_address"].fields
    fields: dict[str, Expression] = {}
    used: set[str] = set()
    for name in _LINES:
        scored = [
            (column_score(phrases[name], column, (), points=False), -column.column.position, column)
            for column in columns
            if column.kind == "VARCHAR" and column.name not in used
        ]
        best = max(scored, key=lambda entry: entry[:2], default=None)
        if best is None or best[0] < GOOD:
            continue
        column = best[2]
        if name == "country_code" and not all(
            _COUNTRY_CODE.fullmatch(text) for text in context.survey.samples(feed.table, column)
        ):
            continue  # a country's name is no code: it stays in extras
        fields[name] = Expression(sql=f"t.{identifier(column.name)}", reason="name", columns=(column.name,))
        used.add(column.name)
    return fields
