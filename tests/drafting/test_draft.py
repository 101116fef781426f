"""A draft of a database that nobody described: it says what it guesses, leaves nothing out, and runs as it stands."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb
import pytest

from portability.checks import verify
from portability.drafting import check_profile, draft_profile
from portability.errors import ArchiveExistsError, ConfigError
from portability.exports import ExportRequest, ExportResult, export_archive
from portability.profiles import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from portability.connectors import Connector
    from tests.drafting.conftest import Drafted

# What a person who knows the system would expect, as far as a draft can find it.
EXPECTED = {
    "us_firm": {
        "bill": "Invoices",
        "bill_line": "InvoiceLineItems",
        "calendar_event": "CalendarEvents",
        "client": "Clients",
        "contact": "Clients OpposingParties",
        "contact_address": "Clients",
        "contact_point": "Clients",
        "disbursement": "Expenses",
        "document": "Documents",
        "document_version": "Documents",
        "ledger_transaction": "TrustTransactions",
        "matter": "Cases",
        "matter_party": "OpposingParties",
        "matter_type": "PracticeAreas",
        "note": "CaseNotes",
        "payment": "Payments",
        "task": "Tasks",
        "time_entry": "TimeEntries",
        "user": "Attorneys",
    },
    "kanzlei": {
        "bill": "Rechnungen",
        "bill_line": "Rechnungspositionen",
        "calendar_event": "Termine",
        "client": "Mandanten",
        "code_value": "Aktenstatus",
        "contact": "Adressen",
        "contact_address": "Adressen",
        "contact_point": "Adressen",
        "disbursement": "Auslagen",
        "document": "Dokumente",
        "document_version": "Dokumente",
        "key_date": "Fristen",
        "ledger_account": "Konten",
        "ledger_entry": "Buchungszeilen",
        "ledger_transaction": "Buchungen",
        "matter": "Akten",
        "matter_party": "Beteiligte",
        "matter_type": "Rechtsgebiete",
        "note": "Aktennotizen",
        "payment": "Zahlungseingaenge",
        "time_entry": "Leistungen",
        "user": "Sachbearbeiter",
    },
    "advocaten": {
        "bill": "facturen",
        "bill_line": "factuurregels",
        "client": "relaties",
        "contact": "relaties",
        "document": "bestanden",
        "document_version": "bestanden",
        "matter": "dossiers",
        "matter_party": "dossier_relaties",
        "task": "taken",
        "time_entry": "urenregistratie",
        "user": "medewerkers",
    },
}


@pytest.fixture(scope="session")
def exported(
    drafts: Callable[[str], Drafted], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], ExportResult]:
    """A function from a vendor to the archive that its draft gives, unmended."""
    made: dict[str, ExportResult] = {}

    def export(vendor: str) -> ExportResult:
        if vendor not in made:
            drafted = drafts(vendor)
            request = ExportRequest(
                connector=drafted.connector,
                destination=tmp_path_factory.mktemp("archives") / vendor,
                profile=load_profile(drafted.draft.directory),
                without_documents=True,
            )
            made[vendor] = export_archive(request)
        return made[vendor]

    return export


def rows(result: ExportResult, sql: str) -> list[tuple[object, ...]]:
    """Ask an archive's canonical layer; ``{entity}`` stands for an entity's file."""
    files = {name: f"'{path}'" for name, path in result.archive.entity_files().items()}
    return duckdb.execute(sql.format(**files)).fetchall()


def test_draft_is_classified_completely_and_has_no_errors(drafted: Drafted) -> None:
    """Every column is mapped, carried or excluded, and every map runs over the source's types."""
    coverage = drafted.draft.check.coverage
    assert coverage is not None
    assert (drafted.draft.check.errors, coverage.unclassified_columns()) == ((), [])


def test_draft_finds_the_entities_of_systems_it_was_not_made_for(drafted: Drafted) -> None:
    """Each table that a person would name is found as what it is."""
    found = {entity: " ".join(t.split(".")[1] for t in tables) for entity, tables in drafted.draft.entities.items()}
    expected = EXPECTED[drafted.vendor]
    assert {entity: found.get(entity) for entity in expected} == expected


def test_draft_marks_every_field_that_it_guesses(drafted: Drafted) -> None:
    """No line of a SELECT gives a canonical field from a column without saying why."""
    fields = [
        found.groupdict()
        for entity in drafted.draft.entities
        for found in re.finditer(
            r"^  (?P<sql>\S.*) AS (?P<name>\w+),?(?P<comment> -- .*)?$", drafted.map(entity), re.MULTILINE
        )
    ]
    silent = [each for each in fields if "t." in each["sql"] and not (each["comment"] or "").startswith(" -- GUESS (")]
    assert {each["name"] for each in silent} <= {"id", "source_key", "extras", "unreadable"}
    assert len(fields) > 100


def test_draft_as_it_stands_exports_and_verifies_without_errors(
    drafted: Drafted, exported: Callable[[str], ExportResult]
) -> None:
    """An engineer starts from something that works: no row is lost, and no rule of ours is broken."""
    result = exported(drafted.vendor)
    report = verify(result.archive.root, level="deep")
    assert [finding for finding in report.findings if finding.severity == "error"] == []
    assert result.quarantined == {}


