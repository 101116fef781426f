"""Depositing by a job file: once (escrow deposit), or whatever is due in a folder of them (escrow run)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import click

from portability.catalogue import open_catalogue, parse_moment_text
from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_asker
from portability.cli.signers import open_key
from portability.config import Config, load_config
from portability.errors import CheckFailedError, ConfigError
from portability.escrow.deposits.requests import JobRequest, SourceAddress
from portability.escrow.jobs import load_job
from portability.escrow.running.depositing import deposit_now
from portability.escrow.running.runner import RunnerRequest
from portability.escrow.running.watching import run_once, watch
from portability.presenting import escrow_running as presenting

__all__ = ["deposit_command", "run_command"]

_SCHEDULER = "scheduler"


@click.command("deposit")
@click.argument("job", type=click.Path(path_type=Path))
@click.option("--full", "force_full", is_flag=True, help="Make a full deposit, whatever has changed.")
@click.option("--adopt", is_flag=True, help="Go on with a chain that another job made, or from another source.")
@click.option("--due", metavar="TIME", help="The moment of the schedule that this run answers; 'escrow run' gives it.")
@as_json_option
def deposit_command(job: Path, force_full: bool, adopt: bool, due: str | None, as_json: bool) -> None:
    """Run one job now: finish what an earlier run left, or else make the next deposit.

    Example: portability escrow deposit job.yaml
    """
    output, config = open_output(as_json), load_config()
    found = load_job(job)
    with open_catalogue(_address(found.catalogue, config)) as catalogue:
        request = JobRequest(
            job=found,
            catalogue=catalogue,
            key=open_key(found.signing_key, found.passphrase_file),
            resolve=_resolver(config),
            passphrase=passphrase_asker(None),
            actor=config.operator or _SCHEDULER,
            force_full=force_full,
            adopt=adopt,
            due_at=_moment(due),
            limits=config.limits,
            progress=output.progress,
        )
        presenting.deposited(output, deposit_now(request))


@click.command("run")
@click.argument("jobs", type=click.Path(path_type=Path))
@click.option("--watch", "keep_watching", is_flag=True, help="Go on, looking every few seconds, until it is stopped.")
@click.option("--workers", type=click.IntRange(1, 32), default=2, show_default=True, help="Jobs side by side.")
@click.option("--logs", type=click.Path(path_type=Path), metavar="DIR", help="The jobs' logs; JOBS/logs when left out.")
@as_json_option
def run_command(jobs: Path, keep_watching: bool, workers: int, logs: Path | None, as_json: bool) -> None:
    """Run every job of a folder that is due, and tell who is to be told. Its exit code is for cron.

    Example: portability escrow run jobs/
    """
    output, config = open_output(as_json), load_config()
    request = RunnerRequest(
        jobs=jobs, logs=logs or jobs / "logs", catalogue=config.catalogue, workers=workers, limits=config.limits
    )
    if keep_watching:
        watch(request, lambda report: presenting.job_changed(output, report))
        return
    report = run_once(request)
    presenting.ran(output, report)
    if report.exit_code:
        failed = [each.job for each in report.jobs if each.exit_code]
        error = CheckFailedError(f"{len(failed)} of {len(report.jobs)} jobs failed: {', '.join(failed)}", report=report)
        error.exit_code = report.exit_code  # of the first of them: cron's mail says what kind of failure it is
        raise error


def _address(named: str | None, config: Config) -> str:
    address = named or config.catalogue
    if address is None:
        hint = "Write into portability.yaml: catalogue: sqlite:///catalogue.db"
        raise ConfigError("no catalogue is named", place="portability.yaml", hint=hint)
    return address


def _resolver(config: Config) -> Callable[[str], SourceAddress]:
    def resolve(name: str) -> SourceAddress:
        found = config.source(name)
        return SourceAddress(url=found.url, documents=found.documents, profile=found.profile)

    return resolve


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_moment_text(text)
    except ValueError as error:
        raise ConfigError(f"--due {error}") from None
