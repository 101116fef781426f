"""What every form of conversion gets and gives: the material, the report, and the description of a form.

A form is one module with one function: ``write(material, folder, report)`` puts its files into a new folder, says in
the report everything that the form could not hold, and checks what it wrote. It never drops or changes a value in
silence.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from portability.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from portability.archive import Archive
    from portability.limits import Limits

__all__ = ["Form", "Material", "Report", "TableMaterial"]


@dataclass(frozen=True, kw_only=True)
class TableMaterial:
    """A table to convert: its name for people, its file, and its resource in ``datapackage.json``."""

    name: str
    path: Path
    resource: dict[str, Any]

    @property
    def schema(self) -> pa.Schema:
        """The Arrow schema of the file."""
        return pq.read_schema(self.path)

    @property
    def rows(self) -> int:
        """How many rows the file has."""
        return int(pq.read_metadata(self.path).num_rows)

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The columns' descriptions."""
        return list(self.resource["schema"]["fields"])

    @property
    def key(self) -> tuple[str, ...]:
        """The primary key, where it holds."""
        return tuple(self.resource["schema"].get("primaryKey", ()))

    @property
    def unique_keys(self) -> tuple[tuple[str, ...], ...]:
        """Further unique keys that hold."""
        return tuple(tuple(key) for key in self.resource["schema"].get("uniqueKeys", ()))

    @property
    def references(self) -> list[dict[str, Any]]:
        """The foreign keys that hold, as in a data package."""
        return list(self.resource["schema"].get("foreignKeys", ()))

    def batches(self, limits: Limits) -> Iterator[pa.RecordBatch]:
        """Yield the rows in their order; no batch reaches over a row group, whose size is bounded."""
        try:
            with pq.ParquetFile(self.path) as file:
                for group in range(file.num_row_groups):
                    yield from file.iter_batches(limits.convert_batch_rows, row_groups=[group])
        except (OSError, pa.ArrowException) as error:
            hint = "`portability verify` says what is wrong with the archive."
            raise FormatError("a table cannot be read", place=self.path.name, hint=hint) from error


@dataclass(frozen=True, kw_only=True)
class Material:
    """What is converted and how."""

    archive: Archive
    tables: tuple[TableMaterial, ...]
    limits: Limits
    link: bool = False
    progress: Callable[[str], None] = lambda _: None


@dataclass(kw_only=True)
class Report:
    """What became of everything: ``counts`` of what was written, and remarks on what the form could not hold.

    A remark says what happened, where (a table and column, or a bill), and how often; it never holds a client's value.
    """

    counts: dict[str, int] = field(default_factory=dict)
    remarks: dict[tuple[str, str], int] = field(default_factory=dict)

    def remark(self, what: str, place: str, count: int = 1) -> None:
        """Note that something was cut, left out or stored otherwise."""
        if count:
            self.remarks[what, place] = self.remarks.get((what, place), 0) + count

    def count(self, name: str, number: int = 1) -> None:
        """Count something that was written."""
        self.counts[name] = self.counts.get(name, 0) + number

    def rows(self) -> list[dict[str, Any]]:
        """Return the remarks as plain data, sorted."""
        ordered = sorted(self.remarks.items())
        return [{"what": what, "place": place, "count": count} for (what, place), count in ordered]


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form that an archive can be converted to.

    ``cannot_hold`` is the statement, a sentence each, of what the form cannot hold and what is done instead. ``tables``
    tells that it takes any table; the others are made of ``entities`` of the canonical layer. ``module`` is a library
    that it needs from the extra ``convert``.
    """

    name: str
    title: str
    write: Callable[[Material, Path, Report], None]
    cannot_hold: tuple[str, ...]
    tables: bool = False
    entities: tuple[str, ...] = ()
    module: str = ""
