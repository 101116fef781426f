"""Declared types as read, keys as derived, values that do not fit as found; without a target."""

from __future__ import annotations

import uuid

import duckdb
import pytest

from portability.importing.conversions import convert, flaws
from portability.importing.resolving import derived_key
from portability.importing.shapes import shape_of
from portability.manifest import Column


def _column(native: str, **more: object) -> Column:
    return Column(name="x", position=1, native_type=native, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dbms", "native", "kind", "expected"),
    [
        ("postgresql", "character varying(40)", "text", {"length": 40, "nul": False}),
        ("postgresql", "numeric", "decimal", {"precision": None}),
        ("postgresql", "timestamp(3) with time zone", "instant", {"fraction": 3}),
        ("postgresql", "timestamp without time zone", "timestamp", {"fraction": 6}),
        ("postgresql", "money", "decimal", {"scale": 2}),
        ("postgresql", "interval", "other", {}),
        ("mariadb", "int(11) unsigned zerofill", "int", {"bits": 32, "unsigned": True}),
        ("mariadb", "datetime", "timestamp", {"fraction": 0}),
        ("mariadb", "binary(16)", "bytes", {"length": 16}),
        ("mariadb", "text", "text", {"octets": 65_535}),
        ("sqlite", "VARCHAR(40)", "text", {"length": 40, "strict": False}),
        ("sqlite", "DECIMAL(12,2)", "decimal", {"precision": 12, "scale": 2, "as_text": True}),
    ],
)
def test_shape_of_declared_type_says_what_fits(dbms: str, native: str, kind: str, expected: dict[str, object]) -> None:
    """Brackets, words before and behind them, and each DBMS's own defaults."""
    shape = shape_of(_column(native), dbms)
    assert shape.kind == kind
    assert {name: getattr(shape, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("dbms", "native", "sql", "flaw"),
    [
        ("postgresql", "character varying(3)", "'abcd'", "truncation"),
        ("postgresql", "character varying(3)", "'äöü'", None),
        ("postgresql", "text", "'a' || chr(0)", "character"),
        ("postgresql", "numeric(5,2)", "1.005::DECIMAL(9,4)", "narrowing"),
        ("postgresql", "numeric(5,2)", "1.5000::DECIMAL(9,4)", None),
        ("postgresql", "numeric(5,2)", "1000.00::DECIMAL(19,4)", "narrowing"),
        ("postgresql", "smallint", "32768", "range"),
        ("postgresql", "double precision", "12.1000::DECIMAL(19,4)", None),
        ("postgresql", "double precision", "123456789012345.6789::DECIMAL(19,4)", "narrowing"),
        ("postgresql", "date", "DATE '10000-01-01'", "range"),
        ("mariadb", "datetime", "TIMESTAMP '2020-01-01 00:00:00.5'", "narrowing"),
        ("mariadb", "tinyint(1)", "true", None),
        ("mariadb", "tinyint unsigned", "-1", "narrowing"),
        ("mariadb", "json", "'{'", "narrowing"),
        ("sqlite", "VARCHAR(3)", "'abcd'", "truncation"),
        ("sqlite", "INTEGER", "9223372036854775808::HUGEINT", "narrowing"),
    ],
)
def test_flaws_value_that_does_not_fit_is_found(dbms: str, native: str, sql: str, flaw: str | None) -> None:
    """Each kind of misfit has a condition of its own, and what fits has none."""
    with duckdb.connect() as engine:
        kind = engine.execute(f"SELECT typeof({sql})").fetchall()[0][0]
        found = [
            each.kind
            for each in flaws(shape_of(_column(native), dbms), kind, "v")
            if engine.execute(f"SELECT coalesce({each.condition}, false) FROM (SELECT {sql} AS v)").fetchall()[0][0]
        ]
    assert (found[0] if found else None) == flaw


def test_flaws_letter_that_the_character_set_lacks_is_found() -> None:
    """MariaDB's latin1 is Windows' 1252: the euro sign fits, a Polish letter does not."""
    shape = shape_of(_column("varchar(9)", charset="latin1"), "mariadb")
    (flaw,) = [each for each in flaws(shape, "VARCHAR", "v") if each.kind == "character"]
    with duckdb.connect() as engine:
        rows = engine.execute(f"SELECT v, {flaw.condition} FROM (VALUES ('€ é ’'), ('ł'), ('😀')) AS t(v)").fetchall()
    assert dict(rows) == {"€ é ’": False, "ł": True, "😀": True}


@pytest.mark.parametrize(
    ("native", "kind"),
    [("date", "VARCHAR"), ("numeric(9,2)", "DOUBLE"), ("text", "BOOLEAN"), ("text", "DATE"), ("boolean", "INTEGER")],
)
def test_convert_type_that_could_lose_its_meaning_is_refused(native: str, kind: str) -> None:
    """Money never comes from a float, a date never from a text that nobody read."""
    assert convert(shape_of(_column(native), "postgresql"), kind, "v")[0] is None


def test_derived_key_is_the_uuid_that_everybody_computes() -> None:
    """UUIDv5 of profile, table and id, as RFC 9562 has it."""
    digest, text = derived_key("profile", "table", "id")
    with duckdb.connect() as engine:
        rows = engine.execute(
            f"SELECT id, {text} FROM (SELECT id, {digest} AS h FROM (SELECT 'é/' || i AS id FROM range(200) AS t(i)))"
        ).fetchall()
    space = uuid.UUID("6f1d4f0e-6c0b-5b0a-9a51-2f0d8a3c7e44")
    assert all(uuid.UUID(key) == uuid.uuid5(space, f"profile/table/{name}") for name, key in rows)
