"""The normal form of control totals: one text for one value, whichever SQL dialect computed it.

The source's own SQL and DuckDB over the Parquet files print the same number in different ways (``12.50``, ``12.5``,
``1.25E1``). Totals are compared as text, so both sides pass through here first. Nothing here rounds.
"""

from __future__ import annotations

import re
from decimal import Decimal

from portability.errors import FormatError

__all__ = ["date_text", "normal_float", "normal_number", "time_text", "timestamp_text"]

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?")
# PostgreSQL's widest numeric has 131,072 digits before the point and 16,383 after it.
_DIGITS_MAX = 150_000
_DAY_US = 86_400_000_000
_ERA_DAYS = 146_097  # days in 400 Gregorian years


def normal_number(text: str) -> str:
    """Write an integer or decimal without exponent, trailing zeros, leading zeros, plus sign or negative zero.

    Examples:
        >>> [normal_number(text) for text in ("12.50", "-0.00", "1E+3", "007")]
        ['12.5', '0', '1000', '7']

    Raises:
        FormatError: The text is no finite decimal number, or has more digits than any source can hold.
    """
    stripped = text.strip()
    if len(stripped) > _DIGITS_MAX or not _NUMBER.fullmatch(stripped):
        raise FormatError("a control total is not a finite number")
    number = Decimal(stripped)
    if not number:
        return "0"
    if abs(number.adjusted()) > _DIGITS_MAX:
        raise FormatError("a control total has too many digits")
    plain = format(number, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def normal_float(value: float) -> str:
    """Write a binary float as its shortest text that gives the same bits back; negative zero is ``0.0``.

    Examples:
        >>> [normal_float(value) for value in (1.5, -0.0, float("-inf"))]
        ['1.5', '0.0', '-inf']
    """
    return repr(value + 0.0)


def date_text(days: int) -> str:
    """Write days since 1970-01-01 as an ISO 8601 date, proleptic Gregorian with a year zero (44 BC is ``-0043``).

    Examples:
        >>> [date_text(days) for days in (0, 2_932_896, 2_932_897, -719_529)]
        ['1970-01-01', '9999-12-31', '10000-01-01', '-0001-12-31']
    """
    # Python's own dates end at both 0001 and 9999; open-ended dates of legal systems lie on or past both. The calendar
    # repeats every 400 years, counted here from 0000-03-01 so that a leap day ends its year.
    era, day_of_era = divmod(days + 719_468, _ERA_DAYS)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153  # March is 0
    month = shifted + 3 if shifted < 10 else shifted - 9  # noqa: PLR2004 -- January and February are 10 and 11
    year = era * 400 + year_of_era + (month <= 2)  # noqa: PLR2004 -- they belong to the next year
    return f"{'-' if year < 0 else ''}{abs(year):04d}-{month:02d}-{day_of_year - (153 * shifted + 2) // 5 + 1:02d}"


def time_text(microseconds: int) -> str:
    """Write microseconds since midnight as ``HH:MM:SS.ffffff``.

    Examples:
        >>> time_text(3_600_000_001)
        '01:00:00.000001'
    """
    seconds, fraction = divmod(microseconds, 1_000_000)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{fraction:06d}"


def timestamp_text(microseconds: int) -> str:
    """Write microseconds since 1970-01-01T00:00:00 as ``YYYY-MM-DDTHH:MM:SS.ffffff``; for instants the time is UTC.

    Examples:
        >>> timestamp_text(-1)
        '1969-12-31T23:59:59.999999'
    """
    days, within = divmod(microseconds, _DAY_US)
    return f"{date_text(days)}T{time_text(within)}"
