"""Tables compared row by row, against what plain dictionaries of the same rows say."""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import sys
import uuid
from collections import Counter
from dataclasses import replace
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portability.comparing.tables import TableDiff, TablePair, compare_tables
from portability.errors import FormatError
from portability.formats.parquet import write_parquet
from portability.limits import DEFAULT_LIMITS

# Groups of some eight rows, so that small tables have many.
SMALL = replace(DEFAULT_LIMITS, row_group_mask_bits=3, row_group_rows_min=4, row_group_rows_max=32)
SCHEMA = pa.schema(
    [("region", pa.string()), ("id", pa.int64()), ("name", pa.string()), ("amount", pa.decimal128(19, 4))]
)
Row = dict[str, Any]


def write(path: Path, rows: list[Row], schema: pa.Schema = SCHEMA, key: tuple[str, ...] = ("region", "id")) -> Path:
    """Write rows as an export does: sorted by the key, groups cut by content."""
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in key)) if key else rows
    batch = pa.RecordBatch.from_pylist(ordered, schema=schema)
    write_parquet(path, schema, [batch], key=key, limits=SMALL)
    return path


def compare(
    folder: Path, before: Path | None, after: Path | None, key: tuple[str, ...] = ("region", "id")
) -> TableDiff:
    """Compare and keep the changed rows as folder/changes.parquet."""
    pair = TablePair(layer="source", name="t", before=before, after=after, key=key)
    (folder / "changes.parquet").unlink(missing_ok=True)
    return compare_tables(pair, folder / "changes.parquet", SMALL)


def changes(folder: Path) -> list[Row]:
    """Read the changed rows."""
    path = folder / "changes.parquet"
    return list(pq.read_table(path).to_pylist()) if path.exists() else []


def random_rows(rng: random.Random, count: int) -> dict[tuple[str, int], Row]:
    """Rows by their key."""
    rows = {}
    for number in rng.sample(range(10 * count), count):
        region = rng.choice(["north", "süd", ""])
        amount = rng.choice([None, Decimal(rng.randrange(-(10**9), 10**9)).scaleb(-4)])
        rows[region, number] = {
            "region": region, "id": number, "name": rng.choice([None, "", f"n{number}"]), "amount": amount
        }  # fmt: skip
    return rows


@pytest.mark.parametrize("seed", range(12))
def test_compare_random_edits_finds_what_dictionaries_find(tmp_path: Path, seed: int) -> None:
    """Counts, columns, rows before and after: all as an independent comparison of the same rows has them."""
    rng = random.Random(seed)
    old = random_rows(rng, rng.choice([0, 1, 40, 400]))
    new = {key: dict(row) for key, row in old.items() if rng.random() > 0.05}
    for row in new.values():
        if rng.random() < 0.05:
            row[rng.choice(["name", "amount"])] = rng.choice([None, "", "x"]) if rng.random() < 0.5 else None
            row["name"] = None if row["name"] is None else str(row["name"])
            row["amount"] = row["amount"] if isinstance(row["amount"], Decimal) else None
    new |= {key: row for key, row in random_rows(rng, 15).items() if key not in old}

    found = compare(
        tmp_path, write(tmp_path / "a.parquet", [*old.values()]), write(tmp_path / "b.parquet", [*new.values()])
    )

    updated = [key for key in old.keys() & new.keys() if old[key] != new[key]]
    assert (found.inserted, found.updated, found.deleted) == (
        len(new.keys() - old),
        len(updated),
        len(old.keys() - new),
    )
    touched = Counter(name for key in updated for name in SCHEMA.names if old[key][name] != new[key][name])
    assert found.columns == dict(touched)
    by_kind: dict[str, dict[tuple[str, int], Row]] = {
        "insert": {},
        "delete": {},
        "update_before": {},
        "update_after": {},
    }
    for row in changes(tmp_path):
        by_kind[row.pop("_change")][row["region"], row["id"]] = row
    assert by_kind["insert"] == {key: new[key] for key in new.keys() - old}
    assert by_kind["delete"] == {key: old[key] for key in old.keys() - new}
    assert by_kind["update_before"] == {key: old[key] for key in updated}
    assert by_kind["update_after"] == {key: new[key] for key in updated}


