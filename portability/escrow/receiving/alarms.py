"""Alarms: what lies otherwise than it was received, remembered once when it begins and once when it is over.

A line of the memory for each, and no more words in it than a code and a place: a vendor chooses names and how many
files there are, and must not be able to fill the memory with them. Legal order: ``standing_alarms``, then
``remember_alarms`` with all that is wrong now.
"""

from __future__ import annotations

from collections.abc import Iterable

from portability.escrow.receiving.findings import Found
from portability.escrow.receiving.memory import Memory

__all__ = ["remember_alarms", "standing_alarms"]


def standing_alarms(memory: Memory) -> set[tuple[str, str]]:
    """Return what was wrong when it was last looked at: codes and places."""
    standing: set[tuple[str, str]] = set()
    for each in memory.records("alarm"):
        key = (each["code"], each["place"])
        if each["over"]:
            standing.discard(key)
        else:
            standing.add(key)
    return standing


def remember_alarms(memory: Memory, errors: Iterable[Found], *, at: str) -> None:
    """Remember what is wrong since this run, and what no longer is."""
    before, now = standing_alarms(memory), {(each.code, each.place) for each in errors}
    for over, keys in ((False, now - before), (True, before - now)):
        for code, place in sorted(keys):
            memory.append({"kind": "alarm", "at": at, "code": code, "place": place, "over": over})
