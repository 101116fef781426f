"""Release: refused at each step that is missing, and then opened by the beneficiary with stock tools."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fixtures.sealing import AGREED, Person
from portability.errors import ArchiveExistsError, DecryptionError, PortabilityError, ProcedureError, SealError
from portability.escrow.release import handover
from portability.escrow.release.bundle import OpenBundle, check_bundle, open_bundle
from portability.governing import Request, record_step
from portability.governing.artefacts import describe_artefact
from portability.governing.calendars import add_working_days, end_of_day, local_day
from portability.sealing.encryption import parse_identities
from portability.sealing.identity_files import load_identities
from portability.sealing.opening import OpenRequest, open_sealed
from portability.sealing.recipients import parse_recipients
from portability.signing.trust import parse_trust
from tests.escrow.release.conftest import NAME, NOW, Agent


def _releasers(agent: Agent) -> str:
    line = agent.actors["olga"].key.public_line
    return f'olga@agent.example namespaces="legal-portability-release" {line}\n'


def test_release_of_a_customers_own_data_is_opened_by_hand_and_by_the_program(agent: Agent) -> None:
    """From request to archive: no objection window, two people, new envelopes, stock tools and `open` agree."""
    request = agent.claim(agent.deposit())
    request = agent.record(request, "recipient_checked")
    request = agent.record(request, "releasable", "petra")
    done = agent.hand_over(request)
    before = _tree(agent.depository / NAME / "000001")
    assert _tree(done.bundle / "deposits/000001") == before
    run: list[str | Path] = ["sh", done.bundle / "open-released.sh", agent.folder / "by-hand", agent.key]
    subprocess.run(run, check=True, capture_output=True)
    checked = check_bundle(
        done.bundle, releasers=parse_trust(_releasers(agent).encode(), "agents"), vendors=agent.policy
    )
    assert checked.statement.approved_by == "petra"
    opened = agent.folder / "by-program"
    open_bundle(
        OpenBundle(bundle=done.bundle, destination=opened, identities=load_identities([agent.key])), checked.statement
    )
    assert _tree(agent.folder / "by-hand/000001") == _tree(opened)
    assert _tree(opened)["data/README.html"] == b"<p>open me</p>"
    with agent.register.catalogue.reading() as transaction:
        found = agent.register.load(transaction, request.text)
    artefact = found.course.recorded["released"].artefact
    assert artefact is not None
    assert artefact.sha256 == done.artefact_sha256


def _tree(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_release_statement_is_verified_by_ssh_keygen(agent: Agent) -> None:
    """Stock ssh-keygen accepts the statement by the releasing operator's key."""
    request = agent.claim(agent.deposit())
    request = agent.record(request, "recipient_checked")
    request = agent.record(request, "releasable", "petra")
    bundle = agent.hand_over(request).bundle
    trust = agent.folder / "agents"
    trust.write_text(_releasers(agent), encoding="utf-8")
    command: list[str | Path] = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        trust,
        "-I",
        "olga@agent.example",
        "-n",
        "legal-portability-release",
    ]
    content = (bundle / "release.json").read_bytes()
    subprocess.run([*command, "-s", bundle / "release.json.sig"], input=content, check=True, capture_output=True)


def test_release_of_source_is_refused_until_each_step_is_there(agent: Agent) -> None:
    """Owner not told, window open, window not closed, recipient not checked, not approved: refused each time."""
    sha256 = agent.deposit("source")
    request = agent.claim(sha256, "source")
    end = end_of_day(add_working_days(local_day(NOW), 10))

    def refused(at: datetime) -> str:
        return _refused(agent, request, at)

    assert "owner_notified" in refused(NOW + timedelta(hours=1))
    request = agent.record(request, "owner_notified")
    with pytest.raises(ProcedureError):
        agent.record(request, "window_over", now=end - timedelta(seconds=1))
    assert "window_over" in refused(end)
    request = agent.record(request, "window_over", now=end + timedelta(minutes=1))
    assert "recipient_checked" in refused(end + timedelta(hours=1))
    request = agent.record(request, "recipient_checked", now=end + timedelta(minutes=2))
    assert "releasable" in refused(end + timedelta(hours=1))
    with pytest.raises(ProcedureError):
        agent.record(request, "releasable", "olga", now=end + timedelta(minutes=3))
    request = agent.record(request, "releasable", "petra", now=end + timedelta(minutes=4))
    done = agent.hand_over(request, now=end + timedelta(hours=1))
    assert done.statement.deposit_class == "source"


