"""Options of commands that sign, and of commands that ask who signed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from portability.cli.passphrases import passphrase_asker
from portability.errors import ConfigError

if TYPE_CHECKING:
    from portability.signing import Policy, SigningKey

__all__ = ["open_key", "open_policy", "pop_policy", "sign_option", "trust_options"]

F = TypeVar("F", bound=Callable[..., Any])

sign_option = click.option(
    "--sign",
    metavar="KEY",
    help="Sign with this Ed25519 key: an OpenSSH private key, or a .pub file whose private half is in the ssh-agent.",
)

_TRUST_OPTIONS = (
    click.option(
        "--trust",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="Who may have signed: an OpenSSH allowed_signers file. Without a signature by one of them, it is refused.",
    ),
    click.option("--signer", metavar="NAME", help="Which of them must have signed."),
    click.option(
        "--verify-time",
        metavar="TIME",
        help="When the signer's key must have been valid, YYYYMMDD[HHMM[SS]][Z]: when you received it, say. "
        "Otherwise the time that the signed bytes say.",
    ),
)


def trust_options(command: F) -> F:
    """Give a command ``--trust``, ``--signer`` and ``--verify-time``."""
    for option in reversed(_TRUST_OPTIONS):
        command = option(command)
    return command


def open_key(path: str, passphrase_file: Path | None) -> SigningKey:
    """Load the key that signs."""
    from portability.signing import load_signing_key  # noqa: PLC0415 -- whoever signs nothing waits for no cryptography

    return load_signing_key(path, passphrase=passphrase_asker(passphrase_file))


def open_policy(trust: Path | None, signer: str | None, verify_time: str | None) -> Policy | None:
    """Return who must have signed; None when nobody was named.

    Raises:
        ConfigError: The trust file or the time cannot be read, or there is no trust file for the others to narrow.
    """
    if trust is None:
        if signer is not None or verify_time is not None:
            raise ConfigError("--signer and --verify-time narrow --trust, which is not there")
        return None
    from portability.signing import Policy, load_trust, parse_moment  # noqa: PLC0415 -- as above

    try:
        moment = None if verify_time is None else parse_moment(verify_time)
    except ValueError as error:
        raise ConfigError(f"--verify-time {error}") from None
    return Policy(trust=load_trust(trust), principal=signer, verify_time=moment)


def pop_policy(options: dict[str, Any]) -> Policy | None:
    """Take the trust options out of a command's options, as ``signer``'s value for a use case that verifies first.

    Raises:
        ConfigError: As ``open_policy``; or ``--unverified`` was given as well, which would leave trust unchecked.
    """
    policy = open_policy(*(options.pop(name) for name in ("trust", "signer", "verify_time")))
    if policy is not None and options.get("unverified"):
        raise ConfigError("--trust and --unverified contradict each other: whoever trusts, verifies")
    return policy
