"""Documents: fetched from a directory tree or a URL, or moved out of a column, and stored once by their hash.

A document that cannot be had is listed with the reason; it never stops an export. Paths from the database are
untrusted: none reaches outside its root.
"""

from __future__ import annotations

import importlib
import json
import mimetypes
import os
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote as percent_quote

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from portability.archive import DOCUMENTS_PARQUET
from portability.duck import open_engine, quote, text_literal
from portability.errors import ConfigError, FormatError, MappingError
from portability.exports.document_store import DocumentStore
from portability.formats.parquet import iter_parquet, write_parquet
from portability.manifest import Finding
from portability.streams import Digest, iter_chunks, md5_of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from portability.limits import Limits
    from portability.manifest import SourceSchema, Table
    from portability.profiles import DocumentSource

__all__ = [
    "DOCUMENTS_SCHEMA",
    "DocumentTree",
    "Gathering",
    "document_findings",
    "gather_documents",
    "locators_of",
]

DOCUMENTS_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("locator", pa.string(), nullable=False),
        pa.field("availability", pa.string(), nullable=False),
        pa.field("sha256", pa.string()),
        pa.field("size_bytes", pa.int64()),
        pa.field("md5", pa.string()),
        pa.field("media_type", pa.string()),
        pa.field("problem", pa.string()),
    ]
)
# Where documents are fetched from; the libraries behind all but http are extras.
REMOTE_SCHEMES = ("http", "https", "s3", "gs", "azure")
_MAGIC = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0", "application/x-ole-storage"),
    (b"PK\x03\x04", "application/zip"),
)


class DocumentTree:
    """The root that path columns are relative to: a directory, or a URL that smart-open reads."""

    def __init__(self, root: str | None, limits: Limits) -> None:
        self._url = root.rstrip("/") if root and "://" in root else None
        self._folder = Path(root) if root and not self._url else None
        self._limits = limits
        self._folded: dict[str, list[str]] | None = None
        self._within: tuple[str, ...] | None = None
        self._may_fold = True
        if self._url and self._url.partition("://")[0].lower() not in REMOTE_SCHEMES:
            hint = f"Give a folder, or an address of {', '.join(REMOTE_SCHEMES)}."
            raise ConfigError("documents cannot be read from there", place=self._url.partition("://")[0], hint=hint)
        if self._folder is not None and not self._folder.is_dir():
            raise ConfigError(
                "is not a directory",
                place=root or "",
                hint="Give --documents the folder that the database's paths start from.",
            )

    def restrict(self, *, within: tuple[str, ...] | None, may_fold: bool) -> None:
        """Keep to what a scope names.

        Args:
            within: The folders of the scope's tenants; None when the profile declares none.
            may_fold: Whether a path in another case may be taken for a file, where a single one answers to it.
        """
        self._within, self._may_fold = within, may_fold

    def open(self, relative: str) -> BinaryIO:
        """Open a document by its cleaned path.

        Raises:
            FileNotFoundError: It is not there.
            OSError: It cannot be read.
        """
        if self._url:
            self._check_within(relative)
            return fetch(f"{self._url}/{percent_quote(relative)}", self._limits)
        if self._folder is None:
            raise FileNotFoundError(relative)
        if not (self._folder / relative).is_file():
            relative = self._as_written(relative)
        self._check_within(relative)
        path, allowed = self._folder / relative, [self._folder / each for each in self._within or (".",)]
        if not any(path.resolve().is_relative_to(folder.resolve()) for folder in allowed):
            raise PermissionError(0, "the path leads outside the documents folder")
        return path.open("rb")

    def _check_within(self, relative: str) -> None:
        if self._within is not None and not any(relative.startswith(f"{folder}/") for folder in self._within):
            raise PermissionError(0, "the path leads outside the folder of the scope's tenants")

    def _as_written(self, relative: str) -> str:
        """Paths that were written on Windows may differ in case from the tree that was copied off it."""
        if not self._may_fold:
            return relative
        if self._folded is None:
            folder, self._folded = self._folder or Path(), {}
            for directory, _, names in os.walk(folder):
                for name in sorted(names):
                    found = Path(directory, name).relative_to(folder).as_posix()
                    self._folded.setdefault(found.casefold(), []).append(found)
        alike = self._folded.get(relative.casefold(), [])
        if self._within is not None:
            alike = alike if len(alike) == 1 else []
        return alike[-1] if alike else relative


