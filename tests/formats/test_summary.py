"""The summary: figures that a person checks by hand on a few rows."""

from __future__ import annotations

import duckdb
import pytest

from portability.formats.summary import Bar, Summary, summarise
from portability.manifest import read_json, to_json
from tests.formats.canonical_rows import create_entities, insert

BOOKS = ("ledger_account", "ledger_entry")


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    """An engine without anything in it."""
    return duckdb.connect()


def account(connection: duckdb.DuckDBPyConnection, key: str, kind: str, **more: object) -> None:
    """Insert a ledger account."""
    side = "client" if kind in {"matter_client", "bank_client", "matter_designated_deposit"} else "office"
    insert(connection, "ledger_account", id=key, account_class=kind, side=side, currency="GBP", **more)


def entry(connection: duckdb.DuckDBPyConnection, key: str, debit: str, credit: str, currency: str = "GBP") -> None:
    """Insert a ledger entry."""
    values = {"ledger_account_id": key, "debit": debit, "credit": credit, "currency": currency}
    insert(connection, "ledger_entry", id=f"{key}/{debit}/{credit}/{currency}", posting_date="2024-05-01", **values)


@pytest.fixture
def books(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Two client ledgers and a client bank account that agree, and one income account."""
    create_entities(connection, *BOOKS)
    account(connection, "m1", "matter_client", source_balance="100.10")
    account(connection, "m2", "matter_designated_deposit")
    account(connection, "b1", "bank_client", source_balance="100.35")
    account(connection, "n1", "nominal_income")
    for key, debit, credit in (("m1", "0", "100.10"), ("m2", "0", "0.25"), ("b1", "100.35", "0")):
        entry(connection, key, debit, credit)
    return connection


def test_summary_client_money_that_agrees_has_no_difference(books: duckdb.DuckDBPyConnection) -> None:
    """Ledgers and deposits together equal the cash book, exactly, as text."""
    (ledgers,) = summarise(books, set(BOOKS)).ledgers
    assert (ledgers.client_ledgers, ledgers.client_cash_books, ledgers.difference) == ("100.35", "100.35", "0.00")
    assert (ledgers.debits, ledgers.credits, ledgers.trial_difference) == ("100.35", "100.35", "0.00")
    assert (ledgers.overdrawn_client_ledgers, ledgers.stated_balances, ledgers.wrong_balances) == (0, 2, 0)


def test_summary_client_money_that_differs_says_by_how_much(books: duckdb.DuckDBPyConnection) -> None:
    """A ten-thousandth of a pound is a difference."""
    entry(books, "m1", "0.0001", "0")
    (ledgers,) = summarise(books, set(BOOKS)).ledgers
    assert ledgers.difference == "-0.0001"
    assert ledgers.trial_difference == "0.0001"
    assert ledgers.wrong_balances == 1


def test_summary_client_ledger_in_debit_is_counted(books: duckdb.DuckDBPyConnection) -> None:
    """A client ledger whose entries come to less than nothing is overdrawn."""
    entry(books, "m2", "5.00", "0")
    (ledgers,) = summarise(books, set(BOOKS)).ledgers
    assert ledgers.overdrawn_client_ledgers == 1


def test_summary_classes_hold_every_account_with_its_balance(books: duckdb.DuckDBPyConnection) -> None:
    """An account without entries counts, with nothing on either side."""
    (ledgers,) = summarise(books, set(BOOKS)).ledgers
    told = [(each.account_class, each.accounts, each.debits, each.credits, each.balance) for each in ledgers.classes]
    assert told == [
        ("bank_client", 1, "100.35", "0.00", "100.35"),
        ("matter_client", 1, "0.00", "100.10", "-100.10"),
        ("matter_designated_deposit", 1, "0.00", "0.25", "-0.25"),
        ("nominal_income", 1, "0.00", "0.00", "0.00"),
    ]


def test_summary_currencies_are_never_added_up(books: duckdb.DuckDBPyConnection) -> None:
    """Euros on a ledger do not make up for pounds in the bank."""
    entry(books, "m1", "0", "7.00", "EUR")
    euro, pound = summarise(books, set(BOOKS)).ledgers
    assert (euro.currency, euro.client_ledgers, euro.client_cash_books, euro.difference) == (
        "EUR",
        "7.00",
        "0.00",
        "7.00",
    )
    assert (pound.currency, pound.difference) == ("GBP", "0.00")


def test_summary_counts_rows_deleted_and_quarantined(connection: duckdb.DuckDBPyConnection) -> None:
    """Each entity once, in order; one that has only quarantined rows is there too."""
    create_entities(connection, "client", "file_object")
    insert(connection, "client", id="1", is_deleted=True)
    insert(connection, "client", id="2")
    counts = summarise(connection, {"client", "file_object"}, quarantined={"matter": 3, "client": 1}).counts
    assert [(each.entity, each.rows, each.deleted, each.quarantined) for each in counts] == [
        ("client", 2, 1, 1),
        ("file_object", 0, 0, 0),
        ("matter", 0, 0, 3),
    ]


def test_summary_figures_take_what_is_still_open(connection: duckdb.DuckDBPyConnection) -> None:
    """Unpaid bills are the issued ones with something outstanding, undeleted, by currency."""
    create_entities(connection, "bill", "time_entry")
    for key, status, outstanding, deleted in (
        ("1", "issued", "10.50", False),
        ("2", "part_paid", "0.25", False),
        ("3", "paid", "0", False),
        ("4", "draft", "99", False),
        ("5", "issued", "1000", True),
    ):
        insert(connection, "bill", id=key, status=status, outstanding=outstanding, gross_total="20", is_deleted=deleted)
    insert(connection, "time_entry", id="1", status="wip", value="12.3456")
    insert(connection, "time_entry", id="2", status="billed", value="100")
    figures = {each.name: (each.count, each.amount) for each in summarise(connection, {"bill", "time_entry"}).figures}
    assert figures == {"unbilled_time": (1, "12.3456"), "bills_issued": (3, "60.00"), "bills_unpaid": (2, "10.75")}


def test_summary_documents_are_grouped_and_the_first_missing_listed(connection: duckdb.DuckDBPyConnection) -> None:
    """Ten examples at most, in order of source and locator."""
    connection.execute("""
        CREATE TABLE documents AS
        SELECT 'letters' AS source, printf('P:/%02d', i) AS locator,
               CASE WHEN i < 3 THEN 'present' ELSE 'missing_in_source' END AS availability,
               CASE WHEN i < 3 THEN 100 END AS size_bytes, CASE WHEN i >= 3 THEN 'no such file' END AS problem
        FROM range(20) AS r(i)""")
    summary = summarise(connection, {"documents"})
    assert [(each.availability, each.count, each.size_bytes) for each in summary.documents] == [
        ("missing_in_source", 17, 0),
        ("present", 3, 300),
    ]
    assert [each.locator for each in summary.missing_documents] == [f"P:/{number:02d}" for number in range(3, 13)]
    assert summary.counts == ()


def test_summary_series_are_exact_and_in_order(connection: duckdb.DuckDBPyConnection) -> None:
    """Matters by the year they were opened; one without a date is in no year."""
    create_entities(connection, "matter")
    for key, opened in (("1", "2024-12-31"), ("2", "2023-01-01"), ("3", "2024-01-01"), ("4", None)):
        insert(connection, "matter", id=key, opened_on=opened, status="open")
    series = {each.name: each.bars for each in summarise(connection, {"matter"}).series}
    assert series["matters_opened"] == (Bar(label="2023", value="1"), Bar(label="2024", value="2"))
    assert series["matters_by_status"] == (Bar(label="open", value="4"),)


def test_summary_dates_are_those_of_the_data(connection: duckdb.DuckDBPyConnection) -> None:
    """First and last, as ISO text; an entity without any date has none."""
    create_entities(connection, "matter", "bill")
    insert(connection, "matter", id="1", opened_on="1066-10-14")
    insert(connection, "matter", id="2", opened_on="9999-12-31")
    dates = summarise(connection, {"matter", "bill"}).dates
    assert [(each.entity, each.first, each.last) for each in dates] == [("matter", "1066-10-14", "9999-12-31")]


def test_summary_control_totals_keep_their_unit(connection: duckdb.DuckDBPyConnection) -> None:
    """Money has two decimals, a count none."""
    create_entities(connection, "control_total")
    values = {"package_value": "12", "difference": "0", "status": "match"}
    insert(connection, "control_total", id="a", name="fees", unit="money", currency="GBP", source_value="12", **values)
    insert(connection, "control_total", id="b", name="matters", unit="count", source_value="12", **values)
    found = [(each.name, each.source) for each in summarise(connection, {"control_total"}).control_totals]
    assert found == [("fees", "12.00"), ("matters", "12")]


def test_summary_of_nothing_is_empty(connection: duckdb.DuckDBPyConnection) -> None:
    """A bare archive has a summary, with nothing in it."""
    summary = summarise(connection, set())
    assert summary == Summary(
        firms=(),
        counts=(),
        dates=(),
        ledgers=(),
        figures=(),
        control_totals=(),
        documents=(),
        missing_documents=(),
        series=(),
    )


def test_summary_survives_json(books: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Written and read back, it is the same; written again, the same bytes."""
    summary = summarise(books, set(BOOKS))
    path = tmp_path_factory.mktemp("reports") / "summary.json"
    path.write_bytes(to_json(summary))
    assert read_json(path, Summary) == summary
    assert to_json(summarise(books, set(BOOKS))) == path.read_bytes()
