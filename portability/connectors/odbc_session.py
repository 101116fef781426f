"""A session with an ODBC driver that runs in a process of its own: queries in, rows out, every failure in our words.

Legal order: ``with open_session(...) as session`` -> ``query``/``catalogue``, several at a time where the driver can do
that. A driver that crashes, aborts or is killed, and one that does not answer in time, end the session and nothing
else.
"""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.odbc_errors import driver_error
from portability.connectors.odbc_frames import HEAD_BYTES, Frame, frame_document, parse_frame, parse_head
from portability.errors import ConnectorError, PortabilityError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["OdbcSession", "open_session"]

_WORKER = "portability.connectors.odbc_worker"
_END_S = 5  # for a driver to close its connection


@dataclass
class OdbcSession:
    """One connection of one driver."""

    process: subprocess.Popen[bytes] = field(repr=False)
    answers: queue.Queue[Frame | None] = field(repr=False)
    receiver: threading.Thread = field(repr=False)
    place: str
    answer_s: float
    info: Mapping[str, str] = field(default_factory=dict)
    _cursors: int = 0

    def query(self, sql: str, *, rows: int, strict: bool = True) -> Iterator[tuple[Any, ...]]:
        """Run a statement and yield its rows, if it has any: text as ``str``, bytes as ``bytes``, numbers as text.

        Args:
            rows: Asked of the driver at once.
            strict: Refuse columns of types that a driver converts: dates, times, floats, bits.
        """
        for batch in self.batches({"sql": sql, "strict": strict}, rows):
            yield from _tuples(batch)

    def catalogue(self, function: str, *, rows: int, **arguments: Any) -> list[dict[str, Any]]:  # noqa: ANN401
        """Call one of ODBC's catalogue functions and return its rows by column name in lower case."""
        opened: list[str] = []
        asked = {"catalogue": function, "arguments": arguments, "strict": False}
        batches = list(self.batches(asked, rows, opened))
        return [dict(zip(opened, row, strict=True)) for batch in batches for row in _tuples(batch)]

    def decode_narrow(self, encoding: str) -> None:
        """Take text as the server's bytes, which are in this encoding, instead of the driver's wide characters."""
        self.ask({"do": "decode", "encoding": encoding})

    def batches(self, asked: dict[str, Any], rows: int, names: list[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Open what is asked for and yield its rows as the worker sends them; ``names`` is given the columns' names."""
        self._cursors += 1
        cursor = self._cursors
        answer = self.ask({"do": "open", "cursor": cursor, **asked})
        if isinstance(answer, dict) and "refused" in answer:
            column, kind = answer["refused"]
            message = f"column {column + 1} of an answer is of a type that the driver would convert ({kind})"
            raise ConnectorError(message, place=self.place, hint="Please report it with the driver's name and version.")
        if not isinstance(answer, dict) or answer["columns"] is None:
            return
        if names is not None:
            names += [name.lower() for name in answer["columns"]]
        try:
            while isinstance(batch := self.ask({"do": "fetch", "cursor": cursor, "rows": rows}), pa.RecordBatch):
                yield batch
        finally:
            if self.process.poll() is None:
                self.ask({"do": "close", "cursor": cursor})

    def ask(self, request: Mapping[str, Any]) -> Frame:
        """Send a request and wait for its answer.

        Raises:
            PortabilityError: The driver refused, crashed, or did not answer in time.
        """
        sink = self.process.stdin
        if sink is None or sink.closed:
            raise SourceUnavailableError("the connection was ended", place=self.place, hint="Run again.")
        try:
            sink.write(frame_document(request))
            sink.flush()
            answer = self.answers.get(timeout=self.answer_s)
        except OSError:
            answer = None
        except queue.Empty:
            self.end(0)
            message = f"the ODBC driver did not answer within {self.answer_s:g} seconds"
            hint = "Look what the server is doing, or raise ?answer_timeout=SECONDS."
            raise SourceUnavailableError(message, place=self.place, hint=hint) from None
        if answer is None:
            raise self._died()
        if isinstance(answer, dict) and "error" in answer:
            raise driver_error(answer["error"], self.place)
        return answer

    def _died(self) -> PortabilityError:
        self.end(_END_S)
        code = self.process.returncode
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        hint = "The driver crashed, or somebody ended it: try again, or with another version of the driver."
        return SourceUnavailableError(f"the ODBC driver's process ended {how}", place=self.place, hint=hint)

    def end(self, wait_s: float = _END_S) -> None:
        """End the driver's process, whatever it is doing."""
        if self.process.stdin is not None and not self.process.stdin.closed:
            with suppress(OSError):  # what was not sent yet cannot be sent any more
                self.process.stdin.close()
        try:
            self.process.wait(wait_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.receiver.join()
        if self.process.stdout is not None:
            self.process.stdout.close()


def _tuples(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    columns = [column.to_pylist() for column in batch.columns]
    for place, name in enumerate(batch.schema.names):
        if name == "text":
            columns[place] = [None if v is None else v.decode("utf-8", "surrogatepass") for v in columns[place]]
    return zip(*columns, strict=True)


def _receive(source: IO[bytes], answers: queue.Queue[Frame | None]) -> None:
    """Put each answer where it is waited for, and None when there will be no more."""
    try:
        while len(head := source.read(HEAD_BYTES)) == HEAD_BYTES:
            kind, size = parse_head(head)
            answers.put(parse_frame(kind, source.read(size)))
    except (OSError, ValueError, pa.ArrowInvalid):
        pass  # cut in the middle, or closed by us
    answers.put(None)


@contextmanager
def open_session(
    string: str, *, place: str, login_s: int, answer_s: float, worker: str = _WORKER
) -> Iterator[OdbcSession]:
    """Start the driver's process and connect.

    Args:
        string: The ODBC connection string; it goes over a pipe.
        place: What errors name.
        worker: The module that runs the driver.

    Raises:
        PortabilityError: The driver is missing, cannot be loaded, or refuses.
    """
    process = subprocess.Popen(  # noqa: S603 -- ourselves
        [sys.executable, "-m", worker],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    answers: queue.Queue[Frame | None] = queue.Queue()
    receiver = threading.Thread(target=_receive, args=(process.stdout, answers), daemon=True)
    receiver.start()
    session = OdbcSession(process=process, answers=answers, receiver=receiver, place=place, answer_s=answer_s)
    try:
        request = {"do": "connect", "string": string, "login_timeout": login_s}
        answer = session.ask(request)
        session.info = answer["info"] if isinstance(answer, dict) else {}
        yield session
    finally:
        session.end()
