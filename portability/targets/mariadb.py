"""MariaDB and MySQL as a target: one session; rows by LOAD DATA LOCAL from a pipe that Arrow fills while it is read.

LOAD DATA LOCAL turns what does not fit into warnings and clamps it, so any warning is an error here. A server that
does not allow it gets INSERT statements of many rows, in strict mode; that is slower, and ``notes`` says so. Creating a
table ends a transaction.
"""

from __future__ import annotations

import importlib
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Self

import pyarrow as pa

from portability.connectors.mysql_catalogue import read_catalogue
from portability.connectors.mysql_types import quote_identifier
from portability.errors import ConfigError, TargetError
from portability.manifest import SnapshotRecord
from portability.targets.ahead import work_ahead
from portability.targets.answers import answer_table
from portability.targets.lines import Rendering, is_bytes, text_pieces
from portability.targets.mariadb_errors import foreign_error
from portability.targets.mariadb_inserts import insert_statements
from portability.targets.target import Target, as_target_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pymysql

    from portability.connectors.url import SourceUrl
    from portability.errors import PortabilityError
    from portability.limits import Limits
    from portability.manifest import SourceSchema

__all__ = ["MariadbTarget", "open_mariadb"]

CONNECT_TIMEOUT_S = 15
READ_TIMEOUT_S = 6 * 3600  # a server that builds the index of a large table is silent for long
_OPTIONS = frozenset({"connect_timeout", "read_timeout", "ssl_ca", "ssl_cert", "ssl_key", "unix_socket"})
_SETTINGS = (
    "NAMES utf8mb4",
    "SESSION time_zone = '+00:00'",
    # A backslash in a literal is a backslash; a zero in an identity is a zero.
    "SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    "SESSION sql_notes = 1",
    "SESSION net_read_timeout = 3600",
    "SESSION wait_timeout = 86400",
)
_LOAD = (
    "LOAD DATA LOCAL INFILE {file} INTO TABLE {relation} CHARACTER SET utf8mb4 "
    "FIELDS TERMINATED BY 0x09 ESCAPED BY 0x5C LINES TERMINATED BY 0x0A ({fields}){set}"
)
_LOAD_BYTES = (
    "LOAD DATA LOCAL INFILE {file} INTO TABLE {relation} CHARACTER SET binary "
    "FIELDS TERMINATED BY 0x09 ESCAPED BY 0x5C LINES TERMINATED BY 0x0A (portability_raw)"
)
_STAGING = "portability_value"
_LONGBLOB_BYTES = 4 * 1024 * 1024 * 1024 - 1


@contextmanager
def open_mariadb(url: SourceUrl, limits: Limits) -> Iterator[Target]:
    """Connect to ``mysql://user@host:port/database?ssl_ca=…``, also ``mariadb://``."""
    del limits
    if not url.path:
        raise ConfigError("the address names no database", place=url.label)
    url.check_options(_OPTIONS)
    connection = _connect(url)
    try:
        yield MariadbTarget(connection, url.label)
    finally:
        if connection.open:
            connection.close()


def _connect(url: SourceUrl) -> pymysql.Connection[Any]:
    driver = _driver()
    options: dict[str, Any] = {"connect_timeout": CONNECT_TIMEOUT_S, "read_timeout": READ_TIMEOUT_S} | url.options
    try:
        options |= {name: int(options[name]) for name in ("connect_timeout", "read_timeout")}
        connection: pymysql.Connection[Any] = driver.connect(
            host=url.host or "localhost",
            port=url.port or 3306,
            user=url.user or None,
            password=url.password or "",
            database=url.path,
            charset="utf8mb4",
            autocommit=True,
            program_name="portability",
            local_infile=True,
            **options,
        )
    except driver.err.Error as error:
        ours = foreign_error(error, url.label)
        raise (as_target_error(ours, url.label) if ours else error) from None
    except ValueError:
        raise ConfigError("a timeout is not a number", place=url.label) from None
    except RuntimeError:
        hint = "Run: pip install cryptography"
        raise TargetError("the server's way of checking passwords needs another library", hint=hint) from None
    except OSError:
        hint = "Check the address and the files that it names."
        raise TargetError("the server cannot be reached", place=url.label, hint=hint) from None
    return connection


