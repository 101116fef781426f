"""Rows of a delimited file, read twice side by side by readers that share nothing, and compared cell by cell.

Arrow's reader is the one whose rows are taken; Python's own csv module, in its strict mode, is the witness. Where they
do not see the same cells the file is refused: a quote that never closes, text behind a closing quote and rows of
another length are read by one or the other as something that nobody wrote.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from itertools import islice
from typing import IO, TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv as arrow_csv

from portability.connectors.files_text import unescaped
from portability.errors import SourceDataError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portability.limits import Limits

__all__ = ["Format", "WideRowError", "read_header", "read_rows"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """How a file's rows are written.

    Args:
        delimiter: One character between fields.
        quote: One character around fields; none when empty.
        escape: ``doubled`` (a quote within quotes stands twice) or ``backslash``.
        nulls: Texts without quotes that mean null.
        header: Whether the first row holds names, not values.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = "doubled"
    nulls: tuple[str, ...] = ("",)
    header: bool = True

    @property
    def is_lettered(self) -> bool:
        """Line ends and tabs are written as letters behind a backslash."""
        return self.escape == "backslash" and not self.quote


def read_header(copy: Path, form: Format, limits: Limits, *, place: str) -> list[str] | None:
    """Return the fields of a file's first row; None when it has none."""
    with copy.open(encoding="utf-8", newline="") as stream:
        for row in _Witness(stream, form, limits, place).rows():
            return row.cells
    return None


class WideRowError(Exception):
    """A row is longer than a block: read again with ``wide``. Never reaches a user."""


def read_rows(
    copy: Path, form: Format, names: list[str], limits: Limits, *, place: str, wide: bool = False
) -> Iterator[pa.Table]:
    """Yield a file's rows as texts and nulls, without its header; ``wide`` takes the memory that the limit allows.

    Raises:
        WideRowError: Only ``wide`` can read it.
        SourceDataError: The file is not such rows; the message names the line.
    """
    block_bytes = 2 * limits.csv_row_bytes_max if wide else limits.csv_block_bytes
    try:
        yield from _compared(copy, form, names, limits, block_bytes=block_bytes, place=place)
    except pa.ArrowInvalid as error:
        if "straddling" in str(error) and not wide:
            raise WideRowError from error
        raise _diagnosed(copy, form, len(names), limits, place) from error


def _compared(
    copy: Path, form: Format, names: list[str], limits: Limits, *, block_bytes: int, place: str
) -> Iterator[pa.Table]:
    with copy.open(encoding="utf-8", newline="") as stream:
        witness = _Witness(stream, form, limits, place)
        rows = witness.rows(columns=len(names))
        if form.header:
            next(rows, None)
        for batch in _arrow_batches(copy, form, names, block_bytes):
            table = pa.Table.from_batches([batch])
            seen = list(islice(rows, table.num_rows))
            if _columns(seen, form, names, table.num_rows) != [column.combine_chunks() for column in table.columns]:
                raise _disagreed(witness, place)
            yield _unescaped(table) if form.is_lettered else table
        if next(rows, None) is not None:
            raise _disagreed(witness, place)


def _arrow_batches(copy: Path, form: Format, names: list[str], block_bytes: int) -> Iterator[pa.RecordBatch]:
    header = _header_lines(copy, form)
    if header is None:
        return
    with pa.OSFile(str(copy)) as stream:
        yield from arrow_csv.open_csv(
            stream,
            read_options=arrow_csv.ReadOptions(
                column_names=names, block_size=block_bytes, use_threads=False, skip_rows_after_names=header
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=form.delimiter,
                quote_char=form.quote or False,
                double_quote=True,
                newlines_in_values=bool(form.quote),
                # An empty line is a row of one null where there is one column, and no row where there are more.
                ignore_empty_lines=len(names) > 1,
            ),
            convert_options=arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=list(form.nulls),
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )


def _header_lines(copy: Path, form: Format) -> int | None:
    """How many rows come before the first value; None when no row comes after them."""
    with copy.open(encoding="utf-8", newline="") as stream:
        rows = 0
        for line in stream:
            if line.strip("\r\n"):
                rows += 1
            if rows > 1 or (rows and not form.header):
                break
        else:
            return None
    return int(form.header)


@dataclass(frozen=True)
class _Row:
    cells: list[str]
    raw: str


