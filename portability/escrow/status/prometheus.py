"""The standing of deposits as Prometheus text, for a file that a node exporter collects, or a scrape of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, get_args

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from portability.escrow.status.clock import Standing
from portability.sealing.contradictions import parse_time

if TYPE_CHECKING:
    from portability.escrow.status.deadman import ChainStanding

__all__ = ["prometheus_text"]

_LABELS = ("agreement", "deposit_class")


def prometheus_text(standings: Iterable[ChainStanding]) -> str:
    """Return the metrics of all chains; customers' names are not among the labels."""
    registry = CollectorRegistry()

    def gauge(name: str, about: str, labels: tuple[str, ...] = _LABELS) -> Gauge:
        return Gauge(f"portability_escrow_{name}", about, labels, registry=registry)

    state = gauge("standing", "1 for the standing that the chain has", (*_LABELS, "standing"))
    overdue = gauge("overdue", "1 when somebody has to be told")
    sequence = gauge("sequence", "Number of the last good deposit, 0 when there is none")
    checks = gauge("checks_overdue", "How many agreed checks nobody is known to have done in time")
    times = {
        "sealed_at": gauge("last_deposit_timestamp_seconds", "When the last good deposit was sealed"),
        "next_by": gauge("next_by_timestamp_seconds", "Until when the next deposit is promised"),
        "watermark": gauge("watermark_timestamp_seconds", "The moment that the last good deposit's data is of"),
        "drilled_at": gauge("last_drill_timestamp_seconds", "When a restore was last tried and passed"),
    }
    for each in standings:
        labels = (each.agreement, each.deposit_class)
        for name in get_args(Standing):
            state.labels(*labels, name).set(int(each.standing == name))
        overdue.labels(*labels).set(int(each.overdue))
        sequence.labels(*labels).set(each.sequence)
        checks.labels(*labels).set(len(each.checks_overdue))
        for field, metric in times.items():
            moment = parse_time(getattr(each, field))
            if moment is not None:
                metric.labels(*labels).set(int(moment.timestamp()))
    return generate_latest(registry).decode()
