"""What placing writes into the target: bytes into a LOB column, or the path of a placed file into a text column.

A batch goes by the bulk path into a temporary table of the columns' own types and from there by one UPDATE, in a
transaction of its own. Bytes are read back and hashed before the commit.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pyarrow as pa

from portability.errors import TargetError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portability.targets import Target

__all__ = ["read_hashes", "write_column"]

_STAGE = "_portability_documents"


def read_hashes(target: Target, table: str, key: str, column: str, keys: Sequence[str]) -> dict[str, str]:
    """Return key -> SHA-256 of the column's bytes, for rows that have any."""
    if not keys:
        return {}
    kind = {"mariadb": "CHAR", "postgresql": "text"}.get(target.dbms, "VARCHAR")
    listed = ", ".join(target.text(value) for value in keys)
    name, content = target.quote(key), target.quote(column)
    sql = f"SELECT CAST({name} AS {kind}) AS k, {content} AS v FROM {target.relation(table)} "
    answer = target.query(f"{sql}WHERE {name} IN ({listed}) AND {content} IS NOT NULL", place=table)
    return {
        str(k.as_py()): hashlib.sha256(_bytes(v.as_py())).hexdigest()
        for k, v in zip(answer.column(0), answer.column(1), strict=True)
    }


def _bytes(value: object) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)  # type: ignore[call-overload]


def write_column(
    target: Target, table: str, key: str, column: str, values: Mapping[str, bytes] | Mapping[str, str]
) -> None:
    """Set the column of the rows with these keys, all or none.

    Raises:
        TargetError: The target refuses, or does not give back the bytes that it was given.
    """
    relation, name, content, stage = (
        target.relation(table),
        target.quote(key),
        target.quote(column),
        target.quote(_STAGE),
    )
    is_text = all(isinstance(value, str) for value in values.values())
    batch = pa.RecordBatch.from_arrays(
        [
            pa.array(values.keys(), pa.string()),
            pa.array(values.values(), pa.string() if is_text else pa.large_binary()),
        ],
        names=[key, column],
    )
    with target.transaction():
        target.execute(f"CREATE TEMPORARY TABLE {stage} AS SELECT {name}, {content} FROM {relation} WHERE 1 = 0")
        target.load(_STAGE, [key, column], [batch])
        target.execute(
            f"UPDATE {relation} SET {content} = "
            f"(SELECT s.{content} FROM {stage} AS s WHERE s.{name} = {relation}.{name}) "
            f"WHERE {name} IN (SELECT {name} FROM {stage})",
            place=table,
        )
        target.execute(f"DROP TABLE {stage}")
        if not is_text:
            found = read_hashes(target, table, key, column, list(values))
            wrong = [k for k, v in values.items() if found.get(k) != hashlib.sha256(_bytes(v)).hexdigest()]
            if wrong:
                hint = "Nothing of this batch was kept."
                raise TargetError("the target does not give back the bytes it was given", place=table, hint=hint)
