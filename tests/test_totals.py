"""The normal form of control totals: one text for one value."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portability.errors import FormatError
from portability.totals import date_text, normal_float, normal_number, time_text, timestamp_text

NUMBERS = {
    "12.50": "12.5",
    "1000": "1000",
    "1000.000": "1000",
    "-0": "0",
    "-0.00": "0",
    "0E-10": "0",
    "+7": "7",
    "007": "7",
    ".5": "0.5",
    "-.00001": "-0.00001",
    "5.": "5",
    " 5 ": "5",
    "1E+3": "1000",
    "1.25e1": "12.5",
    "1e-7": "0.0000001",
    "99999999999999999999999999999999999999.9999999999": "99999999999999999999999999999999999999.9999999999",
}


@pytest.mark.parametrize("text", NUMBERS)
def test_normal_number_writes_one_text_for_one_value(text: str) -> None:
    """However a database prints a number, the result is the plain one, and is its own normal form."""
    assert normal_number(text) == NUMBERS[text]
    assert normal_number(NUMBERS[text]) == NUMBERS[text]


@pytest.mark.parametrize(
    "text", ["", "-", ".", "NaN", "Infinity", "1_000", "1,5", "0x10", "\u0661", "1e9999999", "1 2"]
)
def test_normal_number_refuses_what_is_no_finite_number(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(FormatError):
        normal_number(text)


def test_normal_number_refuses_a_number_that_would_fill_the_memory() -> None:
    """An exponent of six digits is short to write and long to spell out."""
    with pytest.raises(FormatError, match="too many digits"):
        normal_number("1e999999")


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_normal_number_keeps_the_value_exactly(value: Decimal) -> None:
    """The text is the same number, has no exponent, and does not end in a zero place."""
    text = normal_number(str(value))
    assert Decimal(text) == value
    assert "E" not in text
    assert "." not in text or text[-1] not in "0."


@given(st.floats(allow_nan=False))
def test_normal_float_gives_the_same_bits_back(value: float) -> None:
    """The text is the shortest that reads back as the same float; negative zero is zero."""
    back = float(normal_float(value))
    assert back == value
    assert math.copysign(1, back) == math.copysign(1, value) or value == 0


@given(st.dates())
def test_date_text_agrees_with_the_calendar(day: date) -> None:
    """From year 1 to 9999 the text is Python's own."""
    assert date_text((day - date(1970, 1, 1)).days) == day.isoformat()


@pytest.mark.parametrize(
    ("days", "text"),
    [(2_932_897, "10000-01-01"), (-719_163, "0000-12-31"), (-719_528, "0000-01-01"), (-735_233, "-0043-01-01")],
)
def test_date_text_goes_on_where_the_calendar_of_python_ends(days: int, text: str) -> None:
    """Open-ended dates past 9999 and dates before year 1 have a text too; year zero is 1 BC."""
    assert date_text(days) == text


@given(st.datetimes())
def test_timestamp_text_has_six_places_always(moment: datetime) -> None:
    """The text is ISO 8601 with microseconds, before 1970 too."""
    microseconds = (moment - datetime(1970, 1, 1)) // timedelta(microseconds=1)  # noqa: DTZ001 -- naive on both sides
    assert timestamp_text(microseconds) == moment.isoformat(timespec="microseconds")


@given(st.times())
def test_time_text_has_six_places_always(moment: object) -> None:
    """A time of day is written like the end of a timestamp."""
    at = datetime.combine(date(1970, 1, 1), moment, UTC)  # type: ignore[arg-type]
    microseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    assert time_text(microseconds) == at.time().isoformat(timespec="microseconds")
