"""D: the description. Every document is there and can be read; what they say agrees with the files and each other.

Everything is read through the limits: a document is measured before it is read, a footer before it is parsed. Nothing
here looks at rows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

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
from portability.checks.case import open_regular
from portability.checks.coverage import check_coverage
from portability.checks.described_model import check_entities, check_model, check_reports, check_row_schemas
from portability.checks.described_package import check_package
from portability.checks.described_source import check_control_totals, check_findings, check_source, check_source_files
from portability.checks.parquet_files import check_parquet_files
from portability.checks.redactions import check_redactions
from portability.checks.steps import Step
from portability.checks.strict_json import StrictJsonError, parse_strictly
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
    r"|scope\.json|schema/([a-z0-9_]+\.schema|model|source|scope)\.json"
    r"|reports/((coverage|control_totals|findings|redactions|summary)\.json|(exceptions|documents)\.parquet)"
    r"|(map|sql)/.+"
)


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


def _check_totals(case: Case) -> None:
    check_control_totals(case)
    check_redactions(case)


STEPS = (
    Step(title="The payload holds every document of the format and nothing else", check=_check_inventory),
    Step(title="JSON documents can be read", check=_check_json),
    Step(title="Parquet files open within their limits", check=check_parquet_files),
    Step(title="The source is described without contradiction", check=check_source),
    Step(title="The source layer is the tables that are described", check=check_source_files),
    Step(
        title="The control totals are for these tables, marked where values were redacted",
        check=_check_totals,
        gate=False,
    ),
    Step(title="Every source column is accounted for", check=check_coverage, gate=False),
    Step(title="The findings can be read", check=check_findings, gate=False),
    Step(title="The model is the model of its version", check=check_model),
    Step(title="Entities have the columns and types of the model", check=check_entities, gate=False),
    Step(title="Entities have their JSON Schemas", check=check_row_schemas, gate=False),
    Step(title="Reports have the columns of the format", check=check_reports, gate=False),
    Step(title="datapackage.json describes exactly these files", check=check_package, gate=False),
)
