"""How LEDES writes texts and amounts, and a reader that adds a written file up again."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING

from portability.converting import ledes_fields as fields
from portability.errors import FormatError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["amount", "field_text", "read_back"]

_SPACES = re.compile(r"[\x00-\x20\x7f\x85\u2028\u2029]+")
_SYMBOLS = str.maketrans(
    {"£": "GBP ", "€": "EUR ", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "ß": "ss"}
)


def amount(value: Decimal) -> str:
    """Write an amount: a point, at least two places, at most four, no exponent."""
    places = max(2, -int(value.normalize().as_tuple().exponent))
    return f"{value:.{places}f}"


def field_text(text: str, *, ascii_only: bool) -> tuple[str, tuple[str, ...]]:
    """Return a text as a field may hold it, and what had to be changed."""
    changed = []
    plain = text.replace("|", "/").replace("[]", "()")
    if plain != text:
        changed.append("| or [] in texts, written as / and ()")
    spaced = _SPACES.sub(" ", plain)
    if spaced != plain:
        changed.append("line ends and control characters in texts, written as spaces")
    if ascii_only and not spaced.isascii():
        changed.append("letters that ASCII does not have, written without accents or as ?")
        decomposed = unicodedata.normalize("NFKD", spaced.translate(_SYMBOLS))
        spaced = "".join(c for c in decomposed if not unicodedata.combining(c)).encode("ascii", "replace").decode()
    return spaced, tuple(changed)


def read_back(path: Path, form: str) -> tuple[int, int]:
    """Count a file's bills and lines, and add each bill up.

    Raises:
        FormatError: A line is not of the form, or a bill's lines do not give its total.
    """
    names = fields.FIELDS_1998B if form == "1998B" else fields.FIELDS_98BI
    number_at, total_at, line_at = (names.index(n) for n in ("INVOICE_NUMBER", "INVOICE_TOTAL", "LINE_ITEM_TOTAL"))
    bills = lines = 0
    key, left = ("", ""), Decimal(0)
    with path.open(encoding="utf-8", newline="\r\n") as stream:
        for position, line in enumerate(stream):
            values = line.removesuffix("[]\r\n").split("|")
            if not line.endswith("[]\r\n") or (position > 1 and len(values) != len(names)):
                raise FormatError("a line was not written whole", place=f"{path.name}, line {position + 1}")
            if position <= 1:
                continue
            if values[line_at - 4] == "1":  # the first line of a bill
                _balanced(path, left)
                key, left = (values[number_at], values[total_at]), Decimal(values[total_at])
                bills += 1
            if key != (values[number_at], values[total_at]):
                raise FormatError("a bill's lines are not together", place=f"{path.name}, line {position + 1}")
            left -= Decimal(values[line_at])
            lines += 1
    _balanced(path, left)
    return bills, lines


def _balanced(path: Path, left: Decimal) -> None:
    if left:
        raise FormatError("a bill's lines do not add up to its total", place=path.name)
