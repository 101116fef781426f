"""Jobs: a deposit as configured, to be run again and again.

``load_job`` reads a file and refuses what cannot be meant; ``check_policy`` finds what the recipient policy of the
deposit classes forbids, and ``require_policy`` refuses it. Nobody deposits by a job without both. See
docs/escrow_jobs.md.
"""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec

from portability.errors import ConfigError
from portability.escrow.jobs_policy import PolicyFinding, PolicyReport, check_policy, require_policy
from portability.escrow.jobs_reading import read_job
from portability.escrow.jobs_shapes import (
    AccessPayload,
    AllowedSecret,
    DataPayload,
    DepositClass,
    Email,
    FullEvery,
    Job,
    JobDepository,
    Notice,
    NoticeEvent,
    QuietHours,
    Schedule,
    SourcePayload,
    Webhook,
)
from portability.limits import DEFAULT_LIMITS
from portability.yaml_files import check_schema, parse_yaml

__all__ = [
    "AccessPayload",
    "AllowedSecret",
    "DataPayload",
    "DepositClass",
    "Email",
    "FullEvery",
    "Job",
    "JobDepository",
    "Notice",
    "NoticeEvent",
    "PolicyFinding",
    "PolicyReport",
    "QuietHours",
    "Schedule",
    "SourcePayload",
    "Webhook",
    "check_policy",
    "job_schema",
    "load_job",
    "require_policy",
]

_SCHEMA = "escrow_job.schema.json"


def load_job(path: Path) -> Job:
    """Read a job file. Paths in it are relative to its folder.

    Raises:
        ConfigError: It cannot be read, or something in it cannot be so; file, line, field and mend are named.
    """
    path = path.absolute()
    content = _read(path)
    document = parse_yaml(content, place=path.name)
    check_schema(document, _schema())
    return read_job(document, path=path, sha256=hashlib.sha256(content).hexdigest())


def job_schema() -> bytes:
    """Return the JSON Schema of job files, as docs/escrow_job.schema.json has it."""
    return (files("portability.escrow") / _SCHEMA).read_bytes()


@functools.cache
def _schema() -> dict[str, Any]:
    return msgspec.json.decode(job_schema(), type=dict[str, Any])


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            content = stream.read(DEFAULT_LIMITS.tag_file_bytes_max + 1)
    except OSError as error:
        hint = "docs/escrow_jobs.md has a job file to start from."
        raise ConfigError(f"the job file cannot be read: {error.strerror}", place=str(path), hint=hint) from error
    if len(content) > DEFAULT_LIMITS.tag_file_bytes_max:
        raise ConfigError(f"is larger than the limit of {DEFAULT_LIMITS.tag_file_bytes_max} bytes", place=str(path))
    return content
