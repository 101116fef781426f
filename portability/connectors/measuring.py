"""A table that is measured by one session while another session of the same snapshot reads it.

The reader goes by a presumed plan. ``settle`` waits for the measured one; what was read stands only when ``holds``.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from portability.connectors.connector import TablePlan

__all__ = ["Measuring"]

_CANCEL_AGAIN_S = 0.5


class Measuring:
    """One table's presumed plan, and the measured one as soon as there is one.

    Args:
        plan: The presumed plan.
        measure: Makes the measured plan; runs in a thread of its own from now on.
        agrees: Whether what is read by the first plan is what would be read by the second.
        cancel: Stops the query that ``measure`` waits for.
    """

    def __init__(
        self,
        plan: TablePlan,
        *,
        measure: Callable[[], TablePlan],
        agrees: Callable[[TablePlan, TablePlan], bool],
        cancel: Callable[[], None],
    ) -> None:
        self.plan = plan
        self._agrees = agrees
        self._cancel = cancel
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="measuring")
        self._measured = self._thread.submit(measure)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A query may just be about to begin: one cancellation need not be enough.
        while kind is not None and wait([self._measured], timeout=_CANCEL_AGAIN_S).not_done:
            self._cancel()
        self._thread.shutdown()

    def is_refuted(self) -> bool:
        """Whether it is known already that reading by the presumed plan is in vain."""
        if not self._measured.done():
            return False
        return self._measured.exception() is not None or not self.holds()

    def settle(self) -> TablePlan:
        """Wait for the measured plan and return it."""
        return self._measured.result()

    def holds(self) -> bool:
        """Whether what was read by the presumed plan is what the measured plan would have read."""
        return self._agrees(self.plan, self.settle())
