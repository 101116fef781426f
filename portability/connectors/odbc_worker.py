"""The process in which an ODBC driver runs: it may crash, hang or abort here without ending an export unexplained.

Reads requests from standard input and answers each on standard output, in order; a driver that prints does so
elsewhere. When the other side goes away, whatever the driver is doing, the process ends.

Requests: ``connect`` (once), ``decode`` narrow text, ``open`` a cursor on a query or a catalogue function, ``fetch``
from it, ``close`` it. Several cursors may be open where the driver can do that. Values are passed on as the driver
gives them; where a query was told to be ``strict``, a column of a type that a driver would have to convert is refused.
"""

from __future__ import annotations

import datetime as dt
import os
import queue
import re
import sys
import threading
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

import pyarrow as pa

from portability.connectors.carrying import BATCH_BYTES
from portability.connectors.odbc_calls import DriverFailure
from portability.connectors.odbc_frames import HEAD_BYTES, frame_document, frame_rows, parse_frame, parse_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from portability.connectors.odbc_frames import Frame

__all__ = ["main", "serve"]

# The type of Python that stands for a column's ODBC type -> how its values cross.
_EXACT: dict[type, pa.DataType] = {str: pa.string(), bytes: pa.binary(), bytearray: pa.binary()}
_NUMBERS: dict[type, pa.DataType] = {int: pa.string(), Decimal: pa.string()}
_CONVERTED: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    float: pa.float64(),
    dt.date: pa.date32(),
    dt.time: pa.time64("us"),
    dt.datetime: pa.timestamp("us"),
    uuid.UUID: pa.string(),
}
_NATIVE_CODE = re.compile(r"\((-?\d+)\)")
# What the text of an error may be searched for where neither state nor number tells.
_PHRASES = ("no such table", "no such column", "readonly database", "database is locked", "not a database", "malformed")
_INFO = ("SQL_DBMS_NAME", "SQL_DBMS_VER", "SQL_DRIVER_NAME", "SQL_DRIVER_VER", "SQL_IDENTIFIER_QUOTE_CHAR")


@dataclass
class _Reader:
    """One connection and its open cursors."""

    connection: Any = None
    cursors: dict[int, tuple[Any, list[pa.DataType]]] = field(default_factory=dict)

    def connect(self, request: dict[str, Any]) -> dict[str, Any]:
        import pyodbc  # noqa: PLC0415 -- missing is an answer, not a failure to start

        pyodbc.pooling = False
        connection = pyodbc.connect(request["string"], autocommit=True, timeout=request["login_timeout"])
        connection.setdecoding(pyodbc.SQL_CHAR, encoding="utf-16le", ctype=pyodbc.SQL_WCHAR)
        self.connection = connection
        return {"info": {name: str(connection.getinfo(getattr(pyodbc, name))) for name in _INFO}}

    def decode(self, request: dict[str, Any]) -> dict[str, Any]:
        import pyodbc  # noqa: PLC0415

        for kind in (pyodbc.SQL_CHAR, pyodbc.SQL_WCHAR):
            self.connection.setdecoding(kind, encoding=request["encoding"], ctype=pyodbc.SQL_CHAR)
        return {}

    def open(self, request: dict[str, Any]) -> dict[str, Any]:
        cursor = self.connection.cursor()
        with suppress(Exception):  # no braces of ours are to be expanded; a driver that cannot say so expands none
            cursor.noscan = True
        if "sql" in request:
            cursor.execute(request["sql"])
        else:
            getattr(cursor, request["catalogue"])(**request["arguments"])
        if cursor.description is None:
            cursor.close()
            return {"columns": None}
        known = _EXACT | _NUMBERS if request["strict"] else _EXACT | _NUMBERS | _CONVERTED
        kinds = [(column[0], column[1]) for column in cursor.description]
        if refused := [(place, kind.__name__) for place, (_, kind) in enumerate(kinds) if kind not in known]:
            cursor.close()
            return {"refused": refused[0]}
        self.cursors[request["cursor"]] = (cursor, [known[kind] for _, kind in kinds])
        return {"columns": [name for name, _ in kinds]}

    def fetch(self, request: dict[str, Any]) -> dict[str, Any] | pa.RecordBatch:
        cursor, types = self.cursors[request["cursor"]]
        rows: list[Any] = []
        size = 0
        while len(rows) < request["rows"] and size < BATCH_BYTES and (row := cursor.fetchone()) is not None:
            rows.append(row)
            size += sum(len(value) for value in row if isinstance(value, str | bytes))
        if not rows:
            return self.close(request)
        columns = [_column(values, kind) for values, kind in zip(zip(*rows, strict=True), types, strict=True)]
        return pa.RecordBatch.from_arrays(columns, names=["text" if kind == pa.string() else "value" for kind in types])

    def close(self, request: dict[str, Any]) -> dict[str, Any]:
        cursor, _ = self.cursors.pop(request["cursor"], (None, None))
        if cursor is not None:
            cursor.close()
        return {"end": True}


