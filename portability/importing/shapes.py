"""What a target column can hold: its declared type read once, whatever the DBMS.

A type that is not known here has the kind ``other``: its values go as text and the target judges them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from portability.manifest import Column

__all__ = ["Shape", "shape_of"]

_BITS = {"tinyint": 8, "smallint": 16, "int2": 16, "mediumint": 24, "integer": 32, "int": 32, "int4": 32, "bigint": 64}
_BITS |= {"int8": 64, "hugeint": 128}
_BLOBS = {"tinytext": 255, "text": 65_535, "mediumtext": 16_777_215, "tinyblob": 255, "blob": 65_535}
_BLOBS |= {"mediumblob": 16_777_215}
_FLOATS = {"double", "double precision", "real", "float", "float4", "float8"}
_TEXTS = {"character varying", "varchar", "character", "char", "bpchar", "nvarchar", "nchar", "citext", "clob"}
_TEXTS |= {"text", "tinytext", "mediumtext", "longtext", "nvarchar2", "varchar2", "string"}
_BYTES = {"bytea", "blob", "tinyblob", "mediumblob", "longblob", "binary", "varbinary"}
_BOOLEANS = {"boolean", "bool"}
_NATIVE = re.compile(r"\s*([^(]*?)\s*(?:\(([^)]*)\)\s*(.*?))?\s*")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """What fits.

    ``kind`` is int, decimal, float, bool, text, bytes, date, time, timestamp, instant, uuid, json, enum or other.

    Args:
        length: Characters of a text, or bytes of bytes.
        octets: Bytes of a text.
        precision: Digits of a decimal, ``scale`` of them after the point; None when anything fits.
        bits: Of an integer.
        fraction: Digits of a second.
        strict: The target refuses what is too long; a target that is not strict keeps it whole.
        nul: A text may hold U+0000.
        charset: Of a text, as the DBMS names it, where it is less than Unicode.
        as_text: The value is stored as its text.
    """

    kind: str
    native: str
    length: int | None = None
    octets: int | None = None
    precision: int | None = None
    scale: int = 0
    bits: int = 64
    unsigned: bool = False
    fraction: int = 6
    labels: tuple[str, ...] = ()
    strict: bool = True
    nul: bool = True
    charset: str | None = None
    as_text: bool = False

    @property
    def range(self) -> tuple[int, int]:
        """The smallest and the greatest integer."""
        if self.unsigned:
            return 0, 2**self.bits - 1
        return -(2 ** (self.bits - 1)), 2 ** (self.bits - 1) - 1


def shape_of(column: Column, dbms: str) -> Shape:
    """Read a declared type."""
    if column.labels is not None:
        return Shape(kind="enum", native=column.native_type, labels=column.labels, charset=column.charset)
    match = _NATIVE.fullmatch(column.native_type.lower())
    name, inside, rest = match.groups() if match else (column.native_type.lower(), None, None)
    numbers = [int(part) for part in (inside or "").split(",") if part.strip().isdecimal()]
    # "timestamp(3) with time zone", "int(11) unsigned zerofill": what stands behind the brackets belongs to the name.
    words = f"{name} {rest or ''}".split()
    base = " ".join(word for word in words if word not in ("unsigned", "zerofill"))
    found = _sqlite(base, numbers, column) if dbms == "sqlite" else _server(base, numbers, column, dbms)
    return replace(found, unsigned=True) if "unsigned" in words else found


def _server(name: str, numbers: list[int], column: Column, dbms: str) -> Shape:
    native, nul = column.native_type, dbms != "postgresql"
    if name in _BITS:
        return Shape(kind="int", native=native, bits=_BITS[name])
    if name in ("numeric", "decimal", "dec"):
        default = 10 if dbms == "mariadb" else 18 if dbms == "duckdb" else None
        precision = numbers[0] if numbers else default
        scale = numbers[1] if len(numbers) > 1 else 3 if dbms == "duckdb" and not numbers else 0
        return Shape(kind="decimal", native=native, precision=precision, scale=scale)
    if name == "money":
        return Shape(kind="decimal", native=native, precision=17, scale=2)
    if name in _TEXTS:
        length = numbers[0] if numbers and name not in _BLOBS else 1 if name in ("character", "char") else None
        octets = _BLOBS.get(name) if dbms == "mariadb" else None
        return Shape(kind="text", native=native, length=length, octets=octets, nul=nul, charset=column.charset)
    if name in _BYTES:
        length = numbers[0] if numbers else _BLOBS.get(name) if dbms == "mariadb" else None
        return Shape(kind="bytes", native=native, length=length)
    return _moment(name, numbers, native, dbms) or _rest(name, native, nul=nul)


def _moment(name: str, numbers: list[int], native: str, dbms: str) -> Shape | None:
    """Dates and times; MariaDB counts no part of a second unless told."""
    fraction = numbers[0] if numbers else 0 if dbms == "mariadb" else 6
    if name == "date":
        return Shape(kind="date", native=native)
    instant = name in ("timestamptz", "timestamp with time zone") or (name == "timestamp" and dbms == "mariadb")
    if instant or name in ("timestamp", "datetime", "timestamp without time zone"):
        return Shape(kind="instant" if instant else "timestamp", native=native, fraction=min(fraction, 6))
    if name in ("time", "time without time zone"):
        return Shape(kind="time", native=native, fraction=min(fraction, 6))
    return None


def _rest(name: str, native: str, *, nul: bool) -> Shape:
    if name in _FLOATS:
        return Shape(kind="float", native=native)
    kind = "bool" if name in _BOOLEANS else {"uuid": "uuid", "json": "json", "jsonb": "json"}.get(name, "other")
    return Shape(kind=kind, native=native, nul=nul)


def _sqlite(name: str, numbers: list[int], column: Column) -> Shape:
    """SQLite's columns take anything; the declared word says what the system expects there, and lengths bind nobody."""
    native, nul = column.native_type, True
    if "bool" in name:
        return Shape(kind="int", native=native, bits=8)
    if "uuid" in name:
        return Shape(kind="uuid", native=native, as_text=True)
    if "int" in name:
        return Shape(kind="int", native=native, bits=64)
    if name.startswith(("datetime", "timestamp")):
        return Shape(kind="timestamp", native=native, as_text=True)
    if name in ("date", "time"):
        return Shape(kind=name, native=native, as_text=True)
    if name.startswith(("numeric", "decimal", "dec", "money")):
        scale = numbers[1] if len(numbers) > 1 else 0
        return Shape(
            kind="decimal", native=native, precision=numbers[0] if numbers else None, scale=scale, as_text=True
        )
    if any(word in name for word in ("real", "floa", "doub")):
        return Shape(kind="float", native=native)
    if "json" in name:
        return Shape(kind="json", native=native)
    if any(word in name for word in ("char", "clob", "text")):
        return Shape(kind="text", native=native, length=numbers[0] if numbers else None, strict=False, nul=nul)
    return Shape(kind="bytes" if "blob" in name else "other", native=native)
