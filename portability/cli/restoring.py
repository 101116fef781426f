"""An archive back into a database: restore."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from portability.cli.options import TARGET_HELP, as_json_option, open_output
from portability.cli.signers import pop_policy, trust_options
from portability.config import load_config
from portability.presenting import restoring as presenting
from portability.restoring import RestoreRequest, restore_archive, write_report
from portability.restoring.report import refuse_existing

__all__ = ["restore"]


@click.command(epilog=TARGET_HELP)
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("target")
@click.option("--report", "directory", type=click.Path(path_type=Path), help="Also write the report into a new folder.")
@click.option("--restart", is_flag=True, help="Drop what an unfinished restore made in the target, and begin again.")
@click.option("--unverified", is_flag=True, help="Do not verify the archive first; the report says so.")
@trust_options
@as_json_option
def restore(archive: Path, target: str, directory: Path | None, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Put an archive's source layer back into an empty database: PostgreSQL, MariaDB, SQLite or DuckDB.

    Example: portability restore archive sqlite:///restored.db --report restore-report
    """
    output, config = open_output(as_json), load_config()
    if directory is not None:
        refuse_existing(directory)
    request = RestoreRequest(
        archive=archive,
        url=config.source(target).url,
        signer=pop_policy(options),
        limits=config.limits,
        progress=output.progress,
        **options,
    )
    report = restore_archive(request)
    if directory is not None:
        write_report(report, directory)
    presenting.restored(output, report, directory)
