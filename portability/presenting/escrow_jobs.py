"""What ``portability escrow check`` and ``prepare`` say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from portability.archive import DATA
from portability.errors import PortabilityError
from portability.escrow.sources.layout import COMPLETENESS_JSON
from portability.manifest import read_json
from portability.presenting.depositories import described

if TYPE_CHECKING:
    from portability.depositories import CheckedDepository
    from portability.escrow.jobs import PolicyFinding, PolicyReport
    from portability.escrow.sources import PreparedBag
    from portability.output import Output

__all__ = ["bags", "policy"]


def policy(
    output: Output,
    reports: Sequence[PolicyReport],
    obstacles: Sequence[Sequence[PolicyFinding]],
    places: Sequence[Sequence[CheckedDepository]] | None = None,
) -> None:
    """Say of each job who opens its deposits, what the policy finds, and what keeps it from running here.

    Args:
        places: The depositories of each that were logged in to and can take deposits, where that was asked for.
    """
    triples = list(zip(reports, obstacles, places or [()] * len(reports), strict=True))
    output.result(
        {
            "jobs": [
                {
                    **msgspec.to_builtins(each),
                    "is_kept": each.is_kept,
                    "obstacles": msgspec.to_builtins(list(found)),
                    **({} if places is None else {"depositories": msgspec.to_builtins(list(reached))}),
                }
                for each, found, reached in triples
            ]
        }
    )
    for report, found, reached in triples:
        can_run = "" if not found else ", CANNOT RUN HERE"
        output.line(
            f"{report.job}: class {report.deposit_class}, policy {'kept' if report.is_kept else 'NOT KEPT'}{can_run}"
        )
        groups = [" with ".join(group) for group in report.openers]
        shown = "; ".join(groups[:10]) + (f"; and {len(groups) - 10} more" if len(groups) > 10 else "")  # noqa: PLR2004
        output.line(f"  opened by    {shown}")
        for each in (*report.findings, *found):
            output.line(f"  {each.severity:<12} {each.place}: {each.text}")
            if each.mend:
                output.line(f"               {each.mend}")
        for line in (line for each in reached for line in described(each)):
            output.line(f"  {line}")


def bags(output: Output, prepared: Sequence[PreparedBag], out: Path) -> None:
    """Say what was prepared and what is absent from it."""
    output.result({"bags": [_bag(each, out) for each in prepared]})
    for each in prepared:
        root = out / each.root.name
        output.line(f"Prepared {root}")
        output.line(f"  agreement    {each.agreement}, class {each.deposit_class}")
        output.line(f"  content      SHA-256 {each.content_sha256}")
        for item in _items(root):
            if not item["present"]:
                output.line(f"  absent       {item['name']}: {item.get('reason') or item['about']}")
    output.line("Nothing of this is encrypted. Delete it when you have looked at it.")


def _bag(each: PreparedBag, out: Path) -> dict[str, Any]:
    root = out / each.root.name
    return {
        "root": str(root),
        "agreement": each.agreement,
        "deposit_class": each.deposit_class,
        "recipients": [one.name for one in each.recipients],
        "threshold": each.threshold,
        "watermark": each.watermark,
        "content_sha256": each.content_sha256,
        "items": _items(root),
    }


def _items(root: Path) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = read_json(root / DATA / COMPLETENESS_JSON, dict[str, Any])["items"]
    except PortabilityError:
        return []  # a bag of class access
    return found
