"""The exceptions ledger on its way back: into the same kind of database all of it, and the report says what did not."""

from __future__ import annotations

import re
import shlex
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from portability.restoring import RestoreReport, RestoreRequest, restore_archive, write_report
from tests.conftest import MakeDatabase
from tests.restoring.awkward import run_mariadb
from tests.restoring.conftest import Fresh, export, source_files
from tests.servers import PostgreSQLServer

BROKEN = b"caf\xe9 \\ \t'\xff"
_POSTGRESQL = """
CREATE TABLE odd (id integer PRIMARY KEY, day date, at timestamptz, clock time, rate numeric, name text NOT NULL);
INSERT INTO odd VALUES (1, 'infinity', '-infinity', '24:00', 'NaN', 'plain'), (2, NULL, NULL, NULL, NULL, ''),
  (3, '4713-01-01 BC', '10000-01-01', '12:00', 1.5, 'x'), (4, '2020-02-29', now(), NULL, 'NaN', 'y')
"""
_MARIADB = (
    """CREATE TABLE odd (id int PRIMARY KEY, day date, at datetime(3), changed timestamp NULL,
       name varchar(40) CHARACTER SET sjis NOT NULL, memo text CHARACTER SET sjis) CHARACTER SET utf8mb4""",
    """INSERT INTO odd VALUES (1, '0000-00-00', '2022-00-01', '0000-00-00', 'plain', NULL),
       (2, NULL, NULL, NULL, '', ''),
       (3, '2022-02-31', '0000-00-00', '2020-01-01', X'815F5C7E', X'815F5C7E'),
       (4, '2020-02-29', NULL, NULL, 'x', 'y')""",
)


def restored(archive: Path, url: str) -> RestoreReport:
    """Restore without verifying again."""
    return restore_archive(RestoreRequest(archive=archive, url=url, unverified=True))


def lost(report: RestoreReport) -> set[tuple[str, int, int, tuple[str, ...]]]:
    """Name what was not put back: column, how many there were, how many are there, keys."""
    return {(e.column, e.values, e.put_back, e.keys) for e in report.exceptions if e.put_back < e.values}


