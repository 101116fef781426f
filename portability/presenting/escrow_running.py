"""What deposits and runs of jobs look like: lines and tables for people, one document for programs."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from portability.escrow.deposits.requests import DepositResult
    from portability.escrow.running.depositing import JobOutcome
    from portability.escrow.running.runner import JobReport, RunnerReport
    from portability.output import Output

__all__ = ["deposited", "job_changed", "ran"]


def deposited(output: Output, outcome: JobOutcome) -> None:
    """Show what a run of a job did."""
    output.result(outcome)
    if not outcome.deposits:
        output.line("Nothing was to be done: another run had answered what was due.")
    for each in outcome.deposits:
        _deposit(output, each)


def _deposit(output: Output, deposit: DepositResult) -> None:
    earlier = ", begun by a run before this one" if deposit.finished_earlier else ""
    output.line(f"Deposit {deposit.sequence} of {deposit.agreement}: {deposit.kind}, {deposit.state}{earlier}")
    if deposit.reason:
        output.line(f"It is full: {deposit.reason}.")
    output.line(f"Archive of {deposit.archive_bytes:,} bytes; {deposit.sealed_bytes:,} bytes sealed.")
    rows = [(each.depository, each.state, each.sent_bytes, each.detail) for each in deposit.placements]
    output.table("", ("depository", "state", "bytes sent#", "why"), rows)
    for text in deposit.warnings:
        output.line(f"Look into this: {text}.")
    output.line(f"manifest.json SHA-256 {deposit.manifest_sha256}; the next one is promised by {deposit.next_by}.")


def job_changed(output: Output, report: JobReport) -> None:
    """Show that a job's state has changed."""
    output.result(report)
    told = f": {report.detail}" if report.detail else ""
    output.line(f"{report.job}: {report.state}{told}")


def ran(output: Output, report: RunnerReport) -> None:
    """Show what a runner did."""
    output.result({"jobs": [msgspec.to_builtins(asdict(each)) for each in report.jobs], "exit_code": report.exit_code})
    rows = [(each.job, each.state, each.next_due, each.detail) for each in report.jobs]
    output.table("", ("job", "state", "due next", "what happened"), rows)
    for job in report.jobs:
        for each in job.undelivered:
            told = "was given up" if each.given_up else "will be tried again"
            output.line(f"Notice '{each.event}' of {each.job} by {each.channel} {told}: {each.failure}")
