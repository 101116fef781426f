"""Excel workbooks: typed cells, one sheet a table, further sheets and workbooks where one is full.

A number is a number only when Excel's fifteen digits hold all of it; a date is a date only from March 1900, where all
programs count alike. Everything else is text that says exactly the same. A text is always written as a text, so that no
data runs as a formula.
"""

from __future__ import annotations

import math
import re
import zipfile
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.converting.contract import Form, Material, Report, TableMaterial
from portability.converting.texts import column_texts
from portability.errors import FormatError, TargetError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

__all__ = ["FORM"]

_DIGITS_MAX = 15
_INTEGER_MAX: int = 10**_DIGITS_MAX
_FIRST_DATE = date(1900, 3, 1)  # before it Excel counts a day that never was, and LibreOffice does not
_NAME_MAX = 31
_FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\'", "_"))
_SHORT = 32_000  # of a text that does not fit, what stands in the cell
_CODED = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]|_x[0-9a-fA-F]{4}_")
_CONTENTS = "Contents"
_FORMATS = {
    "head": {"bold": True, "bottom": 1},
    "date": {"num_format": "yyyy-mm-dd"},
    "datetime": {"num_format": "yyyy-mm-dd hh:mm:ss"},
    "instant": {"num_format": 'yyyy-mm-dd hh:mm:ss"Z"'},
    "text": {"num_format": "@"},
}


def _write(material: Material, folder: Path, report: Report) -> None:
    import xlsxwriter  # noqa: PLC0415 -- an extra: asked for only where it is used

    def new(number: int) -> Workbook:
        name = "archive.xlsx" if number == 1 else f"archive-{number}.xlsx"
        # Rows go to disk as they come; a number of 16 digits in the file's XML reads back as the same double.
        options = {
            "constant_memory": True,
            "tmpdir": str(folder),
            "strings_to_formulas": False,
            "strings_to_urls": False,
        }
        workbook = xlsxwriter.Workbook(str(folder / name), options)
        workbook.use_zip64()
        # A clock in the file would make two conversions of one archive differ.
        workbook.set_properties({"created": datetime(2000, 1, 1), "comments": "Made from an archive"})  # noqa: DTZ001
        return workbook

    try:
        books = _Books(new, material, folder, report)
        for table in material.tables:
            material.progress(f"xlsx {table.name}")
            books.add(table)
        books.close()
    except xlsxwriter.exceptions.XlsxWriterException as error:
        hint = "Is the disk full? Nothing was left behind."
        raise TargetError("the workbook cannot be written", place="archive.xlsx", hint=hint) from error
    _check(folder, report)


