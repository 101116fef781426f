"""A TCP proxy in a process of its own that delays what passes, and can cut it off: a distant server on one machine.

with DelayProxy(port, delay_s=0.02) as proxy:  # there and back together
    ... connect to 127.0.0.1 port proxy.port

It takes from the machine that it is measured on, so it does little: one loop over all sockets, which moves what there
is, up to 256 KiB at a time in memory used again and again, from one to the other when its moment has come. It bounds no
speed of its own, and knows nothing of who connects. A delay is up to a millisecond longer than asked for, for everybody
alike.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import select
import socket
import time
from collections import deque
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

_PIECE_BYTES = 256 * 1024
_LINGER_S = 0.05
_BREATH_S = 0.0005  # so much may come together: a wake for every packet would be most of its work
_QUEUED_PIECES_MAX = 256  # of each direction of a connection: a link holds what is on its way


class DelayProxy:
    """Forwards to a port on this machine.

    Args:
        delay_s: Added to a round trip, half of it in each direction.
        cut_after_bytes: A connection that has carried so many bytes to the server is closed on both sides.
        is_silent_after_cut: It is not closed then, but nothing passes any more.
    """

    def __init__(
        self, port: int, *, delay_s: float = 0.0, cut_after_bytes: int | None = None, is_silent_after_cut: bool = False
    ) -> None:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        arguments = (theirs, port, delay_s / 2, cut_after_bytes, is_silent_after_cut)
        self._process = context.Process(target=_serve, args=arguments, daemon=True)
        self._told = ours
        self.port = 0

    def __enter__(self) -> Self:
        self._process.start()
        self.port = self._told.recv()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.join()


def _serve(told: Connection, port: int, delay_s: float, cut_after_bytes: int | None, is_silent: bool) -> None:  # noqa: FBT001
    with socket.create_server(("127.0.0.1", 0)) as listener:
        told.send(listener.getsockname()[1])
        proxy = _Proxy(port, delay_s, cut_after_bytes, is_silent)
        while True:
            if listener in proxy.wait(listener):
                proxy.connect(listener.accept()[0])


class _Way:
    """One direction of a connection: what was read from one socket, until it is due at the other."""

    def __init__(self, source: socket.socket, target: socket.socket, cut_after_bytes: int | None) -> None:
        self.source, self.target = source, target
        self.left_bytes = cut_after_bytes
        self.is_over = False  # nothing more is read
        self._queue: deque[tuple[float, memoryview, bytearray]] = deque()
        self._spare: list[bytearray] = []

    @property
    def has_room(self) -> bool:
        return not self.is_over and len(self._queue) < _QUEUED_PIECES_MAX

    @property
    def due(self) -> float | None:
        return self._queue[0][0] if self._queue else None

    def take(self, moment: float, *, is_silent: bool) -> None:
        """Read what there is."""
        room = self._spare.pop() if self._spare else bytearray(_PIECE_BYTES)
        piece = memoryview(room)[: self.source.recv_into(room)]
        is_cut = self.left_bytes is not None and len(piece) > self.left_bytes
        if self.left_bytes is not None:
            piece = piece[: self.left_bytes]
            self.left_bytes -= len(piece)
        self.is_over = is_cut or not piece
        if piece:
            self._queue.append((moment, piece, room))
        if self.is_over and not (is_cut and is_silent):
            # What passed before a cut is to arrive: a server that sees the end drops what it has not handed on yet.
            self._queue.append((moment + _LINGER_S * is_cut, memoryview(b""), room))

    def give(self) -> bool:
        """Write what is due, as far as it is taken; tell whether the end was reached."""
        moment, piece, room = self._queue.popleft()
        if not piece:
            return True
        with contextlib.suppress(BlockingIOError):
            piece = piece[self.target.send(piece) :]
        if piece:
            self._queue.appendleft((moment, piece, room))
        else:
            self._spare.append(room)
        return False


class _Proxy:
    """All connections, in one loop; `select` knows microseconds, which the other ways to wait do not."""

    def __init__(self, port: int, delay_s: float, cut_after_bytes: int | None, is_silent: bool) -> None:  # noqa: FBT001
        self._port, self._delay_s = port, delay_s
        self._cut_after_bytes, self._is_silent = cut_after_bytes, is_silent
        self._ways: list[_Way] = []

    def connect(self, near: socket.socket) -> None:
        """Take a connection on to the port."""
        try:
            far = socket.create_connection(("127.0.0.1", self._port))
        except OSError:
            near.close()
            return
        for each in (near, far):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.settimeout(0)
        self._ways += [_Way(near, far, self._cut_after_bytes), _Way(far, near, None)]

    def wait(self, listener: socket.socket) -> list[socket.socket]:
        """Move what can be moved; return what else can be read."""
        if self._delay_s:
            time.sleep(_BREATH_S)
        now = time.monotonic()
        dues = [way.due for way in self._ways if way.due is not None]
        later = [due - now for due in dues if due > now]
        readable, writable, _ = select.select(
            [listener, *(way.source for way in self._ways if way.has_room)],
            [way.target for way in self._ways if way.due is not None and way.due <= now],
            [],
            min(later) if later else None,
        )
        now = time.monotonic()
        for way in tuple(self._ways):
            try:
                is_ended = way.target in writable and way.give()
                if way.source in readable:
                    way.take(now + self._delay_s, is_silent=self._is_silent)
            except OSError:
                is_ended = True
            if is_ended:
                self._end(way)
        return readable

    def _end(self, way: _Way) -> None:
        for each in (way.source, way.target):
            with contextlib.suppress(OSError):
                while each.recv(_PIECE_BYTES):
                    pass  # closed with something unread, it would take back what the other side has not read yet
            each.close()
        self._ways = [each for each in self._ways if each.source not in {way.source, way.target}]
