"""reports/summary.json: what is in an archive, in the figures that a person asks for first.

Everything is SQL over views of the canonical layer that are named like the entities, and all of it is deterministic: no
clock, no rounding, money as text with two to four decimals. An entity that is absent is left out, not counted as zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import duckdb

from portability.manifest import FORMAT_VERSION

__all__ = [
    "Bar",
    "ClassBalance",
    "ControlFigure",
    "Count",
    "DateRange",
    "DocumentGroup",
    "Figure",
    "Ledgers",
    "MissingDocument",
    "Series",
    "Summary",
    "money_text",
    "summarise",
]

MISSING_EXAMPLES = 10


@dataclass(frozen=True, kw_only=True)
class Count:
    """Rows of an entity; ``deleted`` of them are marked so in the source, ``quarantined`` more are kept apart."""

    entity: str
    rows: int
    deleted: int = 0
    quarantined: int = 0


@dataclass(frozen=True, kw_only=True)
class DateRange:
    """The first and the last date (ISO) of a field."""

    entity: str
    field: str
    first: str
    last: str


@dataclass(frozen=True, kw_only=True)
class ClassBalance:
    """All accounts of one class in one currency; ``balance`` is debits less credits."""

    account_class: str
    side: str
    accounts: int
    debits: str
    credits: str
    balance: str


@dataclass(frozen=True, kw_only=True)
class Ledgers:
    """The books in one currency.

    ``client_ledgers`` is what the ledgers say is held for clients (credits less debits), ``client_cash_books`` what
    the client bank accounts' cash books say (debits less credits); ``difference`` is the first less the second.
    ``stated_balances`` counts accounts for which the source keeps a balance, ``wrong_balances`` those that differ
    from their entries.
    """

    currency: str
    client_ledgers: str
    client_cash_books: str
    difference: str
    debits: str
    credits: str
    trial_difference: str
    overdrawn_client_ledgers: int
    stated_balances: int
    wrong_balances: int
    classes: tuple[ClassBalance, ...]


@dataclass(frozen=True, kw_only=True)
class Figure:
    """An amount that people know: unpaid bills, unbilled time."""

    name: str
    currency: str
    count: int
    amount: str


@dataclass(frozen=True, kw_only=True)
class ControlFigure:
    """A control total of the profile: ``status`` is match, explained or mismatch."""

    name: str
    unit: str
    currency: str | None
    source: str
    package: str
    status: str
    explanation: str | None = None


@dataclass(frozen=True, kw_only=True)
class DocumentGroup:
    """Documents of one availability code."""

    availability: str
    count: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class MissingDocument:
    """A document that the database names but that is not here."""

    source: str
    locator: str
    availability: str
    problem: str | None


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One value of a series, exact, as text."""

    label: str
    value: str


@dataclass(frozen=True, kw_only=True)
class Series:
    """Figures for a picture; ``unit`` is count, minutes or a currency."""

    name: str
    unit: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, kw_only=True)
class Summary:
    """reports/summary.json."""

    firms: tuple[str, ...]
    counts: tuple[Count, ...]
    dates: tuple[DateRange, ...]
    ledgers: tuple[Ledgers, ...]
    figures: tuple[Figure, ...]
    control_totals: tuple[ControlFigure, ...]
    documents: tuple[DocumentGroup, ...]
    missing_documents: tuple[MissingDocument, ...]
    series: tuple[Series, ...]
    format_version: str = FORMAT_VERSION


def money_text(amount: Decimal | None) -> str:
    """Write an amount with as many decimals as it needs, two at least; nothing is ``0.00``.

    Examples:
        >>> [money_text(Decimal(text)) for text in ("12.5000", "0.0001", "-3", "1E+3")]
        ['12.50', '0.0001', '-3.00', '1000.00']
    """
    whole, _, decimals = f"{amount or Decimal(0):f}".partition(".")
    return f"{whole}.{decimals.rstrip('0').ljust(2, '0')}"


def summarise(
    connection: duckdb.DuckDBPyConnection, entity_views: set[str], *, quarantined: Mapping[str, int] | None = None
) -> Summary:
    """Compute the summary of an archive.

    Args:
        connection: Has a view for each name in ``entity_views``: canonical entities, and ``documents``
        (reports/documents.parquet). entity_views: The views that have rows to speak of; others may exist and are
        not asked. quarantined: Rows in quarantine by entity.
    """
    query = _Query(connection, entity_views)
    return Summary(
        firms=tuple(_firms(query)),
        counts=tuple(_counts(query, quarantined or {})),
        dates=tuple(_dates(query)),
        ledgers=tuple(_ledgers(query)),
        figures=tuple(_figures(query)),
        control_totals=tuple(_control_totals(query)),
        documents=tuple(_documents(query)),
        missing_documents=tuple(_missing(query)),
        series=tuple(_series(query)),
    )


