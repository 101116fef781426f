"""Deposits to a real sshd under kill -9, of the depositor and of the server, at random points of a run.

PORTABILITY_KILLS sets how many points there are.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import lacking
from tests.depositories.sshd import SSHD, Sshd
from tests.escrow.deposits.conftest import Vendor

KILLS = int(os.environ.get("PORTABILITY_KILLS", "6"))
COMMAND = [sys.executable, "-c", "from portability.cli import main; main()", "escrow", "deposit"]


@pytest.fixture
def sshd() -> Iterator[Sshd]:
    """A private OpenSSH, as an agent would set it up."""
    if SSHD is None:
        lacking("sshd")
    with Sshd() as running:
        yield running


def sftp_depository(sshd: Sshd) -> dict[str, object]:
    """Return the depository as a job file has it."""
    login = {"host_keys": [sshd.host_key_line], "key": str(sshd.key)}
    return {"name": "agent", "url": sshd.url, "login": login}


def run_killed(vendor: Vendor, after_s: float, kill_server: Callable[[], None] | None = None) -> bool:
    """Start a deposit and kill it, with its workers, after a while; tell whether it was still running."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [*COMMAND, str(vendor.job_file)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        if kill_server is not None:
            kill_server()
        else:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return False


def assert_nothing_wrong_is_published(root: Path) -> list[int]:
    """Every committed deposit is whole, byte for byte; return their numbers."""
    committed = sorted(path.parent for path in root.glob("smith/*/manifest.json.sig"))
    for folder in committed:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        for each in manifest["files"]:
            data = (folder / each["path"]).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (each["size_bytes"], each["sha256"])
    return [int(folder.name) for folder in committed]


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_deposit_killed_at_random_points_is_finished_by_the_next_run(
    sshd: Sshd, make_vendor: Callable[..., Vendor], tmp_path: Path
) -> None:
    """After each kill nothing wrong stands under a final name, and one more run brings the deposit to its end."""
    vendor = make_vendor(catalogue="sqlite:///catalogue.db", depositories=[sftp_depository(sshd)])
    chance = random.Random(11)
    started = time.monotonic()
    vendor.deposit()
    assert not run_killed(vendor, 120)
    longest = time.monotonic() - started
    numbers: list[int] = []
    for number in range(KILLS):
        vendor.change(seed=number)
        if run_killed(vendor, chance.uniform(0, longest)):
            assert_nothing_wrong_is_published(sshd.root)
        vendor.deposit()
        numbers = assert_nothing_wrong_is_published(sshd.root)
        assert numbers == list(range(1, len(numbers) + 1))
    assert not any(vendor.spool.iterdir())
    assert not any((vendor.folder / "staging").iterdir())
    assert {each.state for each in vendor.deposits()} == {"PUBLISHED"}
    opened = tmp_path / "opened"
    opened.mkdir()
    assert (vendor.restore(sshd.root, numbers[-1], opened) / "bagit.txt").is_file()


@pytest.mark.slow
def test_deposit_server_killed_in_the_middle_is_finished_when_it_is_back(
    sshd: Sshd, make_vendor: Callable[..., Vendor]
) -> None:
    """A server that dies under a deposit costs a run, not a deposit."""
    vendor = make_vendor(catalogue="sqlite:///catalogue.db", depositories=[sftp_depository(sshd)])
    with contextlib.suppress(Exception):
        vendor.deposit(progress=lambda text: sshd.kill_sessions() if text == "to agent" else None)
    assert_nothing_wrong_is_published(sshd.root)
    vendor.deposit()
    assert 1 in assert_nothing_wrong_is_published(sshd.root)
