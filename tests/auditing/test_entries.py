"""Entries: what they hold, what they refuse to hold, and that work is recorded however it ends."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from portability.auditing import NewEntry, append, audited, iter_chain
from portability.catalogue import Catalogue, open_catalogue
from portability.errors import CatalogueError, ConfigError, PortabilityError, ProcedureError, TargetError
from tests.catalogue.raw import query

ENTRY = NewEntry(action="export", actor="bob", subject="source:practice", purpose="a trial", basis="contract")


def test_entry_is_canonical_json_hashed_with_its_predecessor(catalogue_url: str) -> None:
    """Any program finds the same hashes from the text alone."""
    with open_catalogue(catalogue_url, upgrade=True) as catalogue:
        for number in range(3):
            append(catalogue, NewEntry(**{**vars(ENTRY), "details": {"rows": number}}))
        rows = query(catalogue_url, "SELECT sequence, previous, hash, document FROM audit_entry ORDER BY sequence")
    previous = "0" * 64
    for number, (sequence, named, digest, document) in enumerate(rows, 1):
        plain = json.loads(document)
        assert json.dumps(plain, sort_keys=True, separators=(",", ":")) == document
        assert (sequence, plain["sequence"], named, plain["previous"]) == (number, number, previous, previous)
        assert hashlib.sha256(document.encode()).hexdigest() == digest
        assert plain["catalogue"] == catalogue.id
        previous = digest


@pytest.mark.parametrize(
    "field",
    [
        {"action": "Export"},
        {"action": "export; drop"},
        {"actor": "Ann Smith"},
        {"actor": ""},
        {"subject": "the matter of Smith"},
        {"subject": "x" * 201},
        {"basis": "because"},
        {"outcome": "perhaps"},
        {"details": {"note": "Mrs Smith rang"}},
        {"details": {"rows": 1.5}},
        {"details": {"rows": True}},
        {"details": {"rows": 2**60}},
        {"details": {"Client": "x"}},
        {"details": {f"n{number}": number for number in range(30)}},
    ],
    ids=str,
)
def test_entry_with_a_field_of_another_form_is_refused(sqlite_url: str, field: dict[str, Any]) -> None:
    """Names, numbers and hashes; no sentence in which a client could stand."""
    with open_catalogue(sqlite_url, upgrade=True) as catalogue:
        with pytest.raises(CatalogueError, match="cannot hold this"):
            append(catalogue, NewEntry(**{**vars(ENTRY), **field}))
        assert list(iter_chain(catalogue)) == []


@pytest.mark.parametrize(
    "purpose",
    ["for a.smith@example.com", "account 12345678", "call 020 7946 0000", "x" * 201, "two\nlines"],
)
def test_purpose_that_may_hold_a_clients_data_is_refused(sqlite_url: str, purpose: str) -> None:
    """An address or a long number is none of the chain's; what was given is not repeated."""
    with open_catalogue(sqlite_url, upgrade=True) as catalogue, pytest.raises(ConfigError) as caught:
        append(catalogue, NewEntry(**{**vars(ENTRY), "purpose": purpose}))
    assert purpose not in f"{caught.value}{caught.value.hint}"


@pytest.mark.parametrize(
    ("error", "outcome", "code"),
    [
        (ProcedureError("no"), "refused", 17),
        (TargetError("no"), "failed", 16),
        (ValueError("no"), "failed", 1),
        (KeyboardInterrupt(), "failed", 130),
    ],
    ids=lambda value: type(value).__name__,
)
def test_work_that_an_error_ends_is_recorded_with_its_kind_and_not_its_words(
    catalogue: Catalogue, error: BaseException, outcome: str, code: int
) -> None:
    """The start before, the end after; the error goes on."""
    with pytest.raises(type(error)), audited(catalogue, ENTRY):
        raise error
    started, ended = list(iter_chain(catalogue))[-2:]
    assert (started.outcome, ended.outcome) == ("started", outcome)
    assert ended.details == {"error": type(error).__name__, "exit_code": code, "started": started.sequence}


def test_work_that_is_done_is_recorded_with_its_numbers(catalogue: Catalogue) -> None:
    """What the work adds stands in its end."""
    with audited(catalogue, ENTRY) as details:
        details["rows"] = 7
    started, done = list(iter_chain(catalogue))[-2:]
    assert (done.outcome, done.details) == ("done", {"rows": 7, "started": started.sequence})


def test_work_that_cannot_be_recorded_is_not_begun(sqlite_url: str) -> None:
    """No entry, no work."""
    begun = []
    with open_catalogue(sqlite_url, upgrade=True) as catalogue:
        bad = NewEntry(**{**vars(ENTRY), "actor": "No Body"})
        with pytest.raises(PortabilityError), audited(catalogue, bad):
            begun.append(1)
    assert begun == []
