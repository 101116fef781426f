"""The books by plain SQL in SQLite, without any code of ours: sound but for the faults that were planted."""

from __future__ import annotations

import sqlite3

from tests.practice.conftest import Built

_PENCE = "CAST(round({} * 100) AS INTEGER)"
_AMOUNT = _PENCE.format("l.AMT")
_SIGNED = f"CASE l.DC WHEN 'C' THEN {_AMOUNT} ELSE -{_AMOUNT} END"


def _rows(books: sqlite3.Connection, sql: str) -> list[tuple[object, ...]]:
    return books.execute(sql).fetchall()


def test_client_ledgers_sum_to_the_planted_total(built: Built, books: sqlite3.Connection) -> None:
    """The lines of all client ledgers add up to the generator's own total, in pence."""
    sql = f"SELECT sum({_SIGNED}) FROM LEDG_LINE l JOIN LEDG_AC a USING (AC_ID) WHERE a.AC_CLASS = '{{}}'"
    assert _rows(books, sql.format("MC")) == [(built.planted.client_ledger_pence,)]
    assert _rows(books, sql.format("MO")) == [(-built.planted.office_ledger_pence,)]


def test_client_bank_holds_what_client_ledgers_hold_in_every_firm(books: sqlite3.Connection) -> None:
    """Client money in the bank equals the client ledgers, firm by firm."""
    sql = (
        f"SELECT a.FIRM_ID, sum({_SIGNED}) FROM LEDG_LINE l JOIN LEDG_AC a USING (AC_ID) "
        "WHERE a.AC_CLASS IN ('MC', 'BC') GROUP BY 1"
    )
    assert {total for _, total in _rows(books, sql)} == {0}


def test_postings_balance_but_for_the_planted_ones(built: Built, books: sqlite3.Connection) -> None:
    """Debits equal credits in each posting, but for one in every firm."""
    sql = f"SELECT POST_ID FROM LEDG_LINE l GROUP BY POST_ID HAVING sum({_SIGNED}) <> 0"
    assert len(_rows(books, sql)) == built.planted.rules["txn_balances"] == len(built.planted.firms)


def test_stored_balances_match_the_lines_but_for_the_planted_ones(built: Built, books: sqlite3.Connection) -> None:
    """A ledger's stored balance is the sum of its lines, but for one in every firm."""
    sql = (
        f"SELECT a.AC_ID FROM LEDG_AC a LEFT JOIN LEDG_LINE l USING (AC_ID) GROUP BY a.AC_ID HAVING "
        f"{_PENCE.format('a.BAL')} <> coalesce(sum({_SIGNED}), 0) * CASE a.AC_CLASS WHEN 'MC' THEN 1 ELSE -1 END"
    )
    assert len(_rows(books, sql)) == built.planted.rules["ledger_balance_matches"]


def test_client_ledgers_are_overdrawn_only_where_planted(built: Built, books: sqlite3.Connection) -> None:
    """A running sum below zero occurs once in every firm."""
    sql = (
        f"SELECT 1 FROM (SELECT sum({_SIGNED}) OVER (PARTITION BY AC_ID ORDER BY SEQ_NO) AS balance "
        "FROM LEDG_LINE l JOIN LEDG_AC a USING (AC_ID) WHERE a.AC_CLASS = 'MC') WHERE balance < 0"
    )
    assert len(_rows(books, sql)) == built.planted.rules["client_ledger_never_overdrawn"]


def test_closed_matters_hold_no_money_but_for_the_planted_ones(built: Built, books: sqlite3.Connection) -> None:
    """A closed matter with client money occurs once in every firm."""
    sql = (
        "SELECT m.MTR_ID FROM MTR_MAST m JOIN LEDG_AC a ON a.MTR_ID = m.MTR_ID AND a.AC_CLASS = 'MC' "
        "WHERE m.STATUS IN ('CLO', 'ARC') AND a.BAL <> 0"
    )
    assert len(_rows(books, sql)) == built.planted.rules["residual_client_balance"]


def test_bills_and_time_sum_to_the_planted_totals(built: Built, books: sqlite3.Connection) -> None:
    """Unpaid bills and recorded time add up to the generator's own totals, in pence."""
    unpaid = f"SELECT sum({_PENCE.format('OS_BAL')}) FROM BILL_HDR"
    time = f"SELECT sum({_PENCE.format('VALUE')}) FROM TIME_ENT WHERE MTR_ID IN (SELECT MTR_ID FROM MTR_MAST)"
    assert _rows(books, unpaid) == [(built.planted.unpaid_bills_pence,)]
    assert _rows(books, time) == [(built.planted.time_value_pence,)]


def test_declared_references_hold_and_undeclared_ones_are_broken(books: sqlite3.Connection) -> None:
    """The database itself finds no broken reference: the orphans sit where nothing was declared."""
    assert _rows(books, "PRAGMA foreign_key_check") == []
    assert _rows(books, "SELECT 1 FROM TIME_ENT WHERE MTR_ID NOT IN (SELECT MTR_ID FROM MTR_MAST)")


def test_firms_share_nothing_but_the_lookups(books: sqlite3.Connection) -> None:
    """A ledger line, its posting and its account are always of one firm."""
    sql = (
        "SELECT 1 FROM LEDG_LINE l JOIN LEDG_POST p USING (POST_ID) JOIN LEDG_AC a USING (AC_ID) "
        "WHERE l.FIRM_ID <> p.FIRM_ID OR l.FIRM_ID <> a.FIRM_ID"
    )
    assert _rows(books, sql) == []
