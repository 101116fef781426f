"""One SFTP session: many files at once over one connection, in one thread.

The work on each file is a coroutine that waits for the answers to its own requests. The session runs all of them until
each waits, sends what they asked for in one go, and hands out the answers that came: with 20 ms to the server, thirty
files take as long as one. What is asked for at once is bounded in bytes, in both directions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeAlias, TypeVar

from portability.depositories.sftp_wire import VERSION, Answer, PacketType, packet, read_packets
from portability.errors import DepositoryError
from portability.limits import DEFAULT_LIMITS

__all__ = ["Pipe", "Session", "Ticket", "Work", "lost_connection"]

_T = TypeVar("_T")
_RECEIVE_BYTES = 256 * 1024
_PACKET_BYTES = 32 * 1024 - 64  # what an SSH channel sends in one packet: every server takes 32 KiB with its header
Work: TypeAlias = Coroutine[Any, Any, None]


class Pipe(Protocol):
    """What an SSH channel offers, and the `ssh` program's standard input and output."""

    def sendall(self, data: bytes, /) -> None: ...
    def recv(self, length: int, /) -> bytes: ...


class Ticket:
    """A request that is on its way; to be awaited for its answer."""

    __slots__ = ("answer", "size_bytes", "waiter")

    def __init__(self, size_bytes: int = 0) -> None:
        self.answer: Answer | None = None
        self.size_bytes = size_bytes
        self.waiter: Work | None = None

    def __await__(self) -> Generator[Ticket, None, Answer]:
        while self.answer is None:
            yield self
        return self.answer


class Session:
    """A session on a pipe to an SFTP server.

    Args:
        piece_bytes: How much is handed to the pipe at once.

    Raises:
        DepositoryError: Retryable: the connection is lost, or what answers is no SFTP server.
    """

    def __init__(self, pipe: Pipe, *, piece_bytes: int = _PACKET_BYTES) -> None:
        self._pipe, self._piece_bytes = pipe, piece_bytes
        self._out: list[bytes] = []
        self._in = bytearray()
        self._number = 0
        self._pending: dict[int, Ticket] = {}
        self._in_flight_bytes = 0
        self._waiting_for_room: deque[Ticket] = deque()
        self._ready: deque[Work] = deque()
        self.written_bytes = 0  # that the server has confirmed
        self.extensions = self._greet()

    def run(self, take: Callable[[], Work | None]) -> None:
        """Run coroutines to their end.

        Args:
            take: Gives the next, or None when there is none now; asked again whenever one ended.

        Raises:
            PortabilityError: The first that one of them raised; the others are closed where they stand.
        """
        running: set[Work] = set()
        try:
            while self._fill(take, running):
                while self._ready:
                    self._step(self._ready.popleft(), running)
                    self._fill(take, running)
                if running:
                    self._flush()
                    self._receive()
        finally:
            self._forget(running)

    def ask(self, kind: PacketType, *fields: bytes, size_bytes: int = 0) -> Ticket:
        """Queue a request; it is sent when every coroutine waits."""
        self._number = (self._number + 1) & 0xFFFFFFFF
        ticket = self._pending[self._number] = Ticket(size_bytes)
        self._in_flight_bytes += size_bytes
        self._out += packet(kind, self._number, *fields)
        return ticket

    async def room(self, size_bytes: int) -> None:
        """Wait until so many bytes may be asked for, or sent, beside those on their way."""
        while self._in_flight_bytes and self._in_flight_bytes + size_bytes > DEFAULT_LIMITS.depository_in_flight_bytes:
            ticket = Ticket()
            self._waiting_for_room.append(ticket)
            await ticket

    def run_one(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run one coroutine and return what it returns."""
        results: list[_T] = []

        async def wrapped() -> None:
            results.append(await work)

        works = [wrapped()]
        self.run(lambda: works.pop() if works else None)
        return results[0]

    def _fill(self, take: Callable[[], Work | None], running: set[Work]) -> bool:
        while (work := take()) is not None:
            running.add(work)
            self._ready.append(work)
        return bool(running)

    def _forget(self, running: set[Work]) -> None:
        """Let go of works that will not be run to their end; answers to them may still come."""
        for ticket in self._pending.values():
            ticket.waiter = None
        self._ready.clear()
        self._waiting_for_room.clear()
        for work in running:
            work.close()

    def _step(self, work: Work, running: set[Work]) -> None:
        try:
            ticket: Ticket = work.send(None)
        except StopIteration:
            running.discard(work)
        except BaseException:
            running.discard(work)
            raise
        else:
            ticket.waiter = work

    def _flush(self) -> None:
        pieces, self._out = self._out, []
        with lost_connection():
            for data in _filled(pieces, self._piece_bytes):
                self._pipe.sendall(data)

    def _receive(self) -> None:
        with lost_connection():
            received = self._pipe.recv(_RECEIVE_BYTES)
        if not received:
            raise DepositoryError("the server closed the connection", hint=RETRY_HINT)
        self._in += received
        for answer in read_packets(self._in):
            self._deliver(answer)

    def _deliver(self, answer: Answer) -> None:
        ticket = self._pending.pop(answer.integer(), None)
        if ticket is None:
            raise DepositoryError("the server answered what nobody asked")
        self._in_flight_bytes -= ticket.size_bytes
        self._answer(ticket, answer)
        while ticket.size_bytes and self._waiting_for_room:
            self._answer(self._waiting_for_room.popleft(), answer)

    def _answer(self, ticket: Ticket, answer: Answer) -> None:
        ticket.answer = answer
        if ticket.waiter is not None:
            self._ready.append(ticket.waiter)

    def _greet(self) -> dict[str, bytes]:
        # The number's place holds the version in these two.
        self._out += packet(PacketType.INIT, VERSION)
        self._flush()
        answers: list[Answer] = []
        while not answers:
            with lost_connection():
                received = self._pipe.recv(_RECEIVE_BYTES)
            if not received:
                hint = "Ask the agent whether this account may use SFTP."
                raise DepositoryError("the server does not offer SFTP to this account", hint=hint)
            self._in += received
            answers = list(read_packets(self._in))
        if answers[0].kind != PacketType.VERSION or answers[0].integer() < VERSION:
            raise DepositoryError("the server does not speak SFTP version 3")
        extensions = {}
        while answers[0].has_more():
            name = answers[0].string().decode("utf-8", "replace")
            extensions[name] = answers[0].string()
        return extensions


def _filled(pieces: list[bytes], length: int) -> Iterator[bytes]:
    """Yield what is to be sent in pieces of one length; given more at once, a channel copies the rest for each."""
    held: list[bytes | memoryview] = []
    room = length
    for piece in pieces:
        view = memoryview(piece)
        while len(view) >= room:
            yield b"".join((*held, view[:room]))
            view, room = view[room:], length
            held.clear()
        if view:
            held.append(view)
            room -= len(view)
    if held:
        yield b"".join(held)


RETRY_HINT = "Check the network, then run again: it carries on where it stopped."


@contextmanager
def lost_connection() -> Iterator[None]:
    """Turn what sockets and channels raise into an error that says that trying again may help."""
    try:
        yield
    except TimeoutError as error:
        raise DepositoryError("the server has not answered in time", hint=RETRY_HINT) from error
    except (OSError, EOFError) as error:
        raise DepositoryError("the connection to the server is lost", hint=RETRY_HINT) from error
