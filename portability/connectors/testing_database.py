"""A database of the kind that a connector reads, as the conformance suite writes it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Row", "SourceDatabase"]

Row = tuple[Any, ...]


class SourceDatabase(ABC):
    """One empty database of the kind that the connector reads, to which the tests write."""

    # SQL types of what the tests store: int, text, name (text that may be a key), decimal (19,4), double, bytes.
    types: ClassVar[Mapping[str, str]]
    nul_in_text = True
    # Of these, the ones that a double column can hold.
    special_floats: ClassVar[tuple[float, ...]] = (math.inf, -math.inf, math.nan, -0.0)
    name_length_max = 63

    @property
    @abstractmethod
    def url(self) -> str:
        """The address that the connector is given."""

    @abstractmethod
    def execute(self, *statements: str) -> None:
        """Run statements in one transaction of a session of its own and commit it."""

    @abstractmethod
    def quote(self, name: str) -> str:
        """Quote an identifier."""

    @abstractmethod
    def literal(self, value: Any) -> str:  # noqa: ANN401
        """SQL literal of None, an int, float, Decimal, str or bytes."""

    def create(self, table: str, columns: Mapping[str, str], rows: Sequence[Row] = (), key: Sequence[str] = ()) -> None:
        """Make a table of columns of the kinds in ``types`` and fill it, a few rows to a statement."""
        declared = [
            f"{self.quote(name)} {self.types[kind]}{' NOT NULL' * (name in key)}" for name, kind in columns.items()
        ]
        if key:
            declared.append(f"PRIMARY KEY ({', '.join(self.quote(name) for name in key)})")
        self.execute(f"CREATE TABLE {self.quote(table)} ({', '.join(declared)})", *self._inserts(table, rows))

    def _inserts(self, table: str, rows: Sequence[Row]) -> list[str]:
        values = [f"({', '.join(self.literal(value) for value in row)})" for row in rows]
        parts = [values[start : start + 200] for start in range(0, len(values), 200)]
        return [f"INSERT INTO {self.quote(table)} VALUES {', '.join(part)}" for part in parts]
