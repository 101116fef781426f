"""What is sealed opens with stock tools, for whom it was sealed, byte for byte."""

from __future__ import annotations

import hashlib
import itertools
import json
import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import msgspec
import pytest

from fixtures.signers import ANN
from portability.limits import DEFAULT_LIMITS, MIB
from portability.sealing.container import open_container
from portability.sealing.encryption import ciphertext_length, read_header
from portability.sealing.manifest import CatalogEntry, SealedManifest
from portability.sealing.reading import canonical_json, parse_manifest
from portability.sealing.seal import SealResult
from tests.sealing.conftest import Custodian, attempt, open_by_hand, run, tree, unwrap

Seal = Callable[..., SealResult]


def manifest_of(sealed: Path) -> SealedManifest:
    """Read a manifest with everything that a reader refuses."""
    return parse_manifest((sealed / "manifest.json").read_bytes())


def catalog_of(sealed: Path, key: Path) -> list[CatalogEntry]:
    """Read a catalog with stock tools."""
    text = run("bash", "-c", f"age -d -i {key} {sealed / 'catalog.age'} | zstd -dq")
    return [msgspec.json.decode(line, type=CatalogEntry) for line in text.splitlines()]


@pytest.mark.parametrize("name", ["ann", "ben", "cat"])
def test_seal_stock_tools_open_it_byte_for_byte(
    name: str, archive: Path, seal: Seal, custodians: dict[str, Custodian], tmp_path: Path
) -> None:
    """Each recipient alone, whatever its key is, gets back every byte with age, zstd and tar."""
    sealed = seal(archive).sealed
    key = unwrap(sealed, custodians[name], tmp_path / "deposit.key")
    assert tree(open_by_hand(sealed, key, tmp_path / "out")) == tree(archive)


def test_seal_threshold_two_every_pair_opens_and_no_single_key(
    archive: Path, seal: Seal, custodians: dict[str, Custodian], tmp_path: Path
) -> None:
    """Two of three: stock age opens an envelope layer by layer, and with one key finds nothing."""
    result = seal(archive, threshold=2)
    assert result.envelopes == ("keys/ann+ben.age", "keys/ann+cat.age", "keys/ben+cat.age")
    for first, second in itertools.combinations(custodians.values(), 2):
        envelope, inner = result.sealed / "keys" / f"{first.name}+{second.name}.age", tmp_path / "inner"
        run("age", "-d", "-i", first.file, "-o", inner, envelope)
        key = tmp_path / f"{first.name}{second.name}.key"
        run("age", "-d", "-i", second.file, "-o", key, inner)
        out = tmp_path / f"out-{key.stem}"
        assert tree(open_by_hand(result.sealed, key, out)) == tree(archive)
        assert not inner.read_bytes().startswith(b"AGE-SECRET-KEY-")
    for one, name in itertools.product(custodians.values(), result.envelopes):
        layer = attempt("age", "-d", "-i", one.file, result.sealed / name)
        again = attempt("age", "-d", "-i", one.file, input=layer.stdout)
        assert again.returncode != 0


def test_seal_signature_and_hashes_are_what_stock_tools_check(archive: Path, seal: Seal, tmp_path: Path) -> None:
    """ssh-keygen verifies the manifest's signature, and sha256sum every file that it lists; nothing else lies there."""
    sealed = seal(archive).sealed
    (tmp_path / "trust").write_text(f"ann@firm.example {ANN.public_line}\n", encoding="utf-8")
    who: list[str | Path] = ["-f", tmp_path / "trust", "-I", "ann@firm.example", "-n", "legal-portability-sealed"]
    signature = sealed / "manifest.json.sig"
    run("ssh-keygen", "-Y", "verify", *who, "-s", signature, input=(sealed / "manifest.json").read_bytes())
    listed = json.loads((sealed / "manifest.json").read_bytes())["files"]
    lines = "".join(f"{each['sha256']}  {each['path']}\n" for each in listed)
    run("sha256sum", "-c", "--strict", "-", input=lines.encode(), cwd=sealed)
    assert {each["path"] for each in listed} | {"manifest.json", "manifest.json.sig"} == set(tree(sealed))
    assert all(each["size_bytes"] == (sealed / each["path"]).stat().st_size for each in listed)


def test_seal_manifest_says_what_is_there(
    archive: Path, seal: Seal, custodians: dict[str, Custodian], tmp_path: Path
) -> None:
    """Counts, commitment, fingerprints and exact age lengths in the manifest are true."""
    result = seal(archive)
    manifest = manifest_of(result.sealed)
    files = tree(archive)
    assert (manifest.content_files, manifest.content_bytes) == (len(files), sum(map(len, files.values())))
    key = unwrap(result.sealed, custodians["ben"], tmp_path / "deposit.key")
    recipient = run("age-keygen", "-y", key).strip()
    assert manifest.commitment == hashlib.sha256(recipient.encode()).hexdigest()
    shown = run("ssh-keygen", "-l", "-f", custodians["cat"].file).split()[1]
    assert [each.fingerprint for each in manifest.recipients if each.name == "cat"] == [shown]
    for each in manifest.files:
        if each.plain_bytes is not None:
            header = read_header(BytesIO((result.sealed / each.path).read_bytes()))
            assert each.size_bytes == ciphertext_length(header.length_bytes, each.plain_bytes)
            assert [stanza.type for stanza in header.stanzas if not stanza.type.endswith("-grease")] == ["X25519"]


