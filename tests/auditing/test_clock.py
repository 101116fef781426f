"""Time in the chain does not run backwards, and what was cut off the register is missed whenever it is read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from portability.auditing import NewEntry, append, change_register, clock, entries, read_register, require, verify_chain
from portability.catalogue import Catalogue, now, open_catalogue
from portability.catalogue.audit_tables import SUBJECT_SQL
from portability.errors import CatalogueError, ProcedureError
from portability.keys import new_signing_key
from portability.limits import DEFAULT_LIMITS
from portability.signing import load_signing_key
from portability.signing.public_keys import parse_public_line
from tests.auditing.conftest import Person, staffed

ENTRY = NewEntry(action="test", actor="bob")
SECOND = timedelta(seconds=1)
SKEW = timedelta(seconds=DEFAULT_LIMITS.catalogue_skew_s)


def _clock(by: timedelta) -> Callable[[], datetime]:
    """A machine's clock that is wrong by this much."""
    return lambda: now() + by


def test_clock_set_back_records_nothing_and_is_named(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A little behind is written as the last entry's moment; more is refused."""
    append(catalogue, ENTRY)
    monkeypatch.setattr(clock, "now", _clock(-SKEW / 2))
    first, second = append(catalogue, ENTRY), append(catalogue, ENTRY)
    assert first.at == second.at
    monkeypatch.setattr(clock, "now", _clock(-SKEW - 5 * SECOND))
    with pytest.raises(CatalogueError, match=r"this machine's clock says .*, the last entry was made at") as caught:
        append(catalogue, ENTRY)
    assert "Set this machine's clock" in caught.value.hint
    monkeypatch.undo()
    assert verify_chain(catalogue).is_whole


@pytest.mark.parametrize(("by", "words"), [(-timedelta(hours=1), "was set back"), (timedelta(hours=1), "ran ahead")])
def test_chain_with_an_entry_of_a_wrong_clock_is_not_whole(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, by: timedelta, words: str
) -> None:
    """Whatever program wrote it there: the entry is named."""
    append(catalogue, ENTRY)
    monkeypatch.setattr(entries, "chain_moment", lambda _: now() + by)
    wrong = append(catalogue, ENTRY)
    report = verify_chain(catalogue)
    assert (report.first_bad, words in report.faults[0].message) == (wrong.sequence, True)


def test_clock_that_ran_ahead_stops_the_next_right_one(catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch) -> None:
    """On SQLite there is no other clock to ask, so the one that is right says that something is wrong."""
    monkeypatch.setattr(clock, "now", _clock(timedelta(days=11)))
    append(catalogue, ENTRY)
    monkeypatch.undo()
    with pytest.raises(CatalogueError, match="this machine's clock says"):
        append(catalogue, ENTRY)


@pytest.mark.parametrize("by", [-timedelta(minutes=2), timedelta(days=11)])
def test_clock_that_differs_from_the_servers_is_refused(
    postgresql_url: Callable[[], str], people: dict[str, Person], monkeypatch: pytest.MonkeyPatch, by: timedelta
) -> None:
    """PostgreSQL has a clock of its own, and neither direction is believed against it."""
    with staffed(postgresql_url(), people) as catalogue:
        monkeypatch.setattr(clock, "now", _clock(by))
        with pytest.raises(CatalogueError, match="the database server's"):
            append(catalogue, ENTRY)


def test_register_without_its_last_step_lets_nobody_act(
    sqlite_url: str, tmp_path: Path, people: dict[str, Person]
) -> None:
    """One DELETE does not bring back an operator who was revoked."""
    with staffed(sqlite_url, people) as catalogue:
        bob = read_register(catalogue).operators["bob"]
        change_register(catalogue, "revoke", bob, by="ann", key=people["ann"].key)
        with pytest.raises(ProcedureError, match="no longer"):
            require(catalogue, "bob", "operator")
        with sqlite3.connect(tmp_path / "catalogue.db") as connection:
            connection.execute("DROP TRIGGER operator_step_no_delete")
            connection.execute("DELETE FROM operator_step WHERE number = 4")
        connection.close()
        with pytest.raises(CatalogueError, match="not the one that the audit chain names"):
            require(catalogue, "bob", "operator")


def test_register_is_compared_with_the_chain_by_an_index(catalogue_url: str, people: dict[str, Person]) -> None:
    """However long the chain is."""
    with staffed(catalogue_url, people) as catalogue:
        for _ in range(50):
            append(catalogue, ENTRY)
        with catalogue.transaction() as transaction:
            explain, quiet = "EXPLAIN QUERY PLAN", "SELECT 1"
            if transaction.dialect == "postgresql":
                explain, quiet = "EXPLAIN", "SET LOCAL enable_seqscan = off"
            transaction.execute(text(quiet))
            subject = SUBJECT_SQL[transaction.dialect].replace(":", r"\:")
            query = rf"{explain} SELECT document FROM audit_entry WHERE ({subject}) = 'operator\:bob'"
            plan = " ".join(str(row) for row in transaction.execute(text(query)))
        assert "audit_entry_subject" in plan


def test_key_that_was_anothers_is_refused(catalogue: Catalogue, people: dict[str, Person], tmp_path: Path) -> None:
    """Nobody signs as two: not with a key that its holder has laid down."""
    new_signing_key(tmp_path / "bob2", comment="bob", passphrase=None)
    public = parse_public_line(load_signing_key(str(tmp_path / "bob2")).public_line)
    bob, ann = read_register(catalogue).operators["bob"], people["ann"]
    change_register(catalogue, "renew", replace(bob, public_key=public), by="ann", key=ann.key)
    again = replace(people["bob"].as_operator("approver"), name="bobby")
    with pytest.raises(ProcedureError, match="the key is bob's"):
        change_register(catalogue, "new", again, by="ann", key=ann.key)
    change_register(catalogue, "renew", bob, by="ann", key=ann.key)  # his own, he may take up again


def test_operator_whose_time_began_before_now_is_refused(catalogue: Catalogue, people: dict[str, Person]) -> None:
    """Neither a new one nor one who is renewed."""
    eve, ann = replace(people["eve"].as_operator("approver"), valid_from=now() - timedelta(days=365)), people["ann"]
    with pytest.raises(ProcedureError, match="cannot have begun before now"):
        change_register(catalogue, "new", eve, by="ann", key=ann.key)
    bob = read_register(catalogue).operators["bob"]
    earlier = replace(bob, valid_from=bob.valid_from - timedelta(days=1))
    with pytest.raises(ProcedureError, match="cannot have begun before now"):
        change_register(catalogue, "renew", earlier, by="ann", key=ann.key)


def test_catalogue_opened_again_goes_on_where_it_was(sqlite_url: str, people: dict[str, Person]) -> None:
    """The clock of a later run is later."""
    staffed(sqlite_url, people).close()
    with open_catalogue(sqlite_url) as catalogue:
        append(catalogue, ENTRY)
        assert verify_chain(catalogue).is_whole
