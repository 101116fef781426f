"""The command group ``escrow``: a map of its commands, each imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import click

from portability.cli.groups import SETTINGS, LazyGroup

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


@click.command("escrow", cls=LazyGroup, table=COMMANDS, recorded_as="escrow.", context_settings=SETTINGS)
def escrow_group() -> None:
    """Deposits with an escrow agent: made on schedule, checked on arrival, released by procedure.

    Example: portability escrow deposit job.yaml
    """
