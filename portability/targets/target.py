"""What every target is: a database that is written to, in bulk, by one session.

Legal order of calls: ``open_target`` -> within ``transaction()``: ``execute``, ``query``, ``load`` in any order. A load
is exact or an error: a value that the column cannot hold as it is never gets clamped, cut, rounded or made null. Only
``TargetError`` leaves a target, without a secret and without a client's value.

Where creating a table ends a transaction (MariaDB), whoever creates tables must see to it that
half of them do not look whole.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from portability.errors import PortabilityError, TargetError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from portability.manifest import Column, SourceSchema, Table

__all__ = ["TEXT_BYTES", "Target", "TargetColumn", "as_target_error"]

# Metadata of a binary field whose values are the bytes of a text, in whatever encoding: for what is no Unicode.
TEXT_BYTES = {b"portability.text": b"bytes"}


@dataclass(frozen=True, kw_only=True)
class TargetColumn:
    """A column of a target's table; ``length_max`` in characters of text or bytes, None when nothing bounds it."""

    name: str
    native_type: str
    nullable: bool
    length_max: int | None = None
    default: str | None = None
    identity: bool = False
    generated: bool = False


class Target(ABC):
    """A database that is open for writing."""

    dbms: ClassVar[str]
    # The longest value that can be put into a column in pieces; nothing can where it is 0.
    value_bytes_max: int = 0

    def __init__(self, label: str) -> None:
        self.label = label
        # What a person should know of this session, such as a slower way that had to be taken.
        self.notes: list[str] = []

    @abstractmethod
    def quote(self, name: str) -> str:
        """Quote an identifier."""

    @abstractmethod
    def text(self, value: str) -> str:
        """Write a text as an SQL literal."""

    @abstractmethod
    def _execute(self, sql: str) -> int: ...

    @abstractmethod
    def _query(self, sql: str) -> pa.Table: ...

    @abstractmethod
    def _load(self, relation: str, columns: Sequence[str], batches: Iterator[pa.RecordBatch]) -> int: ...

    @abstractmethod
    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        """Turn a driver's exception into ours; None when it is not the driver's."""

    @abstractmethod
    def _discover(self) -> SourceSchema: ...

    @abstractmethod
    def _begin(self) -> None: ...

    def relation(self, table: str, schema: str = "") -> str:
        """Quote a table's name; without a schema it is in the default one."""
        return f"{self.quote(schema)}.{self.quote(table)}" if schema else self.quote(table)

    def execute(self, sql: str, *, place: str = "") -> int:
        """Run one statement and return the number of rows it touched (0 where that means nothing).

        Raises:
            TargetError: The target refuses it; ``place`` tells where in our own words.
        """
        with self._guard(place):
            return self._execute(sql)

    def query(self, sql: str, *, place: str = "") -> pa.Table:
        """Return a small answer whole; decimals are decimals."""
        with self._guard(place):
            return self._query(sql)

    def load(self, table: str, columns: Sequence[str], batches: Iterable[pa.RecordBatch], *, schema: str = "") -> int:
        """Add rows in bulk and return how many; each batch has one array for each of ``columns``, in their order.

        Raises:
            TargetError: A value does not fit its column, or the target refuses; nothing says how many rows are there
                then: end the transaction.
        """
        with self._guard(f"{schema}.{table}" if schema else table):
            return self._load(self.relation(table, schema), columns, (b for b in batches if b.num_rows))

    def put_value(
        self, table: str, column: str, condition: str, chunks: Iterable[bytes], *, size: int, schema: str = ""
    ) -> int:
        """Put bytes that come in pieces into a column of the row that a condition names; return how many rows it was.

        Only where ``value_bytes_max`` is at least ``size``. Needs a transaction around it.
        """
        place = f"{schema}.{table}" if schema else table
        with self._guard(place):
            return self._put_value(table, column, condition, chunks, size=size, schema=schema)

    def _put_value(
        self, table: str, column: str, condition: str, chunks: Iterable[bytes], *, size: int, schema: str
    ) -> int:
        raise NotImplementedError

    def put_large_object(self, number: int, chunks: Iterable[bytes]) -> None:
        """Make a large object of PostgreSQL, which the archive of one has only; needs a transaction around it."""
        with self._guard(f"large object {number}"):
            self._put_large_object(number, chunks)

    def _put_large_object(self, number: int, chunks: Iterable[bytes]) -> None:
        raise NotImplementedError

    def discover(self) -> SourceSchema:
        """Return everything the target declares, uncommitted things too, as its connector reads it."""
        with self._guard("catalogue"):
            return self._discover()

    def table_names(self) -> list[str]:
        """Name the tables of the default schema."""
        found = self.discover()
        return [table.name for table in found.tables if table.schema == found.default_schema]

    def columns(self, table: str) -> list[TargetColumn]:
        """Return a table's columns in their order.

        Raises:
            TargetError: There is no such table.
        """
        return [self._describe(column) for column in self.table(table).columns]

    def table(self, name: str, schema: str = "") -> Table:
        """Return what the target declares of one table.

        Raises:
            TargetError: There is no such table.
        """
        found = self.discover()
        for table in found.tables:
            if (table.schema, table.name) == (schema or found.default_schema, name):
                return table
        raise TargetError("there is no such table", place=f"{self.label}: {name}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Begin, and commit at the end; roll back on any error."""
        with self._guard(self.label):
            self._begin()
        try:
            yield
            with self._guard(self.label):
                self._execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise

    @abstractmethod
    def can_roll_back(self) -> bool:
        """Tell whether there is a session, and a transaction in it, to speak of."""

    def _roll_back(self) -> None:
        """Give up the transaction; a session that is gone has given it up already."""
        if self.can_roll_back():
            try:
                self._execute("ROLLBACK")
            except Exception as error:
                # What broke before is the news, not that nothing could be said after it.
                if self._foreign(error, self.label) is None:
                    raise

    @contextmanager
    def _guard(self, place: str) -> Iterator[None]:
        try:
            yield
        except TargetError as error:
            error.place = error.place or place
            raise
        except PortabilityError as error:
            raise as_target_error(error, place) from error
        except Exception as error:
            ours = self._foreign(error, place or self.label)
            if ours is None:
                raise
            # The driver's own text may hold a client's value: it is not shown, so it is not chained.
            raise as_target_error(ours, place or self.label) from None

    @staticmethod
    def _describe(column: Column) -> TargetColumn:
        """Return a discovered column as importers want it."""
        native = column.native_type.lower()
        inside = native.partition("(")[2].partition(")")[0]
        bounded = any(word in native for word in ("char", "binary", "bit")) and inside.isdecimal()
        return TargetColumn(
            name=column.name,
            native_type=column.native_type,
            nullable=column.nullable,
            length_max=int(inside) if bounded else _LENGTHS.get(native),
            default=column.default,
            identity=column.identity,
            generated=column.generated is not None,
        )


# Bytes; only these types have a bound without brackets.
_LENGTHS = {
    "tinytext": 255,
    "text": None,
    "mediumtext": 16_777_215,
    "tinyblob": 255,
    "blob": 65_535,
    "mediumblob": 16_777_215,
}


def as_target_error(error: PortabilityError, place: str) -> TargetError:
    """Say of a target what a connector would say of a source."""
    if isinstance(error, TargetError):
        return error
    return TargetError(error.message, place=error.place or place, hint=error.hint)
