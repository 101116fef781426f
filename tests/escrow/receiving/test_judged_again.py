"""What failed only by the agent's own files is judged again; a broken chain is healed by the next full deposit."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from fixtures.sealing import Person, trust_line
from portability.catalogue import open_catalogue
from portability.catalogue.deposits import list_deposits
from portability.catalogue.receipts import list_receipts
from portability.depositories import DepositoryConfig, open_depository
from portability.errors import SignatureError
from portability.escrow.receiving import job
from portability.escrow.receiving.fetching import fetch_receipts
from portability.escrow.receiving.job import Received
from portability.escrow.receiving.receipts import read_receipt, receipt_path, write_receipt
from portability.escrow.status.deadman import deadman_folder
from portability.signing.trust import Trust, parse_trust
from tests.escrow.receiving.conftest import AGENT, NAME, World, when

STRANGER = Person("mallory")


def _agents() -> Trust:
    return parse_trust(trust_line(AGENT).encode(), "agents")


def _found(done: Received) -> list[tuple[int, str, set[str]]]:
    return [(e.sequence, e.result, {f.code for f in e.findings if f.severity == "error"}) for e in done.receipts]


def _warned(done: Received) -> list[set[str]]:
    return [{f.code for f in each.findings if f.severity == "warning"} for each in done.receipts]


def _disagree(world: World) -> str:
    agreed = world.agreements.read_text(encoding="utf-8")
    world.agreements.write_text(agreed.replace(f"  {NAME}:", "  elsewhere:"), encoding="utf-8")
    return agreed


def _differential(world: World, sequence: int) -> None:
    world.deposit(sequence, chain={"kind": "differential", "base_sha256": world.sha256(1)})


def test_deposit_before_its_agreement_is_judged_again_when_it_stands(world: World) -> None:
    """A103 and the A106 that came of it are mended by agreements.yaml; both receipts lie there, the newest counts."""
    agreed = _disagree(world)
    world.deposit(1)
    world.receive(0.1)
    _differential(world, 2)
    assert _found(world.receive(1.1)) == [(2, "fail", {"A103", "A106"})]
    first = receipt_path(world.folder, NAME, 1).read_bytes()
    world.agreements.write_text(agreed, encoding="utf-8")
    done = world.receive(1.2)
    assert _found(done) == [(1, "pass", set()), (2, "pass", set())]
    assert done.ok
    assert receipt_path(world.folder, NAME, 1).read_bytes() == first
    newest = read_receipt(world.folder, NAME, 1, _agents())
    assert newest is not None
    assert newest[0].passed
    assert newest[0].replaces(first)
    (standing,) = deadman_folder(world.folder, None, now=when(1.3), memory=world.memory)
    assert (standing.standing, standing.sequence) == ("OK", 2)
    calm = world.receive(1.4, again=True)
    assert (calm.receipts, calm.findings, calm.known) == ((), (), 2)
    _differential(world, 3)
    assert _found(world.receive(2.1)) == [(3, "pass", set())]


def test_failed_by_its_bytes_is_not_judged_again(world: World) -> None:
    """What no file of the agent's settles stays failed, and so does what leans on it."""
    agreed = _disagree(world)
    next((world.deposit(1) / "segments").iterdir()).write_bytes(b"rotten")
    world.receive(0.1)
    world.agreements.write_text(agreed, encoding="utf-8")
    assert world.receive(0.2, again=True).receipts == ()


def test_judging_again_to_the_same_end_gives_no_receipt(world: World) -> None:
    """Another agreements.yaml that changes nothing of it is noted once, and writes nothing beside the deposit."""
    agreed = _disagree(world)
    world.deposit(1)
    world.receive(0.1)
    world.agreements.write_text(world.agreements.read_text(encoding="utf-8") + "# a remark\n", encoding="utf-8")
    assert world.receive(0.2).receipts == ()
    noted = (world.memory / "log.jsonl").read_bytes()
    assert world.receive(0.3).receipts == ()
    assert world.receive(0.4, again=True).receipts == ()
    assert (world.memory / "log.jsonl").read_bytes() == noted
    world.agreements.write_text(agreed, encoding="utf-8")
    assert _found(world.receive(0.5)) == [(1, "pass", set())]


