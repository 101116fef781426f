"""Tampering with any file in any way is found without a key, by its own code, and the file is named."""

from __future__ import annotations

import io
import random
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.sealing import tar_of
from fixtures.tampering import (
    CLASSES,
    MATRIX,
    STRUCTURE,
    WAYS,
    Files,
    deposits,
    flip,
    matrix_page,
    read_files,
    tamper,
    write_files,
)
from portability.checks import Report
from portability.checks.sealed import SealedRequest, verify_sealed
from portability.signing import Policy, load_trust

DOCUMENT = Path(__file__).parents[3] / "docs/sealed_checks.md"
FORMS = ("directory", "tar")
FLIPS = 400
UNEXPECTED = "X191"  # raised only when a check itself fails
CASES = [pytest.param(name, way, form, id=f"{name}-{way}-{form}") for name in CLASSES for way in WAYS for form in FORMS]

Check = Callable[[Path], Report]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """The files of this deposit, of the one before and of a foreign one."""
    roots = deposits(tmp_path_factory.mktemp("deposits"))
    return {name: read_files(root) for name, root in roots.items()}


@pytest.fixture(scope="module")
def check(world: Path, made: dict[str, Files]) -> Check:
    """What checks at level v0, with the sender's key to trust and the manifest of the deposit before."""
    request = SealedRequest(
        policy=Policy(trust=load_trust(world / "inputs/allowed_signers")),
        previous=made["before"]["manifest.json"],
        now=datetime(2026, 3, 3, tzinfo=UTC),
    )
    return lambda root: verify_sealed(root, level="v0", request=request)


@pytest.mark.parametrize("form", FORMS)
def test_verify_untouched_deposit_is_accepted(made: dict[str, Files], check: Check, tmp_path: Path, form: str) -> None:
    """Nothing is wrong with what is tampered with below, and it follows from the deposit before."""
    report = check(write_files(made["this"], tmp_path / "sealed", form=form))
    assert report.codes() == set()
    assert "follows_sha256" in report.facts


@pytest.mark.parametrize(("name", "way", "form"), CASES)
def test_verify_tampered_file_raises_the_code_of_the_matrix(
    made: dict[str, Files], check: Check, tmp_path: Path, name: str, way: str, form: str
) -> None:
    """Each class of file, each way, each form: one code, which names the file."""
    files = tamper(way, CLASSES[name], made["this"], made)
    report = check(write_files(files, tmp_path / "sealed", form=form))
    expected = {MATRIX[name][way]} - {""}
    assert report.codes() == expected
    assert report.ok is not bool(expected)
    changed = {path for path in files.keys() | made["this"].keys() if files.get(path) != made["this"].get(path)}
    if expected and not expected & {"X121", "X124"}:  # a signature accuses two files together
        assert {finding.place for finding in report.findings} == changed


@pytest.mark.parametrize("what", [what for what, (_, form) in STRUCTURE.items() if form != "directory"])
def test_verify_tampered_tar_raises_the_code_of_its_structure(
    made: dict[str, Files], check: Check, tmp_path: Path, what: str
) -> None:
    """What is between, around and behind the files of a tar is checked to the byte."""
    path = write_files(made["this"], tmp_path / "sealed.tar", form="tar")
    whole(what, path, made)
    codes, expected = check(path).codes(), set(STRUCTURE[what][0].split(", "))
    assert codes >= expected
    assert codes <= expected | {"X111"}, "a manifest that cannot be reached any more is missing too"


@pytest.mark.parametrize("what", [what for what, (_, form) in STRUCTURE.items() if form != "the tar"])
def test_verify_directory_tampered_with_as_a_whole_raises_its_code(
    made: dict[str, Files], check: Check, tmp_path: Path, what: str
) -> None:
    """Another deposit in the place of this one, in whole or in part."""
    root = tmp_path / "sealed"
    if what in WHOLE:
        write_files(WHOLE[what](made), root, form="directory")
    else:
        write_files(made["this"], root, form="directory")
        (root / "OPEN.md").unlink()
        (root / "OPEN.md").symlink_to("/etc/hostname")
    assert check(root).codes() == set(STRUCTURE[what][0].split(", "))


@pytest.mark.parametrize("form", FORMS)
def test_verify_any_flipped_bit_is_found(made: dict[str, Files], check: Check, tmp_path: Path, form: str) -> None:
    """Hundreds of single flipped bits, in headers, padding, signatures and ciphertexts alike, are each found."""
    root = write_files(made["this"], tmp_path / "sealed", form=form)
    paths = [root] if form == "tar" else sorted(path for path in root.rglob("*") if path.is_file())
    chosen = random.Random(20260301)
    for _ in range(FLIPS):
        path = chosen.choice(paths)
        good = path.read_bytes()
        position, bit = chosen.randrange(len(good)), chosen.randrange(8)
        bad = bytearray(good)
        bad[position] ^= 1 << bit
        path.write_bytes(bad)
        report = check(root)
        assert not report.ok, f"bit {bit} of byte {position} of {path.name}"
        assert UNEXPECTED not in report.codes()
        path.write_bytes(good)
    assert check(root).ok


def test_sealed_checks_document_is_the_matrix() -> None:
    """docs/sealed_checks.md was made from the matrix as it is now."""
    command = "python -m fixtures.tampering > docs/sealed_checks.md"
    assert DOCUMENT.read_text(encoding="utf-8") == matrix_page(), f"run: {command}"


WHOLE: dict[str, Callable[[dict[str, Files]], Files]] = {
    "the whole deposit before, with its signature": lambda made: made["before"],
    "manifest.json and its signature of the deposit before": lambda made: (
        made["this"] | {path: made["before"][path] for path in ("manifest.json", "manifest.json.sig")}
    ),
    "a deposit of the same number by the same sender": lambda made: made["foreign"],
}


def whole(what: str, path: Path, made: dict[str, Files]) -> None:
    """Tamper with a tar as a whole."""
    data = path.read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = [(each.name, made["this"][each.name]) for each in tar]
    length, end = len(members[0][1]), len(data.rstrip(b"\0"))
    ways: dict[str, Callable[[], bytes]] = {
        "flip in a member's header": lambda: flip(data, 130),
        "flip between two members": lambda: flip(data, 512 + length),
        "flip behind the last member": lambda: flip(data, len(data) - 1),
        "cut in a member": lambda: data[: 512 + length // 2],
        "cut at the end": lambda: data[: -(-end // 512) * 512 + 512],
        "extend": lambda: data + bytes(512),
        "members in another order": lambda: tar_of([members[1], members[0], *members[2:]]),
        "a member twice": lambda: tar_of([members[0], *members]),
        "a member under a name with ..": lambda: tar_of([("segments/../../evil.age", b""), *members]),
    }
    if what in WHOLE:
        write_files(WHOLE[what](made), path, form="tar")
    else:
        path.write_bytes(ways[what]())
