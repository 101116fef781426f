"""A first schema file for a folder that has none: what was assumed, written down, and the types that would fit.

Types stand in comments: that every value of today fits one does not make it the column's type. A person decides. Where
a few values do not fit what most do, that is said, with the shape of one of them and never the value.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.connectors.files import CsvSnapshot, form_of
from portability.connectors.files_types import Conversion, Spelling, conversion_of
from portability.errors import ConfigError

if TYPE_CHECKING:
    from portability.connectors.connector import Connector
    from portability.manifest import Column, Table

__all__ = ["draft_schema"]

_HEAD = """\
# What the files of this folder hold: docs/file_sources.md says what may stand here. Save it as schema.yaml beside them.
# Assumed, and to be looked at: encoding, delimiter, header. A type in a comment is one that every value fits today, or
# that most do: then look at the others (in their shape, 9 is a digit and a is a letter), which would become exceptions.
tables:
"""
_INTEGER = "type: integer"
_DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d-%m-%Y")
_SHAPE_MAX = 40


def draft_schema(connector: Connector) -> str:
    """Return the text of a schema file.

    Raises:
        ConfigError: The source is no folder of delimited files.
    """
    with connector.snapshot() as snapshot:
        if not isinstance(snapshot, CsvSnapshot):
            hint = "Only folders of CSV files need one; a database and Parquet files declare themselves."
            raise ConfigError("has nothing to declare", place=connector.url.label, hint=hint)
        return _HEAD + "".join(_table(snapshot, table) for table in snapshot.discover().tables)


def _table(snapshot: CsvSnapshot, table: Table) -> str:
    file = snapshot.file_of(table)
    form = form_of(file)
    lines = [f"  {_text(file.declared.file)}:"]
    lines += [f"    name: {_text(table.name)}"]
    written = {"encoding": file.declared.encoding, "delimiter": form.delimiter, "quote": form.quote}
    lines += [f"    {key}: {_text(value or '')}" for key, value in written.items()]
    # What a CSVW description names by titles stands below in the files' order.
    header = "ignored" if file.declared.header == "titles" else file.declared.header
    lines += [f"    header: {header}", "    nulls: ['']", "    # primary_key: [...]", "    columns:"]
    for column in table.columns:
        fitting = _fitting(snapshot, table, column)
        lines.append(f"    - {{name: {_text(column.name)}, type: text}}" + (f"  # {fitting}" if fitting else ""))
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # which is YAML, on one line


def _fitting(snapshot: CsvSnapshot, table: Table, column: Column) -> str:
    """Name the types that all texts of a column fit, in the words of the schema file; or the one that most do."""
    name, relation = snapshot.quote(column.name), snapshot.relation(table)
    candidates = _candidates()
    unfit = [each.conversion.unfit(name) for each in candidates]
    # A number that begins with a zero is a name: a telephone, an account, a matter.
    zeros = f"count(*) FILTER (WHERE regexp_matches({name}, '^0[0-9]'))"
    places = f"max(strlen(regexp_extract({name}, '[.,]([0-9]+)$', 1)))"
    digits = f"max(strlen(regexp_replace({name}, '[^0-9]', '', 'g')))"
    counts = ", ".join(f"count(*) FILTER (WHERE {each})" for each in unfit)
    ((filled, named, scale, width, *found),) = snapshot.rows(
        f"SELECT count({name}), {zeros}, {places}, {digits}, {counts} FROM {relation}"
    )
    if not filled:
        return "no value in any row"
    left = [(count, each) for count, each in zip(found, candidates, strict=True) if not (named and each.is_number)]
    fitting = [each.declaration for count, each in left if not count]
    if _INTEGER in fitting:
        fitting = [words for words in fitting if "decimal" not in words]
    told = [words.format(precision=max(int(width or 1), 12), scale=int(scale or 0)) for words in fitting]
    if told:
        return f"all {filled} values fit {' or '.join(told)}"
    few, nearest = min(left, key=lambda each: int(each[0]))
    if 2 * few >= filled:
        return ""
    shape = _shape(snapshot, name, relation, nearest.conversion.unfit(name))
    return f"{filled - few} of {filled} values are {nearest.words}, {few} not: of the shape {_text(shape)}"


def _shape(snapshot: CsvSnapshot, name: str, relation: str, condition: str) -> str:
    """Return the shape of one of the texts that a condition finds: 9 for a digit, a for a letter, no client's value."""
    shape = f"regexp_replace(regexp_replace({name}, '[0-9]', '9', 'g'), '\\p{{L}}', 'a', 'g')"
    ((found,),) = snapshot.rows(f"SELECT min({shape}) FROM {relation} WHERE {condition}")
    return found if len(found) <= _SHAPE_MAX else f"{found[:_SHAPE_MAX]}…"


@dataclass(frozen=True)
class _Candidate:
    """A type that a column might have, as the schema file declares it and in plain words."""

    conversion: Conversion
    declaration: str
    words: str
    is_number: bool = False


def _candidates() -> list[_Candidate]:
    def as_type(declared: str, spelling: Spelling | None = None) -> Conversion:
        return conversion_of(declared, place="draft", spelling=spelling)

    decimal = 'type: "decimal({precision},{scale})"'
    german = Spelling(decimal_mark=",", group_mark=".")
    return [
        _Candidate(as_type("integer"), _INTEGER, "whole numbers", is_number=True),
        _Candidate(as_type("decimal(38,10)"), decimal, "numbers", is_number=True),
        _Candidate(
            as_type("decimal(38,10)", german),
            f'{decimal}, decimal_mark: ",", group_mark: "."',
            "numbers with a decimal comma",
            is_number=True,
        ),
        _Candidate(as_type("date"), "type: date", "dates"),
        *(
            _Candidate(as_type("date", Spelling(format=form)), f'type: date, format: "{form}"', f"dates written {form}")
            for form in _DATES
        ),
        _Candidate(as_type("timestamp"), "type: timestamp", "times"),
    ]
