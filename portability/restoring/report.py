"""The account of a restore: what is as it was, what is not, and why; as JSON and as a page for people.

A column is *kept* when every value in it is the same although its type has another name; it is *changed* when values
are not, and then the number of rows stands beside it.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from portability.errors import ArchiveExistsError, PortabilityError
from portability.folders import new_folder
from portability.manifest import to_json

__all__ = [
    "ColumnChange",
    "LeftOut",
    "Renamed",
    "RestoreReport",
    "RestoredExceptions",
    "RestoredTable",
    "TotalsRecord",
    "refuse_existing",
    "write_report",
]


@dataclass(frozen=True, kw_only=True)
class RestoredTable:
    """A table, its name in the target and its rows."""

    table: str
    restored_as: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class ColumnChange:
    """A column that is not declared as it was. ``rows`` counts values that are not the same; 0 when all are."""

    table: str
    column: str
    declared: str
    restored_as: str
    why: str
    rows: int = 0


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """Something that is not in the target: a column, key, reference, index, default, view ..., and why."""

    place: str
    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Renamed:
    """A name that the target cannot have."""

    what: str
    old: str
    new: str


@dataclass(frozen=True, kw_only=True)
class RestoredExceptions:
    """Values of the exceptions ledger, of one column and for one reason, and how many stand in their places again.

    ``keys`` are the row keys of some of those that do not.
    """

    table: str
    column: str
    reason: str
    values: int
    put_back: int
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TotalsRecord:
    """Control totals: how many figures were compared, and which differ, explained or not, or cannot be asked."""

    compared: int
    explained: tuple[str, ...] = ()
    differences: tuple[str, ...] = ()
    not_comparable: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RestoreReport:
    """What a restore did."""

    archive: str
    source_dbms: str
    target_dbms: str
    verified: str
    tables: tuple[RestoredTable, ...]
    columns: tuple[ColumnChange, ...]
    left_out: tuple[LeftOut, ...]
    renamed: tuple[Renamed, ...]
    totals: TotalsRecord
    exceptions: tuple[RestoredExceptions, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """All rows restored."""
        return sum(table.rows for table in self.tables)

    @property
    def changed(self) -> tuple[ColumnChange, ...]:
        """Columns with values that are not as they were."""
        return tuple(column for column in self.columns if column.rows)


def refuse_existing(directory: Path) -> None:
    """Refuse to write a report where something is already.

    Raises:
        ArchiveExistsError: The directory exists.
    """
    if directory.exists():
        raise ArchiveExistsError(
            "the destination exists", place=str(directory), hint="Name a new folder for the report."
        )


def write_report(report: RestoreReport, directory: Path) -> None:
    """Write ``restore.json`` and ``restore.html`` into a new directory.

    Raises:
        ArchiveExistsError: The directory exists.
        PortabilityError: It cannot be written.
    """
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        with new_folder(directory) as part:
            (part / "restore.json").write_bytes(to_json(report))
            (part / "restore.html").write_text(_page(report), encoding="utf-8")
    except OSError as error:
        raise PortabilityError(f"cannot write: {error.strerror or error}", place=str(directory)) from error


_GROUPS_MAX = 1_000  # restore.json has all; there are as many as columns and reasons
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:0 0 2rem}td,th{border:1px solid #bbb;padding:.2rem .6rem;text-align:left;"
    "vertical-align:top}td.n{text-align:right}.bad{color:#a00}"
)


def _page(report: RestoreReport) -> str:
    state = "agree" if not report.totals.differences else "DIFFER"
    totals = report.totals
    where = f"Archive {_e(report.archive)} ({_e(report.source_dbms)}) into {_e(report.target_dbms)}."
    figures = (
        f"{totals.compared:,} figures compared, {len(totals.explained):,} differ as listed here, "
        f"{len(totals.not_comparable):,} cannot be asked of this kind of database."
    )
    head = [
        f"<p>{where} {len(report.tables):,} tables, {report.rows:,} rows.</p>",
        f"<p>{_e(_verified(report))}</p>",
        f"<p>Control totals {state}: {figures}</p>",
    ]
    parts = [
        _table("Values that are not as they were", report.changed),
        _table("Values of the exceptions ledger", report.exceptions[:_GROUPS_MAX]),
        _table("Not in the target", report.left_out),
        _table("Names that changed", report.renamed),
        _list("Differences of control totals", (*report.totals.differences, *report.totals.explained)),
        _list("Figures that this kind of database cannot be asked for", report.totals.not_comparable),
        _list("Notes", report.notes),
        _table("Columns of another type, all values kept", [c for c in report.columns if not c.rows]),
        _table("Tables", report.tables),
    ]
    body = "\n".join([*head, *(part for part in parts if part)])
    title = "Restore report"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>\n{body}\n</body></html>\n"
    )


def _verified(report: RestoreReport) -> str:
    if report.verified:
        return f"The archive was verified before (level {report.verified})."
    return "The archive was NOT verified before: --unverified was given."


def _table(title: str, rows: Iterable[object]) -> str:
    documents = [{name: getattr(row, name) for name in row.__dataclass_fields__} for row in rows]  # type: ignore[attr-defined]
    if not documents:
        return ""
    head = "".join(f"<th>{_e(name.replace('_', ' '))}</th>" for name in documents[0])
    lines = ["<tr>" + "".join(_cell(value) for value in each.values()) + "</tr>" for each in documents]
    return f"<h2>{_e(title)}</h2>\n<table><tr>{head}</tr>\n" + "\n".join(lines) + "</table>"


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        value = ", ".join(map(str, value))
    return f'<td class="n">{value:,}</td>' if isinstance(value, int) else f"<td>{_e(value)}</td>"


def _list(title: str, lines: Sequence[str]) -> str:
    return (
        f"<h2>{_e(title)}</h2>\n<ul>" + "\n".join(f"<li>{_e(line)}</li>" for line in lines) + "</ul>" if lines else ""
    )


def _e(value: object) -> str:
    return html.escape("" if value is None else str(value))
