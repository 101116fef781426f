"""Worker processes, because the age library holds the interpreter's lock: segments are sealed and opened in them.

Each child is a fresh interpreter that imports only the module it is asked for (a forked or re-imported parent would
bring its databases along, 100 MiB a child). Tasks and results are dataclasses, packed, over two pipes: a key in a task
is never an argument or an environment variable. Children end with their parent, however that ends.

Legal order: ``with Workers(2) as workers: for result in workers.run(function, tasks): ...``
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import queue
import signal
import struct
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, BinaryIO, Self, TypeVar, get_type_hints

import msgspec

from portability import errors
from portability.errors import PortabilityError, SealError
from portability.signing.memory import forbid_core_files

__all__ = ["Workers"]

_Task = TypeVar("_Task")
_Result = TypeVar("_Result")

_LENGTH = struct.Struct("!I")
_PR_SET_PDEATHSIG = 1


class _Call(msgspec.Struct):
    module: str
    function: str
    task: msgspec.Raw


@dataclass(frozen=True, kw_only=True)
class _Failure:
    kind: str
    message: str
    place: str
    hint: str


class _Answer(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw(b"\xc0")  # nil
    failure: _Failure | None = None


class Workers:
    """Child processes, started as there are tasks for them.

    Args:
        count: How many at most.
        keep_open: Descriptors that children hold too: a lock held so is free only when all of them are gone.
    """

    def __init__(self, count: int, *, keep_open: Sequence[int] = ()) -> None:
        self._count = count
        self._keep_open = tuple(keep_open)
        self._children: list[subprocess.Popen[bytes]] = []
        self._idle: queue.SimpleQueue[subprocess.Popen[bytes]] = queue.SimpleQueue()
        self._threads = ThreadPoolExecutor(count)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child in self._children:
            child.kill()  # whatever they write is not yet anything; the caller removes it
        self._threads.shutdown(cancel_futures=True)
        for child in self._children:
            for stream in (child.stdin, child.stdout):
                if stream is not None:
                    _close(stream)
            child.wait()

    def run(self, function: Callable[[_Task], _Result], tasks: Iterable[_Task]) -> Iterator[_Result]:
        """Yield ``function(task)`` for each task, in their order; a few tasks ahead are under way.

        Args:
            function: Of a module of this package; takes one dataclass and returns one.
            tasks: Taken as they are needed.

        Raises:
            PortabilityError: As a child raised it; or a child died.
        """
        result_type = get_type_hints(function)["return"]
        waiting: deque[Future[_Answer]] = deque()
        for task in tasks:
            self._start_another()
            call = _Call(function.__module__, function.__name__, msgspec.Raw(msgspec.msgpack.encode(task)))
            waiting.append(self._threads.submit(self._ask, call))
            if len(waiting) >= 2 * self._count:
                yield _result(waiting.popleft().result(), result_type)
        while waiting:
            yield _result(waiting.popleft().result(), result_type)

    def _start_another(self) -> None:
        # Here, not in a thread of ours: the system ends a child with the thread that started it.
        if len(self._children) < self._count:
            child = _start(self._keep_open)
            self._children.append(child)
            self._idle.put(child)

    def _ask(self, call: _Call) -> _Answer:
        child = self._idle.get()
        try:
            assert child.stdin is not None  # noqa: S101 -- both are pipes
            assert child.stdout is not None  # noqa: S101
            _send(child.stdin, msgspec.msgpack.encode(call))
            return msgspec.msgpack.decode(_receive(child.stdout), type=_Answer)
        except (OSError, EOFError) as error:
            hint = "It may have been killed for want of memory; try again with fewer --workers."
            raise SealError("a worker process ended unexpectedly", hint=hint) from error
        finally:
            self._idle.put(child)


def _result(answer: _Answer, result_type: Any) -> Any:  # noqa: ANN401 -- whatever the function returns
    if answer.failure is None:
        return msgspec.msgpack.decode(answer.result, type=result_type)
    failure = answer.failure
    kind = getattr(errors, failure.kind, SealError)
    raise kind(failure.message, place=failure.place, hint=failure.hint)


def _start(keep_open: Sequence[int]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        # -P: nothing that lies about in the working directory is imported; the child's path is ours.
        [sys.executable, "-P", "-m", "portability.sealing.workers"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=None if os.environ.get("PORTABILITY_DEBUG") else subprocess.DEVNULL,
        pass_fds=keep_open,
        env=_environment(),
    )


def _environment() -> dict[str, str]:
    """Return ours, with the path to import from; a passphrase is no business of a child's."""
    kept = {name: value for name, value in os.environ.items() if name != "PORTABILITY_PASSPHRASE"}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def _close(stream: Any) -> None:  # noqa: ANN401
    with contextlib.suppress(OSError):  # bytes that nobody reads any more
        stream.close()


def _send(stream: Any, message: bytes) -> None:  # noqa: ANN401
    stream.write(_LENGTH.pack(len(message)) + message)
    stream.flush()


def _receive(stream: Any) -> bytes:  # noqa: ANN401
    (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
    return _exactly(stream, length)


def _exactly(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data


# --- in the child ----------------------------------------------------------------------------------------------------


def _serve() -> None:
    """Answer calls until the parent is gone."""
    forbid_core_files()
    _end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells everybody; the parent decides
    calls, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # a stray print must not look like an answer
    while True:
        try:
            call = msgspec.msgpack.decode(_receive(calls), type=_Call)
        except EOFError:
            return
        _send(answers, msgspec.msgpack.encode(_answer(call)))


def _answer(call: _Call) -> _Answer:
    try:
        function = getattr(importlib.import_module(call.module), call.function)
        hints = get_type_hints(function)
        parameter = next(hint for name, hint in hints.items() if name != "return")
        result = function(msgspec.msgpack.decode(call.task, type=parameter))
        return _Answer(result=msgspec.Raw(msgspec.msgpack.encode(result)))
    except PortabilityError as error:
        return _failed(type(error).__name__, error.message, error.place, error.hint)
    except OSError as error:
        return _failed("SealError", f"cannot go on: {error.strerror}", str(error.filename or ""), "")
    except Exception as error:  # noqa: BLE001 -- a fault of the program; its text may hold anything, its name does not
        return _failed("SealError", f"unexpected {type(error).__name__} in a worker process", "", "")


def _failed(kind: str, message: str, place: str, hint: str) -> _Answer:
    return _Answer(failure=_Failure(kind=kind, message=message, place=place, hint=hint))


def _end_with_parent() -> None:
    # Without this a child that is busy would finish its segment after the parent was killed. Linux only;
    # elsewhere a child ends at its next look for a task.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
