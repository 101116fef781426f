"""A real system's archive in every form: OpenLawOffice on PostgreSQL, whose schema nobody here designed."""

from __future__ import annotations

from pathlib import Path

import icalendar
import pyarrow.parquet as pq
import pytest
import vobject
from frictionless import Package

from portability.connectors import open_connector
from portability.converting import FORMS, Request, convert
from portability.exports import ExportRequest, export_archive
from tests.conftest import lacking
from tests.converting.ledes_reader import read_ledes
from tests.real.openlawoffice import fill
from tests.servers import PostgreSQLServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def archive(postgresql_server: PostgreSQLServer, real_systems: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OpenLawOffice filled and exported once."""
    script = real_systems / "openlawoffice/install_pg15.sql"
    if not script.is_file():
        lacking(f"real systems: {script} is not there")
    folder = tmp_path_factory.mktemp("openlawoffice")
    url = postgresql_server.create_database()
    postgresql_server.load(script, url)
    fill(url, folder / "documents")
    request = ExportRequest(
        connector=open_connector(url), destination=folder / "archive", documents=str(folder / "documents")
    )
    root = export_archive(request).archive.root
    postgresql_server.drop_database(url)
    return root


@pytest.mark.parametrize("form", FORMS)
def test_real_archive_converts_to_every_form(archive: Path, tmp_path: Path, form: str) -> None:
    """Each form is written whole and its own reader reads it."""
    done = convert(Request(archive=archive, form=form, out=tmp_path / form, unverified=form != "vcf"))
    rows = {path.stem: pq.read_metadata(path).num_rows for path in (archive / "data/tables").glob("*.parquet")}
    if FORMS[form].tables:
        assert done.report.counts["rows"] == sum(rows.values())
    if form == "csv":
        report = Package(str(done.out / "datapackage.json")).validate()
        assert report.valid, report.flatten(["type", "fieldName", "note"])
    if form == "ics":
        assert icalendar.Calendar.from_ical((done.out / "diary.ics").read_bytes())
    if form == "vcf":
        cards = list(vobject.readComponents((done.out / "contacts.vcf").read_bytes().decode()))
        assert len(cards) == done.report.counts["contacts"] > 0
    if form == "ledes":
        for name in ("bills-1998B.txt", "bills-98BI.txt"):
            read_ledes((done.out / name).read_bytes())
    if form == "files":
        assert done.report.counts["files"] > 0


@pytest.mark.parametrize("form", ["csv", "xlsx", "sqlite", "duckdb"])
def test_real_source_layer_converts_to_every_table_form(archive: Path, tmp_path: Path, form: str) -> None:
    """The old system's own tables, UUID keys, reserved names and money types included."""
    done = convert(Request(archive=archive, form=form, out=tmp_path / form, unverified=True, layer="source"))
    files = (archive / "data/source").glob("*.parquet")
    assert done.report.counts["rows"] == sum(pq.read_metadata(path).num_rows for path in files)
    if form == "csv":
        report = Package(str(done.out / "datapackage.json")).validate()
        assert report.valid, report.flatten(["type", "fieldName", "note"])
