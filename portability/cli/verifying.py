"""What `verify` does with a sealed archive: its further options, the check, the signed statement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from portability.checks import SEALED_LEVELS, refuse_errors
from portability.checks.sealed import SealedRequest, verify_sealed, write_statement
from portability.cli.passphrases import passphrase_asker, passphrase_option
from portability.cli.signers import open_key, sign_option
from portability.errors import ConfigError
from portability.limits import Limits
from portability.output import Output
from portability.presenting import archives as presenting
from portability.sealing.identity_files import load_identities
from portability.sealing.recipients import parse_recipient_list
from portability.signing import Policy, forbid_core_files
from portability.signing.trust import parse_trust

__all__ = ["SealedOptions", "check_sealed", "refuse_sealed_options", "sealed_options"]

F = TypeVar("F", bound=Callable[..., Any])
_FILE = click.Path(path_type=Path)
# What a statement calls the files that an archive is checked against.
_TRUSTED, _RECIPIENTS, _PREVIOUS = "trusted signers", "recipients", "previous manifest"

_OPTIONS = (
    click.option(
        "--identity",
        type=_FILE,
        multiple=True,
        metavar="FILE",
        help="Sealed: a recipient's private key, for v2 and v3; may be repeated.",
    ),
    click.option(
        "--recipients",
        type=_FILE,
        metavar="FILE",
        help="Sealed: who was agreed, a line 'name key' for each; anybody else is refused.",
    ),
    click.option(
        "--previous", type=_FILE, metavar="MANIFEST", help="Sealed: manifest.json of the deposit before this one."
    ),
    click.option(
        "--statement", type=_FILE, metavar="OUT", help="Sealed: write a statement of the check, signed with --sign."
    ),
    sign_option,
    passphrase_option,
    click.option(
        "--staging", type=_FILE, metavar="DIR", help="Sealed: where v3 keeps plaintext for the time of the check."
    ),
)


@dataclass(frozen=True, kw_only=True)
class SealedOptions:
    """The options of ``verify`` that are for sealed archives, as they were given."""

    policy: Policy | None
    limits: Limits
    identity: tuple[Path, ...]
    recipients: Path | None
    previous: Path | None
    statement: Path | None
    sign: str | None
    passphrase_file: Path | None
    staging: Path | None


def sealed_options(command: F) -> F:
    """Give ``verify`` the options that are for sealed archives."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def refuse_sealed_options(level: str | None, options: dict[str, Any]) -> None:
    """Refuse, for a plain archive, what only a sealed one can be asked.

    Raises:
        ConfigError: Such an option or level was given.
    """
    given = [f"--{name.replace('_', '-')}" for name, value in options.items() if value]
    if level in SEALED_LEVELS:
        given.append(f"--level {level}")
    if given:
        raise ConfigError(f"{', '.join(given)}: this is for sealed archives, and this archive is plain")


def check_sealed(output: Output, sealed: Path, level: str, html: Path | None, options: SealedOptions) -> None:
    """Check, show, state; then fail when there are errors.

    Raises:
        ConfigError: An option cannot be used.
        CheckFailedError: The sealed archive is refused.
    """
    if level not in SEALED_LEVELS:
        raise ConfigError(f"--level {level} is for plain archives; a sealed one has {', '.join(SEALED_LEVELS)}")
    if (options.statement is None) is not (options.sign is None):
        raise ConfigError("--statement and --sign go together: a statement is always signed")
    forbid_core_files()
    key = open_key(options.sign, options.passphrase_file) if options.sign else None
    inputs = _inputs(options)
    report = verify_sealed(
        sealed,
        level=level,
        request=_request(options, inputs),
        staging=options.staging,
        limits=options.limits,
        progress=output.progress,
    )
    presenting.report(output, report, html)
    if key is not None and options.statement is not None:
        signature = write_statement(report, options.statement, key, inputs=inputs)
        output.line(f"Statement: {options.statement}, signed: {signature}")
    refuse_errors(report)


def _inputs(options: SealedOptions) -> dict[str, bytes]:
    """Return the bytes of what the archive is checked against, by name; keys are not among them.

    Each file is read once: what a statement gives the hash of is what was used.
    """
    files = {
        _TRUSTED: None if options.policy is None else Path(options.policy.trust.place),
        _RECIPIENTS: options.recipients,
        _PREVIOUS: options.previous,
    }
    return {name: _read(path, options.limits) for name, path in files.items() if path is not None}


def _request(options: SealedOptions, inputs: dict[str, bytes]) -> SealedRequest:
    policy, agreed = options.policy, None
    if policy is not None:
        policy = replace(policy, trust=parse_trust(inputs[_TRUSTED], policy.trust.place))
    if options.recipients is not None:
        agreed = parse_recipient_list(inputs[_RECIPIENTS], str(options.recipients), options.limits)
    return SealedRequest(
        policy=policy,
        previous=inputs.get(_PREVIOUS),
        recipients=None if agreed is None else {each.name: each.key for each in agreed},
        identities=load_identities(
            options.identity, passphrase=passphrase_asker(options.passphrase_file), limits=options.limits
        )
        if options.identity
        else (),
    )


def _read(path: Path, limits: Limits) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(limits.json_bytes_max + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path)) from error
    if len(content) > limits.json_bytes_max:
        raise ConfigError(f"is larger than the limit of {limits.json_bytes_max} bytes", place=str(path))
    return content
