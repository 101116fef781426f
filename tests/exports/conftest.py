"""A small firm in SQLite with a profile of its own: enough of everything that an export has to decide about."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from portability.connectors import open_connector
from portability.exports import ExportRequest, ExportResult, export_archive
from portability.profiles import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMA = """
CREATE TABLE client (id INTEGER PRIMARY KEY, name TEXT NOT NULL, born DATE, pin TEXT, note TEXT);
CREATE TABLE matter
  (id INTEGER PRIMARY KEY, client_id INTEGER, title TEXT, fee DECIMAL(10,2), status TEXT, opened TEXT);
CREATE TABLE doc (id INTEGER PRIMARY KEY, matter_id INTEGER, path TEXT, scan BLOB);
CREATE TABLE session_log (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO client VALUES (1, 'Ann Owen', '1980-02-29', '1234', 'quoted "note"'), (2, 'Siân Ó Dálaigh', NULL, NULL, '');
INSERT INTO matter VALUES (1, 1, 'Sale', 1250.10, 'open', '2020-01-31'), (2, 2, 'Will', 0.30, 'closed', 'ca. 1999'),
  (3, 9, 'Orphan', 5, 'open', '2021-01-01'), (4, 1, 'Odd status', 7.25, 'mystery', '2021-06-01');
INSERT INTO doc VALUES (1, 1, 'P:\\DOCS\\a.txt', NULL), (2, 1, 'P:\\DOCS\\gone.txt', NULL),
  (3, 2, '..\\..\\secret.txt', x'00ff10'), (4, 2, NULL, x'00ff10');
"""
PROFILE = r"""
profile: tiny
title: A tiny firm
detect: [client, matter, doc]
documents:
  - {name: letters, table: doc, path: path, strip_prefix: 'P:\DOCS\'}
  - {name: scans, table: doc, lob: scan}
exclude: {session_log: state of the web server}
carry: {doc.matter_id: not needed here}
control_totals:
  - name: fees
    unit: money
    currency: GBP
    source: SELECT sum(fee) FROM source.matter
    package: SELECT sum(fixed_fee) FROM matter
"""
MAPS = {
    "firm": "SELECT '1' AS id, '$profile/firm' AS source_key, 'Tiny LLP' AS name, "
    "'GBP' AS base_currency, 'Europe/London' AS time_zone",
    "contact": "SELECT id::VARCHAR AS id, 'client/' || id AS source_key, "
    "'person' AS contact_type, name AS display_name, born AS date_of_birth, {'note': note} AS extras "
    "FROM source.client",
    "client": "SELECT id::VARCHAR AS id, 'client/' || id AS source_key, "
    "id::VARCHAR AS contact_id, id::VARCHAR AS client_number, "
    "'individual' AS client_type, 'active' AS status, false AS is_placeholder FROM source.client",
    "matter": "SELECT id::VARCHAR AS id, 'matter/' || id AS source_key, "
    "id::VARCHAR AS matter_number, client_id::VARCHAR AS client_id, "
    "title, status, fee AS fixed_fee, 'GBP' AS currency, false AS is_confidential, "
    "read_date(opened, ['%Y-%m-%d']) AS opened_on, "
    "{'opened_on': CASE WHEN read_date(opened, ['%Y-%m-%d']) IS NULL THEN opened END} AS unreadable FROM source.matter",
    "matter_party": "SELECT id::VARCHAR AS id, 'matter/' || id AS source_key, "
    "id::VARCHAR AS matter_id, client_id::VARCHAR AS contact_id, 'client' AS party_role FROM source.matter",
    "document": "SELECT id::VARCHAR AS id, 'doc/' || id AS source_key, "
    "coalesce(path, 'scan') AS title, coalesce(path, 'scan') AS file_name, "
    "false AS is_locked, false AS is_in_bin FROM source.doc",
    "document_version": "SELECT t.id::VARCHAR AS id, 'doc/' || t.id AS source_key, "
    "t.id::VARCHAR AS document_id, 1 AS version_number, coalesce(d.sha256, t.scan__file.sha256) AS file_sha256, "
    "CASE WHEN t.scan__file IS NOT NULL THEN 'present' ELSE d.availability END AS availability, t.path AS source_path "
    "FROM source.doc AS t LEFT JOIN documents AS d ON d.source = 'letters' AND d.locator = t.path",
}


@pytest.fixture
def firm(tmp_path: Path) -> Path:
    """A folder with ``firm.db``, ``files`` and ``profile``."""
    connection = sqlite3.connect(tmp_path / "firm.db")
    connection.executescript(SCHEMA)
    connection.close()
    (tmp_path / "files").mkdir()
    (tmp_path / "files/A.TXT").write_bytes(b"a letter\n")
    (tmp_path / "profile/map").mkdir(parents=True)
    (tmp_path / "profile/profile.yaml").write_text(PROFILE, encoding="utf-8")
    for name, sql in MAPS.items():
        (tmp_path / f"profile/map/{name}.sql").write_text(sql, encoding="utf-8")
    return tmp_path


@pytest.fixture
def export(firm: Path) -> Callable[..., ExportResult]:
    """Export the firm to ``firm/<name>``; keyword arguments override the request."""

    def run(name: str = "archive", **changes: Any) -> ExportResult:  # noqa: ANN401 -- any field of the request
        request = ExportRequest(
            connector=open_connector(f"sqlite:///{firm / 'firm.db'}"),
            destination=firm / name,
            profile=load_profile(str(firm / "profile")),
            documents=str(firm / "files"),
        )
        return export_archive(replace(request, **changes))

    return run
