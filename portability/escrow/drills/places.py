"""Where the deposits to verify lie: a folder, or what a job's depository has of them, copied as far as it is needed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from portability.depositories import Depository, DepositoryConfig, download, open_depository
from portability.errors import ConfigError
from portability.escrow.jobs import Job
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE
from portability.sealing.reading import parse_manifest
from portability.staging import open_staging

__all__ = ["chosen_depository", "deposits_of_job"]

_COMMITTED = re.compile(rf"[^/]+/(\d{{6}})/{re.escape(MANIFEST_SIGNATURE)}")


def chosen_depository(job: Job, name: str | None) -> DepositoryConfig:
    """Return the depository of a job that was named; its first when none was.

    Raises:
        ConfigError: There is none of this name.
    """
    found = next((each.config for each in job.depositories if name in (None, each.config.name)), None)
    if found is None:
        hint = f"The job has: {', '.join(each.config.name for each in job.depositories)}."
        raise ConfigError("the job has no such depository", place=str(name), hint=hint)
    return found


@contextmanager
def deposits_of_job(
    job: Job, *, depository: str | None, sequence: int | None, staging: Path, progress: Callable[[str], None]
) -> Iterator[Path]:
    """Yield an agreement's folder with one deposit of a job and all that it takes, copied from a depository.

    What is copied is sealed; it goes with the block.

    Raises:
        ConfigError: There is no such deposit.
        DepositoryError: It cannot be read.
    """
    with (
        open_depository(chosen_depository(job, depository)) as opened,
        open_staging(staging) as private,
    ):
        folder = private.path / job.agreement
        folder.mkdir()
        _copy(opened, job.agreement, sequence, folder, progress)
        yield folder


def _copy(
    depository: Depository, agreement: str, sequence: int | None, folder: Path, progress: Callable[[str], None]
) -> None:
    committed = sorted({int(m[1]) for each in depository.list(agreement) if (m := _COMMITTED.fullmatch(each.name))})
    if not committed or sequence not in (None, *committed):
        hint = f"There are: {', '.join(map(str, committed)) or 'none'}."
        place = f"{depository.name}: {agreement} {sequence or ''}".rstrip()
        raise ConfigError("there is no such deposit", place=place, hint=hint)
    base_sha256: str | None = None
    for number in reversed([n for n in committed if sequence is None or n <= sequence]):
        progress(f"copying deposit {number} from {depository.name}")
        target = folder / f"{number:06d}"
        download(depository, f"{agreement}/{number:06d}", target)
        content = (target / MANIFEST_JSON).read_bytes()
        # Who signed it is asked when it is verified; here it only says how far back its full deposit lies.
        base_sha256 = base_sha256 or parse_manifest(content).chain.base_sha256
        if base_sha256 in (None, hashlib.sha256(content).hexdigest()):
            return
