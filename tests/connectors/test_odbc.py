"""ODBC: a driver that crashes, hangs or is ended is an error of ours; addresses; what no driver may convert."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portability.connectors import open_connector, parse_url
from portability.connectors.odbc import connection_string
from portability.connectors.odbc_errors import driver_error
from portability.connectors.odbc_select import split_items, wrap_items
from portability.errors import (
    ConfigError,
    ConnectorError,
    PortabilityError,
    SourceDataError,
    SourceUnavailableError,
)
from tests.conftest import MakeDatabase
from tests.connectors.odbc_databases import OdbcPostgresqlDatabase, need_driver

ROWS = 5000


@pytest.fixture
def ledger(postgresql_url: MakeDatabase) -> str:
    """The address, through ODBC, of a database with one table."""
    database = OdbcPostgresqlDatabase(postgresql_url())
    database.execute(
        "CREATE TABLE ledger (id int PRIMARY KEY, narrative text)",
        f"INSERT INTO ledger SELECT n, repeat('x', 100) || n FROM generate_series(1, {ROWS}) n",
    )
    return database.url


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A SQLite file with one table."""
    need_driver("SQLite3")
    path = tmp_path / "it's a file.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, big INT, num REAL, txt TEXT)")
        connection.execute("INSERT INTO t VALUES (1, 5000000000, 5e-324, 'a' || char(0) || 'b')")
    return path


def _read(snapshot: Any) -> Iterator[Any]:  # noqa: ANN401 -- the session behind it is looked at
    (table,) = snapshot.discover().tables
    return iter(snapshot.read(snapshot.plan(table)))


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT], ids=lambda sent: sent.name)
def test_driver_whose_process_ends_while_it_reads_is_an_error_that_names_the_table(
    ledger: str, sent: signal.Signals
) -> None:
    """What would end a program is a sentence with the place, and another try is possible at once."""
    with open_connector(ledger).snapshot() as snapshot:
        batches = _read(snapshot)
        os.kill(snapshot._session.process.pid, sent)  # type: ignore[attr-defined]
        with pytest.raises(SourceUnavailableError, match=sent.name) as caught:
            list(batches)
        assert caught.value.place == "public.ledger"
        assert caught.value.hint
    with open_connector(ledger).snapshot() as snapshot:
        assert sum(batch.num_rows for batch in _read(snapshot)) == ROWS


def test_driver_that_does_not_answer_is_given_up_after_the_named_time(ledger: str) -> None:
    """A driver that hangs does not hang an export."""
    with open_connector(f"{ledger}?answer_timeout=70").snapshot() as snapshot:
        batches = _read(snapshot)
        session = snapshot._session  # type: ignore[attr-defined]
        assert session.answer_s == 70
        session.answer_s = 0.5  # from here: on a busy machine a process takes longer to begin
        process = session.process
        os.kill(process.pid, signal.SIGSTOP)
        with pytest.raises(SourceUnavailableError, match=r"within 0\.5 seconds") as caught:
            list(batches)
        assert "answer_timeout" in caught.value.hint
        assert process.returncode is not None


def test_server_that_ends_the_session_is_an_error_of_ours(ledger: str) -> None:
    """The driver's text, which may quote anything, is not passed on."""
    with open_connector(ledger).snapshot() as snapshot:
        batches = _read(snapshot)
        with psycopg.connect(ledger.removeprefix("odbc+"), autocommit=True) as other:
            ended = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            other.execute(f"{ended} AND datname = current_database()".encode())
        with pytest.raises(SourceUnavailableError) as caught:
            list(batches)
        assert caught.value.place == "public.ledger"


