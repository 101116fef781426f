"""D: the canonical layer is the model's: the model in the archive is the one of its version; its files follow it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from portability.archive import DOCUMENTS_PARQUET, EXCEPTIONS_PARQUET, MODEL_JSON
from portability.formats.datapackage import PROFILE_PATH, profile_bytes
from portability.manifest import to_json
from portability.model import arrow_schema, json_schema, load_model, model_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.case import Case, TableFacts
    from portability.model import Entity

__all__ = ["check_entities", "check_model", "check_reports", "check_row_schemas"]

_REASON = ("reason", "string")  # the last column of a quarantine file
_REPORTS = {
    EXCEPTIONS_PARQUET: {
        "table_schema": "string",
        "table_name": "string",
        "column_name": "string",
        "row_key": "string",
        "reason": "string",
        "raw": "binary",
        "native_type": "string",
    },
    DOCUMENTS_PARQUET: {
        "source": "string",
        "locator": "string",
        "availability": "string",
        "sha256": "string",
        "size_bytes": "int64",
        "md5": "string",
        "media_type": "string",
        "problem": "string",
    },
}


def check_model(case: Case) -> None:
    """Compare schema/model.json with the model of its version that this program has (D244)."""
    case.model = load_model()
    theirs = case.json[MODEL_JSON]
    if theirs != _plain(model_json(case.model)):
        version = theirs.get("version") if isinstance(theirs, dict) else None
        case.log.add("D244", MODEL_JSON, [f"version {version!r}; this program has {case.model.version!r}"])


def _plain(value: object) -> object:
    return json.loads(to_json(value))


def _entity_files(case: Case) -> Iterator[tuple[str, str, Entity | None]]:
    """Yield (path, folder, entity) of each file of the canonical layer; no entity when the model has none."""
    known = {entity.name: entity for entity in case.model.entities}
    for path in sorted(case.tables):
        folder, _, name = path.partition("/")
        if folder in ("tables", "quarantine"):
            yield path, folder, known.get(name.removesuffix(".parquet"))


def check_entities(case: Case) -> None:
    """Compare each entity's file with the model: its name (D241), columns and types (D242, in quarantine D243)."""
    for path, folder, entity in _entity_files(case):
        if entity is None:
            case.log.add("D241", path)
            continue
        quarantined = folder == "quarantine"
        wrong = list(_wrong_fields(entity, case.tables[path], quarantined=quarantined))
        if wrong:
            case.log.add("D243" if quarantined else "D242", path, wrong, count=len(wrong))


def _wrong_fields(entity: Entity, facts: TableFacts, *, quarantined: bool) -> Iterator[str]:
    wanted = [(field.name, str(field.type)) for field in arrow_schema(entity)]
    found = [(field.name, str(field.type)) for field in facts.schema]
    if quarantined:
        wanted.append(_REASON)
    yield from (f"{name}: {kind} is in the model" for name, kind in wanted if (name, kind) not in found)
    yield from (f"{name}: {kind} is in the file" for name, kind in found if (name, kind) not in wanted)
    if wanted != found and sorted(wanted) == sorted(found):
        yield "the columns are in another order"
    nullable = {field.name for field in facts.schema if field.nullable}
    if not quarantined:
        yield from (f"{f.name}: may be null" for f in arrow_schema(entity) if not f.nullable and f.name in nullable)


def check_row_schemas(case: Case) -> None:
    """Every entity in the archive has its JSON Schema (D245), each is the model's (D246), and so is our profile."""
    wanted = {f"schema/{entity.name}.schema.json": entity for _, _, entity in _entity_files(case) if entity is not None}
    known = {f"schema/{entity.name}.schema.json": entity for entity in case.model.entities}
    for path in sorted(wanted.keys() - case.json.keys()):
        case.log.add("D245", path)
    for path in sorted(case.json):
        if not path.endswith(".schema.json"):
            continue
        if path == PROFILE_PATH:
            ours: object = json.loads(profile_bytes())
        else:
            ours = _plain(json_schema(known[path])) if path in known else None
        if case.json[path] != ours and not (case.is_newer and path == PROFILE_PATH):
            case.log.add("D246", path)


def check_reports(case: Case) -> None:
    """Reports in Parquet have the columns that the format says (D247)."""
    for path, wanted in _REPORTS.items():
        found = {field.name: str(field.type) for field in case.tables[path].schema}
        if found != wanted:
            case.log.add("D247", path, _unlike(found, wanted))


def _unlike(found: dict[str, str], wanted: dict[str, str]) -> list[str]:
    names = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    return [f"{name}: {found.get(name, 'nothing')} in the file" for name in names]
