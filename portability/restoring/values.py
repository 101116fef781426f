"""A table's rows as they are loaded: the file's columns, with long values and exceptions back in their places.

What a target cannot hold is not left to it: it is replaced here, once, and counted. U+0000 in a text becomes U+2400
(the symbol for it) in PostgreSQL; a float that is no number or infinite becomes null where there are none; a negative
zero loses its sign where it has none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from portability.archive import Archive
from portability.errors import FormatError
from portability.formats.ddl.dialect import PlannedColumn, PlannedTable
from portability.formats.parquet import iter_parquet
from portability.limits import Limits
from portability.manifest import Table, TableTotals
from portability.restoring.ledger import Entry, Exceptions, read_document, with_raw
from portability.restoring.planning import RestorePlan, file_column
from portability.restoring.sqlite_values import as_stored, by_storage_class
from portability.targets import TEXT_BYTES
from portability.targets.lines import is_text, plain_text

__all__ = ["LongValue", "Outcome", "TableRows", "Tally"]

_NUL_SYMBOL = "\u2400"
_NUL_SYMBOL_MORE = len(_NUL_SYMBOL.encode()) - 1  # bytes that each replacement adds
_NO_NUL = frozenset({"postgresql"})
_NO_NAN = frozenset({"mariadb", "sqlite"})
_NO_INFINITY = frozenset({"mariadb"})


@dataclass
class Tally:
    """What happened to one column's values: rows by reason, and by how much its control totals must differ."""

    reasons: dict[str, int] = field(default_factory=dict)
    nulls: int = 0
    size_bytes: int = 0

    def add(self, why: str, rows: int, *, nulls: int = 0, size_bytes: int = 0) -> None:
        """Count some rows."""
        if rows:
            self.reasons[why] = self.reasons.get(why, 0) + rows
            self.nulls += nulls
            self.size_bytes += size_bytes


@dataclass(frozen=True, kw_only=True)
class LongValue:
    """A value that goes to its row in pieces, once the rows are there; ``key`` names the row."""

    column: PlannedColumn
    key: tuple[Any, ...]
    sha256: str
    size_bytes: int


@dataclass
class Outcome:
    """What became of one column's exceptions: how many were put back, by reason, and keys of some that were not."""

    put_back: Counter[str] = field(default_factory=Counter)
    lost_keys: dict[str, list[str]] = field(default_factory=dict)

    def lose(self, entry: Entry, *, keys_max: int) -> None:
        """Note an exception that was looked at and could not be put back."""
        keys = self.lost_keys.setdefault(entry.reason, [])
        if len(keys) < keys_max:
            keys.append(entry.row_key)


