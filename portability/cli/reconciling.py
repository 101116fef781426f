"""Archive against target on the command line: reconcile."""

from __future__ import annotations

from pathlib import Path

import click

from portability.archive import Archive
from portability.cli.options import TARGET_HELP, as_json_option, open_output
from portability.config import load_config
from portability.presenting import reconciling as presenting
from portability.profiles import load_profile
from portability.reconciling import ReconcileRequest, reconcile, require_explained
from portability.targets import open_target

__all__ = ["reconcile_command"]


@click.command("reconcile", epilog=TARGET_HELP)
@click.argument("archive", type=click.Path(path_type=Path))
@click.argument("target")
@click.option("--profile", required=True, help="The target's profile: a name or a folder.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="A new folder for the certificate (HTML, JSON, CSV)."
)
@as_json_option
def reconcile_command(archive: Path, target: str, profile: str, out: Path, as_json: bool) -> None:
    """Compare an archive with the target that it was imported into, to the penny, and write a certificate to sign.

    Example: portability reconcile archive sqlite:///new.db --profile successor --out certificate
    """
    output, config = open_output(as_json), load_config()
    with open_target(config.source(target).url, limits=config.limits) as opened:
        request = ReconcileRequest(
            archive=Archive.open(archive),
            target=opened,
            profile=load_profile(profile),
            destination=out,
            limits=config.limits,
            progress=output.progress,
        )
        certificate = reconcile(request)
    presenting.certificate(output, certificate, out)
    require_explained(certificate)
