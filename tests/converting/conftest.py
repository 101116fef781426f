"""What is converted in these tests: a small practice's archive, and a table of the most awkward values."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portability.archive import Archive
from portability.connectors import open_connector
from portability.converting import Conversion, Request, convert
from portability.converting.contract import Material, Report, TableMaterial
from portability.converting.forms import FORMS
from portability.exports import ExportRequest, export_archive
from portability.limits import DEFAULT_LIMITS, Limits
from portability.practice import generate
from portability.profiles import load_profile

Convert = Callable[..., Conversion]

NOON = dt.datetime(2024, 2, 29, 12, 0, 0)  # noqa: DTZ001 -- a time without a zone is one of the cases
WIDE = Decimal("12345678901234567890123456.7890123456")
AWKWARD: dict[str, tuple[pa.DataType, list[Any]]] = {
    "id": (pa.int64(), [1, 2, 3, 4, 5]),
    "big": (pa.int64(), [2**63 - 1, -(2**63), 10**15 - 1, 10**15, None]),
    "unsigned": (pa.uint64(), [2**64 - 1, 0, 1, None, 10**15]),
    "money": (
        pa.decimal128(19, 4),
        [Decimal("999999999999999.9999"), Decimal("-0.0100"), Decimal("12345678901.2345"), Decimal("0.0000"), None],
    ),
    "wide": (pa.decimal128(38, 10), [WIDE, Decimal("1E-10"), Decimal("0E-10"), None, Decimal("-1.5000000000")]),
    "double": (pa.float64(), [0.1, 1e300, float("nan"), float("-inf"), 1 / 3]),
    "flag": (pa.bool_(), [True, False, None, True, False]),
    "day": (
        pa.date32(),
        [dt.date(1899, 12, 31), dt.date(1900, 2, 28), dt.date(1900, 3, 1), dt.date(9999, 12, 31), None],
    ),
    "local": (pa.timestamp("us"), [NOON, NOON.replace(microsecond=1), NOON.replace(year=1848), None, NOON]),
    "instant": (
        pa.timestamp("us", "UTC"),
        [NOON.replace(tzinfo=dt.UTC), NOON.replace(microsecond=500_000, tzinfo=dt.UTC), None, None, None],
    ),
    "clock": (pa.time64("us"), [dt.time(23, 59, 59), dt.time(0, 0, 0, 1), None, None, None]),
    "span": (pa.duration("us"), [dt.timedelta(hours=-838), dt.timedelta(microseconds=1), None, None, None]),
    "text": (pa.string(), ["=1+1", "", None, 'a "quoted",\nline', "@SUM(A1)|cmd"]),
    "odd": (pa.string(), ["e\u0301 😀 \u202etrap", "tab\there", "_x000D_", "a\r\nb", " padded "]),
    "bytes": (pa.binary(), [b"\x00\xff", b"", None, b"=1", b"x"]),
    "key": (pa.uuid(), [uuid.UUID(int=n).bytes for n in range(4)] + [None]),
    "object": (pa.json_(pa.string()), ['{"a": 1}', "[]", None, "1.10", '"x"']),
    "long__file": (
        pa.struct([("sha256", pa.string()), ("size_bytes", pa.int64())]),
        [{"sha256": "aa", "size_bytes": 7}, None, None, None, None],
    ),
}
_KINDS = {
    "decimal": "number",
    "int": "integer",
    "uint": "integer",
    "double": "number",
    "bool": "boolean",
    "date": "date",
    "timestamp": "datetime",
    "time64": "time",
    "duration": "duration",
    "struct": "object",
    "extension<arrow.json": "any",
}


def awkward_table(folder: Path) -> TableMaterial:
    """Write the awkward values as a table of an archive, described as an export describes it."""
    fields, arrays = [], []
    for name, (kind, values) in AWKWARD.items():
        storage = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
        array = pa.array(values, storage)
        arrays.append(pa.ExtensionArray.from_storage(kind, array) if storage is not kind else array)
        fields.append(pa.field(name, kind))
    folder.mkdir(parents=True)
    path = folder / "awkward.parquet"
    pq.write_table(pa.Table.from_arrays(arrays, schema=pa.schema(fields)), path)
    described = [
        {"name": f.name, "type": next((v for k, v in _KINDS.items() if str(f.type).startswith(k)), "string")}
        | {"lpa:arrowType": str(f.type), "lpa:nativeType": "ODD", "description": f"Column {f.name}"}
        | ({"format": "binary"} if f.name == "bytes" else {})
        for f in fields
    ]
    schema = {"fields": described, "primaryKey": ["id"], "missingValues": []}
    resource = {"name": "source.main.awkward", "title": "main.Awkward", "path": str(path), "schema": schema}
    return TableMaterial(name="Awkward", path=path, resource=resource)


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a form made of one table."""

    folder: Path
    table: TableMaterial
    report: Report

    def remarks(self, place: str) -> str:
        """All remarks on a place, as one text."""
        return "; ".join(what for (what, where) in self.report.remarks if where == place)


@pytest.fixture
def write_awkward(tmp_path: Path, practice: Path) -> Callable[..., Written]:
    """Write the awkward table in a form, with limits changed if asked for."""

    def write(form: str, **limits: int) -> Written:
        table = awkward_table(tmp_path / "table")
        folder = tmp_path / form
        folder.mkdir()
        chosen: Limits = replace(DEFAULT_LIMITS, **limits)
        report = Report()
        FORMS[form].write(Material(archive=Archive(practice), tables=(table,), limits=chosen), folder, report)
        return Written(folder=folder, table=table, report=report)

    return write


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of one small firm."""
    folder = tmp_path_factory.mktemp("converting")
    generate(f"sqlite:///{folder / 'practice.db'}", folder / "files", entries=150, firms=1)
    request = ExportRequest(
        connector=open_connector(f"sqlite:///{folder / 'practice.db'}"),
        destination=folder / "archive",
        profile=load_profile("practice"),
        documents=str(folder / "files"),
    )
    return export_archive(request).archive.root


@pytest.fixture
def converted(practice: Path, tmp_path: Path) -> Convert:
    """Convert the practice; it was verified by its export's own tests, so that each test need not do it again."""

    def run(form: str, **options: Any) -> Conversion:  # noqa: ANN401 -- any option of the request
        return convert(Request(archive=practice, form=form, out=tmp_path / "out", unverified=True, **options))

    return run
