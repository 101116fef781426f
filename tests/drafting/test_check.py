"""A check tells every problem of a profile at once, each with its place and what mends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from portability.drafting import CheckResult, check_profile, require_fit
from portability.errors import MappingError
from portability.profiles import list_profiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from portability.connectors import Connector

SCRIPT = """
CREATE TABLE client (id INTEGER PRIMARY KEY, name TEXT NOT NULL, fee REAL, since DATETIME, api_key TEXT, note TEXT);
CREATE TABLE doc (id INTEGER PRIMARY KEY, client_id INTEGER, path TEXT, scan BLOB);
CREATE TABLE audit (id INTEGER PRIMARY KEY, body TEXT);
INSERT INTO client VALUES (1, 'Ann', 1.5, '2024-01-31 10:00:00', 'k', 'n');
"""
PROFILE = """
profile: tiny
title: A tiny firm
"""
FIRM = """
SELECT 'firm' AS id, '$profile/firm' AS source_key, 'F' AS name, 'GBP' AS base_currency, 'Europe/London' AS time_zone
"""
CONTACT = """
SELECT t.id::VARCHAR AS id, 'client/' || t.id AS source_key, 'person' AS contact_type, t.name AS display_name,
  {'fee': t.fee, 'since': t.since, 'note': t.note} AS extras
FROM source.client AS t
"""
CARRY_ALL = "carry: {client.id: x, doc: x, audit: x}\n"


@pytest.fixture
def profile(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a profile's folder: profile.yaml and maps by entity."""

    def write(yaml: str = "", **maps: str) -> Path:
        folder = tmp_path / "tiny"
        (folder / "map").mkdir(parents=True)
        (folder / "profile.yaml").write_text(PROFILE + yaml, encoding="utf-8")
        for entity, sql in maps.items():
            (folder / f"map/{entity}.sql").write_text(sql, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def source(database: Callable[[str], Connector]) -> Connector:
    """A source of three tables."""
    return database(SCRIPT)


def errors(result: CheckResult) -> Iterator[tuple[str, str]]:
    """Places and texts of the errors."""
    return ((problem.place, problem.text) for problem in result.errors)


@pytest.mark.parametrize("name", list_profiles())
def test_packaged_profiles_are_sound(name: str) -> None:
    """What ships has no fault that can be seen without its database."""
    assert check_profile(name).errors == ()


def test_every_fault_of_profile_yaml_is_told_at_once(profile: Callable[..., Path]) -> None:
    """Wrong types, unknown fields, a bad zone, a bad currency and two documents of one name are five problems."""
    folder = profile(
        """
time_zone: Mars/Olympus
currency: pounds
exclude: [a, b]
colour: red
documents:
  - {name: d, table: a, path: b}
  - {name: d, table: a, path: b}
""",
        firm=FIRM,
    )
    places = {place for place, _ in errors(check_profile(folder))}
    assert places == {f"profile.yaml: {f}" for f in ("time_zone", "currency", "exclude", "colour", "documents")}


def test_broken_yaml_does_not_hide_broken_sql(profile: Callable[..., Path]) -> None:
    """The maps are looked at although profile.yaml cannot be read."""
    folder = profile("carry: [", firm="SELECT FROM WHERE", nonsense=FIRM)
    found = dict(errors(check_profile(folder)))
    assert found["profile.yaml"].startswith("is not YAML")
    assert found["map/firm.sql"].startswith("line 1: Parser Error")
    assert found["map/nonsense.sql"] == "the model has no such entity"


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT 1; SELECT 2", "is not one SELECT"),
        ("DELETE FROM source.client", "is not one SELECT"),
        ("SELECT 'x' AS id, 'y' AS nmae", "firm has no field 'nmae'"),
        ("SELECT 'x' AS id, 'y' AS source_key, 'n' AS name", "the required field base_currency is missing"),
    ],
)
def test_maps_are_checked_without_a_source(profile: Callable[..., Path], sql: str, text: str) -> None:
    """Statements and fields need no database."""
    assert text in [found for _, found in errors(check_profile(profile(firm=sql)))]


def test_entity_of_the_engine_cannot_be_mapped(profile: Callable[..., Path]) -> None:
    """The document store makes file_object itself."""
    found = list(errors(check_profile(profile(file_object=FIRM))))
    assert ("map/file_object.sql", "the engine makes this entity itself") in found


def test_sound_profile_has_no_problems_and_counts_columns(profile: Callable[..., Path], source: Connector) -> None:
    """Coverage is counted by table, and the entities that nothing feeds are named."""
    folder = profile("carry: {doc: kept, audit: kept}\n", firm=FIRM, contact=CONTACT)
    result = check_profile(folder, source)
    assert (result.errors, result.source.split()[0]) == ((), "sqlite")
    assert [(t.table, t.rows, t.mapped, t.carried, t.excluded) for t in result.tables] == [
        ("main.audit", 0, 0, 2, 0),
        ("main.client", 1, 2, 3, 1),
        ("main.doc", 0, 0, 4, 0),
    ]
    assert result.fed == ("firm", "contact")
    assert "matter" in result.not_fed


