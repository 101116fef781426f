"""The command group ``escrow``: a map of its commands, each imported when it is asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import cast

import click

from portability.cli.extras import without_library
from portability.cli.recording import recorded

__all__ = ["COMMANDS", "escrow_group"]

COMMANDS: Mapping[str, str] = {
    "check": "escrow_jobs:check_command",
    "prepare": "escrow_jobs:prepare_command",
    "deposit": "escrow_running:deposit_command",
    "run": "escrow_running:run_command",
    "receive": "escrow_agent:receive_command",
    "acknowledge": "escrow_acknowledge:acknowledge_command",
    "deadman": "escrow_agent:deadman",
    "prune": "escrow_agent:prune_command",
    "request-prune": "escrow_agent:request_prune",
    "hold": "escrow_agent:hold_group",
    "receipts": "escrow_checks:receipts_command",
    "status": "escrow_checks:status_command",
    "verify": "escrow_checks:verify_command",
    "restore": "escrow_checks:restore_command",
    "release": "escrow_release:release_group",
}
"""In the order of a deposit's life."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        try:
            found = getattr(importlib.import_module(f"portability.cli.{module}"), name)
        except ModuleNotFoundError as error:
            return without_library(cmd_name, error)
        return recorded(f"escrow.{cmd_name}", cast("click.Command", found))


@click.command("escrow", cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
def escrow_group() -> None:
    """Deposits with an escrow agent: made on schedule, checked on arrival, released by procedure.

    Example: portability escrow deposit job.yaml
    """