def test_compare_changed_rows_are_in_key_order_with_updates_side_by_side(tmp_path: Path) -> None:
    """The file reads like a list of changes from the first key to the last."""
    old = [{"region": "a", "id": n, "name": "x", "amount": None} for n in range(100)]
    new = [{**row, "name": "y"} if row["id"] == 50 else row for row in old if row["id"] != 10]
    new.append({"region": "a", "id": 1000, "name": "new", "amount": None})
    compare(tmp_path, write(tmp_path / "a.parquet", old), write(tmp_path / "b.parquet", new))
    found = [(row["_change"], row["id"]) for row in changes(tmp_path)]
    assert found == [("delete", 10), ("update_before", 50), ("update_after", 50), ("insert", 1000)]


def test_compare_one_changed_row_decodes_one_group_of_each_side(tmp_path: Path) -> None:
    """Work follows the change, not the table."""
    old = [{"region": "a", "id": n, "name": f"name {n}", "amount": None} for n in range(2000)]
    new = [{**row, "name": "other"} if row["id"] == 777 else row for row in old]
    found = compare(tmp_path, write(tmp_path / "a.parquet", old), write(tmp_path / "b.parquet", new))
    assert (found.updated, found.groups_read) == (1, 2)
    assert found.groups > 200


def test_compare_same_rows_finds_nothing_and_writes_nothing(tmp_path: Path) -> None:
    """No difference, no file, no group decoded."""
    old = [{"region": "a", "id": n, "name": "x", "amount": None} for n in range(300)]
    found = compare(tmp_path, write(tmp_path / "a.parquet", old), write(tmp_path / "b.parquet", old))
    assert not found.changed
    assert (found.groups_read, found.file, changes(tmp_path)) == (0, None, [])


BIG = Decimal("1234567890123456789012345678.0000000001")
TICK = Decimal("0.0000000001")
NOON = dt.datetime(2020, 1, 1, 12, tzinfo=dt.UTC)
SIDECAR = pa.struct([("sha256", pa.string()), ("size_bytes", pa.int64())])
VALUES: dict[str, tuple[pa.DataType, Any, Any]] = {
    "integer": (pa.int64(), 1, 2),
    "unsigned at its end": (pa.uint64(), 2**64 - 1, 2**64 - 2),
    "decimal of 38 digits": (pa.decimal128(38, 10), BIG, Context(prec=40).add(BIG, TICK)),
    "null and empty text": (pa.string(), None, ""),
    "text and its composed form": (pa.string(), "e\u0301", "é"),
    "zeros of both signs": (pa.float64(), 0.0, -0.0),
    "not a number": (pa.float64(), 1.0, float("nan")),
    "boolean": (pa.bool_(), True, False),
    "date far away": (pa.date32(), dt.date(9999, 12, 31), dt.date(1, 1, 1)),
    "microsecond": (pa.timestamp("us", "UTC"), NOON, NOON + dt.timedelta(microseconds=1)),
    "duration": (pa.duration("us"), dt.timedelta(hours=-838), dt.timedelta(hours=838)),
    "time": (pa.time64("us"), dt.time(1), dt.time(1, 0, 0, 1)),
    "bytes": (pa.binary(), b"\x00", b"\x00\x00"),
    "uuid": (pa.uuid(), uuid.UUID(int=1).bytes, uuid.UUID(int=2).bytes),
    "json": (pa.json_(pa.string()), '{"a":1}', '{"a": 1}'),
    "sidecar": (SIDECAR, {"sha256": "a", "size_bytes": 1}, {"sha256": "a", "size_bytes": 2}),
}


@pytest.mark.parametrize("keyed", [True, False], ids=["keyed", "keyless"])
@pytest.mark.parametrize("name", VALUES)
def test_compare_value_of_a_type_is_told_apart_exactly(tmp_path: Path, name: str, keyed: bool) -> None:  # noqa: FBT001
    """The smallest difference a type can have counts; the same value, null and not-a-number too, does not."""
    kind, one, other = VALUES[name]
    storage = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind
    schema = pa.schema([("id", pa.int64()), ("v", kind)])

    def table(path: Path, values: list[Any]) -> Path:
        array = pa.array(values, storage)
        array = pa.ExtensionArray.from_storage(kind, array) if storage is not kind else array
        batch = pa.RecordBatch.from_arrays([pa.array(range(len(values)), pa.int64()), array], schema=schema)
        write_parquet(path, schema, [batch], key=("id",), limits=SMALL)
        return path

    key = ("id",) if keyed else ()
    found = compare(
        tmp_path,
        table(tmp_path / "a.parquet", [one, None, one, other]),
        table(tmp_path / "b.parquet", [one, None, other, other]),
        key,
    )
    expected = (0, 1, 0) if keyed else (1, 0, 1)
    assert (found.inserted, found.updated, found.deleted) == expected


