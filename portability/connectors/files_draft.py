"""A first schema file for a folder that has none: what was assumed, written down, and the types that would fit.

Types stand in comments: that every value of today fits one does not make it the column's type. A person decides.
"""

from __future__ import annotations

import json
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
# Assumed, and to be looked at: encoding, delimiter, header. A type in a comment is one that every value fits today.
tables:
"""
_DATES = ("", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%Y%m%d", "%d-%m-%Y")


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
    lines += [f"    header: {file.declared.header}", "    nulls: ['']", "    # primary_key: [...]", "    columns:"]
    for column in table.columns:
        fitting = _fitting(snapshot, table, column)
        lines.append(f"    - {{name: {_text(column.name)}, type: text}}" + (f"  # {fitting}" if fitting else ""))
    return "\n".join(lines) + "\n"


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)  # which is YAML, on one line


def _fitting(snapshot: CsvSnapshot, table: Table, column: Column) -> str:
    """Name the types that all texts of a column fit, in the words of the schema file."""
    name, relation = snapshot.quote(column.name), snapshot.relation(table)
    candidates = _candidates()
    unfit = [f"coalesce(sum(CASE WHEN {each.unfit(name)} THEN 1 ELSE 0 END), 0)" for each, _ in candidates]
    # A number that begins with a zero is a name: a telephone, an account, a matter.
    zeros = f"count(*) FILTER (WHERE regexp_matches({name}, '^0[0-9]'))"
    places = f"max(strlen(regexp_extract({name}, '[.,]([0-9]+)$', 1)))"
    digits = f"max(strlen(regexp_replace({name}, '[^0-9]', '', 'g')))"
    ((filled, named, scale, width, *found),) = snapshot.rows(
        f"SELECT count({name}), {zeros}, {places}, {digits}, {', '.join(unfit)} FROM {relation}"
    )
    if not filled:
        return "no value in any row"
    fitting = [words for (_, words), count in zip(candidates, found, strict=True) if not count]
    if named:
        fitting = [words for words in fitting if "integer" not in words and "decimal" not in words]
    if "type: integer" in fitting:
        fitting = [words for words in fitting if "decimal" not in words]
    told = [words.format(precision=max(int(width or 1), 12), scale=int(scale or 0)) for words in fitting]
    return f"all {filled} values fit {' or '.join(told)}" if told else ""


def _candidates() -> list[tuple[Conversion, str]]:
    def as_type(declared: str, spelling: Spelling | None = None) -> Conversion:
        return conversion_of(declared, place="draft", spelling=spelling)

    dates = [
        (as_type("date", Spelling(format=form)), f'type: date, format: "{form}"' if form else "type: date")
        for form in _DATES
    ]
    return [
        (as_type("integer"), "type: integer"),
        (as_type("decimal(38,10)"), 'type: "decimal({precision},{scale})"'),
        (
            as_type("decimal(38,10)", Spelling(decimal_mark=",", group_mark=".")),
            'type: "decimal({precision},{scale})", decimal_mark: ",", group_mark: "."',
        ),
        *dates,
        (as_type("timestamp"), "type: timestamp"),
    ]
