"""A report as one self-contained HTML page: no script, nothing fetched, everything from the archive escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from portability.checks.codes import SEVERITIES, load_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.report import Report, StepRecord
    from portability.manifest import Finding

__all__ = ["report_html"]

_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1a1a1a; }
table { border-collapse: collapse; width: 100%; margin: 1rem 0; }
th, td { border-bottom: 1px solid #ccc; padding: .3rem .6rem; text-align: left; vertical-align: top; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
ul { margin: .2rem 0; padding-left: 1.2rem; }
code { overflow-wrap: anywhere; }
.verdict { font-size: 1.3rem; font-weight: 600; padding: .6rem 1rem; border-left: .5rem solid; }
.accepted { border-color: #1b7a3d; } .refused { border-color: #b3261e; }
.error { color: #b3261e; } .warning { color: #8a5a00; } .finding { color: #1d4f91; } .note { color: #555; }
""".strip()
_HEADINGS = {"error": "Errors", "warning": "Warnings", "finding": "Findings for sign-off", "note": "Notes"}


def report_html(report: Report) -> str:
    """Return the report as an HTML document."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    name = escape(report.name)
    yield '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">'
    yield f"<title>Check of {name}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>"
    yield f"<h1>Check of <code>{name}</code></h1>"
    refusal = "Could not be checked" if report.unchecked else "Refused"
    verdict = ("accepted", "No errors") if report.ok else ("refused", refusal)
    yield f'<p class="verdict {verdict[0]}">{verdict[1]} at level {escape(report.level)}</p>'
    if report.signer is not None:
        who, when = report.signer, f"{report.signer.at:%Y-%m-%d %H:%M:%S %Z}"
        yield f"<p>Signed by {escape(who.principals)}, key <code>{escape(who.fingerprint)}</code>, valid at {when}.</p>"
    if report.facts:
        facts = (
            (escape(key.replace("_", " ")), f"<td><code>{escape(value)}</code></td>")
            for key, value in report.facts.items()
        )
        yield _table(("About it", "What was found"), facts)
    yield _table(("Looked at", "Number"), ((escape(key), _number(value)) for key, value in report.totals.items()))
    yield from _scope_lines(report)
    for severity in SEVERITIES:
        found = report.of_severity(severity)
        if found:
            yield f'<h2 class="{severity}">{_HEADINGS[severity]}</h2>'
            yield _table(("Code", "What", "Where", "How often"), (_finding(each) for each in found))
    yield "<h2>Steps</h2>"
    rows = ((str(each.number), f"<td>{escape(each.title)}</td>", f"<td>{_outcome(each)}</td>") for each in report.steps)
    yield _table(("Step", "What", "Outcome"), rows)
    yield "</body>\n</html>"


def _scope_lines(report: Report) -> Iterator[str]:
    """Count the rows of an archive of a scope, table by table."""
    if not report.scope:
        return
    yield "<h2>Rows in the scope and out of it</h2>"
    yield (
        "<p>A row belongs when keys lead from it to what the scope names; it is referred to when such a row has a key "
        "to it. Rows outside are in the archive and should not be.</p>"
    )
    rows = (
        (
            escape(each.table),
            f"<td>{escape(each.treatment)}{f': {escape(each.reason)}' if each.reason else ''}</td>",
            *(_number(n) for n in (each.rows, each.belonging, each.referred, each.shared, each.outside)),
        )
        for each in report.scope
    )
    yield _table(("Table", "How", "Rows", "Belong", "Referred to", "Shared", "Outside"), rows)


def _outcome(step: StepRecord) -> str:
    return f"{step.outcome}: --{step.lacks} was not given" if step.lacks else step.outcome


def _table(header: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    """Lay out rows whose first cell is text and whose other cells are marked up."""
    head = "".join(f"<th>{title}</th>" for title in header)
    body = "\n".join(f"<tr><td>{first}</td>{''.join(rest)}</tr>" for first, *rest in rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"


def _number(value: int) -> str:
    return f'<td class="number">{value:,}</td>'


def _finding(finding: Finding) -> tuple[str, ...]:
    what = f"<strong>{escape(finding.text)}</strong><br>{escape(load_codes()[finding.code].mend)}"
    examples = "".join(f"<li><code>{escape(each)}</code></li>" for each in finding.examples)
    where = f"<code>{escape(finding.place)}</code>" + (f"<ul>{examples}</ul>" if examples else "")
    return finding.code, f"<td>{what}</td>", f"<td>{where}</td>", _number(finding.count)
