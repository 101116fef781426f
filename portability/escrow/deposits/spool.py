"""The spool: sealed deposits on their way, ciphertext only, each under its agreement and number.

Sealing again gives other bytes; so what was begun is finished from here. What no record knows a dead run left; it goes.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection
from pathlib import Path

from portability.errors import ConfigError

__all__ = ["clear_spool", "spool_folder", "spooled", "sweep_spool"]

_NUMBER = re.compile(r"[0-9]{6}")


def spool_folder(spool: Path, agreement: str, sequence: int) -> Path:
    """Return where a deposit lies in the spool; the folder above it is made, private.

    Raises:
        ConfigError: It cannot be made.
    """
    parent = spool / agreement
    try:
        parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        hint = "Name a folder in 'spool' that exists and can be written to."
        raise ConfigError(f"the spool cannot be used: {error.strerror}", place=str(parent), hint=hint) from error
    return parent / f"{sequence:06d}"


def spooled(spool: Path, agreement: str) -> tuple[int, ...]:
    """Return the numbers of the deposits in the spool."""
    if not (spool / agreement).is_dir():
        return ()
    return tuple(sorted(int(path.name) for path in (spool / agreement).iterdir() if _NUMBER.fullmatch(path.name)))


def sweep_spool(spool: Path, agreement: str, keep: Collection[int]) -> None:
    """Remove the deposits that no record knows as on their way."""
    for number in spooled(spool, agreement):
        if number not in keep:
            clear_spool(spool_folder(spool, agreement, number))


def clear_spool(folder: Path) -> None:
    """Remove a deposit from the spool."""
    shutil.rmtree(folder, ignore_errors=True)
