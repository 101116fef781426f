"""What a SQLite file declares, read from its pragmas and ``sqlite_master``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

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
    import sqlite3

__all__ = ["read_catalogue"]

_COLLATE = re.compile(r"\bCOLLATE\s+(\w+)", re.IGNORECASE)


def read_catalogue(connection: sqlite3.Connection, record: SnapshotRecord) -> SourceSchema:
    """Return the file's tables, views, triggers and sequences."""
    master = [
        tuple(_text(v) for v in row)
        for row in connection.execute("SELECT type, name, sql FROM sqlite_master ORDER BY name")
    ]
    shadows = _shadow_tables(connection)
    tables = [
        name
        for kind, name, _ in master
        if kind == "table" and not str(name).startswith("sqlite_") and name not in shadows
    ]
    return SourceSchema(
        dbms="sqlite",
        dbms_version=str(_text(connection.execute("SELECT sqlite_version()").fetchone()[0])),
        default_schema="main",
        tables=tuple(_table(connection, str(name), _sql_of(master, name)) for name in tables),
        views=tuple(View(schema="main", name=str(n), definition=str(sql)) for kind, n, sql in master if kind == "view"),
        routines=tuple(
            Routine(schema="main", name=str(n), kind="trigger", definition=str(sql))
            for kind, n, sql in master
            if kind == "trigger"
        ),
        sequences=_sequences(connection, master),
        snapshot=record,
        charset=str(_text(connection.execute("PRAGMA encoding").fetchone()[0])),
    )


def _text(value: Any) -> Any:  # noqa: ANN401 -- pragma results are text, integers or null
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _sql_of(master: list[tuple[Any, ...]], name: object) -> str:
    return next((str(sql or "") for kind, n, sql in master if kind == "table" and n == name), "")


def _shadow_tables(connection: sqlite3.Connection) -> set[str]:
    """Tables that a virtual table keeps its index in; their content is derived."""
    return {str(_text(row[1])) for row in connection.execute("PRAGMA table_list") if _text(row[2]) == "shadow"}


def _pragma(connection: sqlite3.Connection, pragma: str, argument: str) -> list[tuple[Any, ...]]:
    rows = connection.execute(f"SELECT * FROM {pragma}(?)", (argument,))
    return [tuple(_text(v) for v in row) for row in rows]


def _table(connection: sqlite3.Connection, name: str, sql: str) -> Table:
    described = _pragma(connection, "pragma_table_xinfo", name)
    # Only a row's number needs no index for its key; such a column holds integers and nothing else.
    numbered = all(row[3] != "pk" for row in _pragma(connection, "pragma_index_list", name))
    columns = tuple(_column(row, sql, numbered=numbered) for row in described if row[6] != 1)
    key_columns = [str(row[1]) for row in sorted((r for r in described if r[5]), key=lambda r: int(r[5]))]
    uniques, indexes = _indexes(connection, name)
    # A declared key may hold nulls in SQLite; then it names no row. INTEGER PRIMARY KEY and WITHOUT ROWID tables
    # never do.
    return Table(
        schema="main",
        name=name,
        columns=columns,
        primary_key=Key(name=None, columns=tuple(key_columns)) if key_columns else None,
        unique_keys=uniques,
        foreign_keys=_foreign_keys(connection, name),
        checks=tuple(Check(name=None, expression=text) for text in _checks(sql)),
        indexes=indexes,
        attributes={"sql": sql} if sql else {},
    )


def _column(row: tuple[Any, ...], sql: str, *, numbered: bool) -> Column:
    position, name, native, not_null, default, key, hidden = row
    identity = numbered and bool(key)
    return Column(
        name=str(name),
        position=int(position) + 1,
        native_type=str(native),
        nullable=not not_null and not identity,
        default=None if default is None else str(default),
        collation=_collation(sql, str(name)),
        generated={2: "virtual", 3: "stored"}.get(int(hidden)),
        identity=identity,
    )


def _collation(sql: str, column: str) -> str | None:
    declared = re.search(rf"[\"`\[]?{re.escape(column)}[\"`\]]?\s[^,]*", sql)
    found = _COLLATE.search(declared.group(0)) if declared else None
    return found.group(1) if found else None


def _indexes(connection: sqlite3.Connection, table: str) -> tuple[tuple[Key, ...], tuple[Index, ...]]:
    uniques, indexes = [], []
    for _, name, unique, origin, partial in _pragma(connection, "pragma_index_list", table):
        names = [row[2] for row in _pragma(connection, "pragma_index_info", str(name))]
        columns = tuple(str(n) for n in names if n is not None)
        if origin == "u" or (unique and origin == "c" and not partial and None not in names):
            uniques.append(Key(name=None if origin == "u" else str(name), columns=columns))
        elif origin == "c":
            (sql,) = connection.execute(
                "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = ?", (name,)
            ).fetchone()
            indexes.append(Index(name=str(name), columns=columns, unique=bool(unique), definition=_text(sql)))
    uniques.sort(key=lambda key: (key.columns, key.name or ""))
    indexes.sort(key=lambda index: index.name)
    return tuple(uniques), tuple(indexes)


def _foreign_keys(connection: sqlite3.Connection, table: str) -> tuple[ForeignKey, ...]:
    grouped: dict[int, list[tuple[Any, ...]]] = {}
    for row in _pragma(connection, "pragma_foreign_key_list", table):
        grouped.setdefault(int(row[0]), []).append(row)
    keys = []
    for _, rows in sorted(grouped.items()):
        rows.sort(key=lambda row: int(row[1]))
        target = str(rows[0][2])
        targets = tuple(str(row[4]) for row in rows) if rows[0][4] is not None else _primary_key(connection, target)
        keys.append(
            ForeignKey(
                name=None,
                columns=tuple(str(row[3]) for row in rows),
                target_schema="main",
                target_table=target,
                target_columns=targets,
                on_update=str(rows[0][5]),
                on_delete=str(rows[0][6]),
            )
        )
    return tuple(keys)


def _primary_key(connection: sqlite3.Connection, table: str) -> tuple[str, ...]:
    described = _pragma(connection, "pragma_table_xinfo", table)
    return tuple(str(row[1]) for row in sorted((r for r in described if r[5]), key=lambda r: int(r[5])))


def _checks(sql: str) -> list[str]:
    """The text of CHECK (...) constraints, found by counting brackets."""
    found = []
    for match in re.finditer(r"\bCHECK\s*\(", sql, re.IGNORECASE):
        depth, start = 1, match.end()
        for end in range(start, len(sql)):
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            if depth == 0:
                found.append(sql[start:end].strip())
                break
    return found


def _sequences(connection: sqlite3.Connection, master: list[tuple[Any, ...]]) -> tuple[Sequence, ...]:
    if not any(name == "sqlite_sequence" for _, name, _ in master):
        return ()
    rows = connection.execute("SELECT name, seq FROM sqlite_sequence ORDER BY name")
    return tuple(Sequence(schema="main", name=str(_text(name)), value=str(_text(seq))) for name, seq in rows)
