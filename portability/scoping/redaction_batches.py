"""Treating batches: what a decision on a column means for values of each Arrow type, and nothing else is touched.

The type is known only when a table is planned (a typed-in date may travel as text), so it is here that a decision
becomes a change. Text is replaced by text that fits the column; where nothing can stand, the value goes. A value that
must not be empty (a key, a column that is not nullable) gets something that is of no use to anybody.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from portability.scoping.redaction_pseudonyms import REDACTED, Pseudonyms, fitted
from portability.scoping.redaction_rules import text_width

if TYPE_CHECKING:
    from portability.manifest import Column, Table
    from portability.scoping.redaction_rules import Verdict

__all__ = ["Transform", "treat_batches"]

_REDACTED_JSON = '{"redacted":true}'
_REMEMBERED = 50_000  # pseudonyms of one column kept while its table is read: some 10 MiB

Treat = Callable[[pa.Array], pa.Array]


@dataclass(frozen=True, kw_only=True)
class Transform:
    """Turns a table's batches into those that may be written; ``treated`` names the columns it changes."""

    treated: frozenset[str]
    columns: Mapping[str, Treat]

    def __call__(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch with its columns treated."""
        arrays = [
            self.columns[name](array) if name in self.columns else array
            for name, array in zip(batch.schema.names, batch.columns, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)


def treat_batches(
    table: Table, schema: pa.Schema, decided: Mapping[str, Verdict], makers: Pseudonyms | None
) -> Transform:
    """Return the transform of one planned table.

    Args:
        table: With its keys.
        schema: Of the batches: sidecars ``<name>__typeof`` and ``<name>__size`` follow their column.
        decided: What is to become of the columns that may not stay.
        makers: What makes pseudonyms; None where none are made.
    """
    columns: dict[str, Treat] = {}
    treated: set[str] = set()
    for name, verdict in decided.items():
        if name not in schema.names:
            continue
        kind = schema.field(name).type
        treat = _treat(table, table.column(name), kind, verdict, makers)
        if treat is None:
            continue
        treated.add(name)
        sizes, is_file = f"{name}__size", f"{name}__size" in schema.names
        columns[name] = treat
        if is_file:  # a value that is a file goes as a whole
            columns[sizes] = _emptied
            columns[name] = treat if table.column(name).nullable else _never_null(treat, kind)
        if f"{name}__typeof" in schema.names:
            columns[f"{name}__typeof"] = _as_text if _is_text(kind) else _same
    return Transform(treated=frozenset(treated), columns=columns)


def _treat(
    table: Table, column: Column, kind: pa.DataType, verdict: Verdict, makers: Pseudonyms | None
) -> Treat | None:
    """Return what to do with a column's values; None where its type says that they stay."""
    is_person = verdict.is_personal
    in_key = _in_key(table, column.name)
    if _is_text(kind):
        return _text_treat(column, verdict, makers, in_key=in_key)
    if pa.types.is_dictionary(kind) or pa.types.is_nested(kind):
        return _emptied
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        if in_key and makers is not None:
            return _octets(makers)
        return _emptied if column.nullable else _filled(b"")
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return _dated(makers) if is_person and makers is not None else _emptied if is_person else None
    if in_key or not is_person or verdict.kind == "key" or pa.types.is_decimal(kind):
        return None  # numbers: keys, money and quantities stay
    return _emptied if column.nullable else _filled(0)


def _in_key(table: Table, name: str) -> bool:
    keys = [table.primary_key, *table.unique_keys]
    return any(name in key.columns for key in keys if key is not None) or name in table.order


def _text_treat(column: Column, verdict: Verdict, makers: Pseudonyms | None, *, in_key: bool) -> Treat:
    width = text_width(column.native_type)
    kind = "key" if in_key and verdict.do == "redact" and makers is not None else verdict.kind
    if kind and makers is not None:
        make = lru_cache(maxsize=_REMEMBERED)(makers.text)
        return lambda values: _mapped(values, lambda text: fitted(make(kind, text), width))
    if width is not None and width < len(REDACTED) and column.nullable:
        return _emptied  # too narrow to say so
    if "json" in column.native_type.lower():
        return lambda values: _mapped(values, lambda _: _REDACTED_JSON)
    return lambda values: _mapped(values, lambda text: _redacted(text, width))


def _redacted(text: str, width: int | None) -> str:
    """Nothing stays nothing; what a map may read as JSON stays JSON."""
    if text.lstrip()[:1] in {"{", "["} and (width is None or width >= len(_REDACTED_JSON)):
        return _REDACTED_JSON
    return fitted(REDACTED, width) if text.strip() else text


def _mapped(values: pa.Array, make: Callable[[str], str]) -> pa.Array:
    """Map each different text once."""
    encoded = values.cast(pa.string()).dictionary_encode()
    made = pa.array([make(text) for text in encoded.dictionary.to_pylist()], pa.string())
    return made.take(encoded.indices).cast(values.type)


def _octets(makers: Pseudonyms) -> Treat:
    """Keys of bytes stay apart."""

    def treat(values: pa.Array) -> pa.Array:
        made = [None if value is None else makers.octets(value) for value in values.to_pylist()]
        return pa.array(made, values.type)

    return treat


def _dated(makers: Pseudonyms | None) -> Treat:
    def treat(values: pa.Array) -> pa.Array:
        if makers is None:
            return _emptied(values)
        days = values.cast(pa.date32()) if pa.types.is_date(values.type) else pc.floor_temporal(values, unit="day")
        encoded = days.cast(pa.date32()).dictionary_encode()
        made = pa.array([makers.day(day) for day in encoded.dictionary.to_pylist()], pa.date32())
        moved = made.take(encoded.indices)
        if pa.types.is_date(values.type):
            return moved.cast(values.type)
        noon = pc.add(moved.cast(pa.timestamp("s")), pa.scalar(43_200, pa.duration("s")))
        return noon.cast(pa.timestamp(values.type.unit)).cast(values.type)

    return treat


def _emptied(values: pa.Array) -> pa.Array:
    return pa.nulls(len(values), values.type)


def _never_null(treat: Treat, kind: pa.DataType) -> Treat:
    nothing = REDACTED if _is_text(kind) else b""
    return lambda values: pc.fill_null(treat(values), pa.scalar(nothing, kind))


def _same(values: pa.Array) -> pa.Array:
    return values


def _filled(value: Any) -> Treat:  # noqa: ANN401 -- of the column's type
    def treat(values: pa.Array) -> pa.Array:
        nothing = pa.scalar(None, values.type)
        return pc.if_else(pc.is_null(values), nothing, pa.scalar(value, values.type))

    return treat


def _as_text(kinds: pa.Array) -> pa.Array:
    """What SQLite stored as a number is text once it is redacted."""
    is_null = pc.or_kleene(pc.is_null(kinds), pc.equal(kinds, "null"))
    return pc.if_else(pc.fill_null(is_null, True), kinds, pa.scalar("text", kinds.type))  # noqa: FBT003


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or isinstance(kind, pa.JsonType))
