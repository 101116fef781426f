"""Opening a sealed archive: open."""

from __future__ import annotations

from pathlib import Path

import click

from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_asker, passphrase_option
from portability.cli.signers import open_policy, trust_options
from portability.config import load_config
from portability.presenting import opening as presenting
from portability.sealing.identity_files import load_identities
from portability.sealing.opening import OpenRequest, open_sealed
from portability.signing import forbid_core_files

__all__ = ["open_command"]


@click.command("open")
@click.argument("sealed", type=click.Path(path_type=Path))
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "--identity",
    "identities",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A recipient's private key: an age identity file or an OpenSSH key. Give it again for each key that it takes.",
)
@trust_options
@click.option(
    "--only",
    multiple=True,
    metavar="PATTERN",
    help="Only this table, path, folder, glob or document (by SHA-256), into a plain folder. May be given again.",
)
@click.option("--workers", type=click.IntRange(1, 32), default=2, show_default=True, help="Processes side by side.")
@click.option(
    "--staging",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where plaintext lies, privately, until it is whole; on ARCHIVE's file system. Beside ARCHIVE when left out.",
)
@click.option(
    "--envelope",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="An envelope that was made for you when the deposit was released, instead of those in SEALED.",
)
@passphrase_option
@as_json_option
def open_command(  # noqa: PLR0913 -- a command has its options
    sealed: Path,
    archive: Path,
    *,
    identities: tuple[Path, ...],
    trust: Path | None,
    signer: str | None,
    verify_time: str | None,
    only: tuple[str, ...],
    workers: int,
    staging: Path | None,
    envelope: Path | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Open a sealed archive (a directory, or one tar of it) into ARCHIVE, or with --only some of its files.

    Example: portability open sealed archive --identity my-key.txt --trust allowed_signers
    """
    output, config = open_output(as_json), load_config()
    forbid_core_files()
    request = OpenRequest(
        sealed=sealed,
        destination=archive,
        identities=load_identities(identities, passphrase=passphrase_asker(passphrase_file), limits=config.limits),
        policy=open_policy(trust, signer, verify_time),
        only=only,
        workers=workers,
        staging=staging,
        envelope=envelope,
        limits=config.limits,
        progress=output.progress,
    )
    presenting.opened(output, open_sealed(request))