def test_reader_process_ends_when_its_parent_is_killed(file: Path) -> None:
    """Nothing is left that holds a transaction open."""
    program = """
import sys, time
from portability.connectors import open_connector
with open_connector(sys.argv[1]).snapshot() as snapshot:
    print(snapshot._over.session.process.pid, flush=True)
    time.sleep(600)
"""
    address = f"odbc+sqlite:///{file}"
    with subprocess.Popen([sys.executable, "-c", program, address], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = int(parent.stdout.readline())
        parent.kill()
    until = time.monotonic() + 60
    while _runs(worker):
        assert time.monotonic() < until
        time.sleep(0.05)


def _runs(pid: int) -> bool:
    """Whether a process is there and no zombie of a parent that does not look."""
    status = Path(f"/proc/{pid}/stat")
    try:
        return status.read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_values_that_the_driver_would_change_arrive_as_they_are(file: Path) -> None:
    """By itself this driver makes 705032704 of the number, nothing of the denormal, and ends the text at its NUL."""
    with open_connector(f"odbc+sqlite:///{file}").snapshot() as snapshot:
        (batch,) = _read(snapshot)
    assert batch.to_pylist() == [{"id": 1, "big": 5000000000, "num": 5e-324, "txt": "a\x00b"}]


@pytest.mark.parametrize("number", ["1.7976931348623157e308", "5e-324"])
def test_number_that_sqlite_may_print_wrong_beside_texts_stops_the_reading(tmp_path: Path, number: str) -> None:
    """Never a neighbour's digits: the native connector, which the hint names, writes them itself."""
    path = tmp_path / "a.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (v)")
        connection.execute("INSERT INTO t VALUES ('text'), (1.5)")
    with open_connector(f"odbc+sqlite:///{path}").snapshot() as snapshot:
        assert sorted(next(_read(snapshot)).column("v").to_pylist()) == ["1.5", "text"]
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"INSERT INTO t VALUES ({number})")
    refused = pytest.raises(SourceDataError, match="very large or small")
    with open_connector(f"odbc+sqlite:///{path}").snapshot() as snapshot, refused:
        next(_read(snapshot))


def test_negative_zero_keeps_its_sign_beside_texts_and_alone_or_stops_the_reading(tmp_path: Path) -> None:
    """By the one function that tells; a library without it says that it cannot, and nothing is read."""
    need_driver("SQLite3")
    path = tmp_path / "a.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, v, w BLOB)")
        connection.execute("INSERT INTO t VALUES (1, -0.0, -0.0), (2, 'text', 0.0), (3, 0.0, 1.5)")
    found = []
    for address in (f"sqlite:///{path}", f"odbc+sqlite:///{path}"):
        with open_connector(address).snapshot() as snapshot:
            (batch,) = _read(snapshot)
            found.append([(v, str(w)) for v, w in zip(*map(batch.column, ("v", "w")), strict=True)])
            if address.startswith("odbc"):
                snapshot._over.tells_zeros = False  # type: ignore[attr-defined]
                with pytest.raises(SourceDataError, match="whether zeros"):
                    next(_read(snapshot))
    assert [(str(v), w) for v, w in found[0]] == [("-0.0", "-0.0"), ("text", "0.0"), ("0.0", "1.5")]
    assert found[1] == found[0]


def test_query_of_a_type_that_the_driver_converts_is_refused(ledger: str) -> None:
    """Dates, times and floats never cross as a driver makes them."""
    with open_connector(ledger).snapshot() as snapshot:
        session = snapshot._session  # type: ignore[attr-defined]
        for sql in ("SELECT 'infinity'::timestamp", "SELECT 1, 0.1::float8"):
            with pytest.raises(ConnectorError, match="the driver would convert"):
                list(session.query(sql, rows=1))


