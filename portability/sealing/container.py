"""The sealed form as it lies: a directory, or one tar of it; what files are there, and nothing believed of them.

``open_container`` looks at names, kinds and sizes only. What should not be there becomes a Fault, never a file; so a
path below is always one that the format knows, and reading it cannot leave the container. A tar is read strictly: each
header must be, byte for byte, the one that its name and size make, and nothing may lie between or behind the members.
"""

from __future__ import annotations

import io
import os
import re
import stat
import tarfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Self

from portability.errors import SealError
from portability.sealing.manifest import CATALOG, KEYS, MANIFEST_JSON, MANIFEST_SIGNATURE, OPEN_MD, OPEN_SH, SEGMENTS

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

    from portability.limits import Limits

__all__ = [
    "RECIPIENT_NAME",
    "Container",
    "Fault",
    "Located",
    "is_sealed",
    "is_sealed_path",
    "open_container",
    "open_located",
    "sealed_order",
]

RECIPIENT_NAME = r"[a-z0-9][a-z0-9_-]{0,31}"
_FIXED = (CATALOG, OPEN_MD, OPEN_SH, MANIFEST_JSON, MANIFEST_SIGNATURE)
_SEGMENT = re.compile(rf"{SEGMENTS}/[0-9]{{6}}\.age")
_ENVELOPE = re.compile(rf"{KEYS}/{RECIPIENT_NAME}(\+{RECIPIENT_NAME})*\.age")
_FOLDERS = (SEGMENTS, KEYS)
# A link put in place of a file is refused, and a pipe does not block; systems without these flags have no such files.
_OPEN_FLAGS = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_BLOCK = tarfile.BLOCKSIZE
_SENTENCES = {
    "link": "is a link, and a sealed archive holds none",
    "special": "is not a regular file",
    "name": "has a name that no file of a sealed archive has",
    "too many": "holds more files than the limit",
    "twice": "is in the tar twice",
    "order": "is not in its place in the tar",
    "header": "the tar has no header here that the sealed form writes",
    "cut": "the tar is cut short here",
    "trailing": "something lies in the tar that is part of no file",
}
_CUT_HINT = "Copy the tar again, whole: what is missing is at its end."
_FAULT_HINT = "portability verify names everything that is wrong with it."
_FAULTS_MAX = 1_000  # named; a container of nothing but faults stops there


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What should not be there.

    ``kind``: link, special, name (one that the format does not know), too many, twice, order, header, cut, trailing
    (the last five in a tar).
    """

    kind: str
    place: str


@dataclass(frozen=True, kw_only=True)
class Located:
    """Where a file of a sealed archive lies: a file of its own, or ``size_bytes`` of a tar from ``offset`` on."""

    file: str
    size_bytes: int
    offset: int | None = None


@dataclass(kw_only=True)
class Container:
    """The files of a sealed archive by path, with their sizes, and what else is there."""

    root: Path
    form: str  # directory or tar
    files: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    _offsets: dict[str, int] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing stays open between calls of ``open``."""

    def names(self) -> list[str]:
        """Return the paths of all files, in order."""
        return sorted(self.files)

    def size(self, path: str) -> int:
        """Return a file's size.

        Raises:
            SealError: There is no such file.
        """
        if path not in self.files:
            raise SealError("is missing", place=path)
        return self.files[path]

    def require(self) -> None:
        """Refuse a container that holds what it should not.

        Raises:
            SealError: It has a fault; the first is named.
        """
        if self.faults:
            fault = self.faults[0]
            hint = _CUT_HINT if fault.kind == "cut" else _FAULT_HINT
            raise SealError(_SENTENCES[fault.kind], place=fault.place, hint=hint)

    def open(self, path: str) -> BinaryIO:
        """Open one of ``files`` for reading; it can be sought in. Each call opens anew.

        Raises:
            SealError: There is no such file, or it has become something else.
            OSError: It cannot be opened.
        """
        return open_located(self.locate(path))

    def locate(self, path: str) -> Located:
        """Return where one of ``files`` lies, so that another process can open it.

        Raises:
            SealError: There is no such file.
        """
        size = self.size(path)
        if self.form == "tar":
            return Located(file=str(self.root), size_bytes=size, offset=self._offsets[path])
        return Located(file=str(self.root / path), size_bytes=size)


def is_sealed(root: Path) -> bool:
    """Tell whether what lies there is meant to be a sealed archive: it has a manifest.json, or is a tar."""
    return root.is_file() or os.path.lexists(root / MANIFEST_JSON) or (root / SEGMENTS).is_dir()


def is_sealed_path(path: str) -> bool:
    """Tell whether a path is one that the sealed form knows."""
    return path in _FIXED or bool(_SEGMENT.fullmatch(path) or _ENVELOPE.fullmatch(path))


def sealed_order(path: str) -> tuple[int, str]:
    """Order paths as a tar holds them: segments, catalog, keys, how to open, the manifest and its signature."""
    if path in _FIXED:
        place = _FIXED.index(path)
        return (2 if place == 0 else place + 3), path
    return (1 if path.startswith(f"{SEGMENTS}/") else 3), path


