"""Schemas derived from the canonical model: Arrow, DuckDB, JSON Schema and the model's own JSON form.

Everything here is a pure function of the model, so the schemas in an archive cannot drift from each other: same fields,
same order, same nullability.
"""

from typing import TypeAlias

import pyarrow as pa

from portability.model.entities import Entity, Field, Model, Rule
from portability.model.logical import arrow_type_of, decimal_digits, duckdb_type_of

__all__ = ["JsonObject", "arrow_schema", "create_table_sql", "duckdb_type", "json_schema", "model_json"]

JsonObject: TypeAlias = dict[str, object]

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_VALUE_SCHEMAS: dict[str, JsonObject] = {
    "int": {"type": "integer", "minimum": -(2**63), "maximum": 2**63 - 1},
    "bool": {"type": "boolean"},
    "date": {"type": "string", "format": "date"},
    "timestamp": {"type": "string", "format": "date-time"},
    "json": {"type": "string", "contentMediaType": "application/json"},
}


def arrow_schema(entity: Entity) -> pa.Schema:
    """Return the Arrow schema of an entity; each field carries its documentation as metadata."""
    return pa.schema(
        [
            pa.field(each.name, arrow_type_of(each.type), nullable=not each.required, metadata=_metadata(each))
            for each in entity.fields
        ]
    )


def duckdb_type(field: Field) -> str:
    """Return the DuckDB type of a field."""
    return duckdb_type_of(field.type)


def create_table_sql(entity: Entity) -> str:
    """Return DuckDB SQL that creates an empty table of an entity, without constraints.

    Constraints are left out because the rules are meant to find what breaks them.
    """
    columns = ", ".join(f'"{each.name}" {duckdb_type(each)}' for each in entity.fields)
    return f'create table "{entity.name}" ({columns})'


def json_schema(entity: Entity) -> JsonObject:
    """Return the JSON Schema (2020-12) of one row of an entity written as JSON.

    Decimals are strings, so that no reader passes them through a binary float; ``json`` fields are strings that hold
    JSON text.
    """
    return {
        "$schema": _DIALECT,
        "$id": f"urn:legal-portability:canonical:1:{entity.name}",
        "title": entity.name,
        "description": entity.purpose,
        "type": "object",
        "properties": {each.name: _property(each) for each in entity.fields},
        "required": [each.name for each in entity.fields if each.required],
        "additionalProperties": False,
    }


def model_json(model: Model) -> JsonObject:
    """Return the model as plain JSON values, for schema/model.json of an archive."""
    return {
        "format": model.format,
        "version": model.version,
        "conventions": dict(model.conventions),
        "groups": dict(model.groups),
        "entities": [_entity_json(each) for each in model.entities],
        "code_lists": [
            {"name": each.name, "values": list(each.values), "note": each.note} for each in model.code_lists
        ],
        "external_code_lists": dict(model.external_code_lists),
        "rules": [_rule_json(each) for each in model.rules],
    }


def _metadata(field: Field) -> dict[str, str]:
    values = {"doc": field.doc, "pd": field.pd, "type": field.type, "codes": field.codes, "ref": field.ref}
    return {f"lpa.{key}": value for key, value in values.items() if value is not None}


def _property(field: Field) -> JsonObject:
    schema = _value_schema(field)
    if not field.required:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*field.code_values, None]
    notes = {"x-pd": field.pd, "x-type": field.type, "x-codes": field.codes, "x-ref": field.ref}
    return schema | {"description": field.doc} | {key: value for key, value in notes.items() if value is not None}


def _value_schema(field: Field) -> JsonObject:
    """Return the schema of a value that is present."""
    if digits := decimal_digits(field.type):
        return {"type": "string", "pattern": _decimal_pattern(*digits)}
    if field.type == "enum":
        return {"type": "string", "enum": list(field.code_values)}
    if field.type in _VALUE_SCHEMAS:
        return dict(_VALUE_SCHEMAS[field.type])
    # An empty text counts as absent (rule required_present).
    return {"type": "string", "minLength": 1} if field.required else {"type": "string"}


def _decimal_pattern(precision: int, scale: int) -> str:
    whole = precision - scale
    integral = f"(0|[1-9][0-9]{{0,{whole - 1}}})" if whole else "0"
    fraction = f"(\\.[0-9]{{1,{scale}}})?" if scale else ""
    return f"^-?{integral}{fraction}$"


def _entity_json(entity: Entity) -> JsonObject:
    return {
        "name": entity.name,
        "group": entity.group,
        "purpose": entity.purpose,
        "pd_class": entity.pd_class,
        "primary_key": list(entity.primary_key),
        "fields": [_field_json(each) for each in entity.fields],
    }


def _field_json(field: Field) -> JsonObject:
    optional = {"codes": field.codes, "ref": field.ref, "ref_by": field.ref_by}
    present: JsonObject = {key: value for key, value in optional.items() if value is not None}
    always: JsonObject = {
        "name": field.name,
        "type": field.type,
        "required": field.required,
        "pd": field.pd,
        "doc": field.doc,
    }
    return always | present


def _rule_json(rule: Rule) -> JsonObject:
    check: JsonObject = {"procedure": rule.procedure} if rule.sql is None else {"sql": rule.sql}
    return {"id": rule.id, "severity": rule.severity, "entity": rule.entity, "text": rule.text} | check
