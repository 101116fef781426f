"""Whether a deposit follows, by the hashes of the manifests that lie there, from one before it.

A manifest that a trusted signer signed names the hash of the one before it, and so vouches for its bytes, whatever else
was wrong with that one: a way back without a missing number is the vendor's own chain, and leaves no room for a fork.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from portability.errors import PortabilityError
from portability.escrow.receiving.receipts import Receipt
from portability.sealing.manifest import Chain
from portability.sealing.reading import parse_manifest

__all__ = ["UNCHAINED", "History", "judged_again", "passed_over"]

# It does not become the head. One that leans on what is broken does (A106): it is the vendor's, and the next full one
# follows it; it failed, so that nothing may lean on it either.
UNCHAINED = frozenset({"A101", "A102", "A113", "X151", "X152", "X154", "X155", "X156"})
# What the agent's own files say, and what follows from an earlier deposit that failed by them.
_BY_FILES = frozenset({"A103", "A104", "A105", "A108", "X125", "X126", "X127", "X211"})
_BY_THE_ONE_BEFORE = frozenset({"A106", "A109"})


@dataclass(frozen=True, kw_only=True)
class History:
    """What the agent remembers of an agreement: the newest receipt of each deposit, in order of arrival.

    Attributes:
        manifest: Gives the kept copy of a deposit's manifest.
    """

    receipts: tuple[Receipt, ...]
    manifest: Callable[[int], bytes]

    @property
    def head(self) -> Receipt | None:
        """The receipt of the chain's head."""
        return max((each for each in self.receipts if each.head), key=lambda each: each.sequence, default=None)

    @property
    def head_manifest(self) -> bytes | None:
        """The head's manifest."""
        return None if self.head is None else self.manifest(self.head.sequence)

    def before(self, sequence: int) -> History:
        """Return what was before a deposit in its chain."""
        earlier = tuple(each for each in self.receipts if each.sequence < sequence)
        return History(receipts=earlier, manifest=self.manifest)


def passed_over(
    chain: Chain, target: Receipt, history: History, broken: frozenset[int] = frozenset()
) -> tuple[int, ...] | None:
    """Return the numbers between a deposit and an earlier one that it follows by every hash; None when it does not."""
    by_number = {each.sequence: each for each in history.receipts}
    over: list[int] = []
    number, previous = chain.sequence - 1, chain.previous_sha256
    while number > target.sequence:
        between = by_number.get(number)
        if between is None or number in broken or between.manifest_sha256 != previous or _codes(between) & UNCHAINED:
            return None
        try:
            named = parse_manifest(history.manifest(number)).chain
        except PortabilityError:
            return None
        if (named.agreement, named.sequence) != (chain.agreement, number):
            return None
        over.append(number)
        number, previous = number - 1, named.previous_sha256
    return tuple(reversed(over)) if number == target.sequence and previous == target.manifest_sha256 else None


def judged_again(history: History) -> tuple[Receipt, ...]:
    """Return the failed deposits since the last good one whose faults the agent's own files may settle, by number.

    One that was never the head is left out where a later head does not follow it: history is not made anew.
    """
    since = max((each.sequence for each in history.receipts if each.head and each.passed), default=0)
    tail = sorted((each for each in history.receipts if each.sequence > since), key=lambda each: each.sequence)
    return tuple(each for each in tail if _may_be_settled(each) and _leaves_the_chain(each, tail, history))


def _may_be_settled(receipt: Receipt) -> bool:
    errors = _codes(receipt)
    cut_short = any(each.code == "A114" for each in receipt.findings)  # what is not listed may be anything
    return not receipt.passed and not cut_short and bool(errors) and errors <= _BY_FILES | _BY_THE_ONE_BEFORE


def _leaves_the_chain(receipt: Receipt, tail: Sequence[Receipt], history: History) -> bool:
    later = next((each for each in tail if each.head and each.sequence > receipt.sequence), None)
    if receipt.head or later is None:
        return True
    return later.chain is not None and passed_over(later.chain, receipt, history) is not None


def _codes(receipt: Receipt) -> frozenset[str]:
    return frozenset(each.code for each in receipt.findings if each.severity == "error")
