"""Files out of a depository: streamed, bounded, under their name only when whole."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from portability.depositories.depository import Depository, Progress, Stored
from portability.errors import ConfigError, DepositoryError, DepositoryRefusedError
from portability.folders import give_name, new_folder

__all__ = ["download", "download_file", "read_small"]


def read_small(depository: Depository, name: str, *, size_bytes_max: int) -> bytes:
    """Return a small file's content.

    Raises:
        DepositoryError: There is none, or it is longer than ``size_bytes_max``.
    """
    content = bytearray()
    for piece in depository.read(name):
        content += piece
        if len(content) > size_bytes_max:
            message = f"is longer than the {size_bytes_max} bytes that such a file may have"
            raise DepositoryError(message, place=f"{depository.name}: {name}")
    return bytes(content)


def download(
    depository: Depository,
    prefix: str,
    folder: Path,
    *,
    names: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> tuple[Stored, ...]:
    """Copy what lies below ``prefix`` into a new folder, which is there only when whole; nothing is verified here.

    Args:
        names: Only these, relative to ``prefix``.

    Raises:
        ArchiveExistsError: The folder is there.
        ConfigError: It cannot be written.
        DepositoryError: Nothing lies there, or it cannot be read.
    """
    wanted = None if names is None else set(names)
    stored = [
        each for each in depository.list(prefix) if wanted is None or each.name.removeprefix(f"{prefix}/") in wanted
    ]
    if not stored or (wanted is not None and len(stored) != len(wanted)):
        raise DepositoryError("what is asked for does not lie there", place=f"{depository.name}: {prefix}")
    with new_folder(folder) as staging:
        for each in stored:
            _copy(depository, each.name, _inside(staging, each.name, prefix), each.size_bytes, progress)
    return tuple(stored)


def download_file(depository: Depository, name: str, path: Path, *, size_bytes_max: int) -> None:
    """Copy one file to a new path, which is there only when whole.

    Raises:
        FileExistsError: The path is there.
        ConfigError: It cannot be written.
        DepositoryError: There is no such file, or it is too long.
    """
    part = path.with_name(f".{path.name}.part")
    part.unlink(missing_ok=True)  # of a run that was killed
    try:
        _copy(depository, name, part, size_bytes_max, None)
        give_name(part, path)
    finally:
        part.unlink(missing_ok=True)


def _inside(folder: Path, name: str, prefix: str) -> Path:
    """Return where a listed file goes; whatever was listed, that is in this folder."""
    path = folder / name.removeprefix(f"{prefix}/")
    if not name.startswith(f"{prefix}/") or not path.resolve().is_relative_to(folder.resolve()):
        raise DepositoryRefusedError("a file is listed outside of its folder", place=ascii(name))
    return path


def _copy(depository: Depository, name: str, path: Path, size_bytes_max: int, progress: Progress | None) -> None:
    size = 0
    with _new_file(path) as stream:
        for piece in depository.read(name):
            size += len(piece)
            if size > size_bytes_max:
                raise DepositoryError("grew while it was read", place=f"{depository.name}: {name}")
            stream.write(piece)
            if progress is not None:
                progress(len(piece))


@contextmanager
def _new_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that nothing stood for before, neither a file nor a link; on disk when the block ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise ConfigError(f"cannot be written: {error.strerror}", place=str(path)) from error
