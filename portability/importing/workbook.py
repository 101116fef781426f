"""The workbook of a dry run, for the migration team: a summary, then one sheet for each sort of problem, row by row.

Written a row at a time, so its size does not matter to memory. A sheet that would pass the spreadsheet's limit ends
with a line that says how many rows are not in it; the written report has them all.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from portability.errors import ConfigError
from portability.folders import give_name
from portability.importing.coverage import import_coverage
from portability.importing.findings import left_out_rows, problems, unmapped_codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from portability.importing.preparing import Preparation
    from portability.importing.results import ImportResult, Problem
    from portability.limits import Limits

__all__ = ["write_workbook"]

_CELL_CHARS = 32_767  # the most that a spreadsheet's cell holds
_PROBLEM = ("table", "row", "column", "value", "reason", "what happens", "kind", "the whole row")
_SHEETS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Too long", ("truncation",)),
    ("Narrower types", ("narrowing", "range", "label", "character")),
    ("Missing references", ("reference",)),
    ("Parent rejected", ("parent",)),
    ("Empty or double keys", ("empty", "key", "match")),
    ("Rules", ("rule", "check")),
)

_LABELS = {
    "rows": "rows that the profile gives",
    "inserted": "rows to insert",
    "updated": "rows to update",
    "unchanged": "rows that are there already",
    "deleted": "rows to delete",
    "matched": "rows that the target has of its own",
    "rejected": "rows that cannot be loaded",
    "kept": "rows of an earlier import that stay although the archive no longer gives them",
    "changed": "rows that somebody changed in the target since the import; left so",
    "missing": "rows that somebody deleted in the target since the import; left so",
    "left_out": "rows of the archive that the profile leaves out",
}


def write_workbook(path: Path, result: ImportResult, preparation: Preparation, limits: Limits) -> None:
    """Write the workbook under a temporary name, and give it its own when it is whole.

    Raises:
        ConfigError: The writer of spreadsheets is not installed, or the file cannot be written.
    """
    try:
        import xlsxwriter  # noqa: PLC0415 -- an extra
    except ImportError as error:
        hint = "Run: pip install 'portability[convert]'"
        raise ConfigError("the writer of spreadsheets is not installed", hint=hint) from error
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.absolute().parent)
    os.close(handle)
    unfinished = Path(name)
    try:
        options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
        with xlsxwriter.Workbook(name, options) as book:
            _fill(_Book(book, limits), result, preparation)
        give_name(unfinished, path)
    except OSError as error:
        raise ConfigError(f"the workbook cannot be written: {error.strerror}", place=str(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)


class _Book:
    """A workbook being written sheet by sheet."""

    def __init__(self, book: Any, limits: Limits) -> None:  # noqa: ANN401 -- the library has no types
        self._book, self._limits = book, limits
        self._head = book.add_format({"bold": True, "bottom": 1})
        self._wrapped = book.add_format({"text_wrap": True, "valign": "top"})

    def sheet(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
        """Write a sheet and return the number of its rows."""
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for number, column in enumerate(columns):
            sheet.set_column(number, number, 60 if column in ("reason", "the whole row", "what") else 24)
            sheet.write_string(0, number, column, self._head)
        written = left = 0
        for row in rows:
            if written >= self._limits.sheet_rows_max:
                left += 1
                continue
            written += 1
            for number, value in enumerate(row):
                self._cell(sheet, written, number, value)
        if left:
            text = f"{left:,} more rows are not in this sheet, which is full; --report DIR writes all of them."
            sheet.write_string(written + 1, 0, text, self._head)
        sheet.autofilter(0, 0, max(written, 1), len(columns) - 1)
        return written + left

    def _cell(self, sheet: Any, row: int, column: int, value: object) -> None:  # noqa: ANN401
        if isinstance(value, int) and not isinstance(value, bool):
            sheet.write_number(row, column, value)
        elif value is not None:
            text = str(value)
            cut = f" … ({len(text):,} characters)"
            shown = text if len(text) <= _CELL_CHARS else text[: _CELL_CHARS - len(cut)] + cut
            sheet.write_string(row, column, shown, self._wrapped)


def _fill(book: _Book, result: ImportResult, preparation: Preparation) -> None:
    book.sheet("Summary", ("what", "number"), _summary(result))
    counts = tuple(_LABELS)
    book.sheet(
        "Tables",
        ("table", *counts, "entity", "reason for left_out"),
        (
            (t.name, *(getattr(t, each) for each in counts), t.entity, t.left_out_reason or ("?" if t.left_out else ""))
            for t in result.tables
        ),
    )
    book.sheet(
        "Kinds of problems",
        ("table", "kind", "column", "rows", "what happens", "reason", "values"),
        ((p.table, p.kind, p.column, p.rows, _fate(p.warning), p.reason, "\n".join(p.values)) for p in result.problems),
    )
    book.sheet(
        "Unmapped codes",
        ("table", "column", "code", "rows", "what happens"),
        ((t, c, v, n, _fate(w)) for t, c, v, n, w in unmapped_codes(preparation.engine)),
    )
    found = {problem.kind for problem in result.problems}
    for name, kinds in _SHEETS:
        rows = problems(preparation.engine, preparation.plan, kinds=kinds) if found.intersection(kinds) else iter(())
        book.sheet(name, _PROBLEM, _problem_rows(rows))
    rest = tuple(sorted(found - {kind for _, kinds in _SHEETS for kind in kinds}))
    rows = problems(preparation.engine, preparation.plan, kinds=rest) if rest else iter(())
    book.sheet("Other problems", _PROBLEM, _problem_rows(rows))
    book.sheet("Left out", ("table", "entity", "row", "reason"), left_out_rows(preparation))
    fates = import_coverage(preparation.profile).fields
    book.sheet(
        "Coverage",
        ("entity", "field", "fate", "into", "reason"),
        ((f.entity, f.field, f.fate, ", ".join(f.targets), f.reason) for f in fates),
    )


def _problem_rows(found: Iterable[Problem]) -> Iterator[tuple[object, ...]]:
    for p in found:
        yield p.table, p.id, p.column, p.value, p.reason, _fate(p.warning), p.kind, p.row


def _fate(warning: bool) -> str:  # noqa: FBT001 -- the one thing that is told
    return "loaded all the same" if warning else "not loaded"


def _summary(result: ImportResult) -> Iterator[tuple[object, ...]]:
    yield "mode", result.mode
    yield "target", f"{result.target} ({result.dbms})"
    yield "profile", result.profile
    yield "archive (hash of its manifest)", result.archive_id
    yield "archive verified", "yes" if result.verified else "NO"
    for what, label in _LABELS.items():
        yield label, result.count(what)
    yield "quarantined in the archive, not loaded", sum(result.quarantined.values())
    for entity, reason in result.without.items():
        yield f"not loaded: {entity}", reason
    for note in result.notes:
        yield "note", note
