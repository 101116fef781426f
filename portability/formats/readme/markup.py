"""HTML that cannot be injected into: a plain text becomes markup only by being escaped.

Every function here takes texts and markup side by side; a ``str`` that is not :class:`Html` is data and is escaped.
So forgetting is impossible: what was not marked as markup on purpose is shown as it is written.
"""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Iterable, Sequence

__all__ = ["Content", "Html", "data", "element", "join", "link", "shorten", "table"]

_LENGTH_MAX = 240
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_NEEDED = "\n\u200c\u200d"  # a line's end; the joiners that some scripts spell names with


class Html(str):
    """Text that is markup already."""

    __slots__ = ()


Content = str | Html


def element(tag: str, *children: Content, **attributes: str) -> Html:
    """Return an element. An attribute ``class_`` is written ``class``, ``aria_label`` is ``aria-label``."""
    written = "".join(f' {name.rstrip("_").replace("_", "-")}="{_escape(text)}"' for name, text in attributes.items())
    return Html(f"<{tag}{written}>{join(children)}</{tag}>")


def join(parts: Iterable[Content]) -> Html:
    """Return parts one after the other, each text among them escaped."""
    return Html("".join(part if isinstance(part, Html) else _escape(part) for part in parts))


def data(text: str, *, length_max: int = _LENGTH_MAX) -> Html:
    """Return a text of the firm's data: isolated, so that it turns no neighbour round, and not endless."""
    return element("bdi", shorten(text, length_max))


def shorten(text: str, length_max: int = _LENGTH_MAX) -> str:
    """Return a text that is not endless."""
    return text if len(text) <= length_max else f"{text[:length_max]}…"


def link(target: str) -> Html:
    """Return a link to a file of the archive, named by its path."""
    return element("a", element("code", target), href=target)


def table(caption: Content, header: Sequence[Content], rows: Iterable[Sequence[Content]], *, numeric: int = 1) -> Html:
    """Return a table whose last ``numeric`` columns hold numbers; the first cell of each row names the row."""
    first_number = len(header) - numeric
    head = element("tr", *(_cell("th", text, at >= first_number, scope="col") for at, text in enumerate(header)))
    body = [
        element(
            "tr",
            _cell("th", row[0], first_number <= 0, scope="row"),
            *(_cell("td", text, at >= first_number) for at, text in enumerate(row[1:], start=1)),
        )
        for row in rows
    ]
    inner = element("table", element("caption", caption), element("thead", head), element("tbody", *body))
    return element("div", inner, class_="table")


def _cell(tag: str, text: Content, is_number: bool, **attributes: str) -> Html:  # noqa: FBT001 -- a private shorthand
    return element(tag, text, **attributes, **({"class_": "number"} if is_number else {}))


def _escape(text: str) -> str:
    return html.escape("".join("\ufffd" if _is_hidden(c) else c for c in text), quote=True)


def _is_hidden(character: str) -> bool:
    """Tell whether a character shows nothing of itself: controls, and what changes the direction of others."""
    return unicodedata.category(character) in _HIDDEN and character not in _NEEDED
