"""The practice's profile: every column classified, every planted fault found, one canonical layer from every DBMS."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from portability.checks.codes import load_codes
from portability.connectors import open_connector
from portability.exports import ExportRequest, ExportResult, export_archive
from portability.exports.choices import apply_profile
from portability.manifest import SourceSchema, Table
from portability.mapping import trace_coverage
from portability.practice import generate
from portability.profiles import detect_profile, list_profiles, load_profile
from tests.conftest import MakeDatabase
from tests.practice.conftest import Built


def _export(url: str, documents_dir: Path, destination: Path) -> ExportResult:
    request = ExportRequest(
        connector=open_connector(url),
        destination=destination,
        profile=load_profile("practice"),
        documents=str(documents_dir),
    )
    return export_archive(request)


@pytest.fixture(scope="module")
def exported(built: Built, tmp_path_factory: pytest.TempPathFactory) -> ExportResult:
    """The built practice's archive, from SQLite."""
    return _export(f"sqlite:///{built.database}", built.documents_dir, tmp_path_factory.mktemp("out") / "archive")


def _found(result: ExportResult, code: str) -> dict[str, int]:
    return {finding.place: finding.count for finding in result.findings if finding.code == code}


def test_profile_is_detected(built: Built) -> None:
    """The practice's tables alone tell which profile it needs."""
    with open_connector(f"sqlite:///{built.database}").snapshot() as snapshot:
        assert detect_profile(snapshot.discover()) == "practice"


@pytest.mark.parametrize("name", list_profiles())
def test_packaged_profile_is_detected_by_just_the_tables_that_it_names(name: str) -> None:
    """Detection reads a profile's file no further than it must, and reads there what loading it whole does."""
    tables = tuple(Table(schema="main", name=each.upper(), columns=()) for each in load_profile(name).detect)
    source = SourceSchema(dbms="sqlite", dbms_version="3", default_schema="main", tables=tables)
    assert detect_profile(source) == name
    assert detect_profile(source.with_tables(tables[1:])) is None


def test_profile_classifies_every_column(built: Built) -> None:
    """No column of the practice is left without a home or a reason."""
    with open_connector(f"sqlite:///{built.database}").snapshot() as snapshot:
        source = snapshot.discover()
    profile = load_profile("practice")
    coverage = trace_coverage(apply_profile(source, profile), profile)
    assert coverage.unclassified_columns() == []
    assert coverage.mapped / coverage.columns > 0.9


def test_profile_leaves_every_credential_out(built: Built) -> None:
    """The planted secrets are excluded, whole tables of them included."""
    profile = load_profile("practice")
    with open_connector(f"sqlite:///{built.database}").snapshot() as snapshot:
        source = apply_profile(snapshot.discover(), profile)
    kept = {f"{t.name}.{c.name}" for t in source.tables if not t.excluded for c in t.columns if c.carried != "excluded"}
    assert kept.isdisjoint(built.planted.credentials)
    assert "USR_MAST.PWD_CHANGED" in kept


def test_export_feeds_most_entities(exported: ExportResult) -> None:
    """Nearly the whole model is fed, and every entity that is has rows."""
    assert len(exported.entities) > 45
    assert min(exported.entities.values()) > 0


def test_export_reports_exactly_the_planted_faults(exported: ExportResult, built: Built) -> None:
    """Each legal rule reports as many rows as were planted for it, and no other rule reports any."""
    rules = {code.code: code.rule for code in load_codes().values() if code.rule}
    found = {rules[f.code]: f.count for f in exported.findings if f.code in rules and f.code != "L490"}
    assert found == built.planted.rules


def test_export_lists_unreadable_and_unresolved_values(exported: ExportResult, built: Built) -> None:
    """Impossible dates and references to nowhere are counted by field."""
    assert _found(exported, "M101") == built.planted.unreadable
    assert _found(exported, "M102") == built.planted.unresolved


def test_export_quarantines_exactly_the_planted_orphans(exported: ExportResult, built: Built) -> None:
    """Only the planted rows fail the model."""
    assert exported.quarantined == built.planted.quarantined


def test_export_finds_every_document_but_the_missing_ones(exported: ExportResult, built: Built) -> None:
    """Files, e-mails, scans and links are there, or listed as missing, as planted."""
    availability = pq.read_table(exported.archive.data / "tables/document_version.parquet")["availability"].to_pylist()
    assert availability.count("missing_in_source") == built.planted.documents["missing_in_source"]
    assert availability.count("external_link") == built.planted.documents["external_link"]


def test_export_control_totals_are_the_generators_own(exported: ExportResult, built: Built) -> None:
    """The money in the archive is what the generator counted in pence."""
    rows = pq.read_table(exported.archive.data / "tables/control_total.parquet").to_pylist()
    totals = {row["name"]: row["package_value"] for row in rows if row["status"] == "match"}
    planted = built.planted
    assert totals["client ledgers"] * 100 == totals["client bank accounts"] * 100 == planted.client_ledger_pence
    assert totals["office ledgers"] * 100 == planted.office_ledger_pence
    assert totals["unpaid bills"] * 100 == planted.unpaid_bills_pence
    assert totals["value of time on matters that exist"] * 100 == planted.time_value_pence


def _canonical(result: ExportResult) -> dict[str, bytes]:
    folders = ("tables", "quarantine")
    data = result.archive.data
    return {f"{f}/{path.name}": path.read_bytes() for f in folders for path in sorted((data / f).glob("*.parquet"))}


@pytest.mark.slow
def test_export_from_postgresql_has_the_same_canonical_bytes(
    exported: ExportResult, built: Built, postgresql_url: MakeDatabase, tmp_path: Path
) -> None:
    """PostgreSQL's padded codes and zoned times end as the same canonical layer, byte for byte."""
    url = postgresql_url()
    generate(url, tmp_path / "documents")
    result = _export(url, built.documents_dir, tmp_path / "archive")
    assert _canonical(result) == _canonical(exported)


@pytest.mark.slow
def test_export_from_mariadb_has_the_same_canonical_bytes(
    exported: ExportResult, built: Built, mariadb_url: MakeDatabase, tmp_path: Path
) -> None:
    """MariaDB's zero dates and small integers end as the same canonical layer, byte for byte."""
    url = mariadb_url()
    planted = generate(url, tmp_path / "documents")
    result = _export(url, built.documents_dir, tmp_path / "archive")
    assert result.exceptions == planted.zero_dates
    assert _canonical(result) == _canonical(exported)
