"""What several commands share: the choice between text and JSON, and what --help says of SOURCE and TARGET."""

from __future__ import annotations

import click

from portability.output import JsonOutput, Output, TextOutput

__all__ = ["SOURCE_HELP", "TARGET_HELP", "as_json_option", "open_output"]

SOURCE_HELP = """SOURCE is an address, such as sqlite:///practice.db, postgresql://user@host/database or csv:///folder,
or a name from portability.yaml. docs/sources.md has all kinds, and keeps passwords off the command line."""
TARGET_HELP = """TARGET is an address, such as sqlite:///new.db or postgresql://user@host/database, or a name from
portability.yaml. A restore wants an empty database; an import wants the tables of the system that it goes into."""

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


def open_output(as_json: bool) -> Output:
    """Return where a command's result goes."""
    return JsonOutput() if as_json else TextOutput()
