"""A chain's owner who rewrites it: the guards are dropped, rows are changed, and later hashes computed again."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from portability.catalogue import canonical_text, sha256_text

__all__ = ["TAMPERINGS", "Row", "read_rows", "rehash", "write_rows"]

Row = dict[str, Any]


def read_rows(path: Path) -> list[Row]:
    """Return the entries, in order."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute("SELECT * FROM audit_entry ORDER BY sequence")]


def write_rows(path: Path, rows: list[Row]) -> None:
    """Put other entries in their place."""
    with closing(sqlite3.connect(path)) as connection:
        for name in ("no_update", "no_delete", "in_order"):
            connection.execute(f"DROP TRIGGER IF EXISTS audit_entry_{name}")
        connection.execute("DELETE FROM audit_entry")
        connection.executemany("INSERT INTO audit_entry VALUES (:sequence, :previous, :hash, :document)", rows)
        connection.commit()


def rehash(rows: list[Row], start: int) -> None:
    """Number and chain the rows from an index on as if they had always been so."""
    for index in range(start, len(rows)):
        row = rows[index]
        plain = json.loads(row["document"])
        plain["sequence"] = row["sequence"] = index + 1
        plain["previous"] = row["previous"] = rows[index - 1]["hash"] if index else "0" * 64
        row["document"] = canonical_text(plain)
        row["hash"] = sha256_text(row["document"])


def _changed(row: Row, chance: random.Random) -> Row:
    plain = json.loads(row["document"])
    field = chance.choice(["actor", "action", "purpose", "outcome", "at", "subject"])
    value = {
        "actor": "mallory",
        "action": "show",
        "purpose": "nothing",
        "outcome": "refused",
        "at": "2026-01-01T00:00:00.000000Z",
        "subject": "request:X",
    }[field]
    plain[field] = value if plain[field] != value else f"{value}2"
    return {**row, "document": canonical_text(plain)}


# Each returns the first entry's number that is not as it was written. `whole` means: with all later hashes again.


def edit(rows: list[Row], chance: random.Random, *, whole: bool) -> int:
    """Change a field of an entry, and sometimes its own hash."""
    index = chance.randrange(len(rows))
    rows[index] = _changed(rows[index], chance)
    if whole:
        rehash(rows, index)
    elif chance.random() < 0.5:
        rows[index]["hash"] = sha256_text(rows[index]["document"])
    return index + 1


def flip(rows: list[Row], chance: random.Random, *, whole: bool) -> int:
    """Change one character of a column, whatever it then says."""
    index = chance.randrange(len(rows))
    column = chance.choice(["previous", "hash"]) if not whole else "document"
    if whole:
        return edit(rows, chance, whole=True)
    text = rows[index][column]
    at = chance.randrange(len(text))
    rows[index][column] = text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :]
    return index + 1


def delete(rows: list[Row], chance: random.Random, *, whole: bool) -> int:
    """Take entries out of the middle."""
    index = chance.randrange(len(rows) - 1)
    del rows[index : index + chance.randint(1, min(5, len(rows) - 1 - index))]
    if whole:
        rehash(rows, index)
    elif chance.random() < 0.5:
        for number, row in enumerate(rows, 1):
            row["sequence"] = number
    return index + 1


def swap(rows: list[Row], chance: random.Random, *, whole: bool) -> int:
    """Let two entries change places."""
    first, second = sorted(chance.sample(range(len(rows)), 2))
    rows[first], rows[second] = rows[second], rows[first]
    rows[first]["sequence"], rows[second]["sequence"] = first + 1, second + 1
    if whole:
        rehash(rows, first)
    return first + 1


def cut(rows: list[Row], chance: random.Random, *, whole: bool) -> int:
    """Cut off the end; there are no later hashes to compute."""
    del whole
    left = chance.randrange(len(rows))
    del rows[left:]
    return left + 1


def insert(rows: list[Row], chance: random.Random, *, whole: bool) -> int:
    """Put an entry between others that was never made."""
    index = chance.randrange(len(rows))
    new = _changed(rows[index], chance)
    rows.insert(index, new)
    if whole:
        rehash(rows, index)
        return index + 1
    rehash([*rows[: index + 1]], index)
    for number, row in enumerate(rows, 1):
        row["sequence"] = number
    return index + 1


TAMPERINGS: dict[str, Callable[..., int]] = {
    "edit": edit,
    "flip": flip,
    "delete": delete,
    "swap": swap,
    "cut": cut,
    "insert": insert,
}
