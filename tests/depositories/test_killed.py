"""kill -9 of client or server at random points of a deposit to a real OpenSSH: what stands is never wrong."""

from __future__ import annotations

import multiprocessing
import random
import time
from collections.abc import Iterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest

from portability.depositories.testing import sealed_folder
from portability.limits import KIB
from tests.depositories.depositing import deposit
from tests.depositories.sshd import SSHD, Sshd

POINTS = 100


class _Deposits:
    """Deposits of one sealed folder, each under a number of its own, to a server that is harmed."""

    def __init__(self, sshd: Sshd, folder: Path) -> None:
        self.sshd = sshd
        self._folder = folder
        self._wanted = _files(folder)
        self._number = 0
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["tests.depositories.depositing", "paramiko"])
        self.interrupted = 0

    def begin(self, *, again: bool = False) -> ForkServerProcess:
        """Start a deposit, or the last one again."""
        self._number += not again
        process = self._context.Process(
            target=deposit,
            args=(self.sshd.config(connections=2), self._folder, f"agreement/{self._number:06}"),
            kwargs={"as_bulk": bool(self._number // 2 % 2)},  # two this way, two that way
        )
        process.start()
        return process

    def check(self, *, is_finished: bool) -> None:
        """Look at what lies there as the agent does."""
        lying = _files(self.sshd.root / f"agreement/{self._number:06}")
        final = {name: content for name, content in lying.items() if not name.endswith(".part")}
        assert all(content == self._wanted[name] for name, content in final.items())
        assert final == self._wanted or not (is_finished or "manifest.json.sig" in final)
        self.interrupted += final != self._wanted

    def duration(self) -> float:
        """Return how long an undisturbed one takes, from its start."""
        times = []
        for _ in range(3):
            start = time.monotonic()
            process = self.begin()
            process.join()
            times.append(time.monotonic() - start)
            self.check(is_finished=True)
        return sorted(times)[1]


@pytest.fixture
def deposits(tmp_path: Path) -> Iterator[_Deposits]:
    """Return deposits of some files to a server of their own."""
    if SSHD is None:
        pytest.skip("sshd is not installed (Debian: openssh-server)")
    sizes = (1500 * KIB, 700 * KIB, 300 * KIB, 5)
    with Sshd() as sshd:
        yield _Deposits(sshd, sealed_folder(tmp_path / "sealed", segment_bytes=sizes))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_publish_client_killed_at_random_points_next_run_finishes(deposits: _Deposits) -> None:
    """A hundred times: kill -9 of the client, look, run again, look."""
    choice = random.Random(1)
    duration = deposits.duration()
    for _ in range(POINTS):
        process = deposits.begin()
        time.sleep(choice.uniform(0, duration))
        process.kill()
        process.join()
        deposits.check(is_finished=False)
        process = deposits.begin(again=True)
        process.join()
        assert process.exitcode == 0
        deposits.check(is_finished=True)
    assert deposits.interrupted > POINTS / 4


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_publish_server_killed_at_random_points_run_finishes(deposits: _Deposits) -> None:
    """A hundred times: kill -9 of the server or its sessions under a deposit, which carries on by itself."""
    choice = random.Random(2)
    duration = deposits.duration()
    for point in range(POINTS):
        process = deposits.begin()
        time.sleep(choice.uniform(0, duration))
        if point % 2:
            deposits.sshd.kill()
            deposits.check(is_finished=False)
            deposits.sshd.start()
        else:
            deposits.sshd.kill_sessions()
            deposits.check(is_finished=False)
        process.join()
        if process.exitcode != 0:  # its first connection was refused, which is told at once
            process = deposits.begin(again=True)
            process.join()
        assert process.exitcode == 0
        deposits.check(is_finished=True)
    assert deposits.interrupted > POINTS / 4


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
