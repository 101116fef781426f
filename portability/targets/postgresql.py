"""PostgreSQL 12 and newer as a target: one session; rows by COPY of text that Arrow writes and the server types.

The server's own input functions read every value, so any type it has can be loaded, and what does not fit is an error
there. Everything, tables included, can be done and undone in one transaction.
"""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from portability.connectors.postgresql_catalogue import read_catalogue
from portability.connectors.postgresql_errors import connect_error
from portability.connectors.postgresql_types import quote_identifier
from portability.errors import ConfigError, TargetError
from portability.manifest import SnapshotRecord
from portability.targets.ahead import work_ahead
from portability.targets.answers import answer_table
from portability.targets.lines import Rendering, text_pieces
from portability.targets.postgresql_errors import foreign_error
from portability.targets.target import Target, as_target_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import psycopg
    import pyarrow as pa

    from portability.connectors.url import SourceUrl
    from portability.errors import PortabilityError
    from portability.limits import Limits
    from portability.manifest import SourceSchema

__all__ = ["PostgresqlTarget", "open_postgresql"]

CONNECT_TIMEOUT_S = 15
_OLDEST_VERSION = 120_000
# Names are found in the default schema, values read and written the same whatever the server is set to.
_SETTINGS = {
    "search_path": "public",
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmloption": "content",
    "standard_conforming_strings": "on",
    "client_min_messages": "warning",
    "idle_in_transaction_session_timeout": "0",
    "statement_timeout": "0",
}
_OPTIONS = frozenset(
    {
        "channel_binding",
        "connect_timeout",
        "gssencmode",
        "host",
        "hostaddr",
        "sslcert",
        "sslkey",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
    }
)
_LO_PUT = "SELECT lo_put(%b::bigint::oid, %b::bigint, %b)"
_RENDERING = Rendering(true="t", false="f", instant_suffix="+00", bytes_prefix="\\\\x", nul_in_text=False)


@contextmanager
def open_postgresql(url: SourceUrl, limits: Limits) -> Iterator[Target]:
    """Connect to ``postgresql://user@host:port/database?sslmode=…``."""
    del limits
    if not url.path:
        raise ConfigError("the address names no database", place=url.label)
    url.check_options(_OPTIONS)
    connection = _connect(url)
    try:
        yield PostgresqlTarget(connection, url.label)
    finally:
        connection.close()


def _connect(url: SourceUrl) -> psycopg.Connection[Any]:
    driver = _driver()
    named = {"host": url.host, "port": url.port, "user": url.user, "password": url.password, "dbname": url.path}
    parameters: dict[str, Any] = {
        "connect_timeout": str(CONNECT_TIMEOUT_S),
        "application_name": "portability",
        "client_encoding": "UTF8",
        **url.options,
        **{name: value for name, value in named.items() if value},
    }
    try:
        connection: psycopg.Connection[Any] = driver.connect(autocommit=True, prepare_threshold=None, **parameters)
    except (driver.Error, UnicodeError) as error:
        # The driver's text may quote the address with everything in it.
        raise as_target_error(connect_error(str(error), url), url.label) from None
    if connection.info.server_version < _OLDEST_VERSION:
        connection.close()
        raise TargetError("the server is older than PostgreSQL 12", place=url.label, hint="Choose a newer one.")
    return connection


class PostgresqlTarget(Target):
    """A session, in autocommit outside ``transaction()``."""

    dbms: ClassVar[str] = "postgresql"
    value_bytes_max = 1000 * 1024 * 1024  # it ends at 1 GiB, what the row has beside it included

    def __init__(self, connection: psycopg.Connection[Any], label: str) -> None:
        super().__init__(label)
        self._connection = connection
        with self._guard(label):
            for name, value in _SETTINGS.items():
                self._execute(f"SET {name} TO {self.text(value)}")
            ((encoding,),) = self._fetch("SHOW server_encoding")
        if encoding == "SQL_ASCII":
            self.notes.append("the database's encoding is SQL_ASCII: texts are in it as UTF-8, and it does not know it")
        elif encoding != "UTF8":
            hint = "Create it with: CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0"
            raise TargetError(
                f"the database's encoding is {encoding}, which cannot hold every text", place=label, hint=hint
            )

    def quote(self, name: str) -> str:
        return quote_identifier(name)

    def text(self, value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    def can_roll_back(self) -> bool:
        return not self._connection.closed

    def _begin(self) -> None:
        self._execute("BEGIN")

    def _execute(self, sql: str) -> int:
        # Asked for a binary answer, the driver uses the protocol that takes one statement, not several in one text.
        return max(0, self._connection.execute(sql.encode(), binary=True).rowcount)

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.encode()).fetchall()

    def _query(self, sql: str) -> pa.Table:
        cursor = self._connection.execute(sql.encode())
        return answer_table([column.name for column in cursor.description or ()], cursor.fetchall(), self.label)

    def _discover(self) -> SourceSchema:
        return read_catalogue(self._fetch, SnapshotRecord(method="the session that writes", level="exact"))

    def _load(self, relation: str, columns: Sequence[str], batches: Iterator[pa.RecordBatch]) -> int:
        names = ", ".join(self.quote(name) for name in columns)
        pieces = (piece for batch in batches for piece in text_pieces(batch, columns, _RENDERING))
        with self._connection.cursor() as cursor:
            with cursor.copy(f"COPY {relation} ({names}) FROM STDIN".encode()) as copy:
                for piece in work_ahead(pieces):
                    copy.write(memoryview(piece))
            return cursor.rowcount

    def _put_value(
        self, table: str, column: str, condition: str, chunks: Iterable[bytes], *, size: int, schema: str
    ) -> int:
        del size
        # The server puts the pieces together: a large object takes them, the row gets it whole.
        ((number,),) = self._fetch("SELECT lo_create(0)")
        self._fill(number, chunks)
        update = f"UPDATE {self.relation(table, schema)} SET {self.quote(column)} = lo_get({number}) WHERE {condition}"
        rows = self._execute(update)
        self._execute(f"SELECT lo_unlink({number})")
        return rows

    def _put_large_object(self, number: int, chunks: Iterable[bytes]) -> None:
        self._fetch(f"SELECT lo_create({number})")
        self._fill(number, chunks)

    def _fill(self, number: int, chunks: Iterable[bytes]) -> None:
        offset = 0
        for chunk in chunks:
            self._connection.execute(_LO_PUT, (number, offset, chunk), binary=True)
            offset += len(chunk)

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        return foreign_error(error, place)


def _driver() -> Any:  # noqa: ANN401 -- the module
    try:
        return importlib.import_module("psycopg")
    except ImportError as error:
        hint = "Run: pip install 'portability[postgresql]'"
        raise TargetError("the driver for PostgreSQL is not installed", hint=hint) from error
