"""The practice and the real systems' databases, restored; nothing here was made for a restore."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.practice import generate
from portability.restoring import RestoreRequest, restore_archive
from tests.conftest import MakeDatabase
from tests.real import cccd, cliniccases, openlawoffice
from tests.restoring.conftest import ARCHIVES, TARGETS, Fresh, source_files
from tests.servers import MariaDBServer, PostgreSQLServer

SCRIPTS: dict[str, tuple[str, list[str], Callable[[str, Path], object]]] = {
    "openlawoffice": ("postgresql", ["install_pg15.sql"], openlawoffice.fill),
    "cliniccases": ("mariadb", ["default.sql"], cliniccases.fill),
    "cccd": ("postgresql", ["schema_pg.sql", "static_copy.sql"], cccd.fill),
}


def export(url: str, documents: Path, destination: Path) -> Path:
    """Export with documents."""
    export_archive(ExportRequest(connector=open_connector(url), destination=destination, documents=str(documents)))
    return destination


def assert_same(first: Path, second: Path) -> None:
    """Two archives have the same source layer, byte for byte."""
    mine, theirs = source_files(first), source_files(second)
    assert [name for name in mine if mine[name] != theirs.get(name)] == []
    assert mine.keys() == theirs.keys()


@pytest.mark.slow
@pytest.mark.parametrize("source", ARCHIVES)
def test_practice_restores_everywhere_and_the_same_kind_gives_the_same_bytes(
    source: str, fresh: Fresh, tmp_path: Path
) -> None:
    """The practice from one kind of database into all of them: totals equal, or each difference is in the report."""
    url = fresh(source)
    generate(url, tmp_path / "documents", entries=600)
    archive = export(url, tmp_path / "documents", tmp_path / "archive")
    for target in TARGETS:
        place = fresh(target)
        report = restore_archive(RestoreRequest(archive=archive, url=place, unverified=True))
        assert report.totals.differences == ()
        assert report.totals.not_comparable == ()
        assert report.totals.explained == ()
        if target == source:
            assert_same(archive, export(place, tmp_path / "documents", tmp_path / "again"))


@pytest.mark.slow
@pytest.mark.parametrize("system", SCRIPTS)
def test_real_system_restored_on_its_own_kind_exports_the_same_bytes(  # noqa: PLR0917
    system: str,
    postgresql_server: PostgreSQLServer,
    mariadb_server: MariaDBServer,
    postgresql_url: MakeDatabase,
    mariadb_url: MakeDatabase,
    real_systems: Path,
    tmp_path: Path,
) -> None:
    """A schema that others wrote, with rows that were invented for other tests."""
    kind, scripts, fill = SCRIPTS[system]
    make: Callable[[], str] = postgresql_url if kind == "postgresql" else mariadb_url
    server = postgresql_server if kind == "postgresql" else mariadb_server
    first, second = make(), make()
    for script in scripts:
        server.load(real_systems / system / script, first)
    fill(first, tmp_path / "documents")
    archive = export(first, tmp_path / "documents", tmp_path / "archive")
    report = restore_archive(RestoreRequest(archive=archive, url=second, unverified=True))
    assert report.totals.differences == ()
    assert report.changed == ()
    assert_same(archive, export(second, tmp_path / "documents", tmp_path / "again"))
