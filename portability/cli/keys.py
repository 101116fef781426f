"""Making keys, and showing what may be known of one."""

from __future__ import annotations

from pathlib import Path

import click

from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import new_passphrase, passphrase_asker, passphrase_option
from portability.keys import describe_key, new_age_identity, new_signing_key
from portability.presenting import keys as presenting

__all__ = ["keys_group"]


@click.group("keys")
def keys_group() -> None:
    """Keys that sign archives, and keys that open sealed ones."""


@keys_group.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--kind",
    type=click.Choice(["age", "signing"]),
    required=True,
    help="age: opens what is sealed for it. signing: an Ed25519 key of OpenSSH that signs.",
)
@click.option("--comment", default="", help="Whose it is: ann@firm.example, say. It stands in the public half.")
@click.option("--passphrase", "protect", is_flag=True, help="Encrypt the file; you are asked for the passphrase.")
@passphrase_option
@as_json_option
def new(file: Path, kind: str, comment: str, protect: bool, passphrase_file: Path | None, as_json: bool) -> None:
    """Make a key in a new file that only you can read.

    Example: portability keys new signing-key --kind signing --comment ann@firm.example
    """
    passphrase = new_passphrase(passphrase_file) if protect or passphrase_file else None
    make = new_signing_key if kind == "signing" else new_age_identity
    presenting.made(open_output(as_json), make(file, comment=comment, passphrase=passphrase))


@keys_group.command()
@click.argument("file", type=click.Path(path_type=Path))
@passphrase_option
@as_json_option
def show(file: Path, passphrase_file: Path | None, as_json: bool) -> None:
    """Show a key's kind, public half and fingerprint; never its secret.

    Example: portability keys show signing-key
    """
    presenting.shown(open_output(as_json), describe_key(file, passphrase=passphrase_asker(passphrase_file)))
