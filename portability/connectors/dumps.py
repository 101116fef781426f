"""Dumps that vendors hand over: ``dump:///file`` is told by its content, restored privately, and read as a database.

What the archive says of its snapshot is what the dump has: which file, with which hash. A dump is hostile until it has
proved otherwise; what contains it stands in the modules for each DBMS.
"""

from __future__ import annotations

import hashlib
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from portability.connectors.connector import Connector
from portability.connectors.dump_directory import TOC, copy_directory, directory_hash
from portability.connectors.dump_packed import is_packed, unpacked
from portability.connectors.dump_server import private_folder
from portability.connectors.dump_tar import require_whole_tar
from portability.connectors.sqlite import SqliteConnector
from portability.connectors.url import SourceUrl
from portability.errors import ConfigError, ConnectorError, SourceDataError, SourceUnavailableError
from portability.manifest import SnapshotRecord

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.connectors.connector import Snapshot

__all__ = ["DumpConnector"]

_HEAD_BYTES = 64 * 1024
# How scripts for MariaDB and MySQL begin, by the program that wrote them.
_SCRIPTS = (b"-- MySQL dump", b"-- MariaDB dump", b"-- phpMyAdmin SQL Dump", b"HeidiSQL", b"/*M!", b"/*!40")
# What is not restored here, by its first bytes, and what to do with it.
_ORACLE = "Import it with Oracle's imp (Oracle Free will do) and export its tables as CSV."
_ACCESS = "Name it in an ODBC data source and read that (odbc:///?dsn=NAME, docs/odbc.md), or export its tables as CSV."
_MICROSOFT = "Restore it with SQL Server (Express will do), then export by odbc+sqlserver://."
_FOLDED = "Unpack it first, and name the file in it."
# The last words of a script, by its first: a script that was cut off between two statements restores without complaint.
_ENDS = (
    (b"-- PostgreSQL database dump", b"-- PostgreSQL database dump complete"),
    (b"-- MySQL dump", b"-- Dump completed"),
    (b"-- MariaDB dump", b"-- Dump completed"),
    # phpMyAdmin, HeidiSQL and mysqldump --skip-comments put back at the end what they set at the beginning.
    (b"SET @OLD_CHARACTER_SET_CLIENT=", b"SET CHARACTER_SET_CLIENT=@OLD_CHARACTER_SET_CLIENT"),
    (b"SET @OLD_SQL_NOTES=", b"@OLD_SQL_NOTES"),
)
_TAIL_BYTES = 4096
_FOREIGN = (
    (b"TAPE", "a SQL Server backup (.bak)", _MICROSOFT),
    (b"MSSQLBAK", "a SQL Server backup (.bak)", _MICROSOFT),
    (b"\x00\x01\x00\x00Standard Jet DB", "an Access database (.mdb)", _ACCESS),
    (b"\x00\x01\x00\x00Standard ACE DB", "an Access database (.accdb)", _ACCESS),
    (b"\x03\x00\x00EXPORT:V", "an Oracle dump (exp)", _ORACLE),
    (b"\x03\x01EXPORT:V", "an Oracle dump (exp)", _ORACLE),
    (b"PRAGMA foreign_keys=OFF;", "a script of SQLite", "Make a database of it: sqlite3 firm.db < the script."),
    (b"PK\x03\x04", "a ZIP archive", _FOLDED),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _FOLDED),
)


