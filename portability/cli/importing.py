"""Importing an archive into another system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from portability.archive import Archive
from portability.cli.options import TARGET_HELP, as_json_option, open_output
from portability.cli.signers import pop_policy, trust_options
from portability.config import load_config
from portability.importing import ImportRequest, import_archive
from portability.presenting import importing as presenting
from portability.profiles import load_profile
from portability.reconciling import require_explained

__all__ = ["import_command"]


@click.command("import", epilog=TARGET_HELP)
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("target")
@click.option("--profile", required=True, help="The target's profile: its name or folder.")
@click.option(
    "--dry-run", type=click.Path(path_type=Path), help="Move nothing; write what would happen to this workbook (.xlsx)."
)
@click.option(
    "--delta",
    "previous",
    type=click.Path(path_type=Path),
    help="The archive imported last: move only what changed since.",
)
@click.option(
    "--documents", help="Where documents are to be placed: a folder, or an address such as s3://bucket/prefix."
)
@click.option("--resume", is_flag=True, help="Finish an import that was stopped; the same command again does so too.")
@click.option("--older", is_flag=True, help="Go back on purpose to an archive older than the one imported last.")
@click.option("--unverified", is_flag=True, help="Do not verify the archive first; the report says so.")
@click.option(
    "--report", type=click.Path(path_type=Path), help="Write everything found, to the row, to this directory."
)
@click.option(
    "--certificate", type=click.Path(path_type=Path), help="Reconcile at the end and write the certificate here."
)
@trust_options
@as_json_option
def import_command(archive: Path, target: str, as_json: bool, **options: Any) -> None:  # noqa: ANN401 -- click's own options, named above
    """Import an archive into another system, by its target profile.

    Example: portability import archive sqlite:///successor.db --profile successor --dry-run trial.xlsx
    """
    del options["resume"]  # a run always goes on from what is there
    output, config = open_output(as_json), load_config()
    options["profile"] = load_profile(options["profile"])
    options["previous"] = Archive.open(options["previous"]) if options["previous"] else None
    request = ImportRequest(
        archive=Archive.open(archive),
        target=config.source(target).url,
        signer=pop_policy(options),
        limits=config.limits,
        progress=output.progress,
        **options,
    )
    result = import_archive(request)
    presenting.imported(output, result, request.dry_run)
    if result.certificate is not None:
        require_explained(result.certificate)
