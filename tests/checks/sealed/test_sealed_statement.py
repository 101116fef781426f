"""The signed statement of a check: an in-toto test result that stock tools verify, whatever was found."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fixtures.bad_sealed import CONTENT, link_to
from fixtures.sealing import Deposit, Person, seal, trust_line
from portability.checks import Report
from portability.checks.report import Log
from portability.checks.sealed import SealedRequest, verify_sealed, write_statement
from portability.errors import ArchiveExistsError, ConfigError, SealError
from portability.manifest import Finding
from portability.signing import SigningKey, load_signing_key
from tests.checks.sealed.conftest import MakeRequest

AGENT = Person("agent", "ssh-ed25519")
AT = datetime(2026, 3, 3, 12, tzinfo=UTC)


@pytest.fixture
def key(tmp_path: Path) -> SigningKey:
    """The agent's signing key."""
    path = tmp_path / "agent"
    path.write_text(AGENT.identity)
    path.chmod(0o600)
    return load_signing_key(str(path))


def checked(root: Path) -> Report:
    """Check at level v1 without anybody to trust."""
    return verify_sealed(root, level="v1", request=SealedRequest())


def test_statement_is_an_in_toto_test_result_about_the_manifest(
    small: Path, make_request: MakeRequest, key: SigningKey, tmp_path: Path
) -> None:
    """Type, subject, predicate and result are in-toto's; inputs are stated by their hashes."""
    request = make_request({"trust": "allowed_signers"})
    report = verify_sealed(small, level="v1", request=request)
    write_statement(report, tmp_path / "v1.json", key, inputs={"trusted signers": b"x"}, at=AT)
    found = json.loads((tmp_path / "v1.json").read_bytes())
    predicate = found.pop("predicate")
    assert found == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {
                "name": "manifest.json",
                "digest": {"sha256": hashlib.sha256((small / "manifest.json").read_bytes()).hexdigest()},
            }
        ],
        "predicateType": "https://in-toto.io/attestation/test-result/v0.1",
    }
    assert predicate["result"] == "PASSED"
    assert predicate["failedTests"] == predicate["warnedTests"] == []
    assert len(predicate["passedTests"]) == 14  # of 16: no --previous and no --recipients were given
    assert predicate["passedTests"][0].startswith("v0 1. ")
    program, trusted = predicate["configuration"]
    assert program["annotations"]["level"] == "v1"
    assert program["annotations"]["checked_at"] == "2026-03-03T12:00:00Z"
    assert program["annotations"]["signer"]["principals"] == "sender@firm.example"
    assert trusted == {"name": "trusted signers", "digest": {"sha256": hashlib.sha256(b"x").hexdigest()}}


def test_statement_without_trust_is_warned_and_passes_no_step_that_was_not_run(
    small: Path, key: SigningKey, tmp_path: Path
) -> None:
    """Nobody is told that the signer was compared with anybody, or the chain and the recipients with anything."""
    write_statement(checked(small), tmp_path / "v1.json", key)
    predicate = json.loads((tmp_path / "v1.json").read_bytes())["predicate"]
    assert predicate["result"] == "WARNED"
    assert predicate["failedTests"] == []
    assert [each.split(".")[0] for each in predicate["passedTests"]] == [
        *("v0 1", "v0 2", "v0 4", "v0 6", "v0 7", "v0 9"),
        *("v1 10", "v1 11", "v1 13", "v1 14", "v1 15", "v1 16"),
    ]
    assert predicate["warnedTests"] == [
        "X129 The signer was not compared with anybody whom you trust (manifest.json.sig)",
        "v0 3. The signer is one whom you trust (not run: --trust was not given)",
        "v0 5. The signer's key was valid at the time of sealing (not run: --trust was not given)",
    ]
    annotations = predicate["configuration"][0]["annotations"]
    assert annotations["notes"] == ["X129"]
    assert [each.partition(": ")[2] for each in annotations["not_run"]] == [
        f"--{option} was not given" for option in ("trust", "trust", "previous", "recipients")
    ]


