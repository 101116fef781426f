"""A folder of jobs: what is due runs once, whoever looks; what fails is told, and hinders no other."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from portability.catalogue import open_catalogue
from portability.escrow.jobs import load_job
from portability.escrow.running.depositing import job_lock
from portability.escrow.running.joblog import write_log
from portability.escrow.running.runner import JobReport, Runner, RunnerRequest
from portability.escrow.running.runs import begin_run, finish_run
from portability.escrow.running.watching import run_once
from portability.limits import DEFAULT_LIMITS

COMMAND = [sys.executable, "-c", "from portability.cli import main; main()"]
DONE = '{"deposits": [{"sequence": 1, "kind": "full", "state": "PUBLISHED"}]}'


def environment() -> dict[str, str]:
    """Return what a process of ours needs to find the package."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


@pytest.fixture
def request_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunnerRequest:
    """A runner of ``jobs/`` that deposits for real."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    open_catalogue(f"sqlite:///{tmp_path}/catalogue.db", upgrade=True).close()
    return RunnerRequest(jobs=tmp_path / "jobs", logs=tmp_path / "logs")


def saying(request: RunnerRequest, script: str) -> RunnerRequest:
    """Let the jobs run a line of shell instead."""
    return replace(request, command=("sh", "-c", script))


def states(reports: tuple[JobReport, ...]) -> dict[str, str]:
    """Return each job's state."""
    return {each.job: each.state for each in reports}


def fill(source: Path) -> None:
    """Make a source of one row."""
    with sqlite3.connect(source) as database:
        database.execute("CREATE TABLE note (id INTEGER PRIMARY KEY, text TEXT)")
        database.execute("INSERT INTO note (text) VALUES ('a word')")


