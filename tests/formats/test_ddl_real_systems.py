"""The SQL scripts for schemas that nobody here designed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg
import pyarrow as pa
import pytest

from portability.formats.ddl import write_ddl
from portability.manifest import Column, ForeignKey, Key, SourceSchema, Table
from tests.conftest import MakeDatabase
from tests.formats.source_layers import source_of
from tests.servers import PostgreSQLServer


@pytest.mark.parametrize(("folder", "script"), [("openlawoffice", "install_pg15.sql"), ("cccd", "schema_pg.sql")])
def test_postgresql_schema_of_a_real_system_is_made_again(
    tmp_path: Path,
    postgresql_server: PostgreSQLServer,
    postgresql_url: MakeDatabase,
    real_systems: Path,
    folder: str,
    script: str,
) -> None:
    """A schema that nobody here designed: tables, columns, keys and references are as many as they were."""
    first, second = postgresql_url(), postgresql_url()
    postgresql_server.load(real_systems / folder / script, first)
    with psycopg.connect(first) as connection:
        source, arrow = look_at(connection)
    write_ddl(source, tmp_path / "sql", schemas=arrow)
    for name in ("create", "constrain"):
        postgresql_server.load(tmp_path / "sql" / "postgresql" / f"{name}.sql", second)
    with psycopg.connect(second) as connection:
        again, _ = look_at(connection)
    assert [(t.name, [c.name for c in t.columns], t.primary_key, len(t.foreign_keys)) for t in source.tables] == [
        (t.name, [c.name for c in t.columns], t.primary_key, len(t.foreign_keys)) for t in again.tables
    ]


def look_at(connection: psycopg.Connection[Any]) -> tuple[SourceSchema, dict[str, pa.Schema]]:
    """Read just enough of a PostgreSQL catalogue; the connector is tested elsewhere."""
    relations = connection.execute(
        "SELECT oid, relname FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relname"
    ).fetchall()
    tables, arrow = [], {}
    for number, (oid, name) in enumerate(relations):
        columns = connection.execute(
            "SELECT attname, format_type(atttypid, atttypmod), attnotnull FROM pg_attribute"
            " WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            [oid],
        ).fetchall()
        file = f"source/public.t{number}.parquet"
        primary, unique, foreign = keys_of(connection, oid)
        declared = tuple(
            Column(name=c, position=n, native_type=t, nullable=not r) for n, (c, t, r) in enumerate(columns, start=1)
        )
        tables.append(
            Table(
                schema="public",
                name=name,
                columns=declared,
                file=file,
                primary_key=primary,
                unique_keys=unique,
                foreign_keys=foreign,
            )
        )
        arrow[file] = pa.schema([(c, ARROW.get(t.partition("(")[0], pa.string())) for c, t, _ in columns])
    return source_of(*tables), arrow


ARROW = {
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "boolean": pa.bool_(),
    "uuid": pa.uuid(),
    "date": pa.date32(),
    "numeric": pa.decimal128(38, 10),
    "money": pa.decimal128(19, 2),
    "json": pa.json_(),
    "bytea": pa.binary(),
    "timestamp without time zone": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", tz="UTC"),
}


def keys_of(
    connection: psycopg.Connection[Any], oid: int
) -> tuple[Key | None, tuple[Key, ...], tuple[ForeignKey, ...]]:
    """Read a table's primary key, unique keys and references."""
    rows = connection.execute(
        """
        SELECT contype, conname, confrelid::regclass::text,
               (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(conkey) WITH ORDINALITY k(num, n)
                JOIN pg_attribute a ON a.attrelid = conrelid AND a.attnum = k.num),
               (SELECT array_agg(a.attname::text ORDER BY n) FROM unnest(confkey) WITH ORDINALITY k(num, n)
                JOIN pg_attribute a ON a.attrelid = confrelid AND a.attnum = k.num)
        FROM pg_constraint WHERE conrelid = %s AND contype IN ('p', 'u', 'f') ORDER BY conname
        """,
        [oid],
    ).fetchall()
    primary = [Key(name=name, columns=tuple(own)) for kind, name, _, own, _ in rows if kind == "p"]
    foreign = tuple(
        ForeignKey(
            name=name,
            columns=tuple(own),
            target_schema="public",
            target_table=target.strip('"'),
            target_columns=tuple(theirs),
        )
        for kind, name, target, own, theirs in rows
        if kind == "f"
    )
    unique = tuple(Key(name=name, columns=tuple(own)) for kind, name, _, own, _ in rows if kind == "u")
    return (primary[0] if primary else None), unique, foreign
