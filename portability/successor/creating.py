"""Making an empty successor in a database: all of it or, where the DBMS can undo, nothing.

A database that already holds one of its tables is refused and left as it is. MariaDB cannot undo a CREATE TABLE: what
was made before a failure is dropped again, last table first.
"""

from __future__ import annotations

import importlib
import re
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from portability.errors import ConfigError, TargetError

from .statements import schema_statements

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["create"]

_DBMS = {"postgresql": "postgresql", "postgres": "postgresql", "mysql": "mysql", "mariadb": "mysql", "sqlite": "sqlite"}
_MYSQL_PORT = 3306
_TABLES = {
    "postgresql": "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()",
    "mysql": "SELECT table_name FROM information_schema.tables WHERE table_schema = database()",
    "sqlite": "SELECT name FROM sqlite_schema WHERE type = 'table'",
}


def create(url: str) -> int:
    """Make the successor's tables in the database at a URL, and return how many there are.

    Args:
        url: `sqlite:///file`, `postgresql://…`, `mysql://…` or `mariadb://…`; a SQLite file is made if it is not there.

    Raises:
        ConfigError: The URL's scheme is none of these.
        TargetError: The database has a table of that name, cannot be reached, or refuses.
    """
    scheme = url.partition("://")[0]
    if scheme not in _DBMS:
        raise ConfigError("the successor is made in sqlite, postgresql or mysql", place=f"{scheme[:20]}://…")
    dbms = _DBMS[scheme]
    connect, driver_error = _CONNECT[dbms]()
    try:
        with closing(connect(url)) as connection:
            return _create(connection, dbms)
    except driver_error as error:
        hint = "The address must be of a database that exists, and its user must be allowed to create tables."
        raise TargetError(f"the successor could not be made ({type(error).__name__})", hint=hint) from error


def _create(connection: Any, dbms: str) -> int:  # noqa: ANN401 - three drivers, no common type
    cursor = connection.cursor()
    statements = schema_statements(dbms)
    names = [match[1] for statement in statements if (match := re.match(r"CREATE TABLE (\w+)", statement))]
    cursor.execute(_TABLES[dbms])
    if taken := sorted({row[0] for row in cursor.fetchall()} & set(names)):
        hint = "Give it an empty database; nothing was changed."
        raise TargetError(f"the database already has {len(taken)} of its tables", place=taken[0], hint=hint)
    try:
        for statement in statements:
            cursor.execute(statement)
    except BaseException:
        connection.rollback()
        if dbms == "mysql":
            for name in reversed(names):
                cursor.execute(f"DROP TABLE IF EXISTS {name}")
        raise
    connection.commit()
    return len(names)


def _sqlite() -> tuple[Callable[[str], Any], type[Exception]]:
    def connect(url: str) -> Any:  # noqa: ANN401 - a driver's connection
        connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        connection.execute("BEGIN IMMEDIATE")  # CREATE TABLE is undone with the rest
        return connection

    return connect, sqlite3.Error


def _postgresql() -> tuple[Callable[[str], Any], type[Exception]]:
    psycopg = _driver("psycopg", extra="postgresql")
    return psycopg.connect, psycopg.Error


def _mysql() -> tuple[Callable[[str], Any], type[Exception]]:
    pymysql = _driver("pymysql", extra="mysql")

    def connect(url: str) -> Any:  # noqa: ANN401 - a driver's connection
        return pymysql.connect(**_mysql_options(url))

    return connect, pymysql.err.Error


_CONNECT: dict[str, Callable[[], tuple[Callable[[str], Any], type[Exception]]]] = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mysql,
}


def _mysql_options(url: str) -> dict[str, str | int]:
    parts = urlsplit(url)
    try:
        port = parts.port or _MYSQL_PORT
    except ValueError as error:
        raise ConfigError("the port is not a number", place="mysql://…") from error
    return {
        "host": parts.hostname or "127.0.0.1",
        "port": port,
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": unquote(parts.path.lstrip("/")),
        "charset": "utf8mb4",
    }


def _driver(module: str, *, extra: str) -> Any:  # noqa: ANN401 - a module
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ConfigError(f"the driver {module} is missing", hint=f"pip install 'portability[{extra}]'") from error
