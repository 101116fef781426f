"""SQLite: one read transaction on a read-only handle.

SQLite types values, not columns. A column gets the Arrow type of its declaration only when every value in the
snapshot fits it exactly, which the probes ask of SQLite itself; otherwise it travels as text with a
``<name>__typeof`` sidecar that keeps each value's storage class.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as percent_quote

import pyarrow as pa

from portability.connectors.carrying import LINE_END, Carrying, SentRows, cut_lines, cut_rows
from portability.connectors.connector import Connector
from portability.connectors.sql import SqlSnapshot
from portability.connectors.sqlite_catalogue import read_catalogue
from portability.errors import ConfigError, ConnectorError, PortabilityError, SourceDataError, SourceUnavailableError
from portability.manifest import SnapshotRecord

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from portability.connectors.connector import TablePlan
    from portability.limits import Limits
    from portability.manifest import Column, SourceSchema

__all__ = ["SqliteConnector"]

LOCK_TIMEOUT_S = 5
_DECIMAL = re.compile(r"(?:DECIMAL|NUMERIC|NUMBER|DEC|MONEY)\s*\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\)", re.IGNORECASE)
# The largest integer whose double is exact, less a margin for the rounding that the proof itself does.
_EXACT_DOUBLE = 2**52
_EXACT_SCALE = 15
_DECIMAL_DIGITS = 38
_BEYOND_ASCII = "'*[^' || char(1) || '-' || char(127) || ']*'"
# Without a modifier, date() returns the 30th of February as it is.
_DATE = "{c} GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]' AND date({c}, '+0 days') IS {c} AND {c} >= '0001-01-01'"
_CLOCK = "substr({c}, 12, 8) GLOB '[0-2][0-9]:[0-5][0-9]:[0-5][0-9]' AND substr({c}, 12, 2) < '24'"
_FRACTION = (
    "(length({c}) = 19 OR (length({c}) BETWEEN 21 AND 26"
    " AND substr({c}, 20, 1) = '.' AND substr({c}, 21) NOT GLOB '*[^0-9]*'))"
)
_TIMESTAMP = (
    "date(substr({c}, 1, 10), '+0 days') IS substr({c}, 1, 10) AND {c} >= '0001-01-01'"
    f" AND substr({{c}}, 11, 1) IN (' ', 'T') AND {_CLOCK} AND {_FRACTION}"
)


class SqliteConnector(Connector):
    """``sqlite:///path/to/file.db?timeout=SECONDS``; how long to wait for a writer that locks the file."""

    schemes = ("sqlite",)

    @contextmanager
    def snapshot(self) -> Iterator[SqliteSnapshot]:
        """Open the file read-only, begin a transaction and hold it."""
        self.url.check_options({"timeout"})
        path = Path(self.url.path)
        if not path.is_file():
            hint = "Check the path: sqlite:///relative.db or sqlite:////absolute.db."
            raise SourceUnavailableError("there is no such file", place=str(path), hint=hint)
        timeout = self.url.options.get("timeout", str(LOCK_TIMEOUT_S))
        if not timeout.isdecimal():
            raise ConfigError("the timeout is not a number of seconds", place=self.url.label)
        address = f"file:{percent_quote(str(path.resolve()))}?mode=ro"
        try:
            connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=int(timeout))
        except sqlite3.Error as error:
            raise _ours(error, str(path)) from error
        try:
            try:
                snapshot = SqliteSnapshot(connection, path, self.limits)
            except sqlite3.Error as error:
                raise _ours(error, str(path)) from error
            yield snapshot
        finally:
            connection.close()


