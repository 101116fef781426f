"""INSERT statements of many rows, for a server that does not take LOAD DATA."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from portability.targets.lines import Rendering, hex_text, is_bytes, is_text, text_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["insert_statements"]

STATEMENT_BYTES = 512 * 1024  # well below the smallest max_allowed_packet that servers come with (1 MiB)


def insert_statements(
    head: str,
    batch: pa.RecordBatch,
    columns: Sequence[str],
    rendering: Rendering,
    expressions: Sequence[Callable[[str], str]],
) -> Iterator[str]:
    """Yield statements that add a batch's rows, each about as long as a server surely takes.

    Args:
        head: Up to and including ``VALUES``.
        batch: The rows.
        columns: Their names, for errors.
        rendering: As for lines of text.
        expressions: For each column what to wrap around its literal.
    """
    literals = [
        _literals(array, text, expression)
        for array, text, expression in zip(
            batch.columns, text_fields(batch, columns, rendering), expressions, strict=True
        )
    ]
    rows = pc.binary_join_element_wise(*literals, ",")
    held: list[str] = []
    size = 0
    for row in rows.to_pylist():
        if held and size + len(row) > STATEMENT_BYTES:
            yield head + ",".join(held)
            held, size = [], 0
        held.append(f"({row})")
        size += len(row)
    if held:
        yield head + ",".join(held)


def _literals(array: pa.Array, text: pa.Array, expression: Callable[[str], str]) -> pa.Array:
    """Return a column's literals: hex digits of everything that may hold a quote, in quotes everything else."""
    if is_text(array.type) or is_bytes(array.type):
        digits = hex_text(text.cast(pa.binary()))
        quoted = pc.binary_join_element_wise("_utf8mb4 X'", digits, "'", "")
    else:
        quoted = pc.binary_join_element_wise("'", text, "'", "")
    before, after = expression("\0").split("\0") if expression("") else ("", "")
    return pc.fill_null(pc.binary_join_element_wise(before, quoted, after, ""), "NULL")
