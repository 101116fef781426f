"""A dump is a program by somebody else: every way out that we know of, tried on the real servers."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psycopg
import pymysql
import pytest

from portability.connectors import open_connector
from portability.connectors.dump_mariadb import restored_mariadb
from portability.connectors.dump_postgresql import _restricted, restored_postgresql
from portability.connectors.dump_server import find_program, private_folder
from portability.errors import SourceDataError
from portability.limits import DEFAULT_LIMITS
from tests.conftest import MakeDatabase
from tests.servers import find_binary

pytestmark = pytest.mark.slow

HEAD = b"--\n-- PostgreSQL database dump\n--\nCREATE TABLE t (x text);\n"
MY_HEAD = b"-- MariaDB dump 10.19\nCREATE TABLE t (x text);\n"


@pytest.fixture
def canary() -> Iterator[Path]:
    """A file that anybody could write, and that must not be there afterwards."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o777)  # noqa: S103, PTH101 -- the server's account must be able to write
        path = Path(name) / "canary"
        yield path
        assert not path.exists()


POSTGRESQL = (
    "COPY t TO PROGRAM 'touch {canary}'",
    "COPY t FROM PROGRAM 'touch {canary}'",
    "COPY (SELECT 1) TO '{canary}'",
    "COPY t FROM '/etc/passwd'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT pg_ls_dir('/')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_export(lo_from_bytea(0, 'x'), '{canary}')",
    "CREATE FUNCTION f() RETURNS int LANGUAGE c AS '/lib/x86_64-linux-gnu/libc.so.6', 'getpid'",
    "CREATE EXTENSION file_fdw",
    "CREATE EXTENSION dblink",
    "CREATE EXTENSION plpython3u",
    "LOAD '/lib/x86_64-linux-gnu/libc.so.6'",
    "ALTER SYSTEM SET archive_command = 'touch {canary}'",
    "ALTER ROLE restorer SUPERUSER",
    "CREATE ROLE other SUPERUSER",
    "SET ROLE pg_execute_server_program",
    "GRANT pg_write_server_files TO restorer",
    "CREATE TABLESPACE s LOCATION '/tmp'",
    "SET SESSION AUTHORIZATION postgres",
    "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION pg_notify()",
    "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1' PUBLICATION p",
)
PSQL = (
    "\\! touch {canary}",
    "\\copy t TO '{canary}'",
    "\\copy t FROM PROGRAM 'touch {canary}'",
    "\\o {canary}",
    "\\w {canary}",
    "SELECT 1 \\g {canary}",
    "SELECT 1 \\g | touch {canary}",
    "\\i /etc/passwd",
    "\\connect postgres",
    "\\unrestrict x\n\\! touch {canary}",
    "\\restrict abc\n\\unrestrict abc\n\\! touch {canary}",
    "\\setenv PAGER touch",
    "\\set x `touch {canary}`",
)


