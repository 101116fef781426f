"""Dumps that vendors hand over: ``dump:///file`` is told by its content, restored privately, and read as a database.

What the archive says of its snapshot is what the dump has: which file, with which hash. A dump is hostile until it has
proved otherwise; what contains it stands in the modules for each DBMS.
"""

from __future__ import annotations

import gzip
import hashlib
import shutil
import subprocess
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from portability.connectors.connector import Connector
from portability.connectors.dump_server import private_folder
from portability.connectors.sqlite import SqliteConnector
from portability.connectors.url import SourceUrl
from portability.errors import ConfigError, ConnectorError, SourceDataError, SourceUnavailableError
from portability.manifest import SnapshotRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portability.connectors.connector import Snapshot

__all__ = ["DumpConnector"]

_CHUNK_BYTES = 1024 * 1024
_HEAD_BYTES = 64 * 1024
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# How scripts for MariaDB and MySQL begin, by the program that wrote them.
_SCRIPTS = (b"-- MySQL dump", b"-- MariaDB dump", b"-- phpMyAdmin SQL Dump", b"HeidiSQL", b"/*M!", b"/*!40")
# What is not restored here, by its first bytes, and what to do with it.
_ORACLE = "Import it with Oracle's imp (Oracle Free will do) and export its tables as CSV."
_ACCESS = "Export its tables as CSV (from Access, or with mdb-export), with a schema file."
# The last words of a script, by its first: a script that was cut off between two statements restores without complaint.
_ENDS = (
    (b"-- PostgreSQL database dump", b"-- PostgreSQL database dump complete"),
    (b"-- MySQL dump", b"-- Dump completed"),
    (b"-- MariaDB dump", b"-- Dump completed"),
)
_TAIL_BYTES = 4096
_FOREIGN = (
    (b"TAPE", "a SQL Server backup", "Restore it with SQL Server (Express will do), then export by odbc+sqlserver://."),
    (b"\x00\x01\x00\x00Standard Jet DB", "an Access database (.mdb)", _ACCESS),
    (b"\x00\x01\x00\x00Standard ACE DB", "an Access database (.accdb)", _ACCESS),
    (b"\x03\x00\x00EXPORT:V", "an Oracle dump (exp)", _ORACLE),
    (b"\x03\x01EXPORT:V", "an Oracle dump (exp)", _ORACLE),
)


