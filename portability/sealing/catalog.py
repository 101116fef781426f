"""Reading the catalog, which somebody else wrote: JSON lines of CatalogEntry, sorted by path, bounded in every way.

A catalog decides where bytes are written when an archive is opened. So a path or a member that leaves the archive, a
piece that does not exist, or pieces that do not add up refuse the whole catalog, before anything is written. A line is
the one canonical text of its entry (RFC 8785), so that no two readers take it for two things.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

import msgspec
import zstandard

from portability.archive import DATA, is_safe_path
from portability.errors import SealError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.manifest import CATALOG, SEGMENTS, CatalogEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.sealing.manifest import SealedManifest

__all__ = ["CatalogError", "is_archive_path", "iter_catalog", "segment_count"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_TOP = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
# A zstd block of 4 bytes can unpack to 128 KiB; so this much unpacks to 8 MiB at most before it is counted.
_READ_BYTES = 256


class Readable(Protocol):
    """What the catalog's bytes come from."""

    def read(self, size: int = ..., /) -> bytes: ...


class CatalogError(SealError):
    """A catalog is refused. ``reason``: malformed, path (one that the form forbids), large, counts, or exchanged."""

    def __init__(self, message: str, *, reason: str = "malformed") -> None:
        super().__init__(message, place=CATALOG)
        self.reason = reason


def is_archive_path(path: str, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Tell whether a path from the archive's root is one that an archive can have; such a path stays inside it."""
    top, slash, below = path.partition("/")
    if len(path) > limits.path_length_max + len(DATA) + 1:
        return False
    return (top == DATA and is_safe_path(below)) if slash else bool(_TOP.fullmatch(path)) and path != DATA


def segment_count(manifest: SealedManifest) -> int:
    """Return how many segments a manifest lists."""
    return sum(each.path.startswith(f"{SEGMENTS}/") for each in manifest.files)


def iter_catalog(stream: Readable, manifest: SealedManifest, limits: Limits = DEFAULT_LIMITS) -> Iterator[CatalogEntry]:
    """Yield the entries of a decrypted catalog, each checked; at the end, that they are what the manifest counts.

    Args:
        stream: The zstd frame that catalog.age encrypts.
        manifest: The manifest that it belongs to.
        limits: Of its lines and its length.

    Raises:
        CatalogError: It is no such catalog; what was yielded before must not be used.
    """
    segments = segment_count(manifest)
    decoder = msgspec.json.Decoder(CatalogEntry)
    encoder = msgspec.json.Encoder(order="sorted")  # RFC 8785, for text and integers
    previous, segment, files, octets = "", 0, 0, 0
    for number, line in enumerate(_lines(stream, limits), 1):
        try:
            entry = decoder.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _refused(number, "is not an entry") from error
        _check_entry(entry, number, segments, limits)
        if entry.path <= previous or entry.pieces[0].segment < segment:
            raise _refused(number, "is out of order, or its path stands twice")
        if encoder.encode(entry) != line:
            raise _refused(number, "is not canonical JSON")
        previous, segment = entry.path, entry.pieces[-1].segment
        files, octets = files + 1, octets + entry.size_bytes
        if files > manifest.content_files or octets > manifest.content_bytes:
            break  # before anybody writes more than was promised
        yield entry
    if (files, octets) != (manifest.content_files, manifest.content_bytes):
        raise CatalogError("holds other files or bytes than the manifest counts", reason="counts")


def _refused(number: int, why: str, reason: str = "malformed") -> CatalogError:
    return CatalogError(f"line {number} {why}", reason=reason)


def _check_entry(entry: CatalogEntry, number: int, segments: int, limits: Limits) -> None:
    """Refuse an entry that would write elsewhere, or that its pieces do not make."""
    pieces = entry.pieces
    members = [each.member for each in pieces]
    slices = [f"slices/{entry.path}/{place:06d}" for place in range(len(pieces))]
    if not is_archive_path(entry.path, limits):
        raise _refused(number, "names a path that no archive can have", "path")
    if members not in ([f"files/{entry.path}"], slices) or not pieces:
        raise _refused(number, "names a member that is not its own", "path")
    if not _SHA256.fullmatch(entry.sha256) or any(each.size_bytes < 0 for each in pieces):
        raise _refused(number, "has no hash, or a size below zero")
    if sum(each.size_bytes for each in pieces) != entry.size_bytes:
        raise _refused(number, "has pieces that do not add up")
    numbers = [each.segment for each in pieces]
    if numbers != sorted(numbers) or not 0 <= numbers[0] <= numbers[-1] < segments:
        raise _refused(number, "names a segment that does not exist, or segments out of order")


def _lines(stream: Readable, limits: Limits) -> Iterator[bytes]:
    """Yield the lines of the unpacked catalog without their ends."""
    unpacked, held = 0, bytearray()
    for block in _unpacked(stream, limits):
        unpacked += len(block)
        if unpacked > limits.catalog_bytes_max:
            raise CatalogError(f"unpacks to more than {limits.catalog_bytes_max} bytes", reason="large")
        start = 0
        while end := block.find(b"\n", start) + 1:
            held += block[start : end - 1]
            _require_length(held, limits)
            yield bytes(held)
            held.clear()
            start = end
        held += block[start:]
        _require_length(held, limits)
    if held:
        raise CatalogError("ends in the middle of a line")


def _require_length(line: bytearray, limits: Limits) -> None:
    if len(line) > limits.catalog_line_bytes_max:
        raise CatalogError(f"has a line of more than {limits.catalog_line_bytes_max} bytes", reason="large")


def _unpacked(stream: Readable, limits: Limits) -> Iterator[bytes]:
    decompressor = zstandard.ZstdDecompressor(max_window_size=limits.zstd_window_bytes_max).decompressobj()
    try:
        while packed := stream.read(_READ_BYTES):
            yield decompressor.decompress(packed)
            if decompressor.eof and (decompressor.unused_data or stream.read(1)):
                raise CatalogError("has something behind its end")
        if not decompressor.eof:
            raise CatalogError("is cut short")
    except zstandard.ZstdError as error:
        raise CatalogError("is not a zstd frame, or needs too much memory") from error
