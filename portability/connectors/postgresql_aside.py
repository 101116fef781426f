"""A further session on a PostgreSQL snapshot, which measures tables while another session reads them."""

from __future__ import annotations

import importlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import psycopg

__all__ = ["PostgresqlAside"]

_CANCEL_TIMEOUT_S = 10


class PostgresqlAside:
    """The session; whoever opened the connection closes it."""

    def __init__(self, connection: psycopg.Connection[Any], join: Sequence[str]) -> None:
        self._connection = connection
        connection.execute("; ".join(join).encode())

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        """Run a query and yield its rows, which are few."""
        yield from self._connection.execute(sql.encode()).fetchall()

    def cancel(self) -> None:
        """Stop the query that runs; one of a server that cannot be reached ends by itself."""
        with suppress(importlib.import_module("psycopg").Error):
            self._connection.cancel_safe(timeout=_CANCEL_TIMEOUT_S)
