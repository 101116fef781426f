"""Address to depository: every kind there is, listed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from portability.depositories.config import DepositoryConfig, parse_place
from portability.depositories.depository import Depository
from portability.depositories.directory import DirectoryDepository
from portability.errors import ConfigError

__all__ = ["open_depository"]


@contextmanager
def open_depository(
    config: DepositoryConfig, *, passphrase: Callable[[str], str] | None = None
) -> Iterator[Depository]:
    """Open a depository; its connections close with the block.

    Args:
        passphrase: Asked, with words to show, when an encrypted key names no passphrase.

    Raises:
        ConfigError: The configuration cannot be used as it stands.
        DepositoryError: It cannot be reached, or is not the one that is pinned; ``retryable`` tells them apart.
    """
    place = parse_place(config)
    if place.kind == "directory":
        if config.login is not None or config.jump is not None:
            raise ConfigError("a directory takes no login", place=config.name)
        yield DirectoryDepository(config.name, Path(place.folder), config.marker)
        return
    try:
        from portability.depositories.sftp import open_sftp  # noqa: PLC0415 -- who opens a directory needs no paramiko
    except ModuleNotFoundError as error:
        hint = "pip install 'portability[service]'"
        raise ConfigError("the SSH library is not installed", place=config.name, hint=hint) from error
    with open_sftp(config, place, passphrase) as depository:
        yield depository