class DumpConnector(Connector):
    """``dump:///file``: pg_dump in all its formats, mysqldump, SQLite; packed ones are unpacked on the way."""

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
            connector, told = self._restored(path, sha256, stack)
            snapshot = stack.enter_context(connector.snapshot())
            if _hash(path) != sha256:
                raise _changed(path)
            note = (
                f"As the dump has it: {path.name}, SHA-256 {sha256}. Nobody here saw the database that it was made of."
            )
            # One of pg_dump's is one snapshot; how another was made, it does not say.
            snapshot.record = SnapshotRecord(method="restored from a dump", level="window", note=note + told)
            snapshot.identity = f"dump:{sha256}"
            yield snapshot

    def _restored(self, path: Path, sha256: str, stack: ExitStack) -> tuple[Connector, str]:
        """Return a connector of the restored dump, and what is to be said of it."""
        head, kind = self._looked_at(path)
        if kind == "sqlite":
            if is_packed(path):
                raise ConfigError("is a packed SQLite file", place=path.name, hint="Unpack it first.")
            _require_pages(path, head)
            return SqliteConnector(SourceUrl(scheme="sqlite", path=str(path.resolve())), limits=self.limits), ""

        def pieces() -> Iterator[bytes]:
            return unpacked(path, self.limits)

        if kind == "mariadb":
            from portability.connectors import dump_mariadb as mariadb  # noqa: PLC0415 -- its driver is an extra

            folder = stack.enter_context(private_folder(mariadb.ACCOUNT))
            connector = stack.enter_context(mariadb.restored_mariadb(pieces, folder=folder, limits=self.limits))
            return connector, _require_end(head, pieces())
        if not kind:
            hint = "Known: pg_dump's formats, scripts of pg_dump, mysqldump and mariadb-dump, SQLite files."
            raise ConfigError("is no dump that is known here", place=path.name, hint=hint)
        from portability.connectors import dump_postgresql as postgresql  # noqa: PLC0415 -- its driver is an extra

        folder = stack.enter_context(private_folder(postgresql.ACCOUNT))
        directory = None
        if kind == "directory":
            copy_directory(path, directory := folder / "dump", limits=self.limits)
            if directory_hash(directory) != sha256:
                raise _changed(path)
        if _is_tar(head):
            require_whole_tar(pieces(), place=path.name)
        restored = postgresql.restored_postgresql(
            pieces, head=head, kind=kind, folder=folder, limits=self.limits, directory=directory
        )
        connector = stack.enter_context(restored)
        return connector, _require_end(head, pieces()) if kind == "script" else ""

    def _looked_at(self, path: Path) -> tuple[bytes, str]:
        """A dump's first bytes, and what it is."""
        if path.is_dir():
            if not (path / TOC).is_file():
                hint = f"A dump in directory format has a {TOC}; CSV files are read as csv:///folder."
                raise ConfigError("is a folder, and no dump in it", place=path.name, hint=hint)
            return _beginning(unpacked(path / TOC, self.limits)), "directory"
        head = _beginning(unpacked(path, self.limits))
        return head, _kind(head, path.name)


def _beginning(pieces: Iterator[bytes]) -> bytes:
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= _HEAD_BYTES:
            break
    return head[:_HEAD_BYTES]


def _changed(path: Path) -> SourceUnavailableError:
    hint = "Wait until it is complete, or copy it, and run again."
    return SourceUnavailableError("the file changed while it was read", place=path.name, hint=hint)


def _kind(head: bytes, name: str) -> str:
    for magic, what, hint in _FOREIGN:
        if head.startswith(magic):
            raise ConnectorError(f"is {what}, which is not restored here", place=name, hint=hint)
    if head.startswith(b"SQLite format 3\x00"):
        return "sqlite"
    if head.startswith(b"PGDMP") or _is_tar(head):
        return "archive"
    words = head[:4096]
    if b"-- PostgreSQL database dump" in words:
        return "script"
    return "mariadb" if any(each in words for each in _SCRIPTS) else ""


def _is_tar(head: bytes) -> bool:
    return head[257:262] == b"ustar"


def _require_pages(path: Path, head: bytes) -> None:
    """Refuse a SQLite file that ends within a page: SQLite would take zeros for what is missing."""
    size = int.from_bytes(head[16:18]) or 1
    if path.stat().st_size % (65_536 if size == 1 else size):
        hint = "Ask for the file again, with its hash."
        raise SourceDataError("the database file is cut off: it ends within a page", place=path.name, hint=hint)


def _require_end(head: bytes, pieces: Iterator[bytes]) -> str:
    """Refuse a script that says how it begins and not that it ended; say it of one that does neither.

    Raises:
        SourceDataError: It was cut off.
    """
    end = next((end for beginning, end in _ENDS if beginning in head[:_TAIL_BYTES]), None)
    if end is None:
        return " It has no last line of its own: whether it is whole cannot be told."
    tail = b""
    for piece in pieces:
        tail = (tail + piece)[-_TAIL_BYTES:]
    if end not in tail:
        hint = f"Its last lines must hold `{end.decode()}`: ask for the file again."
        raise SourceDataError("the dump is cut off: it does not say that it is complete", place="dump", hint=hint)
    return ""


def _hash(path: Path) -> str:
    if path.is_dir():
        return directory_hash(path)
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
