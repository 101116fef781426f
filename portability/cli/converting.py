"""An archive in forms for people without databases: convert."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from portability.cli.options import as_json_option, open_output
from portability.cli.signers import pop_policy, trust_options
from portability.config import load_config
from portability.converting import FORMS, LAYERS, Request, convert
from portability.presenting import converting as presenting

__all__ = ["convert_command"]


@click.command("convert")
@click.argument("archive", type=click.Path(path_type=Path))
@click.option("--to", "form", type=click.Choice(list(FORMS)), required=True, help="The form.")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--layer", type=click.Choice(list(LAYERS)), default="canonical", show_default=True)
@click.option("--only", multiple=True, metavar="TABLE", help="Only this table; may be given several times.")
@click.option(
    "--link", is_flag=True, help="With --to files: hard links instead of copies. Whoever edits one edits the archive."
)
@click.option("--unverified", is_flag=True, help="Do not verify the archive first; the report says so.")
@trust_options
@as_json_option
def convert_command(as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Convert an archive to CSV, Excel, SQLite, DuckDB, LEDES bills, a calendar, contacts or a tree of documents.

    OUT is a new folder. What the form cannot hold is listed in OUT/conversion.json.

    Example: portability convert archive --to xlsx spreadsheets
    """
    output = open_output(as_json)
    request = Request(signer=pop_policy(options), limits=load_config().limits, progress=output.progress, **options)
    presenting.conversion(output, convert(request))
