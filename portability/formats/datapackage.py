"""datapackage.json: every Parquet file of an archive as a resource of a Data Package (version 2, datapackage.org).

Only what holds for the file stands here: a NOT NULL, a key or a reference that the source declared but that does
not hold in the file (its target is not in the archive, values became exceptions) is in schema/source.json alone.
What the standard has no word for has a property of our own, named ``lpa:...``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import pyarrow as pa

from portability.errors import FormatError
from portability.formats.carried import are_values, is_always_present, totals_of
from portability.formats.datapackage_profile import (
    PERSONAL_DATA_CLASSES,
    PROFILE_PATH,
    profile_bytes,
    validate_datapackage,
)
from portability.manifest import FORMAT_VERSION, Column, ControlTotals, ForeignKey, SourceSchema, Table

__all__ = [
    "PERSONAL_DATA_CLASSES",
    "PROFILE_PATH",
    "EntityShape",
    "FieldShape",
    "JsonObject",
    "ModelShape",
    "TableFile",
    "build_datapackage",
    "profile_bytes",
    "resource_name",
    "validate_datapackage",
]

JsonObject: TypeAlias = dict[str, object]

_STANDARD = "https://datapackage.org/profiles/2.0/datapackage.json"
_MEDIA_TYPE = "application/vnd.apache.parquet"
_UNKNOWN = "personal"
_ANYTHING = "privileged"  # a report or a quarantine reason may quote any value of any column


class FieldShape(Protocol):
    """What is read of a canonical field (``portability.model.Field`` has it)."""

    @property
    def name(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def pd(self) -> str: ...
    @property
    def doc(self) -> str: ...
    @property
    def required(self) -> bool: ...
    @property
    def codes(self) -> str | None: ...
    @property
    def code_values(self) -> Sequence[str]: ...
    @property
    def ref(self) -> str | None: ...


class EntityShape(Protocol):
    """What is read of a canonical entity (``portability.model.Entity`` has it)."""

    @property
    def name(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def primary_key(self) -> Sequence[str]: ...
    @property
    def fields(self) -> Sequence[FieldShape]: ...


class ModelShape(Protocol):
    """What is read of the canonical model (``portability.model.Model`` has it)."""

    def entity(self, name: str, /) -> EntityShape:
        """Return the entity of that name; FormatError when there is none."""


@dataclass(frozen=True, kw_only=True)
class TableFile:
    """A Parquet file of the payload: its path below ``data/``, its Arrow schema, its rows, the SHA-256 of its bytes."""

    path: str
    schema: pa.Schema
    rows: int
    sha256: str

    @property
    def layer(self) -> str:
        """``tables``, ``quarantine``, ``source`` or ``reports``."""
        return self.path.partition("/")[0]


PersonalDataOf = Callable[[Table, Column], str | None]
"""Gives a source column's personal-data class, or None when nobody knows."""


def resource_name(path: str) -> str:
    """Name the resource of a file: its path without suffix, dots for slashes."""
    return path.removesuffix(".parquet").replace("/", ".")


def build_datapackage(  # noqa: PLR0913 -- each is a thing that the caller holds already
    *,
    name: str,
    title: str,
    profile: str,
    source: SourceSchema,
    model: ModelShape,
    files: Sequence[TableFile],
    pd_of: PersonalDataOf = lambda _table, _column: None,
    totals: ControlTotals | None = None,
) -> JsonObject:
    """Describe the tables of an archive.

    Args:
        name: Of the package: lower case letters, digits, ``.``, ``_``, ``-``.
        title: For people.
        profile: Name of the mapping profile.
        source: As in schema/source.json.
        model: The canonical model.
        files: Every Parquet file, in any order.
        pd_of: Personal-data class of a source column; ``personal`` when it does not know.
        totals: As in reports/control_totals.json; without them a declared NOT NULL is taken at its word.

    Raises:
        FormatError: A file belongs to no entity and no source table, or holds an Arrow type that has no description.
    """
    build = _Build(source=source, model=model, files={each.path: each for each in files}, pd_of=pd_of, totals=totals)
    return {
        "$schema": _STANDARD,
        "name": name,
        "title": title,
        "description": "A Legal Portability Archive. FORMAT.md describes its layout, README.html its content.",
        "lpa:formatVersion": FORMAT_VERSION,
        "lpa:profile": PROFILE_PATH,
        "lpa:mapping": profile,
        "resources": [build.resource(file) for _, file in sorted(build.files.items())],
    }


