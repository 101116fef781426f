"""What convert says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portability.converting import Conversion
    from portability.output import Output

__all__ = ["conversion"]

SHOWN_REMARKS = 20


def conversion(output: Output, done: Conversion) -> None:
    """Tell what was written, what the form cannot hold, and what it did not hold of this archive."""
    output.result({"out": str(done.out), **done.to_dict()})
    counts = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(done.report.counts.items()))
    output.line(f"{done.form.title}: {done.out}")
    output.line(f"  written: {counts or 'nothing'}")
    if not done.verified:
        output.line("  The archive was NOT verified.")
    output.line("What this form cannot hold:")
    for sentence in done.form.cannot_hold:
        output.line(f"  - {sentence}")
    remarks = done.report.rows()
    if not remarks:
        output.line("Nothing of this archive was cut, left out or stored otherwise beyond that.")
        return
    rows = [(remark["what"], remark["place"], remark["count"]) for remark in remarks[:SHOWN_REMARKS]]
    output.table("\nIn this archive", ["what", "where", "count#"], rows)
    if len(remarks) > SHOWN_REMARKS:
        output.line(f"… and {len(remarks) - SHOWN_REMARKS:,} more in {done.out / 'conversion.json'}")
