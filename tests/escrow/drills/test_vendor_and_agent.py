"""A vendor's real deposits at an agent: received, signed for, drilled; and then the vendor is robbed."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from portability.catalogue.deposits import list_deposits
from portability.cli.escrow_checks import receipts_command, status_command, verify_command
from portability.depositories import DepositoryConfig, open_depository
from portability.errors import CheckFailedError, ConfigError, DecryptionError, PortabilityError, SignatureError
from portability.escrow.drills.job import DrillRequest, drill
from portability.escrow.drills.statement import write_drill
from portability.escrow.receiving.agreements import load_agreements
from portability.escrow.receiving.fetching import Fetched, fetch_receipts
from portability.escrow.receiving.job import Received, ReceiveRequest, receive
from portability.escrow.status.catalogue_status import catalogue_standings
from portability.escrow.status.deadman import deadman_folder
from portability.formats.bag import write_bag
from portability.sealing.encryption import Identity
from portability.sealing.identity_files import load_identities
from portability.sealing.manifest import Chain
from portability.sealing.opening import OpenRequest, open_sealed
from portability.sealing.seal import SealRequest, seal_archive
from portability.signing import SEALED_NAMESPACE, Policy, load_trust, signing_key_of
from portability.signing.trust import parse_trust
from tests.escrow.deposits.conftest import Vendor
from tests.escrow.drills.conftest import new_vendor

pytestmark = pytest.mark.slow
AGENT = signing_key_of(Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"agent").digest()))
AGENTS = parse_trust(f'agent namespaces="legal-portability-receipt" {AGENT.public_line}\n'.encode(), "agents")


class Agent:
    """An agent beside a vendor's depository; the vendor cannot reach its memory."""

    def __init__(self, vendor: Vendor, depository: Path) -> None:
        self.vendor, self.depository = vendor, depository
        self.folder = depository.parent / "agent"
        self.memory = self.folder / "memory"

    def begin(self) -> None:
        """Agree with the vendor."""
        self.folder.mkdir()
        vendor = self.vendor
        shutil.copy(vendor.folder / "allowed_signers", self.folder / "vendors")
        people = "".join(f"      {r['name']}: {r['key']}\n" for r in vendor.fields["recipients"])
        (self.folder / "agreements.yaml").write_text(
            "agreements:\n  smith:\n    customer: Smith & Co\n    class: data\n    threshold: 1\n"
            f"    recipients:\n{people}    signer: vendor\n    deposit_within: 4d\n    keep: {{within: 30d}}\n",
            encoding="utf-8",
        )

    @property
    def policy(self) -> Policy:
        """Whose deposits the agent believes."""
        return Policy(trust=load_trust(self.folder / "vendors"))

    def receive(self, **changes: Any) -> Received:  # noqa: ANN401
        """Run the agent's side."""
        request = ReceiveRequest(
            folder=self.depository,
            memory=self.memory,
            trust=self.policy.trust,
            trust_sha256="0" * 64,
            agreements=load_agreements(self.folder / "agreements.yaml"),
            key=AGENT,
            again=True,
        )
        return receive(replace(request, **changes))

    def errors(self) -> set[str]:
        """Run it, and return the codes of what is wrong now."""
        done = self.receive()
        new = {f.code for each in done.receipts for f in each.findings if f.severity == "error"}
        return new | {f.code for f in done.findings if f.severity == "error"}


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory, custodians: Path) -> Vendor:
    """A vendor who has deposited a full and a differential, and beside it an agent who has received them."""
    folder = tmp_path_factory.mktemp("begun")
    vendor = new_vendor(folder, custodians)
    vendor.deposit()
    vendor.change(seed=1)
    vendor.deposit()
    agent = Agent(vendor, folder / "depository")
    agent.begin()
    assert agent.receive().ok
    return vendor


