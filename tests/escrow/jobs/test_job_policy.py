"""The recipient policy: who may open what, computed; and no key that opens lies where deposits are made."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from portability.errors import ConfigError
from portability.escrow.jobs import check_policy, load_job, require_policy
from portability.sealing.encryption import new_identity, recipient_of
from tests.escrow.jobs.conftest import PAYLOADS, MakeJob, recipients


def _rules(path: Path, home: Path) -> list[str]:
    report = check_policy(load_job(path), home=home)
    return [each.rule for each in report.findings if each.severity == "error"]


@pytest.mark.parametrize(
    ("deposit_class", "parties", "threshold", "rules"),
    [
        pytest.param("source", ["agent", "agent"], 1, [], id="source: two at the agent's"),
        pytest.param("source", ["agent", "beneficiary"], 2, [], id="source: agent and beneficiary"),
        pytest.param("source", ["agent", "agent", "beneficiary"], 2, [], id="source: two of three"),
        pytest.param("source", ["agent", "agent", "vendor"], 2, [], id="source: the vendor only with the agent"),
        pytest.param("source", ["agent", "beneficiary"], 1, ["who-alone"], id="source: the beneficiary alone"),
        pytest.param(
            "source", ["agent", "beneficiary", "beneficiary"], 2, ["who-alone"], id="source: two beneficiaries"
        ),
        pytest.param("source", ["agent"], 1, ["two-openers"], id="source: one opener"),
        pytest.param(
            "source", ["agent", "vendor"], 2, ["two-openers", "no-vendor"], id="source: never without the vendor"
        ),
        pytest.param("data", ["custodian", "custodian"], 1, [], id="data: two custodians"),
        pytest.param("data", ["custodian", "custodian", "successor"], 2, [], id="data: two of three"),
        pytest.param("data", ["beneficiary", "agent"], 2, [], id="data: customer with agent"),
        pytest.param("data", ["custodian", "agent"], 1, ["who-alone"], id="data: the agent alone"),
        pytest.param("data", ["custodian", "agent", "successor"], 2, ["who-alone"], id="data: agent and successor"),
        pytest.param(
            "data", ["custodian", "custodian", "vendor"], 2, ["no-vendor"], id="data: the vendor with another"
        ),
        pytest.param("access", ["agent", "beneficiary"], 1, ["who-alone"], id="access: the beneficiary alone"),
    ],
)
def test_check_policy_parties_and_threshold_are_computed(
    make_job: MakeJob, tmp_path: Path, deposit_class: str, parties: Sequence[str], threshold: int, rules: list[str]
) -> None:
    """Each class has its table of who may open it, alone or together."""
    path = make_job(deposit_class, recipients=recipients(*parties), threshold=threshold)
    assert _rules(path, tmp_path) == rules


def test_check_policy_two_keys_of_one_holder_are_one_opener(make_job: MakeJob, tmp_path: Path) -> None:
    """Independence is about people, not about keys."""
    path = make_job(recipients=recipients("agent", "agent", held_by="Ann"))
    assert _rules(path, tmp_path) == ["two-openers"]


def test_check_policy_without_a_spare_key_is_noted(make_job: MakeJob, tmp_path: Path) -> None:
    """Agent and beneficiary together is allowed, and the loss of one key is the loss of all: said, not refused."""
    path = make_job(recipients=recipients("agent", "beneficiary"), threshold=2)
    report = check_policy(load_job(path), home=tmp_path)
    assert report.is_kept
    assert [each.rule for each in report.findings] == ["no-spare", "no-spare"]


@pytest.mark.parametrize("where", ["jobs", "jobs/below", "home/.ssh"])
def test_require_policy_recipients_private_key_here_is_refused(make_job: MakeJob, tmp_path: Path, where: str) -> None:
    """Whoever steals the depositor's disk must open nothing."""
    identity = new_identity()
    mine = recipients("agent", "agent")
    mine[0]["key"] = recipient_of(identity).text
    path = make_job(recipients=mine)
    (tmp_path / where).mkdir(parents=True, exist_ok=True)
    (tmp_path / where / "backup.txt").write_text(f"# do not lose\n{identity.secret}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="private key of agent-0 lies on this machine") as caught:
        require_policy(load_job(path), home=tmp_path / "home")
    assert caught.value.place.endswith("recipients[0]")
    assert identity.secret not in f"{caught.value}{caught.value.hint}{caught.value.details}"


def _ssh_key(file: Path, *options: str) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-f", str(file), *(options or ("-N", ""))]
    subprocess.run(command, check=True, capture_output=True)
    return file.with_suffix(".pub").read_text(encoding="utf-8").strip()


def test_require_policy_locked_ssh_key_of_a_recipient_here_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    """A passphrase does not hide whose key it is."""
    mine = recipients("agent", "agent")
    mine[1]["key"] = _ssh_key(tmp_path / "home/.ssh/work", "-N", "a passphrase")
    assert _rules(make_job(recipients=mine), tmp_path / "home") == ["no-vendor", "key-on-depositor"]
    (tmp_path / "home/.ssh/work.pub").unlink()
    assert _rules(make_job(recipients=mine), tmp_path / "home") == ["key-on-depositor"]


def test_require_policy_vendors_key_under_a_custodians_name_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    """It is told by the key, not by the name that the job gives it."""
    mine = recipients("custodian", "custodian")
    mine[0]["key"] = _ssh_key(tmp_path / "elsewhere/vendor")
    (tmp_path / "elsewhere/vendor").unlink()
    public = tmp_path / "elsewhere/vendor.pub"
    with pytest.raises(ConfigError, match="vendor's own key"):
        require_policy(load_job(make_job("data", recipients=mine, vendor_keys=[str(public)])), home=tmp_path)
    with pytest.raises(ConfigError, match="vendor's own signing key"):
        require_policy(load_job(make_job("data", recipients=mine, sign=str(public))), home=tmp_path)


def test_require_policy_signing_key_among_the_recipients_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    """The key that signs must open nothing; it stays where it is, and nobody is told to remove it."""
    mine = recipients("agent", "agent")
    mine[0]["key"] = _ssh_key(tmp_path / "signer")
    for sign in (tmp_path / "signer", tmp_path / "signer.pub"):
        with pytest.raises(ConfigError, match="agent-0 has the vendor's own signing key") as caught:
            require_policy(load_job(make_job(recipients=mine, sign=str(sign))), home=tmp_path)
        assert "can open nothing" in caught.value.hint
        assert "remove" not in f"{caught.value}{caught.value.hint}{caught.value.details}"


def test_check_policy_credentials_have_a_policy_of_their_own(make_job: MakeJob, tmp_path: Path) -> None:
    """The slot's recipients are judged as the deposit's are."""
    slot: dict[str, Any] = {
        "agreement": "harbour-credentials",
        "parts": [{"name": "keys", "path": "keys"}],
        "recipients": recipients("beneficiary", "agent"),
    }
    payload = {**PAYLOADS["access"], "credentials": slot}
    del payload["no_credentials"]
    report = check_policy(load_job(make_job("access", payload=payload)), home=tmp_path)
    wrong = [each for each in report.findings if each.severity == "error"]
    assert [each.rule for each in wrong] == ["who-alone"]
    assert wrong[0].place.endswith("payload.credentials.recipients")
