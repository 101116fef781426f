"""SQL that carries a column into a field's type without losing anything, guessed from its type and a few of its values.

``convert`` gives None where nothing exact can be said: the column then stays in extras. Values that cannot be read keep
their text under ``unreadable``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from portability.drafting.feeds import Expression
from portability.drafting.survey import identifier
from portability.duck import text_literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from portability.drafting.survey import SurveyedColumn

__all__ = ["convert", "flag_sql"]

_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT"}
_FLOATS = {"FLOAT", "DOUBLE"}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_WHOLE_TEXT = "[+-]?[0-9]{1,18}([.]0*)?"
_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d{0,4}0*)?")
_COMMA_NUMBER = re.compile(r"[+-]?\d{1,3}(\.?\d{3})*(,\d{1,4})?")
_FLAGS = {"y", "yes", "1", "t", "true", "n", "no", "0", "f", "false"}
# Yes and no in other languages than the engine's own function knows.
_YES = {"j", "ja", "oui", "o", "si", "sí", "x"}
_NO = {"n", "nee", "nein", "non", "no"}
_EPOCH_SECONDS = re.compile(r"\d{9,10}")
_EPOCH_MILLISECONDS = re.compile(r"\d{12,13}")
_PLAIN_DATE = re.compile(r"(19|20)\d{6}")
# Ways to write a date, the least ambiguous first; day-first before month-first, as the practice's country does.
_DATES = (
    "%Y-%m-%d",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d-%m-%Y",
    "%Y%m%d",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d %B %Y",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
)
_CLOCKS = ("", " %H:%M:%S", " %H:%M", "T%H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_SHARE_MIN = 0.5


@dataclass(frozen=True, kw_only=True)
class _Case:
    """One column on its way into one type."""

    column: SurveyedColumn
    sql: str
    samples: Sequence[str]
    zone: str

    @property
    def kind(self) -> str:
        return self.column.kind

    def made(
        self, sql: str, reason: str, confidence: str = "high", *, lossy: bool = False, readable: bool = True
    ) -> Expression:
        """An expression; ``lossy`` leaves the column in extras too, not ``readable`` means that values may be lost."""
        text = self.sql if self.kind == "VARCHAR" else f"{self.sql}::VARCHAR"
        unreadable = "" if readable else f"CASE WHEN trim({text}) <> '' AND {sql} IS NULL THEN {text} END"
        used = () if lossy else (self.column.name,)
        return Expression(sql=sql, reason=reason, confidence=confidence, columns=used, unreadable=unreadable)


def convert(logical: str, column: SurveyedColumn, samples: Sequence[str], zone: str) -> Expression | None:
    """Return SQL of a field of this logical type over ``t``'s column, or None.

    Args:
        logical: A field's type: string, text, int, bool, date, timestamp, decimal(p,s) or json.
        column: The source column.
        samples: Some of its values as text.
        zone: SQL of the profile's time zone.
    """
    case = _Case(column=column, sql=column.sql, samples=samples, zone=zone)
    kind = logical.split("(")[0]
    return None if column.is_bytes else _CONVERSIONS[kind](case)


def _text(case: _Case) -> Expression | None:
    if case.kind in ("VARCHAR", "UUID"):
        return case.made(case.sql, "name")
    if case.kind == "BOOLEAN":
        return None
    return case.made(f"{case.sql}::VARCHAR", "name", "medium")


def _json(case: _Case) -> Expression | None:
    if case.kind == "JSON":
        return case.made(case.sql, "name")
    return (
        case.made(f"to_json({case.sql})", "name; the text as one JSON string", "low")
        if case.kind == "VARCHAR"
        else None
    )


def _whole(case: _Case) -> Expression | None:
    if case.kind in _WHOLE:
        return case.made(case.sql, "name and type")
    text = case.sql if case.kind == "VARCHAR" else f"{case.sql}::VARCHAR"
    # The engine's own cast rounds "7.5" to 8.
    sql = f"CASE WHEN regexp_full_match(trim({text}), '{_WHOLE_TEXT}') THEN TRY_CAST({text} AS BIGINT) END"
    if case.kind == "VARCHAR" and _share(case.samples, lambda text: text.strip().lstrip("-").isdigit()) >= _SHARE_MIN:
        return case.made(sql, "name; whole numbers as text", "medium", readable=False)
    if _DECIMAL.fullmatch(case.kind) or case.kind in _FLOATS:
        return case.made(sql, "name; whole numbers", "medium", readable=False)
    return None


def _decimal(case: _Case) -> Expression | None:
    decimal = _DECIMAL.fullmatch(case.kind)
    if case.kind in _WHOLE:
        return case.made(f"CAST({case.sql} AS DECIMAL(19, 4))", "name and type")
    if decimal and int(decimal.group(2)) <= 4 and int(decimal.group(1)) - int(decimal.group(2)) <= 15:  # noqa: PLR2004 -- decimal(19,4)
        return case.made(f"CAST({case.sql} AS DECIMAL(19, 4))", "name and type")
    if decimal or case.kind in _FLOATS:
        return case.made(f"exact_money({case.sql})", "name and type", "medium", readable=False)
    return _text_decimal(case) if case.kind == "VARCHAR" else None


def _text_decimal(case: _Case) -> Expression | None:
    plain = _share(case.samples, lambda text: bool(_NUMBER.fullmatch(text)))
    comma = _share(case.samples, lambda text: bool(_COMMA_NUMBER.fullmatch(text)))
    if max(plain, comma) < _SHARE_MIN:
        return None
    if comma > plain:
        sql = f"exact_money(replace(replace({case.sql}, '.', ''), ',', '.'))"
        return case.made(sql, "name; numbers as text with a decimal comma", "medium", readable=False)
    return case.made(f"exact_money({case.sql})", "name; numbers as text", "medium", readable=False)


def _bool(case: _Case) -> Expression | None:
    if case.kind == "BOOLEAN":
        return case.made(case.sql, "name and type")
    said = flag_sql(case.column, case.samples)
    return case.made(said, "name; its values are yes and no", "medium", readable=False) if said else None


def flag_sql(column: SurveyedColumn, samples: Sequence[str]) -> str | None:
    """SQL of what a column says when it says yes or no: a boolean, or nothing but two such words or digits."""
    sql = f"t.{identifier(column.name)}"
    if column.kind == "BOOLEAN":
        return sql
    if column.kind not in _WHOLE and column.kind != "VARCHAR":
        return None
    values = {text.strip().lower() for text in samples} - {""}
    if values <= _FLAGS:
        return f"flag({sql})" if values or column.kind == "TINYINT" else None
    if values <= _YES | _NO:
        yes, no = (", ".join(text_literal(word) for word in sorted(words)) for words in (_YES, _NO))
        text = f"lower(trim({sql}))"
        return f"CASE WHEN {text} IN ({yes}) THEN true WHEN {text} IN ({no}) THEN false END"
    return None


def _date(case: _Case) -> Expression | None:
    if case.kind == "DATE":
        return case.made(case.sql, "name and type")
    if case.kind == "TIMESTAMP":
        return case.made(f"CAST({case.sql} AS DATE)", "name; the time of day is in extras", lossy=True)
    if case.kind == "TIMESTAMP WITH TIME ZONE":
        sql = f"CAST(timezone({case.zone}, {case.sql}) AS DATE)"
        return case.made(sql, "name; the day in the profile's zone, the time in extras", "medium", lossy=True)
    if case.kind in _WHOLE:
        return _number_date(case)
    return _text_date(case) if case.kind == "VARCHAR" else None


def _number_date(case: _Case) -> Expression | None:
    if case.samples and _share(case.samples, lambda text: bool(_PLAIN_DATE.fullmatch(text))) >= _SHARE_MIN:
        sql = f"read_date({case.sql}::VARCHAR, ['%Y%m%d'])"
        return case.made(sql, "name; numbers like 20240131", "medium", readable=False)
    moment = _epoch(case)
    if moment is None:
        return None
    return case.made(
        f"CAST(timezone({case.zone}, {moment}) AS DATE)", "name; seconds since 1970, if so", "low", lossy=True
    )


def _text_date(case: _Case) -> Expression | None:
    formats, certain = _formats(case.samples)
    if not formats:
        return None
    confidence = "medium" if certain else "low"
    listed = ", ".join(text_literal(text) for text in formats)
    timed = any("%H" in text or "%I" in text for text in formats)
    note = "" if certain else "; day or month first cannot be told"
    return case.made(
        f"read_date({case.sql}, [{listed}])",
        f"name; text read as {', '.join(formats)}{note}",
        confidence,
        readable=False,
        lossy=timed,
    )


def _timestamp(case: _Case) -> Expression | None:
    if case.kind == "TIMESTAMP WITH TIME ZONE":
        return case.made(case.sql, "name and type")
    if case.kind in ("TIMESTAMP", "DATE"):
        utc = re.search(r"utc|gmt", case.column.name, re.IGNORECASE)
        moment = case.sql if case.kind == "TIMESTAMP" else f"CAST({case.sql} AS TIMESTAMP)"
        reason = "name; UTC by its name" if utc else "name; local time is assumed"
        return case.made(f"{'from_utc' if utc else 'from_local'}({moment})", reason, "medium")
    if case.kind in _WHOLE:
        moment_sql = _epoch(case)
        return None if moment_sql is None else case.made(moment_sql, "name; seconds since 1970, if so", "low")
    formats, certain = _formats(case.samples)
    if case.kind != "VARCHAR" or not formats:
        return None
    listed = ", ".join(text_literal(text) for text in formats)
    confidence = "medium" if certain else "low"
    sql = f"from_local(read_timestamp({case.sql}, [{listed}]))"
    return case.made(sql, f"name; text read as {', '.join(formats)}, local time is assumed", confidence, readable=False)


def _epoch(case: _Case) -> str | None:
    """SQL of a point in time from a number of seconds or milliseconds."""
    if not case.samples:
        return None
    if _share(case.samples, lambda text: bool(_EPOCH_SECONDS.fullmatch(text))) >= _SHARE_MIN:
        return f"from_utc(make_timestamp({case.sql}::BIGINT * 1000000))"
    if _share(case.samples, lambda text: bool(_EPOCH_MILLISECONDS.fullmatch(text))) >= _SHARE_MIN:
        return f"from_utc(make_timestamp({case.sql}::BIGINT * 1000))"
    return None


def _formats(samples: Sequence[str]) -> tuple[list[str], bool]:
    """The formats that read the samples, best first, and whether it is certain which of day and month comes first."""
    texts = [text.strip() for text in samples if text.strip() and not text.startswith("0000")]
    counted = []
    for order, date in enumerate(_DATES):
        for clock in _CLOCKS:
            read = frozenset(text for text in texts if _reads(text, date + clock))
            if read:
                counted.append((-len(read), order, date + clock, read))
    counted.sort(key=lambda entry: entry[:3])
    chosen: list[str] = []
    left = set(texts)
    certain = True
    for _, _, form, read in counted:
        if read & left:
            rivals = [
                other
                for other in counted
                if other[2] != form and other[3] == read and {other[2][:2], form[:2]} == {"%d", "%m"}
            ]
            certain = certain and not rivals
            chosen.append(form)
            left -= read
    return (chosen, certain) if len(left) <= len(texts) * _SHARE_MIN else ([], False)


def _reads(text: str, form: str) -> bool:
    try:
        datetime.strptime(text, form)  # noqa: DTZ007 -- only whether it can be read
    except ValueError:
        return False
    return True


def _share(samples: Sequence[str], fits: Callable[[str], bool]) -> float:
    """Which share of the samples fits; all of them when there are none."""
    texts = [text for text in samples if text.strip()]
    return sum(map(fits, texts)) / len(texts) if texts else 1.0


_CONVERSIONS = {
    "string": _text,
    "text": _text,
    "json": _json,
    "int": _whole,
    "bool": _bool,
    "date": _date,
    "timestamp": _timestamp,
    "decimal": _decimal,
}
