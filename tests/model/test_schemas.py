"""The schemas derived from the model agree with it and with each other."""

from datetime import UTC, datetime

import duckdb
import jsonschema
import pyarrow as pa
import pytest

from portability.model import (
    Entity,
    Field,
    arrow_schema,
    create_table_sql,
    duckdb_type,
    json_schema,
    load_model,
    model_json,
)

ENTITIES = load_model().entities
FLOATS = {pa.float16(), pa.float32(), pa.float64()}
ARROW_TYPES = {
    "string": pa.string(),
    "text": pa.string(),
    "json": pa.string(),
    "int": pa.int64(),
    "bool": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "decimal(19,4)": pa.decimal128(19, 4),
    "decimal(28,10)": pa.decimal128(28, 10),
}
DUCKDB_TYPES = {
    "string": "VARCHAR",
    "text": "VARCHAR",
    "json": "VARCHAR",
    "int": "BIGINT",
    "bool": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "decimal(19,4)": "DECIMAL(19,4)",
    "decimal(28,10)": "DECIMAL(28,10)",
}

each_entity = pytest.mark.parametrize("entity", ENTITIES, ids=lambda entity: entity.name)


def _one_field(logical_type: str, *, required: bool = True) -> Entity:
    field = Field(name="value", type=logical_type, pd="none", doc="A value", required=required)
    return Entity(name="sample", group="g", purpose="p", primary_key=("value",), fields=(field,))


def _accepts(logical_type: str, value: object, *, required: bool = True) -> bool:
    schema = json_schema(_one_field(logical_type, required=required))
    return jsonschema.Draft202012Validator(schema).is_valid({"value": value})


@each_entity
def test_arrow_and_json_schema_have_the_fields_of_the_model(entity: Entity) -> None:
    """Both list the same fields in the same order and require the same ones."""
    arrow, schema = arrow_schema(entity), json_schema(entity)
    properties = schema["properties"]
    assert isinstance(properties, dict)
    assert tuple(arrow.names) == tuple(properties) == entity.field_names
    assert [field.name for field in arrow if not field.nullable] == schema["required"]


@each_entity
def test_json_schema_is_valid_against_its_metaschema(entity: Entity) -> None:
    """Every entity's schema is a JSON Schema of draft 2020-12."""
    jsonschema.Draft202012Validator.check_schema(json_schema(entity))


@each_entity
def test_arrow_schema_survives_duckdb_unchanged(entity: Entity) -> None:
    """A table created with the DuckDB types comes out of DuckDB with the Arrow types."""
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        connection.execute(create_table_sql(entity))
        found = connection.sql(f'select * from "{entity.name}"').to_arrow_table().schema
    assert [(field.name, field.type) for field in found] == [(field.name, field.type) for field in arrow_schema(entity)]


@each_entity
def test_arrow_schema_has_no_floats(entity: Entity) -> None:
    """No binary floating point holds a value of the model."""
    assert not FLOATS & set(arrow_schema(entity).types)


@pytest.mark.parametrize("logical_type", ARROW_TYPES)
def test_arrow_type_of_each_logical_type_is_the_declared_one(logical_type: str) -> None:
    """The types are those that the archive format promises."""
    assert arrow_schema(_one_field(logical_type)).field("value").type == ARROW_TYPES[logical_type]


@pytest.mark.parametrize("logical_type", DUCKDB_TYPES)
def test_duckdb_type_of_each_logical_type_is_the_declared_one(logical_type: str) -> None:
    """The types are those that the rules' SQL counts on."""
    assert duckdb_type(_one_field(logical_type).field("value")) == DUCKDB_TYPES[logical_type]


def test_arrow_field_metadata_tells_what_the_field_means() -> None:
    """A Parquet file explains its own columns."""
    schema = arrow_schema(load_model().entity("matter"))
    assert schema.field("status").metadata == {
        b"lpa.doc": b"Where the matter stands",
        b"lpa.pd": b"none",
        b"lpa.type": b"enum",
        b"lpa.codes": b"matter_status",
    }
    assert schema.field("client_id").metadata[b"lpa.ref"] == b"client"


@pytest.mark.parametrize("value", ["0", "12", "-12.5", "0.0001", "999999999999999.9999", "-0.00"])
def test_json_schema_takes_a_decimal_as_text(value: str) -> None:
    """A decimal within its digits is a text."""
    assert _accepts("decimal(19,4)", value)


@pytest.mark.parametrize("value", [12, 12.5, "", "1e3", "01", "1.", ".5", "1.23456", "1000000000000000", "1,5", "NaN"])
def test_json_schema_refuses_what_is_no_exact_decimal(value: object) -> None:
    """Numbers, exponents, spare digits and other spellings are not taken."""
    assert not _accepts("decimal(19,4)", value)


def test_json_schema_of_a_required_field_refuses_null_and_empty_text() -> None:
    """An empty text counts as absent."""
    assert not _accepts("string", None)
    assert not _accepts("string", "")
    assert _accepts("string", " ")


def test_json_schema_of_an_optional_field_takes_null() -> None:
    """An optional field may be null."""
    assert _accepts("string", None, required=False)
    assert _accepts("decimal(19,4)", None, required=False)
    assert _accepts("string", "", required=False)


def test_json_schema_of_an_optional_enum_takes_its_codes_and_null() -> None:
    """An enumerated field takes its code list and nothing else."""
    schema = json_schema(load_model().entity("task"))
    properties = schema["properties"]
    assert isinstance(properties, dict)
    validator = jsonschema.Draft202012Validator(properties["priority"])
    assert [validator.is_valid(value) for value in ("high", None, "highest")] == [True, True, False]


def test_json_schema_of_a_row_refuses_an_unknown_field() -> None:
    """A misspelt field does not pass."""
    schema = json_schema(_one_field("string"))
    assert not jsonschema.Draft202012Validator(schema).is_valid({"value": "a", "valeu": "b"})


def test_arrow_timestamp_is_utc() -> None:
    """A timestamp comes back as the same moment, in UTC."""
    moment = datetime(2024, 1, 31, 12, 0, tzinfo=UTC)
    table = pa.Table.from_pylist([{"value": moment}], schema=arrow_schema(_one_field("timestamp")))
    assert table["value"][0].as_py() == moment


def test_model_json_holds_all_entities_code_lists_and_rules() -> None:
    """schema/model.json is the whole model, in plain JSON values."""
    model = load_model()
    content = model_json(model)
    for key, expected in (("entities", 53), ("code_lists", len(model.code_lists)), ("rules", len(model.rules))):
        values = content[key]
        assert isinstance(values, list)
        assert len(values) == expected
