"""How much memory a process and all that it started took together, at most."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Self

__all__ = ["PeakMemory"]


class PeakMemory:
    """The most resident memory that a process and all below it had together, looked at every 50 ms."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.bytes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(0.05):
            self.bytes = max(self.bytes, _resident(self._pid))


def _resident(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        children = Path(f"/proc/{pid}/task").glob("*/children")
        return pages * os.sysconf("SC_PAGE_SIZE") + sum(
            _resident(int(child)) for each in children for child in each.read_text().split()
        )
    except (OSError, IndexError):
        return 0  # it has ended
