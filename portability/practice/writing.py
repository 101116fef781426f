"""Writing the practice into an empty database: one target for each kind, and the sink that buffers rows for it.

Order of calls: `open_target(url)`, then `Target.create`, any number of `Target.insert`, then `Target.finish`. A target
refuses a database that already holds a table. Values are numbers, text (also for money and dates), bytes or None.
"""

from __future__ import annotations

import importlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from portability.errors import ConfigError, ConnectorError

from .ddl import MYSQL, POSTGRESQL, SQLITE, Dialect, after_load, create_table, insert_rows
from .markers import mark_row
from .schema import Table

__all__ = ["Row", "Sink", "Target", "open_target"]

Row = Sequence[object]
ROWS_PER_INSERT = 2_000  # a few hundred KiB per statement: past the knee of all three drivers
_MYSQL_PORT = 3306


class Target(ABC):
    """A database being filled."""

    dialect: Dialect
    zero_date: str | None = None  # what a planted zero date is here: only MariaDB and MySQL can hold one

    def __init__(self, connection: Any) -> None:  # noqa: ANN401 - three drivers, no common type
        self._cursor = connection.cursor()
        self._connection = connection

    def create(self, tables: tuple[Table, ...]) -> None:
        """Create the tables.

        Raises:
            ConnectorError: The database is not empty.
        """
        self._cursor.execute(self._tables_query())
        if self._cursor.fetchone()[0]:
            raise ConnectorError("the database is not empty", hint="give the practice a new, empty database")
        for table in tables:
            self._cursor.execute(create_table(table, self.dialect))

    def insert(self, table: Table, rows: list[Row]) -> None:
        """Add rows to a table."""
        self._cursor.executemany(insert_rows(table, self.dialect), rows)

    def finish(self, tables: tuple[Table, ...]) -> None:
        """Add indexes, references, comments and the view, and make everything permanent."""
        for statement in after_load(tables, self.dialect):
            self._cursor.execute(statement)
        self._connection.commit()

    @abstractmethod
    def _tables_query(self) -> str:
        """Return a query for the number of tables in the database."""


class _SqliteTarget(Target):
    dialect = SQLITE

    def create(self, tables: tuple[Table, ...]) -> None:
        # A half-written file is thrown away by the caller, so neither a journal nor fsync would protect anything.
        self._cursor.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -65536")
        super().create(tables)

    def _tables_query(self) -> str:
        return "SELECT count(*) FROM sqlite_schema"


class _PostgresqlTarget(Target):
    dialect = POSTGRESQL

    def insert(self, table: Table, rows: list[Row]) -> None:
        statement = f"COPY {self.dialect.name(table.name)} ({self.dialect.names(table.names)}) FROM STDIN"
        with self._cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def _tables_query(self) -> str:
        return "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema()"


class _MysqlTarget(Target):
    dialect = MYSQL
    zero_date = "0000-00-00"

    def create(self, tables: tuple[Table, ...]) -> None:
        # Strict, but with zero dates allowed, as on servers of the years the practice comes from.
        self._cursor.execute("SET SESSION sql_mode = 'STRICT_ALL_TABLES', time_zone = '+00:00'")
        super().create(tables)

    def _tables_query(self) -> str:
        return "SELECT count(*) FROM information_schema.tables WHERE table_schema = database()"


class Sink:
    """Buffers rows by table, counts them and hands them to the target in large pieces.

    With ``markers`` every text of a firm's rows carries the firm's marker.
    """

    def __init__(self, target: Target, tables: tuple[Table, ...], *, markers: bool = False) -> None:
        self.markers = markers
        self.zero_date = target.zero_date
        self.counts = {table.name: 0 for table in tables}
        self._target = target
        self._tables = {table.name: table for table in tables}
        self._blanks = {table.name: dict.fromkeys(name.replace(" ", "_") for name in table.names) for table in tables}
        self._buffers: dict[str, list[Row]] = {table.name: [] for table in tables}

    def put(self, table: str, /, **values: object) -> None:
        """Add one row by column name (blanks in a name are written as underscores); absent columns are NULL.

        Raises:
            KeyError: A column that the table does not have.
        """
        blank = self._blanks[table]
        if self.markers:
            values = mark_row(table, values)
        row = blank | values  # in column order, because every column is in `blank` already
        if len(row) > len(blank):
            raise KeyError(*(values.keys() - blank.keys()))
        self._buffers[table].append(tuple(row.values()))

    def flush(self, *, rows_min: int = ROWS_PER_INSERT) -> None:
        """Write the buffers that have reached `rows_min` rows."""
        for name, rows in self._buffers.items():
            if len(rows) >= rows_min:
                self._target.insert(self._tables[name], rows)
                self.counts[name] += len(rows)
                self._buffers[name] = []


@contextmanager
def open_target(url: str) -> Iterator[Target]:
    """Open the database at a URL (`sqlite:///file`, a file name, `postgresql://…`, `mysql://…`) for filling.

    Raises:
        ConfigError: The URL's scheme is none of the three.
        ConnectorError: The driver is missing, or the database cannot be reached or refuses a statement.
    """
    kinds = {"sqlite": _open_sqlite, "postgresql": _open_postgresql, "mysql": _open_mysql, "mariadb": _open_mysql}
    scheme = url.partition("://")[0] if "://" in url else "sqlite"
    if scheme not in kinds:
        raise ConfigError(f"the practice cannot be written to {scheme}", hint="use sqlite, postgresql or mysql")
    with kinds[scheme](url) as target:
        yield target


@contextmanager
def _open_sqlite(url: str) -> Iterator[Target]:
    path = Path(url.removeprefix("sqlite:///"))
    is_new = not path.exists()
    try:
        with _translated(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
            yield _SqliteTarget(connection)
    except BaseException:
        if is_new:
            path.unlink(missing_ok=True)
        raise


@contextmanager
def _open_postgresql(url: str) -> Iterator[Target]:
    psycopg = _driver("psycopg", extra="postgresql")
    with _translated(psycopg.Error), closing(psycopg.connect(url)) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        yield _PostgresqlTarget(connection)


@contextmanager
def _open_mysql(url: str) -> Iterator[Target]:
    pymysql = _driver("pymysql", extra="mysql")
    with _translated(pymysql.err.Error), closing(pymysql.connect(**_mysql_options(url))) as connection:
        yield _MysqlTarget(connection)


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
        raise ConnectorError(f"the driver {module} is missing", hint=f"pip install 'portability[{extra}]'") from error


@contextmanager
def _translated(driver_error: type[Exception]) -> Iterator[None]:
    try:
        yield
    except driver_error as error:
        raise ConnectorError(f"the practice could not be written: {error}") from error