@dataclass(frozen=True, kw_only=True)
class _Build:
    source: SourceSchema
    model: ModelShape
    files: Mapping[str, TableFile]
    pd_of: PersonalDataOf
    totals: ControlTotals | None

    def resource(self, file: TableFile) -> JsonObject:
        describe = {"tables": self._canonical, "quarantine": self._quarantine, "source": self._source}
        about, schema = describe.get(file.layer, self._report)(file)
        classes = [str(field["lpa:personalData"]) for field in schema["fields"]]  # type: ignore[attr-defined]
        return {
            "name": resource_name(file.path),
            "path": file.path,
            "type": "table",
            "format": "parquet",
            "mediatype": _MEDIA_TYPE,
            "hash": f"sha256:{file.sha256}",
            "lpa:layer": file.layer,
            "lpa:rowCount": file.rows,
            "lpa:personalData": max(classes, key=PERSONAL_DATA_CLASSES.index, default="none"),
            # In Parquet a null is a null: no text stands for one.
            "schema": {"missingValues": [], **schema},
            **about,
        }

    # -- canonical layer ----------------------------------------------------------------------------------------------

    def _canonical(self, file: TableFile) -> tuple[JsonObject, JsonObject]:
        entity = self.model.entity(_stem(file))
        declared = {each.name: each for each in entity.fields}
        fields = [_canonical_field(each, declared[each.name], file.path) for each in file.schema]
        schema: JsonObject = {"fields": fields, "primaryKey": list(entity.primary_key)}
        keys = [self._reference(file, each) for each in entity.fields if each.ref]
        return {"description": entity.purpose}, schema | _present("foreignKeys", [key for key in keys if key])

    def _reference(self, file: TableFile, field: FieldShape) -> JsonObject | None:
        target = f"tables/{field.ref}.parquet"
        if target not in self.files or field.ref is None:
            return None
        return _foreign_key(file.path, [field.name], target, list(self.model.entity(field.ref).primary_key))

    def _quarantine(self, file: TableFile) -> tuple[JsonObject, JsonObject]:
        entity = self.model.entity(_stem(file))
        declared = {each.name: each for each in entity.fields}
        fields = []
        for each in file.schema:
            known = declared.get(each.name)
            descriptor = _field(each, file.path, pd=known.pd if known else _ANYTHING)
            fields.append(descriptor | ({"description": known.doc} if known else {}))
        return {"description": f"Rows of {entity.name} that lack something required, each with the reason."}, {
            "fields": fields
        }

    # -- source layer -------------------------------------------------------------------------------------------------

    def _source(self, file: TableFile) -> tuple[JsonObject, JsonObject]:
        table = self._table(file.path)
        keys = [list(key.columns) for key in table.unique_keys if are_values(table, key.columns)]
        references = [self._source_reference(file, table, key) for key in table.foreign_keys]
        schema: JsonObject = {"fields": [self._source_field(file, table, each) for each in file.schema]}
        if table.primary_key and self._is_key(table, table.primary_key.columns):
            schema["primaryKey"] = list(table.primary_key.columns)
        schema |= _present("uniqueKeys", keys)
        schema |= _present("foreignKeys", [each for each in references if each])
        about: JsonObject = {"title": table.label, "lpa:sourceTable": {"schema": table.schema, "name": table.name}}
        return about | ({"description": table.comment} if table.comment else {}), schema

    def _table(self, path: str) -> Table:
        for table in self.source.tables:
            if table.file == path:
                return table
        raise FormatError("belongs to no table of the source", place=path)

    def _source_field(self, file: TableFile, table: Table, field: pa.Field) -> JsonObject:
        column = next((each for each in table.columns if each.name == field.name), None)
        if column is None:
            return self._sidecar(file, table, field)
        descriptor = _field(field, file.path, pd=self.pd_of(table, column) or _UNKNOWN)
        descriptor["lpa:nativeType"] = column.native_type
        if column.comment:
            descriptor["description"] = column.comment
        if column.carried != "value":
            descriptor["lpa:carried"] = column.carried
        if is_always_present(table, column, totals_of(self.totals, table)):
            descriptor["constraints"] = {"required": True}
        return descriptor

    def _sidecar(self, file: TableFile, table: Table, field: pa.Field) -> JsonObject:
        """Describe a column that we added beside one of the source's; it tells as much about a person as that one."""
        owner = next((each for each in table.columns if field.name.startswith(f"{each.name}__")), None)
        if owner is None:
            raise FormatError(f"column {field.name!r} is not of the source and beside none of it", place=file.path)
        return _field(field, file.path, pd=self.pd_of(table, owner) or _UNKNOWN) | {"lpa:sidecarOf": owner.name}

    def _is_key(self, table: Table, columns: Sequence[str]) -> bool:
        counted = totals_of(self.totals, table)
        return are_values(table, columns) and all(is_always_present(table, table.column(c), counted) for c in columns)

    def _source_reference(self, file: TableFile, table: Table, key: ForeignKey) -> JsonObject | None:
        for target in self.source.tables:
            if (target.schema, target.name) == (key.target_schema, key.target_table):
                held = are_values(table, key.columns) and are_values(target, key.target_columns)
                if key.broken_rows or not held or target.file not in self.files:
                    return None
                return _foreign_key(file.path, list(key.columns), target.file, list(key.target_columns))
        return None

    # -- reports ------------------------------------------------------------------------------------------------------

    def _report(self, file: TableFile) -> tuple[JsonObject, JsonObject]:
        return {}, {"fields": [_field(each, file.path, pd=_ANYTHING) for each in file.schema]}


