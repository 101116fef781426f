"""What a MariaDB or MySQL database declares, read from ``information_schema`` with one query for each kind of thing.

The database of the address is the schema ``main``; its name, and who defined a view or routine, are left out of all
texts.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from portability.connectors.connector import UNREADABLE
from portability.connectors.mysql_types import quote_identifier
from portability.manifest import (
    Check,
    Column,
    ForeignKey,
    Index,
    Key,
    Routine,
    Sequence,
    SnapshotRecord,
    SourceSchema,
    Table,
    View,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Query = Callable[[str], list[tuple[Any, ...]]]
    Grouped = Mapping[str, list[tuple[Any, ...]]]

__all__ = ["SCHEMA", "read_catalogue"]

SCHEMA = "main"
_TABLES = """SELECT table_name, table_type, engine, table_comment, table_collation, create_options
 FROM information_schema.tables WHERE table_schema = DATABASE()
 AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY BINARY table_name"""
_COLUMNS = """SELECT table_name, column_name, column_type, is_nullable, column_default, column_comment, collation_name,
 character_set_name, extra, {generation}, privileges
 FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY BINARY table_name, ordinal_position"""
_INDEXES = """SELECT table_name, index_name, non_unique, column_name, index_type
 FROM information_schema.statistics WHERE table_schema = DATABASE()
 ORDER BY BINARY table_name, BINARY index_name, seq_in_index"""
_FOREIGN_KEYS = """SELECT k.table_name, k.constraint_name, k.column_name,
 IF(k.referenced_table_schema = DATABASE(), NULL, k.referenced_table_schema), k.referenced_table_name,
 k.referenced_column_name, r.update_rule, r.delete_rule
 FROM information_schema.key_column_usage k JOIN information_schema.referential_constraints r
 ON r.constraint_schema = k.constraint_schema AND r.constraint_name = k.constraint_name AND r.table_name = k.table_name
 WHERE k.table_schema = DATABASE() ORDER BY BINARY k.table_name, BINARY k.constraint_name, k.ordinal_position"""
_CHECKS = """SELECT table_name, constraint_name, check_clause
 FROM information_schema.check_constraints WHERE constraint_schema = DATABASE() ORDER BY 1, 2, 3"""
_MYSQL_CHECKS = """SELECT t.table_name, c.constraint_name, c.check_clause
 FROM information_schema.check_constraints c JOIN information_schema.table_constraints t
 ON t.constraint_schema = c.constraint_schema AND t.constraint_name = c.constraint_name AND t.constraint_type = 'CHECK'
 WHERE c.constraint_schema = DATABASE() ORDER BY 1, 2"""
_VIEWS = """SELECT table_name, view_definition FROM information_schema.views
 WHERE table_schema = DATABASE() ORDER BY BINARY table_name"""
_ROUTINES = """SELECT routine_name, LOWER(routine_type) FROM information_schema.routines
 WHERE routine_schema = DATABASE() AND routine_type IN ('FUNCTION', 'PROCEDURE') ORDER BY BINARY routine_name"""
_TRIGGERS = """SELECT trigger_name, action_timing, event_manipulation, event_object_table, action_statement
 FROM information_schema.triggers WHERE trigger_schema = DATABASE() ORDER BY BINARY trigger_name"""
_EVENTS = """SELECT event_name, event_definition FROM information_schema.events
 WHERE event_schema = DATABASE() ORDER BY BINARY event_name"""
_SEQUENCES = """SELECT table_name FROM information_schema.tables
 WHERE table_schema = DATABASE() AND table_type = 'SEQUENCE' ORDER BY BINARY table_name"""
_DATABASE = """SELECT default_character_set_name, default_collation_name, DATABASE(), VERSION(),
 IF(@@global.time_zone = 'SYSTEM', @@system_time_zone, @@global.time_zone)
 FROM information_schema.schemata WHERE schema_name = DATABASE()"""
# Tables of which an account may see nothing are not even listed; a right to the whole database lists them all.
_SEES_ALL = """SELECT EXISTS (SELECT 1 FROM information_schema.user_privileges WHERE privilege_type = 'SELECT')
 OR EXISTS (SELECT 1 FROM information_schema.schema_privileges
  WHERE privilege_type = 'SELECT' AND DATABASE() LIKE table_schema ESCAPE '\\')"""
_OWN_ENGINES = frozenset({"InnoDB", "MyISAM", "Aria"})
_LABEL = re.compile(r"'((?:[^']|'')*)'")
_DEFINER = re.compile(r" DEFINER=(?:`(?:[^`]|``)*`|\S+?)@(?:`(?:[^`]|``)*`|\S+)")


@dataclass(frozen=True, kw_only=True)
class _Parts:
    """Rows of every table's parts by the table's name."""

    columns: Grouped
    indexes: Grouped
    foreign_keys: Grouped
    checks: Grouped


def read_catalogue(query: Query, record: SnapshotRecord) -> SourceSchema:
    """Return everything that the database declares."""
    charset, collation, database, version, zone = query(_DATABASE)[0]
    mariadb = "MariaDB" in version
    # MySQL gives every column an expression, an empty one to ordinary columns.
    generation = "generation_expression" if mariadb else "NULLIF(generation_expression, '')"
    parts = _Parts(
        columns=_grouped(query(_COLUMNS.format(generation=generation))),
        indexes=_grouped(query(_INDEXES)),
        foreign_keys=_grouped(query(_FOREIGN_KEYS)),
        checks=_grouped(query(_CHECKS if mariadb else _MYSQL_CHECKS)),
    )
    tables = query(_TABLES)
    return SourceSchema(
        dbms="mariadb" if mariadb else "mysql",
        dbms_version=version.split("-")[0],
        default_schema=SCHEMA,
        tables=tuple(_table(row, parts) for row in tables),
        views=tuple(View(schema=SCHEMA, name=n, definition=_nameless(d, database)) for n, d in query(_VIEWS)),
        routines=tuple(_routines(query, database)),
        sequences=tuple(_sequence(query, name) for (name,) in query(_SEQUENCES)) if mariadb else (),
        snapshot=record,
        charset=charset,
        collation=collation,
        time_zone=zone,
        notes=tuple(_notes(query, tables)),
    )


def _notes(query: Query, tables: list[tuple[Any, ...]]) -> list[str]:
    notes = [f"only current rows of the system-versioned table {row[0]}" for row in tables if row[1] != "BASE TABLE"]
    if not int(query(_SEES_ALL)[0][0]):
        notes.append("the account has no right to the whole database: tables that it may not see are not listed")
    return notes


def _grouped(rows: list[tuple[Any, ...]]) -> Grouped:
    groups: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for row in rows:
        groups[row[0]].append(row[1:])
    return groups


def _nameless(definition: str | None, database: str) -> str:
    """Leave out the database's name and the definer: an archive tells neither."""
    return _DEFINER.sub("", definition or "").replace(f"{quote_identifier(database)}.", "")


