"""One total on both sides, line by line, in the engine: nothing is rounded, no float is let in.

The archive's side runs twice: over everything, and over what was loaded (each entity's view shadowed by one that keeps
only the rows in the target's crosswalk). So a difference that the rejected rows account for is told from one that
nothing accounts for.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb

from portability.duck import is_one_select, quote, text_literal
from portability.errors import MappingError
from portability.reconciling.certificate import EXACT, Comparison, Line

if TYPE_CHECKING:
    from portability.limits import Limits
    from portability.profiles.loading import LoadSection, LoadTotal
    from portability.targets import Target

__all__ = ["compare_total", "iter_lines", "loaded_conditions"]

# Wide enough for every amount of money and count; more decimals than this are refused, not rounded.
_SCALE = 10
_AMOUNT = f"DECIMAL(38, {_SCALE})"
_WHOLE = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"}
_SIDES = ("archive", "without", "target")


def compare_total(
    engine: duckdb.DuckDBPyConnection, target: Target, total: LoadTotal, load: LoadSection, limits: Limits
) -> Comparison:
    """Compute one total on both sides; the lines stay in the table ``reconciled`` until the next call.

    The engine has the entities as views and the target's crosswalk as the table ``crosswalk``.

    Raises:
        MappingError: SQL that fails, or that gives no key or no exact value.
        TargetError: The target refuses its SQL.
    """
    place = f"load.totals: {total.name}"
    answer = target.query(total.target, place=place)
    try:
        if not is_one_select(engine, total.canonical):
            raise MappingError("is not one query", place=place)
        engine.register("answer", answer)
        for side, sql in zip(
            _SIDES, (total.canonical, _loaded_only(total.canonical, load), "SELECT * FROM answer"), strict=True
        ):
            _side(engine, side, sql, total, place)
        engine.unregister("answer")
        _join(engine, total)
        return _comparison(engine, total, limits)
    except duckdb.Error as error:
        raise MappingError(str(error).split("\n\nLINE")[0].replace("\n", " ")[:500], place=place) from error


def iter_lines(
    engine: duckdb.DuckDBPyConnection, total: LoadTotal, *, differing: bool, rows_max: int | None = None
) -> Iterator[Line]:
    """Yield the lines of the last compared total by key, at most ``rows_max``."""
    where = "WHERE state <> 'agrees'" if differing else ""
    order = ", ".join(["state = 'agrees'", *_keys(total)]) if differing else ", ".join(_keys(total)) or "1"
    limit = "" if rows_max is None else f"LIMIT {rows_max}"
    answer = engine.sql(f"SELECT * FROM reconciled {where} ORDER BY {order} {limit}")
    for batch in answer.to_arrow_reader(4096):
        for row in batch.to_pylist():
            amounts = {side: _amount(row[side], total) for side in _SIDES}
            yield Line(key=tuple(row[k] for k in _keys(total)), label=row["label"], state=row["state"], **amounts)


def _keys(total: LoadTotal) -> list[str]:
    return [f"k{number}" for number in range(len(total.keys))]


def _side(engine: duckdb.DuckDBPyConnection, side: str, sql: str, total: LoadTotal, place: str) -> None:
    types = {row[0].lower(): row[1] for row in engine.execute(f"DESCRIBE {sql}").fetchall()}
    lacking = [column for column in (*total.keys, "value") if column.lower() not in types]
    if lacking:
        raise MappingError(
            f"the SQL of the {'target' if side == 'target' else 'archive'} gives no column {lacking[0]!r}", place=place
        )
    _require_exact(types["value"], place)
    keys = [f"coalesce(CAST({quote(c)} AS VARCHAR), '') AS {k}" for c, k in zip(total.keys, _keys(total), strict=True)]
    label = "CAST(label AS VARCHAR)" if "label" in types else "CAST(NULL AS VARCHAR)"
    columns = ", ".join([*keys, f"{label} AS label", f"CAST(coalesce(value, 0) AS {_AMOUNT}) AS value"])
    engine.execute(f"CREATE OR REPLACE TABLE {side}_side AS SELECT {columns} FROM ({sql}\n)")
    if side == "target":
        return
    for key, table in zip(_keys(total), total.keys.values(), strict=True):
        if table is not None:
            # A row that was not loaded has no key there; its own id then stands for it.
            engine.execute(
                f"UPDATE {side}_side SET {key} = c.target_key FROM crosswalk AS c "
                f"WHERE c.target_table = {text_literal(table)} AND c.canonical_id = {key}"
            )


def _require_exact(kind: str, place: str) -> None:
    decimal = kind.startswith("DECIMAL")
    if kind not in _WHOLE and not (decimal and int(kind.partition(",")[2].strip(" )")) <= _SCALE):
        hint = "Count in whole pence (decimals: 2), or sum a DECIMAL."
        raise MappingError(f"the value is a {kind}, which is not exact enough", place=place, hint=hint)


def _join(engine: duckdb.DuckDBPyConnection, total: LoadTotal) -> None:
    """Bring the sides together; lines under one key are added up, the same on every side."""
    keys = "".join(f"{key}, " for key in _keys(total))
    rows = " UNION ALL ".join(
        f"SELECT {keys}{'label' if name == 'archive' else 'NULL'} AS label, "
        + ", ".join(f"{'value' if side == name else '0'} AS {side}" for side in _SIDES)
        + f" FROM {name}_side"
        for name in _SIDES
    )
    sums = ", ".join(f"CAST(sum({side}) AS {_AMOUNT}) AS {side}" for side in _SIDES)
    state = "CASE WHEN archive = target THEN 'agrees' WHEN without = target THEN 'explained' ELSE 'unexplained' END"
    engine.execute(
        f"CREATE OR REPLACE TABLE reconciled AS SELECT *, {state} AS state FROM "
        f"(SELECT {keys}min(label) AS label, {sums} FROM ({rows}) GROUP BY {keys}true)"
    )


def _comparison(engine: duckdb.DuckDBPyConnection, total: LoadTotal, limits: Limits) -> Comparison:
    counted = dict(engine.execute("SELECT state, count(*) FROM reconciled GROUP BY state").fetchall())
    sums = ", ".join(f"CAST(coalesce(sum({side}), 0) AS {_AMOUNT})" for side in ("archive", "target"))
    ((archive, target),) = engine.execute(f"SELECT {sums} FROM reconciled").fetchall()
    return Comparison(
        name=total.name,
        unit=total.unit,
        keys=tuple(total.keys),
        archive=_amount(archive, total),
        target=_amount(target, total),
        agreeing=counted.get("agrees", 0),
        explained=counted.get("explained", 0),
        unexplained=counted.get("unexplained", 0),
        lines=tuple(iter_lines(engine, total, differing=True, rows_max=limits.reconcile_lines_max)),
    )


def _amount(value: Decimal, total: LoadTotal) -> Decimal:
    """Return an amount in its unit, without the zeros that the engine's wide type brings."""
    amount = value.scaleb(-(total.decimals or 0), context=EXACT)
    shown = amount.quantize(Decimal("0.01") if total.unit == "money" else Decimal(1), context=EXACT)
    return shown if shown == amount else amount.normalize(context=EXACT)


def _loaded_only(sql: str, load: LoadSection) -> str:
    """Shadow each entity by those of its rows that were loaded into a table."""
    views = [
        f"{quote(entity)} AS (SELECT * FROM main.{quote(entity)} WHERE {' OR '.join(conditions)})"
        for entity, conditions in sorted(loaded_conditions(load, "crosswalk").items())
    ]
    return f"WITH {', '.join(views)} SELECT * FROM ({sql}\n)" if views else sql


def loaded_conditions(load: LoadSection, listed: str) -> dict[str, list[str]]:
    """Give for each entity a condition for each table that it feeds: ``listed`` has the row under that table."""
    conditions: dict[str, list[str]] = {}
    for table in load.tables.values():
        for entity, prefix in table.origins.items():
            row = f"{text_literal(prefix)} || CAST(id AS VARCHAR)" if prefix else "CAST(id AS VARCHAR)"
            conditions.setdefault(entity, []).append(
                f"coalesce({row} IN (SELECT canonical_id FROM {listed} "
                f"WHERE target_table = {text_literal(table.name)} AND canonical_id IS NOT NULL), false)"
            )
    return conditions
