"""What an import found, read out of DuckDB when all is decided: counts of tables, kinds of problems, single rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from portability.duck import quote, text_literal
from portability.errors import MappingError
from portability.importing.plan import ID, REJECT
from portability.importing.results import Problem, ProblemKind, TableResult

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

    from portability.archive import Archive
    from portability.importing.plan import LoadPlan, TableLoad
    from portability.importing.preparing import Preparation

__all__ = [
    "check_entities",
    "left_out_rows",
    "problem_kinds",
    "problems",
    "quarantined",
    "table_results",
    "unmapped_codes",
]

# The reason of one row of ``problem`` as p, with the row that it goes against.
_REASON = "p.reason || coalesce(': ' || p.other, '') AS reason"
_VALUES = 10  # examples of values with a kind of problem
_LEFT_SO = "'changed', 'missing'"  # kinds that tell of rows in the target, not of values
_BATCH_ROWS = 1_000  # rows that may be long


def check_entities(preparation: Preparation) -> None:
    """Refuse a table whose ids are not those of the entity that it says it has.

    Raises:
        MappingError: Some ``_id`` is no id of the entity.
    """
    for load in preparation.plan.tables:
        origins = load.spec.origins
        if not origins or load.name not in preparation.computed:
            continue
        known = " UNION ALL ".join(_ids_of(entity, prefix) for entity, prefix in origins.items())
        sql = f"SELECT {quote(ID)} FROM {load.raw} WHERE {quote(ID)} NOT IN ({known})"
        found = preparation.engine.execute(f"{sql} LIMIT 1").fetchall()
        if found:
            message = f"{found[0][0]} is no id of {' or '.join(origins)}, which the profile says feeds the table"
            raise MappingError(message, place=f"load/{load.name}.sql", hint="Leave entity: out, or give its ids.")


def _ids_of(entity: str, prefix: str) -> str:
    """Ids as the table has them."""
    return f"SELECT {text_literal(prefix)} || id AS id FROM {quote(entity)}"


def table_results(preparation: Preparation) -> tuple[TableResult, ...]:
    """Return the counts of all tables, as decided."""
    actions, leaving = preparation.actions(), preparation.leaving()
    return tuple(
        _table_result(preparation, load, actions.get(load.name, {}), leaving.get(load.name, 0))
        for load in preparation.plan.tables
    )


def _table_result(preparation: Preparation, load: TableLoad, actions: dict[str, int], leaving: int) -> TableResult:
    computed = load.name in preparation.computed
    replaced = actions.get("replace", 0)
    left_out = _left_out(preparation.engine, load) if computed else 0
    since = _left_so(preparation.engine, load) if computed else {}
    stay, gone = sum(n for (_, act), n in since.items() if act), sum(n for (_, act), n in since.items() if not act)
    kept = _kept(preparation.engine, load) - gone if computed and not preparation.is_delta else 0
    return TableResult(
        name=load.name,
        rows=preparation.rows.get(load.name, 0) if computed else 0,
        inserted=actions.get("insert", 0),
        updated=actions.get("update", 0) + replaced,
        unchanged=actions.get("unchanged", 0) - stay,
        deleted=leaving - replaced,
        matched=actions.get("matched", 0),
        rejected=actions.get("rejected", 0),
        kept=kept,
        changed=sum(n for (kind, _), n in since.items() if kind == "changed"),
        missing=sum(n for (kind, _), n in since.items() if kind == "missing"),
        entity=", ".join(load.spec.origins) or None,
        left_out=left_out,
        left_out_reason=load.spec.left_out,
        computed=computed,
    )


def _left_out(engine: duckdb.DuckDBPyConnection, load: TableLoad) -> int:
    ids = f"SELECT {quote(ID)} FROM {load.raw}"
    counts = (
        engine.execute(f"SELECT count(*) FROM ({_ids_of(entity, prefix)}) WHERE id NOT IN ({ids})").fetchall()[0][0]
        for entity, prefix in load.spec.origins.items()
    )
    return sum(int(count) for count in counts)


def left_out_rows(preparation: Preparation) -> Iterator[tuple[str, str, str, str]]:
    """Yield table, entity, id and reason of every row of an entity that its table does not get."""
    for load in preparation.plan.tables:
        if load.name not in preparation.computed:
            continue
        ids = f"SELECT {quote(ID)} FROM {load.raw}"
        reason = load.spec.left_out or "the profile gives no reason"
        for entity, prefix in load.spec.origins.items():
            sql = f"SELECT id FROM ({_ids_of(entity, prefix)}) WHERE id NOT IN ({ids}) ORDER BY id"
            for batch in preparation.engine.sql(sql).to_arrow_reader(_BATCH_ROWS):
                for identity in batch.column(0).to_pylist():
                    yield load.name, entity, identity[len(prefix) :], reason


def _kept(engine: duckdb.DuckDBPyConnection, load: TableLoad) -> int:
    stays = f"SELECT id FROM {load.act} WHERE action <> 'rejected'"
    sql = f"SELECT count(*) FROM {load.old} WHERE origin = 'loaded' AND id NOT IN ({stays})"
    return int(engine.execute(sql).fetchall()[0][0])


def _left_so(engine: duckdb.DuckDBPyConnection, load: TableLoad) -> dict[tuple[str, str | None], int]:
    """Count rows changed or deleted in the target, by kind and action; None where the archive no longer gives them."""
    sql = (
        f"SELECT p.kind, a.action, count(*) FROM problem AS p LEFT JOIN {load.act} AS a ON a.id = p.id "
        f"WHERE p.tbl = {text_literal(load.name)} AND p.kind IN ({_LEFT_SO}) "
        "AND (a.action IS NULL OR a.action = 'unchanged') GROUP BY ALL"
    )
    return {(kind, action): int(count) for kind, action, count in engine.execute(sql).fetchall()}


def problem_kinds(engine: duckdb.DuckDBPyConnection) -> tuple[ProblemKind, ...]:
    """Group the problems."""
    sql = (
        "SELECT tbl, kind, col, reason, count(DISTINCT id), warning, "
        f"list_sort(list(DISTINCT value) FILTER (value IS NOT NULL))[1:{_VALUES}] FROM (SELECT * REPLACE ("
        "CASE WHEN kind = 'rule' THEN 'the profile says so' ELSE reason END AS reason, "
        f"CASE WHEN kind IN ({_LEFT_SO}) THEN id ELSE value END AS value) FROM problem) "
        "GROUP BY tbl, kind, col, reason, warning ORDER BY warning, tbl, kind, col, reason"
    )
    return tuple(
        ProblemKind(
            table=tbl, kind=kind, column=col, reason=reason, rows=rows, warning=warning, values=tuple(values or ())
        )
        for tbl, kind, col, reason, rows, warning, values in engine.execute(sql).fetchall()
    )


def unmapped_codes(engine: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str, str, int, bool]]:
    """Yield table, column, code, number of rows and whether they are loaded all the same."""
    sql = (
        "SELECT tbl, col, value, count(*), warning FROM problem WHERE kind = 'code' "
        "GROUP BY ALL ORDER BY tbl, col, count(*) DESC, value"
    )
    yield from engine.execute(sql).fetchall()


def problems(engine: duckdb.DuckDBPyConnection, plan: LoadPlan, *, kinds: tuple[str, ...] = ()) -> Iterator[Problem]:
    """Yield every problem with its row, table by table; the engine must not be used meanwhile."""
    some = f"AND p.kind IN ({', '.join(text_literal(kind) for kind in kinds)})" if kinds else ""
    there = {str(name) for (name,) in engine.execute("SELECT DISTINCT tbl FROM problem").fetchall()}
    for load in plan.tables:
        if load.name not in there:
            continue
        skipped = [name for name in (REJECT,) if load.has_reject]
        hidden = ", ".join([quote(n) for n in skipped] + [quote(f"$code {c.name}") for c in load.columns if c.code])
        row = f"SELECT *{f' EXCLUDE ({hidden})' if hidden else ''} FROM {load.raw}"
        sql = (
            f"SELECT p.tbl, p.id, p.kind, p.col, p.value, {_REASON}, p.warning, "
            "CAST(coalesce(to_json(r), 'null') AS VARCHAR) AS content "
            f"FROM problem AS p LEFT JOIN ({row}) AS r ON r.{quote(ID)} = p.id "
            f"WHERE p.tbl = {text_literal(load.name)} {some} ORDER BY p.warning, p.id, p.kind, p.col"
        )
        for batch in engine.sql(sql).to_arrow_reader(_BATCH_ROWS):
            for tbl, identity, kind, col, value, reason, warning, content in zip(
                *(column.to_pylist() for column in batch.columns), strict=True
            ):
                yield Problem(
                    table=tbl,
                    id=identity,
                    kind=kind,
                    column=col,
                    value=value,
                    reason=reason,
                    warning=warning,
                    row=content,
                )


def quarantined(archive: Archive) -> dict[str, int]:
    """Count the rows that the export kept apart; they are not loaded."""
    return {name: pq.read_metadata(path).num_rows for name, path in archive.entity_files("quarantine").items()}
