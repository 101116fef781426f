"""Nothing inexact gets into the canonical layer: which SQL types may become which fields; what the macros answer."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from portability.errors import MappingError
from portability.mapping import define_macros
from portability.mapping.casts import cast_field, struct_members
from portability.model import load_model
from portability.profiles import bare_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

FIELDS = {
    "string": ("matter", "title"),
    "date": ("matter", "opened_on"),
    "timestamp": ("task", "due_at"),
    "decimal(19,4)": ("matter", "fixed_fee"),
    "int": ("bill_line", "line_number"),
    "bool": ("matter", "is_confidential"),
    "json": ("email", "to_addresses"),
}


@pytest.mark.parametrize(
    ("logical", "kind", "allowed"),
    [
        ("decimal(19,4)", "DECIMAL(12,2)", True),
        ("decimal(19,4)", "DECIMAL(20,6)", False),
        ("decimal(19,4)", "DOUBLE", False),
        ("decimal(19,4)", "VARCHAR", False),
        ("decimal(19,4)", "HUGEINT", True),
        ("timestamp", "TIMESTAMP", False),
        ("timestamp", "TIMESTAMP WITH TIME ZONE", True),
        ("date", "TIMESTAMP", False),
        ("date", "VARCHAR", False),
        ("date", "DATE", True),
        ("int", "BIGINT", True),
        ("int", "DOUBLE", False),
        ("bool", "INTEGER", False),
        ("bool", "BOOLEAN", True),
        ("string", "UUID", True),
        ("string", "INTEGER", False),
        ("json", "VARCHAR[]", True),
        ("json", "STRUCT(a INTEGER)", True),
        ("date", '"NULL"', True),
    ],
)
def test_cast_into_a_field_is_allowed_only_when_it_loses_nothing(*, logical: str, kind: str, allowed: bool) -> None:
    """Refused before a row is computed, with the file as place."""
    entity, name = FIELDS[logical]
    field = load_model().entity(entity).field(name)
    assert field.type == logical
    if allowed:
        assert cast_field(field, kind, "map/x.sql")
    else:
        with pytest.raises(MappingError, match=name) as caught:
            cast_field(field, kind, "map/x.sql")
        assert caught.value.place == "map/x.sql"


@pytest.fixture(scope="module")
def macros() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the macros of a profile in London."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    define_macros(connection, bare_profile())
    yield connection
    connection.close()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("exact_money('12.30')", Decimal("12.3000")),
        ("exact_money('12.34567')", None),
        ("exact_money('0.00000000000000001')", None),
        ("exact_money('1.50000')", Decimal("1.5000")),
        ("exact_money(0.1::DOUBLE)", Decimal("0.1000")),
        ("exact_money(1e20::DOUBLE)", None),
        ("exact_money('12,30')", None),
        ("exact_money(-0.005::DECIMAL(9,3))", Decimal("-0.0050")),
        ("flag('Y')", True),
        ("flag(0)", False),
        ("flag('maybe')", None),
        ("read_date('31/02/2018', ['%d/%m/%Y'])::VARCHAR", None),
        ("read_date('14/03/2019', ['%d/%m/%Y'])::VARCHAR", "2019-03-14"),
        ("from_local(TIMESTAMP '2020-07-01 12:00:00')::VARCHAR", "2020-07-01 11:00:00+00"),
        ("from_utc(TIMESTAMP '2020-07-01 12:00:00')::VARCHAR", "2020-07-01 12:00:00+00"),
        ("to_local(TIMESTAMPTZ '2020-07-01 11:00:00+00')::VARCHAR", "2020-07-01 12:00:00"),
        ("text_or_null('')", None),
        ("text_or_null(' ')", " "),
    ],
)
def test_macro_answers_exactly_or_not_at_all(
    macros: duckdb.DuckDBPyConnection, expression: str, expected: object
) -> None:
    """Null stands for 'not exactly that', never for a rounded value."""
    assert macros.execute(f"SELECT {expression}").fetchall() == [(expected,)]


def test_struct_members_are_read_from_the_type_s_text() -> None:
    """Quoted names, nested types, decimals with a comma."""
    kind = 'STRUCT(a INTEGER, "b c" VARCHAR, d DECIMAL(19,4), e STRUCT(x INTEGER, y VARCHAR), "q""z" VARCHAR[])'
    assert struct_members(kind) == ["a", "b c", "d", "e", 'q"z']
