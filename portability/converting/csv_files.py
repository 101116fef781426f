"""CSV (RFC 4180, UTF-8, CRLF), one file a table, with a Data Package that says what every column is.

Texts stand in quotes, always; numbers, dates and the rest do not. A null is nothing, an empty text is ``""``: readers
that tell them apart read back exactly what was written. Data that starts like a formula is data and stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from portability.archive import DATAPACKAGE_JSON
from portability.converting.contract import Form, Material, Report, TableMaterial
from portability.converting.texts import column_texts
from portability.errors import FormatError
from portability.manifest import read_json, to_json
from portability.streams import digest_file

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORM"]

_YEAR_FIRST, _YEAR_LAST = -719_162, 2_932_896  # days from 1970 to 0001-01-01 and 9999-12-31
_OURS = ("lpa:logicalType", "lpa:codes", "lpa:nativeType", "lpa:arrowType", "lpa:personalData", "lpa:sidecarOf")
_FORMULA = r"^[=+\-@\t\r]"


def _write(material: Material, folder: Path, report: Report) -> None:
    names = {table.resource["name"]: _stem(table) for table in material.tables}
    resources = []
    for table in material.tables:
        material.progress(f"csv {table.name}")
        path = folder / f"{names[table.resource['name']]}.csv"
        notes = _table(table, path, material, report)
        resources.append(_resource(table, path, names, notes))
        report.count("tables")
        report.count("rows", table.rows)
    package = read_json(material.archive.data / DATAPACKAGE_JSON, dict)
    kept = {key: package[key] for key in ("name", "title", "description") if key in package}
    (folder / DATAPACKAGE_JSON).write_bytes(to_json({**kept, "profile": "data-package", "resources": resources}))


def _stem(table: TableMaterial) -> str:
    """The file's name is the archive's own, which is safe on every system."""
    return table.path.stem


class _Notes:
    """What a table's columns held that its description must allow for."""

    def __init__(self) -> None:
        self.empty_texts: set[str] = set()
        self.far_dates: set[str] = set()


def _table(table: TableMaterial, path: Path, material: Material, report: Report) -> _Notes:
    notes = _Notes()
    rows = 0
    with path.open("xb") as stream:
        stream.write(_header(table.schema.names))
        for batch in table.batches(material.limits):
            stream.write(_lines(batch))
            _observe(batch, table, notes, report)
            rows += batch.num_rows
    if rows != table.rows:
        raise FormatError(f"has {rows} rows, its footer says {table.rows}", place=table.path.name)
    return notes


def _header(names: list[str]) -> bytes:
    return (",".join('"' + name.replace('"', '""') + '"' for name in names) + "\r\n").encode()


def _lines(batch: pa.RecordBatch) -> bytes:
    """Write a batch's rows, each ended by CRLF."""
    columns = [_cells(column) for column in batch.columns]
    if not batch.num_rows:
        return b""
    rows = pc.binary_join_element_wise(*columns, ",") if len(columns) > 1 else columns[0]
    whole = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), rows), "\r\n")
    return bytes(whole[0].as_buffer()) + b"\r\n"


def _cells(column: pa.Array) -> pa.Array:
    texts = column_texts(column)
    if _is_text(column.type):
        quoted = pc.replace_substring(texts, '"', '""')
        texts = pc.binary_join_element_wise('"', quoted, '"', "")
    return pc.fill_null(texts, "")


def _is_text(kind: pa.DataType) -> bool:
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean, pa.types.is_temporal)
    return not any(holds(kind) for holds in plain)


def _observe(batch: pa.RecordBatch, table: TableMaterial, notes: _Notes, report: Report) -> None:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        place = f"{table.name}.{name}"
        if pa.types.is_string(column.type):
            if empty := pc.sum(pc.equal(column, "")).as_py():
                notes.empty_texts.add(name)
                what = 'empty texts, written "" beside nulls written as nothing: most readers take both for null'
                report.remark(what, place, empty)
            formulas = pc.sum(pc.match_substring_regex(column, _FORMULA)).as_py() or 0
            what = "texts that a spreadsheet may take for a formula, kept exactly: import the column as text"
            report.remark(what, place, formulas)
        if pa.types.is_date32(column.type):
            days = column.cast(pa.int32())
            far = pc.sum(pc.or_(pc.less(days, _YEAR_FIRST), pc.greater(days, _YEAR_LAST))).as_py()
            if far:
                notes.far_dates.add(name)
                report.remark("dates outside the years 1 to 9999: the column is described as text", place, far)


def _resource(table: TableMaterial, path: Path, names: dict[str, str], notes: _Notes) -> dict[str, Any]:
    digest = digest_file(path)
    described: dict[str, Any] = {key: table.resource[key] for key in ("title", "description") if key in table.resource}
    schema: dict[str, Any] = {"fields": [_field(field, notes) for field in table.fields], "missingValues": [""]}
    if table.key:
        schema["primaryKey"] = list(table.key)
    references = [_reference(each, table, names) for each in table.references]
    if kept := [each for each in references if each]:
        schema["foreignKeys"] = kept
    return {
        "name": names[table.resource["name"]].replace("_", "-"),
        **described,
        "path": path.name,
        "profile": "tabular-data-resource",
        "scheme": "file",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "dialect": {"delimiter": ",", "lineTerminator": "\r\n", "quoteChar": '"', "doubleQuote": True, "header": True},
        "bytes": digest.size_bytes,
        "hash": f"sha256:{digest.sha256}",
        "schema": schema,
    }


def _reference(key: dict[str, Any], table: TableMaterial, names: dict[str, str]) -> dict[str, Any] | None:
    """Name a reference's table as it is called here; none when it is not among the files."""
    target = key["reference"].get("resource", table.resource["name"])
    if target not in names:
        return None
    resource = "" if target == table.resource["name"] else names[target].replace("_", "-")
    return {"fields": key["fields"], "reference": {"resource": resource, "fields": key["reference"]["fields"]}}


def _field(field: dict[str, Any], notes: _Notes) -> dict[str, Any]:
    kept = {key: field[key] for key in ("name", "type", "format", "description", "constraints", *_OURS) if key in field}
    if field["name"] in notes.empty_texts and "required" in kept.get("constraints", {}):
        kept["constraints"] = {k: v for k, v in kept["constraints"].items() if k != "required"}
    if field["name"] in notes.far_dates:
        kept["type"] = "string"
    if kept["type"] == "duration":
        kept["type"] = "integer"
        kept["description"] = f"{kept.get('description', '')} (microseconds)".strip()
    if kept.get("format") == "uuid":
        kept["format"] = "default"  # quoted text; the strict form of a UUID refuses what databases take
    return kept


FORM = Form(
    name="csv",
    title="CSV files (RFC 4180, UTF-8) with a Frictionless data package",
    write=_write,
    tables=True,
    cannot_hold=(
        "CSV has no types: datapackage.json says what each column is.",
        'A null is nothing between two commas, an empty text is "". Most readers take both for null.',
        "Bytes are base64, nested values JSON, durations a number of microseconds.",
        "A text that starts with = + - @ is kept exactly; a spreadsheet that opens the file may run it as a formula.",
        "Import such columns as text, or use --to xlsx, where every text is a text.",
        "Documents and values longer than 1 MiB are not in it: <column>__file names them. Documents: --to files.",
    ),
)
