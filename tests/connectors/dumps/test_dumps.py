"""Vendors' dumps: restored privately and read as they are; what is not restored says what to do instead."""

from __future__ import annotations

import gzip
import hashlib
import shutil
import sqlite3
import subprocess
from pathlib import Path

import psycopg
import pytest

from portability.connectors import open_connector
from portability.errors import ConfigError, ConnectorError, PortabilityError, SourceDataError, SourceUnavailableError
from tests.conftest import MakeDatabase
from tests.connectors.databases import MariadbDatabase
from tests.servers import find_binary

FIRM = """
CREATE TABLE client (id int PRIMARY KEY, name text NOT NULL, fee numeric(12,2));
INSERT INTO client VALUES (1, E'a\\\\restrict\\tb', 1.50), (2, 'Müller', -0.01);
CREATE TABLE matter (id int PRIMARY KEY, client int REFERENCES client);
INSERT INTO matter VALUES (7, 2);
"""


def read(path: Path, table: str = "client") -> tuple[list[dict[str, object]], str, str]:
    """Return a table's rows, and what the archive would say of the snapshot."""
    with open_connector(f"dump:///{path}").snapshot() as snapshot:
        (found,) = [each for each in snapshot.discover().tables if each.name == table]
        plan = snapshot.plan(found)
        rows = [row for batch in snapshot.read(plan) for row in batch.to_pylist()]
        return rows, str(snapshot.record.note), str(snapshot.identity)


def pg_dump(url: str, target: Path, *options: str) -> Path:
    """Dump a database with PostgreSQL's own program."""
    program = find_binary("pg_dump")
    assert program
    subprocess.run([program, *options, "-d", url, "-f", str(target)], check=True)
    return target


@pytest.mark.slow
@pytest.mark.parametrize("form", ["plain", "custom"])
def test_dump_of_postgresql_is_read_with_its_hash_in_the_record(
    form: str, postgresql_url: MakeDatabase, tmp_path: Path
) -> None:
    """Tables of several owners, with grants; the archive says which file it was."""
    url = postgresql_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FIRM)
        role = f"vendor_{hashlib.sha256(url.encode()).hexdigest()[:8]}"
        connection.execute(f"CREATE ROLE {role}; ALTER TABLE client OWNER TO {role}; GRANT SELECT ON matter TO {role}")
    try:
        dump = pg_dump(url, tmp_path / "firm.dump", f"-F{form[0]}")
    finally:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}; DROP ROLE {role}")
    if form == "plain":
        dump = Path(shutil.move(dump, tmp_path / "firm.sql"))
        (tmp_path / "firm.sql.gz").write_bytes(gzip.compress(dump.read_bytes()))
        dump = tmp_path / "firm.sql.gz"
    rows, note, identity = read(dump)
    assert [(row["id"], row["name"], str(row["fee"])) for row in rows] == [
        (1, "a\\restrict\tb", "1.50"),
        (2, "Müller", "-0.01"),
    ]
    digest = hashlib.sha256(dump.read_bytes()).hexdigest()
    assert f"{dump.name}, SHA-256 {digest}" in note
    assert identity == f"dump:{digest}"


@pytest.mark.slow
def test_dump_of_mariadb_is_read_with_its_views_and_triggers(mariadb_url: MakeDatabase, tmp_path: Path) -> None:
    """Definers who do not exist here keep nothing from being restored."""
    database = MariadbDatabase(mariadb_url())
    database.execute(
        "CREATE TABLE client (id int PRIMARY KEY, name varchar(100), fee decimal(12,2))",
        "INSERT INTO client VALUES (1, 'it''s; \\'), (2, NULL, -0.01)".replace("\\')", "\\', 1.50)"),
        "CREATE VIEW names AS SELECT name FROM client",
        "CREATE TRIGGER t BEFORE INSERT ON client FOR EACH ROW SET NEW.name = upper(NEW.name)",
    )
    address, _, name = database.url.removeprefix("mysql://").partition("@")[2].partition("/")
    host, _, port = address.partition(":")
    program = find_binary("mariadb-dump") or find_binary("mysqldump")
    assert program
    dump = tmp_path / "firm.sql"
    where = ["--no-defaults", "-h", host, "-P", port, "-u", "root"]
    dump.write_bytes(subprocess.run([program, *where, name], check=True, capture_output=True).stdout)
    rows, note, _ = read(dump)
    assert [(row["id"], row["name"], str(row["fee"])) for row in rows] == [(1, "it's; \\", "1.50"), (2, None, "-0.01")]
    assert "firm.sql" in note


