"""OpenLawOffice end to end: its own schema, invented rows, one export; what must be in the archive and what not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from portability.checks import verify
from portability.connectors import open_connector
from portability.exports import ExportRequest, ExportResult, export_archive
from tests.conftest import lacking
from tests.real.openlawoffice import EMPTY_TABLES, NOBODY, Filled, fill
from tests.servers import PostgreSQLServer

COLUMNS = 627
EXCLUDED_TABLES = {"Sessions", "external_session"}


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One database, what was put in, and the archive that came out."""

    server: PostgreSQLServer
    url: str
    filled: Filled
    result: ExportResult
    data: Path

    def source(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the database."""
        return self.server.execute(sql, self.url)

    def package(self, sql: str) -> list[tuple[Any, ...]]:
        """Ask the canonical layer."""
        with duckdb.connect() as connection:
            for file in sorted((self.data / "tables").glob("*.parquet")):
                connection.execute(f"CREATE VIEW \"{file.stem}\" AS SELECT * FROM read_parquet('{file}')")
            return connection.execute(sql).fetchall()

    def findings(self) -> dict[str, int]:
        """Findings by code and place."""
        found = json.loads((self.data / "reports/findings.json").read_bytes())["findings"]
        return {f"{each['code']} {each['place']}": each["count"] for each in found}


@pytest.fixture(scope="module")
def exported(
    postgresql_server: PostgreSQLServer, real_systems: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Exported]:
    """OpenLawOffice filled and exported once for all tests here."""
    script = real_systems / "openlawoffice/install_pg15.sql"
    if not script.is_file():
        lacking(f"real systems: {script} is not there")
    folder = tmp_path_factory.mktemp("openlawoffice")
    url = postgresql_server.create_database()
    postgresql_server.load(script, url)
    filled = fill(url, folder / "documents")
    request = ExportRequest(
        connector=open_connector(url), destination=folder / "archive", documents=str(folder / "documents")
    )
    result = export_archive(request)
    yield Exported(server=postgresql_server, url=url, filled=filled, result=result, data=folder / "archive/data")
    postgresql_server.drop_database(url)


def test_fill_whole_schema_leaves_no_table_empty_without_reason(exported: Exported) -> None:
    """Every table of the schema has the rows that the filler says, and only the abstract parent has none."""
    tables = exported.source(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    counted = {name: exported.source(f'SELECT count(*) FROM ONLY "{name}"')[0][0] for (name,) in tables}
    assert counted == exported.filled.rows
    assert {name for name, count in counted.items() if not count} == set(EMPTY_TABLES)


def test_export_openlawoffice_is_recognised_and_verifies_deep(exported: Exported) -> None:
    """The profile is found by the tables alone, and the archive passes every check."""
    assert exported.result.profile == "openlawoffice"
    report = verify(exported.data.parent, level="deep")
    assert report.ok, report.of_severity("error")


def test_source_layer_openlawoffice_holds_every_row_of_every_table(exported: Exported) -> None:
    """Each table but the two of sessions is there with all its own rows, children not counted with the parent."""
    described = json.loads((exported.data / "schema/source.json").read_bytes())["tables"]
    files = {table["name"]: table["file"] for table in described if not table.get("excluded")}
    assert {table["name"] for table in described} == set(exported.filled.rows)
    assert set(exported.filled.rows) - set(files) == EXCLUDED_TABLES
    rows = {name: pq.read_metadata(exported.data / file).num_rows for name, file in files.items()}
    assert rows == {name: count for name, count in exported.filled.rows.items() if name in files}


def test_coverage_openlawoffice_leaves_no_column_unclassified(exported: Exported) -> None:
    """All 627 columns are mapped, carried or excluded, none of the last two without a reason or a place in extras."""
    coverage = exported.result.coverage
    assert coverage.columns == COLUMNS
    assert coverage.unclassified == 0
    columns = [column for table in coverage.tables for column in table.columns]
    assert not [column.name for column in columns if not column.targets and not column.reason]


def test_export_planted_secrets_are_nowhere_in_the_archive(exported: Exported) -> None:
    """No password, answer, token, key, session or posted form is in any file, compressed ones included."""
    texts = [str(_content(file)) for file in sorted(exported.data.parent.rglob("*")) if file.is_file()]
    assert exported.filled.secrets
    assert not [secret for secret in exported.filled.secrets if any(secret in text for text in texts)]


def test_bills_invoices_keep_their_totals_to_the_penny(exported: Exported) -> None:
    """Net, tax and total of all bills are those of all invoices, and each bill adds up exactly."""
    sums = exported.package("SELECT sum(net_total) * 100, sum(vat_total) * 100, sum(gross_total) * 100 FROM bill")
    filled = exported.filled
    assert sums == [(filled.invoice_subtotal_pence, filled.invoice_tax_pence, filled.invoice_total_pence)]
    wrong = """SELECT id FROM bill WHERE net_total <> costs_net + disbursements_net - discount_net
        OR gross_total <> net_total + vat_total + rounding_adjustment"""
    assert exported.package(wrong) == []


def test_bill_lines_time_is_worth_what_the_source_computes(exported: Exported) -> None:
    """Hours times price, from an interval and money, agree line by line with the database's own arithmetic."""
    expected = exported.source(
        "SELECT 'time-' || id, round(extract(epoch FROM duration) * price_per_hour::numeric / 3600, 2)"
        " FROM invoice_time"
    )
    lines = exported.package("SELECT id, net_amount FROM bill_line WHERE starts_with(source_key, 'invoice_time/')")
    assert dict(lines) == dict(expected)


def test_bill_lines_of_each_bill_add_up_to_it(exported: Exported) -> None:
    """Lines make up the net total to the rounding of time, the retainer included, and the tax exactly."""
    wrong = """SELECT b.id FROM bill AS b JOIN bill_line AS l ON l.bill_id = b.id
        GROUP BY b.id, b.net_total, b.vat_total
        HAVING abs(b.net_total - sum(l.net_amount)) > 0.005 * count(*) OR b.vat_total <> sum(l.vat_amount)"""
    assert exported.package(wrong) == []
    retainer = "SELECT description, net_amount FROM bill_line WHERE starts_with(id, 'group-')"
    assert exported.package(retainer) == [("Fixed amount: Monthly retainer", 750)]


def test_work_in_progress_keeps_the_sums_of_fees_and_expenses(exported: Exported) -> None:
    """Fees and expenses, refunds included, are all there but the one expense on no matter, which is in quarantine."""
    (fees,) = exported.package("SELECT sum(value) * 100 FROM time_entry WHERE starts_with(id, 'fee-')")[0]
    assert fees == exported.filled.fee_pence
    (kept,) = exported.package("SELECT sum(net_amount) * 100 FROM disbursement")[0]
    stray = sum(
        row["net_amount"] * 100 for row in pq.read_table(exported.data / "quarantine/disbursement.parquet").to_pylist()
    )
    assert kept + stray == exported.filled.expense_pence
    assert exported.package("SELECT count(*) FROM disbursement WHERE net_amount < 0")[0][0]


def test_quarantine_rows_without_a_parent_are_kept_with_the_reason(exported: Exported) -> None:
    """What hangs on nothing is set aside whole: one time entry, one expense, one version."""
    filled = exported.filled
    assert exported.result.quarantined == {
        "time_entry": filled.time_without_matter,
        "disbursement": filled.expenses_without_matter,
        "document_version": filled.versions_without_document,
    }
    found = exported.findings()
    assert found["M102 note.created_by_id"] == filled.unknown_creators
    lost = exported.package("SELECT extras FROM note WHERE created_by_id IS NULL")
    assert [json.loads(extras)["$unresolved"]["created_by_id"] for (extras,) in lost] == [str(NOBODY)] * len(lost)


def test_documents_files_are_found_where_the_application_keeps_them(exported: Exported) -> None:
    """Present, missing and damaged files are told apart, whether current, previous or a form."""
    filled = exported.filled
    assert exported.result.documents == {"present": filled.files_present, "missing_in_source": filled.files_missing}
    wrong = """SELECT count(*) FROM document_version AS v JOIN file_object AS f ON f.sha256 = v.file_sha256
        WHERE v.source_checksum <> 'md5:' || f.md5"""
    assert exported.package(wrong) == [(filled.files_wrong_md5,)]
    current = """SELECT DISTINCT split_part(v.source_path, '/', 1) FROM document AS d
        JOIN document_version AS v ON v.id = d.current_version_id"""
    assert exported.package(current) == [("Current",)]


def test_clients_matters_without_one_get_a_placeholder(exported: Exported) -> None:
    """Each matter has a client; where the source names none, one is made up, says so, and is a party too."""
    made_up = "SELECT count(*) FROM matter AS m JOIN client AS c ON c.id = m.client_id WHERE c.is_placeholder"
    assert exported.package(made_up) == [(exported.filled.matters_without_client,)]
    named = exported.source(
        "SELECT count(DISTINCT contact_id) FROM matter_contact WHERE lower(trim(role)) LIKE '%client'"
    )
    assert exported.package("SELECT count(*) FROM client WHERE NOT is_placeholder") == named


def test_contacts_numbered_columns_become_rows(exported: Exported) -> None:
    """Ten telephones, three addresses, e-mail, fax and web pages are rows, in number and in content."""
    phones = " UNION ALL ".join(f"SELECT id, telephone{n}_telephone_number FROM contact" for n in range(1, 11))
    expected = exported.source(
        f"SELECT id::text, telephone1_telephone_number FROM ({phones}) AS p WHERE telephone1_telephone_number <> ''"
    )
    found = exported.package("SELECT contact_id, value FROM contact_point WHERE kind IN ('phone', 'mobile')")
    assert sorted(found) == sorted(expected)
    (most,) = exported.package("SELECT max(n) FROM (SELECT count(*) AS n FROM contact_address GROUP BY contact_id)")[0]
    assert most == 3


def test_dates_local_midnights_stored_as_utc_keep_their_day(exported: Exported) -> None:
    """Birthdays, due dates and whole days in summer are not a day early."""
    local = "(birthday AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/London')::date"
    expected = exported.source(f"SELECT id::text, {local} FROM contact WHERE birthday IS NOT NULL")
    found = exported.package("SELECT id, date_of_birth FROM contact WHERE date_of_birth IS NOT NULL")
    assert dict(found) == dict(expected)
    days = exported.source(
        "SELECT id::text, (start AT TIME ZONE 'UTC' AT TIME ZONE 'Europe/London')::date FROM event WHERE allday"
    )
    assert dict(exported.package("SELECT id, start_date FROM calendar_event WHERE all_day")) == dict(days)


def test_soft_deletes_disabled_rows_are_marked(exported: Exported) -> None:
    """Rows that the application hides are exported and marked with the time."""
    for entity, table in (("matter", "matter"), ("bill", "invoice"), ("calendar_event", "event"), ("tag", "task_tag")):
        rows = f"SELECT count(*) FROM {entity} WHERE starts_with(source_key, '{table}/')"
        marked = f"{rows} AND is_deleted AND deleted_at IS NOT NULL"
        assert exported.package(marked) == [(exported.filled.disabled[table],)]


def test_text_unicode_and_line_ends_are_kept(exported: Exported) -> None:
    """Text of many scripts, line ends and HTML arrive as they were."""
    for sql, source in (
        ("SELECT id, description FROM matter", "SELECT id::text, nullif(synopsis, '') FROM matter"),
        ("SELECT id, display_name FROM contact WHERE id <> 'no-client'", "SELECT id::text, display_name FROM contact"),
        ("SELECT id, body FROM note", "SELECT id::text, coalesce(nullif(body, ''), title) FROM note"),
    ):
        assert dict(exported.package(sql)) == dict(exported.source(source))


def _content(file: Path) -> object:
    return pq.read_table(file).to_pylist() if file.suffix == ".parquet" else file.read_bytes()
