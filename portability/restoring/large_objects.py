"""Large objects of PostgreSQL, made again under their own numbers, so that what names them still does."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from portability.archive import Archive, document_path
from portability.errors import FormatError
from portability.formats.ddl.dialect import PlannedTable
from portability.formats.parquet import iter_parquet
from portability.limits import Limits
from portability.restoring.planning import file_column
from portability.streams import iter_chunks
from portability.targets import Target

__all__ = ["put_large_objects"]


def put_large_objects(target: Target, table: PlannedTable, archive: Archive, limits: Limits) -> int:
    """Make every large object and return how many; needs a transaction around it.

    Raises:
        FormatError: The archive lacks one's content.
    """
    number, content = (column.name for column in table.table.columns)
    made = 0
    try:
        for batch in iter_parquet(archive.data / table.table.file, limits.batch_rows):
            for row in _rows(batch, number, content):
                _put(target, archive, limits, *row)
                made += 1
    except (OSError, pa.ArrowException) as error:
        raise FormatError(f"cannot be read: {type(error).__name__}", place=table.table.file) from error
    return made


def _rows(batch: pa.RecordBatch, number: str, content: str) -> Iterator[tuple[int, bytes | None, str]]:
    """Yield each number with its content, or with the hash of the document that is its content."""
    at = batch.schema.get_field_index(file_column(content))
    values = batch.column(batch.schema.get_field_index(content))
    for row, oid in enumerate(batch.column(batch.schema.get_field_index(number)).to_pylist()):
        file = batch.column(at)[row].as_py() if at >= 0 else None
        yield oid, values[row].as_py(), file["sha256"] if file else ""


def _put(target: Target, archive: Archive, limits: Limits, number: int, value: bytes | None, sha256: str) -> None:
    if not sha256:
        target.put_large_object(number, [value or b""])
        return
    place = document_path(sha256)
    try:
        with (archive.data / place).open("rb") as stream:
            target.put_large_object(number, iter_chunks(stream, chunk_bytes=limits.chunk_bytes))
    except OSError as error:
        raise FormatError("a large object's content is not in the archive", place=place) from error
