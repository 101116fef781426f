"""pg_dump's directory, custom and tar formats, and MariaDB's packed scripts: the same rows, or refused when cut off."""

from __future__ import annotations

import lzma
import random
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from portability.connectors import open_connector
from portability.errors import PortabilityError, SourceDataError
from tests.conftest import MakeDatabase
from tests.connectors.databases import MariadbDatabase
from tests.servers import PostgreSQLServer, find_binary

pytestmark = pytest.mark.slow

FIRM = """
CREATE TABLE client (id int PRIMARY KEY, name text NOT NULL, fee numeric(12,2), letter oid);
INSERT INTO client SELECT n, 'Müller ' || n, n / 100.0, NULL FROM generate_series(1, 3000) AS n;
UPDATE client SET letter = lo_from_bytea(0, 'Dear Sirs') WHERE id = 1;
CREATE TABLE matter (id int PRIMARY KEY, client int REFERENCES client);
INSERT INTO matter VALUES (7, 2);
"""


def contents(path: Path) -> dict[str, list[dict[str, object]]]:
    """Return every table's rows."""
    with open_connector(f"dump:///{path}").snapshot() as snapshot:
        return {
            table.name: [row for batch in snapshot.read(snapshot.plan(table)) for row in batch.to_pylist()]
            for table in snapshot.discover().tables
        }


def pg_dump(url: str, target: Path, *options: str) -> Path:
    """Dump a database with PostgreSQL's own program."""
    program = find_binary("pg_dump")
    assert program
    subprocess.run([program, *options, "-d", url, "-f", str(target)], check=True)
    return target


def test_formats_of_pg_dump_hold_the_same_rows(postgresql_url: MakeDatabase, tmp_path: Path) -> None:
    """A folder of packed files, of plain files and of INSERTs, a custom archive, a tar."""
    url = postgresql_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FIRM)
    found = contents(pg_dump(url, tmp_path / "custom.dump", "-Fc"))
    assert len(found["client"]) == 3000
    assert found["client"][1]["name"] == "Müller 2"
    assert found["matter"] == [{"id": 7, "client": 2}]
    assert [row["data"] for row in found["large_objects"]] == [b"Dear Sirs"]
    assert contents(pg_dump(url, tmp_path / "folder", "-Fd", "-j2")) == found
    assert contents(pg_dump(url, tmp_path / "firm.tar", "-Ft")) == found
    without = {name: rows for name, rows in found.items() if name != "large_objects"}
    plain = pg_dump(url, tmp_path / "plain", "-Fd", "-Z0", "--inserts", "--no-blobs")
    assert contents(plain) == without
    with pytest.raises(SourceDataError, match="not packed: whether one is cut off"):
        contents(pg_dump(url, tmp_path / "blobs", "-Fd", "-Z0"))


@pytest.mark.parametrize("form", ["custom", "tar", "directory"])
def test_dump_of_postgresql_cut_off_anywhere_is_refused(
    form: str, postgresql_url: MakeDatabase, tmp_path: Path
) -> None:
    """Never fewer rows: a part that is missing is an error."""
    url = postgresql_url()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FIRM)
    dump = pg_dump(url, tmp_path / "firm", f"-F{form[0]}")
    cut = dump / "toc.dat" if form == "directory" else dump
    content, dice = cut.read_bytes(), random.Random(form)
    end = len(content) - (1 if form == "custom" else 2048)
    for length in (end, *(dice.randrange(12, end) for _ in "12")):
        cut.write_bytes(content[:length])
        with pytest.raises(PortabilityError):
            contents(dump)
    cut.write_bytes(content)
    if form == "directory":
        missing = next(path for path in dump.iterdir() if path.name[0].isdigit())
        missing.unlink()
        with pytest.raises(SourceDataError):
            contents(dump)


