"""What the command import says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from portability.plurals import counted

if TYPE_CHECKING:
    from pathlib import Path

    from portability.importing import ImportResult
    from portability.output import Output

__all__ = ["imported"]

_COUNTS = (
    *("rows", "inserted", "updated", "unchanged", "changed", "missing"),
    *("deleted", "matched", "rejected", "kept", "left_out"),
)
_LEFT_SO = ("changed", "missing")  # in the target, by somebody else


def imported(output: Output, result: ImportResult, workbook: Path | None) -> None:
    """Tell what an import did, or would do."""
    output.result(msgspec.to_builtins(result, enc_hook=str))
    output.line(f"{result.mode.capitalize()} into {result.target} ({result.dbms}), profile {result.profile}")
    if not result.verified:
        output.line("THE ARCHIVE WAS NOT VERIFIED.")
    output.line("")
    shown = [count for count in _COUNTS if count == "rows" or result.count(count)]
    rows = [(table.name, *(getattr(table, count) for count in shown)) for table in result.tables]
    total = ("all", *(result.count(count) for count in shown))
    output.table("", ["table", *(f"{count.replace('_', ' ')}#" for count in shown)], [*rows, total])
    _problems(output, result)
    _left(output, result)
    for note in result.notes:
        output.line(f"note: {note}")
    if workbook is not None:
        output.line("")
        output.line(f"Nothing was moved. Every row with a problem is in {workbook}")


def _problems(output: Output, result: ImportResult) -> None:
    for title, warning, since in (
        ("Not loaded", False, False),
        ("Loaded all the same, worth a look", True, False),
        ("Not as the import left them", True, True),
    ):
        rows = [
            (p.table, p.column, p.rows, p.reason, ", ".join(p.values[:3]))
            for p in result.problems
            if p.warning == warning and (p.kind in _LEFT_SO) == since
        ]
        if rows:
            output.line("")
            output.table(title, ["table", "column", "rows#", "why", "for example"], rows)


def _left(output: Output, result: ImportResult) -> None:
    output.line("")
    for table in result.tables:
        if table.left_out:
            why = table.left_out_reason or "the profile gives no reason"
            output.line(
                f"left out: {counted(table.left_out, 'row')} of {table.entity} without a row in {table.name}: {why}"
            )
    apart = sum(result.quarantined.values())
    if apart:
        each = ", ".join(f"{count:,} {name}" for name, count in result.quarantined.items())
        output.line(f"quarantined in the archive, not loaded: {each}")
    placed = result.documents
    if placed is not None:
        problems = counted(placed.problem_count, "problem")
        output.line(f"documents: {placed.placed:,} placed, {placed.found:,} there already, {problems}")
