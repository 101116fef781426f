"""Rows of the chains are only added, whoever asks the DBMS: a slip by hand is refused by the database itself."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest

from portability.auditing import NewEntry, append
from portability.catalogue import open_catalogue
from portability.catalogue.audit_tables import GUARDED
from tests.catalogue.raw import execute, query


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entry SET hash = 'x' WHERE sequence = 2",
        "DELETE FROM audit_entry WHERE sequence = 3",
        "INSERT INTO audit_entry VALUES (5, 'a', 'b', 'c')",
        "INSERT INTO audit_entry VALUES (2, 'a', 'b', 'c')",
    ],
)
def test_chain_changed_by_hand_is_refused_by_the_dbms(catalogue_url: str, statement: str) -> None:
    """Neither edited nor cut nor numbered otherwise."""
    with open_catalogue(catalogue_url, upgrade=True) as catalogue:
        for _ in range(3):
            append(catalogue, NewEntry(action="test", actor="ann"))
    before = query(catalogue_url, "SELECT * FROM audit_entry ORDER BY sequence")
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match=r"append-only|at its end only"):
        execute(catalogue_url, statement)
    assert query(catalogue_url, "SELECT * FROM audit_entry ORDER BY sequence") == before


@pytest.mark.parametrize("table", sorted(GUARDED))
def test_every_chain_is_guarded(catalogue_url: str, table: str) -> None:
    """All four tables of chains refuse a first row that is not the first."""
    open_catalogue(catalogue_url, upgrade=True).close()
    columns = 3 if table == "operator_step" else 4
    values = ", ".join(["2", *["'1'"] * (columns - 1)])
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.RaiseException), match="at its end only"):
        execute(catalogue_url, f"INSERT INTO {table} VALUES ({values})")


def test_replace_on_sqlite_cannot_take_a_rows_place(tmp_path_factory: pytest.TempPathFactory) -> None:
    """INSERT OR REPLACE would delete without asking the trigger that refuses deletes."""
    url = f"sqlite:///{tmp_path_factory.mktemp('guard') / 'catalogue.db'}"
    with open_catalogue(url, upgrade=True) as catalogue:
        append(catalogue, NewEntry(action="test", actor="ann"))
    with pytest.raises(sqlite3.IntegrityError, match="at its end only"):
        execute(url, "INSERT OR REPLACE INTO audit_entry VALUES (1, 'a', 'b', 'c')")


def test_truncate_on_postgresql_is_refused(postgresql_url: object) -> None:
    """It goes past row triggers, so it has one of its own."""
    assert callable(postgresql_url)
    url = postgresql_url()
    with open_catalogue(url, upgrade=True) as catalogue:
        append(catalogue, NewEntry(action="test", actor="ann"))
    with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
        execute(url, "TRUNCATE audit_entry")
