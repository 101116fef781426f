"""What a driver's catalogue functions say of a database: tables, columns, keys, in the words that ODBC has for them.

Only the current catalogue is looked at. What a driver cannot tell, and what it shows but is not exported, becomes a
note.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from portability.connectors.odbc_generic_types import declared, reading_of
from portability.errors import ConnectorError, SourceUnavailableError
from portability.manifest import Column, ForeignKey, Index, Key, SourceSchema, Table, View

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from portability.connectors.odbc_generic_types import Reading
    from portability.connectors.odbc_session import OdbcSession
    from portability.manifest import SnapshotRecord

    Row = list[str | None]

__all__ = ["OPTIONAL", "Catalogue", "read_catalogue"]

OPTIONAL = ("SQLForeignKeys", "SQLGetTypeInfo", "SQLPrimaryKeys", "SQLStatistics")
SCHEMA = "main"  # where the DBMS has none
_TABLES = frozenset({"TABLE", "BASE TABLE"})
_SYSTEM = re.compile(r"SYSTEM|TEMPORARY")
_IN_DML = 1  # bit of SQL_SCHEMA_USAGE and SQL_CATALOG_USAGE
_AT_END = 2  # SQL_CATALOG_LOCATION
_STATISTIC = "0"  # a row of SQLStatistics that is no index
_NOT_NULL = "0"
_RULES = {"0": "CASCADE", "1": "RESTRICT", "2": "SET NULL", "3": "NO ACTION", "4": "SET DEFAULT"}
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COLUMNS = 19  # of the widest answer
_NOTES_MAX = 10  # names in one note


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """What was found; by a table's label its SQL name, and how each column that can be read is read."""

    schema: SourceSchema
    quoted: Callable[[str], str]
    relations: Mapping[str, str]
    readings: Mapping[str, Mapping[str, Reading]]

    def readings_of(self, label: str) -> Mapping[str, Reading]:
        """Return how each column of a table is read.

        Raises:
            ConnectorError: There is no such table.
        """
        try:
            return self.readings[label]
        except KeyError:
            raise ConnectorError("there is no such table", place=label) from None


@dataclass(kw_only=True)
class _Reader:
    session: OdbcSession
    unsigned: frozenset[str] = frozenset()
    # Functions that the driver does not have, or that are not to be called: some drivers crash in them.
    lacking: list[str]

    def ask(self, function: str, names: Sequence[str | None], numbers: Sequence[int] = ()) -> list[Row]:
        if function in self.lacking:
            return []
        asked = {"do": "catalogue", "function": function, "names": list(names), "numbers": list(numbers)}
        try:
            answer: Any = self.session.ask(asked)
        except SourceUnavailableError as error:
            if function in OPTIONAL:
                error.hint = f"Give &skip={function} if it happens again: what it would tell is not known then."
            raise
        if answer["rows"] is None:
            self.lacking.append(function)
        # A driver of ODBC 2 gives fewer columns.
        return [row + [None] * (_COLUMNS - len(row)) for row in answer["rows"] or []]

    def quoted(self, name: str) -> str:
        """Quote an identifier as the driver says.

        Raises:
            ConnectorError: The driver says that it cannot be done.
        """
        quote = self.session.info["quote"].strip()
        if quote:
            return quote + name.replace(quote, 2 * quote) + quote
        if _PLAIN.fullmatch(name):
            return name
        message = f"the driver cannot quote names, and {name} needs it"
        raise ConnectorError(message, place=name, hint="Take another driver.")


def read_catalogue(session: OdbcSession, record: SnapshotRecord, *, skip: Sequence[str] = ()) -> Catalogue:
    """Ask the driver for everything that the database declares, but by no function that is to be skipped."""
    reader = _Reader(session=session, lacking=list(skip))
    reader.unsigned = frozenset(row[0] or "" for row in reader.ask("SQLGetTypeInfo", [], [0]) if row[9] == "1")
    listed, notes = _listed(reader)
    tables, relations, readings = [], {}, {}
    for place in (row for row in listed if row[3] in _TABLES):
        table, columns = _table(reader, place)
        if table.label in relations:
            raise ConnectorError("the driver names it twice", place=table.label, hint="Name the database in the DSN.")
        tables.append(table)
        relations[table.label], readings[table.label] = _relation(reader, place), columns
    schemas = Counter(table.schema for table in tables).most_common(1)
    info = session.info
    schema = SourceSchema(
        dbms="odbc",
        dbms_version=" ".join(filter(None, (info["SQL_DBMS_NAME"], info["SQL_DBMS_VER"]))),
        default_schema=schemas[0][0] if schemas else SCHEMA,
        tables=tuple(sorted(tables, key=lambda table: table.label)),
        views=tuple(View(schema=r[1] or SCHEMA, name=r[2] or "", definition="") for r in listed if r[3] == "VIEW"),
        snapshot=record,
        notes=(*notes, *(f"the driver tells nothing by {each}" for each in reader.lacking)),
    )
    return Catalogue(schema=schema, quoted=reader.quoted, relations=relations, readings=readings)


