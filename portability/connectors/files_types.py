"""What a text in a file is: its declared type as a shape, as SQL for the control totals, and as Arrow's own conversion.

Two ways lead from a text to a value, so that each checks the other: DuckDB's casts for the totals, Arrow's for the
rows. Both start from the same declared spelling (decimal mark, date format), which a list of rewrites turns into the
standard one. A text that is not of its type's shape, or that the cast refuses, does not fit: it goes to the ledger.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from portability.duck import text_literal
from portability.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TEXT", "UNREADABLE_BYTES", "Conversion", "Spelling", "conversion_of", "shaped_as", "summable"]

# Characters that stand for bytes which are none in the file's encoding (files_text.py).
UNREADABLE_BYTES = "[\U0010ff00-\U0010ffff]"
_DIGITS_MAX = 38
_SUMMABLE_DIGITS = 28  # a sum of 10**10 decimals of this precision fits DuckDB's 38 digits

Rewrites = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """One declared type.

    Args:
        native: The declaration in words, as it stands in the archive.
        arrow: What the rows hold.
        kind: What its control totals are (portability.connectors.carrying).
        shape: A regular expression that a text matches whole; any text does when it is empty.
        rewrites: Patterns and their replacements that lead to the standard spelling, for both ways.
        sql: The value, where ``{t}`` is the rewritten text; null where the cast refuses.
        codec: How Arrow gets there: cast, base64, hex, words.
        words: The words of a boolean that mean true, and false.
    """

    native: str
    arrow: pa.DataType
    kind: str
    shape: str = ""
    rewrites: Rewrites = ()
    sql: str = "{t}"
    codec: str = "cast"
    words: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())

    @property
    def is_text(self) -> bool:
        """Every text that is text at all fits."""
        return not self.shape and self.sql == "{t}"

    def typed(self, name: str) -> str:
        """SQL of the value of a column that holds texts; null where it cannot be one."""
        for pattern, replacement in self.rewrites:
            name = f"regexp_replace({name}, {text_literal(pattern)}, {text_literal(replacement)}, 'g')"
        return self.sql.format(t=name)

    def unfit(self, name: str) -> str:
        """SQL that is true, and never null, where a text is there but is no such value."""
        broken = f"regexp_matches({name}, '{UNREADABLE_BYTES}')"
        if self.is_text:
            return f"coalesce({broken}, false)"
        shaped = f"regexp_full_match({name}, {text_literal(self.shape)}) AND " if self.shape else f"NOT {broken} AND "
        return f"({name} IS NOT NULL AND NOT coalesce({shaped}{self.typed(name)} IS NOT NULL, false))"

    def convert(self, texts: pa.Array) -> pa.Array:
        """Turn texts that fit into values."""
        if self.codec == "words":
            yes, no = (pa.array(words, pa.string()) for words in self.words)
            known = pc.or_(pc.is_in(texts, yes), pc.is_in(texts, no))
            return pc.if_else(known, pc.is_in(texts, yes), pa.scalar(None, pa.bool_()))
        for pattern, replacement in self.rewrites:
            texts = pc.replace_substring_regex(texts, pattern, replacement)
        return _CODECS[self.codec](texts, self.arrow)


def _cast(texts: pa.Array, arrow: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(arrow):
        return texts.dictionary_encode().cast(arrow)
    if isinstance(arrow, pa.JsonType):
        return pa.ExtensionArray.from_storage(arrow, texts)
    if pa.types.is_time(arrow):  # Arrow reads times of the day only behind a day
        day = pc.binary_join_element_wise(pa.scalar("1970-01-01"), texts, " ")
        return day.cast(pa.timestamp(arrow.unit)).cast(arrow)
    if pa.types.is_duration(arrow):
        return texts.cast(pa.int64()).cast(arrow)
    return texts.cast(arrow)


def _each(function: Callable[[str], object]) -> Callable[[pa.Array, pa.DataType], pa.Array]:
    def convert(texts: pa.Array, arrow: pa.DataType) -> pa.Array:
        storage = arrow.storage_type if isinstance(arrow, pa.BaseExtensionType) else arrow
        array = pa.array([None if text is None else function(text) for text in texts.to_pylist()], storage)
        return array if storage is arrow else pa.ExtensionArray.from_storage(arrow, array)

    return convert


_CODECS: dict[str, Callable[[pa.Array, pa.DataType], pa.Array]] = {
    "cast": _cast,
    "base64": _each(base64.b64decode),
    "hex": _each(binascii.unhexlify),
}

TEXT = Conversion(native="text", arrow=pa.string(), kind="text")


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """How a file writes what has several spellings."""

    decimal_mark: str = "."
    group_mark: str = ""
    format: str = ""
    true: tuple[str, ...] = ("true", "t", "1", "yes")
    false: tuple[str, ...] = ("false", "f", "0", "no")


_DECIMAL = re.compile(r"(?:decimal|numeric)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)")
_HEX_UUID = r"[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{12}"
_BASE64 = r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"
_SUB_SECOND = ((r"(\.[0-9]{6})0+$", r"\1"),)
_HOUR = r"(?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,6}0*)?)?"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"


def conversion_of(declared: str, *, place: str, spelling: Spelling | None = None) -> Conversion:
    """Return what a declared type means.

    Args:
        declared: ``text``, ``integer``, ``decimal(p,s)``, ``float``, ``boolean``, ``date``, ``timestamp``, ``instant``,
            ``time``, ``base64``, ``hex``, ``uuid`` or ``json``.
        place: File and column, for errors.
        spelling: How the file writes it; the standard when None.

    Raises:
        ConfigError: No such type, or its format cannot be read.
    """
    word, spelt = declared.strip().lower(), spelling or Spelling()
    if word == "text":
        return TEXT
    if word == "integer":
        return shaped_as(pa.int64(), "integer", spelt)
    if decimal := _DECIMAL.fullmatch(word):
        precision, scale = int(decimal[1]), int(decimal[2] or 0)
        if not 0 < precision <= _DIGITS_MAX or scale > precision:
            hint = f"Up to {_DIGITS_MAX} digits are exact here; longer numbers are `text`."
            raise ConfigError(f"a decimal of {precision} digits cannot be carried", place=place, hint=hint)
        return shaped_as(pa.decimal128(precision, scale), f"decimal({precision},{scale})", spelt)
    if word in ("date", "timestamp") and spelt.format:
        return _formatted(word, spelt.format, place)
    if word == "boolean":
        return _boolean(spelt, place)
    arrow = _ARROW.get(word)
    if arrow is None:
        known = ", ".join(["text", "integer", "decimal(p,s)", "boolean", *_ARROW])
        raise ConfigError(f"there is no type {declared!r} for a column of a file", place=place, hint=f"Types: {known}.")
    found = shaped_as(arrow, word, spelt)
    return _hex(found) if word == "hex" else found


_ARROW = {
    "float": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "instant": pa.timestamp("us", "UTC"),
    "time": pa.time64("us"),
    "base64": pa.binary(),
    "hex": pa.binary(),
    "uuid": pa.uuid(),
    "json": pa.json_(),
}


def shaped_as(arrow: pa.DataType, native: str, spelling: Spelling | None = None) -> Conversion:
    """Return the conversion to an Arrow type from its standard spelling; a type that has none arrives as JSON text."""
    spelt = spelling or Spelling()
    if pa.types.is_integer(arrow):
        return _integer(arrow, native, spelt)
    if pa.types.is_decimal128(arrow):
        return _decimal(arrow, native, spelt)
    if pa.types.is_boolean(arrow):
        return _boolean(spelt, native)
    if pa.types.is_string(arrow) or pa.types.is_large_string(arrow):
        return Conversion(native=native, arrow=arrow, kind="text")
    for holds, parts in _SHAPES:
        if holds(arrow):
            return Conversion(native=native, arrow=arrow, **parts)
    return Conversion(
        native=f"{native} as JSON", arrow=pa.json_(), kind="text", sql="CASE WHEN json_valid({t}) THEN {t} END"
    )


_FLOAT = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?i:inf|infinity)|[+-]?(?i:nan)"
_SHAPES: tuple[tuple[Callable[[pa.DataType], bool], dict[str, Any]], ...] = (
    (
        pa.types.is_float64,
        {"kind": "float", "shape": _FLOAT, "sql": "TRY_CAST({t} AS DOUBLE)", "rewrites": ((r"^\+", ""),)},
    ),
    (
        pa.types.is_float32,
        {"kind": "float", "shape": _FLOAT, "sql": "TRY_CAST({t} AS FLOAT)", "rewrites": ((r"^\+", ""),)},
    ),
    (pa.types.is_date32, {"kind": "date", "shape": _DAY, "sql": "TRY_CAST({t} AS DATE)"}),
    (
        lambda kind: pa.types.is_timestamp(kind) and kind.tz is None,
        {
            "kind": "timestamp",
            "shape": f"{_DAY}[ T]{_HOUR}",
            "sql": "TRY_CAST({t} AS TIMESTAMP)",
            "rewrites": _SUB_SECOND,
        },
    ),
    (
        pa.types.is_timestamp,
        {
            "kind": "timestamp",
            "shape": f"{_DAY}[ T]{_HOUR}(?:Z|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)",
            "sql": "make_timestamp(epoch_us(TRY_CAST({t} AS TIMESTAMPTZ)))",
            "rewrites": (
                (r"(\.[0-9]{6})0+([Z+-])", r"\1\2"),
                (r"([+-][0-9]{2})([0-9]{2})$", r"\1:\2"),
                (r"([+-][0-9]{2})$", r"\1:00"),  # as PostgreSQL writes it
            ),
        },
    ),
    (
        pa.types.is_time64,
        {"kind": "time", "shape": _HOUR, "sql": "TRY_CAST({t} AS TIME)", "rewrites": _SUB_SECOND},
    ),
    (
        pa.types.is_duration,
        {"kind": "duration", "shape": "-?[0-9]+", "sql": "TRY_CAST({t} AS BIGINT)", "codec": "cast"},
    ),
    (
        lambda kind: pa.types.is_binary(kind) or pa.types.is_large_binary(kind),
        {"kind": "bytes", "shape": _BASE64, "sql": "TRY(from_base64({t}))", "codec": "base64"},
    ),
    (
        lambda kind: isinstance(kind, pa.UuidType),
        {"kind": "opaque", "shape": _HEX_UUID, "rewrites": (("-", ""),), "codec": "hex"},
    ),
    (
        lambda kind: isinstance(kind, pa.JsonType),
        {"kind": "text", "sql": "CASE WHEN json_valid({t}) THEN {t} END"},
    ),
    (pa.types.is_dictionary, {"kind": "opaque"}),
)


def _hex(found: Conversion) -> Conversion:
    shape = r"(?:\\x|0x)?(?:[0-9A-Fa-f]{2})*"
    rewrites = ((r"^(?:\\x|0x)", ""),)
    return Conversion(
        native=found.native,
        arrow=found.arrow,
        kind="bytes",
        shape=shape,
        rewrites=rewrites,
        sql="TRY(unhex({t}))",
        codec="hex",
    )


def _whole(spelt: Spelling) -> str:
    """The digits before the decimal mark, grouped rightly or not at all."""
    group = re.escape(spelt.group_mark)
    return rf"(?:[0-9]+|[0-9]{{1,3}}(?:{group}[0-9]{{3}})+)" if group else "[0-9]+"


def _plain_digits(spelt: Spelling) -> Rewrites:
    grouped = ((re.escape(spelt.group_mark), ""),) if spelt.group_mark else ()
    mark = ((re.escape(spelt.decimal_mark), "."),) if spelt.decimal_mark != "." else ()
    return (*grouped, *mark, (r"^\+", ""), (r"^(-?)0+([0-9])", r"\1\2"))


def _said(native: str, spelt: Spelling) -> str:
    marks = [f"decimal mark {spelt.decimal_mark}"] if spelt.decimal_mark != "." else []
    marks += [f"group mark {spelt.group_mark}"] if spelt.group_mark else []
    return ", ".join([native, *marks])


_SQL_INTEGERS = {1: "TINYINT", 2: "SMALLINT", 4: "INTEGER", 8: "BIGINT"}


def _integer(arrow: pa.DataType, native: str, spelt: Spelling) -> Conversion:
    sign = "U" if pa.types.is_unsigned_integer(arrow) else ""
    name = sign + _SQL_INTEGERS[arrow.bit_width // 8]
    return Conversion(
        native=_said(native, Spelling(group_mark=spelt.group_mark)),
        arrow=arrow,
        kind="number",
        shape=rf"[+-]?{_whole(spelt)}",
        rewrites=_plain_digits(Spelling(group_mark=spelt.group_mark)),
        sql=f"TRY_CAST({{t}} AS {name})",
    )


def _decimal(arrow: pa.DataType, native: str, spelt: Spelling) -> Conversion:
    """Zeros behind the last place are no digits; any other digit there does not fit."""
    scale, mark = arrow.scale, re.escape(spelt.decimal_mark)
    first = rf"{_whole(spelt)}(?:{mark}[0-9]{{0,{scale}}}0*)?"
    shape = rf"[+-]?(?:{first}|{mark}[0-9]{{1,{scale}}}0*)" if scale else rf"[+-]?{first}"
    places = ((rf"(\.[0-9]{{{scale}}})0+$", r"\1"), (r"\.$", ""), (r"^(-?)\.", r"\1" + "0."))
    tidy = places if scale else ((r"\.0*$", ""),)
    return Conversion(
        native=_said(native, spelt),
        arrow=arrow,
        kind="number",
        shape=shape,
        rewrites=(*_plain_digits(spelt), *tidy),
        sql=f"TRY_CAST({{t}} AS DECIMAL({arrow.precision},{scale}))",
    )


def _boolean(spelt: Spelling, place: str) -> Conversion:
    if not spelt.true or not spelt.false or set(spelt.true) & set(spelt.false):
        raise ConfigError("a boolean needs words for true and other words for false", place=place)
    yes, no = (", ".join(map(text_literal, words)) for words in (spelt.true, spelt.false))
    plain = (spelt.true, spelt.false) == (Spelling.true, Spelling.false)
    return Conversion(
        native="boolean" if plain else f"boolean ({'/'.join(spelt.true)}, {'/'.join(spelt.false)})",
        arrow=pa.bool_(),
        kind="bool",
        sql=f"CASE WHEN {{t}} IN ({_braced(yes)}) THEN true WHEN {{t}} IN ({_braced(no)}) THEN false END",
        codec="words",
        words=(spelt.true, spelt.false),
    )


def _braced(sql: str) -> str:
    return sql.replace("{", "{{").replace("}", "}}")


# -- formats of dates and times ---------------------------------------------------------------------------------------

_TOKENS = {
    "Y": "([0-9]{4})",
    "y": "([0-9]{2})",
    "m": "([0-9]{1,2})",
    "d": "([0-9]{1,2})",
    "H": "([0-9]{1,2})",
    "M": "([0-9]{1,2})",
    "S": "([0-9]{1,2})",
    "f": "([0-9]{1,6})",
}


def _formatted(word: str, form: str, place: str) -> Conversion:
    pattern, order = "", []
    for token, text in re.findall(r"%(.)|([^%]+)", form):
        if token and token not in _TOKENS:
            hint = f"Known: {', '.join('%' + each for each in _TOKENS)}."
            raise ConfigError(f"%{token} cannot be read in a format", place=place, hint=hint)
        pattern += _TOKENS[token] if token else re.escape(text)
        order += [token] if token else []
    year = "y" if "y" in order else "Y"
    wanted = [year, "m", "d", *(["H", "M"] if word == "timestamp" else [])]
    allowed = [*wanted, *(["S", "f"] if word == "timestamp" else [])]
    if sorted(set(order)) != sorted(order) or not set(wanted) <= set(order) <= set(allowed):
        raise ConfigError(f"the format {form!r} does not say a {word}", place=place, hint="For example %d.%m.%Y.")
    at = {token: rf"\{number}" for number, token in enumerate(order, start=1)}
    standard = f"{at[year]}-{at['m']}-{at['d']}"
    if word == "timestamp":
        seconds = at.get("S", "00") + (f".{at['f']}" if "f" in at else "")
        standard += f" {at['H']}:{at['M']}:{seconds}"
    return Conversion(
        native=f"{word} {form}",
        arrow=pa.date32() if word == "date" else pa.timestamp("us"),
        kind=word,
        shape=pattern,
        rewrites=((f"^{pattern}$", standard), *_padded(year)),
        sql=f"TRY_CAST({{t}} AS {word.upper()})",
    )


def _padded(year: str) -> Rewrites:
    """One digit becomes two, and two digits of a year four, as POSIX has it: 69 to 99 are of the last century."""
    # Twice: one separator cannot end one match and begin the next.
    within = (r"([ :-])([0-9])([ :.-])", r"\1" + "0" + r"\2\3")
    century = ((r"^((?:69|[7-9][0-9])-)", r"19\1"), (r"^([0-9]{2}-)", r"20\1")) if year == "y" else ()
    return (*century, within, within, (r"([ :-])([0-9])$", r"\1" + "0" + r"\2"))


def summable(arrow: pa.DataType) -> bool:
    """Tell whether the engine's own sum of such decimals cannot overflow."""
    return not pa.types.is_decimal(arrow) or arrow.precision <= _SUMMABLE_DIGITS