def _column(values: tuple[Any, ...], kind: pa.DataType) -> pa.Array:
    if kind == pa.string():
        return pa.array([_text(value) for value in values], pa.large_binary())
    return pa.array(values, pa.large_binary() if kind == pa.binary() else kind)


def _text(value: Any) -> bytes | None:  # noqa: ANN401 -- a driver's value
    if value is None:
        return None
    text = f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else str(value)
    # A lone surrogate is passed on: whoever reads it decides.
    return text.encode("utf-8", "surrogatepass")


def _failed(error: Exception) -> dict[str, Any]:
    """Say of a driver's exception what can be said without its text, which may quote a value or a password."""
    if isinstance(error, ImportError):
        return {"error": {"missing": True, "manager": "odbc" in str(error) and ".so" in str(error)}}
    arguments = [str(each) for each in error.args]
    codes = _NATIVE_CODE.findall(arguments[1]) if len(arguments) > 1 else []
    library = isinstance(error, DriverFailure) or str(getattr(type(error), "__module__", "")).startswith("pyodbc")
    return {
        "error": {
            "state": arguments[0] if library and arguments else "",
            "code": int(codes[0]) if codes else 0,
            "kind": type(error).__name__,
            "says": next((phrase for phrase in _PHRASES if phrase in "".join(arguments)), ""),
            "opened": len(arguments) > 1 and "Can't open lib" in arguments[1],
        }
    }


def _requests(stream: BinaryIO) -> Iterator[dict[str, Any]]:
    """Yield requests; a thread waits for them, so that the end of the other side ends this process at once."""
    waiting: queue.Queue[dict[str, Any]] = queue.Queue()

    def receive() -> None:
        while len(head := stream.read(HEAD_BYTES)) == HEAD_BYTES:
            kind, size = parse_head(head)
            request = parse_frame(kind, stream.read(size))
            waiting.put(request if isinstance(request, dict) else {})
        os._exit(0)

    threading.Thread(target=receive, daemon=True).start()
    while True:
        yield waiting.get()


def serve(asked: Mapping[str, Callable[[dict[str, Any]], Frame]]) -> None:
    """Answer requests, each by the function of its name, until there are no more."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    for request in _requests(sys.stdin.buffer):
        try:
            answer = asked[request["do"]](request)
        except Exception as error:  # noqa: BLE001 -- every failure is an answer
            answer = _failed(error)
        if isinstance(answer, dict):
            answers.write(frame_document(answer))
        else:
            frame_rows(answer, answers.write)
        answers.flush()


def main() -> None:
    """Answer requests until there are no more."""
    reader = _Reader()
    serve({name: getattr(reader, name) for name in ("connect", "decode", "open", "fetch", "close")})


if __name__ == "__main__":
    main()
