"""Which deposit comes next in a chain: its number, what it follows, and whether it may lean on those before it.

The catalogue says what was deposited, the depositories what they hold of it; where they differ the depositories are
right, and a deposit that cannot lean is full. Numbers and watermarks never go back.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from portability.catalogue.deposits import COUNTED, Deposit, list_deposits
from portability.errors import ConfigError, DepositConflictError
from portability.sealing.contradictions import parse_time

if TYPE_CHECKING:
    from portability.catalogue import Catalogue
    from portability.escrow.deposits.holdings import Holding
    from portability.escrow.jobs import FullEvery

__all__ = ["ChainSoFar", "Step", "check_clock", "next_step", "read_chain"]

_SEQUENCE_MAX = 999_999  # six digits, in every depository


@dataclass(frozen=True, kw_only=True)
class ChainSoFar:
    """A chain as it stands.

    ``last`` is the last deposit that counts; ``leaned_on`` are those since the last full one, which a differential may
    lean on; ``sequence`` is the next number: behind all that the catalogue knows, and one under
    which nothing lies in any depository.
    """

    sequence: int
    previous_sha256: str | None
    last: Deposit | None
    leaned_on: tuple[Deposit, ...]


@dataclass(frozen=True, kw_only=True)
class Step:
    """The next deposit's kind; ``reason`` says why it is full, and is empty for a differential."""

    reason: str

    @property
    def kind(self) -> str:
        """As the manifest has it."""
        return "full" if self.reason else "differential"


def read_chain(catalogue: Catalogue, agreement: str, holdings: Sequence[Holding]) -> ChainSoFar:
    """Return a chain as the catalogue and the depositories have it.

    Raises:
        DepositConflictError: A depository holds the beginning of a deposit that nothing can follow; or all numbers are
            taken.
    """
    with catalogue.reading() as transaction:
        known = list_deposits(transaction, agreement)
    counted = tuple(each for each in known if each.state in COUNTED)
    # Not behind the greatest number that lies there: one file under the last number would end the chain.
    taken = {number for each in holdings for number in each.files}
    first = 1 + max((each.sequence for each in known), default=0)
    sequence = next(number for number in itertools.count(first) if number not in taken)
    if sequence > _SEQUENCE_MAX:
        hint = "Deposit under another agreement."
        raise DepositConflictError("all numbers of this agreement are taken", place=agreement, hint=hint)
    # Of a burnt number nothing is committed, so the next one follows what is; where nothing is, it follows that one.
    before = counted[-1] if counted else known[-1] if known else None
    if sequence > 1 and before is None:
        hint = "Have it removed there: nothing of it was committed, and the catalogue that knew of it is gone."
        raise DepositConflictError(
            "holds the beginning of a deposit that nothing can follow", place=agreement, hint=hint
        )
    last = counted[-1] if counted else None
    return ChainSoFar(
        sequence=sequence,
        previous_sha256=None if before is None else before.manifest_sha256,
        last=last,
        leaned_on=tuple(each for each in counted if last and each.sequence >= last.base_sequence),
    )


def check_clock(chain: ChainSoFar, now: datetime, watermark: str | None = None) -> None:
    """Refuse to deposit before the last deposit's own time.

    Raises:
        ConfigError: The clock, or the snapshot's time, lies before it.
    """
    if chain.last is None:
        return
    hint = "Set this machine's clock. Deposits never go back in time: whoever checks them would take it for a fraud."
    sealed_at = parse_time(chain.last.sealed_at)
    if sealed_at and now < sealed_at - timedelta(seconds=1):  # it is written in whole seconds
        message = f"the clock says {now:%Y-%m-%d %H:%M:%S} UTC, before the last deposit's {chain.last.sealed_at}"
        raise ConfigError(message, place=chain.last.agreement, hint=hint)
    before, after = parse_time(chain.last.watermark or ""), parse_time(watermark or "")
    if before and after and after < before:
        message = f"the snapshot is of {watermark}, before the last deposit's {chain.last.watermark}"
        raise ConfigError(message, place=chain.last.agreement, hint=hint)


def next_step(
    chain: ChainSoFar, epoch: str, *, full_every: FullEvery, now: datetime, force_full: bool, missing: Sequence[str]
) -> Step:
    """Say whether the next deposit is full, and why.

    Args:
        chain: As it stands.
        epoch: Of the next deposit.
        full_every: When a deposit is full whatever has changed.
        now: The clock.
        force_full: A person asked for it.
        missing: What a depository lacks of the deposits that would be leaned on.
    """
    return Step(reason=_reason(chain, epoch, full_every, now, missing, force_full=force_full))


def _reason(
    chain: ChainSoFar, epoch: str, full_every: FullEvery, now: datetime, missing: Sequence[str], *, force_full: bool
) -> str:
    if not chain.leaned_on:
        return "it is the first of its chain"
    base = chain.leaned_on[0]
    if force_full:
        return "it was asked for"
    if not base.key_epoch:
        return f"the catalogue was lost, and with it what deposit {base.sequence} carries"
    if base.kind != "full" or base.key_epoch != epoch:
        return "keys, recipients, profile or format are not those of the last full deposit"
    if missing:
        return missing[0]
    if len(chain.leaned_on) > full_every.deposits:
        return f"the last full deposit is {len(chain.leaned_on)} deposits back"
    sealed_at = parse_time(base.sealed_at)
    if sealed_at is None or now - sealed_at >= timedelta(days=full_every.days):
        return f"the last full deposit is {full_every.days} days old"
    return ""