class MariadbTarget(Target):
    """A session, in autocommit outside ``transaction()``."""

    dbms: ClassVar[str] = "mariadb"

    def __init__(self, connection: pymysql.Connection[Any], label: str) -> None:
        super().__init__(label)
        self._connection = connection
        self._can_load = True
        with self._guard(label):
            for setting in _SETTINGS:
                self._execute(f"SET {setting}")
            ((allowed,),) = self._fetch("SELECT @@global.local_infile")
            self.value_bytes_max = _LONGBLOB_BYTES if int(allowed) else 0

    def quote(self, name: str) -> str:
        return quote_identifier(name)

    def text(self, value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    def can_roll_back(self) -> bool:
        return bool(self._connection.open)

    def _begin(self) -> None:
        self._execute("START TRANSACTION")

    def _execute(self, sql: str) -> int:
        with self._connection.cursor() as cursor:
            return max(0, int(cursor.execute(sql)))

    def _fetch(self, sql: str) -> list[tuple[Any, ...]]:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def _query(self, sql: str) -> pa.Table:
        with self._connection.cursor() as cursor:
            cursor.execute(sql)
            return answer_table([column[0] for column in cursor.description or ()], cursor.fetchall(), self.label)

    def _discover(self) -> SourceSchema:
        return read_catalogue(self._texts, SnapshotRecord(method="the session that writes", level="exact"))

    def _texts(self, sql: str) -> list[tuple[Any, ...]]:
        """Fetch as the connector does: every value as the server prints it."""
        connection = self._connection
        decoders, connection.decoders = connection.decoders, {}
        try:
            return self._fetch(sql)
        finally:
            connection.decoders = decoders

    def _load(self, relation: str, columns: Sequence[str], batches: Iterator[pa.RecordBatch]) -> int:
        first = next(batches, None)
        if first is None:
            return 0
        types = dict(self._fetch_types(relation))
        rendering = Rendering(
            true="1",
            false="0",
            special_floats=False,
            duration_as_time=frozenset(name for name, kind in types.items() if kind.startswith("time")),
        )
        fields = [
            _Field(self.quote(name), types.get(name, ""), kind)
            for name, kind in zip(columns, first.schema.types, strict=True)
        ]
        rest = _chain(first, batches)
        if self._can_load and self._may_load():
            return self._load_data(relation, columns, fields, rest, rendering)
        return self._insert(relation, fields, columns, rest, rendering)

    def _fetch_types(self, relation: str) -> list[tuple[str, str]]:
        return [(str(row[0]), str(row[1]).lower()) for row in self._texts(f"SHOW COLUMNS FROM {relation}")]

    def _may_load(self) -> bool:
        """Ask whether the server takes LOAD DATA LOCAL; once it does not, it is not asked again."""
        ((allowed,),) = self._fetch("SELECT @@global.local_infile")
        if not int(allowed):
            self._can_load = False
            self.notes.append("the server does not allow LOAD DATA LOCAL: rows went by INSERT, which is slower")
        return self._can_load

    def _load_data(
        self,
        relation: str,
        columns: Sequence[str],
        fields: Sequence[_Field],
        batches: Iterator[pa.RecordBatch],
        rendering: Rendering,
    ) -> int:
        pieces = (piece for batch in batches for piece in text_pieces(batch, columns, rendering))
        names = ", ".join(field.slot(number) for number, field in enumerate(fields))
        assigned = ", ".join(field.assignment(number) for number, field in enumerate(fields) if field.expression(""))
        with _Pipe(pieces) as pipe:
            statement = _LOAD.format(
                file=self.text(pipe.path), relation=relation, fields=names, set=f" SET {assigned}" if assigned else ""
            )
            rows = self._execute(statement)
            pipe.finish()
        ((warnings,),) = self._fetch("SELECT @@warning_count")
        if int(warnings):
            raise self._warned(int(warnings))
        return rows

    def _warned(self, count: int) -> TargetError:
        codes = sorted({str(code) for _, code, _ in self._fetch("SHOW WARNINGS")})
        message = f"{count} values do not fit their columns, or rows have the same key (warnings {', '.join(codes)})"
        return TargetError(message, hint="Widen the columns of the target, or mend the rows.")

    def _insert(
        self,
        relation: str,
        fields: Sequence[_Field],
        columns: Sequence[str],
        batches: Iterator[pa.RecordBatch],
        rendering: Rendering,
    ) -> int:
        head = f"INSERT INTO {relation} ({', '.join(field.name for field in fields)}) VALUES "
        rows = 0
        for batch in batches:
            for statement in insert_statements(head, batch, columns, rendering, [f.expression for f in fields]):
                rows += self._execute(statement)
        return rows

    def _put_value(
        self, table: str, column: str, condition: str, chunks: Iterable[bytes], *, size: int, schema: str
    ) -> int:
        del size
        # LOAD DATA alone takes a value that is longer than a packet.
        self._execute(f"CREATE TEMPORARY TABLE {_STAGING} (portability_raw longblob)")
        with _Pipe(_escaped(chunks)) as pipe:
            self._execute(_LOAD_BYTES.format(file=self.text(pipe.path), relation=_STAGING))
            pipe.finish()
        relation, name = self.relation(table, schema), self.quote(column)
        rows = self._execute(f"UPDATE {relation} t JOIN {_STAGING} SET t.{name} = portability_raw WHERE {condition}")
        self._execute(f"DROP TEMPORARY TABLE {_STAGING}")
        return rows

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        return foreign_error(error, place)


class _Field:
    """How one column is written: as it is, or through an expression."""

    def __init__(self, name: str, declared: str, kind: pa.DataType) -> None:
        self.name = name
        self._declared = declared
        self._is_bytes = is_bytes(kind)

    def slot(self, number: int) -> str:
        return f"@v{number}" if self.expression("") else self.name

    def assignment(self, number: int) -> str:
        return f"{self.name} = {self.expression(f'@v{number}')}"

    def expression(self, value: str) -> str:
        """Return SQL that makes the column's value of its text; nothing where the text itself will do."""
        if self._is_bytes:
            return f"UNHEX({value})"
        if self._declared.startswith("year"):
            return f"LPAD({value}, 4, '0')"  # a text of two digits is a year of our time, and '0' is 2000
        # Bits travel as digits of base two.
        return f"CAST(CONV({value}, 2, 10) AS UNSIGNED)" if self._declared.startswith("bit(") else ""


class _Pipe:
    """A pipe with a name, and the thread that fills it; the driver reads it as the file that the server asks for."""

    def __init__(self, pieces: Iterator[pa.Buffer | bytes]) -> None:
        self._pieces = pieces
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        self._reader, self._writer = os.pipe()
        self.path = f"/dev/fd/{self._reader}"
        self._thread = threading.Thread(target=self._fill, name="load-data", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # Whoever still writes gets an error instead of waiting for ever.
        os.close(self._reader)
        self._thread.join()
        # What stopped the filling is why the load went wrong, whatever the server says of it.
        if self._error is not None and not isinstance(self._error, BrokenPipeError):
            raise self._error

    def finish(self) -> None:
        """Wait until all is written, and raise what stopped it."""
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _fill(self) -> None:
        try:
            with os.fdopen(self._writer, "wb", buffering=0) as stream:
                for piece in work_ahead(self._pieces):
                    view = memoryview(piece)
                    while view.nbytes:
                        view = view[stream.write(view) :]
        except BaseException as error:  # noqa: BLE001 -- raised in the loader's thread
            self._error = error


def _escaped(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield bytes as one field of a line."""
    for chunk in chunks:
        yield chunk.replace(b"\\", b"\\\\").replace(b"\t", b"\\\t").replace(b"\n", b"\\\n").replace(b"\0", b"\\0")
    yield b"\n"


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest


def _driver() -> Any:  # noqa: ANN401 -- the module
    try:
        importlib.import_module("pymysql.cursors")
        return importlib.import_module("pymysql")
    except ImportError as error:
        hint = "Run: pip install 'portability[mysql]'"
        raise TargetError("the driver for MariaDB and MySQL is not installed", hint=hint) from error
