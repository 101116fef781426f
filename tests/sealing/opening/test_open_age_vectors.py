"""The C2SP test vectors of the age format, through both of our readers; fetched for the run, not copied here.

What no sealed archive has is refused, right or wrong as it may be: armor, passphrases, post-quantum recipients.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import re
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portability.errors import DecryptionError, FormatError, PortabilityError
from portability.sealing.encryption import (
    CHUNK_BYTES,
    Identity,
    decrypt_stream,
    encrypt_stream,
    new_identity,
    read_header,
    recipient_of,
)
from portability.sealing.payload import open_age
from tests.conftest import lacking

PACKAGE = "cctv-age@0.2.0"
SHA256 = "94a2a220a95b158a69997e84405bb5d4ef84adf05d15bf341b83ec3ba9dd846e"


@dataclass(frozen=True, kw_only=True)
class Vector:
    """One file, and what it should come to."""

    name: str
    expect: str
    payload: str | None
    identities: tuple[str, ...]
    is_foreign: bool
    age: bytes


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> list[Vector]:
    """All of them."""
    npm = shutil.which("npm")
    if npm is None:
        lacking("the age vectors: npm fetches them")
        raise AssertionError
    folder = tmp_path_factory.mktemp("vectors")
    done = subprocess.run([npm, "pack", PACKAGE, "--silent"], cwd=folder, capture_output=True, check=False, timeout=120)
    found = list(folder.glob("*.tgz"))
    if done.returncode != 0 or not found:
        lacking(f"the age vectors: npm cannot fetch {PACKAGE}")
    assert hashlib.sha256(found[0].read_bytes()).hexdigest() == SHA256
    return _unpacked(found[0])


def _unpacked(package: Path) -> list[Vector]:
    with tarfile.open(package) as tar:
        stream = tar.extractfile("package/index.js")
        assert stream is not None
        text = stream.read().decode()
    entries = re.findall(r'// \.\./testdata/(\w+)\nvar \w+ = __toBinary\("([^"]*)"\)', text)
    return [_parsed(name, base64.b64decode(content)) for name, content in entries]


def _parsed(name: str, content: bytes) -> Vector:
    head, _, age = content.partition(b"\n\n")
    fields: dict[str, list[str]] = {}
    for line in head.decode().splitlines():
        key, _, value = line.partition(": ")
        fields.setdefault(key, []).append(value)
    identities = fields.get("identity", [])
    return Vector(
        name=name,
        expect=fields["expect"][0],
        payload=next(iter(fields.get("payload", [])), None),
        identities=tuple(each for each in identities if "-PQ-" not in each),
        is_foreign="armored" in fields or "passphrase" in fields or any("-PQ-" in each for each in identities),
        age=zlib.decompress(age) if "compressed" in fields else age,
    )


def _in_place(age: bytes, identities: Sequence[Identity]) -> tuple[bytes, PortabilityError | None]:
    """Read as segments and the catalog are read."""
    released = bytearray()
    try:
        with open_age(io.BytesIO(age), identities) as stream:
            while chunk := stream.read(10_000):
                released += chunk
    except PortabilityError as error:
        return bytes(released), error
    return bytes(released), None


def _by_library(age: bytes, identities: Sequence[Identity]) -> tuple[bytes, PortabilityError | None]:
    """Read as envelopes are read."""
    released = io.BytesIO()
    try:
        read_header(io.BytesIO(age))
        decrypt_stream(io.BytesIO(age), released, identities)
    except PortabilityError as error:
        return released.getvalue(), error
    return released.getvalue(), None


READERS: dict[str, Callable[[bytes, Sequence[Identity]], tuple[bytes, PortabilityError | None]]] = {
    "in place": _in_place,
    "by the library": _by_library,
}
KINDS: dict[str, tuple[type[PortabilityError], ...]] = {
    "header failure": (FormatError,),
    "no match": (DecryptionError,),
    "HMAC failure": (DecryptionError,),
    "payload failure": (DecryptionError, FormatError),
}


def _identities(vector: Vector) -> list[Identity]:
    return [Identity(kind="age-x25519", secret=each) for each in vector.identities]


@pytest.mark.parametrize("reader", READERS)
def test_age_vectors_come_to_what_they_should(vectors: list[Vector], reader: str) -> None:
    """Every file that a sealed archive could hold: the payload, or a refusal that gives no byte more than it should."""
    ours = [each for each in vectors if not each.is_foreign]
    assert len(ours) == 67
    for vector in ours:
        released, error = READERS[reader](vector.age, _identities(vector))
        assert (error is None) is (vector.expect == "success"), vector.name
        if error is None:
            assert hashlib.sha256(released).hexdigest() == vector.payload, vector.name
            continue
        # The library gives one kind for all that is wrong with a stanza or the payload.
        assert isinstance(error, KINDS[vector.expect] if reader == "in place" else (DecryptionError, FormatError))
        # Knowing the length, the reader in place finds some damage before it gives what comes earlier; never later.
        expected, _ = _by_library(vector.age, _identities(vector))
        assert hashlib.sha256(expected).hexdigest() == (vector.payload or hashlib.sha256(b"").hexdigest()), vector.name
        assert expected.startswith(released), vector.name


@pytest.mark.parametrize("reader", READERS)
def test_age_vectors_that_no_sealed_archive_has_are_refused(vectors: list[Vector], reader: str) -> None:
    """Armored, with a passphrase, or post-quantum: a sentence, and no byte."""
    foreign = [each for each in vectors if each.is_foreign]
    assert len(foreign) == 143 - 67
    for vector in foreign:
        released, error = READERS[reader](vector.age, _identities(vector))
        assert isinstance(error, DecryptionError | FormatError), vector.name
        assert released == b"", vector.name


# --- our own files ---------------------------------------------------------------------------------------------------


def _sealed(plain: bytes, identity: Identity) -> bytes:
    target = io.BytesIO()
    encrypt_stream(io.BytesIO(plain), target, [recipient_of(identity)])
    return target.getvalue()


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES, 200_001])
def test_age_reader_gives_any_part_alone(size: int) -> None:
    """Read from the start, from any place, to the end and beyond it."""
    plain, identity = os.urandom(size), new_identity()
    with open_age(io.BytesIO(_sealed(plain, identity)), [new_identity(), identity]) as stream:
        assert stream.length == size
        assert stream.read() == plain
        for at in {0, 1, size // 2, CHUNK_BYTES - 1, CHUNK_BYTES, size - 1, size, size + 9}:
            start = min(max(0, at), size)
            assert stream.seek(start) == start
            assert stream.read() == plain[start:]
        assert stream.seek(0, io.SEEK_END) == size
        assert stream.read(1) == b""


IDENTITY = new_identity()
PLAIN = os.urandom(CHUNK_BYTES + 5000)
SEALED = _sealed(PLAIN, IDENTITY)


@settings(max_examples=300, deadline=None)
@given(at=st.integers(0, len(SEALED) - 1), value=st.integers(1, 255), length=st.integers(0, len(SEALED)))
def test_age_reader_never_gives_a_byte_that_was_not_sealed(at: int, value: int, length: int) -> None:
    """Flipped or cut anywhere: an error of ours, after a true beginning at most."""
    flipped = bytearray(SEALED)
    flipped[at] ^= value
    for damaged in (bytes(flipped), SEALED[:length]):
        released, error = _in_place(damaged, [IDENTITY])
        assert isinstance(error, PortabilityError) or damaged == SEALED
        assert PLAIN.startswith(released)