def test_dump_that_is_a_sqlite_file_is_read_in_place(tmp_path: Path) -> None:
    """The commonest dump of all needs no server."""
    with sqlite3.connect(tmp_path / "firm.bak") as connection:
        connection.execute("CREATE TABLE client (id INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO client VALUES (5)")
    connection.close()
    assert read(tmp_path / "firm.bak")[0] == [{"id": 5}]


@pytest.mark.parametrize(
    ("head", "words", "mend"),
    [
        (b"TAPE\x00\x00\x03\x00", "SQL Server backup", "Restore it with SQL Server"),
        (b"\x00\x01\x00\x00Standard Jet DB\x00", "Access database", "as CSV"),
        (b"\x03\x00\x00EXPORT:V11.02.00", "Oracle dump", "Oracle Free"),
    ],
)
def test_dump_that_is_not_restored_here_says_what_to_do(tmp_path: Path, head: bytes, words: str, mend: str) -> None:
    """A sentence, not a parser's complaint."""
    (tmp_path / "firm.bak").write_bytes(head + bytes(1000))
    with pytest.raises(ConnectorError, match=words) as caught:
        read(tmp_path / "firm.bak")
    assert mend in caught.value.hint


@pytest.mark.slow
@pytest.mark.parametrize(
    "content",
    [
        b"--\n-- PostgreSQL database dump\n--\nCREATE TABLE client (id int);\nCOPY client FROM stdin;\n1\n2\n",
        b"-- MariaDB dump 10.19\nCREATE TABLE client (id int);\nINSERT INTO client VALUES (1),(2);\n",
    ],
)
def test_script_that_was_cut_off_between_rows_is_refused(tmp_path: Path, content: bytes) -> None:
    """What is there restores without complaint: only the last line tells that something is missing."""
    (tmp_path / "firm.sql").write_bytes(content)
    with pytest.raises(SourceDataError, match="cut off: it does not say that it is complete"):
        read(tmp_path / "firm.sql")


def test_dump_that_is_nothing_known_or_not_there_is_refused(tmp_path: Path) -> None:
    """Any file can be named."""
    (tmp_path / "firm.doc").write_bytes(b"Dear Sirs")
    with pytest.raises(ConfigError, match="no dump that is known"):
        read(tmp_path / "firm.doc")
    with pytest.raises(SourceUnavailableError, match="no such file"):
        read(tmp_path / "gone.sql")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            b"--\n-- PostgreSQL database dump\n--\n-- Dumped from database version 99.1\nSELECT 1;\n",
            "is of PostgreSQL 99",
        ),
        (b"--\n-- PostgreSQL database dump\n--\nSET transaction_timeout = 0;\nSELEC;\n", "newer version|syntax error"),
        (b"PGDMP\x01\x63\x00\x04\x08\x01" + bytes(100), "newer pg_dump"),
        (b"PGDMP\x01\x0e\x00\x04\x08\x01", "damaged|gave up"),
    ],
)
def test_dump_that_cannot_be_restored_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    """Of a newer version, cut off, or no SQL at all."""
    (tmp_path / "firm.dump").write_bytes(content)
    with pytest.raises((SourceDataError, PortabilityError), match=words):
        read(tmp_path / "firm.dump")
