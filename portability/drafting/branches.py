"""From feeds to the SELECTs of each map: ids, fields, extras, and the rows that a draft must make itself.

Made rows say so: their source key begins with ``$profile/``. They are the firm, where no table names it, and the client
of matters that name none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from portability.drafting.contact_details import Detail, contact_details
from portability.drafting.feeds import Expression, row_key, source_key
from portability.drafting.rendering import Branch
from portability.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portability.drafting.context import Context
    from portability.drafting.feeds import Feed
    from portability.drafting.survey import SurveyedColumn

__all__ = ["FIRM_NAME", "make_branches"]

FIRM_NAME = "(name of the firm: fill in)"
NO_CLIENT = "'$no-client'"


def make_branches(context: Context) -> dict[str, list[Branch]]:
    """Return the SELECTs of every map, by entity."""
    details = [detail for feed in context.feeds.of("contact") for detail in contact_details(context, feed)]
    branches: dict[str, list[Branch]] = {}
    for feed in context.feeds.all():
        branches.setdefault(feed.entity, []).append(_branch(context, feed, details))
    for detail in details:
        where = f"({detail.feed.where}) AND ({detail.where})" if detail.feed.where else detail.where
        about = f"{detail.entity} from {', '.join(detail.columns)} of {detail.feed.table.name}"
        table = detail.feed.table
        relation = f"{table.view} AS t"
        branch = Branch(about=about, table=table.label, fields=detail.fields, relation=relation, where=where)
        branches.setdefault(detail.entity, []).append(branch)
    if "firm" not in branches:
        branches["firm"] = [_firm(context)]
    if "matter" in branches:
        _add_clients(context, branches)
    return {entity: _level(parts) for entity, parts in branches.items()}


def _level(parts: list[Branch]) -> list[Branch]:
    """Say of every row whether it is deleted as soon as one SELECT does: the engine says no only where none does."""
    if not any("is_deleted" in part.fields for part in parts):
        return parts
    live = Expression(sql="false", reason="nothing says that a row is deleted", confidence="medium")
    return [replace(part, fields={"is_deleted": live, **part.fields}) for part in parts]


def _branch(context: Context, feed: Feed, details: Iterable[Detail]) -> Branch:
    table = feed.table
    keyless = "" if table.key else "no key: the rows are numbered in the order of all their columns"
    guessed = "no key is declared; its values differ in every row" if table.guessed_key else keyless
    confidence = "high" if table.key and not table.guessed_key else "low"
    fields = {
        "id": Expression(
            sql=context.feeds.prefixed(feed.entity, table, row_key(table)),
            reason=guessed or "the key",
            confidence=confidence,
        ),
        "source_key": Expression(sql=source_key(table, context.default_schema)),
        **feed.fields,
    }
    return Branch(
        about=f"{table.label} ({counted(table.rows, 'row')}): {feed.reason}",
        table=table.label,
        fields=fields,
        relation=f"{table.relation} AS t" + (f"\n{feed.join}" if feed.join else ""),
        where=feed.where,
        extras=() if feed.derived else _extras(context, feed, details),
    )


def _extras(context: Context, feed: Feed, details: Iterable[Detail]) -> list[SurveyedColumn]:
    """The columns of a table that nothing made of it uses up; bytes cannot be text and are left to carry."""
    used = set(feed.table.key)
    for other in context.feeds.all():
        if other.table.place == feed.table.place:
            used |= {name for expression in other.fields.values() for name in expression.columns}
    for detail in details:
        if detail.feed.table.place == feed.table.place:
            used |= set(detail.columns)
    return [column for column in feed.table.columns.values() if column.name not in used and not column.is_bytes]


def _firm(context: Context) -> Branch:
    fields = {
        "id": Expression(sql="'firm'"),
        "source_key": Expression(sql="'$profile/firm'"),
        "name": Expression(sql=f"'{FIRM_NAME}'", reason="no table names the firm", confidence="low"),
        "base_currency": Expression(sql=context.currency_sql, reason="the profile's currency", confidence="low"),
        "time_zone": Expression(sql=context.zone_sql, reason="the profile's time zone", confidence="low"),
    }
    return Branch(about="the firm, which no table names", fields=fields)


def _add_clients(context: Context, branches: dict[str, list[Branch]]) -> None:
    """The client of matters that name none, and every matter's client among its parties."""
    matters = " UNION ALL ".join(_row(context, feed, "source_key", "client_id") for feed in context.feeds.of("matter"))
    clients = " UNION ALL ".join(_row(context, feed, "contact_id") for feed in context.feeds.of("client"))
    lacking = f"EXISTS (SELECT 1 FROM ({matters}) AS m WHERE m.client_id = {NO_CLIENT})"
    made = {"id": Expression(sql=NO_CLIENT), "source_key": Expression(sql="'$profile/no-client'")}
    about = "made for matters that name no client"
    if any(NO_CLIENT in feed.fields["client_id"].sql for feed in context.feeds.of("matter")):
        branches.setdefault("contact", []).append(Branch(about=about, fields=made | _made_contact(), where=lacking))
        branches.setdefault("client", []).append(Branch(about=about, fields=made | _made_client(), where=lacking))
        clients = " UNION ALL ".join(
            part for part in (clients, f"SELECT {NO_CLIENT} AS id, {NO_CLIENT} AS contact_id") if part
        )
    by_role = any(
        "by role" in feed.given.get("client_id", Expression(sql="")).reason for feed in context.feeds.of("matter")
    )
    fields = {
        "id": Expression(sql="'client-' || m.id"),
        "source_key": Expression(sql="m.source_key"),
        "matter_id": Expression(
            sql="m.id", reason="the client of every matter is one of its parties", confidence="high"
        ),
        "contact_id": Expression(sql="c.contact_id", reason="the contact of the matter's client", confidence="high"),
        "party_role": Expression(sql="'client'"),
    }
    relation = f"({matters}) AS m\nLEFT JOIN ({clients}) AS c ON c.id = m.client_id"
    where = f"m.client_id = {NO_CLIENT}" if by_role else ""
    party = Branch(about="the client of each matter", fields=fields, relation=relation, where=where)
    branches.setdefault("matter_party", []).append(party)


def _row(context: Context, feed: Feed, *names: str) -> str:
    """A feed's ids and some of its fields."""
    values = {"source_key": source_key(feed.table, context.default_schema)} | {
        name: expression.sql for name, expression in feed.fields.items()
    }
    identity = context.feeds.prefixed(feed.entity, feed.table, row_key(feed.table))
    fields = ", ".join(f"{values[name]} AS {name}" for name in names)
    where = f" WHERE {feed.where}" if feed.where else ""
    return f"SELECT {identity} AS id, {fields} FROM {feed.table.relation} AS t{where}"


def _made_contact() -> dict[str, Expression]:
    return {
        "contact_type": Expression(sql="'unknown'"),
        "display_name": Expression(sql="'(no client recorded)'", reason="placeholder", confidence="high"),
    }


def _made_client() -> dict[str, Expression]:
    return {
        "contact_id": Expression(sql=NO_CLIENT),
        "client_number": Expression(sql="'(none)'", reason="placeholder", confidence="high"),
        "client_type": Expression(sql="'other'"),
        "status": Expression(sql="'active'", reason="placeholder", confidence="low"),
        "is_placeholder": Expression(sql="true"),
    }