class TableRows:
    """One table's rows; iterate once, then look at ``tallies`` and ``outcomes`` (by source column).

    Exceptions of the columns in ``late``, and ``long_values`` of at most ``put_bytes_max``, are put back once the rows
    are there: see :mod:`portability.restoring.late`.
    """

    def __init__(
        self,
        archive: Archive,
        plan: RestorePlan,
        table: PlannedTable,
        totals: TableTotals,
        limits: Limits,
        *,
        put_bytes_max: int = 0,
    ) -> None:
        self._archive = archive
        self._plan = plan
        self._table = table
        self._limits = limits
        self._dbms = plan.dialect.dbms
        self.tallies: dict[str, Tally] = {column.source: Tally() for column in table.columns}
        self._excepted = {column.name: column.excepted for column in totals.columns if column.excepted}
        self._exceptions = {
            column.name: Exceptions(
                archive,
                table.table,
                column.name,
                every=column.non_null == totals.rows,
                is_named=_is_named(table),
            )
            for column in totals.columns
            if column.excepted
        }
        self.long_values: list[LongValue] = []
        self._put_bytes_max = put_bytes_max if _has_plain_key(table, self._dbms) else 0
        self.outcomes: dict[str, Outcome] = {name: Outcome() for name in self._excepted}

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches that are bounded in rows and in bytes.

        Raises:
            FormatError: The file cannot be read.
        """
        names = [column.name for column in self._table.columns]
        for batch in self._file():
            for piece in self._pieces(batch):
                arrays, fields = [], []
                for column, name in zip(self._table.columns, names, strict=True):
                    array = self._column(column, piece)
                    is_raw = (
                        column.source in self._excepted and pa.types.is_binary(array.type) and self._dbms == "sqlite"
                    )
                    if column.required and column.source in self.late:
                        array = pc.fill_null(array, "")  # until its exceptions are put back
                    arrays.append(array)
                    fields.append(pa.field(name, array.type, metadata=TEXT_BYTES if is_raw else None))
                yield pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))

    @property
    def late(self) -> list[str]:
        """Columns whose exceptions cannot go with their rows: texts of no encoding that a line could be in."""
        columns = {column.source: column for column in self._table.columns}
        return [
            name
            for name in self._exceptions
            if self._plan.kin and self._dbms in ("postgresql", "mariadb") and columns[name].shape.kind == "text"
        ]

    def entries(self, name: str) -> Iterator[Entry]:
        """Yield a column's exceptions that have not gone with their rows."""
        return self._exceptions[name].rest()

    def _file(self) -> Iterator[pa.RecordBatch]:
        path = self._archive.data / self._table.table.file
        try:
            yield from iter_parquet(path, self._limits.batch_rows)
        except (OSError, pa.ArrowException) as error:
            raise FormatError(f"cannot be read: {type(error).__name__}", place=self._table.table.file) from error

    def _pieces(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Cut a batch so that the long values of each piece have a bounded size together."""
        sizes = np.zeros(batch.num_rows, np.int64)
        for column in self._table.columns:
            files = self._files(column, batch)
            if files is not None:
                size = pc.fill_null(pc.struct_field(files, "size_bytes"), 0)
                sizes += size.to_numpy(zero_copy_only=False)
        if not sizes.any():
            yield batch
            return
        start, held = 0, 0
        for row, size in enumerate(sizes.tolist()):
            if held and held + size > self._limits.restored_batch_bytes_max:
                yield batch.slice(start, row - start)
                start, held = row, 0
            held += size
        yield batch.slice(start)

    def _files(self, column: PlannedColumn, batch: pa.RecordBatch) -> pa.Array | None:
        position = batch.schema.get_field_index(file_column(column.source))
        if position < 0 or not pa.types.is_struct(batch.schema.field(position).type):
            return None
        return batch.column(position)

    # -- one column ---------------------------------------------------------------------------------------------------

    def _column(self, column: PlannedColumn, batch: pa.RecordBatch) -> pa.Array:
        array = batch.column(batch.schema.get_field_index(column.source))
        files = self._files(column, batch)
        if files is not None:
            array = self._with_files(column, array, files, batch)
        if column.source in self._exceptions and column.source not in self.late and self._can_take_back(column):
            return self._with_exceptions(column, array, batch)
        if self._dbms == "sqlite":
            if column.typeof is not None:
                sidecar = batch.column(batch.schema.get_field_index(f"{column.source}__typeof"))
                return by_storage_class(array, sidecar)
            array = as_stored(array, column, kin=self._plan.kin)
        if pa.types.is_floating(array.type):
            return self._float(column, array)
        if is_text(array.type) and self._dbms in _NO_NUL:
            return self._without_nul(column, array)
        return array

    def _with_files(self, column: PlannedColumn, array: pa.Array, files: pa.Array, batch: pa.RecordBatch) -> pa.Array:
        if files.null_count == len(files):
            return array
        storage = array.storage if isinstance(array, pa.ExtensionArray) else array
        values: list[Any] = storage.to_pylist()
        for row, file in enumerate(files.to_pylist()):
            if file is None:
                continue
            if self._is_put_later(column, array.type, file["size_bytes"]):
                key = tuple(batch.column(batch.schema.get_field_index(name))[row].as_py() for name in self._order)
                self.long_values.append(LongValue(column=column, key=key, **file))
                values[row] = b"" if column.required else None
                continue
            content = read_document(self._archive, file["sha256"], self._limits)
            if content is None:
                why = f"the value is longer than {self._limits.restored_value_bytes_max} bytes; it is in documents/"
                self.tallies[column.source].add(why, 1, nulls=1, size_bytes=-int(file["size_bytes"]))
            else:
                values[row] = content.decode("utf-8") if is_text(array.type) else content
        filled = pa.array(values, storage.type)
        return pa.ExtensionArray.from_storage(array.type, filled) if isinstance(array, pa.ExtensionArray) else filled

    @property
    def _order(self) -> tuple[str, ...]:
        return self._table.table.order

    def _is_put_later(self, column: PlannedColumn, kind: pa.DataType, size: int) -> bool:
        late = pa.types.is_binary(kind) and column.typeof is None and size > self._limits.restored_batch_bytes_max
        return late and size <= self._put_bytes_max

    def _float(self, column: PlannedColumn, array: pa.Array) -> pa.Array:
        tally = self.tallies[column.source]
        if self._dbms in _NO_NAN:
            bad = pc.invert(pc.is_finite(array)) if self._dbms in _NO_INFINITY else pc.is_nan(array)
            lost = pc.sum(bad).as_py() or 0
            if lost:
                tally.add("infinite, or no number: null here", lost, nulls=lost)
                array = pc.if_else(bad, pa.scalar(None, array.type), array)
            signed = pc.and_(pc.equal(array, 0.0), pc.less(pc.divide(pa.scalar(1.0, array.type), array), 0.0))
            tally.add("negative zero: zero here", pc.sum(signed).as_py() or 0)
        return array

    def _without_nul(self, column: PlannedColumn, array: pa.Array) -> pa.Array:
        storage = array.storage if isinstance(array, pa.ExtensionArray) else array
        rows = pc.sum(pc.match_substring(storage, "\0")).as_py() or 0
        if not rows:
            return array
        count = pc.sum(pc.count_substring(storage, "\0")).as_py()
        why = "the character U+0000 cannot be stored: it is U+2400 here"
        self.tallies[column.source].add(why, rows, size_bytes=count * _NUL_SYMBOL_MORE)
        return pc.replace_substring(storage, "\0", _NUL_SYMBOL)

    # -- exceptions ---------------------------------------------------------------------------------------------------

    def _can_take_back(self, column: PlannedColumn) -> bool:
        return self._plan.kin or (self._dbms == "sqlite" and column.type == "TEXT")

    def _with_exceptions(self, column: PlannedColumn, array: pa.Array, batch: pa.RecordBatch) -> pa.Array:
        texts, outcome = plain_text(array, column.source), self.outcomes[column.source]
        found = self._exceptions[column.source].take(pc.is_null(array).to_pylist(), self._keys(batch))
        if self._dbms == "sqlite" and is_text(array.type):
            values = [None if value is None else value.encode("utf-8", "surrogatepass") for value in texts.to_pylist()]
            for row, entry in found.items():
                values[row] = entry.raw
            outcome.put_back.update(entry.reason for entry in found.values())
            return pa.array(values, pa.binary())
        fitting = {}
        for row, entry in found.items():
            if _is_utf8(entry.raw):
                fitting[row] = entry.raw
                outcome.put_back[entry.reason] += 1
            else:
                outcome.lose(entry, keys_max=self._limits.finding_examples)
        return with_raw(texts, fitting)

    def _keys(self, batch: pa.RecordBatch) -> list[list[str | None]]:
        table: Table = self._table.table
        return [plain_text(batch.column(batch.schema.get_field_index(name)), name).to_pylist() for name in table.order]

    def count_lost(self) -> None:
        """Tally what was not put back, once everything has been tried."""
        for name, count in self._excepted.items():
            lost = count - self.outcomes[name].put_back.total()
            why = "an exception that cannot be stored here: null; its bytes are in reports/exceptions.parquet"
            self.tallies[name].add(why, lost, nulls=lost)


def _has_plain_key(table: PlannedTable, dbms: str) -> bool:
    """Tell whether rows can be named by integers and texts, and in SQLite by a row id."""
    if dbms == "sqlite":
        names = {column.name.lower() for column in table.columns}
        if "rowid" in names or "without rowid" in table.table.attributes.get("sql", "").lower():
            return False
    return _is_named(table)


def _is_named(table: PlannedTable) -> bool:
    """Tell whether rows have a key, of integers and texts alone."""
    kinds = {column.shape.kind for column in table.columns_of(table.table.order)}
    return bool(kinds) and kinds <= {"integer", "text"}


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
