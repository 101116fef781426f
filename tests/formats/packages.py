"""A package with resources of every layer."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa

from portability.formats.datapackage import TableFile, build_datapackage
from portability.manifest import Column, ForeignKey, Key, SourceSchema, Table, to_json
from portability.model import arrow_schema, load_model

HASH = "ab" * 32

CLIENTS = Table(
    schema="public",
    name="Clients",
    file="source/public.clients.parquet",
    primary_key=Key(name="clients_pkey", columns=("id",)),
    unique_keys=(Key(name=None, columns=("ref",)), Key(name=None, columns=("login",))),
    columns=(
        Column(name="id", position=1, native_type="integer", nullable=False, arrow_type="int32"),
        Column(name="ref", position=2, native_type="character varying(10)", nullable=False, comment="Client number"),
        Column(name="opened", position=3, native_type="date", nullable=False),
        Column(name="scan", position=4, native_type="bytea", nullable=False, carried="file"),
        Column(name="login", position=5, native_type="text", carried="excluded", reason="credential"),
    ),
)
MATTERS = Table(
    schema="public",
    name="matters",
    file="source/public.matters.parquet",
    primary_key=Key(name=None, columns=("id",)),
    foreign_keys=(
        ForeignKey(
            name="f1",
            columns=("client",),
            target_schema="public",
            target_table="Clients",
            target_columns=("id",),
        ),
        ForeignKey(
            name="f2",
            columns=("client",),
            target_schema="public",
            target_table="Clients",
            target_columns=("id",),
            broken_rows=3,
        ),
        ForeignKey(
            name="f3",
            columns=("client",),
            target_schema="public",
            target_table="sessions",
            target_columns=("id",),
        ),
        ForeignKey(
            name="f4",
            columns=("parent",),
            target_schema="public",
            target_table="matters",
            target_columns=("id",),
        ),
    ),
    columns=(
        Column(name="id", position=1, native_type="integer", nullable=False),
        Column(name="client", position=2, native_type="integer"),
        Column(name="parent", position=3, native_type="integer"),
    ),
)
SESSIONS = Table(
    schema="public",
    name="sessions",
    excluded="session state",
    columns=(Column(name="id", position=1, native_type="integer"),),
)
SOURCE = SourceSchema(
    dbms="postgresql", dbms_version="15", default_schema="public", tables=(CLIENTS, MATTERS, SESSIONS)
)
CLIENTS_ARROW = pa.schema(
    [
        pa.field("id", pa.int32()),
        pa.field("ref", pa.string()),
        pa.field("opened", pa.date32()),
        pa.field("scan", pa.binary()),
        pa.field("scan__file", pa.struct([("sha256", pa.string()), ("size_bytes", pa.int64())])),
    ]
)
MATTERS_ARROW = pa.schema([(name, pa.int32()) for name in ("id", "client", "parent")])


def file(path: str, schema: pa.Schema, rows: int = 7) -> TableFile:
    """Make a table file that nobody reads."""
    return TableFile(path=path, schema=schema, rows=rows, sha256=HASH)


def canonical(*names: str) -> list[TableFile]:
    """Make the files of canonical entities."""
    return [file(f"tables/{name}.parquet", arrow_schema(load_model().entity(name))) for name in names]


FILES = [
    file(CLIENTS.file, CLIENTS_ARROW),
    file(MATTERS.file, MATTERS_ARROW),
    *canonical("matter", "client", "document_version", "file_object", "ledger_entry"),
    file(
        "quarantine/matter.parquet", pa.schema([*arrow_schema(load_model().entity("matter")), ("reason", pa.string())])
    ),
    file("reports/exceptions.parquet", pa.schema([("table", pa.string()), ("raw", pa.binary())])),
]


def build(**more: Any) -> dict[str, Any]:  # noqa: ANN401 -- any of the builder's arguments
    """Build the package of the files above, as JSON reads it."""
    arguments: dict[str, Any] = {
        "name": "marsh-field",
        "title": "Marsh & Field LLP",
        "profile": "practice",
        "source": SOURCE,
        "model": load_model(),
        "files": FILES,
    }
    package: dict[str, Any] = json.loads(to_json(build_datapackage(**(arguments | more))))
    return package


def resource(package: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the resource of that name."""
    return next(each for each in package["resources"] if each["name"] == name)


def field(package: dict[str, Any], name: str, column: str) -> dict[str, Any]:
    """Return the description of one column."""
    return next(each for each in resource(package, name)["schema"]["fields"] if each["name"] == column)
