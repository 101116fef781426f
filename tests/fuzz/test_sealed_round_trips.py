"""What is written is what is read: manifests, catalogs, and whole trees through sealing and opening."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fixtures.sealing import AGREED, Person, pack
from fixtures.writing import seal as make_bag
from portability.checks.sealed import SealedRequest, verify_sealed
from portability.limits import DEFAULT_LIMITS, MIB
from portability.sealing.catalog import iter_catalog
from portability.sealing.contradictions import envelope_for
from portability.sealing.encryption import Identity, parse_identities
from portability.sealing.manifest import CatalogEntry, Chain, Piece, Recipient, SealedFile, SealedManifest
from portability.sealing.opening import OpenRequest, open_sealed
from portability.sealing.reading import canonical_json, parse_manifest
from portability.sealing.recipients import parse_recipients
from portability.sealing.seal import SealRequest, seal_archive
from portability.signing import load_signing_key

NAMES = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,31}", fullmatch=True)
HASHES = st.binary(min_size=32, max_size=32).map(bytes.hex)
SIZES = st.integers(0, 2**53 - 1)
# Folder and file names that the format allows, the odd ones first.
PARTS = st.one_of(
    st.sampled_from(["a.b", "_", "0", "a.", "con_", "a0", "a_", "x" * 60, "7.sql", "a.b.c"]).map(
        lambda t: t.rstrip(".")
    ),
    st.from_regex(r"[a-z0-9_][a-z0-9_.]{0,12}[a-z0-9_]", fullmatch=True).filter(
        lambda text: text.split(".")[0] not in {"con", "prn", "aux", "nul"}
    ),
)
SEGMENT = MIB
CHUNK = 65_536
EDGES = (0, 1, 511, 512, CHUNK - 1, CHUNK, CHUNK + 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 2 * SEGMENT, 2 * SEGMENT + 7)
QUICKLY = settings(max_examples=30, deadline=None, derandomize=True)


@st.composite
def manifests(draw: st.DrawFn) -> SealedManifest:
    """A manifest that agrees with itself."""
    names = sorted(draw(st.lists(NAMES, min_size=1, max_size=4, unique=True)))
    threshold = draw(st.integers(1, len(names)))
    envelopes = [envelope_for(group) for group in itertools.combinations(names, threshold)]
    segments = [f"segments/{number:06d}.age" for number in range(draw(st.integers(1, 3)))]
    paths = ["catalog.age", "OPEN.md", "open.sh", *segments, *(each.file for each in envelopes)]
    prints = draw(st.lists(st.binary(min_size=32, max_size=32), min_size=len(names), max_size=len(names), unique=True))
    return SealedManifest(
        format="legal-portability-sealed",
        version="1.0",
        deposit_id=draw(HASHES)[:32],
        deposit_class=draw(st.sampled_from(["data", "source", "access"])),
        sealed_at="2026-03-02T09:00:00Z",
        threshold=threshold,
        recipients=tuple(
            Recipient(name=name, kind="ssh-rsa", fingerprint=fingerprint(data))
            for name, data in zip(names, prints, strict=True)
        ),
        envelopes=tuple(envelopes),
        commitment=draw(HASHES),
        content_files=draw(SIZES),
        content_bytes=draw(SIZES),
        files=tuple(listed(draw, path) for path in sorted(paths)),
        chain=Chain(agreement=draw(st.none() | st.text(st.characters(codec="utf-8"), max_size=20))),
    )


def fingerprint(data: bytes) -> str:
    """Write a hash as a fingerprint."""
    return "SHA256:" + base64.b64encode(data).decode().rstrip("=")


def listed(draw: st.DrawFn, path: str) -> SealedFile:
    """List a file with made-up size and hash."""
    plain = draw(SIZES) if path.startswith(("segments/", "catalog")) else None
    return SealedFile(path=path, size_bytes=draw(SIZES), sha256=draw(HASHES), plain_bytes=plain)


@given(manifest=manifests())
@QUICKLY
def test_manifest_written_and_read_is_the_same(manifest: SealedManifest) -> None:
    """Reading gives back what was written, and writing that gives the same bytes."""
    written = canonical_json(manifest)
    assert parse_manifest(written) == manifest
    assert canonical_json(parse_manifest(written)) == written


@st.composite
def catalogs(draw: st.DrawFn) -> tuple[CatalogEntry, ...]:
    """A catalog that agrees with itself, over the segments 0 and 1."""
    paths = sorted(draw(st.lists(st.lists(PARTS, min_size=1, max_size=3).map("/".join), max_size=6, unique=True)))
    border = draw(st.integers(0, len(paths)))
    return tuple(entry(draw, f"data/{path}", int(at >= border)) for at, path in enumerate(paths))


def entry(draw: st.DrawFn, path: str, segment: int) -> CatalogEntry:
    """Make an entry, whole or sliced."""
    sizes = draw(st.lists(st.integers(0, 2**40), min_size=1, max_size=3))
    members = [f"slices/{path}/{n:06d}" for n in range(len(sizes))] if len(sizes) > 1 else [f"files/{path}"]
    pieces = (Piece(segment=segment, member=m, size_bytes=s) for m, s in zip(members, sizes, strict=True))
    return CatalogEntry(path=path, size_bytes=sum(sizes), sha256=draw(HASHES), pieces=tuple(pieces))


@given(entries=catalogs(), manifest=manifests())
@QUICKLY
def test_catalog_written_and_read_is_the_same(entries: tuple[CatalogEntry, ...], manifest: SealedManifest) -> None:
    """Every entry comes back, in order."""
    segments = [each for each in manifest.files if not each.path.startswith("segments/")]
    two = [SealedFile(path=f"segments/{n:06d}.age", size_bytes=1, sha256="0" * 64, plain_bytes=1) for n in (0, 1)]
    counted = replace(
        manifest,
        files=(*segments, *two),
        content_files=len(entries),
        content_bytes=sum(each.size_bytes for each in entries),
    )
    frame = pack(b"".join(canonical_json(each) + b"\n" for each in entries))
    assert tuple(iter_catalog(io.BytesIO(frame), counted)) == entries


@st.composite
def trees(draw: st.DrawFn) -> dict[str, bytes]:
    """Files under odd names, with sizes around every boundary that there is."""
    paths = draw(st.lists(st.lists(PARTS, min_size=1, max_size=4).map("/".join), min_size=1, max_size=8, unique=True))
    inside = [path for path in paths if not any(other.startswith(f"{path}/") for other in paths)]
    return {"export.json": b"{}", **{f"data/{path}": content(draw) for path in inside}}


def content(draw: st.DrawFn) -> bytes:
    """Make a file's content, which compresses or does not."""
    size, seed = draw(st.sampled_from(EDGES)), draw(st.integers(0, 3))
    return bytes(size) if seed == 0 else random.Random(seed).randbytes(size)


