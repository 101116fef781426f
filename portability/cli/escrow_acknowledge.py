"""``escrow acknowledge``: a failed deposit that the agent removed raises its alarm no longer."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from portability.cli.escrow_agent import agreements_option, memory_option
from portability.cli.escrow_officers import officer_by_key
from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_option
from portability.cli.signers import sign_option
from portability.config import load_config
from portability.escrow.receiving.acknowledging import Acknowledgement, acknowledge
from portability.escrow.receiving.agreements import load_agreements
from portability.escrow.receiving.memory import open_memory
from portability.escrow.receiving.receipts import Receipt

__all__ = ["acknowledge_command"]


@click.command("acknowledge")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--agreement", required=True, metavar="NAME")
@click.option("--sequence", type=click.IntRange(min=1), required=True, metavar="N")
@click.option("--reason", required=True, metavar="TEXT", help="Why it was removed, without anybody's data.")
@agreements_option
@memory_option
@sign_option
@passphrase_option
@as_json_option
def acknowledge_command(folder: Path, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own, named above
    """Say that a FAILED deposit, which you removed from FOLDER, is gone on purpose: its alarm (A202) ends.

    Example: portability escrow acknowledge store --agreement alder --sequence 3 --reason "copied there by mistake"
    --agreements agreements.yaml --memory memory --sign cara
    """
    given = Acknowledgement(
        agreement=options["agreement"], sequence=options["sequence"], by=_by(options), reason=options["reason"]
    )
    with open_memory(options["memory"]) as memory:
        receipt = acknowledge(memory, folder, given, now=datetime.now(UTC))
    _record(given, receipt)
    output = open_output(as_json)
    output.result({"ok": True, "agreement": given.agreement, "sequence": given.sequence, "by": given.by})
    output.line(f"{given.agreement} {given.sequence}: remembered as removed by {given.by}.")


def _by(options: dict[str, Any]) -> str:
    """Return who acts: the operator of the catalogue where there is one, else an officer, by key."""
    if load_config().catalogue is not None:
        from portability.cli.governed import current_run  # noqa: PLC0415 -- the service's libraries

        if (run := current_run()) is not None and run.operator:
            return run.operator
    return officer_by_key(options["sign"], options["passphrase_file"], load_agreements(options["agreements"])).name


def _record(given: Acknowledgement, receipt: Receipt) -> None:
    """Put it into the audit chain, where there is one; the memory has it anyway."""
    if load_config().catalogue is None:
        return
    from portability.auditing import NewEntry, append  # noqa: PLC0415 -- the service's libraries
    from portability.cli.governed import current_run  # noqa: PLC0415

    if (run := current_run()) is None:
        return
    entry = NewEntry(
        action="escrow.acknowledge.removed",
        actor=given.by,
        subject=f"agreement:{given.agreement}",
        purpose="a failed deposit was removed",
        details={"sequence": given.sequence, "manifest_sha256": receipt.manifest_sha256},
    )
    append(run.catalogue, entry)
