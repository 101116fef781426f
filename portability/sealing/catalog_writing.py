"""Writing the catalog while segments are being sealed: entries -> JSON lines -> zstd -> age, never plain on disk.

What no reader within the limits would take is refused here, before anybody relies on it.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import zstandard

from portability.errors import SealError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.encryption import PublicKey
from portability.sealing.manifest import CATALOG, CatalogEntry, SealedFile
from portability.sealing.payload_writing import AgeWriter
from portability.sealing.segments import HashingFile

__all__ = ["CatalogWriter"]

_BUFFER_BYTES = 256 * 1024


class CatalogWriter:
    """Use: ``with CatalogWriter(...) as catalog:``, ``add`` each entry in path order, then ``finish``."""

    def __init__(self, path: Path, recipient: PublicKey, limits: Limits = DEFAULT_LIMITS) -> None:
        self._file = HashingFile(path)
        self._limits = limits
        self._line = bytearray()
        self._plain_bytes = 0
        self._recipient = recipient
        self._encoder = msgspec.json.Encoder(order="sorted")  # RFC 8785, for the plain names that entries have
        self._frame = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
        self._buffer = bytearray()

    def __enter__(self) -> Self:
        self._age = AgeWriter(self._file.__enter__(), self._recipient)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)

    def add(self, entry: CatalogEntry) -> None:
        """Append an entry.

        Raises:
            SealError: The file cannot be written, or the entry or the whole catalog is above the limits of readers.
        """
        self._encoder.encode_into(entry, self._line)
        self._count(entry)
        self._buffer += self._line
        self._buffer += b"\n"
        if len(self._buffer) >= _BUFFER_BYTES:
            self._age.write(self._frame.compress(self._buffer))
            self._buffer.clear()

    def _count(self, entry: CatalogEntry) -> None:
        self._plain_bytes += len(self._line) + 1
        if len(self._line) > self._limits.catalog_line_bytes_max:
            message = f"has slices for a catalog entry of more than {self._limits.catalog_line_bytes_max} bytes"
            raise SealError(message, place=entry.path, hint="Raise limits.segment_bytes in the configuration.")
        if self._plain_bytes > self._limits.catalog_bytes_max:
            message = f"the archive has files for a catalog of more than {self._limits.catalog_bytes_max} bytes"
            raise SealError(message, place=CATALOG, hint="No reader takes more: put fewer files into one archive.")

    def finish(self) -> SealedFile:
        """Write the rest and return what the file is.

        Raises:
            SealError: The file cannot be written.
        """
        self._age.write(self._frame.compress(self._buffer))
        self._age.write(self._frame.flush())
        written = self._age.finish()
        return SealedFile(
            path=CATALOG,
            size_bytes=written.size_bytes,
            sha256=self._file.sha256,
            plain_bytes=written.plain_bytes,
        )
