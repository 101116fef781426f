"""A differential leans on its full deposit and on all between: one of them broken fails it, before anybody opens it."""

from __future__ import annotations

import shutil

import pytest

from portability.escrow.receiving.agreements import load_agreements
from portability.escrow.receiving.job import Received
from portability.escrow.retention.pruning import PruneRequest, plan_pruning
from portability.escrow.status.deadman import deadman_folder
from tests.escrow.receiving.conftest import NAME, World, when


def _flip(world: World, sequence: int) -> None:
    segment = next((world.path(sequence) / "segments").iterdir())
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 1
    segment.write_bytes(bytes(content))


def _leaning(world: World, sequence: int, **changes: str) -> None:
    chain = {"kind": "differential", "base_sha256": world.sha256(1), **changes}
    world.deposit(sequence, chain=chain)


def _errors(done: Received) -> list[tuple[int, set[str]]]:
    return [(each.sequence, {f.code for f in each.findings if f.severity == "error"}) for each in done.receipts]


def test_differential_over_a_failed_one_fails_and_the_next_full_passes(world: World) -> None:
    """One bit of the second is wrong: the third cannot be opened, and says so; a full fourth begins anew."""
    world.deposit(1)
    _leaning(world, 2)
    _flip(world, 2)
    world.receive(1.1)
    _leaning(world, 3)
    done = world.receive(2.1)
    assert _errors(done) == [(3, {"A106"})]
    (found,) = (each for each in done.receipts[0].findings if each.code == "A106")
    assert "deposit 2 failed" in found.details
    world.deposit(4)
    assert [each.result for each in world.receive(3.1).receipts] == ["pass"]


@pytest.mark.parametrize("broken", [1, 2])
def test_differential_over_one_that_is_not_whole_any_more_fails(world: World, broken: int) -> None:
    """What was whole when it came and lost its segments since carries nothing."""
    world.deposit(1)
    _leaning(world, 2)
    assert world.receive(1.1).ok
    shutil.rmtree(world.path(broken) / "segments")
    _leaning(world, 3)
    done = world.receive(2.1)
    assert _errors(done) == [(3, {"A106"})]
    assert f"deposit {broken} is not whole any more" in done.receipts[0].findings[0].details


def test_damage_that_was_found_once_is_looked_for_until_it_is_mended(world: World) -> None:
    """A flipped bit shows only when every byte is read; from then on each run reads that deposit, until it is right."""
    world.deposit(1)
    world.receive(0.1)
    _flip(world, 1)
    assert world.receive(0.2).ok
    assert not world.receive(0.3, again=True).ok
    assert [each.code for each in world.receive(0.4).findings] == ["A204"]
    _leaning(world, 2)
    assert _errors(world.receive(1.1)) == [(2, {"A106"})]
    _flip(world, 1)
    assert world.receive(1.2).findings == ()


def test_broken_newest_full_keeps_the_good_one_before_it(world: World) -> None:
    """Retention goes by what opens now: the older full deposit stays while the newest is not whole."""
    for number in (1, 2, 3):
        world.deposit(number, at=when(10 * (number - 1)))
        world.receive(10 * (number - 1) + 0.1)
    request = PruneRequest(
        folder=world.folder, memory=world.memory, agreements=load_agreements(world.agreements), now=when(400)
    )
    assert [each.sequence for each in plan_pruning(request)[0].deleted] == [2, 1]
    shutil.rmtree(world.path(3) / "segments")
    assert [each.sequence for each in plan_pruning(request)[0].deleted] == [1]


def test_deadman_by_memory_says_failed_while_what_was_received_is_changed(world: World) -> None:
    """A chain whose last deposit lost its segments does not stand as if all were well."""
    world.deposit(1)
    world.receive(0.1)
    shutil.rmtree(world.path(1) / "segments")
    world.receive(0.2)
    (found,) = deadman_folder(world.folder, None, now=when(1), memory=world.memory)
    assert (found.agreement, found.standing) == (NAME, "FAILED")