class DumpConnector(Connector):
    """``dump:///file``: pg_dump (-Fc, -Ft, -Fd, plain), mysqldump, SQLite; .gz and .zst are unpacked on the way."""

    schemes = ("dump",)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Restore the dump, and end its server with the block."""
        self.url.check_options(set())
        path = Path(self.url.path)
        if not path.exists() or self.url.host:
            hint = "Check the path: dump:///relative/file or dump:////absolute/file."
            raise SourceUnavailableError("there is no such file", place=str(path), hint=hint)
        with ExitStack() as stack:
            sha256 = _hash(path)
            connector = self._restored(path, stack)
            snapshot = stack.enter_context(connector.snapshot())
            if _hash(path) != sha256:
                raise SourceUnavailableError("the file changed while it was read", place=path.name)
            note = (
                f"As the dump has it: {path.name}, SHA-256 {sha256}. Nobody here saw the database that it was made of."
            )
            # One of pg_dump's is one snapshot; how another was made, it does not say.
            snapshot.record = SnapshotRecord(method="restored from a dump", level="window", note=note)
            snapshot.identity = f"dump:{sha256}"
            yield snapshot

    def _restored(self, path: Path, stack: ExitStack) -> Connector:
        if path.is_dir():
            head, kind = b"", "archive" if (path / "toc.dat").is_file() else ""
        else:
            with _unpacked(path) as stream:
                head = _read(stream, _HEAD_BYTES)
            kind = _kind(head, path.name)
        if kind == "sqlite":
            url = SourceUrl(scheme="sqlite", path=str(_plain(path)))
            return SqliteConnector(url, limits=self.limits)
        pieces = _pieces(path)
        if kind in ("archive", "script"):
            from portability.connectors import dump_postgresql as postgresql  # noqa: PLC0415 -- its driver is an extra

            folder = stack.enter_context(private_folder(postgresql.ACCOUNT))
            restored = postgresql.restored_postgresql(pieces, head=head, kind=kind, folder=folder, limits=self.limits)
            connector = stack.enter_context(restored)
            _require_end(head, pieces())
            return connector
        if kind == "mariadb":
            from portability.connectors import dump_mariadb as mariadb  # noqa: PLC0415 -- its driver is an extra

            folder = stack.enter_context(private_folder(mariadb.ACCOUNT))
            connector = stack.enter_context(mariadb.restored_mariadb(pieces, folder=folder, limits=self.limits))
            _require_end(head, pieces())
            return connector
        hint = "Known: pg_dump's formats, scripts of pg_dump, mysqldump and mariadb-dump, SQLite files."
        raise ConfigError("is no dump that is known here", place=path.name, hint=hint)


def _kind(head: bytes, name: str) -> str:
    for magic, what, hint in _FOREIGN:
        if head.startswith(magic):
            raise ConnectorError(f"is {what}, which is not restored here", place=name, hint=hint)
    if head.startswith(b"SQLite format 3\x00"):
        return "sqlite"
    if head.startswith(b"PGDMP") or head[257:262] == b"ustar":
        return "archive"
    words = head[:4096]
    if b"-- PostgreSQL database dump" in words:
        return "script"
    return "mariadb" if any(each in words for each in _SCRIPTS) else ""


def _plain(path: Path) -> Path:
    with path.open("rb") as stream:
        if stream.read(2) == _GZIP or path.suffix == ".zst":
            raise ConfigError("is a packed SQLite file", place=path.name, hint="Unpack it first.")
    return path.resolve()


@contextmanager
def _unpacked(path: Path) -> Iterator[IO[bytes]]:
    """Open a file, unpacked when it is packed."""
    with path.open("rb", buffering=0) as stream:  # another program goes on where we stand
        magic = stream.read(4)
        stream.seek(0)
        if magic.startswith(_GZIP):
            with gzip.open(stream) as inner:
                yield inner  # type: ignore[misc]
        elif magic == _ZSTD:
            with _zstd(stream) as inner:
                yield inner
        else:
            yield stream


@contextmanager
def _zstd(stream: IO[bytes]) -> Iterator[IO[bytes]]:
    program = shutil.which("zstd")
    if program is None:
        raise ConnectorError("zstd is not installed", place="dump", hint="Unpack the file first.")
    with subprocess.Popen(  # noqa: S603 -- the system's own zstd
        [program, "-dcq", "--memory=256MB"], stdin=stream, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None  # noqa: S101 -- asked for above
        try:
            yield process.stdout
        finally:
            process.kill()


def _read(stream: IO[bytes], size: int) -> bytes:
    try:
        return stream.read(size)
    except (OSError, EOFError) as error:
        raise SourceDataError("cannot be unpacked", place="dump", hint="Ask for the file again.") from error


def _pieces(path: Path) -> Callable[[], Iterator[bytes]]:
    def read() -> Iterator[bytes]:
        if path.is_dir():
            yield from _as_tar(path)
            return
        with _unpacked(path) as stream:
            while piece := _read(stream, _CHUNK_BYTES):
                yield piece

    return read


def _require_end(head: bytes, pieces: Iterator[bytes]) -> None:
    """Refuse a script that says how it begins and not that it ended.

    Raises:
        SourceDataError: It was cut off.
    """
    ends = [end for beginning, end in _ENDS if beginning in head[:_TAIL_BYTES]]
    if not ends:
        return
    tail = b""
    for piece in pieces:
        tail = (tail + piece)[-_TAIL_BYTES:]
    if not any(end in tail for end in ends):
        hint = f"Its last line must be `{ends[0].decode()}`: ask for the file again, not written with --skip-comments."
        raise SourceDataError("the dump is cut off: it does not say that it is complete", place="dump", hint=hint)


def _as_tar(folder: Path) -> Iterator[bytes]:
    """A directory of pg_dump is no stream; the program's own account may not read it either."""
    raise ConfigError(
        "is a dump in directory format", place=folder.name, hint="Ask for a dump in custom format (pg_dump -Fc)."
    )


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    files = sorted(each for each in path.iterdir() if each.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(f"{file.name}\n".encode())
        with file.open("rb") as stream:
            while chunk := stream.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()
