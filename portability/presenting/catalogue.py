"""What the commands on the catalogue say."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portability.catalogue import CatalogueFacts
    from portability.output import Output

__all__ = ["checked", "upgraded"]


def upgraded(output: Output, facts: CatalogueFacts) -> None:
    """Tell what was done."""
    output.result(facts)
    if facts.revision_before is None:
        what = "New catalogue"
    elif facts.revision_before == facts.revision:
        what = "Up to date already"
    else:
        what = f"Upgraded from {facts.revision_before}"
    output.line(f"{what}: {facts.address}")
    _facts(output, facts)


def checked(output: Output, facts: CatalogueFacts) -> None:
    """Tell that it can be used."""
    output.result(facts)
    output.line(f"In order: {facts.address}")
    _facts(output, facts)


def _facts(output: Output, facts: CatalogueFacts) -> None:
    output.line(f"  catalogue  {facts.id}")
    output.line(f"  schema     {facts.revision} ({facts.tables} tables)")
