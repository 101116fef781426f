"""The bytes of a dump, unpacked on the way: gzip, xz, bzip2, zstd, lz4; one that stops in the middle is refused.

What unpacks may take so much memory and no more, and gives pieces of bounded length however much one byte stands for.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import subprocess
import zlib
from typing import IO, TYPE_CHECKING, Protocol

from portability.errors import ConnectorError, SourceDataError
from portability.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from portability.limits import Limits

__all__ = ["is_packed", "unpacked"]

_CHUNK_BYTES = 1 * MIB
_GZIP, _XZ, _BZIP2 = b"\x1f\x8b", b"\xfd7zXZ\x00", b"BZh"
_ZSTD, _LZ4 = b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"
_MAGIC_BYTES = 6


class _Unpacker(Protocol):
    """What lzma's and bz2's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


def is_packed(path: Path) -> bool:
    """Tell whether a file's content is packed, whatever its name."""
    with path.open("rb") as stream:
        return stream.read(_MAGIC_BYTES).startswith((_GZIP, _XZ, _BZIP2, _ZSTD, _LZ4))


def unpacked(path: Path, limits: Limits) -> Iterator[bytes]:
    """Yield a file's content, unpacked when it is packed.

    Raises:
        SourceDataError: It is damaged, or stops before its end.
        ConnectorError: What unpacks it is not installed.
    """
    try:
        with path.open("rb", buffering=0) as stream:  # another program goes on where we stand
            magic = stream.read(_MAGIC_BYTES)
            stream.seek(0)
            yield from _opened(stream, magic, limits)
    except (EOFError, lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
        raise _damaged(path.name) from error
    except OSError as error:
        if error.errno is not None:
            raise ConnectorError(f"cannot be read: {error.strerror}", place=path.name) from error
        raise _damaged(path.name) from error  # bzip2's only word


def _damaged(name: str) -> SourceDataError:
    hint = "It is damaged or cut off: ask for the file again, with its hash."
    return SourceDataError("cannot be unpacked to its end", place=name, hint=hint)


def _opened(stream: IO[bytes], magic: bytes, limits: Limits) -> Iterator[bytes]:
    room = limits.dump_unpack_bytes_max
    if magic.startswith(_GZIP):
        with gzip.open(stream) as inner:
            while piece := inner.read(_CHUNK_BYTES):
                yield piece
    elif magic.startswith(_XZ):
        yield from _inflated(stream, lambda: lzma.LZMADecompressor(memlimit=room))
    elif magic.startswith(_BZIP2):
        yield from _inflated(stream, bz2.BZ2Decompressor)
    elif magic.startswith(_ZSTD):
        yield from _by_program(["zstd", "-dcq", f"--memory={room // MIB}MiB"], stream)
    elif magic.startswith(_LZ4):
        yield from _by_program(["lz4", "-dcq"], stream)
    else:
        while piece := stream.read(_CHUNK_BYTES):
            yield piece


def _inflated(stream: IO[bytes], make: Callable[[], _Unpacker]) -> Iterator[bytes]:
    inner, chunk = make(), b""
    while chunk or (chunk := stream.read(_CHUNK_BYTES)):
        if inner.eof:  # another stream follows, behind zeros that fill up
            chunk = chunk.lstrip(b"\0")
            if not chunk:
                continue
            inner = make()
        yield inner.decompress(chunk, _CHUNK_BYTES)
        while not inner.eof and not inner.needs_input:
            yield inner.decompress(b"", _CHUNK_BYTES)
        chunk = inner.unused_data if inner.eof else b""
    if not inner.eof:
        raise EOFError


def _by_program(command: Sequence[str], stream: IO[bytes]) -> Iterator[bytes]:
    program = shutil.which(command[0])
    if program is None:
        hint = f"Install it (Debian: apt-get install {command[0]}), or unpack the file first."
        raise ConnectorError(f"{command[0]} is not installed", place="dump", hint=hint)
    with (
        subprocess.Popen(  # noqa: S603 -- the system's own
            [program, *command[1:]], stdin=stream, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process
    ):
        assert process.stdout is not None  # noqa: S101 -- asked for above
        try:
            while piece := process.stdout.read(_CHUNK_BYTES):
                yield piece
            if process.wait():
                raise EOFError
        finally:
            process.kill()
