"""A depository tried out: logged in to, probed, its space asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from portability.depositories.config import DepositoryConfig
from portability.depositories.depository import Capabilities
from portability.depositories.opening import open_depository

__all__ = ["CheckedDepository", "check_depository"]


@dataclass(frozen=True, kw_only=True)
class CheckedDepository:
    """What was found of a depository that can be written to."""

    name: str
    url: str  # carries no secret: an address with a password is refused
    capabilities: Capabilities
    free_bytes: int | None


def check_depository(config: DepositoryConfig, *, passphrase: Callable[[str], str] | None = None) -> CheckedDepository:
    """Open a depository, write to it, and return what it can do.

    Raises:
        ConfigError: The configuration cannot be used as it stands.
        DepositoryError: It cannot be reached, refuses, or cannot be written to.
    """
    with open_depository(config, passphrase=passphrase) as depository:
        return CheckedDepository(
            name=config.name, url=config.url, capabilities=depository.probe(), free_bytes=depository.free_bytes()
        )
