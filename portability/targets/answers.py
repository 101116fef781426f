"""Answers of drivers that give Python objects, as Arrow: integers, decimals and floats stay what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa

from portability.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["answer_table"]


def answer_table(names: Sequence[str], rows: Sequence[tuple[Any, ...]], place: str) -> pa.Table:
    """Return a small answer as an Arrow table, typed by its values; a column of nulls alone has the type ``null``.

    Raises:
        TargetError: One column holds values of several kinds.
    """
    columns = [[_plain(value) for value in column] for column in zip(*rows, strict=True)] or [[] for _ in names]
    try:
        arrays = [pa.array(column) for column in columns]
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        hint = "Cast the column to text in the query."
        raise TargetError("a column of an answer holds values of several kinds", place=place, hint=hint) from error
    return pa.Table.from_arrays(arrays, names=list(names))


def _plain(value: Any) -> Any:  # noqa: ANN401 -- a driver's value
    if isinstance(value, UUID):
        return str(value)
    return bytes(value) if isinstance(value, memoryview | bytearray) else value