def _stem(file: TableFile) -> str:
    return file.path.partition("/")[2].removesuffix(".parquet")


def _present(name: str, values: list[object] | list[list[str]] | list[JsonObject]) -> JsonObject:
    """Return the property, or nothing when it would be an empty list, which the standard forbids."""
    return {name: values} if values else {}


def _foreign_key(path: str, columns: list[str], target: str, target_columns: list[str]) -> JsonObject:
    reference: JsonObject = {"fields": target_columns}
    if target != path:  # the standard wants a reference to the resource itself without its name
        reference["resource"] = resource_name(target)
    return {"fields": columns, "reference": reference}


def _canonical_field(field: pa.Field, declared: FieldShape, place: str) -> JsonObject:
    constraints: JsonObject = {"required": True} if declared.required else {}
    if declared.code_values:
        constraints["enum"] = list(declared.code_values)
    descriptor = _field(field, place, pd=declared.pd)
    descriptor |= {"description": declared.doc, "lpa:logicalType": declared.type}
    if declared.codes:
        descriptor["lpa:codes"] = declared.codes
    return descriptor | ({"constraints": constraints} if constraints else {})


def _field(field: pa.Field, place: str, *, pd: str) -> JsonObject:
    kind, form = _table_schema_type(field.type, f"{place}: {field.name}")
    descriptor: JsonObject = {"name": field.name, "type": kind}
    if form:
        descriptor["format"] = form
    return descriptor | {"lpa:arrowType": str(field.type), "lpa:personalData": pd}


_TYPES: tuple[tuple[Callable[[pa.DataType], bool], str, str], ...] = (
    (lambda kind: isinstance(kind, pa.UuidType), "string", "uuid"),
    (lambda kind: isinstance(kind, pa.JsonType), "any", ""),
    (pa.types.is_boolean, "boolean", ""),
    (pa.types.is_integer, "integer", ""),
    (pa.types.is_decimal, "number", ""),
    (pa.types.is_floating, "number", ""),
    (pa.types.is_string, "string", ""),
    (pa.types.is_large_string, "string", ""),
    (pa.types.is_binary, "string", "binary"),
    (pa.types.is_large_binary, "string", "binary"),
    (pa.types.is_fixed_size_binary, "string", "binary"),
    (pa.types.is_date, "date", ""),
    (pa.types.is_timestamp, "datetime", ""),
    (pa.types.is_time, "time", ""),
    (pa.types.is_duration, "duration", ""),
    (pa.types.is_struct, "object", ""),
    (pa.types.is_list, "array", ""),
)


def _table_schema_type(kind: pa.DataType, place: str) -> tuple[str, str]:
    if pa.types.is_dictionary(kind):
        return _table_schema_type(kind.value_type, place)
    for holds, name, form in _TYPES:
        if holds(kind):
            return name, form
    raise FormatError(f"the type {kind} has no description", place=place)