def test_killed_between_memory_and_second_receipt_is_finished_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second receipt is written from the memory with the bytes that were remembered."""
    agreed = _disagree(world)
    world.deposit(1)
    world.receive(0.1)
    world.agreements.write_text(agreed, encoding="utf-8")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(job, "write_receipt", killed)
        with pytest.raises(KeyboardInterrupt):
            world.receive(0.2)
    assert not receipt_path(world.folder, NAME, 1, 2).exists()
    assert world.receive(0.3).findings == ()
    found = read_receipt(world.folder, NAME, 1, _agents())
    assert found is not None
    assert found[0].received_at == "2025-03-03T13:48:00Z"


def test_second_receipt_that_was_not_given_is_named_and_refused(world: World) -> None:
    """A receipt put beside a deposit under the next number is foreign to the agent, and replaces nothing."""
    world.deposit(1)
    (given,) = world.receive(0.1).receipts
    write_receipt(world.folder, given, world.key, 2)
    assert {each.code for each in world.receive(0.2).findings} == {"A212"}
    with pytest.raises(SignatureError, match="does not replace"):
        read_receipt(world.folder, NAME, 1, _agents())


def test_full_deposit_after_one_by_a_stranger_key_heals_the_chain(world: World) -> None:
    """The second was signed by a key not named; the full third follows it by its manifest, passes, and says so."""
    world.deposit(1)
    world.receive(0.1)
    world.deposit(2, signer=STRANGER)
    assert _found(world.receive(1.1)) == [(2, "fail", {"X125"})]
    world.deposit(3)
    done = world.receive(2.1)
    assert _found(done) == [(3, "pass", set())]
    assert _warned(done) == [{"A115"}]
    assert done.receipts[0].head
    world.deposit(4)
    assert _warned(world.receive(3.1)) == [set()]


def test_stranger_key_that_is_trusted_afterwards_is_judged_again(world: World) -> None:
    """A key that was named too late: the deposit, and the differential that failed because of it, pass."""
    world.deposit(1)
    world.receive(0.1)
    world.deposit(2, signer=STRANGER)
    _differential(world, 3)
    assert _found(world.receive(2.1)) == [(2, "fail", {"X125"}), (3, "fail", {"A109"})]
    named = trust_line(STRANGER).replace("mallory@", "sender@")
    world.trust.write_text(world.trust.read_text(encoding="utf-8") + named, encoding="utf-8")
    assert _found(world.receive(2.2)) == [(2, "pass", set()), (3, "pass", set())]


def _lost(world: World) -> None:
    shutil.rmtree(world.path(2))


def _exchanged(world: World) -> None:
    (world.path(2) / "manifest.json").write_bytes(b"{}")


@pytest.mark.parametrize("harm", [_lost, _exchanged])
def test_full_deposit_over_one_that_does_not_lie_there_does_not_heal(world: World, harm: object) -> None:
    """Only what lies there as it was received is passed over; else a deposit is missing."""
    world.deposit(1)
    world.receive(0.1)
    world.deposit(2, signer=STRANGER)
    world.receive(1.1)
    assert callable(harm)
    harm(world)
    world.deposit(3)
    assert _found(world.receive(2.1)) == [(3, "fail", {"A109"})]


def test_full_deposit_that_follows_a_fork_does_not_heal(world: World) -> None:
    """The second forks; a full third that follows the fork is no way back to the head."""
    world.deposit(1)
    world.receive(0.1)
    world.deposit(2, chain={"previous_sha256": "cd" * 32})
    assert _found(world.receive(1.1)) == [(2, "fail", {"X152"})]
    world.deposit(3)
    assert _found(world.receive(2.1)) == [(3, "fail", {"A109"})]


def test_full_deposit_over_a_replay_does_not_heal(world: World) -> None:
    """A copy of the first under the second's number carries nothing that follows it."""
    world.deposit(1)
    world.receive(0.1)
    shutil.copytree(world.path(1), world.path(2))
    world.receive(1.1)
    world.previous = "ab" * 32
    world.deposit(3)
    assert _found(world.receive(2.1)) == [(3, "fail", {"A109"})]


def test_late_trust_does_not_put_a_deposit_under_a_later_head(world: World) -> None:
    """A rival second, refused when it came, is not judged again once the chain went on without it."""
    world.deposit(1)
    world.receive(0.1)
    before = world.previous
    world.deposit(2, signer=STRANGER)
    world.receive(1.1)
    world.previous = before
    world.deposit(3, threshold=2)
    assert _found(world.receive(2.1)) == [(3, "fail", {"A105"})]
    named = trust_line(STRANGER).replace("mallory@", "sender@")
    world.trust.write_text(world.trust.read_text(encoding="utf-8") + named, encoding="utf-8")
    assert world.receive(2.2, again=True).receipts == ()


def test_depositor_takes_the_receipt_that_replaces_the_failed_one(world: World, tmp_path: Path) -> None:
    """RECEIVED by the first receipt, CURRENT by the second; a third that replaces nothing changes nothing."""
    agreed = _disagree(world)
    world.deposit(1)
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    world.record(url, 1)
    config = DepositoryConfig(name="shelf", url=f"directory:{world.folder}")

    def fetched() -> list[str]:
        with open_catalogue(url) as catalogue, open_depository(config) as depository:
            return [each.outcome for each in fetch_receipts(catalogue, NAME, [depository], _agents())]

    (failed,) = world.receive(0.1).receipts
    assert fetched() == ["fail"]
    world.agreements.write_text(agreed, encoding="utf-8")
    world.receive(0.2)
    assert fetched() == ["pass"]
    write_receipt(world.folder, failed, world.key, 3)
    assert fetched() == []
    with open_catalogue(url) as catalogue, catalogue.reading() as transaction:
        assert [each.state for each in list_deposits(transaction, NAME)] == ["CURRENT"]
        assert [each.result for each in list_receipts(transaction, NAME)] == ["pass"]
