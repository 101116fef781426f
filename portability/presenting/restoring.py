"""What restore says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.plurals import counted

if TYPE_CHECKING:
    from pathlib import Path

    from portability.output import Output
    from portability.restoring import RestoreReport

__all__ = ["restored"]

SHOWN = 20  # lines of each kind; the report has all
KEYS_SHOWN = 3


def restored(output: Output, report: RestoreReport, directory: Path | None) -> None:
    """Tell what is in the target, and what is not as it was."""
    output.result(report)
    output.line(
        f"{counted(len(report.tables), 'table')}, {counted(report.rows, 'row')} restored into {report.target_dbms}"
    )
    if not report.verified:
        output.line("The archive was NOT verified before (--unverified).")
    totals = report.totals
    output.line(
        f"Control totals agree: {counted(totals.compared, 'figure')} compared, {len(totals.explained):,} explained "
        f"below, {len(totals.not_comparable):,} that this DBMS cannot be asked for"
    )
    _some(
        output,
        "Values that are not as they were",
        ["column", "declared", "restored as", "rows#", "why"],
        [(f"{c.table}.{c.column}", c.declared, c.restored_as, c.rows, c.why) for c in report.changed],
    )
    lost = [each for each in report.exceptions if each.put_back < each.values]
    _some(
        output,
        "Values of the exceptions ledger that are not in their places",
        ["column", "why it is one", "values#", "put back#", "rows, by their key"],
        [(f"{e.table}.{e.column}", e.reason, e.values, e.put_back, ", ".join(e.keys[:KEYS_SHOWN])) for e in lost],
    )
    if report.exceptions:
        put_back, values = (sum(getattr(e, name) for e in report.exceptions) for name in ("put_back", "values"))
        output.line(f"\n{put_back:,} of {values:,} values of the exceptions ledger put back")
    _some(output, "Not in the target", ["place", "what", "why"], [(x.place, x.what, x.why) for x in report.left_out])
    _some(output, "Names that changed", ["what", "from", "to"], [(x.what, x.old, x.new) for x in report.renamed])
    kept = sum(not column.rows for column in report.columns)
    if kept:
        output.line(f"\n{counted(kept, 'column has', 'columns have')} another type; every value in them is kept.")
    for note in report.notes:
        output.line(f"Note: {note}")
    output.line(f"Report: {directory / 'restore.html'}" if directory else "All of it: --json, or --report FOLDER.")


def _some(output: Output, title: str, columns: list[str], rows: list[tuple[object, ...]]) -> None:
    if not rows:
        return
    output.table(f"\n{title}", columns, rows[:SHOWN])
    if len(rows) > SHOWN:
        output.line(f"… and {len(rows) - SHOWN:,} more")
