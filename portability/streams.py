"""Byte streams that hash and count while they pass; nothing here holds a file in memory."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from portability.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Digest", "digest_file", "iter_chunks", "md5_of_file", "sync_directory", "write_file"]

CHUNK_BYTES = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Digest:
    """What a stream was: lower-case hex digests and its length. MD5 only where a legacy system may have kept it."""

    sha256: str
    size_bytes: int
    md5: str | None = None


def iter_chunks(stream: BinaryIO, *, chunk_bytes: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Yield a stream's bytes in pieces of at most ``chunk_bytes``."""
    while chunk := stream.read(chunk_bytes):
        yield chunk


def md5_of_file(path: Path) -> str:
    """Read a file once and return its MD5, which legacy systems keep; no trust rests on it."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def digest_file(path: Path) -> Digest:
    """Read a file once and return its digest and length."""
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()  # a third of the time that both take
        return Digest(sha256=sha256, size_bytes=stream.tell())


def write_file(chunks: Iterable[bytes], stream: BinaryIO, *, size_bytes_max: int, with_md5: bool = False) -> Digest:
    """Copy chunks to an open stream, hashing on the way.

    Raises:
        FormatError: The content is longer than ``size_bytes_max``.
    """
    return _digest(chunks, stream, size_bytes_max=size_bytes_max, with_md5=with_md5)


def _digest(chunks: Iterable[bytes], stream: BinaryIO | None, *, size_bytes_max: int | None, with_md5: bool) -> Digest:
    sha256 = hashlib.sha256()
    # MD5 is carried because legacy systems keep it; no trust rests on it, and it takes longer than all the rest.
    md5 = hashlib.md5(usedforsecurity=False) if with_md5 else None
    size = 0
    for chunk in chunks:
        size += len(chunk)
        if size_bytes_max is not None and size > size_bytes_max:
            message = f"content is longer than the limit of {size_bytes_max} bytes"
            raise FormatError(message, hint="Raise limits.value_bytes_max in the configuration.")
        sha256.update(chunk)
        if md5 is not None:
            md5.update(chunk)
        if stream is not None:
            stream.write(chunk)
    return Digest(sha256=sha256.hexdigest(), md5=md5.hexdigest() if md5 else None, size_bytes=size)


def sync_directory(path: Path) -> None:
    """Flush a directory's entries to disk, so that a rename in it survives a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
