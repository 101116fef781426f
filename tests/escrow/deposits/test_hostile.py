"""What somebody who can write to a depository, or a machine with a wrong clock, does to a chain: it goes on, loudly."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from portability.errors import CatalogueError, ConfigError, DepositConflictError
from portability.escrow.deposits import planning, publishing
from portability.escrow.deposits.run import run_job
from portability.escrow.receiving.receipts import Receipt, receipt_path, sha256_of, write_receipt
from portability.escrow.running.depositing import deposit_now
from portability.escrow.running.runs import standing_of
from portability.signing import load_signing_key
from tests.escrow.deposits.conftest import Vendor, moment, tool


class Killed(BaseException):
    """What no handler of ours takes: it stands for kill -9."""


def kill(*_: object, **__: object) -> None:
    """Stand in for any function: the run ends there."""
    raise Killed


def test_deposit_with_foreign_numbers_in_the_depository_goes_on_behind_its_own(
    vendor: Vendor, depository: Path
) -> None:
    """A file under the last number, and an old deposit put under a later one, neither end nor stop the chain."""
    first = vendor.deposit()
    (depository / "smith/999999").mkdir()
    (depository / "smith/999999/x").write_text("x", encoding="utf-8")
    shutil.copytree(depository / "smith/000001", depository / "smith/000003")
    second = vendor.deposit()
    assert (second.sequence, second.kind, second.state) == (2, "differential", "PUBLISHED")
    told = " ".join(second.warnings)
    assert "number 999999 in shelf" in told
    assert "shelf: smith/000003 is no deposit of that number" in told
    third = vendor.deposit()
    assert third.sequence == 4  # under 3 something lies
    assert [each.previous_sha256 for each in vendor.deposits()][1:] == [first.manifest_sha256, second.manifest_sha256]


@pytest.mark.slow
def test_deposit_when_all_numbers_are_taken_is_refused(
    vendor: Vendor, depository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no number of seven digits, which no agent would look at."""
    vendor.deposit()
    monkeypatch.setattr(planning, "_SEQUENCE_MAX", 1)  # 999,999 in truth: nobody makes as many here
    with pytest.raises(DepositConflictError, match="all numbers"):
        vendor.deposit()
    assert [path.name for path in (depository / "smith").iterdir()] == ["000001"]


@pytest.mark.slow
def test_deposit_committed_but_damaged_and_its_spool_lost_is_followed_in_full(
    vendor: Vendor, depository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number whose signature lies in a depository is never given up: two deposits would follow the same one."""
    vendor.deposit()
    with monkeypatch.context() as patched:
        patched.setattr(publishing, "_record", kill)
        with pytest.raises(Killed):
            vendor.deposit()
    shutil.rmtree(vendor.spool)
    _cut(depository / "smith/000002/segments/000000.age")
    finished = vendor.deposit()
    assert (finished.sequence, finished.finished_earlier, finished.state) == (2, True, "PUBLISHED")
    assert "deposit 2 is not in shelf as it was made" in finished.warnings[0]
    third = vendor.deposit()
    assert (third.sequence, third.kind) == (3, "full")
    chain = json.loads((depository / "smith/000003/manifest.json").read_bytes())["chain"]
    assert chain["previous_sha256"] == finished.manifest_sha256


@pytest.mark.slow
def test_deposit_committed_but_damaged_with_its_spool_is_counted(
    vendor: Vendor, depository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The spool does not help where other bytes have the name; the number is not given up all the same."""
    with monkeypatch.context() as patched:
        patched.setattr(publishing, "_record", kill)
        with pytest.raises(Killed):
            vendor.deposit()
    _cut(depository / "smith/000001/segments/000000.age")
    finished = vendor.deposit()
    assert (finished.sequence, finished.state) == (1, "PUBLISHED")
    assert vendor.deposit().kind == "full"


@pytest.mark.slow
def test_deposit_whose_base_the_agent_found_broken_is_full(vendor: Vendor, depository: Path) -> None:
    """A receipt that says FAIL is heard by the next run: nothing more leans on what does not open."""
    first = vendor.deposit()
    path = receipt_path(depository, "smith", 1)
    path.write_bytes(b"no receipt at all")
    assert vendor.deposit().kind == "differential"
    path.write_bytes(_failed(first.manifest_sha256).to_bytes())
    third = vendor.deposit()
    assert third.kind == "full"
    assert third.reason == "the agent found deposit 1 in shelf broken: its receipt says so"
    assert third.reason in third.warnings


@pytest.mark.slow
def test_failed_receipt_that_another_replaces_costs_a_full_deposit_only_when_its_key_did_not_sign(
    vendor: Vendor, depository: Path, tmp_path: Path
) -> None:
    """The agent's newest word counts; that of somebody who has another key does not."""
    tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "agent")
    agent = load_signing_key(str(tmp_path / "agent"))
    failed = replace(_failed(vendor.deposit().manifest_sha256), receiver=agent.fingerprint)
    passed = replace(failed, result="pass", before={"replaces_sha256": sha256_of(failed.to_bytes())})
    write_receipt(depository, failed, agent)
    write_receipt(depository, passed, vendor.key, 2)
    second = vendor.deposit()
    assert (second.kind, second.reason) == ("full", "the agent found deposit 1 in shelf broken: its receipt says so")
    failed = replace(failed, manifest_sha256=second.manifest_sha256, sequence=2)
    passed = replace(failed, result="pass", before={"replaces_sha256": sha256_of(failed.to_bytes())})
    write_receipt(depository, failed, agent)
    write_receipt(depository, passed, agent, 2)
    third = vendor.deposit()
    assert (third.kind, third.warnings) == ("differential", ())


