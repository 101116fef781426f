"""Every type of PostgreSQL: what is put in arrives exactly, or stands in the ledger with its original text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.connectors.databases import PostgresqlDatabase
from tests.connectors.type_cases import Carried, Case, Unfit, carry_cases, check_case
from tests.servers import PostgreSQLServer

_UUID = "extension<arrow.uuid>"
_JSON = "extension<arrow.json>"
_UTC = "timestamp[us, tz=UTC]"
_XML = '<?xml version="1.0" encoding="utf-8"?><a>&lt;</a>'
_IN_FULL = "12345678901234567890.123456789012345678"

CASES: dict[str, Case] = {
    "smallint": Case("smallint", "int16", {"-32768": "-32768", "32767": "32767", "NULL": None}),
    "integer": Case("integer", "int32", {"-2147483648": "-2147483648", "2147483647": "2147483647"}),
    "bigint": Case(
        "bigint",
        "int64",
        {"-9223372036854775808": "-9223372036854775808", "9223372036854775807": "9223372036854775807"},
    ),
    "oid": Case("oid", "uint32", {"4294967295": "4294967295", "0": "0"}),
    "numeric with scale": Case(
        "numeric(19,4)",
        "decimal128(19, 4)",
        {"-0.01": "-0.0100", "0.0000": "0.0000", "999999999999999.9999": "999999999999999.9999"},
    ),
    "numeric without scale": Case("numeric(5)", "decimal128(5, 0)", {"99999": "99999", "-1": "-1"}),
    "numeric all scale": Case("numeric(4,4)", "decimal128(4, 4)", {"0.9999": "0.9999", "-0.0001": "-0.0001"}),
    "numeric with negative scale": Case("numeric(5,-2)", "decimal128(7, 0)", {"-1234567": "-1234600", "0": "0"}),
    "numeric with scale beyond precision": Case(
        "numeric(3,5)", "decimal128(5, 5)", {"0.00999": "0.00999", "-0.00001": "-0.00001"}
    ),
    "numeric of 38 digits": Case(
        "numeric(38,0)", "decimal128(38, 0)", {"9" * 38: "9" * 38, "-" + "9" * 38: "-" + "9" * 38}
    ),
    "numeric of more digits": Case("numeric(50,2)", "string", {"9" * 48 + ".99": "9" * 48 + ".99", "'NaN'": "NaN"}),
    "numeric not a number": Case(
        "numeric(10,2)", "decimal128(10, 2)", {"'NaN'": Unfit("NaN"), "1.5": "1.50", "NULL": None}
    ),
    "numeric unbounded": Case(
        "numeric",
        "decimal128(38, 3)",
        {"1.1": "1.100", "1.10": "1.100", "-12345.678": "-12345.678", "0": "0.000"},
    ),
    "numeric unbounded, small": Case(
        "numeric",
        "decimal128(38, 30)",
        {"0.000000000000000000000000000001": "1E-30", "0.1": "0.100000000000000000000000000000"},
    ),
    "numeric unbounded, 38 digits": Case("numeric", "decimal128(38, 18)", {_IN_FULL: _IN_FULL}),
    "numeric unbounded, too wide": Case(
        "numeric", "string", {f"{_IN_FULL}1": f"{_IN_FULL}1", "1.10": "1.10", "'NaN'": "NaN"}
    ),
    "numeric unbounded, special": Case(
        "numeric",
        "decimal128(38, 1)",
        {"'NaN'": Unfit("NaN"), "'Infinity'": Unfit("Infinity"), "'-Infinity'": Unfit("-Infinity"), "2.5": "2.5"},
    ),
    "numeric unbounded, empty": Case("numeric", "decimal128(38, 0)", {}),
    "money": Case(
        "money",
        "decimal128(19, 2)",
        {"'-92233720368547758.08'": "-92233720368547758.08", "'0.01'": "0.01", "'1234.5'": "1234.50"},
    ),
    "real": Case(
        "real",
        "float",
        {
            "'0.1'": "0.10000000149011612",
            "'1e-45'": "1.401298464324817e-45",
            "'3.4028235e38'": "3.4028234663852886e+38",
            "'-0'": "-0.0",
            "'NaN'": "nan",
        },
    ),
    "double precision": Case(
        "double precision",
        "double",
        {
            "'0.1'": "0.1",
            "'5e-324'": "5e-324",
            "'1.7976931348623157e308'": "1.7976931348623157e+308",
            "'-0'": "-0.0",
            "'-Infinity'": "-inf",
            "'NaN'": "nan",
        },
    ),
    "boolean": Case("boolean", "bool", {"true": "True", "false": "False", "NULL": None}),
    "date": Case(
        "date",
        "date32[day]",
        {"'0001-01-01'": "0001-01-01", "'9999-12-31'": "9999-12-31", "'1582-10-05'": "1582-10-05"},
    ),
    "date beyond": Case(
        "date",
        "date32[day]",
        {
            "'infinity'": Unfit("infinity"),
            "'-infinity'": Unfit("-infinity"),
            "'0044-03-15 BC'": Unfit("0044-03-15 BC"),
            "'10000-01-01'": Unfit("10000-01-01"),
            "'2020-02-29'": "2020-02-29",
            "NULL": None,
        },
    ),
    "timestamp": Case(
        "timestamp",
        "timestamp[us]",
        {
            "'0001-01-01 00:00:00'": "0001-01-01T00:00:00",
            "'9999-12-31 23:59:59.999999'": "9999-12-31T23:59:59.999999",
            "'2020-06-01 12:00:00.5'": "2020-06-01T12:00:00.500000",
        },
    ),
    "timestamp of whole seconds": Case(
        "timestamp(0)", "timestamp[us]", {"'1969-12-31 23:59:59'": "1969-12-31T23:59:59"}
    ),
    "timestamp beyond": Case(
        "timestamp",
        "timestamp[us]",
        {
            "'infinity'": Unfit("infinity"),
            "'10000-01-01'": Unfit("10000-01-01 00:00:00"),
            "'0001-12-31 BC'": Unfit("0001-12-31 00:00:00 BC"),
            "'2020-01-01'": "2020-01-01T00:00:00",
        },
    ),
    "timestamptz": Case(
        "timestamptz",
        _UTC,
        {
            "'2020-06-01 12:00:00.123+02'": "2020-06-01T10:00:00.123000+00:00",
            "'2020-10-25 01:30:00 Europe/London'": "2020-10-25T01:30:00+00:00",
            "'1900-01-01 00:00:00-11:59:59'": "1900-01-01T11:59:59+00:00",
        },
    ),
    "timestamptz beyond": Case(
        "timestamptz(3)",
        _UTC,
        {
            "'-infinity'": Unfit("-infinity"),
            "'9999-12-31 23:59:59-01'": Unfit("10000-01-01 00:59:59+00"),
            "'9999-12-31 23:59:59+00'": "9999-12-31T23:59:59+00:00",
        },
    ),
    "time": Case("time", "time64[us]", {"'00:00:00'": "00:00:00", "'23:59:59.999999'": "23:59:59.999999"}),
    "time 24:00": Case("time", "time64[us]", {"'24:00:00'": Unfit("24:00:00"), "'12:00'": "12:00:00"}),
    "timetz": Case("timetz", "string", {"'24:00:00+14'": "24:00:00+14", "'12:00:00.5-03:30'": "12:00:00.5-03:30"}),
    "interval": Case(
        "interval",
        "string",
        {"'1 month -1 day 00:00:00.000001'": "P1M-1DT0.000001S", "'0'": "PT0S", "'-24:00:00'": "PT-24H"},
    ),
    "text": Case("text", "string", {"''": "", "'a'": "a", "NULL": None, "E'tab\\t\\r\\n'": "tab\t\r\n"}),
    "varchar": Case("varchar(5)", "string", {"'ab   '": "ab   ", "''": ""}),
    "char": Case("char(5)", "string", {"'ab'": "ab   ", "''": "     "}),
    "bpchar": Case("bpchar", "string", {"'ab '": "ab ", "'ab'": "ab"}),
    "name": Case("name", "string", {"'abc'": "abc"}),
    "one-byte char": Case('"char"', "string", {"'x'": "x", "''": ""}),
    "text in a collation": Case('text COLLATE "C"', "string", {"'ä'": "ä"}),
    "bytea": Case("bytea", "binary", {"'\\x00ff41'": "00ff41", "''": "", "NULL": None}),
    "uuid": Case(
        "uuid", _UUID, {"'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "NULL": None}
    ),
    "json": Case(
        "json",
        _JSON,
        {
            """' {"a":1.0, "a" : 1e2,"n":12345678901234567890}'""": ' {"a":1.0, "a" : 1e2,"n":12345678901234567890}',
            "'null'": "null",
            "NULL": None,
        },
    ),
    "jsonb": Case("jsonb", _JSON, {"""'{"b":1.10,"a":"é"}'""": '{"a": "é", "b": 1.10}'}),
    "xml": Case(
        "xml",
        "string",
        {f"'{_XML}'": _XML},
    ),
    "enum": Case(
        "CREATE TYPE mood AS ENUM ('sad', 'o''k', 'a\"b');mood",
        "string",
        {"'sad'": "sad", "'a\"b'": 'a"b', "NULL": None},
    ),
    "domain": Case(
        "CREATE DOMAIN price AS numeric(10,2);CREATE DOMAIN offer AS price;offer", "decimal128(10, 2)", {"5.5": "5.50"}
    ),
    "composite": Case("CREATE TYPE pair AS (a int, b text);pair", "string", {'\'(1,"x ""y""")\'': '(1,"x ""y""")'}),
    "array": Case(
        "int[]",
        "string",
        {"'{{1,NULL},{3,4}}'": "{{1,NULL},{3,4}}", "'{}'": "{}", "'[0:1]={1,2}'": "[0:1]={1,2}", "NULL": None},
    ),
    "text array": Case("text[]", "string", {"""'{"a,b",NULL,"NULL",""}'""": '{"a,b",NULL,"NULL",""}'}),
    "range": Case("numrange", "string", {"'[1.50,)'": "[1.50,)", "'empty'": "empty"}),
    "multirange": Case("datemultirange", "string", {"'{[2020-01-01,2020-02-01)}'": "{[2020-01-01,2020-02-01)}"}),
    "bits": Case("bit(3)", "string", {"B'101'": "101"}),
    "varying bits": Case("bit varying", "string", {"B''": "", "B'0001'": "0001"}),
    "inet": Case("inet", "string", {"'10.0.0.1/8'": "10.0.0.1/8", "'::1'": "::1"}),
    "macaddr": Case("macaddr", "string", {"'08:00:2b:01:02:03'": "08:00:2b:01:02:03"}),
    "tsvector": Case("tsvector", "string", {"'fat:2 cat:3A'": "'cat':3A 'fat':2"}),
    "point": Case("point", "string", {"'(0.1,1e300)'": "(0.1,1e+300)"}),
    "pg_lsn": Case("pg_lsn", "string", {"'16/B374D848'": "16/B374D848"}),
    "generated": Case("int GENERATED ALWAYS AS (id * 2) STORED", "int32", {"DEFAULT": "0"}),
}


@pytest.fixture(scope="module")
def carried(
    postgresql_server: PostgreSQLServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mapping[str, Carried]]:
    """All cases, carried from one database in one snapshot."""
    url = postgresql_server.create_database()
    directory: Path = tmp_path_factory.mktemp("types")
    yield carry_cases(PostgresqlDatabase(url), CASES, directory)
    postgresql_server.drop_database(url)


@pytest.mark.parametrize("name", CASES)
def test_postgresql_type_arrives_exactly(name: str, carried: Mapping[str, Carried]) -> None:
    """Each value arrives as it is, and the totals of the source are those of the file."""
    check_case(CASES[name], carried[name])
