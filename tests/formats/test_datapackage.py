"""datapackage.json: what it says of an archive's tables, and what the profile refuses."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import jsonschema
import pyarrow as pa
import pytest

from portability.errors import FormatError
from portability.formats.datapackage import (
    PERSONAL_DATA_CLASSES,
    validate_datapackage,
)
from portability.manifest import (
    ColumnTotals,
    ControlTotals,
    TableTotals,
)
from portability.model import PD_CLASSES
from tests.conftest import lacking
from tests.formats.packages import FILES, HASH, MATTERS, MATTERS_ARROW, build, field, file, resource


def test_package_of_all_layers_meets_our_profile() -> None:
    """What the builder writes, the verifier accepts."""
    assert validate_datapackage(build()) == []


def test_package_meets_the_published_profile_of_data_package_2() -> None:
    """The standard's own JSON Schema, as shipped by dplib-py, accepts it too."""
    found = importlib.util.find_spec("dplib")
    if found is None or not found.submodule_search_locations:
        lacking("dplib-py is not installed")
        return
    path = Path(found.submodule_search_locations[0], "profiles", "2.0", "datapackage.json")
    standard = jsonschema.Draft7Validator(json.loads(path.read_text(encoding="utf-8")))
    assert [error.message for error in standard.iter_errors(build())] == []


def test_package_describes_each_file_once_in_path_order() -> None:
    """One resource per Parquet file, whatever order they come in."""
    package = build(files=list(reversed(FILES)))
    assert [each["path"] for each in package["resources"]] == sorted(each.path for each in FILES)
    assert package == build()


def test_package_resource_carries_hash_rows_and_layer_but_no_bytes() -> None:
    """A reader that knows Data Package finds the checksum; row count and layer are our properties."""
    matter = resource(build(), "tables.matter")
    assert matter["hash"] == f"sha256:{HASH}"
    assert (matter["format"], matter["mediatype"]) == ("parquet", "application/vnd.apache.parquet")
    assert (matter["lpa:rowCount"], matter["lpa:layer"]) == (7, "tables")
    assert "bytes" not in matter
    assert matter["schema"]["missingValues"] == []


def test_package_canonical_keys_are_those_whose_target_is_present() -> None:
    """A matter refers to its client, which is here, and to its fee earner, who is not."""
    keys = resource(build(), "tables.matter")["schema"]["foreignKeys"]
    assert {"fields": ["client_id"], "reference": {"resource": "tables.client", "fields": ["id"]}} in keys
    assert not [key for key in keys if key["fields"] == ["fee_earner_id"]]


def test_package_reference_to_a_file_uses_its_hash() -> None:
    """The key of file_object is sha256, and a reference to it says so."""
    keys = resource(build(), "tables.document_version")["schema"]["foreignKeys"]
    assert {
        "fields": ["file_sha256"],
        "reference": {"resource": "tables.file_object", "fields": ["sha256"]},
    } in keys


def test_package_reference_to_itself_has_no_resource_name() -> None:
    """The standard wants a self-reference without a name."""
    keys = resource(build(), "tables.matter")["schema"]["foreignKeys"]
    assert {"fields": ["parent_matter_id"], "reference": {"fields": ["id"]}} in keys


def test_package_canonical_field_has_type_constraints_and_class() -> None:
    """A required code has both constraints; money is a number that names its exact type."""
    package = build()
    status = field(package, "tables.matter", "status")
    assert status["constraints"]["required"] is True
    assert "open" in status["constraints"]["enum"]
    debit = field(package, "tables.ledger_entry", "debit")
    assert (debit["type"], debit["lpa:arrowType"]) == ("number", "decimal128(19, 4)")
    assert debit["lpa:personalData"] == "financial"


def test_package_quarantine_promises_nothing() -> None:
    """Rows in quarantine lack what is required: no constraints, no keys."""
    schema = resource(build(), "quarantine.matter")["schema"]
    assert set(schema) == {"fields", "missingValues"}
    assert not [each for each in schema["fields"] if "constraints" in each]


def test_package_source_key_is_left_out_when_it_does_not_hold_here() -> None:
    """Broken, excluded and absent targets stay in source.json; the sound and the self-reference stand."""
    keys = resource(build(), "source.public.matters")["schema"]["foreignKeys"]
    assert keys == [
        {"fields": ["client"], "reference": {"resource": "source.public.clients", "fields": ["id"]}},
        {"fields": ["parent"], "reference": {"fields": ["id"]}},
    ]


