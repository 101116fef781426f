"""The audit chain: verify, show, export, checkpoint."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import click

from portability.auditing import (
    anchor_checkpoint,
    checkpoint,
    export_chain,
    iter_chain,
    read_anchors,
    require_whole,
    verify_chain,
    verify_file,
)
from portability.cli.governed import governed_run
from portability.cli.options import as_json_option, open_output
from portability.presenting import auditing as presenting
from portability.signing import load_trust

__all__ = ["audit_group"]

_anchor_option = click.option(
    "--anchors",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Checkpoints kept outside the catalogue: what `audit checkpoint --to FILE` wrote.",
)


@click.group("audit")
def audit_group() -> None:
    """The record of who did what, why, and on which lawful basis."""


@audit_group.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--trust",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Whose checkpoints count: an OpenSSH allowed_signers file.",
)
@_anchor_option
@as_json_option
def verify(file: Path | None, trust: Path | None, anchors: Path | None, as_json: bool) -> None:
    """Check the catalogue's chain, or one that was exported to FILE, and name the first broken entry.

    Example: portability audit verify --trust allowed_signers --anchors anchors.jsonl
    """
    signers = None if trust is None else load_trust(trust)
    rows = () if anchors is None else read_anchors(anchors)
    if file is None:
        with governed_run() as run:
            report = verify_chain(run.catalogue, signers, anchors=rows)
    else:
        report = verify_file(file, signers, anchors=rows)
    presenting.verified(open_output(as_json), report)
    require_whole(report)


@audit_group.command()
@click.option("--actor", help="Only this operator's.")
@click.option("--action", help="Only this action: export, operator.new ...")
@click.option("--subject", help="Only what was done to this: request:PO-2026-0007 ...")
@click.option("--after", default=0, show_default=True, help="Only entries behind this one.")
@click.option("--last", default=100, show_default=True, help="At most this many, the last ones.")
@as_json_option
def show(actor: str | None, action: str | None, subject: str | None, after: int, last: int, as_json: bool) -> None:
    """Show entries of the chain; nothing is verified.

    Example: portability audit show --action export --last 10
    """
    with governed_run() as run:
        run.admit("audit.show", "auditor")
        wanted = {"actor": actor, "action": action, "subject": subject}
        found = [
            entry
            for entry in iter_chain(run.catalogue, after=after)
            if all(value in (None, getattr(entry, name)) for name, value in wanted.items())
        ]
        presenting.listed(open_output(as_json), found[-last:] if last > 0 else [], len(found))


@audit_group.command()
@click.argument("file", type=click.Path(path_type=Path))
@as_json_option
def export(file: Path, as_json: bool) -> None:
    """Write the whole chain to a new file of JSON lines, which anyone can check: audit verify FILE.

    Example: portability audit export chain.jsonl
    """
    with governed_run() as run:
        run.admit("audit.export", "auditor")
        presenting.exported(open_output(as_json), file, export_chain(run.catalogue, file))


@audit_group.command("checkpoint")
@click.option(
    "--to", type=click.Path(path_type=Path), metavar="FILE", help="Also write it here: keep that file elsewhere."
)
@click.option("--next-within", default=24, show_default=True, metavar="HOURS", help="When the next one is due.")
@as_json_option
def checkpoint_command(to: Path | None, next_within: int, as_json: bool) -> None:
    """Sign where the chain stands, with the operator's key.

    Example: portability audit checkpoint --to anchors.jsonl
    """
    with governed_run() as run:
        run.admit("audit.checkpoint", "auditor")
        made = checkpoint(run.catalogue, run.key(), next_by=timedelta(hours=next_within))
        if to is not None:
            anchor_checkpoint(made, to)
        presenting.signed(open_output(as_json), made, to)
