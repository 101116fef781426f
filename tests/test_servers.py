"""The private servers that other tests rely on."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pymysql
import pytest

from tests.conftest import lacking
from tests.servers import STOP_TIMEOUT_S, MariaDBServer, PostgreSQLServer, Server, ServerError

GONE = (psycopg.OperationalError, pymysql.OperationalError)
ROOT = Path(__file__).parents[1]

KILLED_RUN = """
import os, signal, sys
from tests import servers
server = getattr(servers, sys.argv[1])()
server.start()
print(server._process.pid, server.directory, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def _connect_mariadb(url: str) -> pymysql.Connection[pymysql.cursors.Cursor]:
    parts = urlsplit(url)
    return pymysql.connect(host=parts.hostname, port=parts.port or 0, user=parts.username, database=parts.path[1:])


CONNECT: dict[str, Callable[[str], Any]] = {"postgresql": psycopg.connect, "mysql": _connect_mariadb}


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each kind of server in turn."""
    found: Server = request.getfixturevalue(f"{request.param}_server")
    return found


def test_server_new_database_is_empty_and_apart(server: Server) -> None:
    """What one database holds, the next one does not."""
    first, second = server.create_database(), server.create_database()
    for url in (first, second):
        server.execute("CREATE TABLE note (body TEXT)", url)
    server.execute("INSERT INTO note VALUES ('Łódź ☃')", first)
    assert server.execute("SELECT body FROM note", first) == [("Łódź ☃",)]
    assert server.execute("SELECT body FROM note", second) == []
    for url in (first, second):
        server.drop_database(url)


def test_server_load_broken_file_names_the_file(server: Server, tmp_path: Path) -> None:
    """A file that the DBMS's client refuses stops at once and is named."""
    path = tmp_path / "broken.sql"
    path.write_text("CREATE TABLE kept (n INTEGER);\nCREATE TABLE nonsense;\nCREATE TABLE late (n INTEGER);\n")
    url = server.create_database()
    try:
        with pytest.raises(ServerError, match=r"broken\.sql"):
            server.load(path, url)
        assert server.execute("SELECT n FROM kept", url) == []
        with pytest.raises(Exception, match="late"):
            server.execute("SELECT n FROM late", url)
    finally:
        server.drop_database(url)


def test_server_drop_while_connected_still_drops(server: Server) -> None:
    """A test that forgot to close its connection does not keep the database alive."""
    url = server.create_database()
    forgotten = CONNECT[server.scheme](url)
    try:
        server.drop_database(url)
        with pytest.raises(GONE, match=r"does not exist|Unknown database"):
            server.execute("SELECT 1", url)
    finally:
        forgotten.close()


def test_server_stop_leaves_no_directory() -> None:
    """A stopped server leaves nothing behind, and stopping twice is harmless."""
    if missing := PostgreSQLServer.missing():
        lacking(missing)
    server = PostgreSQLServer()
    server.start()
    directory = server.directory
    server.stop()
    server.stop()
    assert not directory.exists()
    with pytest.raises(psycopg.OperationalError):
        server.execute("SELECT 1")


@pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv is missing: servers outlive a killed run here")
@pytest.mark.parametrize("kind", [PostgreSQLServer, MariaDBServer])
def test_server_of_a_killed_run_ends(kind: type[Server]) -> None:
    """No server stays on the machine when a test run is killed."""
    if missing := kind.missing():
        lacking(missing)
    done = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, kind.__name__], cwd=ROOT, capture_output=True, text=True, check=False
    )
    pid, directory = done.stdout.split()
    try:
        assert done.returncode == -signal.SIGKILL
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while _is_running(pid):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        shutil.rmtree(directory)


def test_missing_server_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever lacks a server reads what to install."""
    monkeypatch.setattr(MariaDBServer, "binaries", ("mariadbd-of-nowhere",))
    assert MariaDBServer.missing() == "MariaDB: mariadbd-of-nowhere not found (Debian: mariadb-server)"


def test_lacking_on_a_workstation_skips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CI=true a test that lacks something is skipped by name."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="MariaDB is missing"):
        lacking("MariaDB is missing")


def test_lacking_in_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """With CI=true nothing is skipped for want of a server."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="MariaDB is missing"):
        lacking("MariaDB is missing")


def _is_running(pid: str) -> bool:
    """Tell whether a process lives; one that waits to be reaped does not."""
    status = Path("/proc", pid, "status")
    try:
        return "State:\tZ" not in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
