"""Assembling: byte for byte what was there, by the program and by stock tools; and hostile indexes."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from portability.errors import ConfigError, FormatError, PortabilityError, SealError
from portability.escrow.deposits import assemble, read_header
from portability.escrow.deposits.noting import iter_noted, note_differential, note_full
from portability.escrow.deposits.writing import BagRequest, Held, WrittenBag, write_differential
from portability.formats.bag import write_bag
from portability.formats.parquet import write_parquet
from portability.limits import DEFAULT_LIMITS
from tests.escrow.deposits.conftest import tree

MANIFEST = "ab" * 32


class Known:
    """An index in memory: what some opened deposits carry."""

    def __init__(self, held: Mapping[str, Held], manifests: Mapping[int, str]) -> None:
        self._held = held
        self.manifests = manifests

    def find(self, hashes: list[str]) -> dict[str, Held]:
        return {each: self._held[each] for each in hashes if each in self._held}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Opened deposits side by side: 000001 is full, 000002 a differential of ``after``."""
    folder = tmp_path_factory.mktemp("made")
    _archive(folder / "000001", seed=1)
    _archive(folder / "after", seed=1, change=True)
    _differential(folder, folder / "after", 2)
    return folder


@pytest.fixture
def world(made: Path, tmp_path: Path) -> Path:
    """A copy of those."""
    return shutil.copytree(made, tmp_path / "world")


def _archive(root: Path, *, seed: int, change: bool = False) -> None:
    chance = random.Random(seed)
    files = {f"documents/{number:02x}/{number:064x}": chance.randbytes(number * 700) for number in range(30)}
    files |= {
        "reports/long.json": chance.randbytes(400_000),
        "empty.txt": b"",
        "twice.txt": files[f"documents/07/{7:064x}"],
    }
    if change:
        files["documents/05/" + f"{5:064x}"] = b"another"
        files["reports/long.json"] = (
            files["reports/long.json"][:200_000] + b"in between" + files["reports/long.json"][200_000:]
        )
        del files["documents/09/" + f"{9:064x}"]
        files["documents/0a/" + f"{10:064x}"] = files["documents/0a/" + f"{10:064x}"][:3_000]  # shorter than before
    for path, content in files.items():
        (root / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "data" / path).write_bytes(content)
    values = [f"{'changed' if change and row == 30_000 else row * 7919}" for row in range(60_000)]
    batch = pa.record_batch(
        {
            "id": pa.array(range(60_000)),
            "text": pa.array(values),
            "other": pa.array([f"{row * 31}" for row in range(60_000)]),
        }
    )
    write_parquet(root / "data/notes.parquet", batch.schema, [batch], key=["id"])
    write_bag(root, info={"Bagging-Date": "2026-11-22"})


def _differential(world: Path, archive: Path, sequence: int) -> WrittenBag:
    held: dict[str, Held] = {}
    noted = world / f"noted for {sequence}"
    note_full(noted, world / "000001", DEFAULT_LIMITS)
    for sha256, location in iter_noted(noted):
        held.setdefault(sha256, Held(sequence=1, location=location))
    bag = world / f"{sequence:06d}"
    bag.mkdir()
    request = BagRequest(
        archive=archive, bag=bag, index=Known(held, {1: MANIFEST}), agreement="smith", sequence=sequence, info={}
    )
    return write_differential(request)


def parts(world: Path) -> dict[int, Path]:
    """Return the opened deposits by number."""
    return {1: world / "000001", 2: world / "000002"}


def test_assemble_gives_the_archive_byte_for_byte(world: Path) -> None:
    """Changed, new, gone, shorter, empty and doubled files: all as they were in the archive that was deposited."""
    done = assemble(parts(world), world / "out", manifests={1: MANIFEST})
    assert tree(world / "out") == tree(world / "after")
    assert (done.needed, done.files) == ((1,), len(tree(world / "after")))
    assert set(done.octets_from) == {1, 2}


def test_assemble_sh_gives_the_same_as_assemble(world: Path) -> None:
    """With stock tools alone the same archive comes out."""
    assert _by_hand(world, "by_hand").returncode == 0
    assert tree(world / "by_hand") == tree(world / "after")


