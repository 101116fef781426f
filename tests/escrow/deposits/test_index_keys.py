"""The keyed index: alike each time for one key and epoch, and closed to whoever has another."""

from __future__ import annotations

import hashlib
import io
import random

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portability.escrow.deposits.content_cuts import iter_cuts
from portability.escrow.deposits.index_keys import IndexKeys, Location, derive_index_keys
from portability.limits import DEFAULT_LIMITS
from portability.signing import SigningKey, signing_key_of

PIECE = hashlib.sha256(b"a document").hexdigest()
MANIFEST = "ab" * 32
PLACE = Location(path="data/documents/ab/abcd", offset=7, size_bytes=9)


def keys(seed: int, epoch: str = "epoch") -> IndexKeys:
    """Return the index keys of a made-up signing key."""
    made = derive_index_keys(signing_key_of(Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)), epoch)
    assert made is not None
    return made


def test_index_keys_of_one_signing_key_and_epoch_are_the_same_each_time() -> None:
    """Nothing has to be kept: the signing key gives the index's keys again."""
    row = keys(1).seal(keys(1).piece_key(PIECE), MANIFEST, PLACE)
    assert keys(1).open(keys(1).piece_key(PIECE), MANIFEST, row) == PLACE


def test_index_keys_of_another_key_or_epoch_find_and_open_nothing() -> None:
    """A revoked recipient, another profile or another signer is another epoch: old rows are noise to it."""
    own = keys(1)
    row = own.seal(own.piece_key(PIECE), MANIFEST, PLACE)
    for other in (keys(2), keys(1, "another epoch")):
        assert other.piece_key(PIECE) != own.piece_key(PIECE)
        assert other.open(own.piece_key(PIECE), MANIFEST, row) is None


def test_index_row_is_bound_to_its_piece_and_its_deposit() -> None:
    """A row moved to another piece, or to a deposit that took the same number, does not open."""
    own = keys(1)
    row = own.seal(own.piece_key(PIECE), MANIFEST, PLACE)
    assert own.open(own.piece_key("cd" * 32), MANIFEST, row) is None
    assert own.open(own.piece_key(PIECE), "cd" * 32, row) is None
    assert own.open(own.piece_key(PIECE), MANIFEST, row[:-4] + "AAAA") is None
    assert own.open(own.piece_key(PIECE), MANIFEST, "no base64!") is None


def test_index_keys_of_a_key_that_does_not_sign_alike_are_none() -> None:
    """A security key counts its signatures into them: there is no index then, and every deposit is full."""
    real = signing_key_of(Ed25519PrivateKey.from_private_bytes(bytes(32)))

    class Counting(SigningKey):
        __slots__ = ("count",)

        def __init__(self) -> None:
            self.count = 0

        def sign(self, content: bytes | object, *, namespace: str) -> bytes:
            self.count += 1
            return real.sign(content if isinstance(content, bytes) else b"", namespace=namespace) + bytes([self.count])

    assert derive_index_keys(Counting(), "epoch") is None


def test_cuts_of_changed_content_are_the_same_away_from_the_change() -> None:
    """Bytes put in between move no cut but those around them, wherever blocks of reading end."""
    data = random.Random(3).randbytes(6_000_000)
    changed = data[:2_500_000] + b"in between" + data[2_500_000:]
    before, after = (_slices(each) for each in (data, changed))
    assert b"".join(before) == data
    assert b"".join(after) == changed
    assert len(set(after) - set(before)) <= 2
    assert 30 < len(before) < 300
    assert max(map(len, before)) <= DEFAULT_LIMITS.piece_bytes_max


def test_cuts_of_content_without_a_cut_are_bounded() -> None:
    """Zeros have no place to be cut at; slices end all the same."""
    assert [len(each) for each in _slices(bytes(2_500_000))] == [1_048_576, 1_048_576, 402_848]
    assert _slices(b"") == []


def _slices(data: bytes) -> list[bytes]:
    ends = list(iter_cuts(io.BytesIO(data), DEFAULT_LIMITS))
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]