def test_notes_list_questions_codes_and_guesses(drafted: Drafted) -> None:
    """DRAFT.md is the to-do list of whoever finishes the profile."""
    notes = (drafted.folder / "DRAFT.md").read_text(encoding="utf-8")
    for part in ("Questions to ask", "What each table became", "Coded fields", "Guesses, the least sure first"):
        assert f"## {part}\n\n- [ ] " in notes
    assert all(f"`{guess.place}`" in notes for guess in drafted.draft.guesses)
    assert "everything else becomes" in notes


def test_draft_of_the_same_database_has_the_same_bytes(drafts: Callable[[str], Drafted], tmp_path: Path) -> None:
    """Nothing in a draft depends on chance or time."""
    first = drafts("kanzlei")
    again = draft_profile(first.connector, tmp_path / "kanzlei")
    for path in sorted(first.folder.rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "kanzlei" / path.relative_to(first.folder)).read_bytes()
    assert again.check == first.draft.check


def test_matters_without_client_get_a_placeholder_that_says_so(exported: Callable[[str], ExportResult]) -> None:
    """The one intake without a client hangs on a made client, and nobody else does."""
    sql = "SELECT m.id, c.source_key FROM {matter} m JOIN {client} c ON c.id = m.client_id WHERE c.is_placeholder"
    assert rows(exported("us_firm"), sql) == [("12", "$profile/no-client")]


def test_clients_are_found_by_their_role_where_no_table_lists_them(exported: Callable[[str], ExportResult]) -> None:
    """A relatie who is "opdrachtgever" of a dossier is its client."""
    sql = "SELECT m.id, m.client_id FROM {matter} m ORDER BY 1"
    assert rows(exported("advocaten"), sql) == [("1", "1"), ("2", "3"), ("3", "$no-client")]


def test_contacts_inside_client_and_party_tables_are_told_apart_by_table(
    exported: Callable[[str], ExportResult],
) -> None:
    """Two tables feed contacts: each id begins with its table's name."""
    sql = "SELECT id, display_name FROM {contact} WHERE id NOT LIKE '$%' ORDER BY 1"
    assert rows(exported("us_firm"), sql) == [
        ("Clients-1", "Ada Bell"),
        ("Clients-2", "Acme Widgets LLC"),
        ("Clients-3", "José Núñez"),
        ("OpposingParties-1", "Acme Corp"),
        ("OpposingParties-2", "State of Texas"),
    ]


def test_links_and_logins_lead_to_the_right_rows(exported: Callable[[str], ExportResult]) -> None:
    """A task reaches its matter through a link table, and recorded time its user by the login."""
    result = exported("advocaten")
    assert rows(result, "SELECT id, matter_id FROM {task} ORDER BY 1") == [("1", "1"), ("2", None)]
    assert rows(result, "SELECT fee_earner_id, duration_minutes::VARCHAR FROM {time_entry} ORDER BY id") == [
        ("1", "6.0000"),
        ("2", "75.0000"),
    ]


def test_codes_are_read_by_their_wording_in_a_list(exported: Callable[[str], ExportResult]) -> None:
    """A status number means what the list of codes says, and the number stays in extras."""
    sql = "SELECT status, extras->>'StatusID' FROM {matter} ORDER BY id"
    assert rows(exported("kanzlei"), sql) == [("open", "1"), ("closed", "2")]


def test_dates_written_as_text_are_read_or_kept_as_text(exported: Callable[[str], ExportResult]) -> None:
    """German dates become dates; what is none keeps its text."""
    kept = """json_extract_string(extras, '$."$unreadable".date_of_birth')"""
    sql = f"SELECT date_of_birth::VARCHAR, {kept} FROM {{contact}} ORDER BY id"
    assert rows(exported("kanzlei"), sql) == [("1970-05-04", None), (None, None), (None, "ca. 1980")]


def test_money_in_text_and_floats_stays_exact(exported: Callable[[str], ExportResult]) -> None:
    """A float of 0.1 and a text of 195,00 are exactly that."""
    result = exported("advocaten")
    assert rows(result, "SELECT default_rate::VARCHAR FROM {user} ORDER BY id") == [("195.0000",), ("160.0000",)]
    assert rows(result, "SELECT net_total::VARCHAR FROM {bill} WHERE id = '1'") == [("100.1000",)]


def test_tables_of_the_machine_are_excluded_and_logs_carried(drafts: Callable[[str], Drafted]) -> None:
    """Sessions and migrations go nowhere; an audit log stays in the source layer; both with a marked reason."""
    profile = load_profile(drafts("us_firm").draft.directory)
    assert set(profile.exclude) == {"UserSessions", "SchemaMigrations"}
    assert "AuditLog" in profile.carry
    assert all(reason.startswith("GUESS: ") for reason in [*profile.exclude.values(), *profile.carry.values()])


