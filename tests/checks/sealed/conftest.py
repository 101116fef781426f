"""Sealed archives to check, and what they are checked against; built once for all tests of a run."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from fixtures.bad_sealed import CONTENT, GOOD, archive_content, write_inputs
from fixtures.build import Builder
from fixtures.sealing import Deposit, seal
from portability.checks.sealed import SealedRequest
from portability.sealing.encryption import parse_identities
from portability.sealing.recipients import parse_recipients
from portability.signing import Policy, load_trust

MakeRequest = Callable[[dict[str, str]], SealedRequest]
"""From options and files of ``inputs/`` to a request."""


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with ``inputs/``."""
    directory = tmp_path_factory.mktemp("sealed")
    write_inputs(directory)
    return directory


@pytest.fixture(scope="session")
def make_request(world: Path) -> MakeRequest:
    """What makes a request of the files in ``inputs/``."""
    inputs = world / "inputs"

    def make(given: dict[str, str]) -> SealedRequest:
        path = {option: inputs / name for option, name in given.items()}
        keys = [parse_identities((inputs / n).read_bytes()) for n in given.get("identity", "").split()]
        agreed = parse_recipients([str(path["recipients"])]) if "recipients" in path else None
        return SealedRequest(
            policy=Policy(trust=load_trust(path["trust"])) if "trust" in path else None,
            previous=path["previous"].read_bytes() if "previous" in path else None,
            recipients=None if agreed is None else {each.name: each.key for each in agreed},
            identities=tuple(identity for found in keys for identity in found),
        )

    return make


@pytest.fixture(scope="session")
def archive(builder: Builder) -> dict[str, bytes]:
    """The files of the good plain archive."""
    return archive_content(builder.good)


@pytest.fixture(scope="session")
def good(world: Path, archive: dict[str, bytes]) -> dict[str, Path]:
    """The good sealed archives by name."""
    found = {}
    for name, change in GOOD.items():
        deposit = Deposit(content=archive, segment_bytes=2**18)
        change(deposit)
        found[name] = seal(deposit, world / "good" / name)
    return found


@pytest.fixture(scope="session")
def small(world: Path) -> Path:
    """A sealed archive of three small files: quick to copy and to check at levels v0 to v2."""
    return seal(Deposit(content=dict(CONTENT)), world / "small")


@pytest.fixture(scope="session")
def small_tar(world: Path) -> Path:
    """The same as one tar."""
    return seal(Deposit(content=dict(CONTENT), form="tar"), world / "small.tar")


@pytest.fixture
def copied(small: Path, tmp_path: Path) -> Path:
    """A copy of the small one that the test may alter."""
    return Path(shutil.copytree(small, tmp_path / "sealed"))
