"""D: datapackage.json fits its profile and describes exactly the Parquet files, as what is known of them says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portability.archive import DATAPACKAGE_JSON
from portability.errors import FormatError
from portability.formats.datapackage import TableFile, build_datapackage, validate_datapackage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.case import Case

    JsonObject = dict[str, Any]

__all__ = ["check_package"]

_KEYS = ("primaryKey", "uniqueKeys", "foreignKeys")
_FIELD_PROPERTIES = ("name", "type", "format", "lpa:arrowType", "lpa:sidecarOf")


def check_package(case: Case) -> None:
    """Check the document against the profile (D211) and its resources against the files (D212 to D217)."""
    package: Any = case.json[DATAPACKAGE_JSON]
    problems = validate_datapackage(package)
    if problems:
        case.log.add("D211", DATAPACKAGE_JSON, problems, count=len(problems))
        return
    resources = {resource["path"]: resource for resource in package["resources"]}
    for path in sorted(case.tables.keys() - resources.keys()):
        case.log.add("D212", DATAPACKAGE_JSON, [path])
    for path in sorted(resources.keys() - case.tables.keys()):
        case.log.add("D213", DATAPACKAGE_JSON, [path])
    for path in sorted(case.tables.keys() & resources.keys()):
        for code, example in _differences(case, path, resources[path]):
            case.log.add(code, DATAPACKAGE_JSON, [f"{path}: {example}"])


def _differences(case: Case, path: str, resource: JsonObject) -> Iterator[tuple[str, str]]:
    facts, sha256 = case.tables[path], case.payload.files[path].sha256
    if resource["hash"] != f"sha256:{sha256}":
        yield "D214", resource["hash"]
    if resource["lpa:rowCount"] != facts.rows:
        yield "D215", f"{resource['lpa:rowCount']} described, {facts.rows} in the file"
    if case.log.has("D241") or case.log.has("D225"):
        return  # what a resource should say cannot be known
    try:
        ours = _resource(case, path)
    except FormatError as error:
        yield "D216", error.message
        return
    schema, wanted = resource["schema"], ours["schema"]
    if [_essence(field) for field in schema["fields"]] != [_essence(field) for field in wanted["fields"]]:
        yield "D216", "schema.fields"
    for key in _KEYS:
        if schema.get(key) != wanted.get(key):
            yield "D217", f"schema.{key}"


def _essence(field: JsonObject) -> JsonObject:
    return {name: field[name] for name in _FIELD_PROPERTIES if name in field}


def _resource(case: Case, path: str) -> JsonObject:
    """Describe one file afresh, from the file and the documents that were checked before."""
    files = [
        TableFile(path=each, schema=facts.schema, rows=facts.rows, sha256=case.payload.files[each].sha256)
        for each, facts in case.tables.items()
    ]
    built: Any = build_datapackage(
        name="check",
        title="",
        profile="",
        source=case.source,
        model=case.model,
        files=files,
        totals=case.control,
    )
    return next(resource for resource in built["resources"] if resource["path"] == path)
