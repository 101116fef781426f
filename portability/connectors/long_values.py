"""A long value in pieces: read once by its DBMS and sent bit by bit, so that neither side's work grows with its square.

What is asked for again with another offset is read again from its beginning by MariaDB, SQLite, and by PostgreSQL where
it is compressed; so each dialect has a way to cut the pieces off one reading. None holds the value whole on our side,
but for tables of SQLite without row ids.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

from portability.errors import SourceDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.connectors.carrying import Carrying
    from portability.connectors.sql import SqlSnapshot
    from portability.manifest import Table

__all__ = ["blob_pieces", "counted_pieces", "series_sql", "substring_pieces"]

_PIECE_BYTES = 8 * 1024 * 1024
_STEPS_MAX = 900  # servers count up to 1,000 unless told otherwise


def substring_pieces(snapshot: SqlSnapshot, carrying: Carrying, source: str, length: int) -> Iterator[Any]:
    """Ask for one piece after the other, until one is shorter than asked for."""
    offset = 1
    while True:
        found = list(snapshot.side_rows(f"SELECT {snapshot.substring(carrying, offset, length)} FROM {source}"))
        piece = found[0][0] if found else None
        if piece:
            yield piece
        if len(piece or "") < length:
            return
        offset += length


def series_sql(value: str, source: str) -> str:
    """Word for PostgreSQL a query whose rows are a value's pieces in their order; ``value`` is of bytes.

    The inner query is not merged with the outer one (OFFSET 0): what makes bytes of a text runs once. A set in the
    select list is made in its order, for one row after the other.
    """
    start = f"generate_series(0, octet_length(v.b) - 1, {_PIECE_BYTES})"
    return f"SELECT substr(v.b, 1 + {start}, {_PIECE_BYTES}) FROM (SELECT {value} AS b FROM {source} OFFSET 0) v"


def counted_pieces(snapshot: SqlSnapshot, carrying: Carrying, source: str, size: int) -> Iterator[Any]:
    """Yield a value's pieces from MariaDB or MySQL by one statement.

    A row that is found by its whole key is read once, before the pieces are counted off. Text is cut as bytes, because
    characters are counted from the beginning for each piece. SUBSTRING takes an offset of 2 GiB and more for one behind
    the end: it counts in 32 bits with a sign. LEFT and RIGHT do not, and copy nothing of what they are given.
    """
    length = max(_PIECE_BYTES, size // _STEPS_MAX + 1)
    # Names that no table and no column of it has.
    steps = (
        f"WITH RECURSIVE portability_step (portability_at) AS (SELECT CAST(0 AS UNSIGNED) UNION ALL"
        f" SELECT portability_at + {length} FROM portability_step WHERE portability_at + {length} < {size})"
    )
    octets = carrying.value if carrying.kind == "bytes" else f"CAST({carrying.value} AS BINARY)"
    piece = f"LEFT(RIGHT({octets}, {size} - portability_at), {length})"
    expected = 0
    for at, value in snapshot.side_rows(f"{steps} SELECT portability_at, {piece} FROM portability_step, {source}"):
        if int(at) != expected:
            raise SourceDataError("the server sent a long value's pieces in another order")
        expected += length
        yield value


def blob_pieces(connection: sqlite3.Connection, table: Table, column: str, source: str) -> Iterator[bytes] | None:
    """Return a value's pieces from SQLite, read page by page of its file; None for a table without row ids."""
    named = {each.name.lower() for each in table.columns}
    address = next((each for each in ("rowid", "_rowid_", "oid") if each not in named), None)
    if address is None:
        return None
    try:
        ((rowid,),) = connection.execute(f"SELECT {address} FROM {source}").fetchall()
        blob = connection.blobopen(table.name, column, rowid, readonly=True)
    except sqlite3.OperationalError:
        return None
    return _blob_pieces(blob)


def _blob_pieces(blob: sqlite3.Blob) -> Iterator[bytes]:
    with blob:
        while piece := blob.read(_PIECE_BYTES):
            yield piece
