"""Markers: one made-up word for each firm, planted in every text that its rows and documents can carry.

Whoever exports one firm of a shared database searches everything that came out for the words of all the others: a
single one is a leak. A marker stands in names, addresses, e-mail addresses, references, notes, JSON values, file names
and the bytes of documents. It is left out where the text is a code, a typed date or a figure, because there it would
change what the row means, and where the column is narrower than the marker.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from .schema import Table
from .tables import TABLES

__all__ = ["firm_marker", "mark_row"]

_LETTERS = 26
_WIDE = 1_000_000  # a text column without a width
# Text that means something to the system: dates as typed, codes, values whose type another row gives, checksums.
_NOT_MARKED = {
    *("CT_MAST.DOB", "CL_MAST.TERMS_DT", "AML_CHK.EXPIRY", "MTR_MAST.OPEN_DT", "KEY_DATE.DUE_DT", "DOC_MAST.DOC_DT"),
    *("USR_MAST.LEFT_DT", "Deed Store.Date Executed", "CUST_VAL.FVALUE", "CUST_DEF.OPTIONS", "CONFL_CHK.HITS"),
    *("DOC_VER.MIME", "DOC_VER.FILE_PATH", "EML_MAST.FILE_PATH", "AUD_LOG.ACTION", "AUD_LOG.TABLE_NM"),
    *("USR_MAST.PWD_HASH", "USR_MAST.PWD_SALT", "USR_MAST.API_TOKEN", "COMPLNT.CATEG"),
}
_FILE_NAME = re.compile(r"(.*)(\.[a-z]{3,4})")


def firm_marker(firm_id: int) -> str:
    """Return the marker of a firm: six letters that no name, code, number or hash of the practice holds.

    >>> firm_marker(101), firm_marker(102)
    ('Zqdxxj', 'Zqdyxj')
    """
    tens, ones = divmod(firm_id % (_LETTERS * _LETTERS), _LETTERS)
    return f"Zq{chr(ord('a') + tens)}{chr(ord('a') + ones)}xj"


def mark_row(table: str, values: Mapping[str, object]) -> dict[str, object]:
    """Return a row, by its columns' names with blanks as underscores, with the marker of its firm in every text.

    A row that belongs to no firm is returned as it is.
    """
    firm_id = values.get("FIRM_ID")
    if not isinstance(firm_id, int):
        return dict(values)
    marker, widths = firm_marker(firm_id), _widths(table)
    return {
        name: _marked(value, marker, widths[name]) if isinstance(value, str) and value and name in widths else value
        for name, value in values.items()
    }


@cache
def _widths(table: str) -> dict[str, int]:
    """Return how many characters the columns hold that carry a marker."""
    (found,) = (each for each in TABLES if each.name == table)
    return {name.replace(" ", "_"): width for name, width in _texts(found)}


def _texts(table: Table) -> list[tuple[str, int]]:
    found = []
    for column in table.columns:
        word, _, size = column.kind.partition("(")
        width = int(size.rstrip(")")) if word == "varchar" else _WIDE if word in {"text", "json"} else 0
        if width >= len(firm_marker(0)) and f"{table.name}.{column.name}" not in _NOT_MARKED:
            found.append((column.name, width))
    return found


def _marked(value: str, marker: str, width: int) -> str:
    if marker in value:
        return value
    for candidate in _candidates(value, marker):
        if len(candidate) <= width:
            return candidate
    # Too narrow for both: the end of a number is what tells it from others.
    return marker + value[len(value) - min(len(value), width - len(marker)) :]


def _candidates(value: str, marker: str) -> tuple[str, ...]:
    if value.startswith("{") and value.endswith("}"):
        return (f'{value[:-1]}, "MARK": "{marker}"}}',)
    if "@" in value:
        return (value.replace("@", f".{marker}@"),)
    name = _FILE_NAME.fullmatch(value)
    if name is not None:
        return (f"{name[1]} {marker}{name[2]}",)
    separator = "" if value.isalnum() and not value.isalpha() else " "
    return f"{value}{separator}{marker}", f"{value}{marker}"
