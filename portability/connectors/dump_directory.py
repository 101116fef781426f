"""pg_dump's directory format: copied to where its server's account can read it, each file looked at to its last byte.

pg_restore takes what a data file holds until it ends, so it is we who see whether it is whole: a packed file unpacks to
its end, a table's rows end in the line that ends them, and each large object is listed once.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from portability.connectors.dump_packed import is_packed, unpacked
from portability.errors import ConnectorError, SourceDataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from portability.limits import Limits

__all__ = ["TOC", "copy_directory", "directory_hash", "dump_files"]

TOC = "toc.dat"
_CHUNK_BYTES = 1024 * 1024
_FILE = re.compile(r"toc\.dat|(?:blob_)?[0-9]+\.dat(?:\.gz|\.lz4|\.zst)?|blobs(?:_[0-9]+)?\.toc")
_PACKED = re.compile(r"\.(?:gz|lz4|zst)$")
_COPY = b" FROM stdin;"
_TAIL_BYTES = 16
_AGAIN = "Ask for the dump again, best in custom format (pg_dump -Fc): it is one file."


def dump_files(folder: Path) -> list[Path]:
    """Return the files of a dump, by name; what else lies in its folder is none of it.

    Raises:
        ConnectorError: One of them is a link, or no file.
    """
    found = sorted(each for each in folder.iterdir() if _FILE.fullmatch(each.name))
    for each in found:
        if each.is_symlink() or not each.is_file():
            hint = "Put the file itself into the folder."
            raise ConnectorError("is a link, or no file", place=f"{folder.name}/{each.name}", hint=hint)
    return found


def directory_hash(folder: Path) -> str:
    """Hash the names and hashes of a dump's files."""
    digest = hashlib.sha256()
    for each in dump_files(folder):
        with each.open("rb") as stream:
            digest.update(f"{hashlib.file_digest(stream, 'sha256').hexdigest()}  {each.name}\n".encode())
    return digest.hexdigest()


def copy_directory(source: Path, target: Path, *, limits: Limits) -> None:
    """Copy a dump for its server's account, and see that it is whole.

    Raises:
        SourceDataError: A file of it is cut off, or missing, or it is too large.
    """
    target.mkdir(mode=0o755)
    target.chmod(0o755)  # in a folder that only that account can enter
    room = limits.dump_bytes_max
    for each in dump_files(source):
        copy = target / each.name
        with each.open("rb") as stream, copy.open("xb") as written:
            while chunk := stream.read(_CHUNK_BYTES):
                room -= len(chunk)
                if room < 0:
                    hint = "If that is right for this dump, raise limits: dump_bytes_max in portability.yaml."
                    raise SourceDataError("the dump is too large", place=source.name, hint=hint)
                written.write(chunk)
        copy.chmod(0o644)
    _require_whole(target, source.name, limits)


def _require_whole(folder: Path, name: str, limits: Limits) -> None:
    files = {each.name: each for each in dump_files(folder)}
    copied = _COPY in files[TOC].read_bytes() if TOC in files else False
    listed = _listed_blobs(files, name)
    for each, path in files.items():
        place = f"{name}/{each}"
        if each.startswith("blob_"):
            if not _PACKED.search(each):
                words = "large objects that are not packed: whether one is cut off cannot be told"
                raise SourceDataError(words, place=place, hint=_AGAIN)
            if _PACKED.sub("", each) not in listed:
                raise SourceDataError("a large object is in no list: the list is cut off", place=place, hint=_AGAIN)
            _tail(path, limits)
        elif each[0].isdigit() and not _ends(_tail(path, limits), copied=copied):
            raise SourceDataError("a table's rows are cut off: their last line is missing", place=place, hint=_AGAIN)


def _listed_blobs(files: Mapping[str, Path], name: str) -> set[str]:
    found: set[str] = set()
    for each, path in files.items():
        if not each.endswith(".toc"):
            continue
        lines = path.read_text("utf-8", "replace")
        if lines and not lines.endswith("\n"):
            raise SourceDataError("the list of large objects is cut off", place=f"{name}/{each}", hint=_AGAIN)
        found.update(line.rpartition(" ")[2] for line in lines.splitlines())
    return found


def _tail(path: Path, limits: Limits) -> bytes:
    tail = b""
    for piece in _content(path, limits):
        tail = (tail + piece)[-_TAIL_BYTES:]
    return tail


def _content(path: Path, limits: Limits) -> Iterator[bytes]:
    # By the name: the rows of a table may begin with any bytes.
    if not _PACKED.search(path.name):
        with path.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                yield chunk
    elif is_packed(path):
        yield from unpacked(path, limits)
    else:
        raise SourceDataError("is not packed as its name says: it is damaged", place=path.name, hint=_AGAIN)


def _ends(tail: bytes, *, copied: bool) -> bool:
    """How pg_dump ends a table's rows: as COPY, or as INSERT, of which an empty table has none."""
    return tail.endswith(b"\\.\n\n\n") if copied else tail.endswith(b";\n\n\n") or tail == b"\n\n"
