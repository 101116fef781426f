"""A draft's profile.yaml, with every guess in a comment or in the reason that it gives."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from portability.drafting.survey import is_secret

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.drafting.building import Built
    from portability.drafting.documents import Storage
    from portability.drafting.typed_views import PlannedSource
    from portability.manifest import Table
    from portability.mapping import TableFate

__all__ = ["render_profile"]

_DETECT_MAX = 6
# The entities whose tables tell one legal system from another.
_TELLING = "matter client bill time_entry contact document user ledger_transaction disbursement payment".split()
_UNUSED = "no field for it was found; kept as it is"
_WHY = {
    "log": "a log of the application, kept as it is",
    "link": "which rows are linked, and when and by whom that was written",
    "unknown": "nobody has said yet what this is; kept as it is",
    "lookup": "a list of codes that the draft does not use",
}


def render_profile(name: str, built: Built, planned: PlannedSource, fates: Sequence[TableFate]) -> str:
    """Return profile.yaml; ``fates`` tells which columns no map uses, and so need an entry."""
    context = built.context
    title = f"Draft of a {planned.schema.dbms} database (fill in the name of the system)"
    detect = ", ".join(_scalar(table) for table in _detect(built))
    carried = _carried(built, planned, fates)
    lines = [
        "# Draft, made by `portability profile new`. Each GUESS wants a look: confirm it, mend it or delete it.",
        f"profile: {name}",
        f"title: {_scalar(title)}",
        'version: "1"',
        f"time_zone: {context.time_zone}  # GUESS (nothing in a database says it, low)",
        f"currency: {context.currency}  # GUESS (nothing in a database says it, low)",
        f"detect: [{detect}]  # GUESS (the tables that mattered most, medium)",
        *_section("documents", [_document(storage) for storage in built.storages]),
        *_section("exclude", _excluded(built, planned)),
        *_section("carry", [f"{_scalar(place)}: {_scalar('GUESS: ' + why)}" for place, why in carried]),
    ]
    return "\n".join(lines) + "\n"


def _scalar(text: str) -> str:
    # A JSON string is a YAML string.
    return json.dumps(text, ensure_ascii=False)


def _section(name: str, entries: Sequence[str]) -> list[str]:
    return ["", f"{name}:", *(f"  {entry}" for entry in entries)] if entries else []


def _detect(built: Built) -> list[str]:
    best = [feeds[0] for feeds in map(built.context.feeds.of, _TELLING) if feeds and not feeds[0].derived]
    return list(dict.fromkeys(feed.table.name for feed in best))[:_DETECT_MAX]


def _document(storage: Storage) -> str:
    entries = {"name": storage.name, "table": storage.table.name, storage.kind: storage.column}
    beside = {"size": storage.size, "md5": storage.md5, "file_name": storage.file_name}
    entries |= {key: value for key, value in beside.items() if value}
    listed = ", ".join(f"{key}: {_scalar(value)}" for key, value in entries.items())
    return f"- {{{listed}}}  # GUESS (the column's name or type, {storage.confidence})"


def _excluded(built: Built, planned: PlannedSource) -> list[str]:
    found = []
    for table in planned.schema.tables:
        role = built.context.roles.get((table.schema, table.name))
        name = _rule_name(table, planned)
        if role is not None and role.kind == "machine":
            found.append(f"{_scalar(name)}: {_scalar('GUESS: ' + role.reason)}")
            continue
        secrets = [column.name for column in table.columns if is_secret(column.name, built.context.vocabulary)]
        found += [f"{_scalar(f'{name}.{column}')}: {_scalar('GUESS: a credential, by its name')}" for column in secrets]
    return found


def _rule_name(table: Table | TableFate, planned: PlannedSource) -> str:
    """What a rule calls a table: with its schema where another has the same name."""
    same = [other for other in planned.schema.tables if other.name.casefold() == table.name.casefold()]
    return table.name if len(same) == 1 else f"{table.schema}.{table.name}"


def _carried(built: Built, planned: PlannedSource, fates: Sequence[TableFate]) -> Iterator[tuple[str, str]]:
    """A table that no map uses, or the single columns of one that is used, each with the reason."""
    left_out = {entry.table: entry for entry in built.left_out}
    for fate in fates:
        unused = [column.name for column in fate.columns if column.status == "unclassified"]
        if not unused:
            continue
        place = _rule_name(fate, planned)
        role = built.context.roles.get((fate.schema, fate.name))
        kind = role.kind if role is not None else "unknown"
        left = left_out.get(f"{fate.schema}.{fate.name}")
        if all(column.status in ("unclassified", "excluded") for column in fate.columns):
            taken = f"looks like {left.entity}, but {left.reason}; kept as it is" if left else ""
            yield place, taken or _WHY.get(kind, _UNUSED)
            continue
        for name in unused:
            yield f"{place}.{name}", _WHY["link"] if kind == "link" else _UNUSED