def test_differential_of_one_changed_row_carries_one_column_of_one_row_group(world: Path) -> None:
    """What is packed follows the change: far less than the table, though the file as a whole is another."""
    header = read_header(world / "000002")
    table = (world / "after/data/notes.parquet").stat().st_size
    entries = [json.loads(line) for line in (world / "000002/data/index.jsonl").read_bytes().splitlines()[1:]]
    (notes,) = [each for each in entries if each["path"] == "data/notes.parquet"]
    new = sum(piece["size_bytes"] for piece in notes["pieces"] if piece["deposit"] == 2)
    assert header.needed == (1,)
    assert new < table / 2
    assert len(notes["pieces"]) > 4


def test_differential_of_nothing_changed_carries_nothing(world: Path) -> None:
    """The same archive again is an index and no piece."""
    written = _differential(world, world / "000001", 3)
    assert (written.new_octets, list((world / "000003/data/objects").iterdir())) == (0, [])
    assemble({1: world / "000001", 3: world / "000003"}, world / "again")
    assert tree(world / "again") == tree(world / "000001")
    entries = [json.loads(line) for line in (world / "000003/data/index.jsonl").read_bytes().splitlines()[1:]]
    assert max(len(each["pieces"]) for each in entries) == 1  # files that were cut once are found whole: none is read


def test_note_differential_long_new_file_is_found_whole_by_the_next(world: Path) -> None:
    """What was cut and packed end to end is noted as one piece too; a file that is partly elsewhere is not."""
    archive = world / "with a new one"
    shutil.copytree(world / "000001", archive)
    (archive / "data/reports/new.txt").write_text("".join(f"{row * 7919}\n" for row in range(60_000)))
    write_bag(archive, info={"Bagging-Date": "2026-11-22"})
    _differential(world, archive, 3)
    note_differential(world / "noted", archive, world / "000003", 3, DEFAULT_LIMITS)
    noted = {location.size_bytes for _, location in iter_noted(world / "noted")}
    assert (archive / "data/reports/new.txt").stat().st_size in noted
    note_differential(world / "noted of 2", world / "after", world / "000002", 2, DEFAULT_LIMITS)
    assert (world / "after/data/notes.parquet").stat().st_size not in {
        location.size_bytes for _, location in iter_noted(world / "noted of 2")
    }


def test_note_differential_pack_that_is_not_what_the_index_says_is_refused(world: Path) -> None:
    """A sample of what was packed is read again: with few pieces, all of them."""
    pack = next((world / "000002/data/objects").iterdir())
    pack.write_bytes(bytes(pack.stat().st_size))
    limits = replace(DEFAULT_LIMITS, sampled_pieces=10_000)
    with pytest.raises(SealError, match="not what the index says"):
        note_differential(world / "noted", world / "after", world / "000002", 2, limits)


def test_note_full_archive_that_is_not_what_its_manifest_says_is_refused(world: Path) -> None:
    """A piece that is noted by the manifest's word is read again where the sample has it."""
    (document,) = (world / "000001/data/documents/07").iterdir()
    document.write_bytes(bytes(document.stat().st_size))
    with pytest.raises(SealError, match="not what the index says"):
        note_full(world / "noted", world / "000001", replace(DEFAULT_LIMITS, sampled_pieces=10_000))


# --- hostile and damaged ---------------------------------------------------------------------------------------------

Lines = list[dict[str, Any]]


def _piece(lines: Lines, **changes: Any) -> None:  # noqa: ANN401 -- any field
    lines[1]["pieces"][0].update(changes)


