"""Address to depository: every kind there is, listed here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from portability.depositories.config import DepositoryConfig, Place, parse_place
from portability.depositories.depository import Depository
from portability.depositories.directory import DirectoryDepository
from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS

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
    if place.kind == "s3":
        with _objects(config, place) as depository:
            yield depository
        return
    try:
        from portability.depositories.sftp import open_sftp  # noqa: PLC0415 -- who opens a directory needs no paramiko
    except ModuleNotFoundError as error:
        hint = "pip install 'portability[service]'"
        raise ConfigError("the SSH library is not installed", place=config.name, hint=hint) from error
    with open_sftp(config, place, passphrase) as depository:
        yield depository


def _objects(config: DepositoryConfig, place: Place) -> AbstractContextManager[Depository]:
    if config.login is not None or config.jump is not None or config.marker is not None:
        raise ConfigError("object storage takes `service`, and no login, jump or marker", place=config.name)
    if not 1 <= config.connections <= DEFAULT_LIMITS.depository_connections_max:
        message = f"connections is not between 1 and {DEFAULT_LIMITS.depository_connections_max}"
        raise ConfigError(message, place=config.name)
    try:
        from portability.depositories.objects import open_objects  # noqa: PLC0415 -- only who opens it needs the library
    except ModuleNotFoundError as error:
        hint = "pip install 'portability[s3]'"
        raise ConfigError("the object storage library is not installed", place=config.name, hint=hint) from error
    return open_objects(config, place)
