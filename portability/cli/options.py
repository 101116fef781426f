"""What several commands share: the choice between text and JSON."""

from __future__ import annotations

import click

from portability.output import JsonOutput, Output, TextOutput

__all__ = ["as_json_option", "open_output"]

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of text.")


def open_output(as_json: bool) -> Output:
    """Return where a command's result goes."""
    return JsonOutput() if as_json else TextOutput()
