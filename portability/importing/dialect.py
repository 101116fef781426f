"""What differs between the SQL of the targets: staging, updates by join, fingerprints, keys from text, the lock."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from portability.errors import TargetError
from portability.importing.shapes import shape_of
from portability.targets.crosswalk import text_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from portability.importing.plan import TableLoad
    from portability.manifest import Column
    from portability.targets import Target

__all__ = [
    "ACTION",
    "HASH",
    "IDENTITY",
    "KEY",
    "delete_by",
    "fingerprint",
    "key_expressions",
    "key_matches",
    "only_importer",
    "stage_ddl",
    "update_from",
]

IDENTITY, KEY, HASH, ACTION = "_portability_id", "_portability_key", "_portability_md5", "_portability_action"
_LOCK = "portability import"
_LOCK_WAIT_S = 60  # a server needs a moment to see that a killed client is gone


def stage_ddl(target: Target, name: str, like: str, columns: Iterable[str]) -> list[str]:
    """Return the statements that make a staging table whose columns are those of ``like``, without its constraints."""
    picked = "".join(f"{target.quote(column)}, " for column in columns)
    dbms = target.dbms
    kind = "UNLOGGED " if dbms == "postgresql" else ""
    ours = ", ".join(
        f"{target.quote(each)} {text_type(dbms, length)}"
        for each, length in ((IDENTITY, 500), (HASH, 32), (ACTION, 16), (KEY, 2000))
    )
    create = f"CREATE {kind}TABLE {target.quote(name)}"
    if dbms == "mariadb":
        # The columns named here stand before those of the query.
        return [f"{create} ({ours}) ENGINE=InnoDB AS SELECT {picked}'' AS {target.quote(ACTION)} FROM {like} LIMIT 0"]
    empty = f"{create} AS SELECT {picked}NULL AS _portability_none FROM {like} WHERE 1 = 0"
    alter = f"ALTER TABLE {target.quote(name)}"
    added = [f"{alter} ADD COLUMN {column}" for column in ours.split(", ")]
    return [empty, *added, f"{alter} DROP COLUMN _portability_none"]


def update_from(target: Target, table: str, sets: dict[str, str], stage: str, condition: str) -> str:
    """SQL that sets columns of ``table`` (as ``t``) from rows of ``stage`` (as ``s``)."""
    assigned = ", ".join(
        f"{'t.' if target.dbms == 'mariadb' else ''}{target.quote(name)} = {sql}" for name, sql in sets.items()
    )
    if target.dbms == "mariadb":
        return f"UPDATE {table} AS t JOIN {stage} AS s ON {condition} SET {assigned}"
    return f"UPDATE {table} AS t SET {assigned} FROM {stage} AS s WHERE {condition}"


def delete_by(target: Target, table: str, stage: str, condition: str) -> str:
    """SQL that deletes rows of ``table`` (as ``t``) for which ``stage`` (as ``s``) has one."""
    if target.dbms == "mariadb":
        return f"DELETE t FROM {table} AS t JOIN {stage} AS s ON {condition}"
    return f"DELETE FROM {table} AS t WHERE EXISTS (SELECT 1 FROM {stage} AS s WHERE {condition})"


def fingerprint(target: Target, alias: str, columns: Iterable[str], table: TableLoad) -> str:
    """SQL of the MD5 of a live row, over the columns that an import filled."""
    named = [f"{alias}.{target.quote(name)}" for name in columns]
    if target.dbms == "postgresql":
        return f"md5(ROW({', '.join(named)})::text)"
    if target.dbms == "mariadb":
        parts = [f"COALESCE(CONCAT(OCTET_LENGTH({c}), ':', {c}), '-')" for c in map(_bytes_of, named)]
        return f"MD5(CONCAT({', '.join(parts)}))"
    if target.dbms == "sqlite":
        # quote() tells 1 from '1' and prints every value whole.
        return f"md5({' || char(10) || '.join(f'quote({c})' for c in named)})"
    del table
    parts = [f"coalesce(strlen(CAST({c} AS VARCHAR)) || ':' || CAST({c} AS VARCHAR), '-')" for c in named]
    return f"md5(concat({', '.join(parts)}))"


def _bytes_of(column: str) -> str:
    return f"CAST({column} AS BINARY)"


def key_matches(target: Target, load: TableLoad, alias: str, text: str) -> str:
    """SQL that is true where a live row has the key whose text (as in the crosswalk) is ``text``.

    The text is turned into the column's type, not the other way round, so that the key's index serves.
    """
    values = key_expressions(target, load, text)
    return " AND ".join(f"{alias}.{target.quote(name)} = {sql}" for name, sql in zip(load.key, values, strict=True))


def key_expressions(target: Target, load: TableLoad, text: str) -> list[str]:
    """SQL of the values of a key's columns, out of its text."""
    columns = {column.name: column for column in load.table.columns}
    parts = [_member(target.dbms, text, n) for n in range(len(load.key))] if len(load.key) > 1 else [text]
    return [_typed(target.dbms, columns[name], part) for name, part in zip(load.key, parts, strict=True)]


