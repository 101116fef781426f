"""FORMAT.md: the text says what the code does, and is enough to do the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portability import archive, manifest
from portability.exports.documents import DOCUMENTS_SCHEMA
from portability.exports.extract import EXCEPTIONS_SCHEMA
from portability.formats import format_text
from portability.formats.datapackage import profile_bytes
from portability.formats.parquet import write_parquet
from portability.formats.summary import Summary
from portability.limits import DEFAULT_LIMITS

TEXT = format_text()
FLAT = " ".join(TEXT.split())
NAMES = set(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL)))


def test_format_is_one_text_and_the_docs_point_at_it() -> None:
    """docs/archive_format.md is one line, so that no second text can say something else."""
    pointer = (Path(__file__).parents[2] / "docs" / "archive_format.md").read_text(encoding="utf-8")
    assert pointer.count("\n") == 1
    assert "portability/formats/FORMAT.md" in pointer


@pytest.mark.parametrize(
    "kind",
    [
        manifest.SourceSchema,
        manifest.Table,
        manifest.Column,
        manifest.ForeignKey,
        manifest.SnapshotRecord,
        manifest.ColumnTotals,
        manifest.ExportRecord,
        manifest.Finding,
        Summary,
    ],
    ids=lambda kind: kind.__name__,
)
def test_format_names_every_member_of_a_document(kind: type) -> None:
    """Each member that a JSON document may have stands in the text."""
    members = {field.name for field in dataclasses.fields(kind)}
    assert members - NAMES == set()


def test_format_names_every_path_of_the_layout() -> None:
    """Each path that the code knows stands in the layout."""
    paths = [value for name, value in vars(archive).items() if name.endswith(("_JSON", "_PARQUET"))]
    assert len(paths) >= 9
    assert [path for path in paths if path.rpartition("/")[2] not in TEXT] == []


def test_format_names_every_column_of_the_reports() -> None:
    """Exceptions and documents."""
    assert {*EXCEPTIONS_SCHEMA.names, *DOCUMENTS_SCHEMA.names} - NAMES == set()


def test_format_names_every_property_of_ours() -> None:
    """The text and the profile know the same `lpa:` properties."""
    in_profile = set(re.findall(r'"(lpa:\w+)"', profile_bytes().decode()))
    assert {name for name in NAMES if name.startswith("lpa:")} == in_profile


def test_format_gives_the_limits_that_the_writer_has() -> None:
    """Numbers in the text are those in the code."""
    limits = DEFAULT_LIMITS
    assert f"{limits.row_group_mask_bits} low zero bits" in FLAT
    assert f"once it has {limits.row_group_rows_min:,} rows" in FLAT
    assert f"at {limits.row_group_rows_max:,} rows" in FLAT
    assert f"passes {limits.row_group_bytes_max // 1024**2} MiB" in FLAT
    assert f"longer than {limits.inline_value_bytes // 1024**2} MiB" in FLAT
    assert f"at most {limits.path_length_max} characters" in FLAT


def test_format_names_agree_with_the_check_of_paths() -> None:
    """The pattern of a part is the one that the writer refuses by."""
    (pattern,) = [name for name in NAMES if name.startswith("[a-z0-9_][")]
    assert archive._SAFE.pattern == pattern


def test_format_is_readable_as_plain_text() -> None:
    """No line but a table's is longer than 120 characters."""
    assert [line for line in TEXT.splitlines() if len(line) > 120 and not line.startswith("|")] == []


# -- a stranger's row groups ------------------------------------------------------------------------------------------

WORD = 2**64 - 1


def splitmix64(value: int) -> int:
    """Section 4 in Python's integers."""
    z = ((value & WORD) + 0x9E3779B97F4A7C15) & WORD
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & WORD
    return z ^ z >> 31


def of_texts(*texts: str) -> int:
    """Section 4, any other key."""
    return int.from_bytes(hashlib.blake2b("\x1f".join(texts).encode(), digest_size=8).digest(), "little")


def groups(hashes: list[int]) -> list[int]:
    """Cut rows of small size into groups as section 4 says, and return their lengths."""
    lengths, start = [], 0
    for row, each in enumerate(hashes):
        rows = row - start
        if rows and ((rows >= 8_192 and each % 2**15 == 0) or rows == 65_536):
            lengths.append(rows)
            start = row
    return [*lengths, len(hashes) - start]


@pytest.mark.parametrize(
    ("columns", "key", "hash_of"),
    [
        ({"id": pa.array(range(-50_000, 250_000), pa.int64())}, ["id"], splitmix64),
        ({"id": pa.array([f"é{n}" for n in range(200_000)])}, ["id"], of_texts),
        (
            {"a": pa.array([str(n) for n in range(150_000)]), "b": pa.array([None] * 150_000, pa.string())},
            ["a", "b"],
            lambda a, b: of_texts(a, b or ""),
        ),
    ],
    ids=["integer", "text", "two columns"],
)
def test_format_tells_a_stranger_where_row_groups_end(
    tmp_path: Path, columns: dict[str, pa.Array], key: list[str], hash_of: Callable[..., int]
) -> None:
    """An implementation of the text alone cuts as the writer does."""
    table = pa.table(columns)
    write_parquet(tmp_path / "t.parquet", table.schema, table.to_batches(max_chunksize=10_007), key=key)
    metadata = pq.ParquetFile(tmp_path / "t.parquet").metadata
    written = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    expected = groups([hash_of(*row.values()) for row in table.to_pylist()])
    assert written == expected
    assert len(written) > 1


def test_format_profile_is_described_by_its_path() -> None:
    """The profile in the archive is valid JSON and named in the layout."""
    assert json.loads(profile_bytes())["$id"].startswith("urn:")
    assert "schema/datapackage.schema.json" in TEXT
