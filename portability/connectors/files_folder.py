"""The files of a folder that are tables: found, looked at once from end to end, and matched with their declarations."""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from portability.connectors.files_csvw import is_csvw, read_csvw, read_csvw_beside
from portability.connectors.files_datapackage import DATAPACKAGE, read_datapackage
from portability.connectors.files_declared import SCHEMA_YAML, DeclaredTable, read_schema_yaml
from portability.connectors.files_sniffing import assumed
from portability.connectors.files_text import look_at, python_codec
from portability.errors import ConfigError, ConnectorError, FormatError, SourceUnavailableError
from portability.manifest import read_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from portability.connectors.url import SourceUrl

__all__ = ["FileTable", "Folder", "changed", "find_folder", "identity_of", "list_files", "open_folder"]

_DELIMITED = frozenset({".csv", ".tsv", ".tab"})
_TABBED = frozenset({".tsv", ".tab"})


@dataclass(frozen=True, kw_only=True)
class FileTable:
    """One file as a table: where it is, what is declared or assumed of it, and the hash that it must keep."""

    path: Path
    declared: DeclaredTable
    sha256: str
    modified_ns: int
    size_bytes: int

    @property
    def codec(self) -> str:
        """Python's name of the file's encoding."""
        return python_codec(self.declared.encoding or "utf-8", place=self.declared.file)


@dataclass(frozen=True, kw_only=True)
class Folder:
    """The tables of a folder, and everything that is to be said aloud of them."""

    tables: tuple[FileTable, ...]
    notes: tuple[str, ...]


def find_folder(url: SourceUrl) -> tuple[Path, tuple[str, ...]]:
    """Return the folder of an address, and the one file in it that is meant; none when all are.

    Raises:
        SourceUnavailableError: There is nothing there.
    """
    path = Path(url.path)
    if url.host:
        hint = f"Write {url.scheme}:///relative/folder or {url.scheme}:////absolute/folder."
        raise ConfigError("a folder of files is not on another host", place=url.label, hint=hint)
    if path.is_dir():
        return path, ()
    if path.is_file():
        return path.parent, (path.name,)
    hint = f"Check the path: {url.scheme}:///relative/folder or {url.scheme}:////absolute/folder."
    raise SourceUnavailableError("there is no such folder or file", place=str(path), hint=hint)


def list_files(folder: Path, only: Collection[str], place: str) -> list[str]:
    """Return the names of a folder's files, without hidden ones; links that lead out of it are refused."""
    root = folder.resolve()
    found = []
    for entry in sorted(os.scandir(folder), key=lambda each: each.name):
        if entry.name.startswith(".") or (only and entry.name not in only):
            continue
        if not Path(entry.path).resolve().is_relative_to(root):
            hint = "Put the file itself into the folder, or remove the link."
            raise ConnectorError("is a link that leads out of the folder", place=f"{place}: {entry.name}", hint=hint)
        found.append(entry.name)
    return found


def open_folder(folder: Path, only: tuple[str, ...], *, schema: str | None) -> Folder:
    """Find the delimited files of a folder; each is read once.

    Args:
        folder: Where they are.
        only: Names of those that are meant; all when empty.
        schema: The schema file; when None, schema.yaml, datapackage.json or CSVW metadata beside them.
    """
    names = list_files(folder, only, folder.name)
    declared = _declarations(folder, list_files(folder, (), folder.name) if only else names, schema)
    origins = {SCHEMA_YAML, DATAPACKAGE, *(each.origin for each in declared.values())}
    tables, notes, others = [], [], []
    for name in names:
        path = folder / name
        if name not in declared and path.suffix.lower() not in _DELIMITED:
            if name not in origins:
                others.append(f"{name}/" if path.is_dir() else name)
            continue
        _require_regular(path)
        table, told = _looked_at(path, declared.get(name))
        tables.append(table)
        notes += [*told, *table.declared.notes]
    _require_all(declared, names, only)
    _require_distinct(tables)
    if others:
        shown = ", ".join(others[:10]) + (f" and {len(others) - 10} more" if len(others) > 10 else "")  # noqa: PLR2004
        notes.append(f"not read, for they are no delimited files and nobody declares them: {shown}")
    if not tables:
        hint = "Files end in .csv, .tsv or .tab; others are read when schema.yaml declares them."
        raise ConnectorError("no table is in this folder", place=folder.name, hint=hint)
    return Folder(tables=tuple(tables), notes=tuple(notes))


def _declarations(folder: Path, names: Collection[str], schema: str | None) -> dict[str, DeclaredTable]:
    if schema is not None:
        return _declared_in(Path(schema))
    # An empty one is `source draft FOLDER > FOLDER/schema.yaml` at its beginning.
    if (folder / SCHEMA_YAML).is_file() and (folder / SCHEMA_YAML).stat().st_size:
        return read_schema_yaml(folder / SCHEMA_YAML)
    package = folder / DATAPACKAGE
    return read_datapackage(package) if package.is_file() else read_csvw_beside(folder, names)


def _declared_in(path: Path) -> dict[str, DeclaredTable]:
    """Read the schema file that an address names: ours, a data package or CSVW metadata, told by its content."""
    if path.suffix.lower() != ".json":
        return read_schema_yaml(path)
    try:
        document = read_json(path, dict)
    except FormatError as error:
        raise ConfigError(error.message, place=path.name, hint=error.hint) from error
    return read_csvw(path) if is_csvw(document) else read_datapackage(path)


def _require_regular(path: Path) -> None:
    if not stat.S_ISREG(path.stat().st_mode):
        raise ConnectorError("is no file", place=path.name, hint="Only plain files are read.")


def _looked_at(path: Path, declared: DeclaredTable | None) -> tuple[FileTable, tuple[str, ...]]:
    before = path.stat()
    look = look_at(path)
    if (before.st_size, before.st_mtime_ns) != (look.size_bytes, path.stat().st_mtime_ns):
        raise changed(path.name)
    table = declared or DeclaredTable(file=path.name, name=path.stem)
    if table.delimiter is None and path.suffix.lower() in _TABBED:
        table = replace(table, delimiter="\t")
    python_codec(table.encoding or "utf-8", place=path.name)
    filled, told = assumed(table, look)
    found = FileTable(
        path=path,
        declared=filled,
        sha256=look.sha256,
        modified_ns=before.st_mtime_ns,
        size_bytes=look.size_bytes,
    )
    return found, told


def _require_all(declared: Iterable[str], names: Collection[str], only: tuple[str, ...]) -> None:
    missing = sorted(set(declared) - set(names)) if not only else []
    if missing:
        hint = "Put the file there, or take it out of the schema file."
        raise ConnectorError(f"declared but not there: {', '.join(missing)}", place="schema", hint=hint)


def _require_distinct(tables: Iterable[FileTable]) -> None:
    taken: dict[str, str] = {}
    for table in tables:
        if other := taken.setdefault(table.declared.name, table.declared.file):
            if other == table.declared.file:
                continue
            hint = "Give one of them another `name` in schema.yaml."
            raise ConfigError(f"would be the same table as {other}", place=table.declared.file, hint=hint)


def changed(name: str) -> ConnectorError:
    """Say that a file is not what it was when the export began."""
    hint = "Wait until the files are complete, or copy the folder, and run again."
    return SourceUnavailableError("the file changed while it was read", place=name, hint=hint)


def identity_of(tables: Iterable[tuple[str, str]], *declared: object) -> str:
    """Hash the names and hashes of files, and what is declared of them."""
    digest = hashlib.sha256(repr((sorted(tables), declared)).encode())
    return f"files:{digest.hexdigest()}"
