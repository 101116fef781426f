"""CSVW's datatypes and their formats as conversions: the part that can be kept exactly, and a sentence for the rest.

What a format says beyond that (exponents, per cent, time zones behind other dates than ISO's) is refused, for a value
read by another format than the declared one is another value. A type without an exact form here stays text, aloud.
Blanks around a value that is no text are none of it, as the standard has it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import pyarrow as pa

from portability.connectors.files_types import TEXT, Conversion, Spelling, conversion_of, shaped_as
from portability.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CONSTRAINTS", "datatype_conversion"]

CONSTRAINTS = (
    *("length", "minLength", "maxLength", "minimum", "maximum"),
    *("minInclusive", "maxInclusive", "minExclusive", "maxExclusive"),
)
_TEXTS = frozenset(
    {"string", "anyAtomicType", "any", "normalizedString", "token", "language", "Name", "NMTOKEN", "anyURI", "QName"}
    | {"xml", "html"}
)
_UNLIKE_OURS = frozenset(
    {"duration", "dayTimeDuration", "yearMonthDuration", "gDay", "gMonth", "gMonthDay", "gYear", "gYearMonth"}
)
_INTEGERS = {
    "integer": pa.int64(),
    "long": pa.int64(),
    "int": pa.int32(),
    "short": pa.int16(),
    "byte": pa.int8(),
    "unsignedLong": pa.uint64(),
    "unsignedInt": pa.uint32(),
    "unsignedShort": pa.uint16(),
    "unsignedByte": pa.uint8(),
    "nonNegativeInteger": pa.uint64(),
    "positiveInteger": pa.uint64(),
    "nonPositiveInteger": pa.int64(),
    "negativeInteger": pa.int64(),
}
# What a sign and a zero may be, where the width alone does not say it.
_SIGNED = {
    "positiveInteger": r"\+?0*[1-9][0-9]*",
    "nonPositiveInteger": r"-[0-9]+|\+?0+",
    "negativeInteger": r"-0*[1-9][0-9]*",
}
_FLOATS = {"double": pa.float64(), "number": pa.float64(), "float": pa.float32()}
_SQL_FLOATS = {"double": "DOUBLE", "number": "DOUBLE", "float": "FLOAT"}
_BYTES = {"hexBinary": "hex", "base64Binary": "base64", "binary": "base64"}
_DAYTIMES = frozenset({"dateTime", "datetime", "dateTimeStamp"})
_KNOWN_NUMBERS = "Patterns of # and 0 with groups of three and decimal places are read, such as #,##0.00."


def datatype_conversion(declared: str | Mapping[str, Any], *, place: str) -> tuple[Conversion, tuple[str, ...]]:
    """Return what a datatype means, and what of it is not kept, in words.

    Args:
        declared: A column's ``datatype``: a name, or a description.
        place: File and column, for errors.

    Raises:
        ConfigError: There is no such type, or its format cannot be kept.
    """
    described = {"base": declared} if isinstance(declared, str) else declared
    base, form = str(described.get("base", "string")), described.get("format")
    unkept = [f"{name} is not checked" for name in CONSTRAINTS if name in described]
    if base in _TEXTS or base in _UNLIKE_OURS:
        unkept += [f"a {base} has no exact type here and is carried as text"] if base in _UNLIKE_OURS else []
        unkept += ["its format is not checked"] if form is not None else []
        return TEXT, tuple(unkept)
    found, told = _converted(base, form, place)
    return found, (*told, *unkept)


def _converted(base: str, form: Any, place: str) -> tuple[Conversion, tuple[str, ...]]:  # noqa: ANN401 -- any JSON
    if base in _INTEGERS or base in _FLOATS or base == "decimal":
        return _number(base, form, place)
    if base == "json":
        return conversion_of("json", place=place), () if form is None else ("its format is not checked",)
    if base in _BYTES:
        found = conversion_of(_BYTES[base], place=place)
        if base == "hexBinary":
            found = replace(found, shape="(?:[0-9A-Fa-f]{2})*", rewrites=())
        return _trimmed(found), () if form is None else ("its format is not checked",)
    if form is not None and not isinstance(form, str):
        _refuse(form, base, place, "It must be text.")
    if base == "boolean":
        return _boolean(form, place), ()
    if base == "date":
        return _trimmed(_date(form, place)), ()
    if base == "time":
        return _trimmed(_time(form, place)), ()
    if base in _DAYTIMES:
        return _trimmed(_daytime(base, form, place)), ()
    raise ConfigError(f"there is no datatype {base!r} in CSVW", place=place, hint="Names are compared exactly.")


def _refuse(form: object, base: str, place: str, hint: str) -> NoReturn:
    told = f"the format {form!r} of a {base} cannot be kept exactly"
    raise ConfigError(told, place=place, hint=f"{hint} Or declare the column as string, or in a schema.yaml.")


def _trimmed(found: Conversion) -> Conversion:
    blanks = "[ \t\r\n]"
    return replace(
        found,
        shape=f"{blanks}*(?:{found.shape}){blanks}*",
        rewrites=((f"^{blanks}+|{blanks}+$", ""), *found.rewrites),
    )


def _boolean(form: str | None, place: str) -> Conversion:
    words = ("true|1", "false|0") if form is None else tuple(form.split("|"))
    if len(words) != 2 or not all(words) or words[0] == words[1]:  # noqa: PLR2004 -- one for true, one for false
        _refuse(form, "boolean", place, "Write the word for true and the word for false: Y|N.")
    yes, no = (tuple(each.split("|")) if form is None else (each,) for each in words)
    return conversion_of("boolean", place=place, spelling=Spelling(true=yes, false=no))


# -- numbers ----------------------------------------------------------------------------------------------------------


def _number(base: str, form: Any, place: str) -> tuple[Conversion, tuple[str, ...]]:  # noqa: ANN401 -- any JSON
    described = {"pattern": form} if isinstance(form, str) else form or {}
    if not isinstance(described, dict) or not all(isinstance(each, str) for each in described.values()):
        _refuse(form, base, place, _KNOWN_NUMBERS)
    mark, group = described.get("decimalChar", "."), described.get("groupChar", "")
    pattern = described.get("pattern")
    if pattern is None:
        if base == "decimal":
            return TEXT, ("a decimal without a pattern has no number of places and is carried as text",)
        shape, places = _free_shape(base, mark, group), 0
    else:
        group = group or ","
        shape, places = _pattern_shape(pattern, mark, group, base, place)
        group = group if group in pattern else ""
    if len(mark) != 1 or len(group) > 1 or mark == group:
        _refuse(form, base, place, "decimalChar and groupChar are one character each.")
    spelt = Spelling(decimal_mark=mark, group_mark=group)
    native = base if form is None else f"{base} {pattern or ''}{mark}{group}"
    if base in _FLOATS:
        return _trimmed(_float(base, native, shape, spelt)), ()
    arrow = pa.decimal128(38, places) if base == "decimal" else _INTEGERS[base]
    return _trimmed(replace(shaped_as(arrow, base, spelt), native=native, shape=shape)), ()


def _free_shape(base: str, mark: str, group: str) -> str:
    """A number without a pattern: as XML Schema writes it, with groups where a character for them is named."""
    whole = rf"[0-9]+(?:{re.escape(group)}[0-9]+)*" if group else "[0-9]+"
    if base in _FLOATS:
        return rf"[+-]?(?:{whole}(?:{re.escape(mark)}[0-9]*)?|{re.escape(mark)}[0-9]+)(?:[eE][+-]?[0-9]+)?|-?INF|NaN"
    if base in _SIGNED and not group:
        return _SIGNED[base]
    return _sign(base) + whole


def _sign(base: str) -> str:
    unsigned = base in _INTEGERS and pa.types.is_unsigned_integer(_INTEGERS[base])
    return r"\+?" if unsigned else "[+-]?"


def _pattern_shape(pattern: str, mark: str, group: str, base: str, place: str) -> tuple[str, int]:
    """The regular expression of a pattern, and how many decimal places it has at most."""
    whole, point, places = pattern.partition(mark)
    digits = whole.replace(group, "")
    if (
        not re.fullmatch(rf"[#0]+(?:{re.escape(group)}[#0]{{3}})*", whole)
        or not re.fullmatch("#*0*", digits)
        or not re.fullmatch("0*#*", places)
        or bool(point) != bool(places)
        or (places and base in _INTEGERS)
        or base in _SIGNED
    ):
        _refuse(pattern, base, place, _KNOWN_NUMBERS)
    least = max(digits.count("0"), 1)
    grouped = rf"|[0-9]{{1,3}}(?:{re.escape(group)}[0-9]{{3}})+" if group in whole else ""
    shape = rf"{_sign(base)}(?:[0-9]{{{least},}}{grouped})"
    if places:
        fraction = rf"{re.escape(mark)}[0-9]{{{max(places.count('0'), 1)},{len(places)}}}"
        shape += fraction if "0" in places else f"(?:{fraction})?"
    return shape, len(places)


def _float(base: str, native: str, shape: str, spelt: Spelling) -> Conversion:
    grouped = ((re.escape(spelt.group_mark), ""),) if spelt.group_mark else ()
    mark = ((re.escape(spelt.decimal_mark), "."),) if spelt.decimal_mark != "." else ()
    return Conversion(
        native=native,
        arrow=_FLOATS[base],
        kind="float",
        shape=shape,
        rewrites=(*grouped, *mark, (r"^\+", "")),
        sql=f"TRY_CAST({{t}} AS {_SQL_FLOATS[base]})",
    )


# -- dates and times --------------------------------------------------------------------------------------------------

_ISO_DAY = "yyyy-MM-dd"
_DAYS = frozenset(
    {_ISO_DAY, "yyyyMMdd", "dd-MM-yyyy", "d-M-yyyy", "MM-dd-yyyy", "M-d-yyyy", "dd/MM/yyyy", "d/M/yyyy"}
    | {"MM/dd/yyyy", "M/d/yyyy", "dd.MM.yyyy", "d.M.yyyy", "MM.dd.yyyy", "M.d.yyyy"}
)
_HOURS = re.compile(r"HH:mm(?::ss(?:\.S+)?)?|HHmm(?:ss)?")
_FIELDS = {
    "yyyy": ("%Y", "[0-9]{4}"),
    "MM": ("%m", "[0-9]{2}"),
    "M": ("%m", "[0-9]{1,2}"),
    "dd": ("%d", "[0-9]{2}"),
    "d": ("%d", "[0-9]{1,2}"),
    "HH": ("%H", "(?:[01][0-9]|2[0-3])"),
    "mm": ("%M", "[0-5][0-9]"),
    "ss": ("%S", "[0-5][0-9]"),
}
_TOKEN = re.compile("yyyy|MM?|dd?|HH|mm|ss|S+|[^a-zA-Z]|T")
_MICROSECOND_DIGITS = 6
_ZONES = {
    "X": "Z|[+-][0-9]{2}(?:[0-9]{2})?",
    "XX": "Z|[+-][0-9]{4}",
    "XXX": "Z|[+-][0-9]{2}:[0-9]{2}",
    "x": "[+-][0-9]{2}(?:[0-9]{2})?",
    "xx": "[+-][0-9]{4}",
    "xxx": "[+-][0-9]{2}:[0-9]{2}",
}
_KNOWN_DAYTIMES = "The formats that CSVW lists are read; time zones only behind yyyy-MM-ddTHH:mm:ss."


def _written(form: str) -> tuple[str, str]:
    """A format of the standard as ours, and as the regular expression that it is to the digit."""
    ours, shape = "", ""
    for token in _TOKEN.findall(form):
        if token.startswith("S"):
            ours, shape = ours + "%f", shape + rf"[0-9]{{1,{min(len(token), _MICROSECOND_DIGITS)}}}"
            continue
        each, digits = _FIELDS.get(token, (token, re.escape(token)))
        ours, shape = ours + each, shape + digits
    return ours, shape


def _date(form: str | None, place: str) -> Conversion:
    if form is None or form == _ISO_DAY:
        return conversion_of("date", place=place)
    if form not in _DAYS:
        _refuse(form, "date", place, _KNOWN_DAYTIMES)
    ours, shape = _written(form)
    found = conversion_of("date", place=place, spelling=Spelling(format=ours))
    return replace(found, native=f"date {form}", shape=shape)


def _time(form: str | None, place: str) -> Conversion:
    found = conversion_of("time", place=place)
    if form is None:
        return found
    if not _HOURS.fullmatch(form):
        _refuse(form, "time", place, _KNOWN_DAYTIMES)
    shape = _hours_shape(form)
    parts = form.count("H") // 2 + form.count("mm") + form.count("ss")
    pattern, standard = "([0-9]{2})" * parts, ":".join(rf"\{number}" for number in range(1, parts + 1))
    rewrites = found.rewrites if ":" in form else ((f"^{pattern}$", standard),)
    return replace(found, native=f"time {form}", shape=shape, rewrites=rewrites)


def _hours_shape(form: str) -> str:
    """Its S say how many digits there may be at most; none is right too."""
    whole, point, digits = form.partition(".")
    fraction = rf"(?:\.[0-9]{{1,{min(len(digits), _MICROSECOND_DIGITS)}}})?" if point else ""
    return _written(whole)[1] + fraction


def _daytime(base: str, form: str | None, place: str) -> Conversion:
    if form is None:
        return conversion_of("instant" if base == "dateTimeStamp" else "timestamp", place=place)
    bare = form.rstrip("Xx")
    zone = form[len(bare) :]
    between = "T" if bare.startswith(f"{_ISO_DAY}T") else " "
    day, _, hours = bare.partition(between)
    iso = day == _ISO_DAY and ":" in hours
    if day not in _DAYS or not _HOURS.fullmatch(hours) or (zone and not (zone in _ZONES and iso and "ss" in hours)):
        _refuse(form, base, place, _KNOWN_DAYTIMES)
    if iso:
        found = conversion_of("instant" if zone else "timestamp", place=place)
        shape = _written(day)[1] + between + _hours_shape(hours) + (f"(?:{_ZONES[zone]})" if zone else "")
        return replace(found, native=f"{base} {form}", shape=shape)
    if base == "dateTimeStamp":
        _refuse(form, base, place, _KNOWN_DAYTIMES)
    ours, shape = _written(f"{day}{between}{hours}")
    found = conversion_of("timestamp", place=place, spelling=Spelling(format=ours))
    return replace(found, native=f"{base} {form}", shape=shape)
