"""What is assumed about a file that nobody declared: its encoding, delimiter and header. Each assumption is told.

Nothing is assumed about types. The delimiter is the one that gives every row of the sample the same number of fields;
the encoding is UTF-8 where every byte of the file is, else cp1252, in which every byte but five is a letter.
"""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import TYPE_CHECKING

from portability.connectors.files_text import python_codec
from portability.errors import ConfigError

if TYPE_CHECKING:
    from portability.connectors.files_declared import DeclaredTable
    from portability.connectors.files_text import Look

__all__ = ["assumed"]

_DELIMITERS = (",", ";", "\t", "|")
_LEGACY = "cp1252"


def assumed(table: DeclaredTable, look: Look) -> tuple[DeclaredTable, tuple[str, ...]]:
    """Fill in what is not declared, and say in words what was assumed and how sure it is."""
    told: list[str] = []
    encoding = table.encoding
    if encoding and look.bom:
        encoding = _agreed(encoding, look, table.file)
    if encoding is None:
        encoding, sure = _encoding(look)
        told.append(f"encoding {encoding} ({sure})")
    delimiter = table.delimiter
    if delimiter is None:
        delimiter, sure = _delimiter(look.sample.decode(encoding, "replace"), table)
        told.append(f"delimiter {_named(delimiter)} ({sure})")
    if table.header is None:
        told.append("the first row names the columns")
    if not table.columns:
        told.append("every column is text")
    filled = replace(
        table,
        encoding=encoding,
        delimiter=delimiter,
        quote='"' if table.quote is None else table.quote,
        escape=table.escape or "doubled",
        header=table.header or "names",
        nulls=("",) if table.nulls is None else table.nulls,
    )
    notes = [f"{table.file}: assumed: {'; '.join(told)}"] if told else []
    if table.encoding and look.is_utf8 and not look.is_ascii and not encoding.startswith("utf"):
        notes.append(f"{table.file}: declared as {encoding}, yet every byte sequence is UTF-8: accents want a look")
    if look.inner_boms:
        notes.append(
            f"{table.file}: {look.inner_boms} byte order marks stand within the file, as where files were put "
            "together: each was read as a character of its value"
        )
    if look.lone_returns and not encoding.startswith("utf-16"):
        notes.append(
            f"{table.file}: {look.lone_returns} carriage returns have no line feed behind them, others have: outside "
            "quotes each was read as the end of a line"
        )
    return filled, tuple(notes)


def _agreed(declared: str, look: Look, place: str) -> str:
    """The encoding of a byte order mark, which says more than the declaration: which byte comes first."""
    name = python_codec(declared, place=place)
    if not look.bom.startswith(name.removesuffix("-sig")):
        hint = "Correct the encoding in the declaration, or remove it there."
        words = f"declared as {declared}, but its byte order mark says {look.bom}"
        raise ConfigError(words, place=place, hint=hint)
    return look.bom


def _encoding(look: Look) -> tuple[str, str]:
    if look.bom:
        return look.bom, "certain: it has a byte order mark"
    zeros = [look.sample[start::2].count(0) * 4 > len(look.sample) for start in (0, 1)]
    if zeros[0] != zeros[1]:
        return ("utf-16-be" if zeros[0] else "utf-16-le"), "likely: every other byte is zero"
    if look.is_ascii:
        return "utf-8", "certain: every byte is ASCII"
    if look.is_utf8:
        return "utf-8", "nearly certain: every byte sequence is valid"
    return _LEGACY, "a guess: it is not UTF-8; accents and currency signs want a look"


def _delimiter(sample: str, table: DeclaredTable) -> tuple[str, str]:
    sample = sample.lstrip("\ufeff")
    end = max(sample.rfind("\n"), sample.rfind("\r"))
    text = sample[:end] if end > 0 else sample
    found = {delimiter: _widths(text, delimiter, table) for delimiter in _DELIMITERS}
    even = [each for each in _DELIMITERS if len(set(found[each])) == 1 and found[each][0] > 1]
    if even:
        best = max(even, key=lambda each: found[each][0])
        rows, width = len(found[best]), found[best][0]
        others = f", as would be {', '.join(map(_named, even))}" if len(even) > 1 else ""
        return best, f"{'likely' if rows > 1 else 'a guess'}: the first {rows} rows have {width} fields each{others}"
    first = {each: widths[0] for each, widths in found.items() if widths}
    widest = max(first, key=lambda each: first[each], default=",")
    if first.get(widest, 1) == 1:
        return ",", "a guess: the first row has one field"
    return widest, f"a guess: rows have {min(found[widest])} to {max(found[widest])} fields"


def _widths(text: str, delimiter: str, table: DeclaredTable) -> list[int]:
    """How many fields each row of the sample has; the last one may be cut."""
    quote = '"' if table.quote is None else table.quote
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
    )
    try:
        return [len(row) for row in reader if row]
    except csv.Error:
        return []


def _named(delimiter: str) -> str:
    return {"\t": "tab"}.get(delimiter, delimiter)
