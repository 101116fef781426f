"""ODBC's own types: what a column of each becomes, and the two forms in which its values are asked for.

The first form is the one that is kept, the most literal that ODBC has: characters for exact numbers, dates and times,
the machine's own double for binary floats (characters would be rounded), bytes for bytes. The second is another
conversion of the driver's where it has an exact one, and is compared. A type that ODBC does not know, and one that
loses its offset on the way, is refused before a row is read.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from portability.connectors.files_types import TEXT, conversion_of, shaped_as

if TYPE_CHECKING:
    from portability.connectors.files_types import Conversion

__all__ = ["Reading", "declared", "reading_of"]

_DIGITS_MAX = 38
_LONG = frozenset({-1, -4, -10})
_TEXTS = frozenset({1, 12, -1, -8, -9, -10})
_OCTETS = frozenset({-2, -3, -4})
_EXACT = frozenset({2, 3})
_FLOATS = frozenset({6, 7, 8})
_INTEGERS = frozenset({-6, 5, 4})
_BIGINT = -5
_INTERVALS = range(101, 114)
# Of what is left: the declared type in a file's words, and both forms.
_OTHERS = {
    -7: ("boolean", "narrow", "bit"),
    9: ("date", "narrow", "date"),
    91: ("date", "narrow", "date"),
    # ODBC's own time has no fraction.
    10: ("time", "narrow", "text"),
    92: ("time", "narrow", "text"),
    11: ("timestamp", "narrow", "timestamp"),
    93: ("timestamp", "narrow", "timestamp"),
    -11: ("uuid", "narrow", "guid"),
}
_CURRENCY, _CURRENCY_DIGITS = re.compile("money|currency", re.IGNORECASE), (19, 4)  # Access says no more of it
_OFFSET = re.compile(r"time ?zone|tz\b|offset", re.IGNORECASE)
# On Windows, characters of one byte are those of one region: what is of another would arrive as question marks.
_SECOND_OF_TEXT = "text" if sys.platform == "win32" else "characters"
_SIZED = _TEXTS - _LONG | _OCTETS - _LONG


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a column's values are read: what their texts mean, and the names of two forms (``odbc_calls.FORMS``)."""

    conversion: Conversion
    forms: tuple[str, str]
    # Characters or bytes that the declaration promises at most; None where it promises nothing.
    width: int | None = None
    is_long: bool = False


def declared(name: str, code: int, size: int | None, digits: int | None) -> str:
    """Return a column's type as it would be declared."""
    if "(" in name or not size:
        return name
    if code in _SIZED:
        return f"{name}({size})"
    return f"{name}({size},{digits or 0})" if code in _EXACT else name


def reading_of(name: str, code: int, size: int | None, digits: int | None, *, unsigned: bool) -> Reading | str:
    """Return how values of a type are read, or the reason why they are not.

    Args:
        name: The type in the DBMS's words.
        code: ODBC's number of it.
        size: Characters, bytes or digits.
        digits: Decimal places.
        unsigned: Whether numbers have no sign.
    """
    width = size or None if code in _SIZED else None
    if code in _TEXTS:
        return Reading(conversion=TEXT, forms=("text", _SECOND_OF_TEXT), width=width, is_long=code in _LONG)
    if code in _OCTETS:
        hexadecimal = conversion_of("hex", place=name)
        return Reading(conversion=hexadecimal, forms=("octets", "octets"), width=width, is_long=code in _LONG)
    if code in _EXACT:
        if not size and _CURRENCY.search(name):
            size, digits = _CURRENCY_DIGITS
        return Reading(conversion=_decimal(size or 0, digits or 0), forms=("narrow", "text"))
    if code in _FLOATS:
        return Reading(conversion=conversion_of("float", place=name), forms=("double", "narrow"))
    if code in _INTEGERS or code == _BIGINT:
        wide = unsigned and code == _BIGINT
        integer = shaped_as(pa.uint64() if wide else pa.int64(), "integer")
        return Reading(conversion=integer, forms=("narrow", "unsigned" if wide else "integer"))
    if code in _INTERVALS:
        return Reading(conversion=TEXT, forms=("narrow", "text"))
    if code not in _OTHERS:
        return f"its type is none of ODBC's ({name}, {code})"
    word, *forms = _OTHERS[code]
    if _OFFSET.search(name):
        return f"ODBC gives a {name} without its offset"
    return Reading(conversion=conversion_of(word, place=name), forms=(forms[0], forms[1]))


def _decimal(size: int, digits: int) -> Conversion:
    """A number of declared digits; text where no decimal of an archive has as many."""
    if 0 < size <= _DIGITS_MAX and 0 <= digits <= size:
        return shaped_as(pa.decimal128(size, digits), f"decimal({size},{digits})")
    return TEXT
