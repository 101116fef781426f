"""A private folder for plaintext on its way: nobody else can read it, and no run leaves one behind.

A run holds a lock on its folder, which its worker processes inherit; it ends with the last of them, however they
end. The next run that stages in the same place removes every folder that nobody holds any more, and never another.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from portability.errors import ArchiveExistsError, ConfigError
from portability.streams import sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Staging", "open_staging", "publish", "sweep"]

PREFIX = ".portability-staging-"
_SYNCED_ONE_BY_ONE = 100  # more files are flushed by one call for the whole machine, which is then quicker


@dataclass(frozen=True, kw_only=True)
class Staging:
    """A private folder, and the descriptor whose lock keeps it; processes that share the one share the other."""

    path: Path
    lock: int


@contextlib.contextmanager
def open_staging(parent: Path) -> Iterator[Staging]:
    """Make a private folder in ``parent``, and remove it with all in it at the end; sweep what killed runs left.

    Raises:
        ConfigError: The parent is no folder in which one can be made.
    """
    try:
        sweep(parent)
        staging = _make(parent)
    except OSError as error:
        hint = "Name a folder that exists and can be written to."
        raise ConfigError(f"cannot stage here: {error.strerror}", place=str(parent), hint=hint) from error
    try:
        yield staging
    finally:
        shutil.rmtree(staging.path, ignore_errors=True)
        os.close(staging.lock)


def _make(parent: Path) -> Staging:
    while True:
        path = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))  # mode 0700
        # Before the lock another run may find the folder unheld, and sweep it.
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if path.is_dir():
            return Staging(path=path, lock=descriptor)
        os.close(descriptor)


def sweep(parent: Path) -> None:
    """Remove the staging folders in ``parent`` whose runs are gone."""
    for path in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


def publish(folder: Path, destination: Path) -> None:
    """Flush a staged folder to disk and give it its final name, which must be free, by one rename.

    Raises:
        ArchiveExistsError: Something has the name.
    """
    _flush(folder)
    taken = ArchiveExistsError("the name was taken meanwhile", place=str(destination))
    if os.path.lexists(destination):
        raise taken
    try:
        folder.rename(destination)  # rename(2) of a directory refuses a file and a directory with something in it
    except (FileExistsError, NotADirectoryError) as error:
        raise taken from error
    sync_directory(destination.parent)


def _flush(folder: Path) -> None:
    files = [Path(directory, name) for directory, _, names in os.walk(folder) for name in names]
    if len(files) > _SYNCED_ONE_BY_ONE:
        os.sync()
        return
    for path in files:
        sync_directory(path)  # a file is flushed as a directory is
    for directory, _, _ in os.walk(folder):
        sync_directory(Path(directory))
