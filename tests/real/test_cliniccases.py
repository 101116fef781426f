"""ClinicCases exported whole: no declared keys, dates in text, zero dates, documents on disk, as link, in a column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from portability.checks import require
from portability.errors import MappingError
from tests.conftest import MakeDatabase
from tests.real.cliniccases import GONE_CASE, GONE_USER, Filled, fill
from tests.real.exporting import Exported, export_filled
from tests.servers import MariaDBServer


@dataclass(frozen=True, kw_only=True)
class Clinic(Exported):
    """The export, what was filled in, and where it came from."""

    filled: Filled
    server: MariaDBServer
    url: str


@pytest.fixture(scope="module")
def clinic(
    mariadb_server: MariaDBServer, real_systems: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Clinic]:
    """A filled ClinicCases and its archive."""
    folder = tmp_path_factory.mktemp("cliniccases")
    url = mariadb_server.create_database()
    mariadb_server.load(real_systems / "cliniccases" / "default.sql", url)
    filled = fill(url, folder / "documents")
    exported = export_filled(url, folder / "documents", folder / "archive")
    yield Clinic(result=exported.result, filled=filled, server=mariadb_server, url=url)
    mariadb_server.drop_database(url)


def test_cliniccases_export_detects_its_profile(clinic: Clinic) -> None:
    """Nobody has to say which system it is."""
    assert clinic.result.profile == "cliniccases"


def test_cliniccases_export_keeps_every_row_of_every_table(clinic: Clinic) -> None:
    """The source layer has each table with as many rows as the server counts."""
    assert clinic.source_rows() == clinic.filled.rows


def test_cliniccases_export_classifies_every_column(clinic: Clinic) -> None:
    """All 233 columns are mapped, carried or excluded."""
    coverage = clinic.result.coverage
    assert (coverage.columns, coverage.unclassified) == (233, 0)


def test_cliniccases_archive_passes_deep_verification(clinic: Clinic) -> None:
    """The verifier finds no error in any layer."""
    require(clinic.verified())


def test_cliniccases_credentials_are_left_out_and_a_flag_about_them_is_not(clinic: Clinic) -> None:
    """Password, private key and session are no column of any file; force_new_password is."""
    columns = clinic.source_columns()
    assert not columns & {"cm_users.password", "cm_users.private_key", "cm_logs.session_id"}
    assert "cm_users.force_new_password" in columns


def test_cliniccases_zero_dates_are_all_in_the_exceptions_ledger(clinic: Clinic) -> None:
    """Each zero or half-zero date is empty in its table and stands in the ledger, none elsewhere."""
    assert clinic.result.exceptions == clinic.filled.zero_dates
    assert clinic.one("SELECT count(*) FROM exceptions") == clinic.filled.zero_dates


def test_cliniccases_dates_in_words_are_kept_as_text(clinic: Clinic) -> None:
    """What no calendar knows is not guessed: the field is empty and extras has the words."""
    assert clinic.unreadable("matter", "opened_on") == {"Mardi Gras 2012", "Fall 2010"}
    assert clinic.unreadable("matter", "closed_on") == {"0000-00-00"}
    assert clinic.unreadable("contact", "date_of_birth") == {"about 1960", "1990-13-45"}


def test_cliniccases_dates_of_both_notations_are_the_same_days(clinic: Clinic) -> None:
    """Case 8 was opened on 11/18/2011, its neighbours in ISO notation: eleven days lie between each."""
    days = clinic.ask("SELECT opened_on FROM matter WHERE id IN ('7', '8') ORDER BY id")
    assert (days[1][0] - days[0][0]).days == 11


def test_cliniccases_documents_have_the_planted_availability(clinic: Clinic) -> None:
    """Files on disk and texts in the column are present, links are links, lost files are listed as missing."""
    counts = dict(clinic.ask("SELECT availability, count(*) FROM document_version GROUP BY availability"))
    filled = clinic.filled
    assert counts == {
        "present": filled.files + filled.html_documents,
        "missing_in_source": filled.missing_documents,
        "external_link": filled.urls,
    }
    assert clinic.result.documents["missing_in_source"] == filled.missing_documents
    assert "unreadable" not in clinic.result.documents


def test_cliniccases_html_in_a_column_becomes_a_file_with_the_same_text(clinic: Clinic) -> None:
    """The file of a text document holds the column's text as UTF-8."""
    key, sha256 = clinic.ask(
        "SELECT source_key, file_sha256 FROM document_version WHERE media_type = 'text/html' ORDER BY id LIMIT 1"
    )[0]
    ((text,),) = clinic.server.execute(f"SELECT text FROM cm_documents WHERE id = {key.split('/')[1]}", clinic.url)
    stored = clinic.result.archive.data / "documents" / sha256[:2] / sha256
    assert stored.read_bytes().decode("utf-8") == text