def test_credentials_are_in_no_map_and_no_extras(drafts: Callable[[str], Drafted]) -> None:
    """Neither the English password nor the Dutch one is named by a map."""
    text = drafts("advocaten").map("user") + drafts("us_firm").map("user")
    assert not re.search("wachtwoord|password", text, re.IGNORECASE)


def test_documents_are_found_on_disk_and_in_columns(drafts: Callable[[str], Drafted]) -> None:
    """A path column and a column of bytes are document sources."""
    found = {
        vendor: [(d.table, d.path, d.lob) for d in load_profile(drafts(vendor).draft.directory).documents]
        for vendor in ("us_firm", "kanzlei")
    }
    assert found == {"us_firm": [("Documents", "FilePath", None)], "kanzlei": [("Dokumente", None, "Inhalt")]}


def test_empty_database_gives_a_profile_with_a_firm_to_fill_in(
    database: Callable[[str], Connector], tmp_path: Path
) -> None:
    """There is nothing to guess from, and the draft says what is missing."""
    made = draft_profile(database(""), tmp_path / "empty")
    assert set(made.entities) == {"firm"}
    assert made.check.errors == ()
    assert "Where are the matters" in (tmp_path / "empty/DRAFT.md").read_text(encoding="utf-8")


def test_names_that_attack_sql_yaml_or_comments_do_no_harm(
    database: Callable[[str], Connector], tmp_path: Path
) -> None:
    """Quotes, line breaks and comment signs in names and values stay names and values."""
    script = """
    CREATE TABLE "Clients'; --" (
      id INTEGER PRIMARY KEY, "na""me" TEXT, "status\n-- x" TEXT, "a: b # c" TEXT, "${x}" TEXT
    );
    INSERT INTO "Clients'; --" VALUES (1, 'A', 'it''s\n-- active', '*/', '{0}');
    CREATE TABLE cases (id INTEGER PRIMARY KEY, client_id INTEGER, title TEXT, "case status" TEXT, "order" TEXT);
    INSERT INTO cases VALUES (1, 1, 'T', 'a''b"; DROP', 'x'), (2, 1, 'U', '{matter}', 'y');
    """
    made = draft_profile(database(script), tmp_path / "hostile")
    assert made.check.errors == ()
    assert {"client", "matter"} <= set(made.entities)


def test_existing_directory_is_never_touched(database: Callable[[str], Connector], tmp_path: Path) -> None:
    """Not even an empty one: nothing is overwritten."""
    (tmp_path / "mine").mkdir()
    with pytest.raises(ArchiveExistsError, match="exists"):
        draft_profile(database(""), tmp_path / "mine")
    assert list((tmp_path / "mine").iterdir()) == []


def test_failure_leaves_nothing_behind(database: Callable[[str], Connector], tmp_path: Path) -> None:
    """A draft that cannot be written says so and leaves no folder."""
    connector = database("CREATE TABLE clients (id INTEGER PRIMARY KEY, name TEXT)")
    with pytest.raises(ConfigError, match="cannot write"):
        draft_profile(connector, tmp_path / "missing" / "draft")
    assert [path.name for path in tmp_path.iterdir()] == ["source.db"]


def test_text_too_long_for_a_table_is_named_by_its_file(database: Callable[[str], Connector], tmp_path: Path) -> None:
    """A note of more than a mebibyte says where it is, instead of seeming to be empty."""
    script = """
    CREATE TABLE notes (id INTEGER PRIMARY KEY, note_date DATETIME NOT NULL, note_text TEXT NOT NULL);
    INSERT INTO notes VALUES (1, '2024-01-31 10:00:00', 'short'), (2, '2024-01-31 11:00:00', hex(zeroblob(1000000)));
    """
    connector = database(script)
    made = draft_profile(connector, tmp_path / "draft")
    request = ExportRequest(connector=connector, destination=tmp_path / "archive", profile=load_profile(made.directory))
    result = export_archive(request)
    (short, long) = [str(body) for (body,) in rows(result, "SELECT body FROM {note} ORDER BY id")]
    assert short == "short"
    assert (result.archive.data / long).stat().st_size == 2_000_000


def test_a_required_field_that_nothing_gives_leaves_the_entity_out_with_the_reason(
    database: Callable[[str], Connector], tmp_path: Path
) -> None:
    """Time that names nobody cannot be a time entry: the table is carried, and the notes say why."""
    script = """
    CREATE TABLE matters (id INTEGER PRIMARY KEY, title TEXT);
    CREATE TABLE time_entries (id INTEGER PRIMARY KEY, matter_id INTEGER, work_date DATE, minutes INTEGER);
    INSERT INTO matters VALUES (1, 'Sale');
    INSERT INTO time_entries VALUES (1, 1, '2024-01-31', 6);
    """
    made = draft_profile(database(script), tmp_path / "draft")
    assert [(each.entity, each.reason) for each in made.left_out] == [("time_entry", "nothing gives fee_earner_id")]
    assert "nothing gives fee_earner_id" in load_profile(made.directory).carry["time_entries"]
    assert check_profile(made.directory).errors == ()
