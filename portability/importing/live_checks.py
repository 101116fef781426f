"""Was the target changed since an import wrote to it? A live row is compared with the fingerprint in the crosswalk.

The fingerprint is computed by the target's own SQL both times, over the columns that the import had filled.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from portability.errors import TargetError
from portability.importing.dialect import fingerprint, key_matches
from portability.targets.crosswalk import CROSSWALK, IMPORTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from portability.importing.plan import TableLoad
    from portability.targets import Target

__all__ = ["ChangedRows", "changed_rows", "filled_columns", "refuse_changed"]

_FETCHED = 10_000  # rows asked of the target at once


def filled_columns(target: Target) -> dict[str, dict[str, list[str]]]:
    """Return for each import the columns that it filled, by table."""
    if IMPORTS not in target.table_names():
        return {}
    found = target.query(f"SELECT import_id, summary FROM {target.quote(IMPORTS)}", place=IMPORTS).to_pylist()
    return {row["import_id"]: msgspec.json.decode(row["summary"])["columns"] for row in found}


@dataclass(frozen=True, kw_only=True)
class ChangedRows:
    """Rows of one table that an import made: somebody has since changed them, or deleted them (``missing``)."""

    table: TableLoad
    changed: tuple[str, ...]
    missing: tuple[str, ...]


def changed_rows(target: Target, tables: Iterable[TableLoad]) -> Iterator[ChangedRows]:
    """Yield the rows that are not as the import left them, a page at a time."""
    columns = filled_columns(target)
    for load in tables:
        for import_id, filled in columns.items():
            if load.name in filled:
                yield from _pages(target, load, import_id, filled[load.name])


def _pages(target: Target, load: TableLoad, import_id: str, columns: list[str]) -> Iterator[ChangedRows]:
    last: str | None = None
    while True:
        page = target.query(_changed(target, load, import_id, columns, after=last), place=load.name).to_pylist()
        if page:
            yield ChangedRows(
                table=load,
                changed=tuple(row["id"] for row in page if not row["gone"]),
                missing=tuple(row["id"] for row in page if row["gone"]),
            )
        if len(page) < _FETCHED:
            return
        last = page[-1]["id"]


def refuse_changed(target: Target, count: int, named: Sequence[str]) -> None:
    """Refuse when there are rows to be written that are not as the import left them.

    Raises:
        TargetError: Names the first of them.
    """
    if not count:
        return
    more = f" and {count - len(named)} more" if count > len(named) else ""
    hint = (
        "Somebody changed or deleted them in the target. Undo that there, or decide which side is right; "
        "nothing was written."
    )
    message = f"{count} rows are not as the import left them: {', '.join(named)}{more}"
    raise TargetError(message, place=target.label, hint=hint)


def _changed(target: Target, load: TableLoad, import_id: str, columns: list[str], *, after: str | None) -> str:
    quote, text = target.quote, target.text
    gone = f"t.{quote(load.key[0])} IS NULL"
    further = "" if after is None else f" AND x.canonical_id > {text(after)}"
    return (
        f"SELECT x.canonical_id AS id, CASE WHEN {gone} THEN 1 ELSE 0 END AS gone FROM {quote(CROSSWALK)} AS x "
        f"LEFT JOIN {target.relation(load.name)} AS t ON {key_matches(target, load, 't', 'x.target_key')} "
        f"WHERE x.target_table = {text(load.name)} AND x.import_id = {text(import_id)} AND x.origin = 'loaded' "
        f"AND ({gone} OR {fingerprint(target, 't', columns, load)} <> x.live_md5){further} "
        f"ORDER BY x.canonical_id LIMIT {_FETCHED}"
    )