def test_source_named_by_a_dsn_is_read_by_its_own_dialect(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the DBMS behind a data source is, its driver says."""
    link = tmp_path / "source.db"
    link.symlink_to(file)
    settings = tmp_path / "odbc.ini"
    settings.write_text(f"[practice]\nDriver = SQLite3\nDatabase = {link}\nStepAPI = 1\n", encoding="utf-8")
    monkeypatch.setenv("ODBCINI", str(settings))
    with open_connector("odbc:///?dsn=practice").snapshot() as snapshot:
        schema = snapshot.discover()
    assert (schema.dbms, [table.name for table in schema.tables]) == ("sqlite", ["t"])


def test_dsn_of_postgresql_gets_what_reading_needs(
    ledger: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself the driver sets savepoints, before the transaction could be made one of a single view."""
    url = parse_url(ledger)
    words = {"Driver": "PostgreSQL Unicode", "Servername": url.host, "Port": url.port, "Database": url.path}
    words |= {"Username": url.user, "Password": url.password or ""}
    (tmp_path / "odbc.ini").write_text("[firm]\n" + "".join(f"{k} = {v}\n" for k, v in words.items()), encoding="utf-8")
    monkeypatch.setenv("ODBCINI", str(tmp_path / "odbc.ini"))
    with open_connector("odbc:///?dsn=firm").snapshot() as snapshot:
        assert [table.name for table in snapshot.discover().tables] == ["ledger"]


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("odbc:///?dsn=portability-knows-no-such", r"\?dsn=portability-knows-no-such: ODBC knows no such data source"),
        ("odbc+postgresql://u@127.0.0.1:1/x?driver=portability-none", "is not there, or cannot be loaded"),
        ("odbc+postgresql://u:hunter2@127.0.0.1:1/x", "cannot be reached"),
        ("odbc+mariadb://u:hunter2@127.0.0.1:1/x", "cannot be reached"),
        ("odbc+sqlite:////no/such/file.db", "no such file"),
        ("odbc:///", "neither a data source nor a DBMS"),
        ("odbc+postgresql://u@h/x?colour=blue", "unknown option colour"),
        ("odbc+postgresql://u@h/x?answer_timeout=soon", "not a number of seconds"),
    ],
)
def test_address_that_leads_nowhere_is_told_without_its_password(address: str, said: str) -> None:
    """Each in a sentence, with what mends it."""
    with pytest.raises(PortabilityError, match=said) as caught, open_connector(address).snapshot():
        pass
    assert "hunter2" not in f"{caught.value} {caught.value.hint}"


def test_password_goes_into_the_connection_string_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs that would end a value are quoted, whatever the environment holds."""
    monkeypatch.setenv("PRACTICE_PASSWORD", "a;b}c=d")
    url = parse_url("odbc+sqlserver://export:${PRACTICE_PASSWORD}@db.example:1433/practice?set.Encrypt=yes")
    assert connection_string(url) == (
        "DRIVER={ODBC Driver 18 for SQL Server};DATABASE=practice;SERVER=db.example,1433;UID=export;PWD={a;b}}c=d};"
        "ApplicationIntent=ReadOnly;APP=portability;Encrypt=yes;"
    ).replace("{ODBC Driver 18 for SQL Server}", "ODBC Driver 18 for SQL Server")
    assert "a;b" not in url.label
    assert "a;b" not in repr(url)


def test_connection_string_of_a_line_break_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No driver manager can quote it."""
    monkeypatch.setenv("PRACTICE_PASSWORD", "a\nb")
    with pytest.raises(ConfigError, match="no ODBC connection can"):
        connection_string(parse_url("odbc:///?dsn=x&set.PWD=${PRACTICE_PASSWORD}"))


@pytest.mark.parametrize(
    ("sql", "items", "rest"),
    [
        ("a, f(b, 'x, FROM y'), [c, ]", ["a", "f(b, 'x, FROM y')", "[c, ]"], ""),
        ('"fro""m" FROM t', ['"fro""m"'], " FROM t"),
        ("(SELECT 1 FROM u), 'it''s' FROM t ORDER BY 1, 2", ["(SELECT 1 FROM u)", "'it''s'"], " FROM t ORDER BY 1, 2"),
    ],
)
def test_select_list_is_split_at_its_own_commas(sql: str, items: list[str], rest: str) -> None:
    """Quotes and brackets hold what they hold."""
    assert split_items(sql) == (items, rest)


def test_select_list_is_wrapped_item_by_item() -> None:
    """A statement that is no SELECT stays as it is."""
    assert wrap_items("SELECT DISTINCT a, b FROM t", "x({})".format) == "SELECT DISTINCT x(a), x(b) FROM t"
    assert wrap_items("COMMIT", "x({})".format) == "COMMIT"


def test_errors_of_drivers_are_told_by_state_and_number() -> None:
    """Never by their text; what is not known has both."""
    assert driver_error({"state": "28000", "code": 18456}, "x").message.startswith("the server refuses the user")
    assert driver_error({"state": "HY000", "code": 3952}, "x").hint.startswith("ALTER DATABASE")
    assert "SQLSTATE HY000, error 7" in driver_error({"state": "HY000", "code": 7, "kind": "Error"}, "x").message
    assert "pip install" in driver_error({"missing": True, "manager": False}, "x").hint
