"""Opening a catalogue, and what is done with an open one: writing, reading, and holding a name.

A catalogue is opened in the process that uses it; connections do not cross a fork.
"""

from __future__ import annotations

import os
import stat
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Literal, Self

from portability.catalogue.address import parse_address
from portability.catalogue.connection import Transaction, create_file, open_engine, started
from portability.catalogue.failures import translated
from portability.catalogue.holding import Hold, hold_in_file, hold_in_session
from portability.catalogue.schema import HEAD, REVISIONS, migrate, read_identity, refuse_other_schema, revision_of
from portability.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from sqlalchemy import Connection, Engine

    from portability.catalogue.address import CatalogueAddress

__all__ = ["Catalogue", "admit_file", "bring_up", "connected", "open_catalogue"]


class Catalogue:
    """An open catalogue; a context manager that lets go of its connections.

    Attributes:
        id: Which catalogue this is, for ever; statements that people sign are bound to it.
        url_label: Its address without a password.
        dialect: ``sqlite`` or ``postgresql``.
    """

    def __init__(self, engine: Engine, address: CatalogueAddress, identity: str) -> None:
        self._engine = engine
        self._address = address
        self.id = identity
        self.url_label = address.label
        self.dialect: Literal["sqlite", "postgresql"] = address.dialect

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of every connection; the catalogue can be used no more."""
        with translated(self.url_label):
            self._engine.dispose()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Begin a transaction that writes, alone; commit at the end of the block, roll back when it raises.

        After the block everything is on disk. Transactions are short: every other writer waits.

        Raises:
            CatalogueError: The catalogue is busy for longer than the limit, cannot be reached, or refuses.
        """
        with (
            connected(self._engine, self.url_label, reading=False) as connection,
            closing(Transaction(connection, self.id)) as transaction,
        ):
            yield transaction

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """Begin a transaction that reads one moment, however long it takes; writers do not wait for it.

        Raises:
            CatalogueError: The catalogue cannot be reached.
        """
        with (
            connected(self._engine, self.url_label, reading=True) as connection,
            closing(Transaction(connection, self.id)) as transaction,
        ):
            yield transaction

    @contextmanager
    def hold(self, name: str) -> Iterator[Hold]:
        """Hold a name for as long as the block takes, hours if need be; what is yielded is false when another has it.

        The DBMS or the operating system lets go of it when this process dies. Outside every transaction. A hold can be
        lost on the way: ``hold.require()`` before everything that cannot be taken back.

        Raises:
            CatalogueError: The catalogue cannot be reached.
        """
        path = self._address.path
        found = (
            hold_in_file(path, name, self.url_label)
            if path is not None
            else hold_in_session(self._engine, name, self.url_label)
        )
        with found as hold:
            yield hold


@contextmanager
def connected(engine: Engine, label: str, *, reading: bool) -> Iterator[Connection]:
    """Yield a connection inside a transaction, which ends with the block."""
    with translated(label), started(engine, reading=reading) as connection, connection.begin():
        yield connection


def open_catalogue(url: str, *, upgrade: bool = False) -> Catalogue:
    """Open a catalogue.

    Args:
        url: ``sqlite:///file.db`` or ``postgresql://user@host/database``; ``${NAME}`` is the environment's.
        upgrade: Make it if there is none, and bring its schema up to this program's.

    Raises:
        ConfigError: The address cannot be read.
        CatalogueError: It is not there, of another schema, readable by others, or cannot be reached.
    """
    address = parse_address(url)
    admit_file(address.path, address.label, make=upgrade)
    with translated(address.label):
        engine = open_engine(address)
    try:
        identity = _identity(engine, address.label, upgrade=upgrade)
    except BaseException:
        engine.dispose()
        raise
    return Catalogue(engine, address, identity)


def _identity(engine: Engine, label: str, *, upgrade: bool) -> str:
    if upgrade:
        with connected(engine, label, reading=False) as connection:
            bring_up(connection, label)
    with connected(engine, label, reading=True) as connection:
        refuse_other_schema(revision_of(connection), label)
        return read_identity(connection)


def bring_up(connection: Connection, label: str) -> str | None:
    """Bring a schema up to this program's, and return the revision that it had.

    Raises:
        CatalogueError: It is newer, or no catalogue's.
    """
    revision = revision_of(connection)
    if revision is not None and revision not in REVISIONS:
        refuse_other_schema(revision, label)
    if revision != HEAD:
        migrate(connection)
    return revision


def admit_file(path: Path | None, label: str, *, make: bool) -> None:
    """Refuse a catalogue's file that is not there, or that others can read.

    Raises:
        CatalogueError: It is so.
    """
    if path is None:
        return
    if make and not path.exists():
        create_file(path)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        hint = "Run: portability catalogue upgrade"
        raise CatalogueError(f"cannot be opened: {error.strerror}", place=label, hint=hint) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and os.name == "posix":
        message = f"others can read the catalogue (mode {stat.S_IMODE(mode):04o})"
        raise CatalogueError(message, place=label, hint=f"chmod 600 {path}")
