"""Reading the manifest and the catalog of a hostile sender: bounded in time and memory, and in one way only."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
import zstandard

from portability.errors import SealError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.catalog import CatalogError, iter_catalog
from portability.sealing.manifest import FORMAT, VERSION, CatalogEntry, Piece, SealedFile, SealedManifest
from portability.sealing.reading import canonical_json, parse_json

SEGMENT = SealedFile(path="segments/000000.age", size_bytes=300, sha256="0" * 64, plain_bytes=100)


def entry(path: str) -> CatalogEntry:
    """Return an entry of a file of ten bytes."""
    pieces = (Piece(segment=0, member=f"files/{path}", size_bytes=10),)
    return CatalogEntry(path=path, size_bytes=10, sha256="0" * 64, pieces=pieces)


def manifest(**changes: object) -> SealedManifest:
    """Return a manifest of one segment."""
    found = SealedManifest(
        format=FORMAT,
        version=VERSION,
        deposit_id="0" * 32,
        deposit_class="data",
        sealed_at="2026-03-02T09:00:00Z",
        threshold=1,
        recipients=(),
        envelopes=(),
        commitment="0" * 64,
        content_files=3,
        content_bytes=30,
        files=(SEGMENT,),
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def packed(lines: bytes) -> io.BytesIO:
    """Return a catalog's frame."""
    return io.BytesIO(zstandard.ZstdCompressor(level=1).compress(lines))


LINES = b"".join(canonical_json(entry(f"data/map/{name}.sql")) + b"\n" for name in "abc")


@pytest.mark.parametrize("promised", [{"content_files": 1}, {"content_bytes": 10}], ids=str)
def test_iter_catalog_beyond_the_manifest_ends_at_the_first_file_too_many(promised: dict[str, int]) -> None:
    """No more is given to be written than the manifest promises, for which the space was looked at."""
    given: list[CatalogEntry] = []
    with pytest.raises(CatalogError, match="counts") as caught:
        given.extend(iter_catalog(packed(LINES), manifest(**promised)))
    assert caught.value.reason == "counts"


def test_iter_catalog_beyond_the_manifest_gives_only_what_was_promised() -> None:
    """What comes before the refusal is within the promise."""
    found = iter_catalog(packed(LINES), manifest(content_files=1))
    assert next(found).path == "data/map/a.sql"
    with pytest.raises(CatalogError):
        next(found)


def test_iter_catalog_long_line_that_does_not_compress_is_read_in_linear_time() -> None:
    """A line of nearly 4 MiB comes in thousands of blocks; each byte is moved a few times, not thousands."""
    noise = hashlib.shake_256(b"noise").hexdigest(2**21).encode()
    frame = packed(b'{"path":"' + noise[:-100] + b'"}\n')
    started = time.process_time()
    with pytest.raises(CatalogError, match="line 1"):
        list(iter_catalog(frame, manifest()))
    assert time.process_time() - started < 1


def test_iter_catalog_line_longer_than_the_limit_is_refused_with_and_without_its_end() -> None:
    """The bound holds for a line inside a block and for one over many."""
    limits = replace(DEFAULT_LIMITS, catalog_line_bytes_max=300)
    assert len(list(iter_catalog(packed(LINES), manifest(), limits))) == 3
    for line in (b"x" * 301 + b"\n", b"x" * 301, b"x" * 2**20):
        with pytest.raises(CatalogError) as caught:
            list(iter_catalog(packed(LINES + line), manifest(content_files=9), limits))
        assert caught.value.reason == "large"


REWRITTEN: dict[str, Callable[[bytes], bytes]] = {
    "space": lambda line: line.replace(b":", b": ", 1),
    "order": lambda line: json.dumps(dict(reversed(json.loads(line).items())), separators=(",", ":")).encode() + b"\n",
    "escape": lambda line: line.replace(b"data/map", b"data\\/map", 1),
    "key_twice": lambda line: line.replace(b'{"path"', b'{"path":"bagit.txt","path"', 1),
    "unknown_key": lambda line: line.replace(b'{"path"', b'{"more":1,"path"', 1),
    "carriage_return": lambda line: line.replace(b"\n", b"\r\n"),
}


@pytest.mark.parametrize("name", REWRITTEN)
def test_iter_catalog_line_in_another_text_than_the_canonical_is_refused(name: str) -> None:
    """A shell script and a JSON parser read the same of it: there is one text for an entry."""
    first, rest = LINES.split(b"\n", 1)
    with pytest.raises(CatalogError, match="line 1 is not canonical"):
        list(iter_catalog(packed(REWRITTEN[name](first + b"\n") + rest), manifest()))


def test_catalog_line_of_the_encoder_is_canonical_json_for_every_character() -> None:
    """The fast encoder that lines are compared by writes what RFC 8785 asks for, whatever a text holds."""
    every = "".join(chr(code) for code in range(0x11_0000) if not 0xD800 <= code < 0xE000)
    found = entry(every)
    assert msgspec.json.Encoder(order="sorted").encode(found) == canonical_json(found)


def test_parse_json_manifest_as_large_as_the_limits_allow_is_read() -> None:
    """The bound on objects and values leaves room for the largest manifest that the form has."""
    limits = replace(DEFAULT_LIMITS, sealed_files_max=2_000)
    full = canonical_json(msgspec.to_builtins(manifest(files=(SEGMENT,) * limits.sealed_files_max)))
    plain = parse_json(full, limits)
    assert isinstance(plain, dict)
    assert len(plain["files"]) == limits.sealed_files_max


BOMBS = {
    "lists": b'{"a":[' + b"[]," * 2**20 + b"[]]}",
    "objects": b'{"a":[' + b"{}," * 2**20 + b"{}]}",
    "texts": b'{"a":[' + b'"ab",' * (2 * 2**20) + b'"b"]}',
    "numbers": b"[" + b"999," * (2 * 2**20) + b"9]",
}


@pytest.mark.parametrize("name", BOMBS)
def test_parse_json_of_many_small_values_is_refused_before_it_is_parsed(name: str) -> None:
    """What takes many times its length in memory is not a manifest."""
    with pytest.raises(SealError, match="more objects and values"):
        parse_json(BOMBS[name])


def test_parse_json_of_the_most_values_that_pass_stays_within_memory() -> None:
    """The worst that the bound lets through takes no more than the largest manifest does."""
    code = (
        "import resource\n"
        "from portability.sealing.reading import canonical_json, parse_json\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "canonical_json(parse_json(b'[' + b'[],' * 200_000 + b'\"abc\",' * 900_000 + b'9]'))\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)\n"
    )
    grown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert int(grown) < 256 * 1024
