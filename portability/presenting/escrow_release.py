"""What the commands of a release say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from portability.escrow.chain_folders import ChainedDeposit
    from portability.escrow.release.bundle import BundleChecked
    from portability.escrow.release.handover import HandedOver
    from portability.output import Output

__all__ = ["checked", "claimed", "handed_over", "opened"]


def claimed(output: Output, agreement: str, deposits: Sequence[ChainedDeposit]) -> None:
    """Show the fields that a request needs."""
    last = deposits[-1]
    fields = {
        "agreement": agreement,
        "deposit_class": last.manifest.deposit_class,
        "sequence": str(last.sequence),
        "manifest_sha256": last.authentic.manifest_sha256,
    }
    needs = [each.sequence for each in deposits]
    output.result({"fields": fields, "needs": needs, "threshold": last.manifest.threshold})
    for name, value in fields.items():
        output.line(f"--field {name}={value}")
    output.line(f"It takes deposits {', '.join(map(str, needs))}.")
    whose = ", ".join(each.name for each in last.manifest.recipients)
    output.line(f"It opens with {last.manifest.threshold} of: {whose}.")


def handed_over(output: Output, done: HandedOver) -> None:
    """Tell what was handed over."""
    statement = done.statement
    output.result(
        {
            "bundle": str(done.bundle),
            "request": done.request,
            "artefact_sha256": done.artefact_sha256,
            "finished": done.finished,
            "statement": msgspec.to_builtins(statement),
        }
    )
    numbers = ", ".join(str(each.sequence) for each in statement.deposits)
    output.line(f"{done.request} released: deposits {numbers} of {statement.agreement} to {statement.recipient.name}")
    output.line(f"Their key: {statement.recipient.fingerprint}")
    output.line(f"Bundle: {done.bundle}  (RELEASE.md in it says how to open it)")
    if done.finished:
        output.line("An earlier run had recorded it; this one gave the bundle its name.")


def checked(output: Output, bundle: Path, found: BundleChecked) -> None:
    """Tell that a bundle is whole, and who released it."""
    statement = found.statement
    output.result(
        {
            "ok": True,
            "bundle": str(bundle),
            "signer": found.signer.to_dict(),
            "statement": msgspec.to_builtins(statement),
        }
    )
    output.line(
        f"Whole. Released by {found.signer.principals} on {statement.released_at}, request {statement.request},"
    )
    output.line(
        f"approved by {statement.approved_by}, to {statement.recipient.name} ({statement.recipient.fingerprint})."
    )


def opened(output: Output, archive: Path, found: BundleChecked) -> None:
    """Tell where the archive is."""
    numbers = [each.sequence for each in found.statement.deposits]
    output.result({"archive": str(archive), "deposits": numbers, "released_by": found.signer.principals})
    output.line(f"Opened from deposits {', '.join(map(str, numbers))}: {archive}")
