"""The process in which any ODBC driver runs for the generic dialect: as ``odbc_worker``, by ODBC's own functions.

Requests: ``connect`` (once), ``begin`` a transaction, ``catalogue`` for the rows of a catalogue function (None where
the driver has none), ``width`` for the number of columns of a query, ``open`` a query with the form in which each
column is wanted, ``fetch`` from it, ``close`` it. Every value leaves as text in UTF-8; half a surrogate pair becomes
two of the private characters that stand for bytes (``files_text``), and so does such a character itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.odbc_calls import FORMS, Connection, Cursor, DriverFailure
from portability.connectors.odbc_worker import serve

if TYPE_CHECKING:
    from portability.connectors.odbc_frames import Frame

__all__ = ["main", "marked"]

_FIRST_MARK = 0x10FF00
_UNWRITABLE = re.compile("[\ud800-\udfff\U0010ff00-\U0010ffff]")
_TOLD = {"SQL_DBMS_NAME": 17, "SQL_DBMS_VER": 18, "SQL_DRIVER_NAME": 6, "SQL_DRIVER_VER": 7}
_TOLD |= {"quote": 29, "separator": 41, "catalogue": 16, "escape": 14}
# Of text at once: the private engine, which holds little, keeps what one statement gives it.
_BATCH_BYTES = 2 * 1024 * 1024
_REQUESTS = ("connect", "begin", "catalogue", "width", "open", "fetch", "close")
# Functions that a driver need not have.
_LACKING = ("IM001", "HYC00", "S1C00")
# Forms of a second reading for which there is another, and what a driver says that has none of them, if anything.
_REPLACEABLE = ("bit", "date", "guid", "integer", "timestamp", "unsigned")
_FORMLESS = ("07006", "HY003", "HYC00", "S1003", "S1C00", "00000", "")
_FIGURES = {"schema_usage": 91, "catalogue_usage": 92, "catalogue_location": 114, "aggregates": 169}


@dataclass
class _Reader:
    """One connection, and the one query that is open on it."""

    connection: Any = None
    cursor: Cursor | None = None
    forms: list[str] = field(default_factory=list)
    settled: set[int] = field(default_factory=set)  # columns of which a value came in their form

    def connect(self, request: dict[str, Any]) -> Frame:
        connection = Connection(request["string"], login_timeout_s=request["login_timeout"])
        self.connection = connection
        told = {name: connection.told(what) for name, what in _TOLD.items()}
        figures = {name: str(connection.figure(what)) for name, what in _FIGURES.items()}
        return {"info": told | figures}

    def begin(self, _: dict[str, Any]) -> Frame:
        return {"isolation": self.connection.begin()}

    def catalogue(self, request: dict[str, Any]) -> Frame:
        try:
            return {"rows": self.connection.catalogue(request["function"], request["names"], request["numbers"])}
        except DriverFailure as failure:
            if failure.args[0] in _LACKING:
                return {"rows": None}
            raise

    def open(self, request: dict[str, Any]) -> Frame:
        self.close({})
        self.cursor, self.forms, self.settled = (
            Cursor(self.connection, second=request["second"]),
            request["forms"],
            set(),
        )
        self.cursor.value_bytes_max = request["value_bytes_max"]
        self.cursor.execute(request["sql"])
        return {"columns": self.forms}

    def width(self, request: dict[str, Any]) -> Frame:
        with Cursor(self.connection, second=False) as cursor:
            cursor.execute(request["sql"])
            return {"width": cursor.width()}

    def fetch(self, request: dict[str, Any]) -> Frame:
        cursor = self.cursor
        if cursor is None:
            return {"end": True}
        rows: list[list[str | None]] = []
        size = 0
        while len(rows) < request["rows"] and size < _BATCH_BYTES and cursor.fetch():
            row = [self._value(cursor, place) for place in range(1, len(self.forms) + 1)]
            rows.append(row)
            size += sum(len(value) for value in row if value is not None)
        if not rows:
            return self.close({})
        columns = [pa.array(map(marked, values), pa.large_string()) for values in zip(*rows, strict=True)]
        return pa.RecordBatch.from_arrays(columns, names=[f"c{place}" for place in range(len(columns))])

    def _value(self, cursor: Cursor, place: int) -> str | None:
        """A column of the row in the form that is wanted, or in wide characters where the driver has no such form."""
        form = self.forms[place - 1]
        try:
            return FORMS[form](cursor, place)
        except DriverFailure as failure:
            if failure.args[0] not in _FORMLESS or form not in _REPLACEABLE or place in self.settled:
                raise
            self.forms[place - 1] = "text"
            return cursor.text(place)
        finally:
            self.settled.add(place)

    def close(self, _: dict[str, Any]) -> Frame:
        cursor, self.cursor = self.cursor, None
        if cursor is not None:
            cursor.close()
        return {"end": True}


def marked(text: str | None) -> str | None:
    """Return a text that UTF-8 can hold, with what it cannot hold as marks."""
    if text is None or text.isascii():
        return text
    return _UNWRITABLE.sub(_marks, text)


def _marks(found: re.Match[str]) -> str:
    return "".join(chr(_FIRST_MARK + octet) for octet in found[0].encode("utf-16-le", "surrogatepass"))


def main() -> None:
    """Answer requests until there are no more."""
    reader = _Reader()
    serve({name: getattr(reader, name) for name in _REQUESTS})


if __name__ == "__main__":
    main()