def fetch(url: str, limits: Limits) -> BinaryIO:
    """Open a URL for reading.

    Raises:
        FileNotFoundError: The server says that it is not there.
        OSError: For every other way in which it cannot be read.
        ConfigError: The library that its scheme needs is not installed.
    """
    scheme = url.partition("://")[0].lower()
    if "://" not in url or scheme not in REMOTE_SCHEMES:
        # A bare path or file:// in a database would otherwise pick files off the exporting machine.
        raise PermissionError(0, "the address is of a kind that is not fetched")
    parameters = {"timeout": limits.fetch_timeout_s} if scheme.startswith("http") else None
    smart_open = importlib.import_module("smart_open")  # it loads every transport it knows: a quarter of a second
    try:
        stream: BinaryIO = smart_open.open(url, "rb", compression="disable", transport_params=parameters)
    except ImportError as error:
        hint = f"pip install 'portability[{'http' if scheme.startswith('http') else scheme}]'"
        raise ConfigError(f"reading {scheme}:// needs a library that is not installed", hint=hint) from error
    except OSError as error:
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
            raise FileNotFoundError(0, "there is no such file") from error
        raise OSError(0, f"HTTP status {status}" if status else type(error).__name__) from error
    except Exception as error:
        # Each of the library's transports has errors of its own; none of them stops an export.
        raise OSError(0, type(error).__name__) from error
    return stream


def clean_path(text: str, strip_prefix: str) -> str | None:
    """Turn a path as an application wrote it into a relative one; None when it would lead outside."""
    path = text.replace("\\", "/")
    prefix = strip_prefix.replace("\\", "/")
    if prefix and path.casefold().startswith(prefix.casefold()):
        path = path[len(prefix) :]
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or ":" in parts[0] or "\0" in path:
        return None
    return "/".join(parts)


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """Where documents are looked for, and where they go.

    ``data`` is the payload they go to. ``tree`` is where path columns lead; None leaves them out, listed as excluded.
    ``fetch_urls`` tells whether URL columns are fetched too, or only listed. ``withheld`` are sources and locators that
    rows of other tenants name too.
    """

    data: Path
    tree: DocumentTree | None
    fetch_urls: bool
    limits: Limits
    progress: Callable[[str], None]
    withheld: frozenset[tuple[str, str]] = frozenset()


def gather_documents(sources: Iterable[DocumentSource], schema: SourceSchema, gathering: Gathering) -> dict[str, int]:
    """Store every document that the profile names, write reports/documents.parquet, and count by availability."""
    data, limits = gathering.data, gathering.limits
    store, counts = DocumentStore(data, limits), dict[str, int]()
    rows = (row for source in sources for row in _rows(source, schema, store, gathering))

    def batches() -> Iterator[pa.RecordBatch]:
        pending = []
        for row in rows:
            counts[str(row["availability"])] = counts.get(str(row["availability"]), 0) + 1
            pending.append(row)
            if len(pending) == limits.batch_rows:
                yield pa.RecordBatch.from_pylist(pending, schema=DOCUMENTS_SCHEMA)
                pending = []
        if pending:
            yield pa.RecordBatch.from_pylist(pending, schema=DOCUMENTS_SCHEMA)

    (data / "reports").mkdir(exist_ok=True)
    path = data / DOCUMENTS_PARQUET
    path.unlink(missing_ok=True)
    write_parquet(path, DOCUMENTS_SCHEMA, batches(), key=("source", "locator"), limits=limits)
    return counts


def _rows(
    source: DocumentSource, schema: SourceSchema, store: DocumentStore, gathering: Gathering
) -> Iterator[dict[str, object]]:
    table = next(
        (t for t in schema.tables if t.name.casefold() == source.table.casefold() and t.excluded is None), None
    )
    if table is None:
        return
    gathering.progress(f"documents: {source.name}")
    if source.lob:
        yield from _lob_rows(source, table, gathering.data, store, gathering.limits)
        return
    for locator in locators_of(table, source, gathering.data, gathering.limits):
        if source.url and not gathering.fetch_urls:
            yield _row(source, locator, "external_link")
        elif source.on_disk and gathering.tree is None:
            yield _row(source, locator, "excluded", problem="the export was run without documents")
        elif (source.name, locator) in gathering.withheld:
            yield _row(source, locator, "unreadable", problem="rows of another tenant name it too")
        else:
            yield _fetched(source, locator, store, gathering.tree, gathering.limits)