class _Books:
    """Open workbooks' state: which sheet takes the next row, which names are taken."""

    def __init__(self, new: Callable[[int], Workbook], material: Material, folder: Path, report: Report) -> None:
        self._new = new
        self._material = material
        self._long = _LongTexts(folder, report, material.limits.xlsx_cell_characters_max)
        self._report = report
        self._number = 0
        self._rows = 0
        self._open()

    def _open(self) -> None:
        self._number += 1
        self._rows = 0
        self._book = self._new(self._number)
        self._formats = {name: self._book.add_format(options) for name, options in _FORMATS.items()}
        self._taken = {_CONTENTS.casefold(), "history"}
        self._contents = self._book.add_worksheet(_CONTENTS)
        self._listed: list[tuple[str, str, int, str]] = []
        self._report.count("workbooks")

    def add(self, table: TableMaterial) -> None:
        """Write a table to a sheet, and on to further sheets and workbooks."""
        if self._rows >= self._material.limits.xlsx_workbook_rows_max:
            self._next_book()
        part, row = 1, 0
        sheet, cells = self._sheet(table, part), self._cells(table)
        for values in _rows(table, self._material):
            full = self._rows >= self._material.limits.xlsx_workbook_rows_max
            if full or row + 1 >= self._material.limits.xlsx_sheet_rows_max:
                self._list(sheet, table, row)
                if full:
                    self._next_book()
                    cells = self._cells(table)
                part, row = part + 1, 0
                sheet = self._sheet(table, part)
                self._report.remark("tables that go on in a further sheet", table.name)
            row += 1
            self._rows += 1
            for column, (write, value) in enumerate(zip(cells, values, strict=True)):
                if value is not None:
                    write(sheet, row, column, value)
        self._list(sheet, table, row)
        self._report.count("tables")
        self._report.count("rows", table.rows)

    def _next_book(self) -> None:
        self._finish()
        self._open()

    def _cells(self, table: TableMaterial) -> list[Callable[[Worksheet, int, int, Any], None]]:
        return [
            _Cells(
                place=f"{table.name}.{field.name}",
                style=self._formats_for(field),
                zoned=pa.types.is_timestamp(field.type) and field.type.tz is not None,
                long=self._long,
                report=self._report,
            ).write
            for field in table.schema
        ]

    def close(self) -> None:
        """Write the last workbook."""
        self._finish()

    def _sheet(self, table: TableMaterial, part: int) -> Worksheet:
        name = _sheet_name(table.name if part == 1 else f"{table.name} ({part})", self._taken)
        sheet = self._book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        for column, field in enumerate(table.schema):
            sheet.set_column(column, column, min(40, max(12, len(field.name) + 2)))
            sheet.write_string(
                0, column, field.name[: self._material.limits.xlsx_cell_characters_max], self._formats["head"]
            )
        self._report.count("sheets")
        return sheet

    def _formats_for(self, field: pa.Field) -> Format | None:
        kind = field.type
        if pa.types.is_date(kind):
            return self._formats["date"]
        if pa.types.is_timestamp(kind):
            return self._formats["instant" if kind.tz else "datetime"]
        if pa.types.is_decimal(kind):
            name = f"decimal{kind.scale}"
            if name not in self._formats:
                shape = f"0.{'0' * min(kind.scale, 2)}{'#' * max(0, kind.scale - 2)}" if kind.scale else "0"
                self._formats[name] = self._book.add_format({"num_format": shape})
            return self._formats[name]
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind):
            return None
        return self._formats["text"]

    def _list(self, sheet: Worksheet, table: TableMaterial, rows: int) -> None:
        words = table.resource.get("description") or table.resource.get("title", "")
        self._listed.append((sheet.get_name(), table.name, rows, words))

    def _finish(self) -> None:
        sheet, head = self._contents, self._formats["head"]
        sheet.set_column(0, 1, 32)
        sheet.set_column(3, 3, 80)
        for column, title in enumerate(("sheet", "table", "rows", "meaning")):
            sheet.write_string(0, column, title, head)
        for row, (name, table, rows, words) in enumerate(self._listed, 1):
            sheet.write_string(row, 0, name)
            sheet.write_string(row, 1, table)
            sheet.write_number(row, 2, rows)
            sheet.write_string(row, 3, words)
        self._book.close()


def _sheet_name(name: str, taken: set[str]) -> str:
    """Make a name that Excel takes: 31 characters, none that it forbids, unlike all others in any case."""
    stem = name.translate(_FORBIDDEN)[:_NAME_MAX] or "_"
    candidate, number = stem, 1
    while candidate.casefold() in taken:
        number += 1
        end = f"~{number}"
        candidate = stem[: _NAME_MAX - len(end)] + end
    taken.add(candidate.casefold())
    return candidate


def _rows(table: TableMaterial, material: Material) -> Iterator[tuple[Any, ...]]:
    for batch in table.batches(material.limits):
        yield from zip(*(_python(column) for column in batch.columns), strict=True)


def _python(column: pa.Array) -> list[Any]:
    """Give values as Python has them where Excel may have them too, and as text elsewhere."""
    kind = column.type
    if pa.types.is_duration(kind):
        return list(column.cast(pa.int64()).to_pylist())
    plain = (pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_boolean)
    if any(holds(kind) for holds in plain):
        return list(column.to_pylist())
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        try:
            return list(column.to_pylist())
        except (ValueError, OverflowError):  # a year that Python does not know stands as text
            return list(column_texts(column).to_pylist())
    return list(column_texts(column).to_pylist())


