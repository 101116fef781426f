"""A sealed folder into a depository: everything it lists, then manifest.json, then its signature, which is the commit.

Who finds ``manifest.json.sig`` finds the whole deposit. To be run again after any interruption, with the same folder:
what is there is confirmed, what is missing is sent, and nothing is overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from portability.depositories.depository import Depository, Placed, Progress, PutRequest, ReadBack, check_name, is_part
from portability.errors import ConfigError, DepositConflictError, DepositoryRefusedError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE, SEGMENTS, SealedFile
from portability.streams import digest_file

__all__ = ["Published", "publish"]


@dataclass(frozen=True, kw_only=True)
class Published:
    """A deposit that is whole in a depository.

    Args:
        sent_bytes: What this run sent; 0 when everything was there.
        read_bytes: What was read back and compared.
    """

    prefix: str
    files: int
    size_bytes: int
    sent_bytes: int
    read_bytes: int
    was_there: bool  # committed before this run
    manifest_sha256: str


class _Listing(msgspec.Struct):
    """Of manifest.json, what is needed here."""

    files: tuple[SealedFile, ...]


def publish(  # noqa: PLR0913 -- one for each thing that a deposit's way may need
    depository: Depository,
    folder: Path,
    prefix: str,
    *,
    policy: ReadBack = ReadBack.SAMPLED,
    reserve_bytes: int = 0,
    progress: Progress | None = None,
    before_commit: Callable[[], None] = lambda: None,
) -> Published:
    """Publish a sealed folder under ``prefix``.

    Args:
        policy: How much of the segments is read back; everything else is read back in full, always.
        reserve_bytes: What must be left free afterwards.
        before_commit: Called when all but the signature is there; it raises where this run may not commit any more.

    Raises:
        ConfigError: The folder is no sealed archive, or does not hold what its manifest says.
        DepositConflictError: Something else lies there; nothing was changed.
        DepositoryError: It could not be finished; run it again where ``retryable`` says so, or after the mend.
    """
    check_name(prefix)
    listed = _listed(folder)
    contents = [_request(folder, prefix, file, policy) for file in listed]
    final = [PutRequest(name=f"{prefix}/{name}", source=folder / name) for name in (MANIFEST_JSON, MANIFEST_SIGNATURE)]
    there = {stored.name: stored.size_bytes for stored in depository.list(prefix, parts=True)}
    _check_foreign(depository, {name for name in there if not is_part(name)} - {r.name for r in [*contents, *final]})
    _check_space(depository, listed, there, prefix, reserve_bytes)
    placed = list(depository.put_all(contents, progress=progress))
    # One after the other: each is on disk before the next has its name.
    for request in final:
        if request is final[-1]:
            before_commit()
        placed.append(depository.put(request))
    return _published(prefix, placed, digest_file(folder / MANIFEST_JSON).sha256)


def _listed(folder: Path) -> Sequence[SealedFile]:
    path = folder / MANIFEST_JSON
    try:
        if path.stat().st_size > DEFAULT_LIMITS.json_bytes_max:
            raise ConfigError("is too long to be a manifest", place=str(path))
        files = msgspec.json.decode(path.read_bytes(), type=_Listing).files
    except OSError as error:
        hint = "Name a folder that `portability seal` made."
        raise ConfigError(f"cannot be read: {error.strerror}", place=str(path), hint=hint) from error
    except msgspec.DecodeError as error:
        raise ConfigError(f"is no sealed archive's manifest: {error}", place=str(path)) from error
    for file in files:
        check_name(file.path)
    wanted = {file.path for file in files} | {MANIFEST_JSON, MANIFEST_SIGNATURE}
    found = {each.relative_to(folder).as_posix(): each for each in folder.rglob("*") if not each.is_dir()}
    for name in sorted(wanted ^ found.keys()):
        problem = "is missing" if name in wanted else "is not in the manifest"
        raise ConfigError(f"{name} {problem}", place=str(folder), hint="Seal it again.")
    for file in files:
        if found[file.path].stat().st_size != file.size_bytes:
            raise ConfigError(f"{file.path} does not have the size in the manifest", place=str(folder))
    return files


def _request(folder: Path, prefix: str, file: SealedFile, policy: ReadBack) -> PutRequest:
    read_back = policy if file.path.startswith(f"{SEGMENTS}/") else ReadBack.FULL
    return PutRequest(name=f"{prefix}/{file.path}", source=folder / file.path, sha256=file.sha256, read_back=read_back)


def _check_foreign(depository: Depository, foreign: set[str]) -> None:
    for name in sorted(foreign):
        hint = "Another deposit was begun under this number; take a new one."
        raise DepositConflictError(
            "lies there and is not of this deposit", place=f"{depository.name}: {name}", hint=hint
        )


def _check_space(
    depository: Depository, listed: Sequence[SealedFile], there: dict[str, int], prefix: str, reserve_bytes: int
) -> None:
    missing = sum(file.size_bytes - _held(there, f"{prefix}/{file.path}", file.size_bytes) for file in listed)
    free = depository.free_bytes()
    if free is not None and missing and free < missing + reserve_bytes:
        message = f"the depository has {free} bytes left; this deposit needs {missing}, and {reserve_bytes} are to stay"
        hint = "Have space made there, or the quota raised, then run again."
        raise DepositoryRefusedError(message, place=depository.name, hint=hint)


def _held(there: dict[str, int], name: str, size_bytes: int) -> int:
    return min(size_bytes, max((there.get(each, 0) for each in (name, f"{name}.part")), default=0))


def _published(prefix: str, placed: Sequence[Placed], manifest_sha256: str) -> Published:
    return Published(
        prefix=prefix,
        files=len(placed),
        size_bytes=sum(each.size_bytes for each in placed),
        sent_bytes=sum(each.sent_bytes for each in placed),
        read_bytes=sum(each.read_bytes for each in placed),
        was_there=all(each.was_there for each in placed),
        manifest_sha256=manifest_sha256,
    )
