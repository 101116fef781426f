"""Long values: exact to the byte whatever the table is like, and never a column of them in memory."""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest

from portability.connectors import open_connector
from portability.exports import ExportRequest, ExportResult, export_archive
from portability.profiles import load_profile
from tests.restoring.awkward import run_mariadb

if TYPE_CHECKING:
    from tests.conftest import MakeDatabase

MIB = 1024 * 1024
PROFILE = """profile: lobs
title: Long values
detect: [lobs]
documents:
  - {name: scans, table: lobs, lob: body, file_name: name}
"""


def export(url: str, folder: Path, *, with_profile: bool = False) -> ExportResult:
    """Export a database, its column ``lobs.body`` as documents if told."""
    profile = None
    if with_profile:
        (folder / "profile").mkdir()
        (folder / "profile/profile.yaml").write_text(PROFILE, encoding="utf-8")
        profile = load_profile(str(folder / "profile"))
    request = ExportRequest(connector=open_connector(url), destination=folder / "archive", profile=profile)
    return export_archive(request)


def stored(archive: Path, table: str, column: str = "body", order: str = "id") -> list[str | None]:
    """Return the hash of each row's file, each found in its place."""
    file = archive / f"data/source/{table}.parquet"
    rows = duckdb.execute(f"SELECT {column}__file.sha256 FROM '{file}' ORDER BY {order}").fetchall()
    for (sha256,) in rows:
        if sha256 is not None:
            content = (archive / f"data/documents/{sha256[:2]}/{sha256}").read_bytes()
            assert hashlib.sha256(content).hexdigest() == sha256
    return [sha256 for (sha256,) in rows]


def sha256(value: bytes) -> str:
    """Hash as the archive does."""
    return hashlib.sha256(value).hexdigest()


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE TABLE lobs (id INTEGER PRIMARY KEY, body)",
        "CREATE TABLE lobs (id TEXT PRIMARY KEY, body) WITHOUT ROWID",
        "CREATE TABLE lobs (id TEXT PRIMARY KEY, body, rowid TEXT, _rowid_ TEXT)",
        "CREATE TABLE lobs (id TEXT PRIMARY KEY, body, rowid TEXT, _rowid_ TEXT, oid TEXT)",
    ],
)
def test_long_values_of_sqlite_are_exact_whatever_names_their_rows(ddl: str, tmp_path: Path) -> None:
    """Bytes and texts beside each other, with and without row ids that can be asked for."""
    blob, text = secrets.token_bytes(9 * MIB), "é\0\n" * (3 * MIB)
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute(ddl)
    rows = [("1", blob), ("2", text), ("3", b"short"), ("4", None), ("5", blob)]
    connection.executemany("INSERT INTO lobs (id, body) VALUES (?, ?)", rows)
    connection.commit()
    connection.close()
    archive = export(f"sqlite:///{tmp_path / 'a.db'}", tmp_path).archive.root
    assert stored(archive, "main.lobs") == [sha256(blob), sha256(text.encode()), None, None, sha256(blob)]


def test_long_values_of_postgresql_are_exact(postgresql_url: MakeDatabase, tmp_path: Path) -> None:
    """Bytes that compress and such that do not, and text of characters of several bytes that pieces cut through."""
    url = postgresql_url()
    random, same, text = secrets.token_bytes(17 * MIB), b"\0" * (20 * MIB), "x€" * (6 * MIB)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE lobs (id text PRIMARY KEY, body bytea, note text)")
        for row in (("a", random, None), ("b", same, text), ("c", b"", "")):
            connection.execute("INSERT INTO lobs VALUES (%s, %s, %s)", row)
    archive = export(url, tmp_path).archive.root
    assert stored(archive, "public.lobs") == [sha256(random), sha256(same), None]
    assert stored(archive, "public.lobs", "note") == [None, sha256(text.encode()), None]


def test_long_values_of_mariadb_are_exact(mariadb_url: MakeDatabase, tmp_path: Path) -> None:
    """Found by a text key, with columns of names that the reading itself uses."""
    url = mariadb_url()
    blob, text = secrets.token_bytes(9 * MIB), "€uro\\'" * MIB
    run_mariadb(
        url,
        "CREATE TABLE lobs (id varchar(20) COLLATE utf8mb4_general_ci PRIMARY KEY, body longblob, note longtext,"
        " step int, `at` int)",
        "INSERT INTO lobs VALUES ('Ä', NULL, NULL, 1, 1), ('b', '', '', 2, 2)",
        ("UPDATE lobs SET body = CONCAT(%s, '') WHERE id = 'Ä'", (blob[: 4 * MIB],)),
        ("UPDATE lobs SET body = CONCAT(body, %s) WHERE id = 'Ä'", (blob[4 * MIB :],)),
        ("UPDATE lobs SET note = %s WHERE id = 'b'", (text,)),
    )
    archive = export(url, tmp_path).archive.root
    assert stored(archive, "main.lobs", order="step") == [sha256(blob), None]
    assert stored(archive, "main.lobs", "note", order="step") == [None, sha256(text.encode())]


def test_documents_of_a_column_are_stored_once_and_listed_with_their_md5(tmp_path: Path) -> None:
    """The same bytes in two rows are one file; legacy systems know it by its MD5."""
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE lobs (id INTEGER PRIMARY KEY, name TEXT, body BLOB)")
    connection.executemany(
        "INSERT INTO lobs VALUES (?, ?, ?)", [(1, "a.pdf", b"same"), (2, "b", b"same"), (3, "c", b"")]
    )
    connection.commit()
    connection.close()
    archive = export(f"sqlite:///{tmp_path / 'a.db'}", tmp_path, with_profile=True).archive.root
    assert len([path for path in (archive / "data/documents").rglob("*") if path.is_file()]) == 1
    listed = duckdb.execute(
        f"SELECT locator, md5, size_bytes, media_type FROM '{archive}/data/reports/documents.parquet' ORDER BY ALL"
    ).fetchall()
    md5 = hashlib.md5(b"same", usedforsecurity=False).hexdigest()
    assert listed == [(json.dumps(["1"]), md5, 4, "application/pdf"), (json.dumps(["2"]), md5, 4, None)]


# -- memory -----------------------------------------------------------------------------------------------------------


def peak_mib(*arguments: str) -> int:
    """Run the program, and return the most memory that it had resident: VmHWM, looked at until it ends."""
    command = [sys.executable, "-c", "from portability.cli import main; main()", *arguments]
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
            found = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
            peak = max([peak, *found])
            time.sleep(0.02)
    assert process.returncode == 0
    return peak // 1024


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is read from /proc")
def test_export_of_a_long_value_and_many_short_ones_stays_within_memory(tmp_path: Path) -> None:
    """300 MiB in one value, and 8,000 of 40 KiB, as documents, are archived and verified within 400 MiB."""
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.execute("CREATE TABLE lobs (id INTEGER PRIMARY KEY, name TEXT, body BLOB)")
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 8000)"
        " INSERT INTO lobs SELECT i, 'a' || i, randomblob(40960) FROM n"
    )
    connection.execute("INSERT INTO lobs VALUES (9000, 'large', zeroblob(?))", (300 * MIB,))
    connection.commit()
    connection.close()
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile/profile.yaml").write_text(PROFILE, encoding="utf-8")
    url, archive = f"sqlite:///{tmp_path / 'a.db'}", str(tmp_path / "archive")
    assert peak_mib("export", url, archive, "--profile", str(tmp_path / "profile")) < 400
    assert peak_mib("verify", archive, "--level", "deep") < 400
