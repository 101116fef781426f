"""What a scope asks of a source; a connector's snapshot answers, and nobody here needs to know one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.manifest import Table
    from portability.scoping.filters import RowFilter, TableName

__all__ = ["Asks"]


class Asks(Protocol):
    """What a snapshot answers."""

    def count(self, table: Table, rows: RowFilter | None = None) -> int: ...

    def keys(self, table: Table, columns: Sequence[str], rows: RowFilter) -> Iterator[tuple[str, ...]]: ...

    def proven_keys(self) -> frozenset[tuple[TableName, tuple[str, ...]]]: ...
