"""CCCD exported whole: keys by convention, polymorphic parents, unbounded numerics and a float for money, a bucket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from portability.checks import require
from tests.real.cccd import Filled, fill
from tests.real.exporting import Exported, export_filled
from tests.servers import PostgreSQLServer

ASSESSED = "SELECT sum(value_decimal) FROM custom_field_value WHERE definition_id ="
MONEY = {
    "claims.total": "SELECT sum(net_total) FROM bill",
    "claims.vat_amount": "SELECT sum(vat_total) FROM bill",
    "claims.fees_total": "SELECT sum(costs_net) FROM bill",
    "fees.amount": "SELECT sum(net_amount) FROM bill_line WHERE source_key LIKE 'fees/%'",
    "expenses.amount": "SELECT sum(net_amount) FROM disbursement WHERE source_key LIKE 'expenses/%'",
    "expenses.vat_amount": "SELECT sum(vat_amount) FROM bill_line WHERE source_key LIKE 'expenses/%'",
    "disbursements.net_amount": "SELECT sum(net_amount) FROM bill_line WHERE source_key LIKE 'disbursements/%'",
    "disbursements.vat_amount": "SELECT sum(vat_amount) FROM disbursement WHERE source_key LIKE 'disbursements/%'",
    "disbursements.total": "SELECT sum(gross_amount) FROM disbursement WHERE source_key LIKE 'disbursements/%'",
    "determinations.total": f"{ASSESSED} 'determinations.total'",
    "determinations.vat_amount": f"{ASSESSED} 'determinations.vat_amount'",
}
"""Where each sum that the server made is found again in the canonical layer."""


@dataclass(frozen=True, kw_only=True)
class Claims(Exported):
    """The export, what was filled in, and where it came from."""

    filled: Filled
    server: PostgreSQLServer
    url: str


@pytest.fixture(scope="module")
def claims(
    postgresql_server: PostgreSQLServer, real_systems: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Claims]:
    """A filled CCCD and its archive."""
    folder = tmp_path_factory.mktemp("cccd")
    url = postgresql_server.create_database()
    for script in ("schema_pg.sql", "static_copy.sql"):
        postgresql_server.load(real_systems / "cccd" / script, url)
    filled = fill(url, folder / "documents")
    exported = export_filled(url, folder / "documents", folder / "archive")
    yield Claims(result=exported.result, filled=filled, server=postgresql_server, url=url)
    postgresql_server.drop_database(url)


def test_cccd_export_detects_its_profile(claims: Claims) -> None:
    """Nobody has to say which system it is."""
    assert claims.result.profile == "cccd"


def test_cccd_export_keeps_every_row_of_every_table(claims: Claims) -> None:
    """The source layer has each table with as many rows as the server counts."""
    assert claims.source_rows() == claims.filled.rows


def test_cccd_export_classifies_every_column(claims: Claims) -> None:
    """All 464 columns are mapped, carried or excluded."""
    coverage = claims.result.coverage
    assert (coverage.columns, coverage.unclassified) == (464, 0)


def test_cccd_archive_passes_deep_verification(claims: Claims) -> None:
    """The verifier finds no error in any layer."""
    require(claims.verified())


def test_cccd_credentials_are_left_out_and_what_is_about_them_is_not(claims: Claims) -> None:
    """Hashes, tokens and API keys are no column of any file; the key of a stored object is."""
    columns = claims.source_columns()
    secret = {"encrypted_password", "api_key", "reset_password_token", "unlock_token"}
    assert not columns & {"providers.api_key", *(f"users.{name}" for name in secret)}
    assert {"active_storage_blobs.key", "users.reset_password_sent_at"} <= columns


@pytest.mark.parametrize("column", MONEY)
def test_cccd_money_agrees_to_the_penny(claims: Claims, column: str) -> None:
    """What the server sums up in pence is what the canonical layer sums up, floats included."""
    assert claims.one(MONEY[column]) * 100 == claims.filled.money[column]


def test_cccd_control_totals_match(claims: Claims) -> None:
    """Every total of the profile is the same in the source layer and in the canonical layer."""
    assert set(claims.ask("SELECT status FROM control_total")) == {("match",)}
    assert claims.one("SELECT count(*) FROM control_total") == 8


def test_cccd_total_that_is_not_its_parts_sum_is_found(claims: Claims) -> None:
    """The source's own mistake is exported as it is and reported."""
    wrong = claims.ask("SELECT id FROM bill WHERE net_total <> costs_net + disbursements_net")
    assert wrong == [("13",)]
    assert [f.examples for f in claims.result.findings if f.place == "bill"] == [("13",)]


def test_cccd_documents_have_the_planted_availability(claims: Claims) -> None:
    """Objects that are there are present, lost ones are listed as missing."""
    counts = dict(claims.ask("SELECT availability, count(*) FROM document_version GROUP BY availability"))
    assert counts == {"present": claims.filled.files, "missing_in_source": claims.filled.missing_documents}
    assert claims.result.documents == counts


def test_cccd_file_of_another_size_than_stated_is_found(claims: Claims) -> None:
    """The size on record stays on record, beside the file as it is."""
    wrong = claims.ask(
        "SELECT v.size_bytes - f.size_bytes FROM document_version v JOIN file_object f ON f.sha256 = v.file_sha256 "
        "WHERE v.size_bytes <> f.size_bytes"
    )
    assert wrong == [(7,)] * claims.filled.wrong_size


