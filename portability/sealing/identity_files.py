"""Private keys from the files that a person names; their content is held in memory only, and shown nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.encryption import Identity, parse_identities

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["load_identities"]


def load_identities(
    files: Sequence[Path], *, passphrase: Callable[[str], str] | None = None, limits: Limits = DEFAULT_LIMITS
) -> tuple[Identity, ...]:
    """Read identity files: age identities (one or several, under a passphrase or not) and OpenSSH private keys.

    Raises:
        ConfigError: One cannot be read, or holds no usable private key.
        DecryptionError: One does not open with the passphrase.
    """
    found: list[Identity] = []
    for file in files:
        try:
            with file.open("rb") as stream:
                content = stream.read(limits.key_file_bytes_max + 1)
        except OSError as error:
            raise ConfigError(f"cannot read the key: {error.strerror}", place=str(file)) from None
        if len(content) > limits.key_file_bytes_max:
            raise ConfigError(f"is longer than the limit of {limits.key_file_bytes_max} bytes", place=str(file))
        found += parse_identities(content, place=str(file), passphrase=passphrase)
    return tuple(found)
