"""A private DuckDB as a dialect: tables that hold a file's texts as they stand, measured and ordered by SQL.

Names are written in hexadecimal, because the engine calls names equal that differ in case only. Every column is text;
what it means is its conversion (files_types.py), found by its declared type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from portability.connectors.carrying import Carrying
from portability.connectors.files_types import Conversion, summable
from portability.connectors.sql import SqlSnapshot
from portability.duck import text_literal
from portability.sorting import SortedQuery, iter_sorted, text_terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import duckdb

    from portability.connectors.carrying import SentRows
    from portability.connectors.connector import TablePlan
    from portability.manifest import Column, Table
    from portability.scoping.filters import Between

__all__ = ["TextDialect", "coded"]

_HALF = 10**19
_FETCHED_ROWS = 1024


def coded(name: str) -> str:
    """Write a name so that names that differ stay different in the engine."""
    return f"x{name.encode().hex()}"


class TextDialect(SqlSnapshot):
    """What SqlSnapshot asks of a dialect, for tables of texts in a private engine."""

    engine: duckdb.DuckDBPyConnection
    # By the declared type as it stands in a column: two columns of one declaration mean the same.
    conversions: dict[str, Conversion]

    def quote(self, name: str) -> str:
        return f'"{coded(name)}"'

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        # A cursor of its own: the engine refuses a second query on a connection that still has rows to give.
        with self.engine.cursor() as cursor:
            cursor.execute(sql)
            while batch := cursor.fetchmany(_FETCHED_ROWS):
                yield from batch

    def conversion(self, column: Column) -> Conversion:
        """Return what a column's texts mean."""
        return self.conversions[column.native_type]

    def value(self, column: Column, name: str = "") -> str:
        """SQL of a column's value, null where its text is none."""
        name, conversion = name or self.quote(column.name), self.conversion(column)
        return (
            name if conversion.is_text else f"CASE WHEN NOT {conversion.unfit(name)} THEN {conversion.typed(name)} END"
        )

    def probes(self, column: Column) -> dict[str, str]:
        name, conversion = self.quote(column.name), self.conversion(column)
        probes = {"unfit": f"sum(CASE WHEN {conversion.unfit(name)} THEN 1 ELSE 0 END)"}
        if conversion.kind not in ("text", "bytes"):
            return probes
        function = "octet_length" if conversion.kind == "bytes" else "strlen"
        return probes | {"size": f"max({function}({self.value(column)}))"}

    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        name, conversion = self.quote(column.name), self.conversion(column)
        unfit = conversion.unfit(name) if probed.get("unfit") else ""
        reason = "the bytes are not in the file's encoding" if conversion.is_text else f"is no {conversion.native}"
        typed = conversion.typed(name)
        return [
            Carrying(
                name=column.name,
                arrow=conversion.arrow,
                select=f"CASE WHEN NOT {unfit} THEN {name} END" if unfit else name,
                kind=conversion.kind,
                value=f"(CASE WHEN NOT {unfit} THEN {typed} END)" if unfit else f"({typed})",
                unfit=unfit,
                reason=reason if unfit else "",
                raw=name if unfit else "",
            )
        ]

    def totals(self, carrying: Carrying) -> dict[str, str]:
        value = carrying.value
        if carrying.kind in ("text", "bytes"):
            return {"size_bytes": f"coalesce(sum({self.octets(carrying)}), 0)"}
        if carrying.kind == "bool":
            return {"true": f"count(*) FILTER (WHERE {value})"}
        if carrying.kind == "float":
            real = f"FILTER (WHERE NOT isnan({value}))"
            return {"minimum": f"min({value}) {real}", "maximum": f"max({value}) {real}"}
        bounds = {"minimum": f"CAST(min({value}) AS VARCHAR)", "maximum": f"CAST(max({value}) AS VARCHAR)"}
        if carrying.kind == "number":
            return {"sum": _sum(carrying), **bounds}
        return bounds if carrying.kind in ("date", "timestamp", "time", "duration") else {}

    def octets(self, carrying: Carrying) -> str:
        return f"octet_length({carrying.value})" if carrying.kind == "bytes" else f"strlen({carrying.value})"

    def order_term(self, column: Column) -> str:
        # The text behind it tells apart what did not fit, or was written in another way.
        name, term = self.quote(column.name), self.key_term(column)
        return text_terms(name) if term == name else f"{term} NULLS FIRST, {text_terms(name)}"

    def key_term(self, column: Column) -> str:
        ordered = self.conversion(column).kind not in ("opaque", "text")
        return self.value(column) if ordered else self.quote(column.name)

    def raw_text(self, column: Column) -> str:
        kind = self.conversion(column).kind
        return f"lower(hex({self.value(column)}))" if kind == "bytes" else f"CAST({self.value(column)} AS VARCHAR)"

    def substring(self, carrying: Carrying, offset: int, length: int) -> str:
        # Bytes by their hexadecimal digits: text is cut between characters otherwise, and counted in them.
        octets = carrying.value if carrying.kind == "bytes" else f"encode({carrying.value})"
        return f"unhex(substr(hex({octets}), {2 * (offset - 1) + 1}, {2 * length}))"

    def key_equals(self, column: Column, value: Any) -> str:  # noqa: ANN401
        text = value.hex() if isinstance(value, bytes) else str(value)
        return f"{self.raw_text(column)} = {_literal(text)}"

    def among(self, column: Column, name: str, values: Sequence[str]) -> str:
        listed = ", ".join(_literal(value) for value in values)
        return f"{self._exact(column, name)} IN ({listed})" if listed else "1 = 0"

    def exact_key(self, column: Column, name: str) -> str:
        return self._exact(column, name)

    def comparable(self, column: Column, other: Column, name: str) -> str | None:
        # Texts beside texts; values of other types are compared by exact_key alone.
        both = self.conversion(column).is_text and self.conversion(other).is_text
        return name if both else None

    def compares_exactly(self, column: Column, other: Column) -> bool:
        return self.conversion(column).is_text and self.conversion(other).is_text

    def day_bounds(self, column: Column, name: str, bounds: Between) -> str:
        value = self.value(column, name)
        sides = " AND ".join(f"{value} {sign} '{day}'" for sign, day in ((">=", bounds.low), ("<", bounds.high)) if day)
        return sides or "1 = 1"

    def key_text(self, column: Column) -> str:
        return self._exact(column, self.quote(column.name))

    def _exact(self, column: Column, name: str) -> str:
        value = self.value(column, name)
        return f"lower(hex({value}))" if self.conversion(column).kind == "bytes" else f"CAST({value} AS VARCHAR)"

    def explain_sql(self, sql: str) -> tuple[list[str], list[str]]:
        lines = [str(line) for row in self.rows(f"EXPLAIN {sql}") for line in str(row[1]).splitlines()]
        return lines, []

    def decide_file(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        return self.decide(column, probed)

    def _read(self, plan: TablePlan) -> Iterator[pa.RecordBatch]:
        detail = plan.detail
        selected = ", ".join(f"{each.select} AS {self.quote(each.name)}" for each in detail.carryings)
        wide = any(each.kind in ("text", "bytes") for each in detail.carryings) and plan.file_columns
        rows = min(detail.batch_rows, 512) if wide else detail.batch_rows
        query = SortedQuery(
            table=self.named_relation(plan.table), select=selected, where=detail.where, order=detail.order_sql
        )
        with self.engine.cursor() as cursor:
            for texts in iter_sorted(cursor, query, rows=rows, limits=self.limits):
                arrays = []
                for field, column in zip(plan.schema, texts.columns, strict=True):
                    conversion = self._conversion_named(plan.table, field.name)
                    arrays.append(column.cast(field.type) if conversion is None else conversion.convert(column))
                yield pa.RecordBatch.from_arrays(arrays, schema=plan.schema)

    def _conversion_named(self, table: Table, name: str) -> Conversion | None:
        column = next((each for each in table.columns if each.name == name), None)
        return None if column is None else self.conversion(column)

    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        raise NotImplementedError  # rows are read as Arrow


def _sum(carrying: Carrying) -> str:
    value = carrying.value
    if not pa.types.is_decimal(carrying.arrow):
        return f"CAST(sum({value}) AS VARCHAR)"
    if summable(carrying.arrow):
        return f"CAST(sum({value}) AS VARCHAR)"
    # Beyond the engine's own sums, as in formats/totals.py: the two halves of the digits are added apart.
    scale = carrying.arrow.scale
    unscaled = f"CAST(replace(CAST({value} AS VARCHAR), '.', '') AS HUGEINT)"
    high, low = f"sum({unscaled} // {_HALF})", f"sum({unscaled} % {_HALF})"
    exponent = f"'E-{scale}'"
    return f"CAST({high} * {_HALF} + {low} AS VARCHAR) || {exponent}"


def _literal(text: str) -> str:
    """SQL of a text; the engine's SQL may not hold a NUL."""
    if "\x00" in text:
        return f"decode(unhex('{text.encode().hex()}'))"
    return text_literal(text)
