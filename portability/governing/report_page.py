"""A report as one HTML page that needs nothing: no script, no network, no font; every text in it is escaped."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from portability.errors import ArchiveExistsError, ConfigError
from portability.folders import give_name
from portability.formats.readme.charts import bars, columns
from portability.formats.readme.markup import Html, data, element, join, table

if TYPE_CHECKING:
    from portability.governing.report_parts import Chart, Report, ReportTable

__all__ = ["render_report", "write_page"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_PAGE = Template("""<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta http-equiv="Content-Security-Policy" content="$policy">
$title
<style>
$style</style>
</head>
<body>
<header>
$masthead
</header>
$contents
<main>
$main
</main>
<footer>
<p>Computed from the signed steps of the register. This page needs no network and runs no program.</p>
</footer>
</body>
</html>
""")


def render_report(report: Report) -> str:
    """Return the page."""
    parts = [(f"part-{at}", each.caption, _table(each)) for at, each in enumerate(report.tables, start=1)]
    pictures = [_chart(each) for each in report.charts]
    if pictures:
        parts.insert(0, ("pictures", "At a glance", element("div", *pictures, class_="pictures")))
    links = [element("li", element("a", heading, href=f"#{name}")) for name, heading, _ in parts]
    sections = [
        element("section", element("h2", heading, id=f"{name}-title"), body, id=name, aria_labelledby=f"{name}-title")
        for name, heading, body in parts
    ]
    masthead = [
        element("p", "Register of requests", class_="eyebrow"),
        element("h1", report.title),
        element("p", f"As of {report.as_of.isoformat()}.", class_="lead"),
    ]
    return _PAGE.substitute(
        policy=_POLICY,
        title=element("title", f"{report.title}, {report.as_of.isoformat()}"),
        style=_style(),
        masthead=join(masthead),
        contents=element("nav", element("ul", *links), aria_label="On this page"),
        main=join(sections),
    )


def _table(found: ReportTable) -> Html:
    if not found.rows:
        return element("p", found.empty)
    rows = [[f"{cell:,}" if isinstance(cell, int) else data(cell) for cell in row] for row in found.rows]
    return table(found.caption, found.header, rows, numeric=found.numeric)


def _chart(chart: Chart) -> Html:
    return (columns if chart.upright else bars)(chart.title, chart.points)


def _style() -> Html:
    file = resources.files("portability.formats").joinpath("templates/page.css")
    return Html(file.read_text(encoding="utf-8"))


def write_page(report: Report, destination: Path) -> None:
    """Write a report as a page to a new file, whole or not at all.

    Raises:
        ArchiveExistsError: The file exists.
        ConfigError: It cannot be written.
    """
    part = destination.with_name(f".{destination.name}.part")
    try:
        with part.open("wb") as stream:
            stream.write(render_report(report).encode())
            stream.flush()
            os.fsync(stream.fileno())
        give_name(part, destination)
    except FileExistsError:
        hint = "Choose another name; nothing is overwritten."
        raise ArchiveExistsError("the destination exists", place=str(destination), hint=hint) from None
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", place=str(destination)) from error
    finally:
        part.unlink(missing_ok=True)
