"""How often something that may come right is tried again, and after what wait."""

from __future__ import annotations

import random
import threading

from portability.errors import DepositoryError
from portability.limits import DEFAULT_LIMITS

__all__ = ["Retrying"]


class Retrying:
    """Counts the attempts in a row that moved nothing; one that moved bytes begins the count anew."""

    def __init__(self) -> None:
        self._failures = 0

    def wait_or_raise(self, error: DepositoryError, *, moved: bool, stop: threading.Event | None = None) -> None:
        """Wait before another attempt, or raise the error when there shall be none."""
        self._failures = 1 if moved else self._failures + 1
        if not error.retryable or self._failures >= DEFAULT_LIMITS.depository_attempts_max:
            raise error
        wait_s = DEFAULT_LIMITS.depository_backoff_ms / 1000 * 2 ** (self._failures - 1)
        wait_s *= random.uniform(0.5, 1.0)  # noqa: S311 -- so that those lost together do not come back together
        (stop or threading.Event()).wait(wait_s)