@pytest.fixture
def agent(begun: Vendor, tmp_path: Path) -> Agent:
    """A copy of both for one test."""
    root = tmp_path / "world"
    shutil.copytree(begun.folder.parent, root)
    vendor = Vendor(folder=root / "vendor", custodians=begun.custodians, fields=dict(begun.fields))
    vendor.write_job(
        payload={"source": f"sqlite:///{vendor.source}"},
        depositories=[{"name": "shelf", "url": f"directory:{root / 'depository'}"}],
    )
    return Agent(vendor, root / "depository")


def _fetch(agent: Agent) -> tuple[Fetched, ...]:
    config = DepositoryConfig(name="shelf", url=f"directory:{agent.depository}")
    with agent.vendor.catalogue() as catalogue, open_depository(config) as depository:
        return fetch_receipts(catalogue, "smith", [depository], AGENTS)


def _states(agent: Agent) -> list[str]:
    with agent.vendor.catalogue() as catalogue, catalogue.reading() as transaction:
        return [each.state for each in list_deposits(transaction, "smith")]


def test_receipts_move_the_vendors_deposits_on_and_status_tells_it(agent: Agent) -> None:
    """PUBLISHED becomes VERIFIED and CURRENT by the agent's signature; a second fetch changes nothing."""
    assert _states(agent) == ["PUBLISHED", "PUBLISHED"]
    assert [each.outcome for each in _fetch(agent)] == ["pass", "pass"]
    assert _states(agent) == ["VERIFIED", "CURRENT"]
    assert _fetch(agent) == ()
    agent.vendor.change(seed=2)
    agent.vendor.deposit()
    assert [each.outcome for each in _fetch(agent)] == ["none yet"]
    agent.receive()
    _fetch(agent)
    assert _states(agent) == ["VERIFIED", "VERIFIED", "CURRENT"]
    with agent.vendor.catalogue() as catalogue:
        (standing,) = catalogue_standings(catalogue, now=datetime.now(UTC))
        assert (standing.standing, standing.sequence, standing.verified) == ("OK", 3, "v1 by the agent")
        (late,) = catalogue_standings(catalogue, now=datetime.now(UTC) + timedelta(days=30))
        assert late.standing == "MISSED"


def test_receipts_status_and_verify_commands_work_from_a_job_file(agent: Agent, tmp_path: Path) -> None:
    """A job file stands for its depository: receipts fetched, the table shown, a deposit copied and drilled."""
    agent.vendor.write_job(catalogue=f"sqlite:///{agent.vendor.folder}/catalogue.db")
    agents, job = tmp_path / "agents", str(agent.vendor.job_file)
    agents.write_text(f"agent {AGENT.public_line}\n", encoding="utf-8")
    fetched = CliRunner().invoke(receipts_command, [job, "--agents", str(agents), "--json"])
    assert [each["outcome"] for each in json.loads(fetched.stdout)["receipts"]] == ["pass", "pass"]
    shown = CliRunner().invoke(status_command, [job, "--json"])
    (chain,) = json.loads(shown.stdout)["chains"]
    assert (chain["standing"], chain["job"], chain["sequence"]) == ("OK", "smith-data", 2)
    (tmp_path / "staging").mkdir()
    options = ["--level", "v3", "--identity", agent.vendor.custodians / "ben", "--staging", tmp_path / "staging"]
    drilled = CliRunner().invoke(verify_command, [str(each) for each in (job, *options, "--json")])
    assert [each["sequence"] for each in json.loads(drilled.stdout)["deposits"]] == [1, 2]
    assert drilled.exit_code == 0
    assert list((tmp_path / "staging").iterdir()) == []


