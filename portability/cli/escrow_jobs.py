"""Job files on the command line: check what they say and whom they let in; make a source bag to look at."""

from __future__ import annotations

from pathlib import Path

import click

from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_asker, passphrase_option
from portability.config import load_config
from portability.errors import CheckFailedError, ConfigError
from portability.escrow.jobs import Job, check_policy, load_job, require_policy
from portability.escrow.jobs_ready import check_places, check_ready, check_together
from portability.escrow.sources import prepare
from portability.folders import new_folder
from portability.presenting import escrow_jobs as presenting
from portability.yaml_files import all_mistakes

__all__ = ["check_command", "prepare_command"]


@click.command("check")
@click.argument("jobs", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--connect", is_flag=True, help="Log in to each depository too, and say whether it can take deposits.")
@passphrase_option
@as_json_option
def check_command(jobs: tuple[Path, ...], connect: bool, passphrase_file: Path | None, as_json: bool) -> None:
    """Check job files: every field, who could open what they deposit, and whether it can run on this machine as it is.

    With --connect two or three tiny files are left in the folder .portability-probe of each depository.

    Example: portability escrow check job.yaml
    """
    loaded, config = _all_loaded(jobs), load_config()
    reports = [check_policy(each) for each in loaded]
    obstacles = [
        (*beside, *check_ready(each, resolve=config.source, catalogue=config.catalogue))
        for each, beside in zip(loaded, check_together(loaded), strict=True)
    ]
    places = None
    if connect:
        asker = passphrase_asker(passphrase_file)
        tried = [check_places(each, passphrase=asker) for each in loaded]
        places = [reached for reached, _ in tried]
        obstacles = [(*known, *found) for known, (_, found) in zip(obstacles, tried, strict=True)]
    presenting.policy(open_output(as_json), reports, obstacles, places)
    if not all(report.is_kept for report in reports):
        raise CheckFailedError("the recipient policy is not kept", hint="Nothing is deposited by such a job.")
    if any(obstacles):
        raise CheckFailedError("a job cannot run on this machine as it is", hint="Mend what is named, and check again.")


def _all_loaded(paths: tuple[Path, ...]) -> list[Job]:
    """Read job files; what is wrong in any of them is told at once."""
    loaded, mistakes = list[Job](), list[ConfigError]()
    for path in paths:
        try:
            loaded.append(load_job(path))
        except ConfigError as error:
            mistakes.append(error)
    if mistakes:
        raise all_mistakes(mistakes)
    return loaded


@click.command("prepare")
@click.argument("job", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@as_json_option
def prepare_command(job: Path, out: Path, as_json: bool) -> None:
    """Make the bags of a source or access job in a new folder, unsealed, to look at: what is in them, what is missing.

    Example: portability escrow prepare job.yaml bags
    """
    output, loaded = open_output(as_json), load_job(job)
    require_policy(loaded)
    with new_folder(out) as folder:
        bags = prepare(loaded, folder, limits=load_config().limits, progress=output.progress)
    presenting.bags(output, bags, out)
