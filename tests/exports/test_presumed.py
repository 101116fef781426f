"""Tables that are read while they are measured become the same archive as tables that are measured first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest

from portability.connectors import open_connector
from portability.connectors.postgresql import PostgresqlSnapshot
from portability.exports import ExportRequest, ExportResult, export_archive
from portability.profiles import bare_profile

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import MakeDatabase

PLAIN = (
    (
        "CREATE TABLE plain (id bigint PRIMARY KEY, fee numeric(19,4), free numeric, at timestamptz, on_day date, "
        "t time, uid uuid NOT NULL, note text, doc jsonb, raw bytea)"
    ),
    (
        "INSERT INTO plain SELECT (i * 7919) % 5003, i * 1.0001, i / 8.0, to_timestamp(i * 1e5), date '2000-1-1' + i, "
        "time '00:00' + i * interval '1 s', gen_random_uuid(), repeat('é', i % 50), jsonb_build_object('n', i), "
        "decode(md5(i::text), 'hex') FROM generate_series(1, 5000) i"
    ),
)
# Each has one row that its declaration does not let expect.
SURPRISES = {
    "nan": ("numeric(10,2)", "'NaN'"),
    "beyond_64_bits": ("numeric(19,4)", "999999999999999.9999"),
    "never_ends": ("timestamp", "'infinity'"),
    "before_christ": ("date", "'0044-03-15 BC'"),
    "midnight": ("time", "'24:00:00'"),
    "infinite_free": ("numeric", "'NaN'"),
    "long": ("text", "repeat('x', 1100000)"),
    "long_bytes": ("bytea", "decode(repeat('00', 1100000), 'hex')"),
}


def _fill(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in PLAIN:
            connection.execute(statement.encode())
        for name, (kind, value) in SURPRISES.items():
            connection.execute(f"CREATE TABLE {name} (id int PRIMARY KEY, v {kind})".encode())
            filled = f"INSERT INTO {name} SELECT i, CASE WHEN i = 300 THEN {value}::{kind} END "
            connection.execute(f"{filled} FROM generate_series(1, 400) i".encode())


def _export(url: str, destination: Path, told: list[str]) -> ExportResult:
    connector = open_connector(url)
    request = ExportRequest(connector=connector, destination=destination, profile=bare_profile(), progress=told.append)
    return export_archive(request)


def test_export_of_tables_read_while_measured_is_the_one_of_tables_measured_first(
    postgresql_url: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file of the payload is the same; tables whose presumed reading was in vain are read again, no other."""
    url = postgresql_url()
    _fill(url)
    told: list[str] = []
    beside = _export(url, tmp_path / "beside", told)
    monkeypatch.setattr(PostgresqlSnapshot, "aside", lambda _: None)
    first = _export(url, tmp_path / "first", [])
    payloads = [(result.archive.root / "manifest-sha256.txt").read_text() for result in (beside, first)]
    assert payloads[0] == payloads[1]
    assert beside.exceptions == first.exceptions == 5
    again = {line.split()[1].strip(",").removeprefix("public.") for line in told if "again" in line}
    assert again == set(SURPRISES) - {"infinite_free"}  # how a numeric without precision travels is asked first


def test_export_that_may_have_but_one_session_measures_first(postgresql_url: MakeDatabase, tmp_path: Path) -> None:
    """An account with a limit of connections can be exported from: slower, not otherwise."""
    url = postgresql_url()
    _fill(url)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS single_session")
        connection.execute("CREATE ROLE single_session LOGIN CONNECTION LIMIT 1")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO single_session")
    single = url.replace("postgres@", "single_session@")
    told: list[str] = []
    result = _export(single, tmp_path / "single", told)
    assert result.tables == len(SURPRISES) + 1
    assert not [line for line in told if "again" in line]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM single_session")
        connection.execute("DROP ROLE single_session")