class _Query:
    """Asks only when every view that a question needs is there."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, views: set[str]) -> None:
        self._connection = connection
        self.views = views

    def rows(self, sql: str, *needed: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query, none when a view is missing."""
        return self._connection.execute(sql).fetchall() if self.views.issuperset(needed) else []


def _firms(query: _Query) -> Iterator[str]:
    for (name,) in query.rows('SELECT name FROM "firm" ORDER BY id', "firm"):
        yield name


# These have no common fields, so no mark of deletion.
_WITHOUT_DELETION = {"file_object", "source_link", "control_total"}


def _counts(query: _Query, quarantined: Mapping[str, int]) -> Iterator[Count]:
    for entity in sorted((query.views | quarantined.keys()) - {"documents"}):
        deleted = "0" if entity in _WITHOUT_DELETION else "count(*) FILTER (WHERE is_deleted)"
        found = query.rows(f'SELECT count(*), {deleted} FROM "{entity}"', entity) or [(0, 0)]
        yield Count(entity=entity, rows=found[0][0], deleted=found[0][1], quarantined=quarantined.get(entity, 0))


_DATES = (
    ("matter", "opened_on"),
    ("document", "document_date"),
    ("time_entry", "work_date"),
    ("bill", "bill_date"),
    ("ledger_entry", "posting_date"),
)


def _dates(query: _Query) -> Iterator[DateRange]:
    for entity, field in _DATES:
        sql = f'SELECT CAST(min({field}) AS VARCHAR), CAST(max({field}) AS VARCHAR) FROM "{entity}"'
        for first, last in query.rows(sql, entity):
            if first is not None:
                yield DateRange(entity=entity, field=field, first=first, last=last)


# -- money ------------------------------------------------------------------------------------------------------------

_CLIENT_CLASSES = ("matter_client", "matter_designated_deposit")
_CLIENT = str(_CLIENT_CLASSES)
_BY_CLASS = """
SELECT coalesce(e.currency, a.currency) AS currency, a.account_class, a.side, count(DISTINCT a.id),
       coalesce(sum(e.debit), 0), coalesce(sum(e.credit), 0)
FROM ledger_account AS a LEFT JOIN ledger_entry AS e ON e.ledger_account_id = a.id
GROUP BY ALL ORDER BY ALL"""
_BY_ACCOUNT = f"""
WITH balances AS (
  SELECT a.id, a.account_class, a.source_balance, coalesce(e.currency, a.currency) AS currency,
         coalesce(sum(e.credit), 0) - coalesce(sum(e.debit), 0) AS credit
  FROM ledger_account AS a LEFT JOIN ledger_entry AS e ON e.ledger_account_id = a.id GROUP BY ALL)
SELECT currency,
       count(*) FILTER (WHERE account_class IN {_CLIENT} AND credit < 0),
       count(source_balance),
       count(*) FILTER (WHERE source_balance <> CASE WHEN account_class IN {_CLIENT} THEN credit ELSE -credit END)
FROM balances GROUP BY currency ORDER BY currency"""


def _ledgers(query: _Query) -> Iterator[Ledgers]:
    needed = ("ledger_account", "ledger_entry")
    by_class = query.rows(_BY_CLASS, *needed)
    for currency, overdrawn, stated, wrong in query.rows(_BY_ACCOUNT, *needed):
        own = [row[1:] for row in by_class if row[0] == currency]
        yield _ledger(currency, own, overdrawn=overdrawn, stated=stated, wrong=wrong)


def _ledger(currency: str, classes: Sequence[tuple[Any, ...]], *, overdrawn: int, stated: int, wrong: int) -> Ledgers:
    held = sum((c - d for kind, _, _, d, c in classes if kind in _CLIENT_CLASSES), Decimal(0))
    banked = sum((d - c for kind, _, _, d, c in classes if kind == "bank_client"), Decimal(0))
    debits = sum((row[3] for row in classes), Decimal(0))
    credits_ = sum((row[4] for row in classes), Decimal(0))
    return Ledgers(
        currency=currency,
        client_ledgers=money_text(held),
        client_cash_books=money_text(banked),
        difference=money_text(held - banked),
        debits=money_text(debits),
        credits=money_text(credits_),
        trial_difference=money_text(debits - credits_),
        overdrawn_client_ledgers=overdrawn,
        stated_balances=stated,
        wrong_balances=wrong,
        classes=tuple(
            ClassBalance(
                account_class=kind,
                side=side,
                accounts=accounts,
                debits=money_text(debit),
                credits=money_text(credit),
                balance=money_text(debit - credit),
            )
            for kind, side, accounts, debit, credit in classes
        ),
    )


