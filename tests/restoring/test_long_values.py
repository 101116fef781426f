"""Values too long to be held go to their rows in pieces, once the rows are there."""

from __future__ import annotations

import secrets
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from portability.connectors import open_connector
from portability.limits import DEFAULT_LIMITS
from portability.restoring import RestoreRequest, restore_archive
from tests.restoring.conftest import Fresh, export, source_files

MIB = 1024 * 1024
SMALL = replace(DEFAULT_LIMITS, restored_batch_bytes_max=2 * MIB)


def fill(path: Path, key: str) -> dict[str, bytes]:
    """Make a table whose rows are named by a text, and return its values."""
    values = {"a": secrets.token_bytes(3 * MIB), "b'c": b"\t\n\\\0\r'" * MIB, "d": b"short"}
    connection = sqlite3.connect(path)
    connection.execute(f"CREATE TABLE scan (id VARCHAR(20) NOT NULL, no INTEGER NOT NULL, body BLOB NOT NULL{key}")
    connection.executemany("INSERT INTO scan VALUES (?, 7, ?)", values.items())
    connection.commit()
    connection.close()
    return values


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_restore_puts_long_values_in_pieces_into_rows_named_by_their_key(
    kind: str, fresh: Fresh, tmp_path: Path
) -> None:
    """Random bytes, and all that a line of text would have to escape, in a column that may not be empty."""
    values = fill(tmp_path / "a.db", ", PRIMARY KEY (id, no))")
    archive = export(f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "archive")
    url = fresh(kind)
    report = restore_archive(RestoreRequest(archive=archive, url=url, unverified=True, limits=SMALL))
    assert (report.changed, report.totals.differences) == ((), ())
    assert _read(url) == values


@pytest.mark.parametrize("key", [", PRIMARY KEY (id)) WITHOUT ROWID", ")"])
def test_restore_of_long_values_without_a_way_to_name_rows_holds_them(key: str, fresh: Fresh, tmp_path: Path) -> None:
    """Tables without a key, or without row ids in SQLite, are restored all the same."""
    fill(tmp_path / "a.db", key)
    archive = export(f"sqlite:///{tmp_path / 'a.db'}", tmp_path / "archive")
    url = fresh("sqlite")
    restore_archive(RestoreRequest(archive=archive, url=url, unverified=True, limits=SMALL))
    assert source_files(export(url, tmp_path / "again")) == source_files(archive)


def _read(url: str) -> dict[str, bytes]:
    limits = replace(DEFAULT_LIMITS, inline_value_bytes=8 * MIB)
    with open_connector(url, limits=limits).snapshot() as snapshot:
        (table,) = snapshot.discover().tables
        rows = [row for batch in snapshot.read(snapshot.plan(table)) for row in batch.to_pylist()]
    return {row["id"]: row["body"] for row in rows}
