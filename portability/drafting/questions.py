"""What a draft cannot know: questions to whoever knows the system, and rows that lack something a row must have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.drafting.branches import FIRM_NAME
from portability.drafting.survey import identifier
from portability.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.drafting.building import Built
    from portability.drafting.feeds import Expression, Feed

__all__ = ["quarantined", "questions"]

_EXPECTED = {
    "matter": "Where are the matters (cases, files)?",
    "client": "Where are the clients?",
    "user": "Where are the people who work here?",
    "time_entry": "Where is recorded time, or is none kept?",
    "bill": "Where are the bills?",
    "payment": "Where are payments received?",
    "ledger_entry": "Where are the debits and credits of the client ledgers? Without them no client balance is proved.",
    "document": "Where are the documents, and under which folder do their paths begin?",
    "note": "Where are file notes?",
}
# Numbers that a person expects to name one row.
_NUMBERS = {"matter": "matter_number", "client": "client_number", "bill": "bill_number"}


def questions(built: Built) -> Iterator[str]:
    """Yield what only a person can answer."""
    context = built.context
    yield f"In which time zone does the system write local times? The draft says {context.time_zone}."
    yield f"In which currency are amounts that name none? The draft says {context.currency}."
    if not context.feeds.of("firm"):
        yield f"What is the firm called? No table names it: put its name in place of {FIRM_NAME!r} in map/firm.sql."
    for entity, question in _EXPECTED.items():
        if not context.feeds.of(entity):
            yield question
    for feed in context.feeds.all():
        for name, expression in feed.fields.items():
            yield from _questions_on_field(built, feed, name, expression)
    yield from _questions_on_documents(built)
    yield from _questions_on_tables(built)


def _questions_on_field(built: Built, feed: Feed, name: str, expression: Expression) -> Iterator[str]:
    where, field = feed.table.label, f"{feed.entity}.{name}"
    if "cannot be told" in expression.reason:
        yield f"Does {where} write the day or the month first? It decides {field}."
    if "least id where there are several" in expression.reason:
        yield f"Can a row of {where} have more than one {name.removesuffix('_id')}? The draft takes the least id."
    if _NUMBERS.get(feed.entity) == name and len(expression.columns) == 1:
        (column,) = expression.columns
        filled = feed.table.columns[column].non_null
        if filled == feed.table.rows and not built.context.survey.is_unique(feed.table.table, column, filled):
            yield f"Is {where}.{column} really the number? Some rows have the same. It decides {field}."


def _questions_on_documents(built: Built) -> Iterator[str]:
    for storage in built.storages:
        if storage.kind == "path":
            place = f"{storage.table.label}.{storage.column}"
            yield f"Where do the paths in {place} begin? Give that folder to export as --documents."


def _questions_on_tables(built: Built) -> Iterator[str]:
    context = built.context
    if context.feeds.of("ledger_transaction") and not context.feeds.of("ledger_entry"):
        yield "Postings are drafted without debits and credits: which column says client or office, and which account?"
    for table in context.survey.tables:
        role = context.roles[table.place]
        if role.kind == "unknown" and table.rows:
            yield f"What is {table.label} ({counted(table.rows, 'row')})? It is carried as it is."
        if role.kind == "machine":
            yield f"Is {table.label} really of no use to a successor? It is excluded: it would be in no archive."
        if not table.key and any(feed.table.place == table.place for feed in context.feeds.all()):
            yield f"What names a row of {table.label}? Its rows are numbered, and numbers change when rows are added."


def quarantined(built: Built) -> Iterator[str]:
    """Yield the required fields that some rows have no value for, counted in the source."""
    for feed in built.context.feeds.all():
        entity = built.context.model.entity(feed.entity)
        for field in entity.fields:
            expression = feed.fields.get(field.name)
            if not field.required or expression is None or expression.sql.startswith("coalesce("):
                continue
            for name in expression.columns:
                missing = feed.table.rows - feed.table.columns[name].non_null
                if missing and f"t.{identifier(name)}" in expression.sql:
                    lacking = f"{missing} of {counted(feed.table.rows, 'row')} of {feed.table.label} without {name}"
                    yield f"{lacking}, and so no {feed.entity}.{field.name}"
