"""Was the target changed since an import wrote to it? A live row is compared with the fingerprint in the crosswalk.

The fingerprint is computed by the target's own SQL both times, over the columns that the import had filled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from portability.errors import TargetError
from portability.importing.dialect import fingerprint, key_matches
from portability.importing.staging import IDS
from portability.targets.crosswalk import CROSSWALK, IMPORTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portability.importing.plan import TableLoad
    from portability.targets import Target

__all__ = ["filled_columns", "refuse_changed"]

_NAMED = 20  # rows named in the error; the count says how many there are
_FETCHED = 10_000


def filled_columns(target: Target) -> dict[str, dict[str, list[str]]]:
    """Return for each import the columns that it filled, by table."""
    if IMPORTS not in target.table_names():
        return {}
    found = target.query(f"SELECT import_id, summary FROM {target.quote(IMPORTS)}", place=IMPORTS).to_pylist()
    return {row["import_id"]: msgspec.json.decode(row["summary"])["columns"] for row in found}


def refuse_changed(target: Target, *, only_staged_ids: bool, tables: Iterable[TableLoad]) -> None:
    """Refuse when rows that an import made are not as it left them.

    Args:
        target: With the table of identities filled when it is used.
        only_staged_ids: Look only at rows in the table of identities, not at all of the import.
        tables: Those to look at.

    Raises:
        TargetError: Names the rows.
    """
    columns = filled_columns(target)
    changed: list[str] = []
    for load in tables:
        for import_id, filled in columns.items():
            if load.name in filled:
                sql = _changed(target, load, import_id, filled[load.name], only_staged_ids=only_staged_ids)
                found = target.query(sql, place=load.name).column(0).to_pylist()
                changed += [f"{load.name} {each}" for each in found]
    if changed:
        named = ", ".join(changed[:_NAMED]) + (f" and {len(changed) - _NAMED} more" if len(changed) > _NAMED else "")
        hint = (
            "Somebody changed or deleted them in the target. Undo that there, or decide which side is right; "
            "nothing was written."
        )
        message = f"{len(changed)} rows are not as the import left them: {named}"
        raise TargetError(message, place=target.label, hint=hint)


def _changed(target: Target, load: TableLoad, import_id: str, columns: list[str], *, only_staged_ids: bool) -> str:
    quote, text = target.quote, target.text
    some = (
        f" JOIN {quote(IDS)} AS i ON i.target_table = x.target_table AND i.canonical_id = x.canonical_id"
        if only_staged_ids
        else ""
    )
    live = fingerprint(target, "t", columns, load)
    return (
        f"SELECT x.canonical_id AS id FROM {quote(CROSSWALK)} AS x{some} "
        f"LEFT JOIN {target.relation(load.name)} AS t ON {key_matches(target, load, 't', 'x.target_key')} "
        f"WHERE x.target_table = {text(load.name)} AND x.import_id = {text(import_id)} AND x.origin = 'loaded' "
        f"AND (t.{quote(load.key[0])} IS NULL OR {live} <> x.live_md5) ORDER BY x.canonical_id LIMIT {_FETCHED}"
    )