class _LongTexts:
    """Texts longer than a cell: whole in a file of their own, the beginning in the cell."""

    def __init__(self, folder: Path, report: Report, characters_max: int) -> None:
        self._folder = folder / "long_texts"
        self._report = report
        self._max = characters_max
        self._number = 0

    def fit(self, text: str, place: str) -> str:
        """Return the text, or its beginning and the name of the file that has all of it."""
        # Excel counts UTF-16 units.
        if len(text) <= self._max and len(text.encode("utf-16-le")) <= 2 * self._max:
            return text
        self._folder.mkdir(exist_ok=True)
        self._number += 1
        name = f"{self._number:06}.txt"
        (self._folder / name).write_bytes(text.encode())
        self._report.remark(f"texts longer than {self._max:,} characters, whole in long_texts/, cut in the cell", place)
        kept = text.encode("utf-16-le")[: 2 * min(_SHORT, self._max - 100)].decode("utf-16-le", "ignore")
        return f"{kept} … [whole text: long_texts/{name}]"


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """What the cells of one column are written with."""

    place: str
    style: Format | None
    zoned: bool
    long: _LongTexts
    report: Report

    def write(self, sheet: Worksheet, row: int, column: int, value: Any) -> None:  # noqa: ANN401 -- any value of a column
        """Write a value as the type that holds it exactly."""
        if isinstance(value, str):
            self._text(sheet, row, column, value)
        elif isinstance(value, bool):
            sheet.write_boolean(row, column, value)
        elif isinstance(value, datetime):
            self._time(sheet, row, column, value.replace(tzinfo=None))
        elif isinstance(value, date):
            if value >= _FIRST_DATE:
                sheet.write_datetime(row, column, value, self.style)
            else:
                self.report.remark("dates before March 1900, written as text", self.place)
                self._text(sheet, row, column, value.isoformat())
        elif _fits(value):
            sheet.write_number(row, column, float(value), self.style)
        else:
            self.report.remark("numbers that fifteen digits do not hold, written as text", self.place)
            self._text(sheet, row, column, format(value, "f") if isinstance(value, Decimal) else repr(value))

    def _time(self, sheet: Worksheet, row: int, column: int, value: datetime) -> None:
        if value.date() >= _FIRST_DATE and not value.microsecond:
            sheet.write_datetime(row, column, value, self.style)
        else:
            what = "times before March 1900 or with fractions of a second, written as text"
            self.report.remark(what, self.place)
            self._text(sheet, row, column, value.isoformat() + ("Z" if self.zoned else ""))

    def _text(self, sheet: Worksheet, row: int, column: int, value: str) -> None:
        if _CODED.search(value):
            what = (
                "carriage returns and control characters, coded as Excel does (_x000D_): other programs may drop them"
            )
            self.report.remark(what, self.place)
        if sheet.write_string(row, column, self.long.fit(value, self.place), self.style):
            raise FormatError("a cell was not written", place=self.place)


def _fits(value: float | Decimal) -> bool:
    """Tell whether a double, written as Excel does, gives the number back exactly."""
    if isinstance(value, int):
        return abs(value) < _INTEGER_MAX
    if isinstance(value, Decimal):
        # Not normalize(): that rounds to the context's precision.
        digits = "".join(map(str, value.as_tuple().digits)).strip("0")
        return len(digits) <= _DIGITS_MAX and abs(value) < _INTEGER_MAX
    number = float(value)
    return math.isfinite(number) and float(f"{number:.16G}") == number


def _check(folder: Path, report: Report) -> None:
    for path in sorted(folder.glob("*.xlsx")):
        with zipfile.ZipFile(path) as book:
            if (bad := book.testzip()) is not None:
                raise FormatError(f"the workbook's part {bad} was not written whole", place=path.name)
            sheets = [name for name in book.namelist() if name.startswith("xl/worksheets/sheet")]
            report.count("checked_parts", len(sheets))


FORM = Form(
    name="xlsx",
    title="Excel workbooks",
    write=_write,
    tables=True,
    module="xlsxwriter",
    cannot_hold=(
        "A sheet holds 1,048,576 rows: what is more goes on in further sheets and workbooks; Contents lists them.",
        "A cell holds 32,767 characters: longer texts stand whole in long_texts/, and the cell names the file.",
        "Numbers have fifteen digits: what needs more is text. Money is never rounded.",
        "Dates begin in March 1900 and times have whole seconds: others are text. Instants are in UTC.",
        "A null is an empty cell; an empty text looks the same.",
        "Every text is stored as a text: nothing in the data runs as a formula.",
        "Carriage returns and control characters are coded as Excel does (_x000D_), and read back by it.",
        "Bytes are base64, nested values JSON, durations a number of microseconds.",
        "Documents and values longer than 1 MiB are not in it: <column>__file names them. Documents: --to files.",
    ),
)