def _refused(agent: Agent, request: Request, at: datetime) -> str:
    with pytest.raises(ProcedureError) as caught:
        agent.hand_over(request, now=at)
    assert not (agent.folder / "bundle").exists()
    assert not (agent.folder / ".bundle.part").exists()
    return caught.value.hint


def test_objection_goes_to_dispute_and_a_refusal_ends_it(agent: Agent) -> None:
    """With a contrary instruction nothing is released before a decision, and never after one against it."""
    request = agent.claim(agent.deposit("source"), "source")
    request = agent.record(request, "owner_notified")
    request = agent.record(request, "contrary")
    assert "dispute" in _refused(agent, request, NOW + timedelta(days=60))
    request = agent.record(request, "dispute")
    request = agent.record(request, "decided", decision="refuse")
    with pytest.raises(ProcedureError):
        agent.record(request, "recipient_checked")
    _refused(agent, request, NOW + timedelta(days=60))


def test_objection_after_the_window_is_refused(agent: Agent) -> None:
    """An objection counts only within ten working days."""
    request = agent.claim(agent.deposit("source"), "source")
    request = agent.record(request, "owner_notified")
    late = end_of_day(add_working_days(local_day(NOW), 10)) + timedelta(minutes=1)
    with pytest.raises(ProcedureError):
        agent.record(request, "contrary", now=late)


WINDOWS = {
    "plain": (datetime(2026, 6, 1, 9, tzinfo=UTC), datetime(2026, 6, 15, 23, tzinfo=UTC)),
    "over Christmas": (datetime(2026, 12, 18, 9, tzinfo=UTC), datetime(2027, 1, 7, tzinfo=UTC)),
    "over Easter": (datetime(2026, 3, 30, 9, tzinfo=UTC), datetime(2026, 4, 15, 23, tzinfo=UTC)),
    "into summer time": (datetime(2027, 3, 15, 9, tzinfo=UTC), datetime(2027, 3, 31, 23, tzinfo=UTC)),
    "out of summer time": (datetime(2026, 10, 19, 9, tzinfo=UTC), datetime(2026, 11, 3, tzinfo=UTC)),
    "told before midnight in London": (datetime(2026, 6, 1, 22, 59, tzinfo=UTC), datetime(2026, 6, 15, 23, tzinfo=UTC)),
    "told after midnight in London": (datetime(2026, 6, 1, 23, 1, tzinfo=UTC), datetime(2026, 6, 16, 23, tzinfo=UTC)),
}


@pytest.mark.parametrize(("told", "over"), WINDOWS.values(), ids=WINDOWS.keys())
def test_objection_window_ends_with_a_london_day_on_the_tenth_working_day(told: datetime, over: datetime) -> None:
    """Bank holidays, weekends and clock changes are those of England and Wales."""
    assert end_of_day(add_working_days(local_day(told), 10)) == over


def _ready(agent: Agent) -> Request:
    request = agent.claim(agent.deposit())
    request = agent.record(request, "recipient_checked")
    return agent.record(request, "releasable", "petra")


def test_release_to_another_key_than_the_one_checked_is_refused(agent: Agent) -> None:
    """The approval is for a fingerprint, not for a name."""
    request = _ready(agent)
    other = parse_recipients([f"beneficiary={Person('mallory').recipient}"])[0]
    with pytest.raises(ProcedureError, match="not the key that was approved"):
        agent.hand_over(request, to=other)