def _routines(query: Query, database: str) -> list[Routine]:
    routines = []
    for name, kind in query(_ROUTINES):
        shown = query(f"SHOW CREATE {kind.upper()} {quote_identifier(name)}")[0][2]
        routines.append(Routine(schema=SCHEMA, name=name, kind=kind, definition=_nameless(shown, database)))
    for name, timing, event, table, statement in query(_TRIGGERS):
        head = f"CREATE TRIGGER {quote_identifier(name)} {timing} {event} ON {quote_identifier(table)} FOR EACH ROW"
        definition = f"{head}\n{_nameless(statement, database)}"
        routines.append(Routine(schema=SCHEMA, name=name, kind="trigger", definition=definition))
    for name, body in query(_EVENTS):
        routines.append(Routine(schema=SCHEMA, name=name, kind="event", definition=_nameless(body, database)))
    return routines


def _sequence(query: Query, name: str) -> Sequence:
    ((value,),) = query(f"SELECT next_not_cached_value FROM {quote_identifier(name)}")
    return Sequence(schema=SCHEMA, name=name, value=str(value))


def _table(row: tuple[Any, ...], parts: _Parts) -> Table:
    name, kind, engine, comment, collation, options = row
    # Engines that fetch rows elsewhere keep addresses and passwords in their options.
    options = options if engine in _OWN_ENGINES else None
    attributes = {"engine": engine, "collation": collation, "options": options or None}
    attributes["system_versioned"] = "yes" if kind == "SYSTEM VERSIONED" else None
    primary, uniques, indexes = _keys(parts.indexes.get(name, []))
    return Table(
        schema=SCHEMA,
        name=name,
        columns=tuple(_column(position, each) for position, each in enumerate(parts.columns.get(name, []), 1)),
        comment=comment or None,
        primary_key=primary,
        unique_keys=uniques,
        foreign_keys=_foreign_keys(parts.foreign_keys.get(name, [])),
        checks=tuple(Check(name=each, expression=clause) for each, clause in parts.checks.get(name, [])),
        indexes=indexes,
        attributes={key: value for key, value in attributes.items() if value is not None},
    )


def _column(position: int, row: tuple[Any, ...]) -> Column:
    name, native, nullable, default, comment, collation, charset, extra, generation, privileges = row
    labels = tuple(label.replace("''", "'") for label in _LABEL.findall(native))
    return Column(
        name=name,
        position=position,
        native_type=native,
        nullable=nullable == "YES",
        default=None if default == "NULL" else default,
        comment=comment or None,
        collation=collation,
        charset=charset,
        generated=generation,
        identity="auto_increment" in extra,
        labels=labels if native.startswith(("enum(", "set(")) else None,
        reason=None if "select" in privileges.split(",") else UNREADABLE,
    )


def _keys(rows: list[tuple[Any, ...]]) -> tuple[Key | None, tuple[Key, ...], tuple[Index, ...]]:
    grouped: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for name, *rest in rows:
        grouped[name].append(tuple(rest))
    primary, uniques, indexes = None, [], []
    for name, parts in grouped.items():
        columns = tuple(column for _, column, _ in parts if column is not None)
        unique, method = not int(parts[0][0]), parts[0][2]
        if name == "PRIMARY":
            primary = Key(name=name, columns=columns)
        elif unique and len(columns) == len(parts):
            uniques.append(Key(name=name, columns=columns))
        else:
            indexes.append(
                Index(name=name, columns=columns, unique=unique, definition=None if method == "BTREE" else method)
            )
    return primary, tuple(uniques), tuple(indexes)


def _foreign_keys(rows: list[tuple[Any, ...]]) -> tuple[ForeignKey, ...]:
    grouped: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
    for name, *rest in rows:
        grouped[name].append(tuple(rest))
    return tuple(
        ForeignKey(
            name=name,
            columns=tuple(part[0] for part in parts),
            target_schema=parts[0][1] or SCHEMA,
            target_table=parts[0][2],
            target_columns=tuple(part[3] for part in parts),
            on_update=parts[0][4],
            on_delete=parts[0][5],
        )
        for name, parts in grouped.items()
    )