def fill_sql_ascii(server: PostgreSQLServer, name: str) -> str:
    """Make a database that says nothing of its encoding."""
    server.execute(f"CREATE DATABASE {name} ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    return server.url(name)


def test_restore_postgresql_of_no_encoding_puts_every_exception_back(
    postgresql_server: PostgreSQLServer, tmp_path: Path
) -> None:
    """Infinite times, NaN and bytes that are no UTF-8: the source layer and the ledger are the same a second time."""
    source, target = (fill_sql_ascii(postgresql_server, name) for name in ("ledger_source", "ledger_target"))
    with psycopg.connect(source, client_encoding="SQL_ASCII") as connection:
        connection.execute(_POSTGRESQL)
        connection.execute("UPDATE odd SET name = convert_from(%s, 'SQL_ASCII') WHERE id IN (2, 3)", (BROKEN,))
    archive = export(source, tmp_path / "archive")
    report = restored(archive, target)
    assert sum(each.values for each in report.exceptions) == 9
    assert lost(report) == set()
    assert source_files(export(target, tmp_path / "again")) == source_files(archive)
    for url in (source, target):
        postgresql_server.drop_database(url)


def test_restore_postgresql_puts_each_exception_back_to_its_own_row(
    postgresql_url: MakeDatabase, tmp_path: Path
) -> None:
    """Keys whose texts sort otherwise than they do, 13 before 3; beside nulls and not."""
    source, target = postgresql_url(), postgresql_url()
    with psycopg.connect(source) as connection:
        connection.execute("CREATE TABLE odd (id integer PRIMARY KEY, day date, seen date)")
        connection.execute("INSERT INTO odd SELECT n, '2020-01-01', '2020-01-01' FROM generate_series(1, 120) AS n")
        connection.execute("UPDATE odd SET seen = NULL WHERE id = 4")
        for key, value in ((3, "infinity"), (5, "-infinity"), (13, "0044-03-15 BC"), (101, "infinity")):
            connection.execute("UPDATE odd SET day = %s, seen = %s WHERE id = %s", (value, value, key))
    report = restored(export(source, tmp_path / "archive"), target)
    assert lost(report) == set()
    rows = []
    for url in (source, target):
        with psycopg.connect(url) as connection:
            rows.append(connection.execute("SELECT id, day::text, seen::text FROM odd ORDER BY id").fetchall())
    assert rows[0] == rows[1]


def test_restore_mariadb_puts_dates_that_are_none_and_bytes_of_an_old_encoding_back(
    mariadb_url: MakeDatabase, tmp_path: Path
) -> None:
    """Zero dates, the 31st of February, and text that Unicode and back makes other bytes of."""
    source, target = mariadb_url(), mariadb_url()
    run_mariadb(source, *_MARIADB)
    archive = export(source, tmp_path / "archive")
    report = restored(archive, target)
    assert {each.column for each in report.exceptions} == {"day", "at", "changed", "name", "memo"}
    assert lost(report) == set()
    assert source_files(export(target, tmp_path / "again")) == source_files(archive)


def test_restore_into_another_kind_names_what_is_not_put_back(
    archive_of: Callable[[str], Path], fresh: Fresh, tmp_path: Path
) -> None:
    """Column, reason, how many, and whose rows: in the report's document, its page and nowhere a value."""
    report = restored(archive_of("mariadb"), fresh("duckdb"))
    assert {(e.column, e.values, e.put_back) for e in report.exceptions} == {
        ("born", 2, 0),
        ("seen", 1, 0),
        ("d", 2, 0),
    }
    assert {e.keys for e in report.exceptions if e.column == "born"} == {('["1"]', '["7"]')}
    assert {e.reason for e in report.exceptions} == {"not a date of the calendar"}
    write_report(report, tmp_path / "report")
    page = (tmp_path / "report/restore.html").read_text(encoding="utf-8")
    assert "not a date of the calendar" in page
    assert "0000-00-00" not in page


def test_restore_keyless_rows_beside_nulls_are_named_as_lost(
    fresh: Fresh, mariadb_url: MakeDatabase, tmp_path: Path
) -> None:
    """Where neither a key nor the order tells which row an exception is of, it is not guessed."""
    source = mariadb_url()
    run_mariadb(source, "CREATE TABLE odd (day date)", "INSERT INTO odd VALUES (NULL), ('0000-00-00'), ('2020-01-01')")
    report = restored(export(source, tmp_path / "archive"), fresh("mariadb"))
    assert lost(report) == {("day", 1, 0, ())}
    assert [(c.column, c.rows) for c in report.changed] == [("day", 1)]


@pytest.mark.slow
def test_ledger_of_many_exceptions_stays_within_memory_and_page(tmp_path: Path) -> None:
    """200,000 exceptions of one column: a page, findings and a report of a few lines; all come back."""
    connection = sqlite3.connect(tmp_path / "odd.db")
    connection.execute("CREATE TABLE odd (id INTEGER PRIMARY KEY, name TEXT)")
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)"
        " INSERT INTO odd SELECT i, CAST(x'ff' || i AS TEXT) FROM n"
    )
    connection.commit()
    connection.close()
    archive = export(f"sqlite:///{tmp_path / 'odd.db'}", tmp_path / "archive")
    data = archive / "data"
    assert (data / "README.html").stat().st_size < 200_000
    assert (data / "reports/findings.json").stat().st_size < 20_000
    report = restored(archive, f"sqlite:///{tmp_path / 'again.db'}")
    assert [(e.values, e.put_back) for e in report.exceptions] == [(200_000, 200_000)]
    assert source_files(export(f"sqlite:///{tmp_path / 'again.db'}", tmp_path / "again")) == source_files(archive)


@pytest.mark.slow
def test_document_on_exceptions_runs_as_it_stands(archive_of: Callable[[str], Path], tmp_path: Path) -> None:
    """Every command and the program of docs/exceptions.md, beside an archive of MariaDB's dates that are none."""
    text = (Path(__file__).parents[2] / "docs/exceptions.md").read_text(encoding="utf-8")
    (tmp_path / "archive").symlink_to(archive_of("mariadb"))
    commands = [shlex.split(line) for line in re.findall(r"^\$ portability (.*)$", text, re.MULTILINE)]
    commands = [[str(Path(sys.executable).with_name("portability")), *command] for command in commands]
    (program,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    for command in [*commands, [sys.executable, "-c", program]]:
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=240)
        assert (done.returncode, done.stderr) == (0, "")
        assert "0000-00-00" in done.stdout or "not a date" in done.stdout
