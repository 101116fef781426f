"""Trying out a depository: can it be reached, what can it do, how much space is left."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import click

from portability.cli.options import as_json_option, open_output
from portability.cli.passphrases import passphrase_asker, passphrase_option
from portability.depositories import DepositoryConfig, SshLogin, check_depository
from portability.errors import ConfigError
from portability.presenting import depositories as presenting

__all__ = ["depository_group"]


@click.group("depository")
def depository_group() -> None:
    """Places that keep deposits."""


@depository_group.command()
@click.argument("place", metavar="JOB|ADDRESS")
@click.option("--name", "names", multiple=True, help="Only this depository of the job. May be given again.")
@click.option("--host-key", "host_keys", multiple=True, metavar="KEY", help="SHA256:… or a known_hosts line: the pin.")
@click.option("--key", type=click.Path(path_type=Path), help="A private key to log in with.")
@click.option("--agent", is_flag=True, help="Log in with a key of the ssh-agent.")
@click.option("--password-file", type=click.Path(path_type=Path), help="A file whose first line is the password.")
@click.option("--marker", help="For a directory: a file that must lie in it.")
@passphrase_option
@as_json_option
def check(  # noqa: PLR0913, PLR0917 -- one argument for each option
    place: str,
    names: tuple[str, ...],
    host_keys: tuple[str, ...],
    key: Path | None,
    agent: bool,
    password_file: Path | None,
    marker: str | None,
    passphrase_file: Path | None,
    as_json: bool,
) -> None:
    """Try a depository: log in, find out what it can do, and how much space is left.

    ADDRESS is sftp://user@host:port/folder or directory:/folder; JOB is a job file, of which every depository is tried.
    Two or three tiny files are left in its folder .portability-probe.

    Example: portability depository check directory:/media/escrow --marker escrow-medium
    """
    if ":" in place and not Path(place).exists():
        has_login = bool(host_keys or key or agent or password_file)
        login = SshLogin(host_keys=host_keys, key=key, agent=agent, password_file=password_file)
        name = re.sub(r"//[^/]*@", "//", place)  # a password typed by mistake is refused, not repeated
        configs: tuple[DepositoryConfig, ...] = (
            DepositoryConfig(name=name, url=place, login=login if has_login else None, marker=marker),
        )
    else:
        configs = _of_job(Path(place), names)
    asker: Callable[[str], str] = passphrase_asker(passphrase_file)
    presenting.checked(open_output(as_json), [check_depository(config, passphrase=asker) for config in configs])


def _of_job(path: Path, names: tuple[str, ...]) -> tuple[DepositoryConfig, ...]:
    from portability.escrow.jobs import load_job  # noqa: PLC0415 -- an address needs no jobs

    configs = tuple(each.config for each in load_job(path).depositories)
    found = tuple(config for config in configs if not names or config.name in names)
    if len(found) < len(set(names)):
        hint = f"It has: {', '.join(config.name for config in configs)}."
        raise ConfigError("the job has no depository of that name", place=str(path), hint=hint)
    return found