def test_release_of_another_deposit_than_the_one_claimed_is_refused(agent: Agent) -> None:
    """A deposit exchanged after the approval is not handed over, even when it is signed rightly."""
    request = _ready(agent)
    shutil.rmtree(agent.depository / NAME)
    agent.deposit(threshold=2)
    with pytest.raises(ProcedureError, match="not the one that was approved"):
        agent.hand_over(request)


def test_release_of_an_earlier_claims_deposit_class_is_refused(agent: Agent) -> None:
    """Source code claimed as a customer's own data would pass the window by; its class is looked at."""
    request = agent.claim(agent.deposit("source"), "data")
    request = agent.record(request, "recipient_checked")
    request = agent.record(request, "releasable", "petra")
    with pytest.raises(ProcedureError, match="another agreement or class"):
        agent.hand_over(request)


def test_release_without_enough_custodians_names_who_is_missing(agent: Agent) -> None:
    """A deposit that takes two is wrapped only when both open it."""
    request = agent.claim(agent.deposit(threshold=2))
    request = agent.record(request, "recipient_checked")
    request = agent.record(request, "releasable", "petra")
    with pytest.raises(DecryptionError, match="it takes 2 keys together"):
        agent.hand_over(request, identities=parse_identities(AGREED[0].identity.encode()))
    assert agent.hand_over(request).statement.deposits[0].opened_by == ("alice", "bob")


def test_release_twice_is_refused(agent: Agent) -> None:
    """One request, one release."""
    request = _ready(agent)
    agent.hand_over(request)
    with pytest.raises(ArchiveExistsError):
        agent.hand_over(request)
    with pytest.raises(ProcedureError, match="released already"):
        agent.hand_over(request, bundle=agent.folder / "another")


