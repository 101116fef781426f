"""SQLite's declared types: kept when every value fits them exactly, otherwise text with each value's storage class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.connectors.databases import SqliteDatabase
from tests.connectors.type_cases import Carried, Case, carry_cases, check_case

CASES: dict[str, Case] = {
    "integer": Case("INTEGER", "int64", {"9223372036854775807": "9223372036854775807", "-1": "-1", "NULL": None}),
    "integer with text": Case("INTEGER", "string", {"1": "1", "'x'": "x", "X'00FF'": "00FF", "NULL": None}),
    "integer empty": Case("BIGINT", "int64", {}),
    "decimal": Case(
        "DECIMAL(19,4)", "decimal128(19, 4)", {"12.34": "12.3400", "-0.01": "-0.0100", "5": "5.0000", "NULL": None}
    ),
    "decimal beyond scale": Case("DECIMAL(10,2)", "string", {"1.005": "1.0049999999999999", "2": "2"}),
    "decimal beyond precision": Case("NUMERIC(4,2)", "double", {"123.5": "123.5"}),
    "decimal as text": Case("DECIMAL(10,2)", "string", {"'12,50'": "12,50"}),
    "decimal empty": Case("DECIMAL(10,2)", "decimal128(10, 2)", {}),
    "boolean": Case("BOOLEAN", "bool", {"1": "True", "0": "False", "NULL": None}),
    "boolean with 2": Case("BOOLEAN", "int64", {"1": "1", "2": "2"}),
    "date": Case("DATE", "date32[day]", {"'0001-01-01'": "0001-01-01", "'9999-12-31'": "9999-12-31", "NULL": None}),
    "date impossible": Case("DATE", "string", {"'2022-02-30'": "2022-02-30", "'2022-02-28'": "2022-02-28"}),
    "date without a month": Case("DATE", "string", {"'2022-13-01'": "2022-13-01", "NULL": None}),
    "date English": Case("DATE", "string", {"'31/12/2020'": "31/12/2020"}),
    "date with spaces": Case("DATE", "string", {"' 2020-01-01'": " 2020-01-01"}),
    "datetime": Case(
        "DATETIME",
        "timestamp[us]",
        {
            "'2020-06-01 12:00:00'": "2020-06-01T12:00:00",
            "'2020-06-01T12:00:00.5'": "2020-06-01T12:00:00.500000",
            "'9999-12-31 23:59:59.999999'": "9999-12-31T23:59:59.999999",
        },
    ),
    "datetime with zone": Case("TIMESTAMP", "string", {"'2020-06-01 12:00:00Z'": "2020-06-01 12:00:00Z"}),
    "datetime as number": Case("DATETIME", "int64", {"1590000000": "1590000000"}),
    "real": Case("REAL", "double", {"0.1": "0.1", "9e999": "inf", "5e-324": "5e-324", "NULL": None}),
    "text": Case("TEXT", "string", {"'a'": "a", "''": "", "NULL": None}),
    "text with number inside": Case(
        "VARCHAR(3)", "string", {"'longer than declared'": "longer than declared", "12": "12"}
    ),
    "text with blob": Case("TEXT", "string", {"'a'": "a", "X'C3A9'": "C3A9"}),
    "blob": Case("BLOB", "binary", {"X'00FF'": "00ff", "X''": "", "NULL": None}),
    "no type": Case("", "string", {"1": "1", "1.5": "1.5", "'1'": "1"}),
}


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Carried]:
    """All cases, carried from one file in one snapshot."""
    directory: Path = tmp_path_factory.mktemp("types")
    return carry_cases(SqliteDatabase(directory), CASES, directory)


@pytest.mark.parametrize("name", CASES)
def test_sqlite_type_arrives_exactly(name: str, carried: Mapping[str, Carried]) -> None:
    """Each value arrives as it is, and the totals of the source are those of the file."""
    check_case(CASES[name], carried[name])
