"""Opening a catalogue, and refusing one that is not this program's."""

from __future__ import annotations

import shutil
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from portability.auditing import NewEntry, append
from portability.catalogue import (
    Catalogue,
    Hold,
    check_catalogue,
    connection,
    open_catalogue,
    parse_address,
    upgrade_catalogue,
)
from portability.catalogue.audit_tables import count_entries
from portability.errors import CatalogueError, ConfigError
from portability.limits import DEFAULT_LIMITS
from tests.catalogue.raw import execute
from tests.conftest import MakeDatabase

ENTRY = NewEntry(action="test", actor="ann")


def test_open_without_a_catalogue_makes_nothing_and_names_the_mend(catalogue_url: str, tmp_path: Path) -> None:
    """Only an upgrade makes one."""
    with pytest.raises(CatalogueError) as caught:
        open_catalogue(catalogue_url)
    assert "portability catalogue upgrade" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_upgrade_again_leaves_the_same_catalogue(catalogue_url: str) -> None:
    """It says which one it is, for ever, and what it had before."""
    first, second = upgrade_catalogue(catalogue_url), upgrade_catalogue(catalogue_url)
    assert (first.revision_before, second.revision_before) == (None, first.revision)
    with open_catalogue(catalogue_url) as catalogue:
        assert catalogue.id == first.id == second.id == check_catalogue(catalogue_url).id


def test_open_newer_schema_is_refused(catalogue_url: str) -> None:
    """Neither opened nor upgraded: this program does not know what stands there."""
    upgrade_catalogue(catalogue_url)
    execute(catalogue_url, "UPDATE alembic_version SET version_num = '0099_later'")
    for use in (open_catalogue, upgrade_catalogue, check_catalogue):
        with pytest.raises(CatalogueError, match="not known to this program") as caught:
            use(catalogue_url)
        assert "newer" in caught.value.hint


def test_open_older_schema_is_refused_until_it_is_upgraded(catalogue_url: str) -> None:
    """The mend is one command."""
    upgrade_catalogue(catalogue_url)
    execute(catalogue_url, "UPDATE alembic_version SET version_num = '0003_deposits'")
    with pytest.raises(CatalogueError, match="older") as caught:
        open_catalogue(catalogue_url)
    assert "portability catalogue upgrade" in caught.value.hint


def test_open_other_database_is_refused(catalogue_url: str) -> None:
    """A database of something else is not made a catalogue of."""
    if catalogue_url.startswith("sqlite"):
        connection.create_file(Path(catalogue_url.removeprefix("sqlite:///")))
    execute(catalogue_url, "CREATE TABLE client (id INTEGER)")
    with pytest.raises(CatalogueError, match="something else"):
        upgrade_catalogue(catalogue_url)


def test_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever the umask: the file and the log beside it; one that others can read is refused."""
    path = tmp_path / "catalogue.db"
    with open_catalogue(f"sqlite:///{path}", upgrade=True) as catalogue, catalogue.transaction() as transaction:
        append(transaction, ENTRY)
        assert {stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()} == {0o600}
    path.chmod(0o640)
    with pytest.raises(CatalogueError, match="others can read") as caught:
        open_catalogue(f"sqlite:///{path}")
    assert caught.value.hint == f"chmod 600 {path}"


@pytest.mark.parametrize("url", ["mysql://u:hush@h/d", "postgresql://u:hush@h", "sqlite://", "postgresql://u:hu@sh@:x"])
def test_address_of_another_kind_is_refused_without_its_password(url: str) -> None:
    """The forms are named instead."""
    with pytest.raises(ConfigError) as caught:
        parse_address(url)
    assert "hush" not in f"{caught.value}{caught.value.hint}"
    assert "sqlite:///" in caught.value.hint


def test_server_that_cannot_be_reached_is_an_error_without_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """The label says where, the environment's password stays there."""
    monkeypatch.setenv("CATALOGUE_PASSWORD", "hush/hush")
    with pytest.raises(CatalogueError) as caught:
        open_catalogue("postgresql://svc:${CATALOGUE_PASSWORD}@127.0.0.1:1/catalogue")
    assert caught.value.place == "postgresql://svc@127.0.0.1:1/catalogue"
    assert "hush" not in f"{caught.value}{caught.value.hint}{caught.value.__cause__}"


def test_damaged_file_is_named(tmp_path: Path) -> None:
    """What is no database is no catalogue."""
    path = tmp_path / "catalogue.db"
    path.write_bytes(b"no database" * 1000)
    path.chmod(0o600)
    with pytest.raises(CatalogueError, match="damaged"):
        open_catalogue(f"sqlite:///{path}")


def test_transaction_that_raises_leaves_nothing(catalogue_url: str) -> None:
    """Rolled back, and the next one goes on."""
    with open_catalogue(catalogue_url, upgrade=True) as catalogue:

        def fail() -> None:
            with catalogue.transaction() as transaction:
                append(transaction, ENTRY)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        assert append(catalogue, ENTRY).sequence == 1


