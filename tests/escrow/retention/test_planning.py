"""Which deposits may go: reckoned from receipts alone."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from portability.escrow.receiving.agreements import Duration, Keep
from portability.escrow.receiving.receipts import Receipt
from portability.escrow.retention.planning import plan_retention
from portability.sealing.manifest import Chain

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def _days(number: int) -> Duration:
    return Duration(number=number, unit="d")


def _receipt(sequence: int, at: datetime, *, base: int | None = None, passed: bool = True) -> Receipt:
    return Receipt(
        format="legal-portability-receipt",
        version="1.0",
        agreement="a",
        sequence=sequence,
        result="pass" if passed else "fail",
        level="v1",
        received_at=at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        receiver="",
        manifest_sha256=f"{sequence:064x}",
        signature_sha256="",
        size_bytes=1,
        files=1,
        authentic=True,
        head=True,
        signer="",
        before={},
        compared={},
        findings=(),
        chain=Chain(
            sequence=sequence,
            kind="full" if base is None else "differential",
            base_sha256=None if base is None else f"{base:064x}",
        ),
    )


def _daily(count: int, *, full_every: int) -> list[Receipt]:
    """A deposit each day up to today, a full one every so often."""
    found = []
    for n in range(1, count + 1):
        base = None if (n - 1) % full_every == 0 else (n - 1) // full_every * full_every + 1
        found.append(_receipt(n, NOW - timedelta(days=count - n), base=base))
    return found


def _going(receipts: list[Receipt], keep: Keep, **given: frozenset[int]) -> list[int]:
    return [each.sequence for each in plan_retention("a", receipts, keep, now=NOW, **given).deleted]


def test_window_keeps_what_is_younger_and_the_bases_it_needs() -> None:
    """Ten days of a chain with a full each five days: within three days, the base of the current run stays."""
    assert _going(_daily(10, full_every=5), Keep(within=_days(3))) == [5, 4, 3, 2, 1]


def test_kept_differential_keeps_all_between_it_and_its_base() -> None:
    """A differential that is kept for its month keeps the full one and every deposit between."""
    receipts = _daily(20, full_every=10)
    plan = plan_retention("a", receipts, Keep(within=_days(2), weekly=_days(21)), now=NOW)
    kept = {each.sequence for each in plan.fates if each.kept}
    assert {6, 13, 20} <= kept  # the last of their weeks: 2026-11-22 is a Sunday
    assert set(range(1, 6)) <= kept  # 6 builds on 1, and on whatever lies between
    assert kept.isdisjoint({7, 8, 9, 10})


def test_deletion_is_the_newest_first_so_that_nothing_stays_without_its_base() -> None:
    """However far a run comes, no deposit is left whose base is gone."""
    receipts = _daily(30, full_every=7)
    order = _going(receipts, Keep(within=_days(1)))
    assert order == sorted(order, reverse=True)
    bases = {each.sequence: each.chain.base_sha256 for each in receipts if each.chain}
    for cut in range(len(order) + 1):
        left = {each.sequence for each in receipts} - set(order[:cut])
        assert all(base is None or int(base, 16) in left for number, base in bases.items() if number in left)


def test_newest_full_that_passed_stays_for_ever() -> None:
    """Years after the last deposit, and with failed ones since, the last good full deposit is there."""
    old = NOW - timedelta(days=3000)
    receipts = [_receipt(1, old), _receipt(2, old), _receipt(3, old, passed=False)]
    assert _going(receipts, Keep(within=_days(1))) == [1]


def test_nothing_goes_where_no_full_deposit_has_passed() -> None:
    """Without a good full deposit even a failed one may be all that there is."""
    old = NOW - timedelta(days=3000)
    assert _going([_receipt(1, old, passed=False), _receipt(2, old, base=1)], Keep(within=_days(1))) == []


def test_failed_deposit_does_not_stand_for_its_day() -> None:
    """The last of a day is the last good one."""
    day = NOW - timedelta(days=5)
    receipts = [_receipt(1, day), _receipt(2, day + timedelta(hours=1), passed=False), _receipt(3, NOW)]
    assert _going(receipts, Keep(within=_days(1), daily=_days(10))) == [2]


def test_hold_wins_over_window_and_request() -> None:
    """What is held stays, whoever asks."""
    receipts = _daily(10, full_every=1)
    assert 2 in _going(receipts, Keep(within=_days(3)))
    assert 2 not in _going(receipts, Keep(within=_days(3)), held=frozenset({2}), requested=frozenset({2}))


def test_request_overrides_the_window_but_not_what_is_needed() -> None:
    """A deposit may go before its time when it is asked for; a base or the newest may not."""
    receipts = _daily(4, full_every=2)
    asked = frozenset({1, 2, 3, 4})
    assert _going(receipts, Keep(within=_days(30)), requested=asked) == [2, 1]


MONTHS = {
    "31st less a month": (datetime(2026, 3, 31, 10, tzinfo=UTC), "1m", datetime(2026, 2, 28, 10, tzinfo=UTC)),
    "leap day less a year": (datetime(2028, 2, 29, tzinfo=UTC), "1y", datetime(2027, 2, 28, tzinfo=UTC)),
    "leap year": (datetime(2028, 3, 31, tzinfo=UTC), "1m", datetime(2028, 2, 29, tzinfo=UTC)),
    "over the year": (datetime(2026, 1, 15, tzinfo=UTC), "2m", datetime(2025, 11, 15, tzinfo=UTC)),
    "weeks": (datetime(2026, 1, 1, tzinfo=UTC), "2w", datetime(2025, 12, 18, tzinfo=UTC)),
}


@pytest.mark.parametrize(("moment", "span", "expected"), MONTHS.values(), ids=MONTHS.keys())
def test_duration_before_a_month_end_is_a_day_that_exists(moment: datetime, span: str, expected: datetime) -> None:
    """A month is the calendar's month, and its end is not passed over."""
    assert Duration(number=int(span[:-1]), unit=span[-1]).before(moment) == expected


def test_monthly_window_over_month_ends_keeps_one_each() -> None:
    """Deposits on the last day of each month: each stands for its own month."""
    ends = [datetime(2026, m + 1, 1, tzinfo=UTC) - timedelta(hours=1) for m in range(1, 11)]
    receipts = [_receipt(n, at) for n, at in enumerate(ends, 1)]
    plan = plan_retention("a", receipts, Keep(within=_days(1), monthly=Duration(number=6, unit="m")), now=NOW)
    kept = [each.sequence for each in plan.fates if each.kept]
    assert kept == [5, 6, 7, 8, 9, 10]  # 31 May to 31 October
    assert all(b - a == 1 for a, b in itertools.pairwise(kept))