def _member(dbms: str, text: str, number: int) -> str:
    if dbms == "postgresql":
        return f"(({text})::json ->> {number})"
    function = {"mariadb": "JSON_VALUE", "sqlite": "json_extract"}.get(dbms, "json_extract_string")
    return f"{function}({text}, '$[{number}]')"


def _typed(dbms: str, column: Column, text: str) -> str:
    shape = shape_of(column, dbms)
    if dbms in ("postgresql", "duckdb"):
        return f"CAST({text} AS {column.native_type})"
    if dbms == "sqlite":
        return f"CAST({text} AS INTEGER)" if shape.kind == "int" else text
    casts = {"int": "UNSIGNED" if shape.unsigned else "SIGNED", "date": "DATE", "timestamp": "DATETIME(6)"}
    if shape.kind == "decimal":
        return f"CAST({text} AS DECIMAL({shape.precision},{shape.scale}))"
    if shape.kind == "bytes":
        return f"UNHEX(REPLACE({text}, '-', ''))"
    # The column's own collation decides.
    return f"CAST({text} AS {casts[shape.kind]})" if shape.kind in casts else f"CAST({text} AS CHAR(500))"


@contextmanager
def only_importer(target: Target) -> Iterator[None]:
    """Keep every other import out of this target while the session lives.

    Raises:
        TargetError: Another one is running.
    """
    busy = TargetError(
        "another import into it is running", place=target.label, hint="Wait until it has ended, then run again."
    )
    if target.dbms in ("sqlite", "duckdb"):
        with _file_lock(target, busy):
            yield
        return
    if target.dbms == "postgresql":
        # Have the server notice a client that was killed while a long statement runs.
        with contextlib.suppress(TargetError):  # PostgreSQL 12 and 13 do not know the setting
            target.execute("SET client_connection_check_interval TO '2s'")
    deadline = time.monotonic() + _LOCK_WAIT_S
    while not _session_lock(target):
        if time.monotonic() > deadline:
            raise busy
        time.sleep(0.2)
    yield


def _session_lock(target: Target) -> bool:
    if target.dbms == "postgresql":
        sql = f"SELECT CASE WHEN pg_try_advisory_lock(hashtext({target.text(_LOCK)})) THEN 1 ELSE 0 END AS n"
    else:
        sql = f"SELECT GET_LOCK(CONCAT({target.text(_LOCK)}, ' ', DATABASE()), 1) AS n"
    return bool(target.query(sql).column(0)[0].as_py())


@contextmanager
def _file_lock(target: Target, busy: TargetError) -> Iterator[None]:
    """A file database has no lock that outlives a transaction; a file beside it, as its journal is, stands for it."""
    database = Path(target.label).resolve()
    path = database.with_name(f"{database.name}-portability-import")
    try:
        descriptor = _locked(path)
    except BlockingIOError:
        raise busy from None
    except OSError as error:
        message = f"cannot lock it by a file beside it: {error.strerror}"
        raise TargetError(message, place=target.label, hint=f"Look at {path.name} and who may write there.") from None
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(descriptor)


def _locked(path: Path) -> int:
    """Make a file and lock it; one that its holder removed meanwhile stands for nothing, and the next is made."""
    while True:
        # Not followed, if somebody planted a link there.
        descriptor = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(descriptor), path.stat(follow_symlinks=False)):
                return descriptor
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
