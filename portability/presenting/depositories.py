"""What the check of a depository says: what it can do, and what a person should know before relying on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.depositories import CheckedDepository
    from portability.output import Output

__all__ = ["checked", "described"]

_RENAMES = {
    "refuses": "refuses a name that is taken",
    "links": "overwrites; a link refuses instead",
    "checked": "overwrites; the name is looked for first",
}


def checked(output: Output, depositories: Sequence[CheckedDepository]) -> None:
    """Tell of depositories that were tried."""
    output.result({"depositories": list(depositories)})
    for each in depositories:
        for line in described(each):
            output.line(line)


def described(each: CheckedDepository) -> list[str]:
    """Return the lines that tell of a depository that can take deposits."""
    found = each.capabilities
    free = "does not say" if each.free_bytes is None else f"{each.free_bytes} bytes"
    return [
        f"{each.name}: can take deposits",
        f"  address       {each.url}",
        f"  what it is    {found.kind}, {found.server}",
        f"  space left    {free}",
        f"  flushes       files: {_yes(found.sync)}, folders: {_yes(found.sync_folders)}",
        f"  hard links    {_yes(found.hard_links)}",
        f"  its rename    {_RENAMES[found.rename]}",
        *(f"  ! {note}" for note in found.notes),
    ]


def _yes(answer: bool) -> str:  # noqa: FBT001 -- a word for it
    return "yes" if answer else "no"
