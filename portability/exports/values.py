"""Values that become files: long values, and those of columns that a profile calls documents, leave the batches.

A batch goes through ``settle`` once; what comes back has a reference (SHA-256 and size) in place of each such value.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portability.connectors.connector import size_column
from portability.errors import ConnectorError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.connectors.connector import Snapshot, TablePlan
    from portability.exports.document_store import DocumentStore

__all__ = ["FILE_TYPE", "ValueStore"]

# Blocks of more bytes are given back to the system one by one; columns of a batch without long values are shorter.
_LARGE_BLOCK_BYTES = 256 * 1024
_M_MMAP_THRESHOLD = -3  # of mallopt(3)

FILE_TYPE = pa.struct([pa.field("sha256", pa.string()), pa.field("size_bytes", pa.int64())])


class ValueStore:
    """Moves values that become files out of batches."""

    def __init__(self, snapshot: Snapshot, plan: TablePlan, documents: DocumentStore) -> None:
        self._snapshot = snapshot
        self._plan = plan
        self._documents = documents
        if plan.file_columns:
            _give_back_large_blocks()

    def settle(self, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        """Return the batch with file references in place of long values."""
        if not self._plan.file_columns:
            return pa.RecordBatch.from_arrays([batch.column(field.name) for field in schema], schema=schema)
        # Copied, all of them: the columns of a driver's batch may be freed together only, and what becomes a file would
        # be kept with its row until a row group is full.
        rows = pa.array(np.arange(batch.num_rows))
        columns = {name: batch.column(name) for name in batch.schema.names}
        kept = dict.fromkeys(columns, rows)
        for name in self._plan.file_columns:
            sizes = columns.pop(size_column(name))
            columns[f"{name}__file"] = self._references(batch, name, sizes)
            kept[name] = pc.if_else(pc.is_null(sizes), rows, pa.scalar(None, rows.type))
        columns = {name: column.take(kept[name]) if name in kept else column for name, column in columns.items()}
        return pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)

    def _references(self, batch: pa.RecordBatch, name: str, sizes: pa.Array) -> pa.Array:
        column = batch.column(name)
        values = column.storage if isinstance(column, pa.ExtensionArray) else column
        references: list[dict[str, object] | None] = []
        for row, size in enumerate(sizes.to_pylist()):
            if size is None:
                references.append(None)
                continue
            value = values[row].as_buffer()
            if value is None:
                digest = self._documents.add(self._fetch(batch, name, row))
            else:
                digest = self._documents.add_value(memoryview(value))
            if digest.size_bytes != size:
                raise ConnectorError(
                    f"a value of {size} bytes was read as {digest.size_bytes}", place=f"{self._plan.table.label}.{name}"
                )
            references.append({"sha256": digest.sha256, "size_bytes": size})
        return pa.array(references, FILE_TYPE)

    def _fetch(self, batch: pa.RecordBatch, name: str, row: int) -> Iterator[bytes]:
        key = [batch.column(column)[row].as_py() for column in self._plan.table.order]
        return self._snapshot.read_value(self._plan, name, key)


def _give_back_large_blocks() -> None:
    """Keep glibc from cutting the blocks of long values off its heap, where each is held by what lies behind it.

    Freed large blocks make it raise the length from which blocks are the system's own, up to 32 MiB: 100,000 values of
    40 KiB then took 1.6 GiB, though no two batches were there at once. Other allocators need no telling.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK_BYTES)
