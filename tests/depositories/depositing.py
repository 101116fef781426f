"""One deposit in a process of its own, so that it can be killed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from portability.depositories import DepositoryConfig, open_depository, publish, retrying, sftp_uploads
from portability.limits import DEFAULT_LIMITS


def deposit(config: DepositoryConfig, folder: Path, prefix: str, *, as_bulk: bool = False) -> None:
    """Publish, and end with 0 when it was published."""
    # A server that is started again at once is not waited for long.
    limits = replace(DEFAULT_LIMITS, depository_backoff_ms=20, depository_attempts_max=12)
    setattr(retrying, "DEFAULT_LIMITS", limits)  # noqa: B010 -- it is not meant to be set but here
    if as_bulk:  # through the system's own ssh
        setattr(sftp_uploads, "_LIMITS", replace(limits, depository_bulk_bytes=0))  # noqa: B010
    with open_depository(config) as depository:
        publish(depository, folder, prefix)
