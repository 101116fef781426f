"""Reports on requests, releases, complaints and policy documents."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from portability.catalogue import now
from portability.cli.governed import rules_of
from portability.cli.options import as_json_option, open_output
from portability.cli.registers import open_desk, register_options
from portability.governing.calendars import local_day
from portability.governing.policies import read_policies
from portability.governing.report_page import write_page
from portability.governing.reports import REPORTS, Facts
from portability.governing.witness import Witness
from portability.presenting import reports as presenting

__all__ = ["report_command"]


@click.command("report")
@click.argument("subject", type=click.Choice(list(REPORTS)))
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write it as a page, into a new file.")
@click.option(
    "--as-of", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="The day it is for; today if left out."
)
@register_options
@as_json_option
def report_command(
    subject: str,
    *,
    html: Path | None,
    as_of: datetime | None,
    silent: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Report on requests and clocks, releases, complaints with their trend, or policies past their review.

    Example: portability report complaints --html complaints.html
    """
    with open_desk(silent, passphrase_file) as desk, desk.admit(f"report.{subject}").catalogue.reading() as reading:
        facts = Facts(
            requests=desk.register.load_all(reading),
            as_of=as_of.date() if as_of is not None else local_day(now()),
            policies=read_policies(reading),
            operators=Witness(reading).operators(),
            rules=rules_of(desk.run.config),
        )
    report = REPORTS[subject](facts)
    if html is not None:
        write_page(report, html)
    presenting.report(open_output(as_json), report, html)