def test_seal_catalog_lists_every_file_with_its_pieces(
    archive: Path, seal: Seal, custodians: dict[str, Custodian], tmp_path: Path
) -> None:
    """The catalog is in path order, with true hashes, canonical lines, and pieces in segments that only go up."""
    sealed = seal(archive).sealed
    key = unwrap(sealed, custodians["ann"], tmp_path / "deposit.key")
    entries, files = catalog_of(sealed, key), tree(archive)
    assert [entry.path for entry in entries] == sorted(files)
    assert all(entry.sha256 == hashlib.sha256(files[entry.path]).hexdigest() for entry in entries)
    assert all(sum(piece.size_bytes for piece in entry.pieces) == len(files[entry.path]) for entry in entries)
    segments = [piece.segment for entry in entries for piece in entry.pieces]
    assert segments == sorted(segments)
    lines = run("bash", "-c", f"age -d -i {key} {sealed / 'catalog.age'} | zstd -dq").encode().splitlines()
    assert lines == [canonical_json(entry) for entry in entries]
    ledger = next(entry for entry in entries if entry.path == "data/tables/ledger_entry.parquet")
    assert [piece.member for piece in ledger.pieces] == [
        f"slices/data/tables/ledger_entry.parquet/{number:06d}" for number in range(3)
    ]
    assert entries[0].pieces[0].member == "files/bag-info.txt"


def test_seal_segments_stay_within_their_limit(
    archive: Path, seal: Seal, custodians: dict[str, Custodian], tmp_path: Path
) -> None:
    """No segment unpacks to more than was asked for, headers and all."""
    sealed = seal(archive).sealed
    key = unwrap(sealed, custodians["ann"], tmp_path / "deposit.key")
    for segment in (sealed / "segments").iterdir():
        assert int(run("bash", "-c", f"age -d -i {key} {segment} | zstd -dq | wc -c")) <= MIB


def test_seal_twice_same_tars_other_ciphertext(
    archive: Path, seal: Seal, custodians: dict[str, Custodian], tmp_path: Path
) -> None:
    """The plain tars depend on the archive alone; keys and ciphertext are fresh each time."""
    found = []
    for name in ("one", "two"):
        sealed = seal(archive, name).sealed
        key = unwrap(sealed, custodians["ann"], tmp_path / f"{name}.key")
        segments = sorted((sealed / "segments").iterdir())
        hashes = [run("bash", "-c", f"age -d -i {key} {path} | zstd -dq | sha256sum") for path in segments]
        found.append((hashes, key.read_bytes(), [path.read_bytes() for path in segments]))
    (tars, key_one, one), (same_tars, key_two, two) = found
    assert tars == same_tars
    assert key_one != key_two
    assert not set(one) & set(two)


def test_seal_one_file_is_the_directory_in_order(
    archive: Path, seal: Seal, custodians: dict[str, Custodian], tmp_path: Path
) -> None:
    """The tar holds the same files, in the form's order, strictly written; unpacked by stock tar it opens."""
    result = seal(archive, "sealed.tar", one_file=True)
    with open_container(result.sealed, DEFAULT_LIMITS) as container:
        assert container.faults == []
    with tarfile.open(result.sealed) as tar:
        names = tar.getnames()
    kinds = [name.split("/")[0] for name in names]
    order = ["segments", "catalog.age", "keys", "OPEN.md", "open.sh", "manifest.json", "manifest.json.sig"]
    assert list(dict.fromkeys(kinds)) == order
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    run("tar", "xf", result.sealed, "-C", unpacked)
    assert {each.path for each in manifest_of(unpacked).files} | {"manifest.json", "manifest.json.sig"} == set(names)
    key = unwrap(unpacked, custodians["ann"], tmp_path / "deposit.key")
    assert tree(open_by_hand(unpacked, key, tmp_path / "out")) == tree(archive)


def test_seal_thousands_of_documents_take_few_segments(make_archive: Callable[..., Path], seal: Seal) -> None:
    """Small documents share segments: their number follows bytes, not files."""
    files = {f"documents/{number % 256:02x}/{number:064x}": b"x" * (number % 700) for number in range(3_000)}
    result = seal(make_archive(files), limits=DEFAULT_LIMITS)
    assert (result.files, result.segments) == (3_004, 1)


@pytest.mark.slow
def test_seal_a_hundred_thousand_documents_take_few_segments(
    make_archive: Callable[..., Path], seal: Seal, custodians: dict[str, Custodian], tmp_path: Path
) -> None:
    """100,000 documents of 2 KB are some 400 MB of tar: seven segments, and a catalog with a line for each."""
    files = {f"documents/{number % 256:02x}/{number:064x}": number.to_bytes(8) * 256 for number in range(100_000)}
    result = seal(make_archive(files), limits=DEFAULT_LIMITS)
    assert result.files == 100_004
    assert result.segments < 10
    key = unwrap(result.sealed, custodians["ann"], tmp_path / "deposit.key")
    assert len(catalog_of(result.sealed, key)) == 100_004


def test_seal_text_shrinks_and_what_is_compressed_hardly_grows(make_archive: Callable[..., Path], seal: Seal) -> None:
    """Text is compressed; bytes that nothing shrinks cost next to nothing more."""
    text = seal(make_archive({"a.txt": b"attended client; took instructions " * 60_000}, "text"), "sealed-text")
    assert text.sealed_bytes < text.content_bytes / 20
    noise = b"".join(hashlib.sha256(number.to_bytes(4)).digest() for number in range(65_536))
    grown = seal(make_archive({"a.jpg": noise}, "noise"), "sealed-noise")
    overhead = sum(path.stat().st_size for path in (grown.sealed / "segments").iterdir()) - len(noise)
    assert overhead < len(noise) / 200  # the bag, a header, and a tag for every 64 KiB
