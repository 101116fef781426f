"""The profile's control totals: the same figure over the source layer and over the canonical layer.

A difference that rows in quarantine account for to the last digit is ``explained``; any other is a ``mismatch``, which
the legal rules refuse.
"""

from __future__ import annotations

from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from portability.duck import is_one_select
from portability.errors import MappingError
from portability.formats.parquet import write_parquet
from portability.model import arrow_schema

if TYPE_CHECKING:
    from pathlib import Path

    from portability.limits import Limits
    from portability.mapping.engine import Mapped
    from portability.model import Model
    from portability.profiles import ControlTotal, Profile

__all__ = ["write_control_totals"]

_SCALE = Decimal("1e-10")
# 28 digits, and an error in place of rounding.
_EXACT = Context(prec=28, traps=[Inexact, InvalidOperation])


def write_control_totals(
    connection: duckdb.DuckDBPyConnection, profile: Profile, model: Model, mapped: Mapped, data: Path, limits: Limits
) -> None:
    """Compute every control total of the profile and write ``tables/control_total.parquet``.

    Raises:
        MappingError: A query fails, or gives something else than one exact number.
    """
    if not profile.control_totals:
        return
    entity = model.entity("control_total")
    schema = arrow_schema(entity)
    rows = sorted((_row(connection, total, mapped) for total in profile.control_totals), key=lambda row: str(row["id"]))
    batch = pa.RecordBatch.from_pylist(
        [{f.name: row.get(f.name) for f in entity.fields} for row in rows], schema=schema
    )
    path = data / f"tables/{entity.name}.parquet"
    write_parquet(path, schema, [batch], key=entity.primary_key, limits=limits)
    mapped.rows[entity.name], mapped.quarantined[entity.name] = len(rows), 0
    connection.execute(f"DROP TABLE {entity.name}")
    connection.execute(f"CREATE VIEW {entity.name} AS SELECT * FROM read_parquet('{path.resolve()}')")


def _row(connection: duckdb.DuckDBPyConnection, total: ControlTotal, mapped: Mapped) -> dict[str, Any]:
    place = f"control_totals: {total.name}"
    source, package = _number(connection, total.source, place), _number(connection, total.package, place)
    status, explanation = "match", None
    if package != source:
        everything = _number(connection, _over_all_rows(total.package, mapped, place), place)
        status = "explained" if everything == source else "mismatch"
        explanation = "the difference is in rows in quarantine" if status == "explained" else None
    return {
        "id": total.name,
        "name": total.name,
        "unit": total.unit,
        "currency": total.currency,
        "source_value": source,
        "package_value": package,
        "difference": package - source,
        "source_query": total.source,
        "package_query": total.package,
        "status": status,
        "explanation": explanation,
    }


def _number(connection: duckdb.DuckDBPyConnection, sql: str, place: str) -> Decimal:
    try:
        rows = connection.execute(sql).fetchall() if is_one_select(connection, sql) else []
    except duckdb.Error as error:
        raise MappingError(str(error).split("\n\nLINE", maxsplit=1)[0].replace("\n", " ")[:400], place=place) from error
    if len(rows) != 1 or len(rows[0]) != 1 or not isinstance(rows[0][0], int | Decimal | None):
        raise MappingError(
            "must give one whole or decimal number", place=place, hint="A float is not exact: use exact_money()."
        )
    value = Decimal(rows[0][0] or 0)
    try:
        exact = value.quantize(_SCALE, context=_EXACT)
    except DecimalException as error:
        message = "the total does not fit the model's decimal(28,10) exactly"
        raise MappingError(message, place=place, hint="Round it in the query, where everybody can see it.") from error
    return exact


def _over_all_rows(sql: str, mapped: Mapped, place: str) -> str:
    """The same query over every mapped row, those in quarantine included."""
    import sqlglot  # noqa: PLC0415 -- a tenth of an export's start; most totals agree
    from sqlglot import exp  # noqa: PLC0415
    from sqlglot.errors import SqlglotError  # noqa: PLC0415

    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except SqlglotError as error:
        raise MappingError("cannot be parsed", place=place) from error
    names = {cte.alias_or_name for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not table.db and table.name in mapped.rows and table.name not in names:
            table.set("db", exp.to_identifier("mapped"))
    return tree.sql(dialect="duckdb")
