"""Who may do what: denied unless the register says otherwise, and the register is what administrators signed."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from portability.auditing import (
    NewEntry,
    Operator,
    OperatorRules,
    StepStatement,
    append,
    change_register,
    iter_chain,
    read_register,
    require,
    require_two,
    sign_step,
    verify_chain,
    verify_step,
)
from portability.catalogue import Catalogue, now, open_catalogue
from portability.errors import ProcedureError, SignatureError
from portability.signing import AUDIT_NAMESPACE
from tests.auditing.conftest import Person, staffed

DAY = timedelta(days=1)


def _change(catalogue: Catalogue, change: str, operator: Operator, person: Person) -> Operator:
    return change_register(catalogue, change, operator, by=person.name, key=person.key)  # type: ignore[arg-type]


def test_empty_register_lets_nobody_do_anything(sqlite_url: str) -> None:
    """Not even look; the mend is named."""
    with open_catalogue(sqlite_url, upgrade=True) as catalogue, pytest.raises(ProcedureError) as caught:
        require(catalogue, "ann", "viewer")
    assert "--bootstrap" in caught.value.hint


def test_register_keeps_roles_and_keys_on_both_dbms(catalogue_url: str, people: dict[str, Person]) -> None:
    """Each role is its own: an administrator is no operator."""
    with staffed(catalogue_url, people) as catalogue:
        assert require(catalogue, "bob", "operator").fingerprint == people["bob"].key.fingerprint
        for name, role in (("ann", "operator"), ("bob", "administrator"), ("cat", "viewer"), ("eve", "viewer")):
            with pytest.raises(ProcedureError):
                require(catalogue, name, role)  # type: ignore[arg-type]
        assert [entry.action for entry in iter_chain(catalogue)] == ["operator.bootstrap", *["operator.new"] * 2]
        assert verify_chain(catalogue).is_whole


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ("second bootstrap", "has operators already"),
        ("by an operator", "needs the role administrator"),
        ("by a stranger", "is no operator"),
        ("with another's key", "is not theirs"),
        ("a key that is another's", "the key is bob's"),
        ("a name that is there", "in the register already"),
        ("renewal of nobody", "is not in the register"),
        ("no role", "needs one or more roles"),
        ("a bad name", "is no name"),
        ("ends before it begins", "ends to be valid before"),
        ("the last administrator", "nobody would be left"),
    ],
)
def test_change_that_may_not_be_made_is_refused_and_recorded(
    catalogue: Catalogue, people: dict[str, Person], case: str, words: str
) -> None:
    """With a sentence; the register stays as it was, and the refusal is in the chain."""
    ann, bob, eve = people["ann"], people["bob"], people["eve"]
    new = eve.as_operator("viewer")
    cases = {
        "second bootstrap": ("bootstrap", eve.as_operator("administrator"), eve.name, eve.key),
        "by an operator": ("new", new, "bob", bob.key),
        "by a stranger": ("new", new, "eve", eve.key),
        "with another's key": ("new", new, "ann", bob.key),
        "a key that is another's": ("new", replace(new, public_key=bob.public), "ann", ann.key),
        "a name that is there": ("new", replace(new, name="bob"), "ann", ann.key),
        "renewal of nobody": ("renew", new, "ann", ann.key),
        "no role": ("new", replace(new, roles=()), "ann", ann.key),
        "a bad name": ("new", replace(new, name="Eve Smith"), "ann", ann.key),
        "ends before it begins": ("new", replace(new, valid_until=now() - DAY), "ann", ann.key),
        "the last administrator": ("revoke", ann.as_operator("administrator"), "ann", ann.key),
    }
    change, operator, by, key = cases[case]
    before = read_register(catalogue)
    with pytest.raises(ProcedureError, match=words):
        change_register(catalogue, change, operator, by=by, key=key)  # type: ignore[arg-type]
    assert read_register(catalogue) == before
    last = list(iter_chain(catalogue))[-1]
    assert (last.action, last.outcome, last.details["exit_code"]) == (f"operator.{change}", "refused", 17)
    assert verify_chain(catalogue).is_whole


def test_operator_who_is_revoked_or_expired_may_nothing_more(catalogue: Catalogue, people: dict[str, Person]) -> None:
    """From that moment on; renewing brings them back, with another key if need be."""
    bob = require(catalogue, "bob", "operator")
    _change(catalogue, "revoke", bob, people["ann"])
    with pytest.raises(ProcedureError, match="no longer an operator"):
        require(catalogue, "bob", "operator")
    _change(catalogue, "renew", replace(bob, public_key=people["eve"].public, valid_until=None), people["ann"])
    assert require(catalogue, "bob", "operator").fingerprint == people["eve"].key.fingerprint
    _change(catalogue, "renew", replace(bob, valid_from=now() + DAY, valid_until=None), people["ann"])
    with pytest.raises(ProcedureError, match="not yet an operator"):
        require(catalogue, "bob", "operator")


@pytest.mark.parametrize(
    ("field", "since", "words"),
    [
        ("agreement_date", None, "no confidentiality agreement is on record"),
        ("agreement_date", date(2025, 1, 1), "older than 365 days"),
        ("training_date", None, "no training is on record"),
        ("training_date", date(2025, 1, 1), "older than 365 days"),
    ],
)
def test_operator_without_agreement_or_training_may_release_nothing_where_rules_say_so(
    people: dict[str, Person], field: str, since: date | None, words: str
) -> None:
    """Configured, they bar a release; otherwise they are on record only."""
    at = datetime(2026, 11, 22, tzinfo=UTC)
    dates: dict[str, Any] = {"agreement_date": date(2026, 1, 1), "training_date": date(2026, 1, 1), field: since}
    operator = replace(people["bob"].as_operator("operator"), **dates)
    assert words in OperatorRules(agreement_days=365, training_days=365).bar(operator, at)
    assert not OperatorRules().bar(operator, at)


def test_operator_barred_from_a_release_may_still_do_the_rest(catalogue: Catalogue) -> None:
    """Only what releases asks for the agreement."""
    require(catalogue, "bob", "operator")
    with pytest.raises(ProcedureError, match="may release nothing"):
        require(catalogue, "bob", "operator", releases=OperatorRules(agreement_days=365))


def test_two_people_have_two_names_and_two_keys(catalogue: Catalogue, people: dict[str, Person]) -> None:
    """One person under two names, or two with one key, are one."""
    bob, cat = require(catalogue, "bob", "operator"), require(catalogue, "cat", "approver")
    require_two(bob, cat)
    for other in (bob, replace(cat, public_key=people["bob"].public), replace(cat, name="bob")):
        with pytest.raises(ProcedureError, match="two different people"):
            require_two(bob, other)


# --- steps -----------------------------------------------------------------------------------------------------------


def _step(where: Catalogue, **fields: object) -> StepStatement:
    plain = {"catalogue": where.id, "request": "PO-2026-0001", "step": "approved", "operator": "cat"}
    return StepStatement(**{**plain, "signed_at": now(), **fields})  # type: ignore[arg-type]


def test_step_signed_by_its_operator_is_theirs(catalogue: Catalogue, people: dict[str, Person]) -> None:
    """Inside the transaction that records it, too."""
    statement = _step(catalogue, evidence=("b" * 64, "a" * 64), details={"rows": 3}).to_bytes()
    signature = sign_step(people["cat"].key, statement)
    with catalogue.transaction() as transaction:
        assert verify_step(transaction, statement, signature, role="approver").name == "cat"


@pytest.mark.parametrize(
    ("fields", "signer", "words"),
    [
        ({}, "bob", "is not theirs"),
        ({"operator": "eve"}, "eve", "is no operator"),
        ({"operator": "bob"}, "bob", "needs the role approver"),
        ({"catalogue": "another"}, "cat", "another catalogue"),
        ({"signed_at": datetime(2026, 1, 1, tzinfo=UTC)}, "cat", "too long ago"),
        ({"signed_at": datetime(2099, 1, 1, tzinfo=UTC)}, "cat", "in the future"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_step_that_is_not_its_operators_is_refused(
    catalogue: Catalogue, people: dict[str, Person], fields: dict[str, object], signer: str, words: str
) -> None:
    """Not their key, not their role, not this catalogue, not now."""
    statement = _step(catalogue, **fields).to_bytes()
    with pytest.raises(ProcedureError, match=words):
        verify_step(catalogue, statement, sign_step(people[signer].key, statement), role="approver")


def test_step_whose_words_or_purpose_were_changed_is_refused(catalogue: Catalogue, people: dict[str, Person]) -> None:
    """Another request, another way to write it, a signature that was made for something else."""
    statement = _step(catalogue).to_bytes()
    signature = sign_step(people["cat"].key, statement)
    with pytest.raises(SignatureError):
        verify_step(catalogue, statement.replace(b"0001", b"0002"), signature, role="approver")
    with pytest.raises(ProcedureError, match="one form"):
        verify_step(catalogue, statement.replace(b",", b", ", 1), signature, role="approver")
    elsewhere = people["cat"].key.sign(statement, namespace=AUDIT_NAMESPACE).decode()
    with pytest.raises(SignatureError):
        verify_step(catalogue, statement, elsewhere, role="approver")


def test_old_step_is_judged_by_the_register_of_its_time(catalogue: Catalogue, people: dict[str, Person]) -> None:
    """Whoever was an approver then approved, whatever became of them; a new step of theirs is refused."""
    statement = _step(catalogue).to_bytes()
    signature = sign_step(people["cat"].key, statement)
    append(catalogue, NewEntry(action="test", actor="cat"))
    _change(catalogue, "revoke", require(catalogue, "cat", "approver"), people["ann"])
    assert verify_step(catalogue, statement, signature, role="approver", fresh=False).name == "cat"
    with pytest.raises(ProcedureError, match="no longer"):
        verify_step(catalogue, statement, signature, role="approver")


def test_two_administrators_at_once_change_the_register_one_after_the_other(
    catalogue_url: str, people: dict[str, Person]
) -> None:
    """Both want to add Eve: one does, the other is refused; both are in the chain, which is whole."""
    with staffed(catalogue_url, people) as catalogue:
        both = Operator(name="cat", roles=("administrator",), public_key=people["cat"].public, valid_from=now())
        _change(catalogue, "renew", both, people["ann"])
        start = threading.Barrier(2)

        def add(person: Person) -> str:
            with open_catalogue(catalogue_url) as own:
                start.wait()
                try:
                    _change(own, "new", people["eve"].as_operator("viewer"), person)
                except ProcedureError as error:
                    return error.message
                return "added"

        with ThreadPoolExecutor(2) as pool:
            answers = sorted(pool.map(add, (people["ann"], people["cat"])))
        assert answers == ["added", "is in the register already"]
        assert sorted(entry.outcome for entry in list(iter_chain(catalogue))[-2:]) == ["done", "refused"]
        assert verify_chain(catalogue).is_whole
