"""What the commands on the audit chain say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portability.catalogue import moment_text
from portability.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from portability.auditing import ChainReport, Checkpoint, Entry
    from portability.output import Output

__all__ = ["exported", "listed", "signed", "verified"]


def verified(output: Output, report: ChainReport) -> None:
    """Tell what was found in a chain; a broken one as well."""
    output.result(_document(report))
    output.line(f"Audit chain of catalogue {report.catalogue}: {'whole' if report.is_whole else 'BROKEN'}")
    output.line(f"  entries      {report.entries:,}, signed up to {report.signed_until:,}")
    output.line(f"  checkpoints  {report.checkpoints:,}, {counted(report.anchors, 'anchor')} compared")
    for signer in report.signers:
        output.line(f"  signed by    {signer}")
    for fault in report.faults:
        output.line(f"  ! {fault.place}: {fault.message}")
    if report.faults_total > len(report.faults):
        output.line(f"  ! and {report.faults_total - len(report.faults):,} more")
    if report.first_bad is not None:
        output.line(f"  first broken entry: {report.first_bad}")
    for note in report.notes:
        output.line(f"  {note}")


def _document(report: ChainReport) -> dict[str, Any]:
    faults = [vars(fault) for fault in report.faults]
    # How many slots the sealed chain has says how many runs there were; no listing says it.
    plain = {name: value for name, value in vars(report).items() if name != "slots"}
    return plain | {"faults": faults, "whole": report.is_whole}


def listed(output: Output, entries: Sequence[Entry], found: int) -> None:
    """List entries."""
    output.result({"entries": [entry.to_dict() for entry in entries], "found": found})
    columns = ("entry#", "at", "actor", "action", "outcome", "subject", "purpose", "basis")
    rows = [
        (one.sequence, one.at, one.actor, one.action, one.outcome, one.subject, one.purpose, one.basis)
        for one in entries
    ]
    output.table(f"{len(entries):,} of {counted(found, 'entry', 'entries')}", columns, rows)


def exported(output: Output, file: Path, entries: int) -> None:
    """Tell of an exported chain."""
    output.result({"file": str(file), "entries": entries})
    output.line(f"{counted(entries, 'entry', 'entries')}: {file}")
    output.line(f"Anyone can check it: portability audit verify {file} --trust FILE")


def signed(output: Output, made: Checkpoint, anchor: Path | None) -> None:
    """Tell of a checkpoint."""
    document = {
        "number": made.number,
        "sequence": made.sequence,
        "hash": made.hash,
        "at": moment_text(made.at),
        "next_by": moment_text(made.next_by),
        "fingerprint": made.fingerprint,
        "anchor": None if anchor is None else str(anchor),
    }
    output.result(document)
    output.line(f"Checkpoint {made.number}: entries 1 to {made.sequence:,} signed by {made.fingerprint}")
    output.line(f"  next due by  {moment_text(made.next_by)}")
    if anchor is None:
        output.line("  ! Without --to FILE, kept elsewhere, nobody notices when the whole catalogue is rolled back.")
    else:
        output.line(f"  written to   {anchor}; keep a copy where the catalogue's owner cannot write")
