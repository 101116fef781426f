"""Sources on the command line: draft."""

from __future__ import annotations

import click

from portability.cli.options import as_json_option, open_output
from portability.config import load_config
from portability.connectors import open_connector
from portability.connectors.files_draft import draft_schema

__all__ = ["source_group"]


@click.group("source")
def source_group() -> None:
    """Sources: what is to be declared of those that cannot declare it themselves."""


@source_group.command("draft")
@click.argument("folder")
@as_json_option
def source_draft(folder: str, as_json: bool) -> None:
    """Print a schema file for a folder of CSV files: how each is written, and which types all its values fit.

    Example: portability source draft csv:///from-vendor
    """
    output, config = open_output(as_json), load_config()
    text = draft_schema(open_connector(config.source(folder).url, limits=config.limits))
    output.result({"schema": text})
    output.line(text.rstrip("\n"))
