"""Coded fields: a CASE over the values that were seen, each with a guessed code, and an ELSE for those that were not.

The source's own value always stays in extras as well, so that no guess hides it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.drafting.conversions import flag_sql
from portability.drafting.feeds import Expression
from portability.drafting.survey import identifier
from portability.drafting.vocabulary import split_name
from portability.duck import text_literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from portability.drafting.survey import SurveyedColumn
    from portability.drafting.vocabulary import Vocabulary
    from portability.model import Field

__all__ = ["code_case", "flag_case"]


def code_case(
    field: Field, source: str, samples: Sequence[str], vocabulary: Vocabulary, *, reason: str
) -> Expression | None:
    """Return a CASE over ``source``, SQL of a text; None when an optional field would always be empty.

    Args:
        field: The coded field.
        source: SQL of the value as text.
        samples: Values that were seen.
        vocabulary: Knows what values mean.
        reason: Where the value comes from.
    """
    otherwise = _otherwise(field, vocabulary)
    seen: dict[str, str] = {}
    unknown: list[str] = []
    for value in samples:
        text = value.strip().lower() if value.isprintable() else ""
        own = "_".join(split_name(value))
        code = own if own in field.code_values else vocabulary.code_of(field.codes or "", value)
        if text and text not in seen and code in field.code_values:
            seen[text] = str(code)
        elif text and text not in seen:
            unknown.append(value.strip())
    rest = "NULL" if otherwise is None else text_literal(otherwise)
    if not seen:
        lacking = f"no meaning is known of {_listed(unknown)}" if unknown else "no values were there to look at"
        constant = Expression(sql=rest, reason=f"{reason}; {lacking}", confidence="low", otherwise=otherwise)
        return None if otherwise is None else constant
    whens = "".join(f" WHEN {text_literal(text)} THEN {text_literal(code)}" for text, code in sorted(seen.items()))
    note = f"; no meaning is known of {_listed(unknown)}" if unknown else ""
    return Expression(
        sql=f"CASE lower(trim({source})){whens} ELSE {rest} END",
        reason=reason + note,
        confidence="low" if unknown else "medium",
        otherwise=otherwise,
        seen=tuple(sorted(seen.items())),
    )


def _otherwise(field: Field, vocabulary: Vocabulary) -> str | None:
    code = vocabulary.otherwise(field.codes or "")
    if code is None and field.required:
        return field.code_values[-1]
    return code


def _listed(values: Sequence[str], most: int = 5) -> str:
    # Values go into comments of SQL and Markdown: one line, no marks.
    shown = [" ".join(value.split())[:30].replace("`", "'") for value in values[:most]]
    return ", ".join(repr(text) for text in shown) + (f" and {len(values) - most} more" if len(values) > most else "")


def flag_case(column: SurveyedColumn, samples: Sequence[str], pair: tuple[str, str]) -> Expression | None:
    """Return a CASE over a column that says yes or no, or None when it does not."""
    sql = f"t.{identifier(column.name)}"
    then, otherwise = (text_literal(code) for code in pair)
    said = flag_sql(column, samples)
    reason = "a yes/no column by its name"
    if said is None and column.kind in ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"):
        said, reason = f"{sql} IS NOT NULL", "there is a date, so it is so"
    if said is None:
        return None
    return Expression(
        sql=f"CASE WHEN {said} THEN {then} ELSE {otherwise} END",
        reason=reason,
        confidence="medium",
        otherwise=pair[1],
        seen=(("yes", pair[0]),),
    )
