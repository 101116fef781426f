"""Folders of Parquet: carried with the types they have, or said aloud."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portability.connectors import folder_scheme, open_connector
from portability.connectors.connector import TablePlan
from portability.errors import ConnectorError, PortabilityError, SourceDataError, SourceUnavailableError
from portability.exports import ExportRequest, export_archive

EVERY = pa.table(
    {
        "id": pa.array([3, 1, None], pa.int32()),
        "big": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "money": pa.array([Decimal("1.50"), None, Decimal("-0.01")], pa.decimal128(38, 2)),
        "txt": pa.array(["a\x00", "", None], pa.large_string()),
        "raw": pa.array([b"\0", b"", None]),
        "num": pa.array([float("inf"), -0.0, None]),
        "ns": pa.array([1, -1, None], pa.timestamp("ns")),
        "instant": pa.array([0, None, 10**15], pa.timestamp("us", "Europe/Berlin")),
        "span": pa.array([5, None, -1], pa.duration("ms")),
        "kind": pa.array(["x", None, "x"]).dictionary_encode(),
        "yes": pa.array([True, None, False]),
        "uid": pa.array([bytes(16), None, bytes(range(16))], pa.uuid()),
        "at": pa.array([0, None, 86_399_999_999], pa.time64("us")),
        "day": pa.array([dt.date(1, 1, 1), dt.date(9999, 12, 31), None]),
        "seconds": pa.array([0, None, 5], pa.timestamp("s")),
    }
)


def read(folder: Path, table: str) -> tuple[TablePlan, pa.Table, str]:
    """Return a table's plan and rows, and what the source says aloud."""
    with open_connector(f"parquet:///{folder}").snapshot() as snapshot:
        (found,) = [each for each in snapshot.discover().tables if each.name == table]
        plan = snapshot.plan(found)
        return plan, pa.Table.from_batches(snapshot.read(plan), plan.schema), " ".join(snapshot.discover().notes)


def test_every_type_arrives_as_it_is_and_an_archive_can_be_made_of_it(tmp_path: Path) -> None:
    """Types, nulls and order are the file's; the export compares the totals of two readers."""
    folder = tmp_path / "folder"
    folder.mkdir()
    pq.write_table(EVERY, folder / "all.parquet")
    assert folder_scheme(folder) == "parquet"
    request = ExportRequest(connector=open_connector(f"parquet:///{folder}"), destination=tmp_path / "archive")
    export_archive(request)
    found = pq.read_table(tmp_path / "archive/data/source/files.all.parquet")
    before = pq.read_table(folder / "all.parquet")
    assert found.schema.types == before.schema.types
    assert found.to_pydict() == before.to_pydict()


def test_what_is_nested_or_has_no_form_is_json_and_said_so(tmp_path: Path) -> None:
    """Lists, structs, maps and numbers of more than 38 digits."""
    table = pa.table(
        {
            "list": pa.array([[1, 2], [], None]),
            "map": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int32())),
            "wide": pa.array([Decimal(10) ** 50, None, None], pa.decimal256(60, 0)),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    _, rows, notes = read(tmp_path, "t")
    assert rows.column("list").to_pylist() == ["[1, 2]", "[]", None]
    assert rows.column("map").to_pylist() == ['[["k", 1]]', None, "[]"]
    assert rows.column("wide").to_pylist() == [f'"{10**50}"', None, None]
    assert notes.count("has no form in an archive") == 3


def test_parts_are_one_table_and_must_agree(tmp_path: Path) -> None:
    """In the order of their names; another type in one of them stops the export."""
    (tmp_path / "ledger").mkdir()
    for number in (2, 1):
        pq.write_table(pa.table({"id": [number]}), tmp_path / f"ledger/part-{number}.parquet")
    assert read(tmp_path, "ledger")[1].column("id").to_pylist() == [1, 2]
    pq.write_table(pa.table({"id": ["3"]}), tmp_path / "ledger/part-3.parquet")
    with pytest.raises(ConnectorError, match=r"not those of part-1\.parquet") as caught:
        read(tmp_path, "ledger")
    assert caught.value.place == "ledger: part-3.parquet"


def test_damaged_and_changed_files_are_refused(tmp_path: Path) -> None:
    """Cut off, spoilt in the middle, or another file when the rows have been read."""
    pq.write_table(pa.table({"id": list(range(20_000))}), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[:-5])
    with pytest.raises(SourceDataError, match="cannot be read as Parquet"):
        read(tmp_path, "t")
    (tmp_path / "t.parquet").write_bytes(whole[:2000] + bytes(30_000) + whole[32_000:])
    with pytest.raises(PortabilityError):
        read(tmp_path, "t")
    (tmp_path / "t.parquet").write_bytes(whole)
    with open_connector(f"parquet:///{tmp_path}").snapshot() as snapshot:
        plan = snapshot.plan(snapshot.discover().tables[0])
        pq.write_table(pa.table({"id": list(range(1, 20_001))}), tmp_path / "t.parquet")
        with pytest.raises(SourceUnavailableError, match="changed while it was read"):
            list(snapshot.read(plan))
