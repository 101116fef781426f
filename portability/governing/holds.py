"""Whether anything of a customer's may be deleted: not while a request that freezes deletion is open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from portability.governing.register import BrokenRequest, Register

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_held"]


def is_held(registers: Iterable[Register], customer: str) -> bool:
    """Tell whether a customer's data must be kept; which request says so is not told.

    A request that cannot be read holds everything: it may be the one. Whoever deletes where silent requests are
    possible passes the silent register too, always, so that a silent hold wins and nothing shows.
    """
    return any(_same(held, customer) for register in registers for held in _held(register))


def _held(register: Register) -> Iterator[str | None]:
    with register.catalogue.reading() as transaction:
        found = register.load_all(transaction)
    for request in found:
        if isinstance(request, BrokenRequest):
            yield None
        elif request.course.is_open and request.course.kind.freezes_deletion:
            yield request.customer


def _same(held: str | None, customer: str) -> bool:
    return held is None or " ".join(held.split()).casefold() == " ".join(customer.split()).casefold()
