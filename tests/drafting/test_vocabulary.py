"""The vocabulary is data: it must fit the model, and it must read names as people of several trades write them."""

from __future__ import annotations

import pytest

from portability.drafting.vocabulary import load_vocabulary, split_name
from portability.model import load_model

VOCABULARY = load_vocabulary()
MODEL = load_model()
# Filled by the engine, or beside the assignment.
BESIDES = {"id", "source_key", "source_system", "is_deleted", "list_name", "client_id", "contact_id"}


@pytest.mark.parametrize(
    ("name", "concepts"),
    [
        ("ClientID", "client id"),
        ("CLIENTNO", "client number"),
        ("tbl_Invoice_Hdr", "bill"),
        ("TimeEntries", "time_entry"),
        ("created_by_user_pid", "created by user"),
        ("Rechnungspositionen", "bill line"),
        ("Gerichtsaktenzeichen", "court_number"),
        ("Gebühren", "gebuhren"),
        ("MwSt", "vat"),
        ("zaaknummer", "matter number"),
        ("Straße", "street"),
        ("STRASSE", "street"),
        ("Büro", "office"),
        ("Buero", "office"),
        ("email2_email_address", "email 2 email_address"),
        ("statuses", "status"),
        ("日付", "日付"),
        ("_", "_"),
    ],
)
def test_names_become_concepts(name: str, concepts: str) -> None:
    """Underscores, case, compounds, plurals and umlauts are seen through; the rest stays as it is."""
    assert VOCABULARY.concepts(name) == tuple(concepts.split(" "))


def test_names_are_split_at_signs_digits_and_case() -> None:
    """The cut comes before any meaning."""
    assert split_name("ClientAddress2_DXNumber") == ["client", "address", "2", "dx", "number"]


def test_every_field_and_fallback_is_in_the_model() -> None:
    """A name that the model does not have would never be filled."""
    for name, words in VOCABULARY.entities.items():
        known = set(MODEL.entity(name).field_names)
        assert set(words.fields) | set(words.fallbacks) | set(words.flags) <= known, name


def test_every_required_field_has_words_or_a_fallback() -> None:
    """Otherwise no table could ever feed the entity."""
    for name, words in VOCABULARY.entities.items():
        required = {field.name for field in MODEL.entity(name).fields if field.required} - BESIDES
        assert required <= set(words.fields) | set(words.fallbacks), name


def test_every_code_is_in_its_list() -> None:
    """A guess never goes to a code that the model refuses."""
    for name in VOCABULARY.code_lists():
        values = set(MODEL.code_list(name))
        assert VOCABULARY.codes(name) | {VOCABULARY.otherwise(name)} <= values, name


def test_required_coded_fields_have_a_list_with_an_otherwise() -> None:
    """The ELSE of every CASE is a legal code."""
    lists = VOCABULARY.code_lists()
    for name, words in VOCABULARY.entities.items():
        for field in MODEL.entity(name).fields:
            assert not (field.codes and field.required and field.name in words.fields) or field.codes in lists, field


@pytest.mark.parametrize(
    ("code_list", "value", "code"),
    [
        ("matter_status", "Closed", "closed"),
        ("matter_status", "  abgelegt ", "closed"),
        ("matter_status", "Closed - settled", "closed"),
        ("payment_method", "Überweisung", "bank_transfer"),
        ("party_role", "Opposing Counsel", "other_side_representative"),
        ("matter_status", "O", "open"),
        ("matter_status", "Q", None),
        ("matter_status", "42", None),
    ],
)
def test_values_become_codes_or_nothing(code_list: str, value: str, code: str | None) -> None:
    """A value that says nothing gets no code of its own."""
    assert VOCABULARY.code_of(code_list, value) == code