_FIGURES = (
    ("unbilled_time", "time_entry", "value", "status = 'wip'"),
    ("unbilled_disbursements", "disbursement", "net_amount", "status = 'unbilled'"),
    ("bills_issued", "bill", "gross_total", "status IN ('issued', 'part_paid', 'paid', 'written_off')"),
    ("bills_unpaid", "bill", "outstanding", "status IN ('issued', 'part_paid') AND outstanding <> 0"),
)


def _figures(query: _Query) -> Iterator[Figure]:
    for name, entity, amount, condition in _FIGURES:
        sql = f"""SELECT currency, count(*), sum({amount}) FROM "{entity}"
                  WHERE {condition} AND NOT is_deleted GROUP BY currency ORDER BY currency"""
        for currency, count, total in query.rows(sql, entity):
            yield Figure(name=name, currency=currency, count=count, amount=money_text(total))


def _control_totals(query: _Query) -> Iterator[ControlFigure]:
    sql = """SELECT name, unit, currency, source_value, package_value, status, explanation
             FROM control_total ORDER BY name, id"""
    for name, unit, currency, source, package, status, explanation in query.rows(sql, "control_total"):
        write = money_text if unit == "money" else _plain
        yield ControlFigure(
            name=name,
            unit=unit,
            currency=currency,
            source=write(source),
            package=write(package),
            status=status,
            explanation=explanation,
        )


def _plain(number: Decimal | int) -> str:
    text = f"{Decimal(number):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# -- documents --------------------------------------------------------------------------------------------------------


def _documents(query: _Query) -> Iterator[DocumentGroup]:
    sql = """SELECT availability, count(*), CAST(coalesce(sum(size_bytes), 0) AS BIGINT)
             FROM documents GROUP BY availability ORDER BY availability"""
    for availability, count, size in query.rows(sql, "documents"):
        yield DocumentGroup(availability=availability, count=count, size_bytes=size)


def _missing(query: _Query) -> Iterator[MissingDocument]:
    sql = f"""SELECT source, locator, availability, problem FROM documents
              WHERE availability IN ('missing_in_source', 'unreadable')
              ORDER BY source, locator LIMIT {MISSING_EXAMPLES}"""
    for source, locator, availability, problem in query.rows(sql, "documents"):
        yield MissingDocument(source=source, locator=locator, availability=availability, problem=problem)


# -- pictures ---------------------------------------------------------------------------------------------------------

_SERIES = (
    ("matters_opened", "count", "matter", "year(opened_on)", "count(*)"),
    ("matters_by_status", "count", "matter", "status", "count(*)"),
    ("documents_by_type", "count", "document", "coalesce(document_type, 'other')", "count(*)"),
    ("time_recorded", "minutes", "time_entry", "year(work_date)", "sum(duration_minutes)"),
    ("postings", "count", "ledger_transaction", "year(posting_date)", "count(*)"),
)


def _series(query: _Query) -> Iterator[Series]:
    for name, unit, entity, label, value in _SERIES:
        sql = f"""SELECT {label} AS label, {value} FROM "{entity}"
                  WHERE {label} IS NOT NULL AND NOT is_deleted GROUP BY label ORDER BY label"""
        bars = tuple(Bar(label=str(key), value=_plain(found)) for key, found in query.rows(sql, entity))
        if bars:
            yield Series(name=name, unit=unit, bars=bars)
    yield from _billed(query)


def _billed(query: _Query) -> Iterator[Series]:
    sql = """SELECT currency, year(bill_date), sum(gross_total) FROM bill
             WHERE status IN ('issued', 'part_paid', 'paid', 'written_off') AND bill_date IS NOT NULL AND NOT is_deleted
             GROUP BY ALL ORDER BY ALL"""
    rows = query.rows(sql, "bill")
    for currency in sorted({row[0] for row in rows}):
        bars = tuple(Bar(label=str(year), value=money_text(total)) for each, year, total in rows if each == currency)
        yield Series(name="bills_issued", unit=currency, bars=bars)