def test_compare_without_key_counts_each_copy_of_a_row(tmp_path: Path) -> None:
    """A row that is there three times and then once was deleted twice."""
    schema = pa.schema([("a", pa.string()), ("b", pa.string())])

    def rows(**copies: int) -> list[Row]:
        return [{"a": name, "b": None} for name, count in sorted(copies.items()) for _ in range(count)]

    one = write(tmp_path / "a.parquet", [*rows(x=3, y=1), {"a": None, "b": "x"}], schema, ())
    other = write(tmp_path / "b.parquet", [*rows(x=1, y=1, z=2), {"a": "x", "b": ""}], schema, ())
    found = compare(tmp_path, one, other, ())
    assert (found.inserted, found.updated, found.deleted) == (3, 0, 3)
    told = Counter((row["_change"], row["a"], row["b"]) for row in changes(tmp_path))
    assert told == Counter(
        {("delete", "x", None): 2, ("delete", None, "x"): 1, ("insert", "z", None): 2, ("insert", "x", ""): 1}
    )


def test_compare_columns_added_dropped_and_retyped_are_said(tmp_path: Path) -> None:
    """Columns in common are compared, by value even where the type became wider; the shape is told."""
    one = pa.schema([("id", pa.int64()), ("old", pa.string()), ("v", pa.int32()), ("t", pa.int64())])
    other = pa.schema([("id", pa.int64()), ("v", pa.int64()), ("t", pa.string()), ("new", pa.string())])
    before = write(tmp_path / "a.parquet", [{"id": n, "old": "o", "v": n, "t": n} for n in range(50)], one, ("id",))
    rows = [{"id": n, "v": n + (n == 7), "t": str(n + (n == 9)), "new": "n"} for n in range(50)]
    found = compare(tmp_path, before, write(tmp_path / "b.parquet", rows, other, ("id",)), ("id",))
    assert (found.added_columns, found.dropped_columns) == (("new",), ("old",))
    assert found.changed_types == {"v": ("int32", "int64"), "t": ("int64", "string")}
    assert (found.updated, found.columns) == (2, {"v": 1, "t": 1})
    assert changes(tmp_path)[1] == {"_change": "update_after", "id": 7, "v": "8", "t": "7", "new": "n", "old": None}


def test_compare_added_column_alone_decodes_nothing(tmp_path: Path) -> None:
    """Groups are told apart by the columns that both sides have."""
    wider = pa.schema([*SCHEMA, ("new", pa.string())])
    rows = [{"region": "a", "id": n, "name": "x", "amount": None} for n in range(300)]
    before = write(tmp_path / "a.parquet", rows)
    found = compare(tmp_path, before, write(tmp_path / "b.parquet", [{**row, "new": "n"} for row in rows], wider))
    assert (found.changed, found.updated, found.groups_read) == (True, 0, 0)


@pytest.mark.parametrize("side", ["added", "dropped"])
def test_compare_table_on_one_side_only_is_all_inserted_or_deleted(tmp_path: Path, side: str) -> None:
    """A table that appeared or went away is said, with every row."""
    path = write(tmp_path / "a.parquet", [{"region": "a", "id": n, "name": None, "amount": None} for n in range(90)])
    found = compare(tmp_path, None if side == "added" else path, path if side == "added" else None)
    assert (found.status, found.inserted + found.deleted, found.updated) == (side, 90, 0)
    assert {row["_change"] for row in changes(tmp_path)} == {"insert" if side == "added" else "delete"}


def test_compare_rows_out_of_key_order_are_compared_whole_and_that_is_said(tmp_path: Path) -> None:
    """A file of another hand gives no wrong answer, only a coarser one."""
    rows = [{"region": "a", "id": n, "name": "x", "amount": None} for n in range(60)]
    before = write(tmp_path / "a.parquet", rows)
    shuffled = [*rows[30:], *rows[:30]]
    shuffled[3] = {**shuffled[3], "name": "y"}
    batch = pa.RecordBatch.from_pylist(shuffled, schema=SCHEMA)
    write_parquet(tmp_path / "b.parquet", SCHEMA, [batch], key=("region", "id"), limits=SMALL)
    found = compare(tmp_path, before, tmp_path / "b.parquet")
    assert (found.inserted, found.updated, found.deleted, found.key) == (1, 0, 1, ())
    assert "not told apart by its key" in found.notes[0]


