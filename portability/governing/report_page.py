"""A report as one HTML page that needs nothing: no script, no network, no font; every text in it is escaped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from portability.errors import ArchiveExistsError, ConfigError
from portability.folders import new_file
from portability.formats.readme.charts import bars, columns
from portability.formats.readme.markup import Html, data, element, join, table
from portability.formats.readme.page import render_page

if TYPE_CHECKING:
    from portability.governing.report_parts import Chart, Report, ReportTable

__all__ = ["render_report", "write_page"]

_FOOTER = "Computed from the signed steps of the register. This page needs no network and runs no program."


def render_report(report: Report) -> str:
    """Return the page."""
    parts = [(f"part-{at}", each.caption, _table(each)) for at, each in enumerate(report.tables, start=1)]
    pictures = [_chart(each) for each in report.charts]
    if pictures:
        parts.insert(0, ("pictures", "At a glance", element("div", *pictures, class_="pictures")))
    masthead = [
        element("p", "Register of requests", class_="eyebrow"),
        element("h1", report.title),
        element("p", f"As of {report.as_of.isoformat()}.", class_="lead"),
    ]
    title = f"{report.title}, {report.as_of.isoformat()}"
    return render_page(title, join(masthead), parts, footer=element("p", _FOOTER))


def _table(found: ReportTable) -> Html:
    if not found.rows:
        return element("p", found.empty)
    rows = [[f"{cell:,}" if isinstance(cell, int) else data(cell) for cell in row] for row in found.rows]
    return table(found.caption, found.header, rows, numeric=found.numeric)


def _chart(chart: Chart) -> Html:
    return (columns if chart.upright else bars)(chart.title, chart.points)


def write_page(report: Report, destination: Path) -> None:
    """Write a report as a page to a new file, whole or not at all.

    Raises:
        ArchiveExistsError: The file exists.
        ConfigError: It cannot be written.
    """
    try:
        with new_file(destination) as stream:
            stream.write(render_report(report).encode())
    except FileExistsError:
        hint = "Choose another name; nothing is overwritten."
        raise ArchiveExistsError("the destination exists", place=str(destination), hint=hint) from None
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", place=str(destination)) from error