def test_cccd_checksums_in_base64_agree_with_the_files(claims: Claims) -> None:
    """Every stored object that has an MD5 on record has that MD5."""
    compared = claims.ask(
        "SELECT v.source_checksum = 'md5:' || f.md5 FROM document_version v "
        "JOIN file_object f ON f.sha256 = v.file_sha256 WHERE v.source_checksum IS NOT NULL"
    )
    assert len(compared) > 60
    assert set(compared) == {(True,)}


def test_cccd_infinite_date_is_in_the_exceptions_ledger(claims: Claims) -> None:
    """Infinity is no moment: empty in the table, kept as text."""
    assert claims.ask("SELECT table_name, column_name FROM exceptions") == [("claims", "valid_until")]
    assert claims.result.exceptions == claims.filled.infinite_dates


def test_cccd_distance_too_fine_for_the_field_is_kept_as_text(claims: Claims) -> None:
    """Nothing is rounded: the quantity is empty and extras has all its digits."""
    assert claims.unreadable("bill_line", "quantity") == {"12.3456789"}


def test_cccd_claim_that_names_nobody_has_a_placeholder_client(claims: Claims) -> None:
    """Claims 18 and 36 were saved before a defendant was entered."""
    found = claims.ask(
        "SELECT m.id FROM matter m JOIN client c ON c.id = m.client_id WHERE c.is_placeholder ORDER BY m.id"
    )
    assert found == [("18",), ("36",)]


def test_cccd_every_defendant_is_a_client_of_the_matter(claims: Claims) -> None:
    """Co-defendants stand beside the first one in the list of parties."""
    parties = claims.one("SELECT count(*) FROM matter_party WHERE party_role = 'client'")
    assert parties == claims.filled.rows["defendants"] + 2


def test_cccd_soft_deleted_claim_is_marked_in_matter_and_bill(claims: Claims) -> None:
    """A claim with a deletion time is deleted in both of its roles."""
    assert claims.ask("SELECT id FROM matter WHERE is_deleted") == [("17",)]
    assert claims.ask("SELECT id FROM bill WHERE is_deleted") == [("17",)]


def test_cccd_persona_without_a_user_still_owns_its_claims(claims: Claims) -> None:
    """The lost user of a persona is a leaver; no matter loses its fee earner."""
    assert claims.ask("""SELECT status FROM "user" WHERE source_key LIKE 'external_users/%'""") == [("leaver",)]
    assert claims.one("SELECT count(*) FROM matter WHERE fee_earner_id IS NULL") == 0


def test_cccd_attendances_find_their_claim_through_either_parent(claims: Claims) -> None:
    """Days hang on fees and on expenses; only the one of a lost expense has no matter."""
    kinds = dict(
        claims.ask("SELECT extras::json ->> '$.attended_item_type', count(matter_id) FROM calendar_event GROUP BY 1")
    )
    assert kinds == {"Fee::BaseFee": claims.filled.rows["fees"], "Expense": claims.filled.rows["expenses"]}
    assert claims.one("SELECT count(*) FROM calendar_event WHERE matter_id IS NULL") == 1


def test_cccd_reference_to_a_purged_claim_is_named(claims: Claims) -> None:
    """A message to a claim that is gone is kept without a matter, and says which it was."""
    lost = claims.ask("""SELECT extras::json ->> '$."$unresolved".matter_id' FROM note WHERE matter_id IS NULL""")
    assert lost == [("999999",)]


def test_cccd_json_travels_byte_for_byte(claims: Claims) -> None:
    """The text of a json value is the server's own."""
    ((expected,),) = claims.server.execute("SELECT min(error_messages::text) FROM injection_attempts", claims.url)
    assert claims.one("SELECT min(error_messages::varchar) FROM source.injection_attempts") == expected


def test_cccd_moments_are_utc_and_days_are_london_days(claims: Claims) -> None:
    """A naive moment of the database is that moment in UTC."""
    ((moment,),) = claims.ask("SELECT epoch(created_at)::bigint FROM matter WHERE id = '1'")
    ((expected,),) = claims.server.execute(
        "SELECT extract(epoch FROM created_at AT TIME ZONE 'UTC')::bigint FROM claims WHERE id = 1", claims.url
    )
    assert moment == expected


def test_cccd_reference_rows_that_ship_with_it_are_code_values(claims: Claims) -> None:
    """Every fee type, expense type, disbursement type and offence of the service is a code."""
    lists = dict(claims.ask("SELECT list_name, count(*) FROM code_value GROUP BY 1"))
    rows = claims.filled.rows
    assert lists["fee_type"] == rows["fee_types"]
    assert lists["offence"] == rows["offences"]
    assert lists["disbursement_type"] == rows["disbursement_types"]
    assert lists["expense_type"] == rows["expense_types"]


def test_cccd_sum_of_nothing_lost_in_quarantine(claims: Claims) -> None:
    """No row of this system had to go to quarantine."""
    assert claims.result.quarantined == {}
    assert claims.one("SELECT sum(gross_total) FROM bill") > Decimal(0)