def test_log_of_a_run_under_way_does_not_repeat_how_the_one_before_ended(
    request_for: RunnerRequest, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    """Three looks: the first run ends, the next begins, and goes on; one line says that one is done."""
    write_job()
    runner = Runner(saying(request_for, f"test ! -e {tmp_path}/begun || exec sleep 60; echo '{DONE}'"))
    runner.look()
    runner.wait()
    (tmp_path / "begun").touch()
    assert states(runner.look().jobs) == {"smith": "started"}
    assert states(runner.look().jobs) == {"smith": "running"}
    runner.stop()
    assert (tmp_path / "logs/smith.log").read_text(encoding="utf-8").count("done: ") == 1


def test_job_that_pauses_after_a_failure_says_until_when(
    request_for: RunnerRequest, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    """Idle, though it is due: the table says why."""
    job, now = load_job(write_job()), request_for.now()
    with open_catalogue(f"sqlite:///{tmp_path}/catalogue.db") as catalogue:
        finish_run(catalogue, begin_run(catalogue, job, due_at=now, now=now), outcome="failed", now=now)
    (report,) = run_once(request_for).jobs
    assert (report.state, report.detail.partition(" from ")[0]) == ("idle", "its last run failed; runs")


@pytest.mark.slow
def test_two_runners_at_once_deposit_a_job_once(
    request_for: RunnerRequest, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    """Whoever comes second finds it busy, or done; there is one deposit."""
    write_job()
    fill(tmp_path / "smith.db")
    reports = []
    runners = [threading.Thread(target=lambda: reports.append(run_once(request_for))) for _ in range(2)]
    for each in runners:
        each.start()
    for each in runners:
        each.join()
    assert [each.exit_code for each in reports] == [0, 0]
    assert "done" in {state for each in reports for state in states(each.jobs).values()}
    assert [path.name for path in (tmp_path / "depository-smith/smith").iterdir()] == ["000001"]
    again = run_once(request_for)
    assert states(again.jobs) == {"smith": "idle"}
    assert "deposit 1 (full) PUBLISHED" in (tmp_path / "logs/smith.log").read_text(encoding="utf-8")


def test_runner_failing_job_gives_its_exit_code_and_others_run(
    request_for: RunnerRequest, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    """Of three jobs one is broken, one fails, one is done; cron learns of the first by name."""
    write_job("able")
    write_job("baker")
    (tmp_path / "jobs/crooked.yaml").write_text("name: [", encoding="utf-8")
    error = '{"message": "the source cannot be reached", "hint": "Start it.", "deposits": []}'
    script = f"case $0 in *baker*) echo '{error}'; exit 11;; *) echo '{DONE}';; esac"
    report = run_once(saying(request_for, script))
    assert states(report.jobs) == {"able": "done", "baker": "failed", "crooked": "failed"}
    assert report.exit_code == 11
    assert "the source cannot be reached. Start it." in (tmp_path / "logs/baker.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("script", "detail"),
    [
        ("kill -9 $$", "killed by signal 9"),
        ("exit 3", "ended with 3 and told nothing"),
        ("echo '[1]'; exit 2", "told nothing"),
    ],
)
def test_runner_job_process_that_dies_is_a_failed_run(
    request_for: RunnerRequest, write_job: Callable[..., Path], script: str, detail: str
) -> None:
    """A process that ends without a word is no success."""
    write_job()
    (job,) = run_once(saying(request_for, script)).jobs
    assert (job.state, detail in job.detail, job.exit_code > 0) == ("failed", True, True)


def test_runner_more_jobs_than_workers_all_run(request_for: RunnerRequest, write_job: Callable[..., Path]) -> None:
    """Those that must wait are started when there is room."""
    for name in ("able", "baker", "charlie", "dog", "easy"):
        write_job(name)
    report = run_once(saying(request_for, f"sleep 0.1; echo '{DONE}'"))
    assert set(states(report.jobs).values()) == {"done"}


def test_runner_job_that_another_runner_holds_is_busy(
    request_for: RunnerRequest, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    """It is left to the one that runs it, and that is no failure."""
    write_job()
    with open_catalogue(f"sqlite:///{tmp_path}/catalogue.db") as catalogue, catalogue.hold(job_lock("smith")):
        report = run_once(request_for)
    assert (states(report.jobs), report.exit_code) == ({"smith": "busy"}, 0)


@pytest.mark.slow
def test_runner_dead_runners_lock_is_free(
    request_for: RunnerRequest, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    """A run that is recorded as running, by a process that is gone, stops nobody."""
    path = write_job()
    fill(tmp_path / "smith.db")
    script = (
        "import sys, time\nfrom portability.catalogue import open_catalogue\n"
        f"with open_catalogue('sqlite:///{tmp_path}/catalogue.db') as c, c.hold('{job_lock('smith')}') as held:\n"
        "    print(bool(held), flush=True); time.sleep(60)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment())
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"True\n"
    with open_catalogue(f"sqlite:///{tmp_path}/catalogue.db") as catalogue:
        begin_run(catalogue, load_job(path), due_at=None, now=request_for.now())
    assert states(run_once(request_for).jobs) == {"smith": "busy"}
    holder.kill()
    holder.wait()
    holder.stdout.close()
    assert states(run_once(request_for).jobs) == {"smith": "done"}


@pytest.mark.slow
def test_watch_runs_what_is_due_and_ends_when_asked(
    request_for: RunnerRequest, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    """It says what changes, and SIGTERM ends it as a person's wish."""
    write_job()
    fill(tmp_path / "smith.db")
    process = subprocess.Popen(
        [*COMMAND, "escrow", "run", str(request_for.jobs), "--watch"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    committed = tmp_path / "depository-smith/smith/000001/manifest.json.sig"
    while not committed.exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert committed.exists()
    assert b"smith: started" in out
    assert process.returncode == 130


@pytest.mark.slow
def test_run_command_exit_code_and_document(
    request_for: RunnerRequest, write_job: Callable[..., Path], tmp_path: Path
) -> None:
    """What cron acts on is the failing job's own exit code; a program gets one document."""
    write_job(payload={"source": f"sqlite:///{tmp_path}/not_there.db"})
    done = subprocess.run(
        [*COMMAND, "escrow", "run", str(request_for.jobs), "--json"],
        env=environment(),
        capture_output=True,
        check=False,
    )
    document = json.loads(done.stdout)
    assert document["jobs"][0]["state"] == "failed"
    assert done.returncode == document["exit_code"] == document["jobs"][0]["exit_code"] != 0


def test_job_log_is_rotated_and_one_line_is_one_line(tmp_path: Path, request_for: RunnerRequest) -> None:
    """A log does not grow without end, and nothing that is told can forge a line."""
    limits = replace(DEFAULT_LIMITS, job_log_bytes_max=200)
    for number in range(30):
        write_log(tmp_path / "logs", "smith", [f"failed: line {number}\n2026 done"], request_for.now(), limits)
    found = sorted((tmp_path / "logs").iterdir())
    assert len(found) == 6
    assert all(path.stat().st_size <= 400 for path in found)
    assert "\\n2026 done" in (tmp_path / "logs/smith.log").read_text(encoding="utf-8")
