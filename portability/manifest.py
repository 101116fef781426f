"""The wire formats of an archive as frozen dataclasses: building is free, reading validates and names the place.

JSON is read and written by msgspec. Unknown fields are ignored, so that a newer minor version stays readable. Numbers
that must be exact (sums, money) travel as strings.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from portability.errors import FormatError
from portability.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "FORMAT_VERSION",
    "Check",
    "Column",
    "ColumnTotals",
    "ControlTotals",
    "ExportRecord",
    "Finding",
    "Findings",
    "ForeignKey",
    "Index",
    "Key",
    "Routine",
    "Sequence",
    "SnapshotRecord",
    "SourceSchema",
    "Table",
    "TableTotals",
    "View",
    "read_json",
    "to_json",
]

FORMAT_VERSION = "1.0"

_T = TypeVar("_T")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A source column as declared, and how it travels.

    ``carried`` is ``value`` (the column), ``file`` (some or all values are files named in ``<name>__file``), or
    ``excluded``. ``arrow_type`` is the Arrow type in the Parquet file, as pyarrow prints it; empty when excluded.
    """

    name: str
    position: int
    native_type: str
    nullable: bool = True
    default: str | None = None
    comment: str | None = None
    collation: str | None = None
    charset: str | None = None
    generated: str | None = None
    identity: bool = False
    labels: tuple[str, ...] | None = None
    arrow_type: str = ""
    carried: str = "value"
    reason: str | None = None


@dataclass(frozen=True, kw_only=True)
class Key:
    """A primary or unique key."""

    name: str | None
    columns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ForeignKey:
    """A declared foreign key. ``broken_rows`` counts rows whose reference does not resolve; None when not counted."""

    name: str | None
    columns: tuple[str, ...]
    target_schema: str
    target_table: str
    target_columns: tuple[str, ...]
    on_update: str | None = None
    on_delete: str | None = None
    broken_rows: int | None = None


@dataclass(frozen=True, kw_only=True)
class Index:
    """An index that is not a key's own; ``definition`` is the source's text where it gives one."""

    name: str
    columns: tuple[str, ...]
    unique: bool = False
    definition: str | None = None


@dataclass(frozen=True, kw_only=True)
class Check:
    """A check constraint as text."""

    name: str | None
    expression: str


@dataclass(frozen=True, kw_only=True)
class Table:
    """A source table. ``file`` is its payload path below ``data/``, empty when the table is excluded."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    comment: str | None = None
    primary_key: Key | None = None
    unique_keys: tuple[Key, ...] = ()
    foreign_keys: tuple[ForeignKey, ...] = ()
    checks: tuple[Check, ...] = ()
    indexes: tuple[Index, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)
    row_count: int | None = None
    order: tuple[str, ...] = ()
    file: str = ""
    excluded: str | None = None

    @property
    def label(self) -> str:
        """``schema.table``, for people."""
        return f"{self.schema}.{self.name}"

    def column(self, name: str) -> Column:
        """Return the column of that name; KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


@dataclass(frozen=True, kw_only=True)
class View:
    """A view as text; its rows are not exported."""

    schema: str
    name: str
    definition: str
    comment: str | None = None


@dataclass(frozen=True, kw_only=True)
class Routine:
    """A function, procedure or trigger as text."""

    schema: str
    name: str
    kind: str
    definition: str


@dataclass(frozen=True, kw_only=True)
class Sequence:
    """A sequence and its position at the snapshot."""

    schema: str
    name: str
    value: str | None


