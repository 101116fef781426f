"""Signing an archive that exists."""

from __future__ import annotations

from pathlib import Path

import click

from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_option
from portability.cli.signers import open_key
from portability.config import load_config
from portability.exports import sign_archive
from portability.presenting import signing as presenting

__all__ = ["sign"]


@click.command()
@click.argument("archive", type=click.Path(path_type=Path))
@click.option(
    "--key",
    required=True,
    metavar="KEY",
    help="An OpenSSH private key (Ed25519), or a .pub file whose private half is in the ssh-agent.",
)
@passphrase_option
@as_json_option
def sign(archive: Path, key: str, passphrase_file: Path | None, as_json: bool) -> None:
    """Sign an archive that exists, once every byte of it has been checked.

    Example: portability sign archive --key signing-key
    """
    output, config = open_output(as_json), load_config()
    presenting.signed(output, sign_archive(archive, open_key(key, passphrase_file), limits=config.limits))
