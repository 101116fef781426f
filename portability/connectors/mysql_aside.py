"""A second session on the snapshot of the first, which measures tables of InnoDB while the first one reads them.

The servers cannot hand a snapshot on from one session to another. Two that are begun one after the other are the same
when no transaction was given a number in between, and MariaDB tells the last number given, to every account: InnoDB
gives a transaction one number when it first writes and another one when it commits. A busy server is tried a few times.
Where it does not tell (MySQL), and where its writers leave no gap, tables are measured first and read afterwards in one
session: a lock that keeps writers out would be the other way, and is not ours to take from a firm at work.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pymysql

__all__ = ["BEGIN", "MysqlAside", "begin_together", "stop_query"]

BEGIN = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"
# A try takes a millisecond, in which a server with a hundred writers a second is left in peace nine times in ten.
_TRIES = 8
_LAST_NUMBER = "SHOW GLOBAL STATUS LIKE 'Innodb_max_trx_id'"
# The position in the binary log that the session's snapshot belongs to; nothing where no log is kept.
_POSITION = "SHOW SESSION STATUS LIKE 'Binlog_snapshot_%'"

_Rows = list[tuple[Any, ...]]


class MysqlAside:
    """The second session.

    Args:
        driver: The driver's module.
        open_session: Opens a session like this one; also used to stop this one's queries.
    """

    def __init__(self, driver: Any, open_session: Callable[[], pymysql.Connection[Any]]) -> None:  # noqa: ANN401
        self._driver, self._open = driver, open_session
        self._connection = open_session()
        # Set when nobody waits any more for what this session is asked.
        self.stopped = threading.Event()
        ((self._number,),) = self.fetch("SELECT CONNECTION_ID()")

    def fetch(self, sql: str) -> _Rows:
        """Run a query and return its rows."""
        with self._connection.cursor(self._driver.cursors.Cursor) as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query and yield its rows, which are few."""
        yield from self.fetch(sql)

    def cancel(self) -> None:
        """Stop the query that runs, and whoever waits to ask the next one."""
        self.stopped.set()
        stop_query(self._open, self._number)

    def is_open(self) -> bool:
        """Whether the session is there, as far as its last query told."""
        return bool(self._connection.open)

    def close(self) -> None:
        """End the session."""
        if self._connection.open:
            self._connection.close()


def begin_together(fetch: Callable[[str], _Rows], other: Callable[[str], _Rows]) -> bool:
    """Begin the snapshot of a session, and the very same one in another; whether that succeeded.

    The first session has its snapshot in any case.
    """
    for _ in range(_TRIES):
        before = fetch(_LAST_NUMBER)
        fetch(BEGIN)  # ends the one of the try before
        if not before:
            return False
        other(BEGIN)
        if before == other(_LAST_NUMBER) and fetch(_POSITION) == other(_POSITION):
            return True
    return False


def stop_query(open_session: Callable[[], pymysql.Connection[Any]], number: int | str) -> None:
    """Stop what a session of the same account is asking for; its transaction goes on."""
    connection = open_session()
    try:
        connection.query(f"KILL QUERY {int(number)}")
    finally:
        connection.close()