def test_compare_column_named_like_ours_gets_another_name_for_ours(tmp_path: Path) -> None:
    """A source column called _change keeps its name and its values."""
    schema = pa.schema([("id", pa.int64()), ("_change", pa.string())])
    before = write(tmp_path / "a.parquet", [{"id": 1, "_change": "x"}], schema, ("id",))
    compare(tmp_path, before, write(tmp_path / "b.parquet", [{"id": 1, "_change": "y"}], schema, ("id",)), ("id",))
    assert [(row["__change"], row["_change"]) for row in changes(tmp_path)] == [
        ("update_before", "x"),
        ("update_after", "y"),
    ]


@pytest.mark.parametrize("damage", ["no parquet", "footer only"])
def test_compare_damaged_file_is_refused_and_leaves_nothing(tmp_path: Path, damage: str) -> None:
    """The error names the file; no half-written list of changes is left."""
    rows = [{"region": "a", "id": n, "name": "x" * 50, "amount": None} for n in range(400)]
    before = write(tmp_path / "a.parquet", rows)
    after = write(tmp_path / "b.parquet", [{**row, "name": str(row["id"]) * 20} for row in rows])
    content = after.read_bytes()
    after.write_bytes(
        b"not parquet" if damage == "no parquet" else bytes(len(content) // 2) + content[len(content) // 2 :]
    )
    with pytest.raises(FormatError) as caught:
        compare(tmp_path, before, after)
    assert caught.value.place == "b.parquet"
    assert not (tmp_path / "changes.parquet").exists()


PEAK = """
import sys
from pathlib import Path
import pyarrow as pa
from portability.comparing.tables import TablePair, compare_tables
from portability.limits import DEFAULT_LIMITS
pa.set_memory_pool(pa.system_memory_pool())
folder = Path(sys.argv[1])
key = ("id",) if sys.argv[2] == "keyed" else ()
pair = TablePair(layer="source", name="t", before=folder / "a.parquet", after=folder / "b.parquet", key=key)
found = compare_tables(pair, folder / "changes.parquet", DEFAULT_LIMITS)
# Not getrusage: a process inherits ru_maxrss from the one that started it, here the whole test run's.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(found.inserted, found.updated, found.deleted, int(status["VmHWM"].split()[0]) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("how", ["keyed", "keyless"])
def test_compare_million_rows_of_which_many_changed_stays_within_memory(tmp_path: Path, how: str) -> None:
    """Every group changed, and the whole process stays below 512 MiB; an engine that joins everything agrees."""
    schema = pa.schema([("id", pa.int64()), ("amount", pa.decimal128(19, 4)), ("narrative", pa.string())])
    count = 1_000_000 if how == "keyed" else 300_000

    def batches(changed: int) -> list[pa.RecordBatch]:
        for_each = []
        for start in range(0, count, 100_000):
            ids = np.arange(start, start + 100_000)
            cents = pa.array(np.where(ids % 100 == 0, ids + changed, ids)).cast(pa.decimal128(19, 0))
            texts = pa.array([f"Posting {n} of the ledger" for n in ids.tolist()])
            columns = [pa.array(ids), cents.cast(pa.decimal128(23, 4)).cast(pa.decimal128(19, 4)), texts]
            for_each.append(pa.RecordBatch.from_arrays(columns, schema=schema))
        return for_each

    for name, changed in (("a", 0), ("b", 1)):
        write_parquet(tmp_path / f"{name}.parquet", schema, batches(changed), key=("id",))
    command = [sys.executable, "-c", PEAK, str(tmp_path), how]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    inserted, updated, deleted, peak_mib = map(int, told)
    assert (inserted, updated, deleted) == ((0, count // 100, 0) if how == "keyed" else (count // 100, 0, count // 100))
    assert peak_mib < 512
    a, b = (f"read_parquet('{tmp_path / name}.parquet')" for name in "ab")
    with duckdb.connect() as engine:
        sql = f"SELECT count(*) FROM (SELECT * FROM {a} EXCEPT SELECT * FROM {b})"
        assert engine.execute(sql).fetchall() == [(count // 100,)]
