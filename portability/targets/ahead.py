"""One thread that works ahead: what a loader sends next is made while it sends."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["work_ahead"]

_T = TypeVar("_T")
DEPTH = 3  # pieces held at once; each is one batch as text
_END = object()


def work_ahead(items: Iterable[_T]) -> Iterator[_T]:
    """Yield the items, made by a thread of its own a few ahead; its exception is raised here.

    A reader that stops early stops the thread at the next item.
    """
    made: queue.Queue[object] = queue.Queue(maxsize=DEPTH)
    stopped = threading.Event()

    def put(item: object) -> bool:
        while not stopped.is_set():
            try:
                made.put(item, timeout=0.1)
            except queue.Full:
                continue
            return True
        return False

    def make() -> None:
        try:
            for item in items:
                if not put((item,)):
                    return
            put(_END)
        except BaseException as error:  # noqa: BLE001 -- raised in the reader's thread
            put(error)

    thread = threading.Thread(target=make, name="work-ahead", daemon=True)
    thread.start()
    try:
        while (item := made.get()) is not _END:
            if isinstance(item, BaseException):
                raise item
            yield item[0]  # type: ignore[index]
    finally:
        stopped.set()
        thread.join()
