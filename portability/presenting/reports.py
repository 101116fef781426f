"""What the commands on reports and policy documents say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date
    from pathlib import Path

    from portability.governing.policies import Policy
    from portability.governing.reports import Report
    from portability.output import Output

__all__ = ["policies", "policy", "report"]


def report(output: Output, found: Report, page: Path | None) -> None:
    """Show a report."""
    output.result({**found.document, "page": None if page is None else str(page)})
    output.line(f"{found.title}, as of {found.as_of.isoformat()}")
    for table in found.tables:
        if not table.rows:
            output.line(f"{table.caption}: {table.empty}")
            continue
        first_number = len(table.header) - table.numeric
        columns = [name + ("#" if at >= first_number else "") for at, name in enumerate(table.header)]
        output.table(table.caption, columns, table.rows)
    if page is not None:
        output.line(f"Page: {page}")


def policy(output: Output, found: Policy) -> None:
    """Tell what the register has of a policy."""
    output.result(_document(found))
    said = "retired" if found.retired else f"to be reviewed by {found.review_by.isoformat()}"
    output.line(f"{found.name}: {said}")


def policies(output: Output, found: Sequence[Policy], today: date) -> None:
    """List the policies, the most urgent first."""
    ordered = sorted(found, key=lambda each: (each.retired, each.review_by, each.name))
    output.result({"policies": [{**_document(each), "overdue": each.is_overdue(today)} for each in ordered]})
    rows = [
        (
            each.name,
            each.title,
            each.reviewed_on,
            each.reviewed_by,
            "retired" if each.retired else each.review_by,
            "overdue" if each.is_overdue(today) else "",
        )
        for each in ordered
    ]
    if rows:
        output.table("", ("policy", "title", "reviewed", "by", "review by", ""), rows)
    else:
        output.line("No policy document is registered.")


def _document(found: Policy) -> dict[str, Any]:
    return {
        "name": found.name,
        "title": found.title,
        "document": found.document,
        "sha256": found.sha256,
        "reviewed_on": found.reviewed_on.isoformat(),
        "reviewed_by": found.reviewed_by,
        "review_by": found.review_by.isoformat(),
        "retired": found.retired,
    }
