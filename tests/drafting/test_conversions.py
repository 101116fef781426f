"""Conversions lose nothing: each is run over real values, and its type is one that the engine accepts."""

from __future__ import annotations

from decimal import Decimal

import duckdb
import pytest

from portability.drafting.conversions import convert
from portability.drafting.survey import SurveyedColumn
from portability.manifest import Column
from portability.mapping import define_macros
from portability.mapping.casts import cast_field
from portability.model import Field
from portability.profiles import bare_profile


def column(kind: str, name: str = "c") -> SurveyedColumn:
    """A column of one SQL type."""
    declared = Column(name=name, position=1, native_type=kind)
    return SurveyedColumn(name=name, kind=kind, words=(name,), non_null=1, size_bytes=1, column=declared)


def run(logical: str, kind: str, values: list[object], name: str = "c") -> list[tuple[str | None, str | None]]:
    """Convert values and return each as text, with what is kept of it when it cannot be read."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    define_macros(connection, bare_profile())
    connection.execute(f'CREATE TABLE rows ("{name}" {kind})')
    connection.executemany("INSERT INTO rows VALUES (?)", [[value] for value in values])
    samples = [str(value) for value in values if value is not None]
    expression = convert(logical, column(kind, name), samples, "'Europe/London'")
    assert expression is not None
    unreadable = expression.unreadable or "NULL"
    query = f"SELECT {expression.sql} AS field, {unreadable} FROM rows AS t"
    (described, *_) = connection.execute(f"DESCRIBE ({query})").fetchall()
    cast_field(Field(name="field", type=logical, pd="none", doc=""), described[1], "here")
    return connection.execute(f"SELECT field::VARCHAR, kept FROM ({query}) AS x(field, kept)").fetchall()


@pytest.mark.parametrize(
    ("logical", "kind", "values", "expected"),
    [
        ("date", "VARCHAR", ["31/01/2024", "1/2/2024", "ca. 1999", ""], ["2024-01-31", "2024-02-01", None, None]),
        ("date", "VARCHAR", ["01/31/2024", "02/01/2024"], ["2024-01-31", "2024-02-01"]),
        ("date", "VARCHAR", ["31.01.2024", "2024-02-29"], ["2024-01-31", "2024-02-29"]),
        ("date", "TIMESTAMP", ["2024-01-31 23:59:59"], ["2024-01-31"]),
        ("date", "TIMESTAMP WITH TIME ZONE", ["2024-06-30 23:30:00+00"], ["2024-07-01"]),
        ("date", "INTEGER", [20240131, 20240230], ["2024-01-31", None]),
        ("timestamp", "TIMESTAMP", ["2024-07-01 12:00:00"], ["2024-07-01 11:00:00+00"]),
        ("timestamp", "BIGINT", [1_700_000_000], ["2023-11-14 22:13:20+00"]),
        ("timestamp", "BIGINT", [1_700_000_000_123], ["2023-11-14 22:13:20.123+00"]),
        ("timestamp", "VARCHAR", ["2024-01-31 10:00", "soon"], ["2024-01-31 10:00:00+00", None]),
        ("decimal(19,4)", "DOUBLE", [0.1, 1e-7], ["0.1000", None]),
        ("decimal(19,4)", "VARCHAR", ["1.50", "1,234", "2"], ["1.5000", None, "2.0000"]),
        ("decimal(19,4)", "VARCHAR", ["1.234,50", "195,00"], ["1234.5000", "195.0000"]),
        ("decimal(19,4)", "DECIMAL(38,10)", [Decimal("1.5"), Decimal("0.00001")], ["1.5000", None]),
        ("decimal(19,4)", "INTEGER", [7], ["7.0000"]),
        ("int", "VARCHAR", ["7", "8", "nine"], ["7", "8", None]),
        ("int", "DOUBLE", [7.5, 7.0], [None, "7"]),
        ("bool", "VARCHAR", ["Y", "N"], ["true", "false"]),
        ("bool", "VARCHAR", ["Ja", "Nee"], ["true", "false"]),
        ("bool", "INTEGER", [1, 0], ["true", "false"]),
        ("string", "INTEGER", [42], ["42"]),
        ("json", "VARCHAR", ['a "b"'], ['"a \\"b\\""']),
    ],
)
def test_values_are_read_exactly_or_kept_as_text(
    logical: str, kind: str, values: list[object], expected: list[str | None]
) -> None:
    """What cannot be read is null and stands, as it was, beside it."""
    found = run(logical, kind, values)
    assert [value for value, _ in found] == expected
    for original, (value, kept) in zip(values, found, strict=True):
        assert (value is None and str(original).strip() != "") == (kept is not None)


def test_a_column_named_utc_is_not_local() -> None:
    """The name overrides the profile's zone."""
    assert run("timestamp", "TIMESTAMP", ["2024-07-01 12:00:00"], name="utc_made") == [("2024-07-01 12:00:00+00", None)]


def test_day_and_month_that_cannot_be_told_apart_are_a_guess_of_low_confidence() -> None:
    """01/02 alone says nothing; one 31/01 decides it."""
    unsure = convert("date", column("VARCHAR"), ["01/02/2024"], "'UTC'")
    sure = convert("date", column("VARCHAR"), ["01/02/2024", "31/01/2024"], "'UTC'")
    assert unsure is not None
    assert sure is not None
    assert (unsure.confidence, sure.confidence) == ("low", "medium")
    assert "cannot be told" in unsure.reason


@pytest.mark.parametrize(
    ("logical", "kind", "samples"),
    [
        ("date", "VARCHAR", ["soon", "later"]),
        ("decimal(19,4)", "VARCHAR", ["about ten"]),
        ("bool", "VARCHAR", ["maybe"]),
        ("bool", "DATE", []),
        ("timestamp", "INTEGER", ["5"]),
        ("string", "BLOB", []),
        ("int", "VARCHAR", ["A1", "B2"]),
    ],
)
def test_what_does_not_look_like_the_type_is_refused(logical: str, kind: str, samples: list[str]) -> None:
    """The column then stays in extras as it is."""
    assert convert(logical, column(kind), samples, "'UTC'") is None