def test_release_killed_after_it_was_recorded_is_finished(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the record and the name: the next run finds the bundle by its hash and names it."""
    request = _ready(agent)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(handover, "_publish", killed)
        with pytest.raises(KeyboardInterrupt):
            agent.hand_over(request)
    assert not (agent.folder / "bundle").exists()
    done = agent.hand_over(request)
    assert done.finished
    assert (done.bundle / "release.json.sig").is_file()


@pytest.mark.parametrize("moment", ["_fill", "record_step"])
def test_release_by_two_runs_at_once_is_the_first_ones(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """A second run, begun while the first fills the bundle or has just recorded it, touches nothing of the first's."""
    request, real = _ready(agent), getattr(handover, moment)

    def meanwhile(*arguments: object, **more: object) -> object:
        monkeypatch.setattr(handover, moment, real)
        done = real(*arguments, **more)
        with pytest.raises(ProcedureError, match="another run is handing over"):
            agent.hand_over(request)
        return done

    monkeypatch.setattr(handover, moment, meanwhile)
    done = agent.hand_over(request)
    assert describe_artefact(done.bundle).sha256 == done.artefact_sha256
    check_bundle(done.bundle, releasers=parse_trust(_releasers(agent).encode(), "releasers"))
    assert not list(agent.folder.glob(".bundle*"))


def test_release_changed_after_it_was_recorded_is_not_given(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """What gets the bundle's name is, byte for byte, what was recorded."""
    request = _ready(agent)

    def and_change(*arguments: object, **more: object) -> object:
        done = record_step(*arguments, **more)  # type: ignore[arg-type]
        (agent.folder / ".bundle.part/RELEASE.md").write_text("other words", encoding="utf-8")
        return done

    monkeypatch.setattr(handover, "record_step", and_change)
    with pytest.raises(ProcedureError, match="was changed after it was recorded"):
        agent.hand_over(request)
    assert not (agent.folder / "bundle").exists()


def test_release_interrupted_as_it_is_recorded_keeps_what_may_be_recorded(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C a moment after the record: the bundle is still there, and the next run finishes it."""
    request = _ready(agent)

    def and_stop(*arguments: object, **more: object) -> None:
        record_step(*arguments, **more)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    monkeypatch.setattr(handover, "record_step", and_stop)
    with pytest.raises(KeyboardInterrupt):
        agent.hand_over(request)
    done = agent.hand_over(request)
    assert done.finished
    assert describe_artefact(done.bundle).sha256 == done.artefact_sha256


def test_release_of_a_damaged_deposit_is_refused_and_leaves_nothing(agent: Agent) -> None:
    """What is handed over is whole, or nothing is."""
    request = _ready(agent)
    segment = agent.depository / NAME / "000001/segments/000000.age"
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(bytes(content))
    with pytest.raises(PortabilityError, match="X145"):
        agent.hand_over(request)
    assert sorted(path.name for path in agent.folder.glob("*bundle*")) == []


TAMPER = {
    "statement": ("release.json", b"ceased", b"Ceased"),
    "envelope": ("envelopes/000001.age", b"age-encryption.org/v1", b"age-encryption.org/v2"),
    "manifest": ("deposits/000001/manifest.json", b"full", b"fuel"),
}


@pytest.mark.parametrize(("path", "old", "new"), TAMPER.values(), ids=TAMPER.keys())
def test_bundle_altered_on_its_way_is_refused(agent: Agent, path: str, old: bytes, new: bytes) -> None:
    """A byte changed in what was handed over is found by the program and by the script."""
    bundle = agent.hand_over(_ready(agent)).bundle
    file = bundle / path
    content = file.read_bytes()
    file.write_bytes(content.replace(old, new) if old in content else content[:-1])
    with pytest.raises(PortabilityError):
        check_bundle(bundle, releasers=parse_trust(_releasers(agent).encode(), "agents"))
    run: list[str | Path] = ["sh", bundle / "open-released.sh", agent.folder / "opened", agent.key]
    assert subprocess.run(run, check=False, capture_output=True).returncode != 0
    assert not (agent.folder / "opened").exists()
    assert list(agent.folder.glob(".open-released*")) == []


def test_open_with_an_envelope_of_another_deposit_is_refused(agent: Agent) -> None:
    """`open --envelope` believes only the key that the manifest commits to."""
    bundle = agent.hand_over(_ready(agent)).bundle
    junk = agent.folder / "junk.age"
    subprocess.run(
        ["age", "-r", agent.to.key.text, "-o", junk],  # noqa: S607
        input=Person("x").identity.encode(),
        check=True,
        capture_output=True,
    )
    request = OpenRequest(
        sealed=bundle / "deposits/000001",
        destination=agent.folder / "out",
        identities=load_identities([agent.key]),
        envelope=junk,
    )
    with pytest.raises(DecryptionError, match="another key than the one the manifest commits to"):
        open_sealed(request)
    assert not (agent.folder / "out").exists()


def test_claim_with_a_path_for_an_agreement_is_refused(agent: Agent) -> None:
    """A request's words never lead out of the depository."""
    request = agent.claim(agent.deposit(), agreement="../depository/alder")
    request = agent.record(request, "recipient_checked")
    request = agent.record(request, "releasable", "petra")
    with pytest.raises(ProcedureError, match="not in this depository"):
        agent.hand_over(request)


def test_deposit_signed_by_a_stranger_is_not_released(agent: Agent) -> None:
    """What the vendor never signed is no deposit, whoever approves it."""
    sha256 = agent.deposit()
    assert len(sha256) == len(hashlib.sha256().hexdigest())
    request = agent.claim(sha256)
    request = agent.record(request, "recipient_checked")
    request = agent.record(request, "releasable", "petra")
    other = replace(agent.policy, trust=parse_trust(_releasers(agent).encode(), "others"))
    with pytest.raises(SealError):
        agent.hand_over(request, policy=other)
