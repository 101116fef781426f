"""D: what was redacted is listed with who and why, and the control totals of exactly these columns are marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from portability.archive import CONTROL_TOTALS_JSON

if TYPE_CHECKING:
    from portability.checks.case import Case

__all__ = ["REDACTIONS_JSON", "check_redactions"]

REDACTIONS_JSON = "reports/redactions.json"


class _Column(msgspec.Struct, frozen=True, kw_only=True):
    schema: str
    table: str
    column: str
    done: str
    values: int


class _Redactions(msgspec.Struct, frozen=True, kw_only=True):
    by: str
    why: str
    mode: str
    documents: str
    columns: tuple[_Column, ...]


def check_redactions(case: Case) -> None:
    """Compare reports/redactions.json with the marks in the control totals (D251); say that it is there (D252)."""
    if case.log.has("D225"):
        return
    marked = {
        (table.schema, table.name, column.name): column.redacted
        for table in case.control.tables
        for column in table.columns
        if column.redacted is not None
    }
    if REDACTIONS_JSON not in case.json:
        if marked:
            case.log.add("D251", CONTROL_TOTALS_JSON, _shown(marked), count=len(marked))
        return
    try:
        found = msgspec.convert(case.json[REDACTIONS_JSON], _Redactions)
    except msgspec.ValidationError as error:
        case.log.add("D251", REDACTIONS_JSON, [str(error)])
        return
    listed = {(each.schema, each.table, each.column): each.values for each in found.columns}
    unlike = {place for place in listed.keys() | marked.keys() if listed.get(place) != marked.get(place)}
    if unlike:
        case.log.add("D251", REDACTIONS_JSON, _shown(unlike), count=len(unlike))
        return
    case.log.add("D252", REDACTIONS_JSON, _shown(listed), count=max(1, sum(listed.values())))
    case.facts["redacted"] = f"{len(listed)} columns, {sum(listed.values())} values; documents {found.documents}"
    case.facts["redacted_by"] = f"{found.by}: {found.why}"


def _shown(places: set[tuple[str, str, str]] | dict[tuple[str, str, str], int]) -> list[str]:
    return sorted(".".join(place) for place in places)