def test_statement_with_everything_given_passes_every_step(
    world: Path, make_request: MakeRequest, key: SigningKey, tmp_path: Path
) -> None:
    """Trust, the manifest before and those agreed: nothing is left that was not compared."""
    deposit = Deposit(content=dict(CONTENT))
    deposit.chain = link_to((world / "inputs/previous.json").read_bytes())
    given = {"trust": "allowed_signers", "previous": "previous.json", "recipients": "recipients"}
    report = verify_sealed(seal(deposit, tmp_path / "fourth"), level="v1", request=make_request(given))
    assert {step.outcome for step in report.steps} == {"passed"}
    write_statement(report, tmp_path / "v1.json", key)
    predicate = json.loads((tmp_path / "v1.json").read_bytes())["predicate"]
    assert (predicate["result"], len(predicate["passedTests"])) == ("PASSED", 16)


def test_statement_verifies_with_ssh_keygen(small: Path, key: SigningKey, tmp_path: Path) -> None:
    """Whoever relies on it needs nothing of this program."""
    signature = write_statement(checked(small), tmp_path / "v1.json", key)
    assert signature == tmp_path / "v1.json.sig"
    (tmp_path / "allowed").write_text(trust_line(AGENT, 'namespaces="legal-portability-statement" '))
    command = [shutil.which("ssh-keygen") or "ssh-keygen", "-Y", "verify", "-f", str(tmp_path / "allowed")]
    command += ["-I", "agent@firm.example", "-n", "legal-portability-statement", "-s", str(signature)]
    with (tmp_path / "v1.json").open("rb") as stream:
        subprocess.run(command, stdin=stream, check=True, capture_output=True)


def test_statement_of_a_refused_archive_says_failed(copied: Path, key: SigningKey, tmp_path: Path) -> None:
    """A failed check is stated too: what failed, and what was therefore not done."""
    (copied / "catalog.age").write_bytes(b"")
    write_statement(checked(copied), tmp_path / "failed.json", key)
    predicate = json.loads((tmp_path / "failed.json").read_bytes())["predicate"]
    assert predicate["result"] == "FAILED"
    assert predicate["failedTests"][0].startswith("v0 7. ")
    assert predicate["failedTests"][-1].endswith("(not run)")
    assert predicate["configuration"][0]["annotations"]["errors"] == ["X143"]


def test_statement_with_warnings_says_warned(
    small: Path, make_request: MakeRequest, key: SigningKey, tmp_path: Path
) -> None:
    """A warning is neither a pass in silence nor a refusal."""
    report = verify_sealed(small, level="v1", request=make_request({"trust": "allowed_signers"}))
    late = replace(report, findings=(*report.findings, warning()))
    write_statement(late, tmp_path / "warned.json", key)
    predicate = json.loads((tmp_path / "warned.json").read_bytes())["predicate"]
    assert predicate["result"] == "WARNED"
    assert predicate["warnedTests"] == ["X161 The next deposit is overdue (manifest.json)"]


def warning() -> Finding:
    """Return a finding of severity warning."""
    log = Log(1)
    log.add("X161", "manifest.json")
    return log.findings()[0]


def test_statement_never_overwrites(small: Path, key: SigningKey, tmp_path: Path) -> None:
    """Neither the statement nor its signature replaces a file; nothing half stays."""
    (tmp_path / "v1.json").write_text("mine")
    with pytest.raises(ArchiveExistsError):
        write_statement(checked(small), tmp_path / "v1.json", key)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent", "v1.json"]
    assert (tmp_path / "v1.json").read_text() == "mine"


def test_statement_into_no_folder_is_refused(small: Path, key: SigningKey, tmp_path: Path) -> None:
    """A place that is not there is the caller's mistake."""
    with pytest.raises(ConfigError):
        write_statement(checked(small), tmp_path / "nowhere/v1.json", key)


def test_statement_without_a_manifest_has_no_subject(copied: Path, key: SigningKey, tmp_path: Path) -> None:
    """There is nothing to state about a sealed archive without manifest.json."""
    (copied / "manifest.json").unlink()
    with pytest.raises(SealError, match=r"no manifest\.json"):
        write_statement(checked(copied), tmp_path / "v1.json", key)
