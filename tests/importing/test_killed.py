"""Killed at any moment, an import leaves nothing half-done, and the next run ends where an undisturbed one does."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from typing import TYPE_CHECKING

import pytest

from portability.importing import ImportRequest, import_archive
from tests.importing.small_system import contents

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.importing import ImportResult
    from portability.profiles import Profile
    from tests.importing.conftest import Practice

KILLS = 17  # in each of three DBMSs: 51 moments
BOOKKEEPING = ("_portability_crosswalk", "_portability_import", "_portability_reject")


def _import(practice: Practice, profile: Profile, url: str) -> None:
    """Run in a process of its own."""
    import_archive(ImportRequest(archive=practice.first, target=url, profile=profile, unverified=True))


@pytest.mark.slow
@pytest.mark.timeout(1800)  # on a machine that others use too
def test_import_killed_at_random_moments_ends_as_if_undisturbed(
    make_small: Callable[..., str], run: Callable[..., ImportResult], practice: Practice, small_profile: Profile
) -> None:
    """Live tables are empty of ours or whole after every kill -9, and one more run finishes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["portability.importing", "portability.importing.job", "psycopg", "pymysql"])
    undisturbed = make_small()
    _import_in_process(context, practice, small_profile, undisturbed)
    started = time.monotonic()
    timed = make_small()
    _import_in_process(context, practice, small_profile, timed)
    lasts = time.monotonic() - started
    whole = contents(undisturbed)
    moments = random.Random(20261122)
    url, before, killed = make_small(), contents(make_small()), 0
    while killed < KILLS:
        process = context.Process(target=_import, args=(practice, small_profile, url))
        started = time.monotonic()
        process.start()
        process.join(moments.uniform(0.05, lasts))
        if process.is_alive():
            os.kill(process.pid or 0, signal.SIGKILL)
            killed += 1
        else:
            lasts = min(lasts, time.monotonic() - started)
        process.join()
        left = {name: rows for name, rows in contents(url).items() if not name.startswith("_portability_stage_")}
        live = {name: rows for name, rows in left.items() if name not in BOOKKEEPING}
        assert live in (before, {name: rows for name, rows in whole.items() if name not in BOOKKEEPING})
        if live != before:
            run(url)
            assert contents(url) == whole
            url = make_small()
    run(url)
    assert contents(url) == whole


def _import_in_process(context: multiprocessing.context.ForkServerContext, *arguments: object) -> None:
    process = context.Process(target=_import, args=arguments)
    process.start()
    process.join()
    assert process.exitcode == 0
