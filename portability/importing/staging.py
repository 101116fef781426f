"""Staging tables in the target: rows go there in bulk, are counted against what left DuckDB, and wait for the move.

Their names begin with ``_portability_stage_``; whatever an earlier run left under such a name is swept away first.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from portability.duck import quote
from portability.errors import TargetError
from portability.importing.dialect import ACTION, HASH, IDENTITY, KEY, key_matches, stage_ddl
from portability.importing.resolving import resolve
from portability.targets.crosswalk import CROSSWALK, text_type
from portability.totals import normal_number

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import duckdb

    from portability.importing.plan import ColumnLoad, LoadPlan, TableLoad
    from portability.limits import Limits
    from portability.targets import Target

__all__ = ["IDS", "PREFIX", "find_matches", "stage_ids", "stage_rows", "sweep"]

PREFIX = "_portability_stage_"
IDS = f"{PREFIX}ids"
_MOVED = "('insert', 'update', 'replace')"


def sweep(target: Target) -> int:
    """Drop staging tables of earlier runs and return how many there were."""
    left = [name for name in target.table_names() if name.startswith(PREFIX)]
    for name in left:
        target.execute(f"DROP TABLE {target.quote(name)}", place=name)
    return len(left)


def stage_rows(
    engine: duckdb.DuckDBPyConnection, target: Target, load: TableLoad, plan: LoadPlan, limits: Limits
) -> int:
    """Fill a table's staging table anew with the rows that will move, and return their number.

    Raises:
        TargetError: The target refuses a value, or does not have what was sent.
    """
    resolved = resolve(load, plan)
    ours = {IDENTITY: "a.id", KEY: "a.key", HASH: "a.hash", ACTION: "a.action"}
    sql = resolved.select(load, load.names, [f"{value} AS {quote(name)}" for name, value in ours.items()])
    # InnoDB keeps rows in the order of their key; rows that come in that order are written once.
    order = " ORDER BY length(a.key), a.key" if target.dbms == "mariadb" and load.made_key() else ""
    tally = _Tally(load.columns, target.dbms)
    batches = engine.sql(f"{sql} WHERE a.action IN {_MOVED}{order}").to_arrow_reader(limits.batch_rows)
    drop(target, load.stage)
    with target.transaction():
        for statement in stage_ddl(target, load.stage, target.relation(load.name), load.names):
            target.execute(statement, place=load.name)
        rows = target.load(load.stage, [*load.names, *ours], tally.counted(batches))
    tally.compare(target, load, rows)
    return rows


def drop(target: Target, name: str) -> None:
    """Drop a staging table if it is there."""
    target.execute(f"DROP TABLE IF EXISTS {target.quote(name)}", place=name)


@dataclass
class _Tally:
    """Control totals of what passes by, to be asked of the staging table afterwards."""

    columns: Iterable[ColumnLoad]
    dbms: str
    rows: int = 0
    filled: dict[str, int] = field(default_factory=dict)
    sums: dict[str, Decimal] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.columns = list(self.columns)

    def counted(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """Pass batches on and count them."""
        for batch in batches:
            self.rows += batch.num_rows
            for column in self.columns:
                array = batch.column(column.name)
                self.filled[column.name] = self.filled.get(column.name, 0) + len(array) - array.null_count
                if (added := _sum(array)) is not None and self._measure(column):
                    self.sums[column.name] = self.sums.get(column.name, Decimal(0)) + added
            yield batch

    def _measure(self, column: ColumnLoad) -> str:
        """SQL of what is summed: numbers, or the octets of texts; empty where the target has no exact sum."""
        shape = column.shape
        if shape.native.lower() == "money":
            return ""
        if shape.kind == "int" or (shape.kind == "decimal" and self.dbms != "sqlite"):
            return "{c}"
        # Blanks that fill a CHAR up, or are taken off it, are no part of the value.
        if shape.kind != "text" or shape.native.lower().startswith(("char(", "character(", "bpchar")):
            return ""
        return {
            "postgresql": "octet_length({c})",
            "mariadb": "OCTET_LENGTH(CONVERT({c} USING utf8mb4))",
            "sqlite": "length(CAST({c} AS BLOB))",
        }.get(self.dbms, "strlen({c})")

    def compare(self, target: Target, load: TableLoad, rows: int) -> None:
        """Refuse when the staging table does not hold what was sent."""
        asked = {"rows": "count(*)"}
        for column in self.columns:
            name = target.quote(column.name)
            asked[f"{column.name}: values"] = f"count({name})"
            if column.name in self.sums:
                asked[f"{column.name}: sum"] = _text_of(target.dbms, f"sum({self._measure(column).format(c=name)})")
        picked = ", ".join(f"{sql} AS c{number}" for number, sql in enumerate(asked.values()))
        found = target.query(f"SELECT {picked} FROM {target.quote(load.stage)}", place=load.name)
        answers = dict(zip(asked, (column[0].as_py() for column in found.columns), strict=True))
        sent: dict[str, int | Decimal] = {"rows": self.rows}
        sent |= {f"{name}: values": count for name, count in self.filled.items()}
        sent |= {f"{name}: sum": total for name, total in self.sums.items()}
        wrong = [name for name, total in sent.items() if _number(answers[name]) != _number(total)]
        if wrong or rows != self.rows:
            message = f"the staging table does not hold what was sent: {', '.join(wrong) or 'rows'}"
            raise TargetError(message, place=load.name, hint="Nothing was moved. Is there a trigger on table creation?")


def _sum(array: pa.Array) -> Decimal | None:
    kind = array.type
    if pa.types.is_integer(kind):
        return Decimal(pc.sum(array.cast(pa.decimal128(38, 0)), min_count=0).as_py() or 0)
    if pa.types.is_decimal(kind):
        return Decimal(pc.sum(array.cast(pa.decimal256(76, kind.scale)), min_count=0).as_py() or 0)
    if pa.types.is_string(kind):
        return Decimal(pc.sum(pc.binary_length(array), min_count=0).as_py() or 0)
    return None


def _text_of(dbms: str, sql: str) -> str:
    return f"CAST({sql} AS {'CHAR(200)' if dbms == 'mariadb' else 'TEXT'})"


def _number(value: object) -> str:
    return normal_number("0" if value is None else str(value))


def find_matches(
    engine: duckdb.DuckDBPyConnection, target: Target, load: TableLoad, plan: LoadPlan, limits: Limits
) -> pa.Table:
    """Return new rows that the target has already under their natural key: id, key, found (number of such rows)."""
    resolved = resolve(load, plan, only=load.spec.match)
    sql = resolved.select(load, load.spec.match, [f"a.id AS {quote(IDENTITY)}"])
    name = f"{PREFIX}match_{load.number}"
    batches = engine.sql(f"{sql} WHERE a.action = 'insert'").to_arrow_reader(limits.batch_rows)
    drop(target, name)
    with target.transaction():
        for statement in stage_ddl(target, name, target.relation(load.name), load.spec.match):
            target.execute(statement, place=load.name)
        target.load(name, [*load.spec.match, IDENTITY], batches)
    found = target.query(_matches(target, load, name), place=load.name)
    drop(target, name)
    schema = pa.schema([("id", pa.string()), ("key", pa.string()), ("found", pa.int64())])
    return found.cast(schema) if found.num_rows else schema.empty_table()


def _matches(target: Target, load: TableLoad, stage: str) -> str:
    """The query; rows that an import made are ours and stand for themselves alone."""
    same = " AND ".join(f"t.{target.quote(c)} = s.{target.quote(c)}" for c in load.spec.match)
    ours = ""
    if CROSSWALK in target.table_names():
        ours = (
            f" WHERE NOT EXISTS (SELECT 1 FROM {target.quote(CROSSWALK)} AS x WHERE x.target_table = "
            f"{target.text(load.name)} AND x.origin = 'loaded' AND {key_matches(target, load, 't', 'x.target_key')})"
        )
    key = _text_of(target.dbms, f"t.{target.quote(load.key[0])}")
    if load.table.column(load.key[0]).native_type.lower().startswith("binary"):
        key = f"HEX(t.{target.quote(load.key[0])})"
    count = "CAST(count(*) AS SIGNED)" if target.dbms == "mariadb" else "count(*)"
    return (
        f"SELECT s.{IDENTITY} AS {target.quote('id')}, min({key}) AS {target.quote('key')}, {count} AS found "
        f"FROM {target.quote(stage)} AS s JOIN {target.relation(load.name)} AS t ON {same}{ours} GROUP BY s.{IDENTITY}"
    )


def stage_ids(target: Target, batches: Iterable[pa.RecordBatch]) -> None:
    """Fill the table of identities anew: batches of target_table, canonical_id."""
    columns = ("target_table", "canonical_id")
    types = f"target_table {text_type(target.dbms, 128)}, canonical_id {text_type(target.dbms, 500)}"
    drop(target, IDS)
    with target.transaction():
        target.execute(f"CREATE TABLE {target.quote(IDS)} ({types}, PRIMARY KEY (target_table, canonical_id))")
        target.load(IDS, columns, batches)
