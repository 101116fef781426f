"""Steps of requests: in order, by whom may, with what they ask for; every refusal is recorded and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from portability.auditing import OperatorRules, iter_chain
from portability.catalogue import open_catalogue
from portability.errors import PortabilityError, ProcedureError, ScopeError
from portability.governing import Request, StepContent, VisibleRegister, new_request, record_step, require_release
from portability.governing.checking import check_register
from portability.scoping import parse_scope
from tests.governing.conftest import Office

PORTABILITY = "acknowledged requestor_identified agreed exported verified:petra delivered customer_acknowledged closed"
ORDER = (
    "requestor_confirmed documented access_assessed permission_sought order_required wording_agreed order_received "
    "extracted approved:petra released closed"
)
SCOPE = parse_scope(b"{scope: order-17, tenant: [101], matter: [CDF0000007]}")
OTHER = parse_scope(b"{scope: order-17, tenant: [101], matter: [CDF0000008]}")


def _chain(office: Office) -> list[tuple[str, str, str]]:
    entries = iter_chain(office.catalogue)
    return [(e.action, e.outcome, e.subject) for e in entries if e.action.startswith("request.")]


def _refused(office: Office, attempt: Callable[[], object], words: str) -> None:
    before = len(_chain(office))
    with pytest.raises(PortabilityError, match=words) as caught:
        attempt()
    assert isinstance(caught.value, ProcedureError | ScopeError)
    (entry,) = _chain(office)[before:]
    assert entry[1] == "refused"


def test_request_walked_to_its_end_is_closed_and_whole(office: Office) -> None:
    """Every step of a kind, in both DBMSs; what is read back is what was signed."""
    request = office.walk(office.open("portability"), PORTABILITY)
    found = office.load(request)
    assert (found.text, found.course.state, found.course.is_open) == ("R-000001", "closed", False)
    assert check_register(office.register).problems == ()
    assert [action for action, _, _ in _chain(office)][-3:] == ["request.release", "request.record", "request.record"]


def test_step_taken_early_is_refused_and_recorded(small_office: Office) -> None:
    """At each point of a production order every later step is refused; the course itself goes through."""
    office = small_office
    request = office.open("authority_disclosure")
    words = ORDER.split()
    for at, word in enumerate(words):
        for later in words[at + 1 :]:
            step, _, actor = later.partition(":")
            content = office.content(request.course.kind, step)
            _refused(
                office,
                lambda step=step, actor=actor, content=content, number=request.text: record_step(  # type: ignore[misc]
                    office.register, number, step, content, office.actors[actor or "olga"]
                ),
                f"the step {step} is not due",
            )
        request = _order_step(office, request, word)
    assert not request.course.is_open


def _order_step(office: Office, request: Request, word: str) -> Request:
    if word == "order_received":
        return office.record(request, word, scope=SCOPE)
    return office.walk(request, word)


@pytest.mark.parametrize(
    ("actor", "step", "words"),
    [
        ("vera", "acknowledged", "needs one of the roles"),
        ("petra", "acknowledged", "needs one of the roles"),
        ("nobody", "acknowledged", "is no operator"),
    ],
)
def test_step_by_the_wrong_role_is_refused(small_office: Office, actor: str, step: str, words: str) -> None:
    """Roles are denied by default."""
    request = small_office.open("portability")
    found = small_office.actors.get(actor) or replace(small_office.actors["olga"], name="nobody")
    content = small_office.content(request.course.kind, step)
    _refused(small_office, lambda: record_step(small_office.register, request.text, step, content, found), words)


def test_step_with_somebody_elses_key_is_refused(small_office: Office) -> None:
    """A name alone is nobody."""
    request = small_office.open("portability")
    actor = replace(small_office.actors["olga"], key=small_office.actors["oscar"].key)
    content = small_office.content(request.course.kind, "acknowledged")
    _refused(
        small_office,
        lambda: record_step(small_office.register, request.text, "acknowledged", content, actor),
        "is not theirs",
    )


def test_approval_by_who_extracted_is_refused(small_office: Office) -> None:
    """Paul may do both, but not for one request."""
    request = small_office.walk(
        small_office.open("portability"), "acknowledged requestor_identified agreed exported:paul"
    )
    _refused(small_office, lambda: small_office.record(request, "verified", "paul"), "whoever recorded exported")
    assert small_office.walk(request, "verified:petra").course.state == "verified"


def test_complaint_investigated_by_the_one_complained_of_is_refused(small_office: Office) -> None:
    """By the name that the register has."""
    request = small_office.walk(small_office.open("complaint", complained_of="petra"), "acknowledged")
    _refused(small_office, lambda: small_office.record(request, "investigated", "petra"), "names this operator")
    assert small_office.walk(request, "investigated:paul").course.state == "investigated"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"evidence": []}, "needs 1 file"),
        ({"fields": {}}, "lacks the field"),
        ({"fields": {"price": "1250", "deliver_by": "2027-01-15"}}, "no amount with pence"),
        ({"fields": {"price": "1250.00 GBP", "deliver_by": "15/01/2027"}}, "is no date"),
        ({"fields": {"price": "1250.00 GBP", "deliver_by": "2027-01-15", "more": "x"}}, "has no field"),
    ],
)
def test_step_that_lacks_something_is_refused(small_office: Office, change: dict[str, object], words: str) -> None:
    """Missing evidence, missing and malformed fields."""
    request = small_office.walk(small_office.open("portability"), "acknowledged requestor_identified")
    content = replace(small_office.content(request.course.kind, "agreed"), **change)  # type: ignore[arg-type]
    actor = small_office.actors["olga"]
    _refused(small_office, lambda: record_step(small_office.register, request.text, "agreed", content, actor), words)
    assert small_office.load(request).course.state == "requestor_identified"


def test_step_on_a_closed_request_is_refused(small_office: Office) -> None:
    """Even a note."""
    request = small_office.record(small_office.open("portability"), "withdrawn", "petra")
    _refused(small_office, lambda: small_office.record(request, "dialogue"), "the request is closed")


def test_request_without_access_is_reported_back_and_closed(small_office: Office) -> None:
    """The branch without access leads past everything that would be released."""
    request = small_office.walk(small_office.open("authority_disclosure"), "requestor_confirmed documented")
    request = small_office.record(request, "access_assessed", access="none")
    assert [step.name for step in request.course.due()] == ["reported_back"]
    request = small_office.walk(request, "reported_back")
    assert [step.name for step in request.course.due()] == ["closed"]


def test_would_tip_off_in_a_request_that_can_be_seen_is_refused(small_office: Office) -> None:
    """It has to be a silent one."""
    request = small_office.walk(small_office.open("authority_disclosure"), "requestor_confirmed")
    _refused(
        small_office,
        lambda: small_office.record(request, "documented", asking_customer="would_tip_off"),
        "is for silent requests only",
    )


def test_failed_verification_sends_back_to_the_export(small_office: Office) -> None:
    """What was made before no longer counts; it is made, and verified, again."""
    request = small_office.walk(small_office.open("portability"), "acknowledged requestor_identified agreed exported")
    request = small_office.record(request, "verified", "petra", result="failed")
    assert ([step.name for step in request.course.due()], request.course.artefact) == (["exported"], None)
    assert small_office.walk(request, "exported verified:petra delivered").course.state == "delivered"


def test_scope_edited_after_it_was_fixed_is_refused(small_office: Office) -> None:
    """Neither the export nor a record of one takes another scope."""
    words = "requestor_confirmed documented access_assessed permission_sought order_required wording_agreed"
    request = small_office.walk(small_office.open("authority_disclosure", scope=SCOPE), words)
    request = small_office.record(request, "order_received")
    assert request.course.scope_sha256 == SCOPE.sha256
    actor = small_office.actors["olga"]
    found = require_release(small_office.register, request.text, actor, act="export", scope=SCOPE)
    assert found.scope == SCOPE
    _refused(
        small_office,
        lambda: require_release(small_office.register, request.text, actor, act="export", scope=OTHER),
        "not the scope that was fixed",
    )
    content = StepContent(scope=OTHER, made=None)
    _refused(
        small_office,
        lambda: record_step(small_office.register, request.text, "extracted", content, actor),
        "not the one that was fixed",
    )


def test_release_of_something_else_is_refused(small_office: Office) -> None:
    """One changed byte is another file."""
    request = small_office.walk(
        small_office.open("portability"), "acknowledged requestor_identified agreed exported verified:petra"
    )
    other = small_office.file("other.zip", "Made")
    _refused(small_office, lambda: small_office.record(request, "delivered", artefact=other), "not what was exported")


def test_release_without_the_check_of_its_recipient_is_refused(small_office: Office) -> None:
    """Who it is, how that was established, by which way; and the record of the check."""
    steps = "acknowledged requestor_identified agreed exported verified:petra"
    request = small_office.walk(small_office.open("portability"), steps)
    whole = small_office.content(request.course.kind, "delivered", artefact=small_office.file("made.zip", "made"))
    actor = small_office.actors["olga"]
    for name in ("recipient", "recipient_identified_by", "channel"):
        content = replace(whole, fields={key: value for key, value in whole.fields.items() if key != name})
        _refused(
            small_office,
            lambda content=content: record_step(  # type: ignore[misc]
                small_office.register, request.text, "delivered", content, actor
            ),
            f"lacks the field '{name}'",
        )
    bare = replace(whole, evidence=())
    _refused(
        small_office,
        lambda: record_step(small_office.register, request.text, "delivered", bare, actor),
        "of evidence 'recipient_check'",
    )


def test_release_by_somebody_whose_training_has_lapsed_is_refused(small_office: Office) -> None:
    """Where the configuration says so; everything else they may still do."""
    steps = "acknowledged requestor_identified agreed exported verified:petra"
    request = small_office.walk(small_office.open("portability"), steps)
    actor = replace(small_office.actors["olga"], rules=OperatorRules(training_days=365))
    content = small_office.content(request.course.kind, "delivered", artefact=small_office.file("made.zip", "made"))
    register = small_office.register
    _refused(small_office, lambda: record_step(register, request.text, "delivered", content, actor), "no training")
    _refused(small_office, lambda: require_release(register, request.text, actor), "no training")
    note = StepContent(fields={"summary": "told the customer"})
    assert record_step(register, request.text, "dialogue", note, actor).course.is_open


def test_release_from_escrow_is_not_recorded_by_hand(small_office: Office) -> None:
    """The command that hands over records it; and only with what it made."""
    request = small_office.walk(
        small_office.open("escrow_release", deposit_class="data"), "recipient_checked releasable:petra"
    )
    _refused(
        small_office,
        lambda: small_office.record(request, "released", artefact=small_office.file("any.zip")),
        "recorded by doing it",
    )


def test_gate_before_its_step_or_by_the_wrong_one_is_refused(small_office: Office) -> None:
    """No export before the scope is fixed, no release before the approval."""
    request = small_office.open("portability")
    register, actors = small_office.register, small_office.actors
    _refused(small_office, lambda: require_release(register, request.text, actors["olga"], act="export"), "not due")
    request = small_office.walk(request, "acknowledged requestor_identified agreed")
    _refused(small_office, lambda: require_release(register, request.text, actors["petra"], act="export"), "roles")
    assert require_release(register, request.text, actors["olga"], act="export").scope is None
    _refused(small_office, lambda: require_release(register, request.text, actors["olga"]), "not due")
    _refused(small_office, lambda: require_release(register, "R-000099", actors["olga"]), "no such request")


def test_two_operators_at_once_one_is_refused(office: Office, catalogue_url: str) -> None:
    """Both looked at the same state; only one step is recorded."""
    request = office.open("portability")
    with open_catalogue(catalogue_url) as second:
        registers = [office.register, VisibleRegister(second, office.register.evidence)]
        content = office.content(request.course.kind, "acknowledged")

        def attempt(at: int) -> str:
            actor = office.actors[("olga", "oscar")[at]]
            try:
                record_step(registers[at], request.text, "acknowledged", content, actor)
            except ProcedureError as error:
                return error.message
            return "recorded"

        with ThreadPoolExecutor(2) as pool:
            said = list(pool.map(attempt, (0, 1)))
    assert sorted(word == "recorded" for word in said) == [False, True], said
    assert len(office.load(request).course.events) == 2


def test_numbers_given_out_at_once_have_no_gap(office: Office, catalogue_url: str) -> None:
    """Two operators open requests side by side."""
    kind = office.kinds["complaint"]
    content = office.content(kind, "received")
    with open_catalogue(catalogue_url) as second:
        registers = [office.register, VisibleRegister(second, office.register.evidence)]

        def attempt(at: int) -> int:
            actor = office.actors[("olga", "oscar")[at % 2]]
            return new_request(registers[at % 2], kind, content, actor).number

        with ThreadPoolExecutor(2) as pool:
            numbers = list(pool.map(attempt, range(6)))
    assert sorted(numbers) == [1, 2, 3, 4, 5, 6]
