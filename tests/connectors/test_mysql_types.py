"""Every type of MariaDB: what is put in arrives exactly, or stands in the ledger with its original text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.connectors.databases import MariadbDatabase
from tests.connectors.type_cases import Carried, Case, Unfit, carry_cases, check_case
from tests.servers import MariaDBServer

_UUID = "extension<arrow.uuid>"
_UTC = "timestamp[us, tz=UTC]"
_DIGITS_65 = "1" * 35 + "." + "9" * 30
_LAX = "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ALLOW_INVALID_DATES';"

CASES: dict[str, Case] = {
    "tinyint": Case("tinyint", "int8", {"-128": "-128", "127": "127", "NULL": None}),
    "tinyint(1)": Case("tinyint(1)", "int8", {"0": "0", "2": "2", "-1": "-1"}),
    "boolean": Case("boolean", "int8", {"true": "1", "false": "0"}),
    "tinyint unsigned": Case("tinyint unsigned", "uint8", {"255": "255"}),
    "smallint unsigned": Case("smallint unsigned", "uint16", {"65535": "65535"}),
    "mediumint": Case("mediumint", "int32", {"-8388608": "-8388608", "8388607": "8388607"}),
    "int": Case("int", "int32", {"-2147483648": "-2147483648", "2147483647": "2147483647"}),
    "int unsigned zerofill": Case("int(10) zerofill", "uint32", {"42": "42", "4294967295": "4294967295"}),
    "bigint": Case(
        "bigint",
        "int64",
        {"-9223372036854775808": "-9223372036854775808", "9223372036854775807": "9223372036854775807"},
    ),
    "bigint unsigned": Case("bigint unsigned", "uint64", {"18446744073709551615": "18446744073709551615", "0": "0"}),
    "decimal": Case(
        "decimal(19,4)",
        "decimal128(19, 4)",
        {"-0.01": "-0.0100", "0": "0.0000", "999999999999999.9999": "999999999999999.9999"},
    ),
    "decimal zerofill": Case("decimal(10,2) zerofill", "decimal128(10, 2)", {"1.5": "1.50"}),
    "decimal all scale": Case("decimal(4,4)", "decimal128(4, 4)", {"0.9999": "0.9999"}),
    "decimal of 38 digits": Case(
        "decimal(38,0)", "decimal128(38, 0)", {"9" * 38: "9" * 38, "-" + "9" * 38: "-" + "9" * 38}
    ),
    "decimal of 65 digits": Case(
        "decimal(65,30)", "string", {_DIGITS_65: _DIGITS_65, "-1.5": "-1." + "5".ljust(30, "0")}
    ),
    "float": Case(
        "float",
        "float",
        {
            "0.1": "0.10000000149011612",
            "1e-45": "1.401298464324817e-45",
            "16777217": "16777216.0",
            "3.4028234e38": "3.4028234663852886e+38",
        },
    ),
    "float of two decimals": Case("float(7,2)", "float", {"1.1": "1.100000023841858", "99999.99": "99999.9921875"}),
    "double": Case(
        "double",
        "double",
        {
            "0.1": "0.1",
            "5e-324": "5e-324",
            "1.7976931348623157e308": "1.7976931348623157e+308",
            "0.3333333333333333": "0.3333333333333333",
        },
    ),
    "double of three decimals": Case("double(10,3)", "double", {"2.5": "2.5"}),
    "bit": Case("bit(10)", "string", {"b'101'": "0000000101", "b'1111111111'": "1111111111", "NULL": None}),
    "bit of 64": Case("bit(64)", "string", {"18446744073709551615": "1" * 64}),
    "date": Case(
        "date",
        "date32[day]",
        {"'0001-01-01'": "0001-01-01", "'9999-12-31'": "9999-12-31", "'1582-10-05'": "1582-10-05"},
    ),
    "date impossible": Case(
        f"{_LAX}date",
        "date32[day]",
        {
            "'0000-00-00'": Unfit("0000-00-00"),
            "'2022-11-00'": Unfit("2022-11-00"),
            "'2022-00-00'": Unfit("2022-00-00"),
            "'2022-02-31'": Unfit("2022-02-31"),
            "'2020-02-29'": "2020-02-29",
            "NULL": None,
        },
    ),
    "date never null": Case(
        "date NOT NULL", "date32[day]", {"'0000-00-00'": Unfit("0000-00-00"), "'2020-01-01'": "2020-01-01"}
    ),
    "datetime never null": Case(
        "datetime NOT NULL",
        "timestamp[us]",
        {"'0000-00-00'": Unfit("0000-00-00 00:00:00"), "'2020-01-01'": "2020-01-01T00:00:00"},
    ),
    "datetime": Case(
        "datetime(6)",
        "timestamp[us]",
        {"'9999-12-31 23:59:59.999999'": "9999-12-31T23:59:59.999999", "'0001-01-01 00:00:00'": "0001-01-01T00:00:00"},
    ),
    "datetime of whole seconds": Case("datetime", "timestamp[us]", {"'2020-06-01 12:00:00'": "2020-06-01T12:00:00"}),
    "datetime impossible": Case(
        "datetime(3)",
        "timestamp[us]",
        {
            "'0000-00-00 00:00:00'": Unfit("0000-00-00 00:00:00.000"),
            "'2020-06-01 12:00:00.5'": "2020-06-01T12:00:00.500000",
        },
    ),
    "timestamp": Case(
        "SET time_zone = '+02:00';timestamp(6) NULL",
        _UTC,
        {
            "'2020-06-01 12:00:00.5'": "2020-06-01T10:00:00.500000+00:00",
            "'2038-01-19 05:14:07.999999'": "2038-01-19T03:14:07.999999+00:00",
            "NULL": None,
        },
    ),
    "timestamp impossible": Case(
        "timestamp NULL",
        _UTC,
        {"'0000-00-00 00:00:00'": Unfit("0000-00-00 00:00:00"), "'2020-01-01 00:00:00'": "2020-01-01T00:00:00+00:00"},
    ),
    "time": Case(
        "time(6)",
        "duration[us]",
        {
            "'-838:59:59.999999'": "-3020399999999",
            "'838:59:59.999999'": "3020399999999",
            "'-00:00:00.5'": "-500000",
            "'00:00:00'": "0",
            "NULL": None,
        },
    ),
    "time of whole seconds": Case("time", "duration[us]", {"'25:00:01'": "90001000000"}),
    "year": Case("year", "int16", {"2155": "2155", "1901": "1901", "0": "0"}),
    "char": Case("char(5)", "string", {"'ab   '": "ab", "''": "", "NULL": None}),
    "varchar": Case("varchar(20)", "string", {"'ab   '": "ab   ", "'é\U0001f600'": "é\U0001f600"}),
    "text in latin1": Case("text CHARACTER SET latin1", "string", {"'é€'": "é€", "_latin1 X'81'": "\x81"}),
    "text in utf8mb3": Case("text CHARACTER SET utf8mb3", "string", {"'東'": "東"}),
    "text in big5": Case("varchar(20) CHARACTER SET big5", "string", {"'你'": "你", "NULL": None}),
    "text in big5, not assigned": Case(
        "varchar(20) CHARACTER SET big5", "string", {"X'C8FE'": Unfit("\\xc8\\xfe"), "'你'": "你"}
    ),
    "text in ucs2": Case("text CHARACTER SET ucs2", "string", {"'東x'": "東x"}),
    "tinytext": Case("tinytext", "string", {"'a'": "a"}),
    "longtext": Case("longtext", "string", {"REPEAT('é', 20000)": "é" * 20000, "''": "", "NULL": None}),
    "json": Case("json", "string", {"""'{"a":1.0, "a" : 1}'""": '{"a":1.0, "a" : 1}'}),
    "enum": Case(
        "enum('a','b''c','','d\"e')", "string", {"'a'": "a", "'b''c'": "b'c", "''": "", "'d\"e'": 'd"e', "NULL": None}
    ),
    "enum invalid": Case("enum('a')", "string", {"'zzz'": "", "'a'": "a"}),
    "set": Case("set('x','y')", "string", {"'x,y'": "x,y", "''": ""}),
    "binary": Case("binary(4)", "binary", {"X'00FF'": "00ff0000"}),
    "varbinary": Case("varbinary(10)", "binary", {"X'00FF'": "00ff", "X''": "", "NULL": None}),
    "blob": Case("blob", "binary", {"X'0D0A00'": "0d0a00"}),
    "uuid": Case(
        "uuid", _UUID, {"'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'": "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "NULL": None}
    ),
    "inet6": Case("inet6", "string", {"'::1'": "::1"}),
    "point": Case("point", "binary", {"POINT(1, 2)": "000000000101000000000000000000f03f0000000000000040"}),
    "geometry with SRID": Case(
        "geometry",
        "binary",
        {"ST_GeomFromText('POINT(1 2)', 4326)": "e61000000101000000000000000000f03f0000000000000040", "NULL": None},
    ),
    "generated": Case("int AS (id * 2) STORED", "int32", {"DEFAULT": "0"}),
    "virtual": Case("int AS (id * 2) VIRTUAL", "int32", {"DEFAULT": "0"}),
    "invisible": Case("int INVISIBLE", "int32", {"7": "7"}),
}


@pytest.fixture(scope="module")
def carried(mariadb_server: MariaDBServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Carried]]:
    """All cases, carried from one database in one snapshot."""
    url = mariadb_server.create_database()
    directory: Path = tmp_path_factory.mktemp("types")
    yield carry_cases(MariadbDatabase(url), CASES, directory)
    mariadb_server.drop_database(url)


@pytest.mark.parametrize("name", CASES)
def test_mariadb_type_arrives_exactly(name: str, carried: Mapping[str, Carried]) -> None:
    """Each value arrives as it is, and the totals of the source are those of the file."""
    check_case(CASES[name], carried[name])