def open_container(root: Path, limits: Limits) -> Container:
    """Look at what lies there.

    Raises:
        SealError: There is nothing.
        OSError: It cannot be read.
    """
    if root.is_dir():
        return _directory(root, limits)
    if root.is_file():
        return _tar(root, limits)
    raise SealError(
        "there is no sealed archive here", place=root.name, hint="Give the directory with manifest.json, or the tar."
    )


def open_located(located: Located) -> BinaryIO:
    """Open what ``Container.locate`` found; it can be sought in.

    Raises:
        SealError: It has become something else than a regular file.
        OSError: It cannot be opened.
    """
    if located.offset is None:
        return _open_regular(Path(located.file))
    return io.BufferedReader(_Window(Path(located.file), located.offset, located.size_bytes))


def _open_regular(path: Path) -> BinaryIO:
    descriptor = os.open(path, _OPEN_FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SealError("is not a regular file", place=path.name)
    return os.fdopen(descriptor, "rb")


def _directory(root: Path, limits: Limits) -> Container:
    found = Container(root=root, form="directory")
    _list(found, "", limits)
    for folder in _FOLDERS:
        if _is_plain_directory(root / folder):
            _list(found, f"{folder}/", limits)
    return found


def _is_plain_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _list(found: Container, prefix: str, limits: Limits) -> None:
    with os.scandir(found.root / prefix) as entries:
        for entry in entries:
            if len(found.files) >= limits.sealed_files_max or len(found.faults) >= _FAULTS_MAX:
                found.faults.append(Fault(kind="too many", place=prefix or found.root.name))
                return
            path, status = f"{prefix}{entry.name}", entry.stat(follow_symlinks=False)
            kind = _fault_kind(path, status.st_mode)
            if kind:
                found.faults.append(Fault(kind=kind, place=path))
            elif stat.S_ISREG(status.st_mode):
                found.files[path] = status.st_size


def _fault_kind(path: str, mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISDIR(mode):
        return "" if path in _FOLDERS else "name"
    if not stat.S_ISREG(mode):
        return "special"
    return "" if is_sealed_path(path) else "name"


def _tar(root: Path, limits: Limits) -> Container:
    found = Container(root=root, form="tar")
    size = root.stat().st_size
    with root.open("rb") as stream:
        position, previous = 0, ""
        while header := _header(found, stream, position):
            path, length = header
            if len(found.files) >= limits.sealed_files_max or len(found.faults) >= _FAULTS_MAX:
                found.faults.append(Fault(kind="too many", place=root.name))
                return found
            kind = _member_fault(found, path, previous)
            if kind:
                found.faults.append(Fault(kind=kind, place=path))
            else:
                found.files[path], found._offsets[path], previous = length, position + _BLOCK, path  # noqa: SLF001 -- its own module
            padding = -length % _BLOCK
            stream.seek(position + _BLOCK + length)
            if position + _BLOCK + length + padding > size:
                found.faults.append(Fault(kind="cut", place=path))
                found.files.pop(path, None)
                return found
            if stream.read(padding).strip(b"\0"):
                found.faults.append(Fault(kind="trailing", place=path))
            position += _BLOCK + length + padding
        _check_end(found, stream, position, size)
    return found


def _header(found: Container, stream: BinaryIO, position: int) -> tuple[str, int] | None:
    """Return the path and length of the member at a position; None at the end, or where no member can be read."""
    stream.seek(position)
    raw = stream.read(_BLOCK)
    if raw == bytes(_BLOCK):
        return None
    name, digits = raw[:100].rstrip(b"\0"), raw[124:135]
    if len(raw) == _BLOCK and name.isascii() and re.fullmatch(rb"[0-7]{11}", digits):
        member = tarfile.TarInfo(name.decode("ascii"))
        member.size = int(digits, 8)
        if len(name) <= 100 and member.tobuf(tarfile.USTAR_FORMAT) == raw:  # noqa: PLR2004 -- the field's length
            return member.name, member.size
    kind = "cut" if len(raw) < _BLOCK else "header"
    found.faults.append(Fault(kind=kind, place=f"byte {position}"))
    return None


def _member_fault(found: Container, path: str, previous: str) -> str:
    if not is_sealed_path(path):
        return "name"
    if path in found.files:
        return "twice"
    return "order" if previous and sealed_order(path) < sealed_order(previous) else ""


def _check_end(found: Container, stream: BinaryIO, position: int, size: int) -> None:
    """A tar ends with two blocks of zeros, filled up to a whole record; nothing may hide behind the last member."""
    if any(fault.kind in ("header", "cut") for fault in found.faults):
        return
    end = -(-(position + 2 * _BLOCK) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE
    stream.seek(position)
    if size < end:
        found.faults.append(Fault(kind="cut", place="end"))
    elif size > end or stream.read(tarfile.RECORDSIZE + 1).strip(b"\0"):
        found.faults.append(Fault(kind="trailing", place="end"))


class _Window(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, path: Path, offset: int, length: int) -> None:
        self._stream = path.open("rb", buffering=0)
        self._offset, self._length, self._position = offset, length, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._length}[whence]
        self._position = max(0, start + offset)
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        view = memoryview(buffer).cast("B")
        room = max(0, min(len(view), self._length - self._position))
        self._stream.seek(self._offset + self._position)
        data = self._stream.read(room)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()
