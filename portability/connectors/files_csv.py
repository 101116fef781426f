"""Rows of a delimited file, read twice side by side by readers that share nothing, and compared cell by cell.

Arrow's reader is the one whose rows are taken; Python's own csv module, in its strict mode, is the witness. Where they
do not see the same cells the file is refused: a quote that never closes, text behind a closing quote and rows of
another length are read by one or the other as something that nobody wrote.

The witness tells where a row ends, and Arrow gets some rows at a time: on its own it reads 32 blocks ahead, whatever
their length. Nothing is hidden by that: a reader that is still within quotes at the end of a piece has other cells.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass
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

__all__ = ["Format", "read_header", "read_rows"]


@dataclass(frozen=True, kw_only=True)
class Format:
    """How a file's rows are written.

    Args:
        delimiter: One character between fields.
        quote: One character around fields; none when empty.
        escape: ``doubled`` (a quote within quotes stands twice) or ``backslash``.
        nulls: Texts without quotes that mean null.
        header: Whether the first row holds names, not values.
        comment_mark: What no row may begin with; nothing when empty.
    """

    delimiter: str = ","
    quote: str = '"'
    escape: str = "doubled"
    nulls: tuple[str, ...] = ("",)
    header: bool = True
    comment_mark: str = ""

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


def read_rows(copy: Path, form: Format, names: list[str], limits: Limits, *, place: str) -> Iterator[pa.Table]:
    """Yield a file's rows as texts and nulls, without its header.

    Raises:
        SourceDataError: The file is not such rows; the message names the line.
    """
    with copy.open(encoding="utf-8", newline="") as stream:
        witness = _Witness(stream, form, limits, place)
        rows = witness.rows(columns=len(names))
        if form.header and (header := next((row for row in rows if row.raw.strip("\r\n")), None)):
            _compared([header], form, names, witness)
        while piece := _piece(rows, limits.csv_compared_bytes):
            table = _compared(piece, form, names, witness)
            yield _unescaped(table) if form.is_lettered else table


def _piece(rows: Iterator[_Row], size: int) -> list[_Row]:
    """So many rows as have so many characters together, and at least one."""
    piece, length = [], 0
    for row in rows:
        piece.append(row)
        length += len(row.raw)
        if length >= size:
            break
    return piece


def _compared(piece: list[_Row], form: Format, names: list[str], witness: _Witness) -> pa.Table:
    try:
        table = _read_by_arrow("".join(row.raw for row in piece).encode(), form, names)
    except pa.ArrowInvalid as error:
        raise witness.disagreed() from error
    if _columns(piece, form, names, table.num_rows) != [column.combine_chunks() for column in table.columns]:
        raise witness.disagreed()
    return table


def _read_by_arrow(content: bytes, form: Format, names: list[str]) -> pa.Table:
    if content.startswith(codecs.BOM_UTF8):
        content = codecs.BOM_UTF8 + content  # it leaves one out, which is a character here
    return arrow_csv.read_csv(
        pa.BufferReader(content),
        # One block: a row longer than a block would be an error.
        read_options=arrow_csv.ReadOptions(column_names=names, block_size=len(content) + 1, use_threads=False),
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
            if self._form.comment_mark and raw.startswith(self._form.comment_mark):
                raise self._commented()
            if columns is not None and len(cells) != columns:
                raise self._refused(f"has {len(cells)} fields where {columns} are expected")
            yield _Row(cells, raw)

    def _lines(self) -> Iterator[str]:
        while line := self._stream.readline(self._limits.csv_row_bytes_max + 1):
            self._size += len(line) if line.isascii() else len(line.encode())
            if self._size > self._limits.csv_row_bytes_max:
                raise self._refused(f"is longer than the limit of {self._limits.csv_row_bytes_max} bytes")
            self._raw.append(line)
            yield line

    def _refused(self, words: str) -> SourceDataError:
        told = _WORDS.get(words, words)
        return SourceDataError(f"the row that begins in line {self.line} {told}", place=self._place, hint=_MEND)

    def disagreed(self) -> SourceDataError:
        """Say that the other reader saw other cells in the rows before here."""
        words = f"two readers see different fields before line {self.line}"
        return SourceDataError(words, place=self._place, hint=_MEND)

    def _commented(self) -> SourceDataError:
        words = f"the row that begins in line {self.line} begins like a comment, with {self._form.comment_mark}"
        hint = 'Say "commentPrefix": null in the dialect when it is a row like the others; remove it when it is none.'
        return SourceDataError(words, place=self._place, hint=hint)


_MEND = "Is it the right delimiter, quote or escape? Declare them in schema.yaml, or have the file mended."
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
