"""What becomes of every canonical field in an import: loaded, left out with a reason, or the import does not begin."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import pytest

from portability.errors import MappingError
from portability.importing import ImportCoverage, import_coverage
from portability.model import load_model
from portability.profiles import load_profile

if TYPE_CHECKING:
    from portability.profiles import Profile

TARGETS = ["successor", "openlawoffice", "cliniccases"]


@cache
def traced(name: str) -> ImportCoverage:
    """A packaged profile's coverage, traced once."""
    return import_coverage(load_profile(name))


def changed(profile: Profile, *, without: dict[str, str] | None = None, **loads: str) -> Profile:
    """The profile with other reasons or other SQL."""
    assert profile.load is not None
    load = profile.load if without is None else replace(profile.load, without=without)
    return replace(profile, load=load, loads={**profile.loads, **loads})


@pytest.mark.parametrize("name", TARGETS)
def test_packaged_target_profile_leaves_no_field_undecided(name: str) -> None:
    """All 1,193 fields of the model are loaded or left out on purpose, each with its reason."""
    coverage = traced(name)
    assert len(coverage.fields) == sum(len(entity.fields) for entity in load_model().entities)
    assert coverage.unclassified == ()
    assert all(each.reason for each in coverage.fields if each.fate == "declared")


@pytest.mark.parametrize("name", TARGETS)
def test_packaged_target_profile_gives_no_reason_in_vain(name: str) -> None:
    """A field that is named one by one under `without` is not loaded all the same."""
    profile = load_profile(name)
    assert profile.load is not None
    loaded = {(each.entity, each.field) for each in traced(name).fields if each.fate == "loaded"}
    for entry in profile.load.without:
        entity, _, fields = entry.partition(".")
        named = {(entity, field.strip()) for field in fields.split(",")}
        assert not named & loaded, entry


def test_field_says_where_it_goes() -> None:
    """By lineage of the SQL: one field may feed several columns, and decide which rows there are."""
    fates = {(each.entity, each.field): each for each in traced("successor").fields}
    assert fates["ledger_entry", "debit"].targets == ("postings.amount_pence",)
    assert "tax_rates.(condition)" in fates["vat_code", "is_deleted"].targets
    assert fates["custom_field_value", "value_raw"].fate == "loaded"


def test_field_that_nobody_decided_about_is_unclassified() -> None:
    """Take a reason away, or a column out of the SQL, and the field is listed."""
    profile = load_profile("successor")
    assert profile.load is not None
    rest = {entry: why for entry, why in profile.load.without.items() if not entry.startswith("payment.")}
    assert import_coverage(changed(profile, without=rest)).unclassified == ("payment.external_id",)
    sql = profile.loads["notes"].replace("n.subject as subject", "null as subject")
    assert import_coverage(changed(profile, notes=sql)).unclassified == ("note.subject",)


@pytest.mark.parametrize(
    ("without", "fault"),
    [
        ({"invoice": "no such entity"}, "no such entity or field"),
        ({"bill.colour": "no such field"}, "no such entity or field"),
        ({"bill.narrative, colour": "one of them is none"}, "no such entity or field"),
        ({"*.colour": "no such field"}, "no such entity or field"),
        ({"audit_event": ""}, "a reason is missing"),
    ],
)
def test_reason_for_what_is_not_in_the_model_is_refused(without: dict[str, str], fault: str) -> None:
    """A misspelt entry would otherwise hide nothing and be believed."""
    with pytest.raises(MappingError, match=fault):
        import_coverage(changed(load_profile("successor"), without=without))


def test_sql_that_cannot_be_traced_names_its_file() -> None:
    """The place is the file of the profile."""
    with pytest.raises(MappingError) as raised:
        import_coverage(changed(load_profile("successor"), notes="SELECT FROM WHERE"))
    assert raised.value.place == "load/notes.sql"