def locators_of(table: Table, source: DocumentSource, data: Path, limits: Limits) -> list[str]:
    """The distinct paths or addresses of a table's rows, in order.

    Raises:
        MappingError: The profile's expression does not run over the table's columns.
    """
    expression = source.path_sql or quote(source.column)
    file = text_literal(str((data / table.file).resolve()))
    with open_engine(limits, scratch=None, folders=[data]) as engine:
        try:
            rows = engine.execute(f"SELECT DISTINCT CAST({expression} AS VARCHAR) FROM read_parquet({file})").fetchall()
        except duckdb.Error as error:
            message = str(error).split("\n\nLINE", maxsplit=1)[0].replace("\n", " ")[:300]
            raise MappingError(message, place=f"documents: {source.name}") from error
    return sorted({text for (text,) in rows if text})


def _fetched(
    source: DocumentSource, locator: str, store: DocumentStore, tree: DocumentTree | None, limits: Limits
) -> dict[str, object]:
    relative = clean_path(locator, source.strip_prefix) if source.on_disk else locator
    if relative is None:
        return _row(source, locator, "unreadable", problem="the path leads outside the documents folder")
    try:
        with tree.open(relative) if source.on_disk and tree else fetch(relative, limits) as stream:
            digest = store.add(iter_chunks(stream, chunk_bytes=limits.chunk_bytes), with_md5=True)
    except FileNotFoundError:
        return _row(source, locator, "missing_in_source", problem="there is no such file")
    except (OSError, FormatError) as error:
        reason = error.message if isinstance(error, FormatError) else (error.strerror or type(error).__name__)
        return _row(source, locator, "unreadable", problem=reason)
    return _row(source, locator, "present", digest=digest, media_type=_media_type(store.path(digest.sha256), relative))


def _lob_rows(
    source: DocumentSource, table: Table, data: Path, store: DocumentStore, limits: Limits
) -> Iterator[dict[str, object]]:
    sidecar = next((f"{c.name}__file" for c in table.columns if c.name.casefold() == source.column.casefold()), "")
    named = next(
        (c.name for c in table.columns if source.file_name and c.name.casefold() == source.file_name.casefold()), None
    )
    with pq.ParquetFile(data / table.file, pre_buffer=False) as file:
        if sidecar not in file.schema_arrow.names:
            return
        columns = [*table.order, sidecar, *([named] if named and named not in table.order else [])]
        for batch in file.iter_batches(limits.batch_rows, columns=columns):
            for row in batch.to_pylist():
                if row[sidecar] is not None:
                    path = store.path(row[sidecar]["sha256"])
                    digest = Digest(md5=md5_of_file(path), **row[sidecar])
                    locator = json.dumps(
                        [None if row[k] is None else str(row[k]) for k in table.order],
                        ensure_ascii=False,
                        separators=(",", ":"),
                    )
                    yield _row(
                        source,
                        locator,
                        "present",
                        digest=digest,
                        media_type=_media_type(path, str(row.get(named or "") or "")),
                    )


def _row(
    source: DocumentSource,
    locator: str,
    availability: str,
    *,
    digest: Digest | None = None,
    media_type: str | None = None,
    problem: str | None = None,
) -> dict[str, object]:
    return {
        "source": source.name,
        "locator": locator,
        "availability": availability,
        "sha256": digest.sha256 if digest else None,
        "size_bytes": digest.size_bytes if digest else None,
        "md5": digest.md5 if digest else None,
        "media_type": media_type,
        "problem": problem,
    }


def _media_type(path: Path, name: str) -> str | None:
    """By the name's ending where it has a known one, else by the first bytes."""
    guessed = mimetypes.guess_type(name.rpartition("/")[2], strict=True)[0]
    if guessed:
        return guessed
    with path.open("rb") as stream:
        head = stream.read(16)
    return next((kind for magic, kind in _MAGIC if head.startswith(magic)), None)


def document_findings(data: Path, limits: Limits) -> list[Finding]:
    """Group what is missing or unreadable."""
    grouped: dict[tuple[str, str], list[str]] = {}
    for batch in iter_parquet(data / DOCUMENTS_PARQUET, limits.batch_rows, ["source", "locator", "availability"]):
        for row in batch.to_pylist():
            if row["availability"] not in ("present", "external_link"):
                grouped.setdefault((row["availability"], row["source"]), []).append(row["locator"])
    texts = {
        "missing_in_source": ("E101", "document is named by the database but is not in the documents folder"),
        "unreadable": ("E102", "document could not be read"),
        "excluded": ("E103", "document was left out of this export"),
    }
    return [
        Finding(
            code=texts[kind][0],
            severity="finding",
            place=name,
            text=texts[kind][1],
            count=len(all_),
            examples=tuple(all_[: limits.finding_examples]),
        )
        for (kind, name), all_ in sorted(grouped.items())
    ]
