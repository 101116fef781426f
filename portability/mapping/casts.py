"""Which SQL types may become which canonical types.

Only those that lose nothing; everything else is refused before a row is computed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from portability.duck import quote, text_literal
from portability.errors import MappingError
from portability.model import duckdb_type

if TYPE_CHECKING:
    from portability.model import Field

__all__ = ["cast_field", "extras_sql"]

_INTEGERS = {
    "TINYINT",
    "SMALLINT",
    "INTEGER",
    "BIGINT",
    "HUGEINT",
    "UTINYINT",
    "USMALLINT",
    "UINTEGER",
    "UBIGINT",
    "UHUGEINT",
}
_DECIMAL = re.compile(r"DECIMAL\((\d+),(\d+)\)")
_TEXTS = {"VARCHAR", "UUID"}
_HINTS = {
    "decimal": "Cast text or floats with exact_money(); decimals must not have more places than the field.",
    "timestamp": "Give the time a zone: from_local(ts) or from_utc(ts).",
}


def cast_field(field: Field, kind: str, place: str) -> str:
    """Return SQL that carries the mapping's column ``field.name`` of SQL type ``kind`` into the field's own type.

    Raises:
        MappingError: The conversion could lose something.
    """
    target, name = duckdb_type(field), quote(field.name)
    logical = field.type.split("(")[0]
    if kind == '"NULL"':
        return f"CAST(NULL AS {target})"
    if not _is_exact(logical, target, kind):
        message = f"{field.name} is {kind}, but the model wants {field.type}"
        raise MappingError(message, place=place, hint=_HINTS.get(logical, "Write the conversion in the SQL."))
    if logical == "json" and kind not in ("VARCHAR", "JSON"):
        return f"CAST(to_json({name}) AS VARCHAR)"
    if target == "VARCHAR":
        return f"nullif(CAST({name} AS VARCHAR), '')"
    return f"CAST({name} AS {target})"


def _is_exact(logical: str, target: str, kind: str) -> bool:
    if logical == "decimal":
        have, want = _DECIMAL.fullmatch(kind), _DECIMAL.fullmatch(target.replace(" ", ""))
        return kind in _INTEGERS or bool(have and want and int(have.group(2)) <= int(want.group(2)))
    if logical == "json":
        return kind in ("VARCHAR", "JSON") or kind.endswith("]") or kind.startswith(("STRUCT(", "MAP("))
    exact = {"int": _INTEGERS, "bool": {"BOOLEAN"}, "date": {"DATE"}, "timestamp": {"TIMESTAMP WITH TIME ZONE"}}
    return kind in exact.get(logical, _TEXTS) or (logical not in exact and kind.startswith("ENUM("))


def extras_sql(types: dict[str, str]) -> str:
    """Write the SQL of the extras field.

    Every member is its exact text, nulls are dropped, and ``unreadable`` goes under its reserved name.
    """
    parts = []
    if types.get("extras", '"NULL"') != '"NULL"':
        parts += [
            f"{text_literal(name)}, CAST(extras.{quote(name)} AS VARCHAR)" for name in struct_members(types["extras"])
        ]
    if types.get("unreadable", '"NULL"') != '"NULL"':
        texts = ", ".join(
            f"{text_literal(n)}, CAST(unreadable.{quote(n)} AS VARCHAR)" for n in struct_members(types["unreadable"])
        )
        inner = f"json_merge_patch('{{}}', json_object({texts}))"
        parts.append(f"'$unreadable', nullif({inner}, CAST('{{}}' AS JSON))")
    if not parts:
        return "CAST(NULL AS VARCHAR)"
    return f"nullif(CAST(json_merge_patch('{{}}', json_object({', '.join(parts)})) AS VARCHAR), '{{}}')"


def struct_members(kind: str) -> list[str]:
    """Return the member names of a STRUCT type's text.

    Raises:
        MappingError: It is no struct.
    """
    if not kind.startswith("STRUCT("):
        raise MappingError(f"is {kind}, but must be a struct: {{'name': column, ...}}", place="extras")
    names, depth, start = [], 0, len("STRUCT(")
    quoted = False
    for position in range(start, len(kind)):
        character = kind[position]
        quoted ^= character == '"'
        if quoted:
            continue
        if character in ",)" and depth == 0:
            names.append(_member_name(kind[start:position].strip()))
            start = position + 1
        depth += {"(": 1, ")": -1}.get(character, 0)
    return names


def _member_name(text: str) -> str:
    quoted = re.match(r'"((?:[^"]|"")*)"', text)
    return quoted.group(1).replace('""', '"') if quoted else text.split(" ", 1)[0]
