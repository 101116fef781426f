"""From ``raw`` rows to the values that go into target columns: keys put in for references, each value converted."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.duck import quote, text_literal
from portability.importing.conversions import convert
from portability.importing.plan import ID
from portability.importing.rows import mapped, parent_column, value

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portability.importing.plan import ColumnLoad, LoadPlan, TableLoad

__all__ = ["Resolved", "derived_key", "own_key", "resolve"]

# Of this product; keys of different products never meet.
_NAMESPACE = uuid.UUID("6f1d4f0e-6c0b-5b0a-9a51-2f0d8a3c7e44")


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """SQL of each column, and the joins that they need, over ``raw`` as ``r`` and ``act`` as ``a``."""

    columns: dict[str, str]
    joins: str

    def select(self, load: TableLoad, names: Iterable[str], extra: Iterable[str] = ()) -> str:
        """SELECT … FROM …, for a WHERE to follow."""
        parts = [*(f"{self.columns[name]} AS {quote(name)}" for name in names), *extra]
        return (
            f"SELECT {', '.join(parts)} FROM {load.raw} AS r JOIN {load.act} AS a ON a.id = r.{quote(ID)}{self.joins}"
        )


def derived_key(profile: str, table: str, identity: str) -> tuple[str, str]:
    """SQL of the UUIDv5 (RFC 9562) of ``<profile>/<table>/<_id>``: its digest, and its text over a digest ``h``."""
    prefix = _NAMESPACE.bytes + f"{profile}/{table}/".encode()
    octets = "".join(f"\\x{octet:02X}" for octet in prefix)
    digest = f"sha1('{octets}'::BLOB || encode({identity}))"
    # The two highest bits of the seventeenth digit become 10.
    variant = " ".join(
        f"WHEN h[17] IN ({', '.join(text_literal(d) for d in digits)}) THEN '{made}'"
        for digits, made in (("048c", "8"), ("159d", "9"), ("26ae", "a"), ("37bf", "b"))
    )
    parts = "left(h, 8), '-', substr(h, 9, 4), '-5', substr(h, 14, 3), '-'"
    return digest, f"concat({parts}, CASE {variant} END, substr(h, 18, 3), '-', substr(h, 21, 12))"


def resolve(load: TableLoad, plan: LoadPlan, *, only: Iterable[str] | None = None) -> Resolved:
    """Return how the columns of a table (or ``only`` some) are made."""
    wanted = set(load.names if only is None else only)
    columns: dict[str, str] = {}
    joins: list[str] = []
    for number, column in enumerate(load.columns):
        if column.name not in wanted:
            continue
        sql, kind = _source(column, number, plan, joins)
        made, _ = convert(column.shape, kind, sql)
        columns[column.name] = made or f"CAST({sql} AS VARCHAR)"
    return Resolved(columns=columns, joins="".join(joins))


def _source(column: ColumnLoad, number: int, plan: LoadPlan, joins: list[str]) -> tuple[str, str]:
    if column.sort == "key":
        return "a.key", "TEXT"
    if column.sort == "code":
        return mapped(column), "TEXT"
    if column.reference is None:
        return value(column), column.kind
    keys = []
    for place, name in enumerate(column.reference.tables):
        alias = f"k{number}_{place}"
        wanted = f"{text_literal(name + '/')} || {alias}.id" if column.reference.several else f"{alias}.id"
        joins.append(f" LEFT JOIN {plan.table(name).keys} AS {alias} ON {wanted} = {value(column)}")
        keys.append(f"{alias}.key")
    if column.reference.column is None:
        return f"coalesce({', '.join(keys)}, NULL)", "TEXT"
    return _parent_value(column, number, plan, joins)


def _parent_value(column: ColumnLoad, number: int, plan: LoadPlan, joins: list[str]) -> tuple[str, str]:
    named = parent_column(column, plan)
    assert named is not None  # noqa: S101 -- it has a column
    parent, name = named
    given = parent.column(name)
    alias = f"p{number}"
    joins.append(f" LEFT JOIN {parent.raw} AS {alias} ON {alias}.{quote(ID)} = k{number}_0.id")
    if given.sort == "code":
        return f"{alias}.{quote('$code ' + name)}", "TEXT"
    return f"{alias}.{quote(name)}", given.kind


def own_key(load: TableLoad, resolved: Resolved) -> str:
    """SQL of the text of a key that the SQL gives; of several columns it is a JSON list."""
    texts = [
        f"lower(hex({resolved.columns[name]}))"
        if load.column(name).shape.kind == "bytes"
        else f"CAST({resolved.columns[name]} AS VARCHAR)"
        for name in load.key
    ]
    return texts[0] if len(texts) == 1 else f"CAST(to_json([{', '.join(texts)}]) AS VARCHAR)"
