"""Whatever bytes come from outside: findings or a sentence, never another error, in bounded time and memory.

Real files are mutated by a seeded generator for a bounded time. PORTABILITY_FUZZ_SECONDS gives each parser longer,
PORTABILITY_FUZZ_SEED starts elsewhere.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import resource
import time
from pathlib import Path

import pytest

from portability.errors import PortabilityError
from tests.fuzz.mutation import mutate
from tests.fuzz.targets import TARGETS, Target, World

SECONDS = float(os.environ.get("PORTABILITY_FUZZ_SECONDS", "2"))
SEED = os.environ.get("PORTABILITY_FUZZ_SEED", "20260301")
QUICK_INPUTS = 30
INPUT_SECONDS_MAX = 10
GROWTH_MAX_KIB = 256 * 1024


@pytest.mark.parametrize("target", [each for each in TARGETS if not each.slow], ids=lambda target: target.name)
def test_parser_given_a_mutated_file_answers_or_refuses(world: World, target: Target) -> None:
    """A few inputs for each parser that is quick, in every run of the tests."""
    assert fuzz(target, world, inputs_max=QUICK_INPUTS, seconds=60) == QUICK_INPUTS


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_parser_given_mutated_files_for_a_time_answers_or_refuses(world: World, target: Target) -> None:
    """As many inputs as fit into the time."""
    assert fuzz(target, world, inputs_max=10**9, seconds=SECONDS) > 0


def fuzz(target: Target, world: World, *, inputs_max: int, seconds: float) -> int:
    """Feed a parser, and return how often."""
    chosen = random.Random(f"{SEED} {target.name}")
    seeds, beside = target.seeds(world), sorted(world.folder.parent.iterdir())
    for seed in seeds:
        read(target, world, seed)
    memory, deadline, count = peak_kib(), time.monotonic() + seconds, 0
    while count < inputs_max and time.monotonic() < deadline:
        started = time.process_time()
        read(target, world, mutate(chosen.choice(seeds), chosen))
        assert time.process_time() - started < INPUT_SECONDS_MAX
        count += 1
    assert peak_kib() - memory < GROWTH_MAX_KIB
    assert sorted(world.folder.parent.iterdir()) == beside, "something was written elsewhere"
    return count


def read(target: Target, world: World, data: bytes) -> None:
    """Read once; anything but an answer or a refusal fails with the input."""
    try:
        with contextlib.suppress(PortabilityError):
            target.read(world, data)
    except Exception as error:
        shown = base64.b64encode(data[:20_000]).decode()
        raise AssertionError(f"{target.name}: {type(error).__name__}: {error}\ninput, base64: {shown}") from error


def peak_kib() -> int:
    """Return the most memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def test_mutate_same_seed_gives_same_bytes() -> None:
    """A failure can be made again from its seed."""
    good = Path(__file__).read_bytes()
    assert [mutate(good, random.Random(n)) for n in range(50)] == [mutate(good, random.Random(n)) for n in range(50)]
