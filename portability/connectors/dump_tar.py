"""pg_dump's tar format: walked to its end before it is restored, for pg_restore waits for ever where one is cut off."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

from portability.errors import SourceDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["require_whole_tar"]


def require_whole_tar(pieces: Iterator[bytes], *, place: str) -> None:
    """Refuse a tar that stops before the empty block behind its last member.

    Raises:
        SourceDataError: It is cut off or damaged.
    """
    held, skipped = b"", 0
    for piece in pieces:
        passed = min(skipped, len(piece))
        skipped, held = skipped - passed, held + piece[passed:]
        while not skipped and len(held) >= tarfile.BLOCKSIZE:
            header, held = held[: tarfile.BLOCKSIZE], held[tarfile.BLOCKSIZE :]
            if not any(header):
                return
            size = _padded_size(header, place)
            passed = min(size, len(held))
            skipped, held = size - passed, held[passed:]
    raise _refused("is cut off", place)


def _padded_size(header: bytes, place: str) -> int:
    try:
        size = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape").size
    except tarfile.HeaderError as error:
        raise _refused("is damaged", place) from error
    return -(-size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def _refused(words: str, place: str) -> SourceDataError:
    return SourceDataError(f"the tar {words}", place=place, hint="Ask for the file again, with its hash.")
