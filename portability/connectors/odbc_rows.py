"""What the dialects have in common when they reach their server through ODBC: one connection, rows as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portability.connectors.sql import SqlSnapshot

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

    from portability.connectors.carrying import Carrying
    from portability.connectors.connector import TablePlan
    from portability.connectors.planning import Ask, Wanted
    from portability.errors import PortabilityError
    from portability.manifest import Table

__all__ = ["OverOdbc"]


class OverOdbc(SqlSnapshot):
    """Stands before a native connector's snapshot and takes back whatever that has of its own driver's."""

    def aside(self) -> None:
        """There is one connection: measuring comes before reading."""

    def _revive(self) -> bool:
        return False  # the worker's one connection was the snapshot

    def foreknown(self, wanted: Wanted, ask: Ask) -> Mapping[str, Any]:
        return SqlSnapshot.foreknown(self, wanted, ask)

    def value_pieces(self, table: Table, carrying: Carrying, source: str, size: int) -> Iterator[Any]:
        return SqlSnapshot.value_pieces(self, table, carrying, source, size)

    def _read(self, plan: TablePlan) -> Iterator[pa.RecordBatch]:
        return SqlSnapshot._read(self, plan)  # noqa: SLF001 -- not the one of the class that stands behind

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:  # noqa: ARG002
        return None  # the session's errors are ours already
