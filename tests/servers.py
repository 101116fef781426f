"""Private PostgreSQL and MariaDB servers for tests.

Each server lives in a temporary directory, listens on a free loopback port, belongs to an unprivileged user and trusts
every local connection; nothing on the machine needs to run already and no system service is touched. `start()` returns
when the server answers, `stop()` leaves neither process nor directory. A server whose test run is killed dies with it
where the system can arrange that (Linux). Needs the DBMS's binaries only; `missing()` names the ones not found.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

import psycopg
import pymysql
from psycopg import sql

START_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
START_ATTEMPTS = 3  # a free port may be taken by a neighbour between our look and the server's bind
PORTS = range(20_000, 32_000)  # below those that Linux and macOS give to outgoing connections, which come and go
NAME_LETTERS = "jkqvwxz"  # whoever looks for a word or a number in a text finds none in a database's name

Rows = list[tuple[Any, ...]]


class ServerError(Exception):
    """A test server could not be started or refused a file; the message ends with what it printed."""


class Server(ABC):
    """One private server. Subclasses say how to initialise, start and talk to theirs."""

    name: ClassVar[str]
    binaries: ClassVar[tuple[str, ...]]
    debian_package: ClassVar[str]
    account: ClassVar[str]
    scheme: ClassVar[str]
    user: ClassVar[str]

    def __init__(self) -> None:
        self.port = 0
        self._directory: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def missing(cls) -> str:
        """Return which binaries are not found and where they come from; empty when nothing is missing."""
        absent = [binary for binary in cls.binaries if find_binary(binary) is None]
        return f"{cls.name}: {', '.join(absent)} not found (Debian: {cls.debian_package})" if absent else ""

    @property
    def directory(self) -> Path:
        if self._directory is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._directory

    def start(self) -> None:
        """Make a data directory and start the server on it.

        Raises:
            ServerError: The server did not come up.
        """
        self._directory = Path(tempfile.mkdtemp(prefix=f"portability-{self.scheme}-"))
        atexit.register(self.stop)
        if os.geteuid() == 0:
            shutil.chown(self._directory, _account(self.account))
        self._run(self._initialise_command())
        for _ in range(START_ATTEMPTS):
            if self._start_on(free_port()):
                return
        raise ServerError(f"{self.name} did not start:\n{self._log_text()}")

    def crash(self) -> None:
        """Kill -9: nothing is written back, nobody is told."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def restart(self) -> None:
        """Start again on the data and the port of before.

        Raises:
            ServerError: The server did not come up.
        """
        for _ in range(START_ATTEMPTS):  # the sessions of a crashed server take a moment to end
            if self._start_on(self.port):
                return
            time.sleep(1)
        raise ServerError(f"{self.name} did not start again:\n{self._log_text()}")

    def stop(self) -> None:
        """Stop the server and remove its directory; harmless when already stopped."""
        atexit.unregister(self.stop)
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
            self._directory = None

    def url(self, database: str) -> str:
        return f"{self.scheme}://{self.user}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str = "") -> str:
        """Create an empty database, named at random unless told, and return its URL."""
        name = name or f"test_{''.join(secrets.choice(NAME_LETTERS) for _ in range(12))}"
        self.execute(f"CREATE DATABASE {self.quote(name)}")
        return self.url(name)

    @abstractmethod
    def drop_database(self, url: str) -> None:
        """Drop the database of a URL, with whoever is still connected to it."""

    @abstractmethod
    def quote(self, identifier: str) -> str: ...

    @abstractmethod
    def execute(self, statement: str, url: str = "") -> Rows:
        """Run SQL with autocommit in the database of `url` (or the server's own) and return its rows, if any."""

    @abstractmethod
    def load(self, path: Path, url: str) -> None:
        """Feed a file of SQL to the DBMS's own client, stopping at the first error."""

    @abstractmethod
    def _initialise_command(self) -> list[str]: ...

    @abstractmethod
    def _server_command(self, port: int) -> list[str]: ...

    def _start_on(self, port: int) -> bool:
        """Start on one port and tell whether the server answers there."""
        self.port = port
        with self._log().open("ab") as log:
            self._process = subprocess.Popen(
                [*_die_with_parent(), *self._server_command(port)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                **_identity(self.account),
            )
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                self.execute("SELECT 1")
            except (psycopg.OperationalError, pymysql.OperationalError):
                time.sleep(0.05)
            else:
                return True
        return False

    def _run(self, command: list[str]) -> None:
        with self._log().open("ab") as log:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.directory,
                check=False,
                **_identity(self.account),
            )
        if done.returncode:
            raise ServerError(f"{command[0]} failed:\n{self._log_text()}")

    def _log(self) -> Path:
        return self.directory / "log"

    def _log_text(self) -> str:
        return self._log().read_text(encoding="utf-8", errors="replace")[-4000:]


