"""A folder or a file that is written under another name and gets its own, whole and on disk, or is never there."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from portability.errors import ArchiveExistsError, ConfigError
from portability.streams import sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

__all__ = ["give_name", "new_file", "new_folder", "sync_tree"]

_NO_LOCKS = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_NO_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


@contextmanager
def new_folder(destination: Path) -> Iterator[Path]:
    """Yield a private folder that becomes ``destination`` when the block ends well; else nothing of it is left.

    What an earlier run left that was killed is removed first: its name is the destination's own. A run holds a lock on
    it, so that one that is still at work keeps what it has.

    Raises:
        ArchiveExistsError: The destination exists, something took the name meanwhile, or another run is making it.
        ConfigError: The folder cannot be made.
    """
    destination = Path(os.path.abspath(destination))  # noqa: PTH100 -- resolve() would follow a link at the destination
    if os.path.lexists(destination):
        hint = "Choose another name; nothing is overwritten."
        raise ArchiveExistsError("the destination exists", place=str(destination), hint=hint)
    staging = destination.with_name(f".{destination.name}.part")
    try:
        with _unheld(staging):
            shutil.rmtree(staging, ignore_errors=True)
        staging.mkdir(mode=0o700)
        descriptor = _held_folder(staging)
    except FileExistsError:
        hint = "Wait for it to end, or choose another name."
        raise ArchiveExistsError("another run is making it", place=str(destination), hint=hint) from None
    except OSError as error:
        hint = "Create the parent folder or choose another destination."
        raise ConfigError(f"cannot create it: {error.strerror}", place=str(staging), hint=hint) from error
    try:
        yield staging
        sync_tree(staging)
        _rename(staging, destination)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def new_file(destination: Path, *, part: Path | None = None, mode: int = 0o666) -> Iterator[BinaryIO]:
    """Yield a private file that becomes ``destination`` when the block ends well; else nothing of it is left.

    It has its ``mode``, less the umask, from its first byte. ``part`` is its name until then, for several that may be
    at work beside each other; what an earlier run left under it is removed first.

    Raises:
        FileExistsError: The destination exists, or is being written by another; nothing is ever replaced.
        OSError: It cannot be written.
    """
    part = part or destination.with_name(f".{destination.name}.part")
    with _unheld(part):
        part.unlink(missing_ok=True)
    # Exclusively: a link that somebody planted here would be written through.
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with os.fdopen(descriptor, "wb") as stream:
        _hold(descriptor, part)
        try:
            yield stream
            stream.flush()
            os.fsync(descriptor)
            give_name(part, destination)  # while it is held: else it could be another's by now
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)


@contextmanager
def _unheld(part: Path) -> Iterator[None]:
    """Hold what has an unfinished name, where it is a file or a folder, while it is removed.

    Raises:
        FileExistsError: Another process is at work on it.
    """
    try:
        descriptor = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # it is not there, or a link, or nothing that we may read
        yield
        return
    try:
        _lock(descriptor, part)
        yield
    finally:
        os.close(descriptor)


def _held_folder(staging: Path) -> int:
    descriptor = os.open(staging, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _hold(descriptor, staging)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _hold(descriptor: int, part: Path) -> None:
    """Lock what was just made, which another process may have removed before it was locked.

    Raises:
        FileExistsError: Another process is at work on it.
    """
    _lock(descriptor, part)
    if not (os.path.lexists(part) and os.path.samestat(os.fstat(descriptor), part.lstat())):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(part))


def _lock(descriptor: int, part: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(part)) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:  # some network file systems: there two at once are not told apart
            raise


def give_name(part: Path, destination: Path) -> None:
    """Give a file that is whole and on disk its final name, which must be free; nothing is ever replaced.

    Raises:
        FileExistsError: Something has the name.
        OSError: It cannot be given.
    """
    try:
        os.link(part, destination)
    except OSError as error:
        # FAT, and some network file systems, know no second names; there the look and the rename are two steps.
        if error.errno not in _NO_LINKS:
            raise
        if os.path.lexists(destination):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(destination)) from None
        part.rename(destination)
    else:
        part.unlink()
    sync_directory(destination.absolute().parent)


def sync_tree(folder: Path) -> None:
    """Flush every file below a folder to disk, and the folders themselves."""
    for directory, _, names in os.walk(folder, topdown=False):
        for name in names:
            sync_directory(Path(directory, name))  # a file is flushed as a directory is
        sync_directory(Path(directory))


def _rename(staging: Path, destination: Path) -> None:
    try:
        if os.path.lexists(destination):  # rename(2) would take an empty folder's place
            raise FileExistsError
        staging.rename(destination)
    except OSError as error:
        raise ArchiveExistsError("the name was taken meanwhile", place=str(destination)) from error
    sync_directory(destination.absolute().parent)
