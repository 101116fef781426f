"""Connections that make SQLite and PostgreSQL behave alike: one writer at a time, durable at commit.

SQLite: write-ahead log, flushed at every commit, foreign keys on, ``BEGIN IMMEDIATE``. PostgreSQL: an advisory lock
taken first in every writing transaction, so that what is right with SQLite's single writer is right there too;
nothing needs to be repeated for a serialisation failure. Readers wait for nobody and see one moment.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.pool import QueuePool

from portability.errors import CatalogueError
from portability.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import CursorResult, Executable

    from portability.catalogue.address import CatalogueAddress

__all__ = ["Transaction", "create_file", "lock_key", "open_engine", "started"]

READING = "portability_reading"
_WRITERS = "portability catalogue writers"


class Transaction:
    """A transaction that is open; ends with the block that ``Catalogue.transaction`` or ``reading`` gave it to.

    Attributes:
        catalogue_id: Which catalogue this is; statements that people sign are bound to it.
        dialect: ``sqlite`` or ``postgresql``, for the rare statement that differs.
    """

    def __init__(self, connection: Connection, catalogue_id: str) -> None:
        self._connection = connection
        self._streams: list[CursorResult[Any]] = []
        self.catalogue_id = catalogue_id
        self.dialect = connection.dialect.name

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:  # noqa: ANN401 -- SQLAlchemy's own
        """Execute a statement of SQLAlchemy Core; a list of parameters executes it once for each."""
        return self._connection.execute(statement, parameters)

    def stream(self, statement: Executable) -> CursorResult[Any]:
        """Execute a query whose rows come as they are read, however many there are."""
        # For this statement only: a connection's own options stay with it, and an INSERT has no cursor.
        options = {"yield_per": DEFAULT_LIMITS.catalogue_page_rows}
        found = self._connection.execute(statement, execution_options=options)
        self._streams.append(found)
        return found

    def close(self) -> None:
        """Let go of queries that nobody read to their end; called when the block ends."""
        for each in self._streams:
            each.close()
        self._streams.clear()

    def lock(self, name: str) -> None:
        """Wait until no other writing transaction holds this name; kept to the end of the transaction.

        Writers are one at a time already, so this orders nothing more today. It says in code what must not interleave.
        """
        if self.dialect == "postgresql":
            self._connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": lock_key(name)})


def lock_key(name: str) -> int:
    """Return the number by which PostgreSQL knows a lock of ours."""
    return int.from_bytes(hashlib.sha256(f"portability:{name}".encode()).digest()[:8], "big", signed=True)


def open_engine(address: CatalogueAddress) -> Engine:
    """Return an engine for an address; nothing is connected yet."""
    if address.path is not None:
        return _sqlite(address.path)
    assert address.url is not None  # noqa: S101 -- parse_address gives one or the other
    engine = create_engine(
        address.url,
        pool_size=2,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "application_name": "portability",
            "connect_timeout": DEFAULT_LIMITS.catalogue_wait_s,
            # A peer that is gone is noticed within a minute, asked or not; firewalls do not forget the session.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
            "tcp_user_timeout": 60_000,
        },
    )
    event.listen(engine, "connect", _prepare_postgresql)
    event.listen(engine, "begin", _begin_postgresql)
    return engine


def create_file(path: Path) -> None:
    """Make an empty file that only its owner can read, unless there is one."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        hint = "Name a file in a folder that exists and can be written to."
        raise CatalogueError(f"cannot be made: {error.strerror}", place=f"sqlite:///{path}", hint=hint) from error


def _sqlite(path: Path) -> Engine:
    uri = f"file:{quote(str(path.absolute()))}?mode=rw"  # a file that is not there is not made by opening it

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            uri, uri=True, timeout=DEFAULT_LIMITS.catalogue_wait_s, isolation_level=None, check_same_thread=False
        )

    engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, pool_size=2, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:
    del record
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        hint = "Put it on a local disk."
        raise CatalogueError("this file system cannot keep the catalogue's write-ahead log", hint=hint)
    for pragma in ("synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON", "trusted_schema = OFF"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    reading = connection.get_execution_options().get(READING, False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _prepare_postgresql(connection: Any, record: object) -> None:  # noqa: ANN401 -- the driver's own
    del record
    wait = f"{DEFAULT_LIMITS.catalogue_wait_s}s"
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", (wait,))
        # A server that is set to forget what it confirmed must not forget the catalogue's.
        cursor.execute(
            "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
        )
    connection.commit()


def _begin_postgresql(connection: Connection) -> None:
    if not connection.get_execution_options().get(READING, False):
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(%s)", (lock_key(_WRITERS),))


def started(engine: Engine, *, reading: bool) -> Connection:
    """Return a connection of which the next statement begins a transaction, reading or writing."""
    connection = engine.connect()
    if not reading:
        return connection
    if engine.dialect.name == "postgresql":
        return connection.execution_options(
            **{READING: True}, isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
    return connection.execution_options(**{READING: True})
