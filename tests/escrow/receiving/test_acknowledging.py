"""Failed deposits that the agent removed, and a login that commits without end."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fixtures.sealing import Person
from portability.errors import ProcedureError
from portability.escrow.receiving import job
from portability.escrow.receiving.acknowledging import Acknowledgement, acknowledge
from portability.escrow.receiving.memory import open_memory
from portability.limits import DEFAULT_LIMITS
from tests.escrow.receiving.conftest import AGENT, NAME, World, when
from tests.governing.shell import Shell

REMOVED = Acknowledgement(agreement=NAME, sequence=2, by="ann", reason="put there by mistake")


def _alarms(world: World, days: float) -> list[str]:
    return [each.code for each in world.receive(days).findings if each.severity == "error"]


def _with_a_failed_one(world: World) -> None:
    world.deposit(1)
    world.deposit(2, chain={"agreement": "another"})
    assert [each.result for each in world.receive(1.5).receipts] == ["pass", "fail"]


def test_failed_deposit_that_was_removed_is_no_alarm_once_acknowledged(world: World) -> None:
    """A202 in every run, until it is said why it is gone; what comes back under its number is compared again."""
    _with_a_failed_one(world)
    shutil.move(world.path(2), world.memory.parent / "removed")
    assert _alarms(world, 1.6) == ["A202"]
    with open_memory(world.memory) as memory:
        assert acknowledge(memory, world.folder, REMOVED, now=when(1.7)).result == "fail"
    assert _alarms(world, 1.8) == []
    with open_memory(world.memory) as memory:
        (said,) = memory.records("acknowledged")
        assert (said["by"], said["reason"]) == ("ann", "put there by mistake")
        assert [each["over"] for each in memory.records("alarm")] == [False, True]
    shutil.copytree(world.memory.parent / "removed", world.path(2))
    (world.path(2) / "manifest.json").write_bytes(b"{}")
    assert _alarms(world, 1.9) == ["A201"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sequence": 1}, "it passed"),
        ({"sequence": 9}, "no such deposit was received"),
        ({}, "still lies there"),
        ({"reason": " "}, "the reason"),
        ({"reason": "two\nlines"}, "the reason"),
    ],
    ids=["passed", "unknown", "there", "without_a_reason", "two_lines"],
)
def test_acknowledge_what_may_not_be_is_refused(world: World, changes: dict[str, Any], why: str) -> None:
    """Only a failed deposit that is gone, once, with a reason; nothing is remembered otherwise."""
    _with_a_failed_one(world)
    if changes:
        shutil.rmtree(world.path(2))
    given = replace(REMOVED, **changes)
    with open_memory(world.memory) as memory:
        with pytest.raises(ProcedureError, match=why):
            acknowledge(memory, world.folder, given, now=when(2))
        assert not list(memory.records("acknowledged"))


def test_acknowledge_command_takes_an_officers_key_and_no_others(world: World, tmp_path: Path) -> None:
    """On the command line, by the names in agreements.yaml; the agent's own key is no officer's."""
    _with_a_failed_one(world)
    shutil.rmtree(world.path(2))
    for person in (Person("ann"), AGENT):
        key = person.signing.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
        (tmp_path / person.name).write_bytes(key)
        (tmp_path / person.name).chmod(0o600)
    shell = Shell(tmp_path)
    command = (
        f"portability escrow acknowledge depository --agreement {NAME} --sequence 2 --reason mistaken "
        "--agreements agreements.yaml --memory memory --sign"
    )
    refused = shell.run(f"{command} agent")
    assert (refused.code, "is no officer's" in refused.err) == (17, True)
    assert "removed by ann" in shell.ok(f"{command} ann")
    assert _alarms(world, 2) == []


def test_receive_more_deposits_than_a_run_takes_leaves_the_rest_for_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A login that commits without end is named, and costs a bounded run; a vendor's backlog is worked off."""
    monkeypatch.setattr(job, "DEFAULT_LIMITS", replace(DEFAULT_LIMITS, arrivals_max=2))
    for sequence in range(1, 6):
        world.deposit(sequence)
    first = world.receive(5)
    assert [each.sequence for each in first.receipts] == [1, 2]
    assert [(each.code, each.details) for each in first.findings] == [("A216", ("3 more than 2",))]
    assert [each.sequence for each in world.receive(5.1).receipts] == [3, 4]
    last = world.receive(5.2)
    assert ([each.sequence for each in last.receipts], last.findings, last.ok) == ([5], (), True)
