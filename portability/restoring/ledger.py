"""Exceptions and long values on their way back into their columns, read as the rows pass and never held together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from portability.archive import EXCEPTIONS_PARQUET, Archive, document_path
from portability.errors import FormatError
from portability.formats.parquet import iter_parquet
from portability.limits import Limits
from portability.manifest import Table

__all__ = ["Entry", "Exceptions", "read_document", "with_raw"]


def read_document(archive: Archive, sha256: str, limits: Limits) -> bytes | None:
    """Return a long value; None when it is longer than what is restored.

    Raises:
        FormatError: The archive lacks it.
    """
    path = archive.data / document_path(sha256)
    try:
        return path.read_bytes() if path.stat().st_size <= limits.restored_value_bytes_max else None
    except OSError as error:
        raise FormatError("a long value is not in the archive", place=document_path(sha256)) from error


_ROWS = 1_024  # read at once: each may be a long text


class Entry(NamedTuple):
    """One exception: its row's key as JSON, why it is one, and its bytes."""

    row_key: str
    reason: str
    raw: bytes


@dataclass
class Exceptions:
    """The exceptions of one column, in the order of the table's rows.

    Args:
        archive: Whose ledger is read.
        table: The table.
        column: The column.
        every: Every null of the column in the file is an exception; then the order says which is which, where the row's
            key cannot. Without it the key does, and a table without a key gets none back.
        is_named: The key is of integers and texts, which read alike in the ledger and in the file: it must agree.
    """

    archive: Archive
    table: Table
    column: str
    every: bool
    is_named: bool

    def __post_init__(self) -> None:
        self._entries = self._read()
        self._next = next(self._entries, None)

    def _read(self) -> Iterator[Entry]:
        names = ["table_schema", "table_name", "column_name", *Entry._fields]
        for batch in iter_parquet(self.archive.data / EXCEPTIONS_PARQUET, _ROWS, names):
            wanted = pc.and_(
                pc.and_(
                    pc.equal(batch.column("table_schema"), self.table.schema),
                    pc.equal(batch.column("table_name"), self.table.name),
                ),
                pc.equal(batch.column("column_name"), self.column),
            )
            found = batch.filter(wanted)
            entries = zip(*(found.column(name).to_pylist() for name in Entry._fields), strict=True)
            yield from (Entry(*entry) for entry in entries)

    def rest(self) -> Iterator[Entry]:
        """Yield the entries that were not taken."""
        while self._next is not None:
            yield self._next
            self._next = next(self._entries, None)

    def take(self, missing: list[bool], keys: list[list[str | None]]) -> dict[int, Entry]:
        """Return the entries of a batch's rows, by position.

        Args:
            missing: For each row whether the value is null in the file.
            keys: For each column of the key its values as text.
        """
        found = {}
        for row, is_missing in enumerate(missing):
            if self._next is None or not is_missing:
                continue
            is_its_row = bool(keys) and self._next.row_key == _key([column[row] for column in keys])
            if is_its_row or (self.every and not self.is_named):
                found[row] = self._next
                self._next = next(self._entries, None)
        return found


def _key(values: list[str | None]) -> str:
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def with_raw(texts: pa.Array, found: dict[int, bytes]) -> pa.Array:
    """Return texts with raw values, which are UTF-8, in their places."""
    values = texts.to_pylist()
    for row, raw in found.items():
        values[row] = raw.decode("utf-8")
    return pa.array(values, pa.string())
