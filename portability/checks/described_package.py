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
    if case.log.has("D225", "D241", "D242"):
        return  # what the resources should say cannot be known
    ours = _described_afresh(case)
    for path in sorted(ours.keys() & resources.keys()):
        for code, example in _differences(resources[path], ours[path]):
            case.log.add(code, DATAPACKAGE_JSON, [f"{path}: {example}"])


def _described_afresh(case: Case) -> dict[str, JsonObject]:
    """Describe the files once more, from themselves and the documents that were checked before."""
    files = [
        TableFile(path=path, schema=facts.schema, rows=facts.rows, sha256=case.payload.files[path].sha256)
        for path, facts in case.tables.items()
    ]
    try:
        package: Any = build_datapackage(
            name="check",
            title="",
            profile="",
            source=case.source,
            model=case.model,
            files=files,
            totals=case.control,
        )
    except FormatError as error:
        case.log.add("D216", DATAPACKAGE_JSON, [str(error)])
        return {}
    return {resource["path"]: resource for resource in package["resources"]}


def _differences(theirs: JsonObject, ours: JsonObject) -> Iterator[tuple[str, str]]:
    if theirs["hash"] != ours["hash"]:
        yield "D214", theirs["hash"]
    if theirs["lpa:rowCount"] != ours["lpa:rowCount"]:
        yield "D215", f"{theirs['lpa:rowCount']} described, {ours['lpa:rowCount']} in the file"
    fields = [[_essence(field) for field in each["schema"]["fields"]] for each in (theirs, ours)]
    if fields[0] != fields[1]:
        yield "D216", "schema.fields"
    for key in _KEYS:
        if theirs["schema"].get(key) != ours["schema"].get(key):
            yield "D217", f"schema.{key}"


def _essence(field: JsonObject) -> JsonObject:
    """Return what decides how values are read; descriptions and classes are free."""
    return {name: field[name] for name in _FIELD_PROPERTIES if name in field}