@dataclass(frozen=True, kw_only=True)
class SnapshotRecord:
    """How consistent the export is. ``level``: ``exact`` (one view), ``per-table`` or ``window``."""

    method: str
    level: str
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class SourceSchema:
    """``schema/source.json``: everything the source declared.

    Never a host, a user, the database's name or a connection string.
    """

    dbms: str
    dbms_version: str
    default_schema: str
    tables: tuple[Table, ...]
    views: tuple[View, ...] = ()
    routines: tuple[Routine, ...] = ()
    sequences: tuple[Sequence, ...] = ()
    snapshot: SnapshotRecord | None = None
    charset: str | None = None
    collation: str | None = None
    time_zone: str | None = None
    notes: tuple[str, ...] = ()
    format_version: str = FORMAT_VERSION

    def with_tables(self, tables: tuple[Table, ...]) -> SourceSchema:
        """Return the same schema with other tables."""
        return replace(self, tables=tables)


@dataclass(frozen=True, kw_only=True)
class ColumnTotals:
    """Control totals of one column over its carried values, all exact, as text.

    ``non_null`` counts values that are not null in the source; ``excepted`` those of them that went to the exceptions
    ledger. ``sum``, ``minimum``, ``maximum`` exist for numbers (floats have no sum), ``minimum``/``maximum`` for dates
    and times (ISO text), ``true`` for booleans, ``size_bytes`` (UTF-8 for text) for text and bytes, files included.
    ``redacted`` is how many values the export replaced or removed: where it is not null, the other figures
    are of what is in the archive and prove nothing about the source.
    """

    name: str
    non_null: int
    excepted: int = 0
    sum: str | None = None
    minimum: str | None = None
    maximum: str | None = None
    true: int | None = None
    size_bytes: int | None = None
    redacted: int | None = None


@dataclass(frozen=True, kw_only=True)
class TableTotals:
    """Control totals of one table."""

    schema: str
    name: str
    rows: int
    columns: tuple[ColumnTotals, ...]


@dataclass(frozen=True, kw_only=True)
class ControlTotals:
    """``reports/control_totals.json``: computed by the source's own SQL in the snapshot of the export."""

    tables: tuple[TableTotals, ...]
    format_version: str = FORMAT_VERSION


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One kind of problem, grouped: how often, and the first examples.

    ``severity`` is ``error``, ``finding`` or ``note``.
    """

    code: str
    severity: str
    place: str
    text: str
    count: int
    examples: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Findings:
    """``reports/findings.json``."""

    findings: tuple[Finding, ...]
    format_version: str = FORMAT_VERSION


@dataclass(frozen=True, kw_only=True)
class ExportRecord:
    """``export.json``, a tag file: the run itself. With bag-info.txt the only place for clocks (UTC, ISO 8601).

    ``scope_sha256`` is the hash of ``data/scope.json`` when the export had a scope; ``request`` the number of the
    request that it was made for.
    """

    started_at: str
    finished_at: str
    product: str
    versions: dict[str, str]
    profile: str
    profile_version: str
    profile_sha256: str
    dbms: str
    dbms_version: str
    snapshot: SnapshotRecord
    snapshot_at: str
    resumed: bool = False
    notes: tuple[str, ...] = ()
    scope_sha256: str | None = None
    request: str | None = None
    format_version: str = FORMAT_VERSION


def to_json(value: Any) -> bytes:  # noqa: ANN401 -- any of the dataclasses above, or plain JSON data
    """Serialise deterministically.

    Declared field order, sorted plain dictionaries, one space of indentation, UTF-8, a final newline.
    """
    return msgspec.json.format(msgspec.json.encode(value, order="deterministic"), indent=1) + b"\n"


def read_json(path: Path, kind: type[_T], *, size_bytes_max: int = DEFAULT_LIMITS.json_bytes_max) -> _T:
    """Read a JSON document as one of the dataclasses above (or ``dict``).

    Raises:
        FormatError: Missing, too large, not JSON, or not of this shape; the message carries the path inside the
            document.
    """
    try:
        if path.stat().st_size > size_bytes_max:
            message = f"is larger than the limit of {size_bytes_max} bytes"
            raise FormatError(message, place=path.name)
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise FormatError(message, place=path.name) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        message = f"is not a valid document: {error}"
        raise FormatError(message, place=path.name) from error
