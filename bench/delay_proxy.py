"""A TCP proxy in a process of its own that delays what passes, and can cut it off: a distant server on one machine.

with DelayProxy(port, delay_s=0.02) as proxy:  # there and back together
    ... connect to 127.0.0.1 port proxy.port
"""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import socket
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

_PIECE_BYTES = 256 * 1024
_QUEUED_PIECES = 512  # of each direction of a connection: a link holds what is on its way


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
    asyncio.run(_Proxy(port, delay_s, cut_after_bytes, is_silent).run(told))


class _Proxy:
    def __init__(self, port: int, delay_s: float, cut_after_bytes: int | None, is_silent: bool) -> None:  # noqa: FBT001
        self._port, self._delay_s = port, delay_s
        self._cut_after_bytes, self._is_silent = cut_after_bytes, is_silent

    async def run(self, told: Connection) -> None:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0, limit=4 * _PIECE_BYTES)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            onward = await asyncio.open_connection("127.0.0.1", self._port, limit=4 * _PIECE_BYTES)
            for each in (writer, onward[1]):
                each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            there = self._forward(reader, onward[1], self._cut_after_bytes)
            await asyncio.wait(
                [asyncio.ensure_future(there), asyncio.ensure_future(self._forward(onward[0], writer, None))],
                return_when=asyncio.FIRST_COMPLETED,
            )
            onward[1].close()
        writer.close()

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut_after_bytes: int | None
    ) -> None:
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_QUEUED_PIECES)
        delivering = asyncio.ensure_future(self._deliver(queue, writer))
        carried = 0
        with contextlib.suppress(OSError):
            while piece := await reader.read(_PIECE_BYTES):
                carried += len(piece)
                if cut_after_bytes is not None and carried > cut_after_bytes:
                    if self._is_silent:
                        await asyncio.sleep(3600)
                    break
                await queue.put((asyncio.get_running_loop().time() + self._delay_s, piece))
        await queue.put((0.0, b""))
        await delivering

    async def _deliver(self, queue: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        with contextlib.suppress(OSError):
            while (item := await queue.get())[1]:
                if (wait_s := item[0] - loop.time()) > 0:
                    await asyncio.sleep(wait_s)
                writer.write(item[1])
                await writer.drain()
