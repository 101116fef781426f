"""From a surveyed source to settled feeds: recognise, derive, assign, leave out what cannot be filled, and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.drafting.assignment import assign
from portability.drafting.context import Context
from portability.drafting.derived import add_derived, settle_given
from portability.drafting.documents import Storage, add_versions, find_storage, settle_versions
from portability.drafting.feeds import Feed, Feeds
from portability.drafting.recognition import recognise
from portability.drafting.references import References

if TYPE_CHECKING:
    from portability.drafting.survey import Survey
    from portability.drafting.vocabulary import Vocabulary
    from portability.model import Model

__all__ = ["Built", "LeftOut", "build"]

# Others may follow when an entity is left out; more rounds than entities cannot be needed.
_ROUNDS_MAX = 40


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A table that was taken for an entity and cannot be one."""

    table: str
    entity: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Built:
    """Settled feeds, the documents they lead to, and what was left out."""

    context: Context
    storages: tuple[Storage, ...]
    left_out: tuple[LeftOut, ...]


def build(
    survey: Survey, vocabulary: Vocabulary, model: Model, *, default_schema: str, time_zone: str, currency: str
) -> Built:
    """Decide what every table becomes, field by field."""
    roles = recognise(survey, vocabulary, model)
    feeds = Feeds()
    for table in survey.tables:
        role = roles[table.place]
        if role.kind in ("entity", "lookup") and not (role.entity == "firm" and table.rows == 0):
            feeds.add(
                Feed(entity=role.entity, table=table, score=role.score, reason=f"{role.reason} ({role.confidence})")
            )
    context = Context(
        survey=survey,
        vocabulary=vocabulary,
        model=model,
        roles=roles,
        feeds=feeds,
        references=References(survey, roles, feeds),
        default_schema=default_schema,
        time_zone=time_zone,
        currency=currency,
    )
    add_derived(context)
    storages = find_storage(context)
    add_versions(context, storages)
    left_out = _settle(context)
    kept = {feed.table.place for feed in feeds.of("document_version")}
    return Built(
        context=context, storages=tuple(s for s in storages if s.table.place in kept), left_out=tuple(left_out)
    )


def _settle(context: Context) -> list[LeftOut]:
    left_out: list[LeftOut] = []
    for _ in range(_ROUNDS_MAX):
        settle_given(context)
        settle_versions(context)
        for feed in _in_reference_order(context):
            assign(context, feed)
        lacking = [feed for feed in context.feeds.all() if feed.lacking]
        for feed in lacking:
            context.feeds.remove(feed)
            _forget(context, feed)
            if not feed.derived:
                reason = f"nothing gives {', '.join(feed.lacking)}"
                left_out.append(LeftOut(table=feed.table.label, entity=feed.entity, reason=reason))
        if not lacking:
            return left_out
    return left_out


def _in_reference_order(context: Context) -> list[Feed]:
    """The feeds with each entity after those that it requires, so that a fallback may look at their fields."""
    return [feed for entity in context.model.in_reference_order() for feed in context.feeds.of(entity.name)]


def _forget(context: Context, gone: Feed) -> None:
    """Take back what other feeds of the table took from one that is gone, and the feeds that only follow from it."""
    owned = {"contact": "contact_id", "client": "client_id", "document": "document_id"}
    for feed in list(context.feeds.all()):
        if feed.table.place == gone.table.place:
            feed.given.pop(owned.get(gone.entity, ""), None)
            if gone.entity == "document" and feed.entity == "document_version" and feed.derived:
                context.feeds.remove(feed)