def _listed(reader: _Reader) -> tuple[list[Row], list[str]]:
    """The rows of SQLTables that belong to the current catalogue, and notes on what is left out."""
    rows = [row for row in reader.ask("SQLTables", [None] * 4) if not _SYSTEM.search(row[3] or "")]
    rows = [row for row in rows if (row[1] or "").lower() != "information_schema"]
    current = reader.session.info["catalogue"]
    here = [row for row in rows if not current or row[0] in (None, "", current)]
    # A driver that calls its catalogue otherwise there than here has but one.
    elsewhere = len(rows) - len(here) if here else 0
    notes = [f"not exported: {elsewhere} tables of other catalogues"] if elsewhere else []
    found = here or rows
    others = [f"{row[2]} ({row[3]})" for row in found if row[3] not in _TABLES and row[3] != "VIEW"]
    if others:
        more = f" and {len(others) - _NOTES_MAX} more" if len(others) > _NOTES_MAX else ""
        notes.append(f"not exported, for they are no tables of its own: {', '.join(others[:_NOTES_MAX])}{more}")
    return found, notes


def _relation(reader: _Reader, place: Row) -> str:
    """SQL of a table's name, with as much of its place as statements take."""
    info, (catalogue, schema, name) = reader.session.info, place[:3]
    relation = reader.quoted(name or "")
    if schema and int(info["schema_usage"]) & _IN_DML:
        relation = f"{reader.quoted(schema)}.{relation}"
    if catalogue and not info["catalogue"] and int(info["catalogue_usage"]) & _IN_DML:
        separator, named = info["separator"] or ".", reader.quoted(catalogue)
        is_last = int(info["catalogue_location"]) == _AT_END
        return f"{relation}{separator}{named}" if is_last else f"{named}{separator}{relation}"
    return relation


def _table(reader: _Reader, place: Row) -> tuple[Table, dict[str, Reading]]:
    catalogue, schema, name = place[:3]
    escape = reader.session.info["escape"]
    # Patterns that match this table, and maybe others; no columns but its own are taken from the answer.
    patterns = [text.replace(escape, 2 * escape) if text and escape else text for text in (schema, name)]
    told = reader.ask("SQLColumns", [catalogue, *patterns, None])
    described = [row for row in told if (row[1] or "", row[2]) == (schema or "", name)]
    columns, readings = [], {}
    for number, row in enumerate(sorted(described, key=lambda each: int(each[16] or 0)), 1):
        column, reading = _column(reader, number, row)
        columns.append(column)
        if reading is not None:
            readings[column.name] = reading
    primary = _primary(reader, [catalogue, schema, name])
    table = Table(
        schema=schema or SCHEMA,
        name=name or "",
        columns=tuple(columns),
        comment=place[4] or None,
        primary_key=primary,
        foreign_keys=tuple(_foreign_keys(reader.ask("SQLForeignKeys", [None, None, None, catalogue, schema, name]))),
    )
    return _indexed(reader, table, [catalogue, schema, name]), readings


def _column(reader: _Reader, number: int, row: Row) -> tuple[Column, Reading | None]:
    code, kind = int(row[4] or 0), row[5] or ""
    size, digits = (None if row[place] is None else int(row[place] or 0) for place in (6, 8))
    unsigned = kind in reader.unsigned or "unsigned" in kind.lower()
    reading = reading_of(kind, code, size, digits, unsigned=unsigned)
    column = Column(
        name=row[3] or "",
        position=number,
        native_type=declared(kind, code, size, digits),
        nullable=row[10] != _NOT_NULL,
        default=row[12],
        comment=row[11] or None,
        reason=reading if isinstance(reading, str) else None,
    )
    return column, None if isinstance(reading, str) else reading


def _primary(reader: _Reader, place: Row) -> Key | None:
    rows = sorted(reader.ask("SQLPrimaryKeys", place), key=lambda row: int(row[4] or 0))
    return Key(name=rows[0][5], columns=tuple(row[3] or "" for row in rows)) if rows else None


def _foreign_keys(rows: list[Row]) -> Iterator[ForeignKey]:
    groups: list[list[Row]] = []
    for row in rows:
        if row[8] == "1" or not groups:
            groups.append([])
        groups[-1].append(row)
    for group in groups:
        first = group[0]
        yield ForeignKey(
            name=first[11] or None,
            columns=tuple(row[7] or "" for row in group),
            target_schema=first[1] or SCHEMA,
            target_table=first[2] or "",
            target_columns=tuple(row[3] or "" for row in group),
            on_update=_RULES.get(first[9] or ""),
            on_delete=_RULES.get(first[10] or ""),
        )


def _indexed(reader: _Reader, table: Table, place: Row) -> Table:
    """Add unique keys and indexes; Access tells its primary keys as indexes of this name and in no other way."""
    named: dict[str, list[Row]] = {}
    for row in reader.ask("SQLStatistics", place, [1, 0]):
        if row[6] != _STATISTIC and row[5]:
            named.setdefault(row[5], []).append(row)
    known = {column.name for column in table.columns}
    primary, uniques, indexes = table.primary_key, [], []
    for name, rows in named.items():
        ordered = sorted(rows, key=lambda row: int(row[7] or 0))
        columns = tuple(row[8] or "" for row in ordered)
        is_key = ordered[0][3] == "0" and not ordered[0][12] and known.issuperset(columns)
        if primary is not None and is_key and columns == primary.columns:
            continue
        if is_key and name == "PrimaryKey" and "SQLPrimaryKeys" in reader.lacking:
            primary = Key(name=name, columns=columns)
        elif is_key:
            uniques.append(Key(name=name, columns=columns))
        else:
            indexes.append(Index(name=name, columns=columns, unique=ordered[0][3] == "0", definition=ordered[0][12]))
    return replace(table, primary_key=primary, unique_keys=tuple(uniques), indexes=tuple(indexes))