class _Witness:
    """Python's csv module in its strict mode, with each row as it was written beside its cells."""

    def __init__(self, stream: IO[str], form: Format, limits: Limits, place: str) -> None:
        self._stream, self._form, self._limits, self._place = stream, form, limits, place
        self._raw: list[str] = []
        self._size = 0
        self.line = 0
        csv.field_size_limit(limits.csv_row_bytes_max)

    def rows(self, columns: int | None = None) -> Iterator[_Row]:
        reader = csv.reader(
            self._lines(),
            delimiter=self._form.delimiter,
            quotechar=self._form.quote or None,
            quoting=csv.QUOTE_MINIMAL if self._form.quote else csv.QUOTE_NONE,
            strict=True,
        )
        while True:
            self.line = reader.line_num + 1
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise self._refused(str(error)) from error
            if cells is None:
                return
            raw, self._raw, self._size = "".join(self._raw), [], 0
            if not cells and columns != 1:
                continue
            cells = cells or [""]
            if columns is not None and len(cells) != columns:
                raise self._refused(f"has {len(cells)} fields where {columns} are expected")
            yield _Row(cells, raw)

    def _lines(self) -> Iterator[str]:
        while line := self._stream.readline(self._limits.csv_row_bytes_max + 1):
            self._size += len(line)
            if self._size > self._limits.csv_row_bytes_max:
                raise self._refused(f"is longer than the limit of {self._limits.csv_row_bytes_max} characters")
            self._raw.append(line)
            yield line

    def _refused(self, words: str) -> SourceDataError:
        told = _WORDS.get(words, words)
        hint = "Is it the right delimiter, quote or escape? Declare them in schema.yaml, or have the file mended."
        return SourceDataError(f"the row that begins in line {self.line} {told}", place=self._place, hint=hint)


_WORDS = {
    "unexpected end of data": "opens a quote that is never closed",
    "',' expected after '\"'": "has text behind a closing quote",
}


def _columns(rows: list[_Row], form: Format, names: list[str], expected: int) -> list[pa.Array] | None:
    """What the witness saw, with the null markers that stand without quotes as nulls."""
    if len(rows) != expected:
        return None
    if not rows:
        return [pa.array([], pa.string()) for _ in names]
    markers = frozenset(form.nulls)
    kept: list[list[int]] = [[] for _ in names]  # rows whose marker stands in quotes, and so is a text
    for number, row in enumerate(rows):
        if form.quote and form.quote in row.raw and not markers.isdisjoint(row.cells):
            for numbers, cell, within in zip(kept, row.cells, _quoted(row, form), strict=True):
                if within and cell in markers:
                    numbers.append(number)
    cells = zip(*(row.cells for row in rows), strict=True)
    return [_with_nulls(pa.array(column, pa.string()), form.nulls, kept[at]) for at, column in enumerate(cells)]


def _with_nulls(texts: pa.Array, markers: tuple[str, ...], kept: list[int]) -> pa.Array:
    is_null = pc.is_in(texts, pa.array(markers, pa.string())).to_numpy(zero_copy_only=False)
    if not is_null.any():
        return texts
    is_null = is_null.copy()
    is_null[kept] = False
    return pc.if_else(pa.array(is_null), pa.scalar(None, pa.string()), texts)


def _quoted(row: _Row, form: Format) -> list[bool]:
    """Which fields of a row stand in quotes."""
    if not form.quote or form.quote not in row.raw:
        return [False] * len(row.cells)
    quote, delimiter = re.escape(form.quote), re.escape(form.delimiter)
    field = rf"(?:({quote}(?:[^{quote}]|{quote}{quote})*{quote})|([^{delimiter}\r\n]*))(?:{delimiter}|[\r\n]*\Z)"
    found = [match[1] is not None for match in re.finditer(field, row.raw)]
    # At the end of the text, the pattern fits once more, emptily.
    return [*found, *[False] * len(row.cells)][: len(row.cells)]


def _unescaped(table: pa.Table) -> pa.Table:
    def resolve(column: pa.ChunkedArray) -> pa.Array:
        if not pc.any(pc.match_substring(column, "\\")).as_py():
            return column.combine_chunks()
        return pa.array([None if text is None else unescaped(text) for text in column.to_pylist()], pa.string())

    return pa.table([resolve(column) for column in table.columns], names=table.column_names)


def _disagreed(witness: _Witness, place: str) -> SourceDataError:
    hint = "Is it the right delimiter, quote or escape? Declare them in schema.yaml, or have the file mended."
    return SourceDataError(f"two readers see different fields before line {witness.line}", place=place, hint=hint)


def _diagnosed(copy: Path, form: Format, columns: int, limits: Limits, place: str) -> SourceDataError:
    """Let the witness read on alone until it finds what is wrong."""
    with copy.open(encoding="utf-8", newline="") as stream:
        witness = _Witness(stream, form, limits, place)
        try:
            for _ in witness.rows(columns=columns):
                pass
        except SourceDataError as error:
            return error
    return _disagreed(witness, place)