def test_agreed_check_is_overdue_until_a_signed_drill_is_kept(agent: Agent, tmp_path: Path) -> None:
    """The status of a job asks for the v3 that was agreed; a report that the agent signed answers, others do not."""
    agreed = [{"level": "v3", "by": "ann", "within": "1h"}, {"level": "v1", "by": "ben", "within": "1h"}]
    agent.vendor.write_job(catalogue=f"sqlite:///{agent.vendor.folder}/catalogue.db", verification=agreed)
    agents, job = tmp_path / "agents", str(agent.vendor.job_file)
    agents.write_text(f"agent {AGENT.public_line}\n", encoding="utf-8")
    fetch = [job, "--agents", str(agents)]
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert CliRunner().invoke(receipts_command, fetch).exit_code == 0
    shown = CliRunner().invoke(status_command, [job, "--json", "--at", tomorrow])
    (overdue,) = json.loads(shown.stdout)["chains"][0]["checks_overdue"]
    assert overdue.startswith("check v3 by ann is overdue since ")
    assert isinstance(shown.exception, CheckFailedError)

    request = DrillRequest(
        folder=agent.depository / "smith",
        staging=tmp_path,
        level="v3",
        identities=load_identities([agent.vendor.custodians / "ann"]),
        policy=agent.policy,
    )
    report = drill(request)
    for name, key in (("by-agent", AGENT), ("by-vendor", agent.vendor.key), ("by-nobody", None)):
        write_drill(report, tmp_path / name, key)
    write_drill(replace(report, agreement="jones"), tmp_path / "of-another", AGENT)
    for folder, fault in (
        (tmp_path / "by-vendor", SignatureError),
        (tmp_path / "by-nobody", ConfigError),
        (tmp_path / "of-another", SignatureError),
        (tmp_path / "nowhere", ConfigError),
    ):
        refused = CliRunner().invoke(receipts_command, [*fetch, "--drill", str(folder)])
        assert isinstance(refused.exception, fault), folder
    kept = CliRunner().invoke(receipts_command, [*fetch, "--drill", str(tmp_path / "by-agent")])
    assert "Kept: drill v3 of smith" in kept.output
    shown = CliRunner().invoke(status_command, [job, "--json", "--at", tomorrow])
    assert json.loads(shown.stdout)["chains"][0]["checks_overdue"] == []
    assert shown.exit_code == 0


def test_receipt_that_is_forged_moves_nothing(agent: Agent) -> None:
    """A receipt by the vendor's own key, or for another manifest, counts for nothing."""
    path = agent.depository / "smith/000001.receipt.json"
    content = path.read_bytes()
    key = agent.vendor.key
    path.with_name(f"{path.name}.sig").write_bytes(key.sign(content, namespace="legal-portability-receipt"))
    first, second = _fetch(agent)
    assert (first.outcome, second.outcome) == ("refused", "pass")
    assert _states(agent) == ["PUBLISHED", "CURRENT"]


def test_failed_receipt_is_fetched_and_status_says_failed(agent: Agent) -> None:
    """A deposit that the agent refuses is RECEIVED and no further; the status names it."""
    agent.vendor.change(seed=3)
    agent.vendor.deposit()
    segment = agent.depository / "smith/000003/segments/000000.age"
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(bytes(content))
    assert not agent.receive().ok
    assert [each.outcome for each in _fetch(agent)] == ["pass", "pass", "fail"]
    assert _states(agent) == ["VERIFIED", "CURRENT", "RECEIVED"]
    with agent.vendor.catalogue() as catalogue:
        (standing,) = catalogue_standings(catalogue, now=datetime.now(UTC))
    assert (standing.standing, standing.sequence) == ("FAILED", 2)


def test_differential_is_drilled_with_its_base_to_a_database(agent: Agent, tmp_path: Path) -> None:
    """v4 of a differential: both deposits opened, assembled, verified deep, restored, totals agree."""
    identities = load_identities([agent.vendor.custodians / "ann"])
    staging = tmp_path / "drill"
    staging.mkdir()
    request = DrillRequest(
        folder=agent.depository / "smith", staging=staging, level="v4", identities=identities, policy=agent.policy
    )
    report = drill(request)
    assert report.passed, [step.details for step in report.steps]
    assert [(each.sequence, each.kind) for each in report.deposits] == [(1, "full"), (2, "differential")]
    assert report.restored is not None
    assert (report.restored.tables, report.restored.rows) == (1, 2001)
    shutil.rmtree(agent.depository / "smith/000001")
    with pytest.raises(PortabilityError, match="missing, or is another one"):
        drill(request)


