"""``escrow run``: one look and the end of what it started, or look after look until it is stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from portability.escrow.running.runner import Runner, RunnerReport, RunnerRequest

if TYPE_CHECKING:
    from portability.escrow.running.runner import JobReport

__all__ = ["run_once", "watch"]


def run_once(request: RunnerRequest) -> RunnerReport:
    """Run every job that is due, once, and return when all have ended.

    Raises:
        ConfigError: The folder cannot be read.
    """
    runner = Runner(request)
    try:
        while any(each.state == "queued" for each in runner.look(again=False).jobs):
            runner.wait_for_room()
        runner.wait()
        return runner.look(start=False)
    except BaseException:
        runner.stop()
        raise


def watch(request: RunnerRequest, tell: Callable[[JobReport], None]) -> None:
    """Look at the jobs every few seconds, until the process is stopped; those that run are ended then.

    Args:
        request: What to run.
        tell: Called for a job whenever its state has changed.
    """
    runner, before = Runner(request), dict[str, tuple[str, str]]()
    try:
        while True:
            for each in runner.look().jobs:
                if before.get(each.file) != (each.state, each.detail):
                    before[each.file] = (each.state, each.detail)
                    tell(each)
            time.sleep(request.limits.job_poll_s)
    finally:
        runner.stop()