def test_dump_of_an_encoding_without_meaning_keeps_its_bytes(
    postgresql_server: PostgreSQLServer, tmp_path: Path
) -> None:
    """SQL_ASCII: what is UTF-8 is text, anything else stands in the ledger."""
    name = "dump_of_no_encoding"
    ascii_only = "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    postgresql_server.execute(f"DROP DATABASE IF EXISTS {name}")
    postgresql_server.execute(f"CREATE DATABASE {name} {ascii_only}")
    url = postgresql_server.url(name)
    with psycopg.connect(url, autocommit=True, client_encoding="SQL_ASCII") as connection:
        connection.execute("CREATE TABLE client (id int PRIMARY KEY, name text)")
        connection.execute("INSERT INTO client VALUES (1, 'Ann'), (2, convert_from('\\xe9', 'SQL_ASCII'))")
    for form in ("custom", "plain", "directory"):
        with open_connector(f"dump:///{pg_dump(url, tmp_path / form, f'-F{form[0]}')}").snapshot() as snapshot:
            (table,) = snapshot.discover().tables
            plan = snapshot.plan(table)
            rows = [row for batch in snapshot.read(plan) for row in batch.to_pylist()]
            assert rows == [{"id": 1, "name": "Ann"}, {"id": 2, "name": None}]
            assert [(each.key, each.raw) for each in snapshot.exceptions(plan)] == [(("2",), b"\xe9")]


def test_packed_script_of_mariadb_is_read_and_refused_when_cut_off(mariadb_url: MakeDatabase, tmp_path: Path) -> None:
    """In xz; without comments too, where the settings that it puts back are its end."""
    database = MariadbDatabase(mariadb_url())
    database.execute(
        "CREATE TABLE client (id int PRIMARY KEY, name varchar(100))", "INSERT INTO client VALUES (1, 'Ann')"
    )
    address, _, name = database.url.removeprefix("mysql://").partition("@")[2].partition("/")
    host, _, port = address.partition(":")
    program = find_binary("mariadb-dump") or find_binary("mysqldump")
    assert program
    where = ["--no-defaults", "-h", host, "-P", port, "-u", "root"]
    for options in ([], ["--skip-comments"]):
        script = subprocess.run([program, *where, *options, name], check=True, capture_output=True).stdout
        (tmp_path / "firm.sql.xz").write_bytes(lzma.compress(script))
        assert contents(tmp_path / "firm.sql.xz") == {"client": [{"id": 1, "name": "Ann"}]}
        end = script.index(b"UNLOCK TABLES") + len(b"UNLOCK TABLES;\n")
        (tmp_path / "firm.sql.xz").write_bytes(lzma.compress(script[:end]))
        with pytest.raises(SourceDataError, match="cut off"):
            contents(tmp_path / "firm.sql.xz")
    shutil.rmtree(tmp_path)


def test_dump_of_no_encoding_with_such_a_key_stops_with_the_mend(tmp_path: Path) -> None:
    """A row that has no name cannot be carried; the same dump in the encoding of its texts can."""
    head = b"--\n-- PostgreSQL database dump\n--\nSET client_encoding = 'SQL_ASCII';\n"
    rows = b"CREATE TABLE client (name text PRIMARY KEY);\nCOPY client FROM stdin;\nM\xfcller\n\\.\n"
    script = head + rows + b"--\n-- PostgreSQL database dump complete\n--\n"
    (tmp_path / "firm.sql").write_bytes(script)
    with open_connector(f"dump:///{tmp_path}/firm.sql").snapshot() as snapshot:
        plan = snapshot.plan(snapshot.discover().tables[0])
        with pytest.raises(SourceDataError, match="not UTF-8") as caught:
            list(snapshot.exceptions(plan))
    assert "pg_dump -E LATIN1" in caught.value.hint
    (tmp_path / "firm.sql").write_bytes(script.replace(b"SQL_ASCII", b"LATIN1"))
    assert contents(tmp_path / "firm.sql") == {"client": [{"name": "Müller"}]}
