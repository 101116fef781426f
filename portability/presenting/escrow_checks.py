"""What verify, restore and receipts of deposits say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from portability.escrow.status.deadman import span_text
from portability.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from portability.escrow.chain_folders import ChainedDeposit
    from portability.escrow.drills.report import DrillReport
    from portability.escrow.receiving.fetching import Fetched
    from portability.output import Output
    from portability.restoring import RestoreReport

__all__ = ["drilled", "fetched", "restored"]


def drilled(output: Output, report: DrillReport, folder: Path | None) -> None:
    """Show each step of a drill and what it took."""
    output.result({"ok": report.passed, **msgspec.to_builtins(report)})
    rows = [(each.level, each.title, each.outcome, each.duration_ms) for each in report.steps]
    output.table("", ["level", "step", "outcome", "ms#"], rows)
    for each in report.steps:
        for detail in each.details:
            output.line(f"FAILED {each.level}: {detail}")
    if report.restored is not None:
        r = report.restored
        agree = counted(r.totals_compared, "control total agrees", "control totals agree")
        output.line(f"Restored: {counted(r.tables, 'table')}, {counted(r.rows, 'row')}; {agree}")
    if report.built is not None:
        made = counted(len(report.built.produced), "file")
        output.line(f"Build: {report.built.outcome} ({report.built.isolation}), {made} made")
    if report.recovery_time_ms is not None:
        output.line(f"Recovery time: {report.recovery_time_ms / 1000:.1f} s")
    if report.recovery_point_age_s is not None:
        output.line(f"Recovery point: the data is {span_text(report.recovery_point_age_s)} old")
    if report.level not in ("v0", "v1"):
        output.line(f"Keys proven: {', '.join(report.proven) or 'none'}")
    for warning in report.warnings:
        output.line(f"WARNED: {warning}")
    if folder is not None:
        output.line(f"Report: {folder / 'drill.html'}")
    output.line(f"Result: {report.result}")


def restored(
    output: Output, deposits: Sequence[ChainedDeposit], archive: Path | None, report: RestoreReport | None, seconds: int
) -> None:
    """Tell what was restored from which deposits."""
    numbers = [each.sequence for each in deposits]
    output.result(
        {
            "deposits": numbers,
            "archive": None if archive is None else str(archive),
            "restored": None if report is None else msgspec.to_builtins(report),
            "seconds": seconds,
        }
    )
    output.line(f"From deposits {', '.join(map(str, numbers))}, in {span_text(seconds)}.")
    if archive is not None:
        output.line(f"Archive: {archive}")
    if report is not None:
        totals = report.totals
        output.line(
            f"{counted(len(report.tables), 'table')}, {counted(report.rows, 'row')} restored into {report.target_dbms}"
        )
        output.line(
            f"Control totals agree: {counted(totals.compared, 'figure')} compared, {len(totals.explained):,} explained"
        )


def fetched(output: Output, found: Sequence[Fetched], kept: Sequence[DrillReport]) -> None:
    """Show which receipts came, and which drills' reports were kept."""
    drills = [
        {"agreement": d.agreement, "level": d.level, "result": d.result, "started_at": d.started_at} for d in kept
    ]
    output.result({"receipts": msgspec.to_builtins(list(found)), "drills": drills})
    for each in kept:
        output.line(f"Kept: drill {each.level} of {each.agreement}, {each.started_at}: {each.result}")
    rows = [(f.agreement, f.sequence, f.depository, f.outcome, f.received_at, f.signer, f.detail) for f in found]
    columns = ["agreement", "number#", "depository", "receipt", "received", "by", "detail"]
    if rows:
        output.table("", columns, rows)
    new = sum(each.outcome in ("pass", "fail", "unknown") for each in found)
    output.line(f"{counted(new, 'new receipt')}.")
