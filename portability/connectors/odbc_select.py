"""Rewords a SELECT of ours so that each item of its list leaves the server in a form that no driver changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["split_items", "wrap_items"]

_QUOTES = {"'": "'", '"': '"', "`": "`", "[": "]"}
_HEAD = re.compile(r"SELECT (?:DISTINCT )?", re.IGNORECASE)
_WORD = re.compile(r"\w+")
_ALIAS = re.compile(r""" AS ("(?:[^"]|"")*"|`(?:[^`]|``)*`)$""")


def wrap_items(sql: str, wrap: Callable[[str], str]) -> str:
    """Return a statement with each item of its select list wrapped; one that is no SELECT as it is."""
    head = _HEAD.match(sql)
    if head is None:
        return sql
    items, rest = split_items(sql[head.end() :])
    named = ((item[: alias.start()], alias[0]) if (alias := _ALIAS.search(item)) else (item, "") for item in items)
    return head[0] + ", ".join(wrap(item) + alias for item, alias in named) + rest


def split_items(text: str) -> tuple[list[str], str]:
    """Split SQL at the commas outside of brackets and quotes, up to a FROM; return the items and the rest."""
    items, start, place, depth = [], 0, 0, 0
    while place < len(text):
        sign = text[place]
        if sign in _QUOTES:
            # A doubled quote ends one text and begins the next: the same.
            place = text.index(_QUOTES[sign], place + 1)
        elif sign in "()":
            depth += 1 if sign == "(" else -1
        elif sign == "," and not depth:
            items.append(text[start:place].strip())
            start = place + 1
        elif word := _WORD.match(text, place):
            if not depth and word[0].upper() == "FROM":
                break
            place = word.end() - 1
        place += 1
    items.append(text[start:place].strip())
    return items, f" {text[place:]}" if place < len(text) else ""