@pytest.mark.slow
@given(tree=trees(), one_file=st.booleans(), threshold=st.integers(1, 2))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_open_of_what_was_sealed_gives_the_same_tree(
    tmp_path_factory: pytest.TempPathFactory,
    tree: dict[str, bytes],
    one_file: bool,  # noqa: FBT001 -- drawn
    threshold: int,
) -> None:
    """open(seal(x)) == x, to the byte; and the verifier accepts what lies between."""
    folder = tmp_path_factory.mktemp("tree")
    for path, data in tree.items():
        (folder / "archive" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "archive" / path).write_bytes(data)
    make_bag(folder / "archive")
    tree = {p.relative_to(folder / "archive").as_posix(): p.read_bytes() for p in files(folder / "archive")}
    sealed, identities = sealed_tree(folder, one_file=one_file, threshold=threshold)
    request = SealedRequest(identities=identities)
    report = verify_sealed(sealed, level="v2", request=request)
    assert report.codes() <= {"X129", "X305"}
    open_sealed(OpenRequest(sealed=sealed, destination=folder / "opened", identities=identities, workers=1))
    found = {p.relative_to(folder / "opened").as_posix(): p for p in files(folder / "opened")}
    assert found.keys() == tree.keys()
    for path, data in tree.items():
        assert hashlib.sha256(found[path].read_bytes()).digest() == hashlib.sha256(data).digest(), path


def files(root: Path) -> list[Path]:
    """Return all files below a folder."""
    return [path for path in root.rglob("*") if path.is_file()]


def sealed_tree(folder: Path, *, one_file: bool, threshold: int) -> tuple[Path, tuple[Identity, ...]]:
    """Seal a folder for two people; return where, and their keys."""
    key = folder / "vendor"
    key.write_text(Person("vendor", "ssh-ed25519").identity)
    key.chmod(0o600)
    request = SealRequest(
        archive=folder / "archive",
        destination=folder / "sealed",
        recipients=parse_recipients([f"{each.name}={each.recipient}" for each in AGREED[:2]]),
        key=load_signing_key(str(key)),
        threshold=threshold,
        one_file=one_file,
        workers=1,
        limits=replace(DEFAULT_LIMITS, segment_bytes=SEGMENT),
    )
    seal_archive(request)
    return folder / "sealed", tuple(one for each in AGREED[:2] for one in parse_identities(each.identity.encode()))
