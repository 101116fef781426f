"""What becomes of each row: ``act.<table>`` has its action and its key, ``keys.<table>`` the key of every row there.

Actions: insert, update, replace (its key changes), unchanged, matched (the target had such a row of its own), rejected.
The crosswalk in the target is read into ``old.<table>``, whole, or only what a delta needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from portability.duck import quote, text_literal
from portability.importing.resolving import derived_key, own_key, resolve

if TYPE_CHECKING:
    import duckdb

    from portability.importing.plan import LoadPlan, TableLoad
    from portability.targets import Target

__all__ = ["append", "decide_actions", "decide_keys", "hashes_of", "set_matched"]


def hashes_of(load: TableLoad) -> str:
    """The table of id and hash of a load's rows, in DuckDB."""
    return f"act.{quote('$hash ' + load.name)}"


def append(engine: duckdb.DuckDBPyConnection, table: str, page: pa.RecordBatch) -> None:
    """Add the rows of an Arrow batch to a table of DuckDB."""
    engine.register("page", pa.Table.from_batches([page]))
    try:
        engine.execute(f"INSERT INTO {table} SELECT * FROM page")
    finally:
        engine.unregister("page")


def set_matched(engine: duckdb.DuckDBPyConnection, load: TableLoad, found: pa.Table) -> None:
    """Note rows of the target's own that stand for rows of ours: columns id and key."""
    for batch in found.to_batches():
        engine.register("page", pa.Table.from_batches([batch]))
        engine.execute(f"INSERT INTO {load.old} SELECT id, key, '', NULL, 'new match' FROM page")
        engine.unregister("page")


def decide_actions(engine: duckdb.DuckDBPyConnection, load: TableLoad, *, delta: bool) -> None:
    """Fill ``act.<table>``; keys are those of the crosswalk, and made by ``decide_keys`` for new rows.

    In a delta a row that the earlier archive gave in the same way is left alone without a look at the crosswalk, unless
    the last import rejected it: then it is not there, and is judged again.
    """
    name = text_literal(load.name)
    early = f"SELECT id FROM early WHERE tbl = {name}"
    same = f"LEFT JOIN prev.{quote(load.name)} AS v ON v.id = h.id" if delta else ""
    unchanged = f"v.hash IS NOT NULL AND v.hash = h.hash AND h.id NOT IN ({early})" if delta else "false"
    action = (
        "CASE WHEN o.origin IN ('matched', 'new match') THEN 'matched' WHEN j.id IS NOT NULL THEN 'rejected' "
        f"WHEN {unchanged} THEN 'unchanged' WHEN o.id IS NULL THEN 'insert' "
        "WHEN o.hash = h.hash THEN 'unchanged' ELSE 'update' END"
    )
    engine.execute(f"DROP TABLE IF EXISTS {load.act}")
    engine.execute(
        f"CREATE TABLE {load.act} AS SELECT h.id, h.hash, {action} AS action, o.key "
        f"FROM {hashes_of(load)} AS h LEFT JOIN {load.old} AS o ON o.id = h.id {same} "
        f"LEFT JOIN (SELECT DISTINCT id FROM rejected WHERE tbl = {name}) AS j ON j.id = h.id"
    )


def decide_keys(
    engine: duckdb.DuckDBPyConnection, load: TableLoad, plan: LoadPlan, target: Target, profile: str
) -> None:
    """Make the keys of new rows, and fill ``keys.<table>``; parents come first."""
    made = f"act.{quote('$made ' + load.name)}"
    engine.execute(f"CREATE TABLE {made} AS {_with_keys(load, plan, target, profile)}")
    engine.execute(f"DROP TABLE {load.act}")
    engine.execute(f"ALTER TABLE {made} RENAME TO {quote(load.name)}")
    engine.execute(f"DROP TABLE IF EXISTS {load.keys}")
    engine.execute(
        f"CREATE TABLE {load.keys} AS SELECT id, key FROM {load.act} WHERE action <> 'rejected' AND key IS NOT NULL "
        f"UNION ALL SELECT o.id, o.key FROM {load.old} AS o WHERE NOT EXISTS (SELECT 1 FROM {load.act} AS a "
        f"WHERE a.id = o.id AND a.action <> 'rejected' AND a.key IS NOT NULL) "
        f"AND NOT EXISTS (SELECT 1 FROM gone AS g WHERE g.tbl = {text_literal(load.name)} AND g.id = o.id)"
    )


def _with_keys(load: TableLoad, plan: LoadPlan, target: Target, profile: str) -> str:
    """The query of a table's actions with the keys of new rows."""
    kind = load.spec.key.kind
    if kind == "uuid":
        digest, text = derived_key(profile, load.name, "id")
        digests = f"SELECT *, CASE WHEN action = 'insert' THEN {digest} END AS h FROM {load.act}"
        return f"SELECT id, hash, action, CASE WHEN action = 'insert' THEN {text} ELSE key END AS key FROM ({digests})"
    if kind == "integer":
        # Only new rows are counted, in the order of their ids.
        number = "row_number() OVER (PARTITION BY action = 'insert' ORDER BY id)"
        made = f"CAST({_highest(target, load)} + {number} AS VARCHAR)"
        return f"SELECT id, hash, action, CASE WHEN action = 'insert' THEN {made} ELSE key END AS key FROM {load.act}"
    # A changed row whose key has changed is another row to the target.
    resolved = resolve(load, plan, only=load.key)
    keys = resolved.select(load, (), [f"{own_key(load, resolved)} AS new_key", "a.id AS row_id"])
    return (
        "SELECT t.id, t.hash, CASE WHEN t.action = 'update' AND t.key <> n.new_key THEN 'replace' ELSE t.action END "
        f"AS action, coalesce(n.new_key, t.key) AS key FROM {load.act} AS t "
        f"LEFT JOIN ({keys} WHERE a.action IN ('insert', 'update')) AS n ON n.row_id = t.id"
    )


def _highest(target: Target, load: TableLoad) -> int:
    column = target.quote(load.key[0])
    answer = target.query(f"SELECT max({column}) AS n FROM {target.relation(load.name)}", place=load.name)
    return int(answer.column(0)[0].as_py() or 0)
