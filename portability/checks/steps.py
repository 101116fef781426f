"""What a step of the verifier is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.checks.case import Case

__all__ = ["Step"]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One numbered step of a family.

    The step fails when it logs an error. A ``gate`` that fails ends the check: the steps after it would believe what it
    refuted. ``needs`` is the option without which it compares with nothing: it may find errors then, but never passes.
    """

    title: str
    check: Callable[[Case], None]
    gate: bool = True
    needs: str = ""