def test_cliniccases_url_documents_keep_their_link(clinic: Clinic) -> None:
    """A link is the document's external_url."""
    links = clinic.ask("SELECT external_url FROM document WHERE external_url IS NOT NULL")
    assert len(links) == clinic.filled.urls
    assert all(re.fullmatch(r"https://docket\.example/\?case=\d+&view=all", link) for (link,) in links)


def test_cliniccases_work_of_a_deleted_user_keeps_its_author(clinic: Clinic) -> None:
    """A user name without a user becomes a leaver, and the time still is theirs."""
    found = clinic.ask(
        'SELECT u.status, t.duration_minutes FROM time_entry t JOIN "user" u ON u.id = t.fee_earner_id '
        f"WHERE u.login_name = '{GONE_USER}'"
    )
    assert found == [("leaver", Decimal("30.0000"))]


def test_cliniccases_user_names_compare_as_on_the_server(clinic: Clinic) -> None:
    """'Student01 ' is student01 there: case and trailing spaces do not count."""
    ((login,),) = clinic.ask(
        'SELECT u.login_name FROM time_entry t JOIN "user" u ON u.id = t.fee_earner_id WHERE t.duration_minutes = 10'
    )
    assert login == "student01"


def test_cliniccases_seconds_recorded_are_all_there(clinic: Clinic) -> None:
    """Entries and quarantine together hold every second, exactly."""
    seconds = "SELECT sum(CAST(extras::json ->> '$.time' AS DECIMAL(18, 1))) FROM"
    kept, held_back = clinic.one(f"{seconds} time_entry"), clinic.one(f"{seconds} quarantine.time_entry")
    assert (kept + held_back, held_back) == (clinic.filled.seconds, 60)


def test_cliniccases_rows_of_a_vanished_case_are_in_quarantine(clinic: Clinic) -> None:
    """Time on a case that is gone is kept whole, with the reason."""
    reasons = clinic.ask("SELECT matter_id, reason FROM quarantine.time_entry")
    assert reasons == [(GONE_CASE, "reference:matter_id")]


def test_cliniccases_non_case_work_has_a_matter_of_its_own(clinic: Clinic) -> None:
    """Hours on no case hang on the matter NC, whose client is a placeholder."""
    found = clinic.ask(
        "SELECT c.is_placeholder, sum(t.duration_minutes) FROM matter m JOIN client c ON c.id = m.client_id "
        "JOIN time_entry t ON t.matter_id = m.id WHERE m.id = 'NC' GROUP BY ALL"
    )
    assert found == [(True, Decimal("60.0000"))]


def test_cliniccases_blanked_case_is_marked_deleted(clinic: Clinic) -> None:
    """Only the case whose names were overwritten counts as deleted."""
    assert clinic.ask("SELECT matter_number FROM matter WHERE is_deleted") == [("2011-00000",)]


def test_cliniccases_phones_of_every_notation_are_contact_points(clinic: Clinic) -> None:
    """PHP-serialised, JSON and plain telephone numbers all arrive; empty ones do not."""
    points = {
        value for (value,) in clinic.ask("SELECT value FROM contact_point WHERE kind IN ('phone', 'mobile', 'fax')")
    }
    assert "504 555 0100 ask for Al" in points
    assert all(re.fullmatch(r"504-555-\d{4}|504 555 0100 ask for Al", value) for value in points)


def test_cliniccases_control_totals_match(clinic: Clinic) -> None:
    """Cases, minutes and documents are the same in the source layer and in the canonical layer."""
    assert set(clinic.ask("SELECT status FROM control_total")) == {("match",)}
    assert clinic.one("SELECT count(*) FROM control_total") == 3


def test_cliniccases_added_column_stops_the_export_by_name(
    mariadb_server: MariaDBServer, mariadb_url: MakeDatabase, real_systems: Path, tmp_path: Path
) -> None:
    """A column that a clinic added on its settings page is refused, not dropped."""
    url = mariadb_url()
    mariadb_server.load(real_systems / "cliniccases" / "default.sql", url)
    mariadb_server.execute("ALTER TABLE cm ADD COLUMN parish VARCHAR(50) NOT NULL DEFAULT ''", url)
    with pytest.raises(MappingError, match=r"cm\.parish"):
        export_filled(url, tmp_path, tmp_path / "archive")