HOSTILE: dict[str, Callable[[Lines], Any]] = {
    "path_traversal": lambda lines: lines[1].update(path="../../etc/passwd"),
    "absolute_path": lambda lines: lines[1].update(path="/etc/passwd"),
    "hidden_file": lambda lines: lines[1].update(path=".bashrc"),
    "piece_path_traversal": lambda lines: _piece(lines, path="../../../etc/passwd"),
    "piece_absolute_path": lambda lines: _piece(lines, path="/etc/passwd"),
    "piece_of_the_index": lambda lines: _piece(lines, deposit=2, path="data/index.jsonl"),
    "piece_of_a_deposit_not_named": lambda lines: _piece(lines, deposit=7),
    "piece_of_a_later_deposit": lambda lines: lines[0].update(deposits=[{"manifest_sha256": MANIFEST, "sequence": 3}]),
    "negative_offset": lambda lines: _piece(lines, offset=-1),
    "offset_behind_the_end": lambda lines: _piece(lines, offset=10**12),
    "no_size": lambda lines: _piece(lines, size_bytes=0),
    "more_than_it_says": lambda lines: lines[1]["pieces"].append(lines[1]["pieces"][0]),
    "file_twice": lambda lines: lines.insert(1, lines[1]),
    "out_of_order": lambda lines: lines.insert(1, lines.pop()),
    "file_missing": lambda lines: lines.pop(),
    "more_files_than_the_header_says": lambda lines: lines[0].update(files=lines[0]["files"] - 1),
    "fewer_octets_than_the_header_says": lambda lines: lines[0].update(octets=lines[0]["octets"] + 1),
    "no_header": lambda lines: lines.pop(0),
    "another_format": lambda lines: lines[0].update(format="other"),
    "version_of_tomorrow": lambda lines: lines[0].update(version="2.0"),
    "leans_on_nothing": lambda lines: lines[0].update(deposits=[]),
    "a_file_below_a_file": lambda lines: lines[1].update(path="bag-info.txt/x"),
    "wrong_hash": lambda lines: lines[1].update(sha256="0" * 64),
    "wrong_piece_hash": lambda lines: _piece(lines, sha256="0" * 64),
    "field_more": lambda lines: lines[1].update(other=1),
    "float": lambda lines: _piece(lines, offset=0.5),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_assemble_hostile_index_is_refused_and_leaves_nothing(world: Path, change: Callable[[Lines], Any]) -> None:
    """Nothing is written outside, nothing is taken for the archive, and it ends in an error that names the place."""
    _rewrite(world, change)
    with pytest.raises(FormatError):
        assemble(parts(world), world / "out")
    assert not (world / "out").exists()
    assert not list(world.glob(".out*"))


@pytest.mark.parametrize(
    "name", ["path_traversal", "piece_absolute_path", "wrong_hash", "offset_behind_the_end", "field_more"]
)
def test_assemble_sh_hostile_index_is_refused_and_leaves_nothing(world: Path, name: str) -> None:
    """The script is no less strict."""
    _rewrite(world, HOSTILE[name])
    assert _by_hand(world, "out").returncode != 0
    assert not (world / "out").exists()
    assert not list(world.glob(".assemble*"))


def test_assemble_index_of_a_petabyte_is_refused_before_anything_is_written(world: Path) -> None:
    """A few bytes repeated without end do not fill the disk."""

    def bomb(lines: Lines) -> None:
        piece = lines[1]["pieces"][0] | {"size_bytes": 10**15}
        lines[1].update(pieces=[piece], size_bytes=10**15)
        lines[0].update(octets=10**15)

    _rewrite(world, bomb)
    with pytest.raises(PortabilityError, match="the disk is too small"):
        assemble(parts(world), world / "out")


def test_assemble_link_in_an_opened_deposit_is_refused(world: Path, tmp_path: Path) -> None:
    """A folder that somebody else filled leads nowhere else."""
    document = world / f"000001/data/documents/07/{7:064x}"
    shutil.copy(document, tmp_path / "elsewhere")
    document.unlink()
    document.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FormatError, match="reached through a link"):
        assemble(parts(world), world / "out")


def test_assemble_changed_byte_in_an_earlier_deposit_is_named(world: Path) -> None:
    """A piece that is not what the index says is named with its deposit."""
    document = world / f"000001/data/documents/07/{7:064x}"
    document.write_bytes(document.read_bytes()[:-1] + b"?")
    with pytest.raises(FormatError, match="deposit 1, data/documents/07"):
        assemble(parts(world), world / "out")


def test_assemble_missing_deposit_names_it(world: Path) -> None:
    """Who forgot to open a deposit is told which."""
    with pytest.raises(ConfigError, match="not given: 1"):
        assemble({2: world / "000002"}, world / "out")


def test_assemble_another_deposit_under_the_number_is_refused(world: Path) -> None:
    """The manifests that were opened must be those that the index leans on."""
    with pytest.raises(FormatError, match="another deposit 1"):
        assemble(parts(world), world / "out", manifests={1: "cd" * 32})


def _by_hand(world: Path, out: str) -> subprocess.CompletedProcess[bytes]:
    command = [shutil.which("sh") or "sh", "000002/data/assemble.sh", out]
    return subprocess.run(command, cwd=world, check=False, capture_output=True)


def _rewrite(world: Path, change: Callable[[Lines], Any]) -> None:
    index = world / "000002/data/index.jsonl"
    lines = [json.loads(line) for line in index.read_bytes().splitlines()]
    change(lines)
    text = "".join(json.dumps(each, sort_keys=True, separators=(",", ":")) + "\n" for each in lines)
    index.write_text(text, encoding="ascii")