# --- the vendor is robbed: its disk and all its credentials ----------------------------------------------------------


def _loot(vendor: Vendor) -> list[Path]:
    """Everything on the vendor's disk: spool, catalogue, staging, job file, signing key, index key."""
    return [path for path in vendor.folder.rglob("*") if path.is_file()]


def test_stolen_disk_opens_no_deposit(agent: Agent, tmp_path: Path) -> None:
    """No file of the vendor's, taken as a key or holding one, opens anything that it deposited."""
    found: list[Identity] = []
    for path in _loot(agent.vendor):
        try:
            found += load_identities([path])
        except (ConfigError, DecryptionError, ValueError):
            assert b"AGE-SECRET-KEY-" not in path.read_bytes().upper()
    assert len(found) == 1  # the signing key, which is an Ed25519 key as any other
    for number in (1, 2):
        request = OpenRequest(
            sealed=agent.depository / f"smith/{number:06d}",
            destination=tmp_path / f"opened-{number}",
            identities=tuple(found),
        )
        with pytest.raises(DecryptionError):
            open_sealed(request)


def test_stolen_disk_holds_no_plaintext_of_a_deposit(agent: Agent) -> None:
    """Apart from the live source there is none: not in the spool, the staging, the catalogue or the logs."""
    with sqlite3.connect(agent.vendor.source) as database:
        (text,) = database.execute("SELECT text FROM note WHERE id = 1").fetchone()
    holding = [path.name for path in _loot(agent.vendor) if text.encode() in path.read_bytes()]
    assert holding == [agent.vendor.source.name]


def _sign(agent: Agent, path: Path, content: bytes) -> None:
    """Sign with the stolen key."""
    path.write_bytes(content)
    signature = agent.vendor.key.sign(content, namespace=SEALED_NAMESPACE)
    path.with_name("manifest.json.sig").write_bytes(signature)


def _manifest(agent: Agent, number: int) -> tuple[Path, dict[str, Any]]:
    path = agent.depository / f"smith/{number:06d}/manifest.json"
    return path, json.loads(path.read_bytes())


def _text(plain: dict[str, Any]) -> bytes:
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def test_stolen_signing_key_rewriting_history_is_named(agent: Agent) -> None:
    """A received deposit altered and signed anew verifies by itself; the agent's memory of it names the exchange."""
    path, plain = _manifest(agent, 2)
    plain["chain"]["next_by"] = "2098-01-01T00:00:00Z"
    _sign(agent, path, _text(plain))
    assert agent.errors() == {"A201"}


