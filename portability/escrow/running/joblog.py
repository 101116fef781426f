"""A job's log: what its runner did and when, a line each, in a file that is rotated. It holds no client's data."""

from __future__ import annotations

import logging
from datetime import datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING

from portability.errors import ConfigError, printable

if TYPE_CHECKING:
    from portability.limits import Limits

__all__ = ["write_log"]

_KEPT = 5


def write_log(folder: Path, job: str, lines: list[str], moment: datetime, limits: Limits) -> None:
    """Append lines to a job's log.

    Raises:
        ConfigError: It cannot be written.
    """
    if not lines:
        return
    path = folder / f"{job}.log"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler = RotatingFileHandler(path, maxBytes=limits.job_log_bytes_max, backupCount=_KEPT, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"the job's log cannot be written: {error.strerror}", place=str(path)) from error
    try:
        for line in lines:
            text = f"{moment:%Y-%m-%dT%H:%M:%SZ} {printable(line)}"
            handler.emit(logging.LogRecord(job, logging.INFO, "", 0, text, None, None))
    finally:
        handler.close()
