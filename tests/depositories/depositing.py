"""One deposit in a process of its own, so that it can be killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from portability.depositories import DepositoryConfig, open_depository, publish, sftp_line
from portability.limits import DEFAULT_LIMITS


def deposit(config: DepositoryConfig, folder: Path, prefix: str) -> None:
    """Publish, and end with 0 when it was published."""
    # A server that is started again at once is not waited for long.
    limits = replace(DEFAULT_LIMITS, depository_backoff_ms=20, depository_attempts_max=12)
    setattr(sftp_line, "DEFAULT_LIMITS", limits)  # noqa: B010 -- it is not meant to be set but here
    with open_depository(config) as depository:
        publish(depository, folder, prefix)
