"""Deposits to a real sshd under kill -9, of the depositor and of the server, at random points of a run.

PORTABILITY_KILLS sets how many points there are, PORTABILITY_KILLS_SEED which; with ``--log-file`` and
``--log-file-level=INFO`` each is written down.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portability.checks import verify
from tests.conftest import lacking
from tests.depositories.sshd import SSHD, Sshd
from tests.escrow.deposits.conftest import Vendor

KILLS = int(os.environ.get("PORTABILITY_KILLS", "6"))
SEED = int(os.environ.get("PORTABILITY_KILLS_SEED", "11"))
LOG = logging.getLogger(__name__)
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


def run_killed(vendor: Vendor, after_s: float, server: Sshd | None = None) -> bool:
    """Start a deposit and kill it with its workers after a while, or the server; tell whether it was still running.

    A server that was killed is started again, and the deposit goes on to whatever end it comes to.
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [*COMMAND, str(vendor.job_file)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    was_running = False
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        was_running = True
        if server is not None:
            server.kill()
            server.start()
            process.wait(600)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return was_running


def assert_nothing_wrong_is_published(root: Path) -> list[int]:
    """Every committed deposit is whole, byte for byte; return their numbers."""
    committed = sorted(path.parent for path in root.glob("smith/*/manifest.json.sig"))
    for folder in committed:
        manifest = json.loads((folder / "manifest.json").read_bytes())
        for each in manifest["files"]:
            data = (folder / each["path"]).read_bytes()
            assert (len(data), hashlib.sha256(data).hexdigest()) == (each["size_bytes"], each["sha256"])
    return [int(folder.name) for folder in committed]


def verify_deposit(vendor: Vendor, root: Path, sequence: int, opened: Path) -> None:
    """Open a deposit by what lies in the depository, put it together with its bases, and look at all of it (v3)."""
    archive = vendor.restore(root, sequence, opened)
    report = verify(archive, level="deep")
    assert report.ok, [each.text for each in report.of_severity("error")]
    if archive.name.startswith("archive-"):
        shutil.rmtree(archive)  # what it was put together from is kept for the next


@pytest.mark.slow
@pytest.mark.timeout(300 + 60 * KILLS)
def test_deposit_killed_at_random_points_is_finished_by_the_next_run(
    sshd: Sshd, make_vendor: Callable[..., Vendor], tmp_path: Path
) -> None:
    """After each kill nothing wrong stands under a final name, one more run ends well, and every deposit is v3."""
    vendor = make_vendor(catalogue="sqlite:///catalogue.db", depositories=[sftp_depository(sshd)])
    chance = random.Random(SEED)
    opened = tmp_path / "opened"
    opened.mkdir()
    vendor.deposit()
    vendor.change(seed=-1)
    started = time.monotonic()
    assert not run_killed(vendor, 120)
    longest = time.monotonic() - started
    numbers: list[int] = []
    struck = {"client": 0, "server": 0}
    for number in range(KILLS):
        vendor.change(seed=number)
        target = chance.choice(["client", "server"])
        after_s = chance.uniform(0, longest)
        struck[target] += run_killed(vendor, after_s, sshd if target == "server" else None)
        assert_nothing_wrong_is_published(sshd.root)
        vendor.deposit()
        before, numbers = numbers, assert_nothing_wrong_is_published(sshd.root)
        assert numbers == list(range(1, len(numbers) + 1))
        for sequence in numbers[len(before) :]:
            verify_deposit(vendor, sshd.root, sequence, opened)
        LOG.info("%d: %s, %.2f s; struck %s; %d deposits v3", number + 1, target, after_s, struck, len(numbers))
    assert not any(vendor.spool.iterdir())
    assert not any((vendor.folder / "staging").iterdir())
    assert {each.state for each in vendor.deposits()} == {"PUBLISHED"}


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
