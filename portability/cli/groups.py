"""Groups whose commands are imported one at a time: `keys new` does not wait for an engine that it has no use for."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any, cast

import click

from portability.cli.extras import leave_pandas_out, without_library
from portability.cli.recording import recorded

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SETTINGS", "LazyGroup"]

SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class LazyGroup(click.Group):
    """Commands by where they lie, ``module:name`` in this package; ``recorded_as`` stands before their names."""

    def __init__(self, *, table: Mapping[str, str], recorded_as: str = "", **settings: Any) -> None:  # noqa: ANN401 -- click's own
        super().__init__(**settings)
        self._table = table
        self._recorded_as = recorded_as

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command, or return one that says which library it lacks."""
        del ctx
        if cmd_name not in self._table:
            return None
        module, _, name = self._table[cmd_name].partition(":")
        try:
            found = getattr(importlib.import_module(f"portability.cli.{module}"), name)
        except ModuleNotFoundError as error:
            return without_library(cmd_name, error)
        leave_pandas_out()
        return recorded(f"{self._recorded_as}{cmd_name}", cast("click.Command", found))
