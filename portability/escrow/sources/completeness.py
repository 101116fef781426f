"""The completeness report: what a stranger needs to build and run the product, each item present or absent, with why.

An item that is required and absent stops the deposit: most deposits that agents analyse are incomplete, and nobody
notices before the vendor is gone.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from portability.errors import ConfigError
from portability.manifest import to_json

__all__ = ["Item", "completeness_html", "completeness_json", "require_complete"]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing that a stranger would look for.

    ``reason`` says why it is absent, in the job's words; ``mend`` what the depositor can do about it.
    """

    name: str
    about: str
    present: bool
    required: bool = True
    reason: str | None = None
    mend: str = ""

    @property
    def is_missing(self) -> bool:
        """Whether it stops the deposit: required, absent, and no reason given."""
        return self.required and not self.present and self.reason is None


def require_complete(items: Sequence[Item]) -> None:
    """Refuse a deposit that lacks what it must have.

    Raises:
        ConfigError: With the first missing item; all are in the details.
    """
    missing = [each for each in items if each.is_missing]
    if missing:
        more = f" ({len(missing) - 1} more missing)" if len(missing) > 1 else ""
        raise ConfigError(
            f"the deposit is not complete: {missing[0].about}{more}",
            place=missing[0].name,
            hint=missing[0].mend,
            details=[f"{each.name}: {each.about}" for each in missing],
        )


def completeness_json(product: str, items: Sequence[Item], notes: Sequence[str]) -> bytes:
    """Return the report for programs."""
    return to_json({"items": msgspec.to_builtins(list(items)), "notes": list(notes), "product": product})


_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Completeness of the deposit of {product}</title>
<style>
body{{font-family:sans-serif;max-width:60em;margin:2em auto}}
td,th{{text-align:left;vertical-align:top;padding:.3em .8em .3em 0;border-bottom:1px solid #ccc}}
.absent{{color:#a00}}
</style></head><body>
<h1>What a stranger needs to build {product}</h1>
<p>{present} of {number} items are in this deposit. What is absent is absent for the reason that stands beside it.
How to put it together is in RESTORE.md.</p>
<table><tr><th>Item</th><th>In the deposit</th><th>What it is</th></tr>
{rows}</table>
{notes}</body></html>
"""


def completeness_html(product: str, items: Sequence[Item], notes: Sequence[str]) -> bytes:
    """Return the report as a page that opens by double click."""
    rows = "".join(
        f"<tr><td>{html.escape(each.name)}</td><td{'' if each.present else ' class=absent'}>"
        f"{'yes' if each.present else 'no'}</td><td>{html.escape(each.about)}"
        f"{f'<br>Reason: {html.escape(each.reason)}' if each.reason else ''}</td></tr>\n"
        for each in items
    )
    listed = "".join(f"<li>{html.escape(note)}</li>\n" for note in notes)
    return _PAGE.format(
        product=html.escape(product),
        present=sum(each.present for each in items),
        number=len(items),
        rows=rows,
        notes=f"<h2>Worth knowing</h2>\n<ul>{listed}</ul>\n" if notes else "",
    ).encode()
