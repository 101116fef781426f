"""What is declared about the files of a folder: ``schema.yaml``, a Frictionless data package, or nothing.

A declaration says how a file is written and what its columns are. What is not declared is assumed
(files_sniffing.py), and every assumption is said aloud; a type is never assumed: without a declaration it is text.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import TYPE_CHECKING, Any

from portability.connectors.files_types import TEXT, Conversion, Spelling, conversion_of
from portability.errors import ConfigError
from portability.yaml_files import check_schema, read_yaml

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["SCHEMA_YAML", "DeclaredColumn", "DeclaredTable", "Reference", "read_schema_yaml"]

SCHEMA_YAML = "schema.yaml"


@dataclass(frozen=True, kw_only=True)
class DeclaredColumn:
    """A column and what its texts are.

    One that is ``left_out`` is no column of the table, which is said aloud. ``titles`` are the names that it may have
    in the header, where they are not ``name`` itself. ``nulls`` are texts that mean null in this column, whether they
    stand in quotes or not; None where the table's markers mean it.
    """

    name: str
    conversion: Conversion = TEXT
    comment: str | None = None
    required: bool = False
    left_out: bool = False
    titles: tuple[str, ...] = ()
    nulls: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """A foreign key; ``file`` when the other table is named by its file."""

    columns: tuple[str, ...]
    table: str
    target: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class DeclaredTable:
    """What is known about one file; None where nothing is.

    ``header`` is ``names`` (the first row names the columns), ``titles`` (it must hold a title of every column),
    ``ignored`` (it is skipped, the declaration names them) or ``none``. A row that begins with ``comment_mark`` is
    refused. ``origin`` is the file that declares it; empty when nobody did.
    """

    file: str
    name: str
    delimiter: str | None = None
    quote: str | None = None
    escape: str | None = None
    encoding: str | None = None
    header: str | None = None
    comment_mark: str = ""
    nulls: tuple[str, ...] | None = None
    columns: tuple[DeclaredColumn, ...] = ()
    primary_key: tuple[str, ...] = ()
    references: tuple[Reference, ...] = ()
    comment: str | None = None
    origin: str = ""
    notes: tuple[str, ...] = field(default=())


_WRITTEN = ("delimiter", "quote", "escape", "encoding", "header")
_SPELT = ("decimal_mark", "group_mark", "format", "true", "false")


def read_schema_yaml(path: Path) -> dict[str, DeclaredTable]:
    """Read a schema file: each declared file by its name.

    Raises:
        ConfigError: It is not such a file; the message names line and field.
    """
    document = read_yaml(path)
    shape = json.loads(resources.files("portability.connectors").joinpath("files_schema.json").read_bytes())
    check_schema(document, shape)
    defaults = document.content.get("defaults") or {}
    tables = document.content["tables"]
    stated = {file: {**defaults, **(table or {})} for file, table in tables.items()}
    return {file: _table(file, table, f"{path.name}: {file}", path.name) for file, table in stated.items()}


def _table(file: str, stated: Mapping[str, Any], place: str, origin: str) -> DeclaredTable:
    columns = tuple(_column(each, stated, place) for each in stated.get("columns", ()))
    names = [column.name for column in columns]
    if len(set(names)) != len(names):
        raise ConfigError("a column is declared twice", place=place)
    table = DeclaredTable(
        file=file,
        name=stated.get("name") or file.rpartition(".")[0] or file,
        columns=columns,
        primary_key=tuple(stated.get("primary_key", ())),
        references=tuple(
            Reference(columns=tuple(key["columns"]), table=key["table"], target=tuple(key["target"]))
            for key in stated.get("foreign_keys", ())
        ),
        nulls=tuple(stated["nulls"]) if "nulls" in stated else None,
        comment=stated.get("comment"),
        origin=origin,
        **{name: stated[name] for name in _WRITTEN if name in stated},
    )
    if not columns and table.header in ("ignored", "none"):
        hint = "List its columns in their order, or say header: names."
        raise ConfigError("without a header the columns must be declared", place=place, hint=hint)
    return table


def _column(stated: Mapping[str, Any], table: Mapping[str, Any], place: str) -> DeclaredColumn:
    spelt = {name: stated.get(name, table.get(name)) for name in _SPELT}
    spelt = {name: tuple(v) if isinstance(v, list) else v for name, v in spelt.items() if v is not None}
    found = conversion_of(
        stated.get("type", "text"), place=f"{place}.{stated['name']}", spelling=replace(Spelling(), **spelt)
    )
    return DeclaredColumn(name=stated["name"], conversion=found, comment=stated.get("comment"))