def test_reading_sees_one_moment_and_keeps_nobody_waiting(catalogue_url: str) -> None:
    """A long look sees what was there when it began, while others write."""
    with open_catalogue(catalogue_url, upgrade=True) as catalogue, catalogue.reading() as look:
        before = count_entries(look)
        append(catalogue, ENTRY)
        assert count_entries(look) == before == 0
    with open_catalogue(catalogue_url) as catalogue, catalogue.reading() as look:
        assert count_entries(look) == 1


def test_second_writer_waits_and_then_says_that_the_catalogue_is_busy(
    catalogue_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not for ever, and in a sentence."""
    monkeypatch.setattr(connection, "DEFAULT_LIMITS", replace(DEFAULT_LIMITS, catalogue_wait_s=1))
    with open_catalogue(catalogue_url, upgrade=True) as one, open_catalogue(catalogue_url) as other:
        with one.transaction(), pytest.raises(CatalogueError, match="busy"):
            append(other, ENTRY)
        assert append(other, ENTRY).sequence == 1


HOLDER = """
import os, sys
from portability.catalogue import open_catalogue
from portability.auditing import NewEntry, append
catalogue = open_catalogue(sys.argv[1])
append(catalogue, NewEntry(action="test", actor="ann"))
with catalogue.hold("job:practice") as held, catalogue.transaction() as transaction:
    append(transaction, NewEntry(action="test", actor="ann"))
    print(bool(held), flush=True)
    sys.stdin.read()
"""


def test_process_that_is_killed_loses_what_it_had_not_committed_and_lets_go_of_all_it_held(catalogue_url: str) -> None:
    """The entry that was committed stands; the name that was held, and the turn to write, are free."""
    with open_catalogue(catalogue_url, upgrade=True) as catalogue:
        command = [sys.executable, "-c", HOLDER, catalogue_url]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path.cwd()) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"True\n"
            with catalogue.hold("job:practice") as held, catalogue.hold("job:other") as other:
                assert (bool(held), bool(other)) == (False, True)
            holder.kill()
        assert append(catalogue, ENTRY).sequence == 2
        deadline = time.monotonic() + 30  # a busy server notices a moment later that nobody is there
        is_free = False
        while not is_free and time.monotonic() < deadline:
            with catalogue.hold("job:practice") as held:
                is_free = bool(held)
        assert is_free


def _record(catalogue: Catalogue, hold: Hold) -> None:
    with catalogue.transaction() as transaction:
        append(transaction, ENTRY)
        hold.require()


def test_hold_that_lost_its_session_stops_what_relies_on_it(postgresql_url: MakeDatabase) -> None:
    """A server restart or a firewall ends the session: another takes the name, and the first is told when it asks."""
    url = postgresql_url()
    with open_catalogue(url, upgrade=True) as one, open_catalogue(url) as other, one.hold("job") as first:
        first.require()
        execute(url, "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        with other.hold("job") as second:
            assert second
            for _ in range(2):
                with pytest.raises(CatalogueError, match="the hold on 'job' is lost"):
                    first.require()
            with pytest.raises(CatalogueError, match="is lost"):
                _record(one, first)
            second.require()
        with one.reading() as look:
            assert count_entries(look) == 0


def test_hold_whose_file_is_replaced_is_lost(tmp_path: Path) -> None:
    """On SQLite: whoever clears the locks away lets a second process in, and stops the first."""
    with open_catalogue(f"sqlite:///{tmp_path}/catalogue.db", upgrade=True) as catalogue, catalogue.hold("job") as hold:
        hold.require()
        shutil.rmtree(tmp_path / "catalogue.db.locks")
        with catalogue.hold("job") as second:
            second.require()
            with pytest.raises(CatalogueError, match="is lost"):
                hold.require()


def test_hold_that_another_has_is_never_required(catalogue_url: str) -> None:
    """Whoever forgot to look whether it was taken is stopped all the same."""
    with (
        open_catalogue(catalogue_url, upgrade=True) as one,
        open_catalogue(catalogue_url) as other,
        one.hold("job") as first,
        other.hold("job") as second,
    ):
        first.require()
        with pytest.raises(CatalogueError, match="is lost"):
            second.require()


def test_check_finds_a_guard_that_was_taken_away(catalogue_url: str) -> None:
    """Somebody who drops a trigger has not gone unseen."""
    upgrade_catalogue(catalogue_url)
    if catalogue_url.startswith("sqlite"):
        execute(catalogue_url, "DROP TRIGGER audit_entry_no_update")
    else:
        execute(catalogue_url, "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_rows")
    with pytest.raises(CatalogueError, match="a guard was taken away: audit_entry_"):
        check_catalogue(catalogue_url)