def _forged(agent: Agent, number: int, **chain: Any) -> None:  # noqa: ANN401
    """Seal a made-up archive for the thief with the stolen key, under the next number."""
    root = agent.folder / f"forged-{number}"
    (root / "data").mkdir(parents=True)
    (root / "data/nothing.txt").write_bytes(b"nothing of the practice")
    write_bag(root, info={"Bagging-Date": "2026-11-22"})
    recipients = tuple(each.named for each in agent.vendor.job.recipients)
    fields: dict[str, Any] = {
        "agreement": "smith",
        "sequence": number,
        "previous_sha256": hashlib.sha256((agent.depository / "smith/000002/manifest.json").read_bytes()).hexdigest(),
        "watermark": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "next_by": (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        **chain,
    }
    seal_archive(
        SealRequest(
            archive=root,
            destination=agent.depository / f"smith/{number:06d}",
            recipients=recipients,
            key=agent.vendor.key,
            chain=Chain(**fields),
        )
    )


FORGERIES = {
    "fork": ({"previous_sha256": "ab" * 32}, 3, {"X152"}),
    "rollback": ({"sequence": 2}, 3, {"A101", "X152"}),
    "silence bought for years": ({"next_by": "2098-01-01T00:00:00Z"}, 3, {"A108"}),
    "older data": ({"watermark": "2020-01-01T00:00:00Z"}, 3, {"A107"}),
    "another agreement": ({"agreement": "jones"}, 3, {"A102", "X154"}),
}


@pytest.mark.parametrize(("chain", "number", "codes"), FORGERIES.values(), ids=FORGERIES.keys())
def test_stolen_signing_key_forging_the_chain_is_named(
    agent: Agent, chain: dict[str, Any], number: int, codes: set[str]
) -> None:
    """With every credential of the vendor a deposit that does not follow is refused by name."""
    _forged(agent, number, **chain)
    assert agent.errors() == codes


def test_stolen_signing_key_can_add_what_follows_and_is_found_with_a_key_and_by_the_vendor(
    agent: Agent, tmp_path: Path
) -> None:
    """What it does permit, exactly: one more deposit that follows. It is found at v3, and told to the vendor.

    The old deposits stay as they were and open as before.
    """
    _forged(agent, 3)
    assert agent.errors() == set()  # without a key nobody can tell
    identities = load_identities([agent.vendor.custodians / "ann"])
    report = drill(
        DrillRequest(
            folder=agent.depository / "smith",
            staging=tmp_path,
            level="v3",
            identities=identities,
            policy=agent.policy,
        )
    )
    assert not report.passed  # a recipient sees that nothing of the practice is in it
    agent.vendor.change(seed=9)
    assert _fetch(agent)[0].outcome == "unknown"  # and the vendor is told of a deposit that it did not make
    result = agent.vendor.deposit()
    assert (result.kind, result.sequence) == ("full", 4)  # nothing leans on what the thief put there
    assert "deposit 3" in result.reason
    still = drill(
        DrillRequest(
            folder=agent.depository / "smith",
            staging=tmp_path,
            level="v3",
            sequence=2,
            identities=identities,
            policy=agent.policy,
        )
    )
    assert still.passed


def test_stolen_signing_key_retired_in_the_trust_file_signs_nothing_more(agent: Agent) -> None:
    """The mend: the agent ends the key's validity; what was sealed before stays good, what comes after is refused."""
    trust = agent.folder / "vendors"
    line = trust.read_text(encoding="utf-8")
    end = (datetime.now(UTC) + timedelta(seconds=1)).strftime("%Y%m%d%H%M%SZ")
    trust.write_text(line.replace("vendor ", f'vendor valid-before="{end}",', 1), encoding="utf-8")
    assert agent.errors() == set()
    time.sleep(2.1)
    _forged(agent, 3)
    assert "X127" in agent.errors()


def test_frozen_chain_is_told_by_the_agents_clock_alone(agent: Agent) -> None:
    """Silence is an alarm by the agreement's own bound, whatever a signed promise says."""
    agreements = load_agreements(agent.folder / "agreements.yaml")
    later = datetime.now(UTC) + timedelta(days=5)
    fields: dict[str, Any] = {"policy": agent.policy, "memory": agent.memory, "agreements": agreements}
    (fresh,) = deadman_folder(agent.depository, now=datetime.now(UTC), **fields)
    (frozen,) = deadman_folder(agent.depository, now=later, **fields)
    assert (fresh.standing, frozen.standing) == ("OK", "MISSED")
    assert frozen.overdue


def test_every_file_that_a_thief_deletes_or_cuts_is_named(agent: Agent) -> None:
    """Each file of a deposit, removed or cut in turn, is named by the agent; then put back."""
    root = agent.depository / "smith/000002"
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        content = path.read_bytes()
        path.write_bytes(content[:-1])
        assert agent.errors() & {"A201", "A203"}, path
        path.unlink()
        assert agent.errors() & {"A201", "A202", "A203"}, path
        path.write_bytes(content)
    assert agent.errors() == set()
