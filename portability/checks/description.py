"""D: the description. Every document is there and can be read; every Parquet file opens within its limits.

Everything is read through the limits: a document is measured before it is read, a footer before it is parsed. Nothing
here looks at rows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
import pyarrow.parquet as pq

from portability.archive import (
    CONTROL_TOTALS_JSON,
    COVERAGE_JSON,
    DATAPACKAGE_JSON,
    DOCUMENTS_PARQUET,
    EXCEPTIONS_PARQUET,
    FINDINGS_JSON,
    MODEL_JSON,
    SOURCE_JSON,
)
from portability.checks.case import TableFacts, open_regular
from portability.checks.coverage import check_coverage
from portability.checks.described_model import check_entities, check_model, check_reports, check_row_schemas
from portability.checks.described_package import check_package
from portability.checks.described_source import check_control_totals, check_findings, check_source, check_source_files
from portability.checks.steps import Step
from portability.checks.strict_json import StrictJsonError, parse_strictly
from portability.duck import text_literal
from portability.formats.datapackage import PROFILE_PATH

if TYPE_CHECKING:
    from portability.checks.case import Case

__all__ = ["STEPS"]

_REQUIRED = (
    CONTROL_TOTALS_JSON,
    COVERAGE_JSON,
    DATAPACKAGE_JSON,
    DOCUMENTS_PARQUET,
    EXCEPTIONS_PARQUET,
    FINDINGS_JSON,
    MODEL_JSON,
    PROFILE_PATH,
    SOURCE_JSON,
    "FORMAT.md",
    "README.html",
)
_KNOWN = re.compile(
    r"datapackage\.json|README\.html|FORMAT\.md"
    r"|(tables|quarantine)/[a-z0-9_]+\.parquet"
    r"|source/[a-z0-9_.]+\.parquet"
    r"|schema/([a-z0-9_]+\.schema|model|source)\.json"
    r"|reports/((coverage|control_totals|findings|summary)\.json|(exceptions|documents)\.parquet)"
    r"|(map|sql)/.+"
)
_MAGIC = b"PAR1"
_TAIL_BYTES = 8  # length of the footer, and the magic again


def _check_inventory(case: Case) -> None:
    for path in _REQUIRED:
        if path not in case.payload.files:
            case.log.add("D205", path)
    for path in case.payload.files:
        if not _KNOWN.fullmatch(path) and not case.is_newer:
            case.log.add("D206", path)


def _check_json(case: Case) -> None:
    case.json = {}
    for path, file in case.payload.files.items():
        if not path.endswith(".json") or path.startswith(("map/", "sql/")):
            continue
        if file.size_bytes > case.limits.json_bytes_max:
            case.log.add("D202", path, [f"{file.size_bytes} bytes"])
            continue
        try:
            with open_regular(case.data / path) as stream:
                case.json[path] = parse_strictly(stream.read(), case.limits)
        except StrictJsonError as error:
            case.log.add(error.code, path, [str(error)])


def _check_parquet(case: Case) -> None:
    case.tables = {}
    for path, file in case.payload.files.items():
        if path.endswith(".parquet"):
            case.progress(path)
            try:
                case.tables[path] = _open_parquet(case, path, file.size_bytes)
            except _RefusedError as refused:
                case.log.add(refused.code, path, [str(refused)])
    rows = sum(facts.rows for path, facts in case.tables.items() if path.startswith("source/"))
    case.totals |= {"rows": rows, "entities": sum(path.startswith("tables/") for path in case.tables)}


class _RefusedError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def _open_parquet(case: Case, path: str, size_bytes: int) -> TableFacts:
    with open_regular(case.data / path) as stream:
        head = stream.read(len(_MAGIC))
        stream.seek(max(0, size_bytes - _TAIL_BYTES))
        tail = stream.read(_TAIL_BYTES)
        length = int.from_bytes(tail[:4], "little")
        if head != _MAGIC or tail[4:] != _MAGIC or length + _TAIL_BYTES + len(_MAGIC) > size_bytes:
            raise _RefusedError("D231", "not a Parquet file, or cut off")
        if length > case.limits.parquet_footer_bytes_max:
            raise _RefusedError("D232", f"{length} bytes")
        try:
            schema = pq.ParquetFile(stream).schema_arrow
        except Exception as error:  # whatever the library makes of a hostile footer, the file is refused
            raise _RefusedError("D231", type(error).__name__) from error
    return TableFacts(schema=schema, rows=_rows(case, path))


def _rows(case: Case, path: str) -> int:
    """Return the number of rows of a file whose row groups are within the limits.

    The engine is asked: pyarrow ends the process when it meets a row group whose description contradicts itself.
    """
    file = text_literal(str(case.data / path))
    groups = (
        "SELECT any_value(row_group_num_rows) AS rows, count(*) AS columns, min(total_uncompressed_size) AS least, "
        "greatest(max(row_group_bytes), sum(total_uncompressed_size)) AS unpacked "
        f"FROM parquet_metadata({file}) GROUP BY row_group_id"
    )
    largest = "coalesce(sum(rows), 0), coalesce(max(rows), 0), coalesce(max(unpacked), 0), coalesce(max(columns), 0)"
    sql = (
        f"SELECT {largest}, coalesce(least(min(rows), min(least)), 0) < 0, "
        f"(SELECT num_rows FROM parquet_file_metadata({file})) FROM ({groups})"
    )
    try:
        (row,) = case.engine.execute(sql).fetchall()
    except duckdb.Error as error:
        raise _RefusedError("D231", type(error).__name__) from error
    rows, rows_max, unpacked, columns, negative, told = row
    if columns > case.limits.parquet_columns_max:
        raise _RefusedError("D233", f"{columns} columns")
    if unpacked > case.limits.parquet_group_bytes_max or rows_max > case.limits.parquet_group_rows_max:
        raise _RefusedError("D234", f"a row group of {rows_max} rows, one of {unpacked} bytes")
    if negative or rows != told:
        raise _RefusedError("D231", "the row groups do not add up to the rows")
    return int(rows)


STEPS = (
    Step(title="The payload holds every document of the format and nothing else", check=_check_inventory),
    Step(title="JSON documents can be read", check=_check_json),
    Step(title="Parquet files open within their limits", check=_check_parquet),
    Step(title="The source is described without contradiction", check=check_source),
    Step(title="The source layer is the tables that are described", check=check_source_files),
    Step(title="The control totals are for these tables", check=check_control_totals, gate=False),
    Step(title="Every source column is accounted for", check=check_coverage, gate=False),
    Step(title="The findings can be read", check=check_findings, gate=False),
    Step(title="The model is the model of its version", check=check_model),
    Step(title="Entities have the columns and types of the model", check=check_entities, gate=False),
    Step(title="Entities have their JSON Schemas", check=check_row_schemas, gate=False),
    Step(title="Reports have the columns of the format", check=check_reports, gate=False),
    Step(title="datapackage.json describes exactly these files", check=check_package, gate=False),
)
