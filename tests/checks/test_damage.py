"""Any damage and any garbage ends in a code: never in silence, never in a traceback."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.writing import seal
from portability.archive import CONTROL_TOTALS_JSON, COVERAGE_JSON, DATAPACKAGE_JSON, FINDINGS_JSON, SOURCE_JSON
from portability.checks import verify

FLIPS = 1000
UNEXPECTED = "C191"  # raised only when a check itself fails

DESCRIPTIONS = (SOURCE_JSON, DATAPACKAGE_JSON, CONTROL_TOTALS_JSON, FINDINGS_JSON, COVERAGE_JSON, "../export.json")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
QUICKLY = settings(
    max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def test_verify_any_flipped_bit_is_found(tiny: Path, tmp_path: Path) -> None:
    """A thousand single flipped bits, in files chosen alike, are each found at the quickest level."""
    root = tmp_path / "archive"
    shutil.copytree(tiny, root)
    files = sorted(path for path in root.rglob("*") if path.is_file())
    chosen = random.Random(20260105)
    for _ in range(FLIPS):
        path = chosen.choice(files)
        good = path.read_bytes()
        position, bit = chosen.randrange(len(good)), chosen.randrange(8)
        bad = bytearray(good)
        bad[position] ^= 1 << bit
        path.write_bytes(bad)
        report = verify(root, level="quick")
        assert not report.ok, f"bit {bit} of byte {position} of {path.name}"
        assert UNEXPECTED not in report.codes()
        path.write_bytes(good)
    assert verify(root, level="quick").ok


@pytest.mark.parametrize("name", ["bagit.txt", "bag-info.txt", "export.json"])
@given(data=st.binary(max_size=300))
@QUICKLY
def test_verify_garbage_in_a_sealed_tag_file_ends_in_a_code(copied: Path, name: str, data: bytes) -> None:
    """A tag file of any bytes, sealed by whoever made it, is refused without a traceback."""
    (copied / name).write_bytes(data)
    seal_again(copied)
    report = verify(copied, level="quick")
    assert not report.ok
    assert UNEXPECTED not in report.codes()


@pytest.mark.parametrize("name", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
@given(data=st.binary(max_size=300))
@QUICKLY
def test_verify_garbage_in_a_manifest_ends_in_a_code(copied: Path, name: str, data: bytes) -> None:
    """A manifest of any bytes is refused without a traceback."""
    (copied / name).write_bytes(data)
    if name == "manifest-sha256.txt":
        seal_again(copied)
    report = verify(copied, level="quick")
    assert not report.ok
    assert UNEXPECTED not in report.codes()


@pytest.mark.parametrize("name", DESCRIPTIONS)
@given(value=JSON)
@QUICKLY
def test_verify_any_json_for_a_description_ends_in_a_code(copied: Path, name: str, value: Any) -> None:  # noqa: ANN401
    """A description that is JSON but something else altogether is refused without a traceback."""
    (copied / "data" / name).write_text(json.dumps(value), encoding="utf-8")
    seal(copied)
    report = verify(copied, level="full")
    assert not report.ok
    assert UNEXPECTED not in report.codes()


@pytest.mark.parametrize("name", DESCRIPTIONS)
@given(seed=st.integers(0, 2**32))
@QUICKLY
def test_verify_a_description_with_one_change_never_ends_unexpectedly(copied: Path, name: str, seed: int) -> None:
    """Leaving out, doubling or replacing one value somewhere in a description raises codes of its own or none."""
    path = copied / "data" / name
    good = path.read_bytes()
    path.write_text(json.dumps(changed(json.loads(good), random.Random(seed))), encoding="utf-8")
    seal(copied)
    assert UNEXPECTED not in verify(copied, level="full").codes()
    path.write_bytes(good)


@pytest.mark.parametrize("name", ["source/main.person.parquet", "tables/firm.parquet", "reports/documents.parquet"])
@given(seed=st.integers(0, 2**32))
@QUICKLY
def test_verify_a_damaged_table_never_ends_unexpectedly(copied: Path, name: str, seed: int) -> None:
    """A Parquet file with flipped bits that was sealed so raises codes of its own or none."""
    path = copied / "data" / name
    good, package = path.read_bytes(), (copied / "data" / DATAPACKAGE_JSON).read_bytes()
    bad, chosen = bytearray(good), random.Random(seed)
    for _ in range(chosen.choice((1, 3, 10))):
        bad[chosen.randrange(4, len(bad) - 4)] ^= 1 << chosen.randrange(8)
    path.write_bytes(bad)
    document = json.loads(package)
    resource = next(each for each in document["resources"] if each["path"] == name)
    resource["hash"] = f"sha256:{hashlib.sha256(bad).hexdigest()}"
    (copied / "data" / DATAPACKAGE_JSON).write_text(json.dumps(document), encoding="utf-8")
    seal(copied)
    assert UNEXPECTED not in verify(copied, level="deep").codes()
    path.write_bytes(good)
    (copied / "data" / DATAPACKAGE_JSON).write_bytes(package)


def seal_again(root: Path) -> None:
    """Make the tag manifest fit whatever the tag files are now."""
    names = ("bag-info.txt", "bagit.txt", "export.json", "manifest-sha256.txt")
    lines = [f"{hashlib.sha256((root / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (root / "tagmanifest-sha256.txt").write_text("".join(lines), encoding="ascii", newline="\n")


def changed(value: Any, chosen: random.Random) -> Any:  # noqa: ANN401 -- plain JSON
    """Return plain JSON with one thing changed somewhere in it."""
    if not isinstance(value, dict | list) or not value or chosen.random() < 0.1:
        return chosen.choice([None, -1, 2**70, "", "\0", "../x", [], {}, [None], {"columns": []}, "excluded", "file"])
    copy: Any = value.copy()
    key = chosen.choice(list(value) if isinstance(value, dict) else range(len(value)))
    if chosen.random() < 0.2:
        del copy[key]
    elif isinstance(value, list) and chosen.random() < 0.2:
        copy.append(copy[key])
    else:
        copy[key] = changed(copy[key], chosen)
    return copy
