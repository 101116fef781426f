"""Two archives of one tiny firm: before and after a week's work."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from portability.archive import Archive
from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.profiles import load_profile
from tests.exports.conftest import MAPS, PROFILE, SCHEMA

WORK = """
UPDATE client SET name = 'Ann Newname', note = 'married' WHERE id = 1;
UPDATE matter SET fee = 1250.11 WHERE id = 1;
INSERT INTO client VALUES (3, 'New Client', NULL, NULL, '');
DELETE FROM doc WHERE id = 4;
"""


@dataclass(frozen=True, kw_only=True)
class Week:
    """Two archives and the folder they are in."""

    folder: Path
    before: Archive
    after: Archive


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory) -> Week:
    """The firm exported, changed as a person would, and exported again."""
    folder = tmp_path_factory.mktemp("comparing")
    (folder / "files").mkdir()
    (folder / "files/A.TXT").write_bytes(b"a letter\n")
    (folder / "profile/map").mkdir(parents=True)
    (folder / "profile/profile.yaml").write_text(PROFILE, encoding="utf-8")
    for name, sql in MAPS.items():
        (folder / f"profile/map/{name}.sql").write_text(sql, encoding="utf-8")
    archives: list[Archive] = []
    for name, script in (("january", SCHEMA), ("february", WORK)):
        with closing(sqlite3.connect(folder / "firm.db")) as connection:
            connection.executescript(script)
        request = ExportRequest(
            connector=open_connector(f"sqlite:///{folder / 'firm.db'}"),
            destination=folder / name,
            profile=load_profile(str(folder / "profile")),
            documents=str(folder / "files"),
        )
        archives.append(export_archive(request).archive)
    return Week(folder=folder, before=archives[0], after=archives[1])