class SqliteSnapshot(SqlSnapshot):
    """A read transaction; a writer in WAL mode does not disturb it, in rollback mode it waits."""

    record = SnapshotRecord(method="one read transaction", level="exact")

    def __init__(self, connection: sqlite3.Connection, path: Path, limits: Limits) -> None:
        self.limits = limits
        self._connection = connection
        connection.text_factory = bytes
        connection.create_function("not_utf8", 1, _is_not_utf8, deterministic=True)
        connection.create_function("utf8_length", 1, _utf8_length, deterministic=True)
        connection.execute("PRAGMA query_only = ON")
        before = _identity(path)
        connection.execute("BEGIN")
        # The transaction starts with the first read.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        # A writer that committed in between makes the identity uncertain.
        self.identity = before if before == _identity(path) else None
        ((encoding,),) = connection.execute("PRAGMA encoding")
        self._utf8 = encoding == b"UTF-8"

    def rows(self, sql: str) -> Iterator[tuple[Any, ...]]:
        cursor = self._connection.execute(sql)
        while batch := cursor.fetchmany(self.limits.batch_rows):
            yield from batch

    def _discover(self) -> SourceSchema:
        return read_catalogue(self._connection, self.record)

    def quote(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def octets(self, carrying: Carrying) -> str:
        if self._utf8 or carrying.kind == "bytes":
            return f"length(CAST({carrying.value} AS BLOB))"
        return f"utf8_length({carrying.value})"

    def order_term(self, column: Column) -> str:
        name = self.quote(column.name)
        return f"typeof({name}), {name} COLLATE BINARY"

    def key_term(self, column: Column) -> str:
        # Naming the default collation would keep SQLite from using the key's index.
        binary = column.collation is None or column.collation.upper() == "BINARY"
        return self.quote(column.name) if binary else f"{self.quote(column.name)} COLLATE BINARY"

    def raw_text(self, column: Column) -> str:
        return f"CAST({self.quote(column.name)} AS TEXT)"

    def substring(self, carrying: Carrying, offset: int, length: int) -> str:
        value = f"CAST({carrying.value} AS BLOB)" if self._utf8 or carrying.kind == "bytes" else carrying.value
        return f"substr({value}, {offset}, {length})"

    def key_equals(self, column: Column, value: Any) -> str:  # noqa: ANN401
        name = self.quote(column.name)
        if isinstance(value, int):
            return f"{name} = {value:d}"
        if isinstance(value, bytes):
            return f"{name} = x'{value.hex()}'"
        return f"{name} = {_literal(str(value))} COLLATE BINARY"

    # -- types --------------------------------------------------------------------------------------------------------

    def probes(self, column: Column) -> dict[str, str]:
        name = self.quote(column.name)
        probes = {kind: f"sum(typeof({name}) = '{kind}')" for kind in ("integer", "real", "text", "blob")}
        probes["size"] = f"max(CASE WHEN typeof({name}) IN ('text', 'blob') THEN length(CAST({name} AS BLOB)) END)"
        probes["broken"] = f"sum({self._broken(name)})"
        declared = column.native_type.upper()
        if decimal := _decimal(declared):
            probes["misfit"] = f"sum({_decimal_misfit(name, *decimal)})"
        elif _is_boolean(declared):
            probes["misfit"] = f"sum({name} NOT IN (0, 1))"
        elif (form := _temporal(declared)) is not None:
            probes["misfit"] = f"sum(NOT ({form.format(c=name)}))"
        return probes

    def decide(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        name = self.quote(column.name)
        classes = {kind for kind in ("integer", "real", "text", "blob") if probed[kind]}
        fitting = not probed.get("misfit")
        declared = column.native_type.upper()
        if (decimal := _decimal(declared)) and classes <= {"integer", "real"} and fitting:
            precision, scale = decimal
            scaled = f"CAST(round({name} * 1{'0' * scale}) AS INTEGER)"
            return [
                Carrying(
                    name=column.name,
                    arrow=pa.decimal128(precision, scale),
                    select=scaled,
                    kind="number",
                    codec="scaled",
                    value=scaled,
                    scale=scale,
                )
            ]
        if _is_boolean(declared) and classes <= {"integer"} and fitting:
            return [Carrying(name=column.name, arrow=pa.bool_(), select=name, kind="bool", value=name)]
        if _temporal(declared) is not None and classes <= {"text"} and fitting:
            return [self._temporal(column, name)]
        carryings = self._by_class(column, name, classes or _declared_class(declared))
        return [self._without_broken(carryings[0], name), *carryings[1:]] if probed["broken"] else carryings

    def decide_file(self, column: Column, probed: Mapping[str, Any]) -> list[Carrying]:
        if not (probed["blob"] and (probed["text"] or probed["integer"] or probed["real"])):
            return self.decide(column, probed)
        # Documents of which some were stored as text: hexadecimal digits would be no document.
        name = self.quote(column.name)
        value = f"CAST({name} AS BLOB)"
        return [
            Carrying(name=column.name, arrow=pa.binary(), select=value, kind="bytes", codec="native", value=value),
            Carrying(name=f"{column.name}__typeof", arrow=pa.string(), select=f"typeof({name})", kind=""),
        ]

    def _broken(self, name: str) -> str:
        """SQL that is true for text whose bytes are not UTF-8, which SQLite stores as it is given."""
        if not self._utf8:
            return "0"
        # GLOB is quick and knows no NUL; only text beyond ASCII is looked at more closely.
        suspect = f"({name} GLOB {_BEYOND_ASCII} OR instr(CAST({name} AS BLOB), x'00'))"
        return f"CASE WHEN typeof({name}) = 'text' AND {suspect} THEN not_utf8(CAST({name} AS BLOB)) ELSE 0 END"

    def _without_broken(self, carrying: Carrying, name: str) -> Carrying:
        broken, reason = self._broken(name), "the bytes are not UTF-8"
        value, select = (f"CASE WHEN NOT ({broken}) THEN {sql} END" for sql in (carrying.value, carrying.select))
        return replace(carrying, value=f"({value})", select=select, unfit=broken, reason=reason)

    def _temporal(self, column: Column, name: str) -> Carrying:
        if _temporal(column.native_type.upper()) == _DATE:
            return Carrying(name=column.name, arrow=pa.date32(), select=name, kind="date", value=name)
        spaced = f"substr({name}, 1, 10) || ' ' || substr({name}, 12)"
        return Carrying(name=column.name, arrow=pa.timestamp("us"), select=spaced, kind="timestamp", value=name)

    def _by_class(self, column: Column, name: str, classes: set[str]) -> list[Carrying]:
        if classes == {"integer"}:
            return [Carrying(name=column.name, arrow=pa.int64(), select=name, kind="number", value=name)]
        if classes == {"text"}:
            return [Carrying(name=column.name, arrow=pa.string(), select=_csv_text(name), kind="text", value=name)]
        if classes == {"real"}:
            return [
                Carrying(name=column.name, arrow=pa.float64(), select=name, kind="float", codec="native", value=name)
            ]
        if classes == {"blob"}:
            return [
                Carrying(name=column.name, arrow=pa.binary(), select=name, kind="bytes", codec="native", value=name)
            ]
        return self._mixed(column, name)

    def _mixed(self, column: Column, name: str) -> list[Carrying]:
        # 17 significant digits name a double; "!" asks SQLite for them all.
        real = f"WHEN 'real' THEN printf('%!.17g', {name})"
        text = f"CASE typeof({name}) WHEN 'blob' THEN hex({name}) {real} ELSE CAST({name} AS TEXT) END"
        return [
            Carrying(name=column.name, arrow=pa.string(), select=_csv_text(text), kind="text", value=f"({text})"),
            Carrying(name=f"{column.name}__typeof", arrow=pa.string(), select=f"typeof({name})", kind=""),
        ]

    def totals(self, carrying: Carrying) -> dict[str, str]:
        value = carrying.value
        if carrying.kind == "number":
            # SQLite's sum() of integers stops at 64 bits: add the halves apart. rows() puts them together again.
            return {
                "sum": f"sum({value} >> 32) || ':' || sum({value} & 4294967295)",
                "minimum": f"min({value})",
                "maximum": f"max({value})",
            }
        if carrying.kind in ("float", "date"):
            return {"minimum": f"min({value})", "maximum": f"max({value})"}
        if carrying.kind == "timestamp":
            # The separator differs from row to row, and so does the number of decimals: only one form of it sorts.
            padded = f"substr({value}, 12) || substr('.000000', length({value}) - 18)"
            iso = f"substr({value}, 1, 10) || 'T' || substr({padded}, 1, 15)"
            return {"minimum": f"min({iso})", "maximum": f"max({iso})"}
        if carrying.kind in ("text", "bytes"):
            return {"size_bytes": f"sum({self.octets(carrying)})"}
        return {"true": f"sum({value})"} if carrying.kind == "bool" else {}

    # -- reading ------------------------------------------------------------------------------------------------------

    def read_lines(self, plan: TablePlan) -> Iterator[SentRows]:
        detail = plan.detail
        natives = [c.select for c in detail.carryings if c.codec == "native"]
        fields = [f"ifnull({c.select}, '')" for c in detail.carryings if c.codec != "native"]
        line = [" || ',' || ".join([*fields, f"'{LINE_END}'"])] if fields else []
        select = ", ".join([*line, *natives])
        rows = self._connection.execute(f"SELECT {select} FROM {self.relation(plan.table)} ORDER BY {detail.order_sql}")
        if natives:
            yield from cut_rows(rows, rows_max=detail.batch_rows, lined=bool(fields))
        else:
            yield from cut_lines((row[0] for row in rows), rows_max=detail.batch_rows)

    def _foreign(self, error: Exception, place: str) -> PortabilityError | None:
        return _ours(error, place) if isinstance(error, sqlite3.Error) else None


def _is_not_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return True
    return False


def _utf8_length(value: object) -> int | None:
    return None if value is None else len(str(value).encode("utf-8", "surrogatepass"))


def _literal(text: str) -> str:
    # SQL text ends at a NUL.
    if "\x00" in text:
        return f"CAST(x'{text.encode().hex()}' AS TEXT)"
    return "'" + text.replace("'", "''") + "'"


def _decimal(declared: str) -> tuple[int, int] | None:
    """Precision and scale of a declared decimal whose values doubles can name."""
    found = _DECIMAL.search(declared)
    if not found:
        return None
    precision, scale = int(found.group(1)), int(found.group(2) or 0)
    return (precision, scale) if scale <= min(precision, _EXACT_SCALE) and precision <= _DECIMAL_DIGITS else None


def _decimal_misfit(name: str, precision: int, scale: int) -> str:
    """SQL that is 1 for a value that is not the double (or integer) of a decimal of this precision and scale.

    ``n / 10**scale`` of two exactly representable integers is rounded once (IEEE 754), so equality proves that the
    value is the double nearest to that decimal, and the decimal gives the same bits back.
    """
    factor, bound = f"1{'0' * scale}", min(10**precision, _EXACT_DOUBLE)
    whole = f"round({name} * {factor})"
    wrong = f"abs({name} * {factor}.0) >= {bound} OR ({whole} / {factor}.0) <> {name}"
    return f"{name} IS NOT NULL AND (typeof({name}) NOT IN ('integer', 'real') OR {wrong})"


def _is_boolean(declared: str) -> bool:
    return declared.startswith("BOOL")


def _temporal(declared: str) -> str | None:
    if declared.startswith(("DATETIME", "TIMESTAMP")):
        return _TIMESTAMP
    return _DATE if declared == "DATE" else None


def _declared_class(declared: str) -> set[str]:
    """The storage class that an empty column would have (sqlite.org/datatype3.html, 3.1)."""
    if "INT" in declared:
        return {"integer"}
    if "BLOB" in declared or "BINARY" in declared:
        return {"blob"}
    return {"real"} if any(word in declared for word in ("REAL", "FLOA", "DOUB")) else {"text"}


def _csv_text(value: str) -> str:
    return f"""'"' || replace({value}, '"', '""') || '"'"""


def _identity(path: Path) -> str:
    """What changes whenever the data does: the header's change counter, sizes and times of the file and its log."""
    with path.open("rb") as stream:
        header = stream.read(100)
    parts = [header[24:28].hex()]
    for file in (path, path.with_name(path.name + "-wal")):
        status = file.stat() if file.exists() else None
        # An empty log comes and goes with readers.
        parts.append(f"{status.st_size}.{status.st_mtime_ns}" if status and status.st_size else "")
    return "sqlite:" + ":".join(parts)


def _ours(error: sqlite3.Error, place: str) -> PortabilityError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return SourceUnavailableError(
            "the database is locked by a writer", place=place, hint="Try again, or stop the writer."
        )
    if "not a database" in text or "malformed" in text:
        return SourceDataError(
            f"SQLite refuses the file: {text}", place=place, hint="Run PRAGMA integrity_check on a copy."
        )
    if "no such table" in text:
        return ConnectorError("there is no such table", place=place)
    return ConnectorError(f"SQLite says: {text}", place=place)