def test_script_of_postgresql_cannot_leave_its_server(canary: Path) -> None:
    """The server refuses its statements, the client its commands, and neither listens on the network."""
    with (
        private_folder("postgres") as folder,
        restored_postgresql(
            lambda: iter([HEAD]), head=HEAD, kind="script", folder=folder, limits=DEFAULT_LIMITS
        ) as connector,
    ):
        assert connector.url.options["host"] == str(folder)
        with psycopg.connect(host=str(folder), user="restorer", dbname="dump", autocommit=True) as connection:
            assert connection.execute("SHOW listen_addresses").fetchall() == [("",)]
            for attack in POSTGRESQL:
                with pytest.raises(psycopg.Error) as caught:
                    connection.execute(attack.format(canary=canary))
                assert not isinstance(caught.value, psycopg.OperationalError), attack
        psql = find_program("psql", package="postgresql")
        head = HEAD.replace(b"TABLE t", b"TABLE IF NOT EXISTS t")
        for attack in PSQL:
            line = attack.format(canary=canary).encode() + b"\n"
            script = b"".join(_restricted(iter([head, line])))
            done = subprocess.run(
                [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", str(folder), "-U", "restorer", "-d", "dump"],
                input=script,
                capture_output=True,
                check=False,
            )
            assert done.returncode, attack
            assert not canary.exists(), attack


def test_archive_of_postgresql_cannot_leave_its_server(
    postgresql_url: MakeDatabase, canary: Path, tmp_path: Path
) -> None:
    """A check constraint's function runs while the dump is restored: not as a superuser."""
    url = postgresql_url()
    with psycopg.connect(url, autocommit=True) as connection:
        body = f"BEGIN EXECUTE 'COPY (SELECT 1) TO PROGRAM ''touch {canary}'''; RETURN true; END"
        connection.execute(f"CREATE FUNCTION f(x int) RETURNS bool LANGUAGE plpgsql AS $${body}$$")
        connection.execute("CREATE TABLE t (x int CHECK (f(x))); INSERT INTO t VALUES (1)")
    assert canary.exists()
    canary.unlink()
    program = find_binary("pg_dump")
    assert program
    subprocess.run([program, "-Fc", "-d", url, "-f", str(tmp_path / "evil.dump")], check=True)
    with (
        pytest.raises(SourceDataError, match="only a superuser may do"),
        open_connector(f"dump:///{tmp_path}/evil.dump").snapshot(),
    ):
        pass


MARIADB = (
    "LOAD DATA INFILE '/etc/passwd' INTO TABLE t",
    "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE t",
    "SELECT 1 INTO OUTFILE '{canary}'",
    "SELECT 1 INTO DUMPFILE '{canary}'",
    "INSTALL SONAME 'ha_connect'",
    "CREATE FUNCTION f RETURNS STRING SONAME 'libc.so.6'",
    "SET GLOBAL general_log_file = '{canary}'",
    "SET GLOBAL local_infile = 1",
    "GRANT ALL ON *.* TO restorer@localhost",
    "CREATE USER x@localhost",
    "SELECT * FROM mysql.global_priv",
    "INSERT INTO mysql.plugin VALUES ('x', 'x')",
    "CREATE DATABASE other",
    "CREATE SERVER s FOREIGN DATA WRAPPER mysql OPTIONS (HOST '127.0.0.1')",
    "SHUTDOWN",
)
CLIENT = (
    "system touch {canary}",
    "\\! touch {canary}",
    "tee {canary}",
    "\\T {canary}",
    "source /etc/passwd",
    "\\. /etc/passwd",
    "connect mysql",
    "pager touch {canary}",
)


def test_script_of_mariadb_cannot_leave_its_server(canary: Path) -> None:
    """The server refuses its statements, and the client's commands are no commands."""
    with (
        private_folder("mysql") as folder,
        restored_mariadb(lambda: iter([MY_HEAD]), folder=folder, limits=DEFAULT_LIMITS) as connector,
    ):
        socket = connector.url.options["unix_socket"]
        with (
            pymysql.connect(unix_socket=socket, user="restorer", database="dump", local_infile=True) as connection,
            connection.cursor() as cursor,
        ):
            for attack in MARIADB:
                with pytest.raises(pymysql.Error) as caught:
                    cursor.execute(attack.format(canary=canary))
                assert re.match(r"1\d\d\d|4\d\d\d", str(caught.value.args[0])), attack
            cursor.execute("SELECT load_file('/etc/passwd'), @@skip_networking")
            assert cursor.fetchall() == ((None, 1),)
        client = find_program("mariadb", package="mariadb-server")
        options = ["--no-defaults", "--binary-mode", "--sandbox", "--batch", "--local-infile=0"]
        for attack in CLIENT:
            done = subprocess.run(
                [client, *options, f"--socket={socket}", "--user=restorer", "dump"],
                input=attack.format(canary=canary).encode() + b"\nSELECT 1;\n",
                capture_output=True,
                check=False,
            )
            assert done.returncode, attack
            assert not canary.exists(), attack


@pytest.mark.parametrize(
    "content", [HEAD + b"\\! touch {canary}\n", MY_HEAD + b"system touch {canary}\n", MY_HEAD + b"USE `mysql`;\n"]
)
def test_hostile_script_is_refused_whole(
    content: bytes, canary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the address to the error: nothing ran, nothing is left."""
    (tmp_path / "evil.sql").write_bytes(content.replace(b"{canary}", str(canary).encode()))
    monkeypatch.setattr(tempfile, "tempdir", str(canary.parent))
    with (
        pytest.raises(SourceDataError, match=r"not run|several databases|not SQL"),
        open_connector(f"dump:///{tmp_path}/evil.sql").snapshot(),
    ):
        pass
    assert list(canary.parent.iterdir()) == []


def test_dump_that_outgrows_its_room_is_stopped(tmp_path: Path) -> None:
    """A few bytes can ask for a disk full of rows."""
    insert = b"INSERT INTO t SELECT repeat('x', 1000) FROM generate_series(1, 100000000);\n"
    (tmp_path / "evil.sql").write_bytes(HEAD + insert)
    limits = replace(DEFAULT_LIMITS, dump_bytes_max=100 * 2**20)
    with (
        pytest.raises(SourceDataError, match="grows too large"),
        open_connector(f"dump:///{tmp_path}/evil.sql", limits=limits).snapshot(),
    ):
        pass