def test_package_source_unique_key_on_an_excluded_column_is_left_out() -> None:
    """A key that the file cannot show is not promised."""
    assert resource(build(), "source.public.clients")["schema"]["uniqueKeys"] == [["ref"]]


def test_package_source_field_keeps_native_type_and_comment() -> None:
    """The declared type and the source's comment travel with the column."""
    ref = field(build(), "source.public.clients", "ref")
    assert (ref["lpa:nativeType"], ref["description"]) == ("character varying(10)", "Client number")
    assert ref["constraints"] == {"required": True}


def test_package_column_of_files_is_not_required_and_has_its_sidecar() -> None:
    """A value that became a file is null in its column, and the sidecar names its owner."""
    package = build()
    scan = field(package, "source.public.clients", "scan")
    assert scan["lpa:carried"] == "file"
    assert "constraints" not in scan
    sidecar = field(package, "source.public.clients", "scan__file")
    assert (sidecar["type"], sidecar["lpa:sidecarOf"]) == ("object", "scan")


def test_package_column_with_exceptions_is_not_required() -> None:
    """A NOT NULL date with a value that could not be carried has a null in the file."""
    columns = tuple(
        ColumnTotals(name=name, non_null=7, excepted=int(name == "opened")) for name in ("id", "ref", "opened")
    )
    totals = ControlTotals(tables=(TableTotals(schema="public", name="Clients", rows=7, columns=columns),))
    package = build(totals=totals)
    assert "constraints" not in field(package, "source.public.clients", "opened")
    assert field(package, "source.public.clients", "ref")["constraints"] == {"required": True}


def test_package_personal_data_of_unknown_columns_is_personal() -> None:
    """What the mapping does not classify is treated as personal; a resource takes its strictest field."""
    known = {"ref": "none", "opened": "special_category"}
    package = build(pd_of=lambda _, column: known.get(column.name))
    classes = [each["lpa:personalData"] for each in resource(package, "source.public.clients")["schema"]["fields"]]
    assert classes == ["personal", "none", "special_category", "personal", "personal"]
    assert resource(package, "source.public.clients")["lpa:personalData"] == "special_category"


def test_package_personal_data_classes_are_the_models() -> None:
    """The two lists are one list."""
    assert PERSONAL_DATA_CLASSES == PD_CLASSES


def test_package_refuses_a_file_of_no_source_table() -> None:
    """A stray Parquet file is an error, not an undescribed resource."""
    with pytest.raises(FormatError, match="belongs to no table"):
        build(files=[file("source/public.stray.parquet", MATTERS_ARROW)])


def test_package_refuses_a_column_that_is_neither_of_the_source_nor_a_sidecar() -> None:
    """An unknown column stops the export."""
    with pytest.raises(FormatError, match="beside none"):
        build(files=[file(MATTERS.file, pa.schema([*MATTERS_ARROW, ("extra", pa.int32())]))])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (pa.int8(), ("integer", None)),
        (pa.uint64(), ("integer", None)),
        (pa.decimal128(38, 10), ("number", None)),
        (pa.float32(), ("number", None)),
        (pa.bool_(), ("boolean", None)),
        (pa.large_string(), ("string", None)),
        (pa.dictionary(pa.int32(), pa.string()), ("string", None)),
        (pa.large_binary(), ("string", "binary")),
        (pa.uuid(), ("string", "uuid")),
        (pa.json_(), ("any", None)),
        (pa.date32(), ("date", None)),
        (pa.timestamp("us"), ("datetime", None)),
        (pa.timestamp("us", tz="UTC"), ("datetime", None)),
        (pa.time64("us"), ("time", None)),
        (pa.duration("us"), ("duration", None)),
        (pa.list_(pa.string()), ("array", None)),
    ],
    ids=str,
)
def test_package_type_of_an_arrow_type_is_a_word_of_table_schema(
    kind: pa.DataType, expected: tuple[str, str | None]
) -> None:
    """Every Arrow type that a connector writes has its word, and keeps its own name."""
    package = build(files=[file("reports/exceptions.parquet", pa.schema([("value", kind)]))])
    found = field(package, "reports.exceptions", "value")
    assert (found["type"], found.get("format")) == expected
    assert found["lpa:arrowType"] == str(kind)
    assert validate_datapackage(package) == []


def test_package_refuses_an_arrow_type_without_a_word() -> None:
    """There is no default type."""
    with pytest.raises(FormatError, match="no description"):
        build(files=[file("reports/exceptions.parquet", pa.schema([("value", pa.null())]))])
