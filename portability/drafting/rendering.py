"""Maps as text: one SELECT for each feed, every guess in a comment beside its field."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portability.drafting.survey import identifier
from portability.duck import text_literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portability.drafting.feeds import Expression
    from portability.drafting.survey import SurveyedColumn

__all__ = ["Branch", "render_map"]

_COMMENT_MAX = 160
_WIDTH = 116


@dataclass(frozen=True, kw_only=True)
class Branch:
    """One SELECT of a map, from ``table``. ``relation`` follows FROM; ``extras`` are columns of ``t`` without field."""

    about: str
    fields: Mapping[str, Expression]
    table: str = ""
    relation: str = ""
    where: str = ""
    extras: Sequence[SurveyedColumn] = field(default_factory=tuple)


def render_map(entity: str, order: Sequence[str], branches: Sequence[Branch]) -> str:
    """Return the text of ``map/<entity>.sql``.

    Args:
        entity: The entity.
        order: Its fields in the order of the model.
        branches: Its SELECTs, joined by UNION ALL BY NAME.
    """
    head = f"-- Draft of {entity}, made by `portability profile new`. Each GUESS wants a look: confirm or mend it."
    parts = [_select(order, branch, alone=len(branches) == 1) for branch in branches]
    return head + "\n" + "\nUNION ALL BY NAME\n".join(parts) + "\n"


def _select(order: Sequence[str], branch: Branch, *, alone: bool) -> str:
    entries = [_field(name, branch.fields[name]) for name in order if name in branch.fields]
    unreadable = {name: expression.unreadable for name, expression in branch.fields.items() if expression.unreadable}
    if unreadable:
        entries.append((_struct("unreadable", unreadable), "the source's text where the value could not be read"))
    if branch.extras:
        # Columns of one name may have other types in other branches: then all are text.
        cast = "" if alone else "::VARCHAR"
        members = {column.name: f"{column.sql}{cast}" for column in branch.extras}
        entries.append((_struct("extras", members), ""))
    lines = [f"-- {_one_line(branch.about)}", "SELECT"]
    for place, (parts, comment) in enumerate(entries):
        comma = "," if place < len(entries) - 1 else ""
        # Names may hold line breaks: a part is indented as a whole.
        lines += [f"  {part}" for part in parts]
        lines[-1] += comma + (f" -- {comment}" if comment else "")
    lines += [f"FROM {branch.relation}"] if branch.relation else []
    lines += [f"WHERE {branch.where}"] if branch.where else []
    return "\n".join(lines)


def _field(name: str, expression: Expression) -> tuple[list[str], str]:
    comment = f"GUESS ({_one_line(expression.reason)}, {expression.confidence})" if expression.reason else ""
    return [f"{expression.sql} AS {identifier(name)}"], comment


def _struct(name: str, members: Mapping[str, str]) -> list[str]:
    entries = [f"{text_literal(key)}: {sql}" for key, sql in members.items()]
    text = f"{{{', '.join(entries)}}} AS {name}"
    if len(text) <= _WIDTH:
        return [text]
    return ["{", *(f"  {entry}," for entry in entries[:-1]), f"  {entries[-1]}", f"}} AS {name}"]


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _COMMENT_MAX else line[: _COMMENT_MAX - 1] + "…"
