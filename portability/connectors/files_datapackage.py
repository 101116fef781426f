"""``datapackage.json`` as a declaration: Frictionless Data Packages (versions 1 and 2), those of `convert` above all.

Where a field has ``lpa:arrowType``, as in packages of our own, that is its type, exactly. Otherwise the standard's
types stand for their nearest exact ones; ``number`` has no precision and stays text, and so does what has no exact
form here: both are said aloud.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.files_declared import DeclaredColumn, DeclaredTable, Reference
from portability.connectors.files_types import TEXT, Conversion, Spelling, conversion_of, shaped_as
from portability.errors import ConfigError, FormatError
from portability.manifest import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["DATAPACKAGE", "read_datapackage"]

DATAPACKAGE = "datapackage.json"


def read_datapackage(path: Path) -> dict[str, DeclaredTable]:
    """Read a data package: each of its local files by its path.

    Raises:
        ConfigError: It is not one.
    """
    try:
        package = read_json(path, dict)
        resources = {_name(each): each for each in package["resources"] if isinstance(each.get("path"), str)}
        return {each["path"]: _table(each, resources) for each in resources.values()}
    except FormatError as error:
        raise ConfigError(error.message, place=path.name) from error
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        hint = f"It must have resources with path and schema; or write schema.yaml, which goes before {path.name}."
        raise ConfigError("is not a data package", place=path.name, hint=hint) from error


def _name(resource: Mapping[str, Any]) -> str:
    return str(resource.get("name") or resource["path"])


def _table_name(resource: Mapping[str, Any]) -> str:
    """The source's own name, where the package was made of an archive; else the file's."""
    file, title = str(resource["path"]), str(resource.get("title", ""))
    ours = any("lpa:nativeType" in field for field in (resource.get("schema") or {}).get("fields", ()))
    named = title.partition(".")[2] if ours else ""
    return named or file.rpartition(".")[0] or file


def _table(resource: Mapping[str, Any], resources: Mapping[str, Mapping[str, Any]]) -> DeclaredTable:
    dialect, schema = resource.get("dialect") or {}, resource.get("schema") or {}
    found = [_column(each, f"{DATAPACKAGE}: {resource['path']}.{each['name']}") for each in schema.get("fields", ())]
    header = dialect.get("header", True)
    return DeclaredTable(
        file=str(resource["path"]),
        name=_table_name(resource),
        delimiter=dialect.get("delimiter", ","),
        quote=dialect.get("quoteChar", '"'),
        escape="backslash" if dialect.get("escapeChar") == "\\" else "doubled",
        encoding=resource.get("encoding", "utf-8"),
        header="names" if header else "none",
        nulls=tuple(schema.get("missingValues", [""])),
        columns=tuple(column for column, _ in found),
        primary_key=_names(schema.get("primaryKey", ())),
        references=tuple(
            Reference(
                columns=_names(key["fields"]),
                table=_target(key["reference"], resource, resources),
                target=_names(key["reference"]["fields"]),
            )
            for key in schema.get("foreignKeys", ())
        ),
        comment=resource.get("description"),
        origin=DATAPACKAGE,
        notes=tuple(note for _, note in found if note),
    )


def _target(reference: Mapping[str, Any], own: Mapping[str, Any], resources: Mapping[str, Mapping[str, Any]]) -> str:
    name = reference.get("resource") or _name(own)
    return _table_name(resources[name]) if name in resources else str(name)


def _names(value: Any) -> tuple[str, ...]:  # noqa: ANN401 -- one name or several
    return (value,) if isinstance(value, str) else tuple(value)


def _column(field: Mapping[str, Any], place: str) -> tuple[DeclaredColumn, str]:
    conversion, note = _conversion(field, place)
    required = bool((field.get("constraints") or {}).get("required"))
    # Of a value that became a document, CSV has the hash alone: the document is not there to be referred to.
    referring = "lpa:sidecarOf" in field and str(field.get("lpa:arrowType", "")).startswith("struct")
    if referring:
        note = f"{place}: not carried: it refers to documents of another archive; they are not among the files"
    column = DeclaredColumn(
        name=field["name"],
        conversion=conversion,
        comment=field.get("description"),
        required=required,
        left_out=referring,
    )
    return column, note


def _conversion(field: Mapping[str, Any], place: str) -> tuple[Conversion, str]:
    kind, form = str(field.get("type", "string")), str(field.get("format", "default"))
    if arrow := _arrow(str(field.get("lpa:arrowType", ""))):
        # Dates outside the years 1 to 9999 are described as text by `convert`.
        return (TEXT, "") if kind == "string" and pa.types.is_date(arrow) else (shaped_as(arrow, str(arrow)), "")
    if kind in ("date", "datetime") and form not in ("default", "any"):
        spelling = Spelling(format=form)
        return conversion_of({"datetime": "timestamp"}.get(kind, kind), place=place, spelling=spelling), ""
    if kind == "boolean":
        yes, no = (tuple(field.get(f"{key}Values", getattr(Spelling, key))) for key in ("true", "false"))
        return conversion_of("boolean", place=place, spelling=Spelling(true=yes, false=no)), ""
    if kind == "string" and form in ("binary", "uuid"):
        return conversion_of("base64" if form == "binary" else "uuid", place=place), ""
    if word := _WORDS.get(kind):
        return conversion_of(word, place=place), ""
    note = "" if kind in ("string", "any") else f"{place}: a {kind} has no exact type here and is carried as text"
    return TEXT, note


_WORDS = {"integer": "integer", "date": "date", "time": "time", "object": "json", "array": "json", "geojson": "json"}

_PLAIN = {
    str(kind): kind
    for kind in (
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float32(), pa.float64(), pa.bool_(), pa.date32(), pa.timestamp("us"), pa.timestamp("us", "UTC")),
        *(pa.time64("us"), pa.duration("us"), pa.string(), pa.large_string(), pa.binary(), pa.large_binary()),
        *(pa.uuid(), pa.json_(), pa.dictionary(pa.int32(), pa.string())),
    )
}
_DECIMAL = re.compile(r"decimal128\((\d+), (\d+)\)")


def _arrow(text: str) -> pa.DataType | None:
    if decimal := _DECIMAL.fullmatch(text):
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    return _PLAIN.get(text)