def test_all_unknown_names_of_all_maps_are_told(profile: Callable[..., Path], source: Connector) -> None:
    """Two wrong columns and a wrong table in two files are three problems, with what may be meant."""
    folder = profile(
        CARRY_ALL,
        firm=FIRM + " FROM source.clients",
        contact=CONTACT.replace("t.name", "t.nmae").replace("t.note", "t.api_key"),
    )
    result = check_profile(folder, source)
    found = {(problem.place, problem.text): problem.mend for problem in result.errors}
    assert found["map/firm.sql", "there is no table source.clients"] == "Is client meant?"
    assert found["map/contact.sql", "source.client has no column nmae"] == "Is name meant?"
    assert "credentials" in found["map/contact.sql", "source.client has no column api_key"]


def test_types_that_lose_something_are_told_field_by_field(profile: Callable[..., Path], source: Connector) -> None:
    """A float for money, a time without a zone and a text for a flag are three problems of one file."""
    sql = """
    SELECT t.id::VARCHAR AS id, 'client/' || t.id AS source_key, 'firm' AS firm_id, NULL AS display_name,
      t.fee AS default_rate, t.since AS created_at, t.note AS is_fee_earner, 'active' AS status,
      {'nickname': t.note} AS unreadable, t.name AS extras
    FROM source.client AS t
    """
    folder = profile(CARRY_ALL, firm=FIRM, user=sql)
    assert [text for place, text in errors(check_profile(folder, source)) if place == "map/user.sql"] == [
        "the required field display_name is always null",
        "is_fee_earner is VARCHAR, but the model wants bool",
        "default_rate is DOUBLE, but the model wants decimal(19,4)",
        "created_at is TIMESTAMP, but the model wants timestamp",
        "extras is VARCHAR, but must be a struct: {'name': column, ...}",
    ]


def test_unreadable_must_name_fields(profile: Callable[..., Path], source: Connector) -> None:
    """A member that is no field would be lost among the extras."""
    sql = CONTACT.replace("{'fee'", "{'birthday': t.note} AS unreadable, {'fee'")
    result = check_profile(profile("carry: {doc: x, audit: x}", firm=FIRM, contact=sql), source)
    assert list(errors(result)) == [("map/contact.sql", "unreadable names 'birthday', which is no field")]


def test_rules_that_name_nothing_are_told(profile: Callable[..., Path], source: Connector) -> None:
    """A misspelt exclusion would let out what it should keep in."""
    yaml = """
exclude: {audti: never, client.note: ''}
carry: {doc: kept, audit: kept, client.name: kept}
not_credentials: {client.token: none}
detect: [client, missing]
documents:
  - {name: scans, table: doc, lob: scn}
  - {name: letters, table: docs, path: path}
control_totals:
  - {name: fees, unit: money, source: SELECT sum(fee) FROM source.client, package: SELECT count(*) FROM clients}
"""
    result = check_profile(profile(yaml, firm=FIRM, contact=CONTACT.replace(", 'note': t.note", "")), source)
    assert {problem.place.removeprefix("profile.yaml: ") for problem in result.errors} == {
        "exclude: audti",
        "exclude: client.note",
        "not_credentials: client.token",
        "documents: scans",
        "documents: letters",
        "control_totals: fees: source",
        "control_totals: fees: package",
    }
    assert {problem.place for problem in result.problems if problem.severity == "note"} == {
        "profile.yaml: carry: client.name",
        "profile.yaml: detect: missing",
    }


def test_document_source_that_a_map_invents_is_told(profile: Callable[..., Path], source: Connector) -> None:
    """A misspelt name in a join would quietly find no document."""
    sql = """
    SELECT t.id::VARCHAR AS id, 'doc/' || t.id AS source_key, t.id::VARCHAR AS document_id, 1 AS version_number,
      coalesce(d.availability, 'missing_in_source') AS availability, d.sha256 AS file_sha256
    FROM source.doc AS t LEFT JOIN documents AS d ON d.source = 'leters' AND d.locator = t.path
    """
    yaml = """
documents: [{name: letters, table: doc, path: path}]
carry: {client: x, audit: x, doc.scan: x, doc.client_id: x}
"""
    result = check_profile(profile(yaml, firm=FIRM, document_version=sql), source)
    assert [(problem.text, problem.mend) for problem in result.errors] == [
        ("there is no document source 'leters'", "Is letters meant?")
    ]


def test_unclassified_columns_are_told_one_by_one(profile: Callable[..., Path], source: Connector) -> None:
    """Whatever nobody decided about is listed, not the first twenty."""
    result = check_profile(profile("carry: {doc: x}", firm=FIRM), source)
    found = [place for place, text in errors(result) if text == "is unclassified"]
    assert found == ["audit.id", "audit.body", *(f"client.{name}" for name in ("id", "name", "fee", "since", "note"))]


def test_fit_is_required_by_an_error_that_counts(profile: Callable[..., Path], source: Connector) -> None:
    """The command's exit code comes from here."""
    with pytest.raises(MappingError, match="7 errors; the first: is unclassified"):
        require_fit(check_profile(profile("carry: {doc: x}", firm=FIRM), source))


def test_unknown_profile_is_refused(tmp_path: Path) -> None:
    """Neither a folder with a profile.yaml nor a packaged name."""
    with pytest.raises(MappingError, match="no such profile"):
        check_profile(tmp_path / "nothing")
