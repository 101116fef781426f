"""What the agent's commands say: receive, deadman, status, prune, hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from portability.escrow.status.deadman import span_text
from portability.plurals import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from portability.escrow.receiving.job import Received
    from portability.escrow.retention.holds import Hold
    from portability.escrow.retention.planning import Plan
    from portability.escrow.retention.pruning import Pruned
    from portability.escrow.status.deadman import ChainStanding
    from portability.output import Output

__all__ = ["holds", "plans", "pruned", "received", "standings"]


def received(output: Output, done: Received) -> None:
    """Tell what arrived and how it was found."""
    output.result({"ok": done.ok, **msgspec.to_builtins(done)})
    rows = [
        (
            each.agreement,
            each.sequence,
            each.result,
            each.chain.kind if each.chain else "",
            each.size_bytes,
            each.signer or "nobody trusted",
            ", ".join(sorted({found.code for found in each.findings if found.severity != "note"})),
        )
        for each in done.receipts
    ]
    if rows:
        output.table("Received", ["agreement", "number#", "result", "kind", "octets#", "signed by", "findings"], rows)
    again = sum(1 for each in done.receipts if "replaces_sha256" in each.before)
    judged = f", {again:,} judged anew" if again else ""
    output.line(f"{counted(len(done.receipts) - again, 'new deposit')}, {done.known:,} looked at again{judged}.")
    for each in done.receipts:
        for found in each.findings:
            if found.severity == "error":
                shown = "; ".join(found.details)
                output.line(
                    f"FAILED {each.agreement} {each.sequence}: {found.code} {found.text} ({shown or found.place})"
                )
    for found in done.findings:
        shown = f" ({'; '.join(found.details)})" if found.details else ""
        output.line(
            f"{'ALARM' if found.severity == 'error' else 'Note'}: {found.code} {found.place}: {found.text}{shown}"
        )
    for place in done.under_way:
        output.line(f"Under way: {place}")


def standings(output: Output, found: Sequence[ChainStanding]) -> None:
    """Show how deposits stand, as a manager reads it."""
    output.result({"ok": not any(each.overdue for each in found), "chains": msgspec.to_builtins(list(found))})
    rows = [
        (
            each.job or each.customer,
            each.agreement,
            each.deposit_class,
            each.standing,
            each.sequence or "none",
            span_text(each.age_s) if each.sequence else "",
            _due(each),
            each.verified,
            each.drilled_at[:10] or "never",
        )
        for each in found
    ]
    columns = [
        "job" if any(each.job for each in found) else "customer",
        "agreement",
        "class",
        "standing",
        "last good",
        "age",
        "next due",
        "verified",
        "last drill",
    ]
    output.table("", columns, rows)
    for each in found:
        for text in filter(None, (each.note, *each.checks_overdue)):
            output.line(f"{each.agreement or each.deposit_class}: {text}")


def _due(each: ChainStanding) -> str:
    if not each.next_by:
        return ""
    late = f", {span_text(each.overdue_s)} ago" if each.overdue_s else ""
    return f"{each.next_by[:16].replace('T', ' ')} UTC{late}"


def plans(output: Output, found: Sequence[Plan], requested: Sequence[dict[str, Any]]) -> None:
    """Show what would be deleted; of what stays no reason is given, so that none is missing where there is a hold."""
    documents = [
        {
            "agreement": each.agreement,
            "kept": [fate.sequence for fate in each.fates if fate.kept],
            "deleted": [fate.sequence for fate in each.deleted],
        }
        for each in found
    ]
    output.result({"plan": documents, "requests": list(requested)})
    rows = [
        (each.agreement, fate.sequence, "stays" if fate.kept else "goes", fate.received_at, fate.size_bytes)
        for each in found
        for fate in each.fates
    ]
    output.table("", ["agreement", "number#", "", "received", "octets#"], rows)
    going = sum(len(each.deleted) for each in found)
    output.line(f"{counted(going, 'deposit')} would go. Nothing was touched; --execute deletes them.")


def pruned(output: Output, done: Pruned) -> None:
    """Tell what was deleted."""
    output.result({"deleted": list(done.deleted), "certificates": [str(each) for each in done.certificates]})
    rows = [(each["agreement"], each["sequence"], each["why"], each["size_bytes"]) for each in done.deleted]
    if rows:
        output.table("Deleted", ["agreement", "number#", "why", "octets#"], rows)
    output.line(f"{counted(len(done.deleted), 'deposit')} deleted.")
    for each in done.certificates:
        output.line(f"Certificate: {each}")


def holds(output: Output, found: Sequence[Hold]) -> None:
    """Show the holds that stand, to the agent."""
    output.result({"holds": msgspec.to_builtins(list(found))})
    rows = [(h.number, h.agreement, ", ".join(map(str, h.sequences)) or "all", h.placed_at, h.placed_by) for h in found]
    output.table("", ["hold", "agreement", "deposits", "placed", "by"], rows)


def written(output: Output, path: Path, document: dict[str, Any]) -> None:
    """Tell where a document and its signature lie."""
    output.result({**document, "path": str(path)})
    output.line(f"{path}, signed: {path.name}.sig")
