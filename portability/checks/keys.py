"""SQL for keys and references between Parquet files of the source layer, whatever the columns are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from portability.formats.totals import scan_sql

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from portability.manifest import Table

__all__ = ["KeyColumns", "broken_references_sql", "doubled_keys_sql"]

_ROW = "row_number"


@dataclass(frozen=True, kw_only=True)
class KeyColumns:
    """The columns of a key, as positions in a file.

    ``values`` are the key's own columns; ``files`` and ``kinds`` the sidecars that hold the hash of a long value and
    the storage class of a mixed one: in SQLite 1 and '1' are two keys.
    """

    width: int
    values: tuple[int, ...]
    files: tuple[int, ...]
    kinds: tuple[int, ...]
    types: tuple[pa.DataType, ...]

    @classmethod
    def of(cls, table: Table, schema: pa.Schema, names: Sequence[str]) -> KeyColumns | None:
        """Find the columns; None when one of them is not in the file."""
        positions = {name: position for position, name in enumerate(schema.names)}
        if any(table.column(name).carried == "excluded" for name in names):
            return None
        return cls(
            width=len(schema),
            values=tuple(positions[name] for name in names),
            files=tuple(positions[f"{n}__file"] for n in names if table.column(n).carried == "file"),
            kinds=tuple(positions[f"{n}__typeof"] for n in names if f"{n}__typeof" in positions),
            types=tuple(schema.field(positions[name]).type for name in names),
        )

    @property
    def is_plain(self) -> bool:
        """Whether every value stands in its own column."""
        return not self.files

    @property
    def has_text(self) -> bool:
        """Whether a column is text, whose equality is its collation's affair."""
        return any(_is_text(kind) for kind in self.types)

    def scan(self, path: Path, prefix: str, *, row_number: bool = False) -> str:
        """Return the FROM item whose columns are ``<prefix>0``, ``<prefix>1``, ..."""
        names = [f"{prefix}{position}" for position in range(self.width)]
        return scan_sql(path, [*names, _ROW] if row_number else names, row_number=row_number)


def doubled_keys_sql(path: Path, key: KeyColumns) -> str:
    """SQL of the first row of each key that occurs more than once; keys with a null are left out."""
    columns = [f"c{position}" for position in (*key.values, *key.kinds)] + [f"c{p}.sha256" for p in key.files]
    present = " AND ".join(f"c{position} IS NOT NULL" for position in key.values) if key.is_plain else "true"
    return (
        f"SELECT min({_ROW}) FROM {key.scan(path, 'c', row_number=True)} WHERE {present} "
        f"GROUP BY {', '.join(columns)} HAVING count(*) > 1"
    )


def broken_references_sql(path: Path, own: KeyColumns, target: Path, theirs: KeyColumns) -> str:
    """SQL of the rows whose reference has no null and finds no row."""
    pairs = [
        _equal(f"c{mine}", f"p{other}", same=_are_comparable(kind, target_kind))
        for mine, other, kind, target_kind in zip(own.values, theirs.values, own.types, theirs.types, strict=True)
    ]
    present = " AND ".join(f"c{position} IS NOT NULL" for position in own.values)
    return (
        f"SELECT {_ROW} FROM {own.scan(path, 'c', row_number=True)} WHERE {present} "
        f"AND NOT EXISTS (SELECT 1 FROM {theirs.scan(target, 'p')} WHERE {' AND '.join(pairs)})"
    )


def _equal(mine: str, other: str, *, same: bool) -> str:
    return f"{mine} = {other}" if same else f"CAST({mine} AS VARCHAR) = CAST({other} AS VARCHAR)"


def _are_comparable(mine: pa.DataType, other: pa.DataType) -> bool:
    return mine == other or all(map(_is_text, (mine, other))) or all(map(_is_exact_number, (mine, other)))


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind))


def _is_exact_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_decimal(kind))
