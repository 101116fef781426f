"""Where a file is cut by its content: a change moves the cuts around it, and no others.

A cut follows a byte at which the gear hash of the last 32 bytes has its high bits all zero. The hash is computed for
a whole block at once: five doublings add up the 32 shifted terms.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

if TYPE_CHECKING:
    from portability.limits import Limits

__all__ = ["iter_cuts"]

_WINDOW = 32
_BLOCK_BYTES = 128 * 1024  # whose hashes stay in a processor's cache: twice as quick as with 1 MiB
_GEAR = np.frombuffer(hashlib.shake_256(b"legal portability: gear").digest(4 * 256), dtype="<u4").astype(np.uint32)


def iter_cuts(stream: BinaryIO, limits: Limits) -> Iterator[int]:
    """Yield the offsets at which slices of a stream end, the last of them its own end."""
    start = end = 0
    for candidate in _candidates(stream, limits):
        while candidate - start > limits.piece_bytes_max:
            start += limits.piece_bytes_max
            yield start
        if candidate - start >= limits.piece_bytes_min:
            start = candidate
            yield start
        end = candidate
    if end > start:
        yield end


def _candidates(stream: BinaryIO, limits: Limits) -> Iterator[int]:
    """Yield the offsets where the hash allows a cut, and the end."""
    shift = np.uint32(32 - limits.piece_mask_bits)
    before, offset = b"", 0
    while block := stream.read(_BLOCK_BYTES):
        hashes = _hashes(before + block)[len(before) :]
        for found in np.flatnonzero((hashes >> shift) == 0):
            yield offset + int(found) + 1
        before, offset = (before + block)[-(_WINDOW - 1) :], offset + len(block)
    yield offset


def _hashes(data: bytes) -> np.ndarray[tuple[int], np.dtype[np.uint32]]:
    hashes = np.take(_GEAR, np.frombuffer(data, dtype=np.uint8))
    shifted = np.empty_like(hashes)
    width = 1
    while width < _WINDOW:
        count = max(0, len(hashes) - width)
        np.left_shift(hashes[:count], np.uint32(width), out=shifted[:count])
        hashes[width:] += shifted[:count]
        width *= 2
    return hashes
