"""Holding a name for as long as a piece of work takes, hours if need be, and asking whether it is still held.

On PostgreSQL the hold is a session's and ends with it, whatever ended it: a restarted server, a firewall that forgets.
Whoever relies on a hold asks before everything that cannot be taken back. Asked inside a writing transaction it is a
fence: writers are one at a time, so whoever took the name over writes after that transaction, or found it written.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from portability.catalogue.connection import lock_key, started
from portability.catalogue.failures import translated
from portability.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sqlalchemy import Connection, Engine

__all__ = ["Hold", "hold_in_file", "hold_in_session"]

# A lock of 64 bits stands there in two halves.
_MINE = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted AND objsubid = 1
  AND (classid::bigint << 32 | objid::bigint) = :key
"""


class Hold:
    """A name that was taken; false where another process had it. To be asked by the thread that took it."""

    def __init__(self, name: str, label: str, *, taken: bool, ask: Callable[[], bool]) -> None:
        self._name, self._label = name, label
        self._taken, self._ask = taken, ask

    def __bool__(self) -> bool:
        return self._taken

    def require(self) -> None:
        """Make sure that the name is held now; asked of the DBMS or the operating system each time.

        Raises:
            CatalogueError: It is not, or no longer: another run may have begun.
        """
        try:
            held = self._taken and self._ask()
        except CatalogueError as error:
            raise self._lost() from error
        if not held:
            raise self._lost()

    def _lost(self) -> CatalogueError:
        hint = "What was not recorded was not done; run it again when the catalogue's server stays reachable."
        return CatalogueError(f"the hold on {self._name!r} is lost: stopped", place=self._label, hint=hint)


@contextmanager
def hold_in_file(catalogue: Path, name: str, label: str) -> Iterator[Hold]:
    """Hold a name beside a catalogue's file.

    Raises:
        CatalogueError: The lock's file cannot be made.
    """
    folder = catalogue.with_name(f"{catalogue.name}.locks")
    file = folder / hashlib.sha256(name.encode()).hexdigest()[:32]
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise CatalogueError(f"cannot make a lock: {error.strerror}", place=str(folder)) from error

    try:
        yield Hold(name, label, taken=_flocked(descriptor), ask=lambda: _is_file(descriptor, file))
    finally:
        os.close(descriptor)


@contextmanager
def hold_in_session(engine: Engine, name: str, label: str) -> Iterator[Hold]:
    """Hold a name by a session of a PostgreSQL catalogue; it keeps no transaction open.

    Raises:
        CatalogueError: The catalogue cannot be reached.
    """
    key = {"key": lock_key(f"hold:{name}")}
    with translated(label):
        connection = started(engine, reading=True).execution_options(isolation_level="AUTOCOMMIT")
        taken = bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), key).scalar())
    try:
        yield Hold(name, label, taken=taken, ask=lambda: _is_mine(connection, key, label))
    finally:
        with translated(label):
            # Said first: a session that ends gives the lock up only when the server comes to notice it.
            with contextlib.suppress(SQLAlchemyError):  # it is gone, and the lock with it
                if taken:
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
            connection.invalidate()
            connection.close()


def _is_mine(connection: Connection, key: dict[str, int], label: str) -> bool:
    """Ask the session itself: one that ended does not answer, and one made in its stead holds nothing."""
    with translated(label):
        return bool(connection.execute(text(_MINE), key).scalar())


def _is_file(descriptor: int, file: Path) -> bool:
    """Whoever deletes the file lets another process make one, and lock that."""
    try:
        return os.path.samestat(os.fstat(descriptor), file.stat())
    except OSError:
        return False


def _flocked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
