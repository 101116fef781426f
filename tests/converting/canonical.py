"""Small canonical layers written row by row, for cases that the practice does not have."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from portability.archive import Archive
from portability.converting.contract import Material, Report
from portability.converting.forms import FORMS
from portability.limits import DEFAULT_LIMITS
from portability.model import arrow_schema, load_model

__all__ = ["write_form"]

_DEFAULTS: dict[str, Any] = {"source_system": "test", "is_deleted": False}
_RECORD = {
    "started_at": "2024-03-01T10:00:00+00:00", "finished_at": "2024-03-01T10:00:00+00:00", "product": "test",
    "versions": {}, "profile": "test", "profile_version": "1", "profile_sha256": "0" * 64, "dbms": "sqlite",
    "dbms_version": "3", "snapshot": {"method": "m", "level": "exact"}, "snapshot_at": "2024-03-01T10:00:00+00:00",
}  # fmt: skip


def write_form(folder: Path, form: str, rows: dict[str, list[dict[str, Any]]], **options: Any) -> tuple[Path, Report]:  # noqa: ANN401 -- of Material
    """Convert a canonical layer of these rows; what a row does not name is null, or whatever a required field takes."""
    root = folder / "archive"
    (root / "data/tables").mkdir(parents=True)
    (root / "export.json").write_text(json.dumps(_RECORD))
    for entity, listed in rows.items():
        schema = arrow_schema(load_model().entity(entity))
        made = [{**{f.name: _filler(f) for f in schema if not f.nullable}, **_DEFAULTS, **row} for row in listed]
        kept = [{f.name: _typed(f, row.get(f.name)) for f in schema} for row in made]
        pq.write_table(pa.Table.from_pylist(kept, schema=schema), root / f"data/tables/{entity}.parquet")
    for digest, content in options.pop("documents", {}).items():
        path = root / "data/documents" / digest[:2] / digest
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    target = folder / form
    target.mkdir()
    report = Report()
    FORMS[form].write(Material(archive=Archive(root), tables=(), limits=DEFAULT_LIMITS, **options), target, report)
    return target, report


def _typed(field: pa.Field, value: Any) -> Any:  # noqa: ANN401 -- by the field's type
    return Decimal(value) if pa.types.is_decimal(field.type) and value is not None else value


def _filler(field: pa.Field) -> Any:  # noqa: ANN401 -- by the field's type
    if pa.types.is_boolean(field.type):
        return False
    if pa.types.is_integer(field.type) or pa.types.is_decimal(field.type):
        return 0
    return "x" if pa.types.is_string(field.type) else None
