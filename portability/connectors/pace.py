"""A rate limit on reading: a busy source is not read faster than its owner allows."""

from __future__ import annotations

import time

__all__ = ["Pace"]


class Pace:
    """Makes a reader wait so that, from its start, it never has more rows than the rate allows."""

    def __init__(self, rows_per_s: int) -> None:
        """Begin to count; a rate of 0 is none."""
        self._rows_per_s = rows_per_s
        self._started = time.monotonic()
        self._rows = 0

    def keep(self, rows: int) -> None:
        """Wait until so many more rows may be asked for."""
        self._rows += rows
        if self._rows_per_s:
            due = self._started + self._rows / self._rows_per_s
            time.sleep(max(0.0, due - time.monotonic()))