@pytest.mark.slow
def test_run_that_finishes_an_old_deposit_makes_the_one_that_is_due(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Monday's deposit does not answer next Monday; today's does answer today."""
    vendor.write_job(schedule={"cron": "0 2 * * 1", "time_zone": "Europe/London"})
    with vendor.catalogue() as catalogue:
        request = vendor.request(catalogue)
        today = request.now() - timedelta(minutes=5)
        with monkeypatch.context() as patched:
            patched.setattr("portability.escrow.deposits.finishing.publish_deposit", kill)
            with pytest.raises(Killed):
                deposit_now(replace(request, due_at=today))
        with monkeypatch.context() as patched:  # what is fresh is only finished
            patched.setattr("portability.escrow.deposits.run._new", kill)
            (only,) = run_job(replace(request, due_at=today))
        assert only.finished_earlier
        with monkeypatch.context() as patched:
            patched.setattr("portability.escrow.deposits.finishing.publish_deposit", kill)
            with pytest.raises(Killed):
                run_job(replace(request, due_at=today))
        later = moment(14, 2)
        outcome = deposit_now(replace(request, now=lambda: later, due_at=later))
        assert [(each.sequence, each.finished_earlier) for each in outcome.deposits] == [(2, True), (3, False)]


@pytest.mark.slow
def test_depository_that_never_gets_a_deposit_is_told_and_gets_the_next_ones(
    make_vendor: Callable[..., Vendor], depository: Path, tmp_path: Path
) -> None:
    """Somebody else's file under one number costs the second depository that number, not the chain."""
    second = tmp_path / "second"
    second.mkdir()
    shelves = [{"name": name, "url": f"directory:{path}"} for name, path in (("shelf", depository), ("second", second))]
    vendor = make_vendor(depositories=shelves, quorum=1)
    vendor.deposit()

    def meddle(text: str) -> None:
        if text == "to second":
            (second / "smith/000002").mkdir()
            (second / "smith/000002/junk").write_text("x", encoding="utf-8")

    result = vendor.deposit(progress=meddle)
    assert (result.state, result.placements[1].state) == ("PUBLISHED", "CONFLICT")
    assert "second never gets deposit 2" in result.warnings[0]
    assert not any(vendor.spool.iterdir())
    third = vendor.deposit()
    assert (third.kind, third.warnings) == ("full", ())
    assert third.reason == "second does not have deposit 2 as it was made"
    assert (second / "smith/000003/manifest.json.sig").is_file()


@pytest.mark.slow
def test_deposit_damaged_in_the_spool_is_made_anew(
    vendor: Vendor, depository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that loses a byte of a deposit on its way costs that deposit, not the chain, and a person is told."""
    first = vendor.deposit()
    with monkeypatch.context() as patched:
        patched.setattr("portability.escrow.deposits.finishing.publish_deposit", kill)
        with pytest.raises(Killed):
            vendor.deposit()
    _flip(vendor.spool / "000002/segments/000000.age")
    again = vendor.deposit()
    assert (again.state, again.finished_earlier) == ("PUBLISHED", False)
    assert "deposit 2 was not in the spool as it was made" in again.warnings[0]
    assert vendor.deposits()[-1].previous_sha256 == first.manifest_sha256
    assert vendor.deposit().warnings == ()
    assert (depository / "smith/000002").is_dir() == (again.sequence == 3)


@pytest.mark.slow
def test_run_after_the_clock_was_set_back_fails_aloud(vendor: Vendor, depository: Path) -> None:
    """It is not idle: the job is due, its run is refused by the chain's own times, and that is recorded."""
    with vendor.catalogue() as catalogue:
        request = vendor.request(catalogue)
        now = request.now()
        deposit_now(replace(request, now=lambda: now + timedelta(days=400)))
        assert standing_of(catalogue, vendor.job, now, vendor.limits).may_run(now)
        earlier = now - timedelta(hours=1)  # the deposit's own time is the real one
        with pytest.raises(ConfigError, match="the clock says"):
            deposit_now(replace(request, now=lambda: earlier, due_at=now))
        standing = standing_of(catalogue, vendor.job, now, vendor.limits)
    assert standing.failing_since is not None
    assert [path.name for path in (depository / "smith").iterdir()] == ["000001"]


@pytest.mark.slow
def test_deposit_that_waits_longer_than_it_promised_is_told(
    make_vendor: Callable[..., Vendor], depository: Path, tmp_path: Path
) -> None:
    """A depository that is away costs no deposit by quorum, but a person hears of it when its next_by has passed."""
    shelves = [{"name": "shelf", "url": f"directory:{depository}"}, {"name": "away", "url": f"directory:{tmp_path}/no"}]
    vendor = make_vendor(depositories=shelves, quorum=1)
    assert vendor.deposit().warnings == ()
    with vendor.catalogue() as catalogue:
        request = vendor.request(catalogue)
        later = request.now() + timedelta(days=3)
        (result,) = run_job(replace(request, now=lambda: later))
    assert "away still lacks deposit 1" in result.warnings[0]


@pytest.mark.slow
def test_cooldown_after_a_clock_that_was_ahead_has_passed(make_vendor: Callable[..., Vendor], depository: Path) -> None:
    """A deposit that a depository got in the future does not keep it waiting until then."""
    vendor = make_vendor(depositories=[{"name": "shelf", "url": f"directory:{depository}", "cooldown": "1h"}])
    vendor.deposit(now=lambda: moment(1))
    with vendor.catalogue() as catalogue:
        waits = publishing._waits(vendor.request(catalogue), vendor.job.depositories[0], vendor.deposits()[0])
        early = publishing._waits(
            vendor.request(catalogue, now=lambda: moment(1) + timedelta(minutes=2)),
            vendor.job.depositories[0],
            vendor.deposits()[0],
        )
    assert (waits, early) == ("", "its cooldown of 3600 s")


@pytest.mark.slow
def test_run_that_lost_its_hold_publishes_nothing(vendor: Vendor, depository: Path) -> None:
    """A run that is not the only one any more stops before its deposit leaves the spool."""

    def lost() -> None:
        if any(vendor.spool.glob("*/manifest.json.sig")):
            raise Killed

    with pytest.raises(Killed):
        vendor.deposit(still_held=lost)
    assert not any(depository.iterdir())
    assert vendor.deposits() == ()


@pytest.mark.slow
def test_run_that_loses_its_hold_while_it_uploads_does_not_commit(vendor: Vendor, depository: Path) -> None:
    """It is asked once more when only the signature is missing; the next run finishes what lies there."""

    def lost() -> None:
        if (depository / "smith/000001/manifest.json").exists():
            raise CatalogueError("the hold is lost")

    with pytest.raises(CatalogueError):
        vendor.deposit(still_held=lost)
    assert not (depository / "smith/000001/manifest.json.sig").exists()
    finished = vendor.deposit()
    assert (finished.sequence, finished.finished_earlier, finished.state) == (1, True, "PUBLISHED")


def _cut(segment: Path) -> None:
    segment.chmod(0o600)
    segment.write_bytes(segment.read_bytes()[:-1])


def _flip(segment: Path) -> None:
    segment.chmod(0o600)
    content = bytearray(segment.read_bytes())
    content[-5] ^= 1
    segment.write_bytes(content)


def _failed(manifest_sha256: str) -> Receipt:
    return Receipt(
        format="legal-portability-receipt",
        version="1.0",
        agreement="smith",
        sequence=1,
        result="fail",
        level="v0",
        received_at="2026-11-22T12:00:00Z",
        receiver="SHA256:agent",
        manifest_sha256=manifest_sha256,
        signature_sha256="0" * 64,
        size_bytes=1,
        files=1,
        authentic=True,
        head=False,
        signer="vendor",
        before={},
        compared={},
        findings=(),
    )
