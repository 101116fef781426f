"""Feeds that no table's name tells: contacts inside client tables, clients among contacts, parties inside matters.

Legal systems keep people in one of three ways: in a table of contacts that others point at, in the tables of clients
and parties themselves, or in columns of the matter. A draft turns all of them into contacts, clients and parties.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.drafting.feeds import Expression, Feed
from portability.drafting.matching import GOOD, column_score
from portability.drafting.survey import identifier
from portability.duck import text_literal

if TYPE_CHECKING:
    from portability.drafting.context import Context
    from portability.drafting.survey import SurveyedColumn, SurveyedTable

__all__ = ["add_derived", "settle_given"]

_NAMES = ("given_name", "family_name", "organisation_name", "display_name")
_DERIVED_SCORE = 0.4
# What a link between two entities says, in the order of trust.
_LINKS = (
    ("matter_party", "matter_id", "matter", "contact_id", "contact"),
    ("matter_party", "matter_id", "matter", "contact_id", "client"),
    ("matter_team_member", "matter_id", "matter", "user_id", "user"),
    ("access_grant", "user_id", "user", "role_id", "role"),
)


def add_derived(context: Context) -> None:
    """Add every feed that follows from others."""
    _from_links(context)
    _contacts_of(context, "client")
    _contacts_of(context, "matter_party")
    _parties_of_contacts(context)
    _by_reference(context)
    if not context.feeds.of("client"):
        _clients_by_role(context)
    if not context.feeds.of("client"):
        _clients_in_matters(context)


def settle_given(context: Context) -> None:
    """Fill the references between feeds of one table; their ids are known when all feeds are."""
    feeds = context.feeds
    for entity in ("client", "matter_party"):
        for feed in feeds.of(entity):
            if feeds.of_table("contact", feed.table) is not None and feed.table.key:
                sql = feeds.id_sql("contact", feed.table, feed.table.key, "t")
                feed.given["contact_id"] = Expression(sql=sql, reason="the same row is a contact", confidence="medium")
    for feed in feeds.of("matter"):
        if feeds.of_table("client", feed.table) is not None:
            sql = feeds.id_sql("client", feed.table, feed.table.key, "t")
            feed.given["client_id"] = Expression(
                sql=sql, reason="the client is in the matter's own columns", confidence="medium"
            )
    for feed in feeds.of("code_value"):
        feed.given["list_name"] = Expression(sql=text_literal(feed.table.name), reason="the table's name")


def _from_links(context: Context) -> None:
    """A link of a matter with contacts or users, or of users with roles, is an entity of its own."""
    for table in context.survey.tables:
        if context.roles[table.place].kind != "link":
            continue
        for entity, _, one, _, other in _LINKS:
            if _points_at(context, table, one) and _points_at(context, table, other):
                context.feeds.add(
                    Feed(
                        entity=entity,
                        table=table,
                        score=context.roles[table.place].score,
                        reason=f"links {one} and {other}",
                    )
                )
                break


def _points_at(context: Context, table: SurveyedTable, entity: str) -> SurveyedColumn | None:
    """The column that leads to a row of an entity."""
    targets = [feed.table for feed in context.feeds.of(entity)]
    for column in table.columns.values():
        target = context.references.find(table, column, targets) if targets else None
        if target is not None and (target.reason == "foreign key" or _is_named(context, column, entity)):
            return column
    return None


def _is_named(context: Context, column: SurveyedColumn, entity: str) -> bool:
    words = set(column.words) - {"id", "number", "code", "reference"}
    return any(words == set(phrase.words) for phrase in context.vocabulary.entities[entity].tables) or (
        entity == "user" and words == {"login"}
    )


def _contacts_of(context: Context, entity: str) -> None:
    """Clients and parties that carry their names themselves are contacts too."""
    for feed in list(context.feeds.of(entity)):
        leads = _points_at(context, feed.table, "contact") or (
            entity == "matter_party" and _points_at(context, feed.table, "client")
        )
        if not leads and feed.table.key and _has_names(context, feed.table):
            context.feeds.add(_derived(feed.table, "contact", f"the names in {feed.table.name}"))


def _has_names(context: Context, table: SurveyedTable) -> bool:
    phrases = context.vocabulary.entities["contact"].fields
    return any(
        column_score(phrases[name], column, table.own, points=False) >= GOOD and column.kind == "VARCHAR"
        for name in _NAMES
        for column in table.columns.values()
    )


def _derived(table: SurveyedTable, entity: str, reason: str, where: str = "") -> Feed:
    return Feed(entity=entity, table=table, score=_DERIVED_SCORE, reason=reason, where=where, derived=True)


def _parties_of_contacts(context: Context) -> None:
    """Contacts that name a matter are parties of it."""
    for feed in list(context.feeds.of("contact")):
        if feed.derived or context.feeds.of_table("matter", feed.table) or not feed.table.key:
            continue
        if any(_names_a_matter(context, feed.table, column) for column in feed.table.columns.values()):
            context.feeds.add(_derived(feed.table, "matter_party", "contacts that name a matter"))


def _names_a_matter(context: Context, table: SurveyedTable, column: SurveyedColumn) -> bool:
    phrases = context.vocabulary.entities["matter_party"].fields["matter_id"]
    if column_score(phrases, column, table.own, points=True) < GOOD:
        return False
    return context.references.find(table, column, [feed.table for feed in context.feeds.of("matter")]) is not None


def _by_reference(context: Context) -> None:
    """Where a client or user is wanted and the foreign key leads to a contact, those contacts are clients or users."""
    pointing: dict[tuple[str, tuple[str, str]], list[str]] = {}
    tables: dict[tuple[str, str], SurveyedTable] = {}
    contacts = {feed.table.place for feed in context.feeds.of("contact") if not feed.derived}
    for feed in list(context.feeds.all()):
        for field in context.model.entity(feed.entity).fields:
            phrases = context.vocabulary.entities[feed.entity].fields.get(field.name, ())
            if field.ref not in ("client", "user"):
                continue
            for column in feed.table.columns.values():
                target = context.references.declared(feed.table, column.name)
                fits = column_score(phrases, column, feed.table.own, points=True) >= GOOD
                if (
                    fits
                    and target is not None
                    and target.straight
                    and len(target.ours) == 1
                    and target.table.place in contacts
                ):
                    tables[target.table.place] = target.table
                    pointing.setdefault((str(field.ref), target.table.place), []).append(
                        f"SELECT x.{identifier(column.name)} FROM {feed.table.view} AS x"
                    )
    for (entity, place), selects in sorted(pointing.items()):
        table = tables[place]
        where = f"t.{identifier(table.key[0])} IN ({' UNION '.join(dict.fromkeys(selects))})"
        context.feeds.add(_derived(table, entity, f"contacts that other tables name as {entity}", where))


def _clients_by_role(context: Context) -> None:
    """No table of clients: those contacts whose role in a matter is that of a client."""
    for feed in context.feeds.of("matter_party"):
        matter, contact = _points_at(context, feed.table, "matter"), _points_at(context, feed.table, "contact")
        role = _role_column(context, feed.table)
        if matter is None or contact is None or role is None:
            continue
        column, values = role
        target = context.references.find(feed.table, contact, [each.table for each in context.feeds.of("contact")])
        if target is None or not target.straight or len(target.ours) != 1:
            continue
        listed = ", ".join(text_literal(value) for value in values)
        condition = f"lower(trim(x.{identifier(column.name)})) IN ({listed})"
        chosen = f"SELECT x.{identifier(contact.name)} FROM {feed.table.view} AS x WHERE {condition}"
        where = f"t.{identifier(target.table.key[0])} IN ({chosen})"
        context.feeds.add(_derived(target.table, "client", f"contacts whose {column.name} is that of a client", where))
        _name_clients(context, feed.table, matter, contact, condition)
        return


def _name_clients(
    context: Context, link: SurveyedTable, matter: SurveyedColumn, contact: SurveyedColumn, condition: str
) -> None:
    """Give each matter the client that the link names; the least id where there are several."""
    for feed in context.feeds.of("matter"):
        target = context.references.find(link, matter, [feed.table])
        if target is not None and target.straight and len(target.ours) == 1:
            sql = (
                f"(SELECT min(x.{identifier(contact.name)}::VARCHAR) FROM {link.view} AS x "
                f"WHERE x.{identifier(matter.name)} = t.{identifier(feed.table.key[0])} AND {condition})"
            )
            reason = f"the client by role in {link.name}; the least id where there are several"
            feed.given["client_id"] = Expression(
                sql=f"coalesce({sql}, '$no-client')", reason=reason, confidence="medium"
            )


def _role_column(context: Context, table: SurveyedTable) -> tuple[SurveyedColumn, list[str]] | None:
    """The column of roles, and those of its values that mean a client."""
    phrases = context.vocabulary.entities["matter_party"].fields["party_role"]
    for column in table.columns.values():
        if column.kind == "VARCHAR" and column_score(phrases, column, table.own, points=False) >= GOOD:
            seen = context.survey.samples(table, column)
            values = sorted(
                {value.strip().lower() for value in seen if context.vocabulary.code_of("party_role", value) == "client"}
            )
            if values or not seen:
                return column, values or ["client"]
    return None


def _clients_in_matters(context: Context) -> None:
    """No clients anywhere, but the matter has a person's name: each matter has its own client."""
    for feed in list(context.feeds.of("matter")):
        names = context.vocabulary.entities["contact"].fields
        found = any(
            column_score(names[name], column, (), points=False) >= GOOD
            for name in ("given_name", "family_name", "organisation_name")
            for column in feed.table.columns.values()
        )
        if found and feed.table.key:
            context.feeds.add(_derived(feed.table, "contact", "the client's name is in the matter"))
            context.feeds.add(_derived(feed.table, "client", "the client's name is in the matter"))