class PostgreSQLServer(Server):
    """A private PostgreSQL: UTF-8, C locale, time zone UTC, no durability."""

    name = "PostgreSQL"
    binaries = ("initdb", "postgres", "psql")
    debian_package = "postgresql"
    account = "postgres"
    scheme = "postgresql"
    user = "postgres"

    def drop_database(self, url: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {self.quote(_database(url))} WITH (FORCE)")

    def quote(self, identifier: str) -> str:
        return sql.Identifier(identifier).as_string()

    def execute(self, statement: str, url: str = "") -> Rows:
        with psycopg.connect(url or self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def load(self, path: Path, url: str) -> None:
        command = [_binary("psql"), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-f", str(path)]
        _load(command, path)

    def _initialise_command(self) -> list[str]:
        data = str(self.directory / "data")
        options = ["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", f"--username={self.user}"]
        return [_binary("initdb"), "-D", data, *options]

    def _server_command(self, port: int) -> list[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "autovacuum": "off",
            "timezone": "UTC",
        }
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [_binary("postgres"), "-D", str(self.directory / "data"), *options]


class MariaDBServer(Server):
    """A private MariaDB: utf8mb4, time zone UTC, LOAD DATA LOCAL allowed, no durability."""

    name = "MariaDB"
    binaries = ("mariadbd", "mariadb-install-db", "mariadb")
    debian_package = "mariadb-server"
    account = "mysql"
    scheme = "mysql"
    user = "root"

    def drop_database(self, url: str) -> None:
        name = _database(url)
        for (connection_id,) in self.execute(f"SELECT id FROM information_schema.processlist WHERE db = '{name}'"):
            with contextlib.suppress(pymysql.OperationalError):  # it went by itself
                self.execute(f"KILL {connection_id}")
        self.execute(f"DROP DATABASE IF EXISTS {self.quote(name)}")

    def quote(self, identifier: str) -> str:
        return "`" + identifier.replace("`", "``") + "`"

    def execute(self, statement: str, url: str = "") -> Rows:
        with (
            pymysql.connect(
                host="127.0.0.1",
                port=self.port,
                user=self.user,
                database=_database(url) if url else None,
                charset="utf8mb4",
                autocommit=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)
            return list(cursor.fetchall())

    def load(self, path: Path, url: str) -> None:
        address = ["-h", "127.0.0.1", "-P", str(self.port), "-u", self.user]
        _load([_binary("mariadb"), "--no-defaults", *address, _database(url)], path)

    def _initialise_command(self) -> list[str]:
        data = f"--datadir={self.directory / 'data'}"
        options = ["--auth-root-authentication-method=normal", "--skip-test-db", "--innodb-log-file-size=8M"]
        # Temporary tables of two servers that start at once share names: each keeps its own.
        return [_binary("mariadb-install-db"), "--no-defaults", data, f"--tmpdir={self.directory}", *options]

    def _server_command(self, port: int) -> list[str]:
        return [
            _binary("mariadbd"),
            "--no-defaults",
            f"--datadir={self.directory / 'data'}",
            f"--socket={self.directory / 'socket'}",
            f"--pid-file={self.directory / 'pid'}",
            f"--tmpdir={self.directory}",
            f"--port={port}",
            "--bind-address=127.0.0.1",
            "--character-set-server=utf8mb4",
            "--default-time-zone=+00:00",
            "--local-infile=1",
            "--max-allowed-packet=256M",
            "--innodb-buffer-pool-size=64M",
            "--innodb-log-file-size=8M",
            "--innodb-flush-log-at-trx-commit=0",
            "--innodb-doublewrite=0",
        ]


def find_binary(name: str) -> str | None:
    """Return the path of a program, looking also where Debian keeps what it leaves off PATH."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    return shutil.which(name, path=os.pathsep.join([*map(str, newest_first), os.environ.get("PATH", ""), "/usr/sbin"]))


def free_port() -> int:
    """Return a loopback port on which nobody listens."""
    while True:
        port = secrets.choice(PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _binary(name: str) -> str:
    path = find_binary(name)
    if path is None:
        raise ServerError(f"{name} not found")
    return path


def _load(command: list[str], path: Path) -> None:
    with path.open("rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, check=False)
    if done.returncode:
        raise ServerError(f"{path.name}: {done.stderr.decode(errors='replace')[-4000:]}")


def _database(url: str) -> str:
    return url.rpartition("/")[2]


def _account(preferred: str) -> str:
    """Return the unprivileged account to run as: the DBMS's own, or nobody. Servers refuse to run as root."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return preferred if preferred in known else "nobody"


def _identity(preferred: str) -> dict[str, Any]:
    """Return the subprocess arguments that drop root's rights; none when we have none to drop."""
    if os.geteuid() != 0:
        return {}
    entry = pwd.getpwnam(_account(preferred))
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


def _die_with_parent() -> list[str]:
    """Return the command prefix that ends the server when the test process is killed, where there is one."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "QUIT", "--"] if setpriv else []
