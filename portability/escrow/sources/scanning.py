"""What the secrets scan of a deposit looks into: all files and messages of a whole history, folders, LFS objects."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import msgspec

from portability.errors import ConfigError
from portability.escrow.jobs_shapes import AllowedSecret, Job
from portability.escrow.sources.gathering import Gathered
from portability.escrow.sources.git import Git
from portability.escrow.sources.packing import list_folder
from portability.escrow.sources.secrets import ScanReport, ScanTarget, SecretFinding, scan, stale_allowances
from portability.limits import Limits

__all__ = ["folder_targets", "refuse_secrets", "require_clean", "scan_document"]

_TOLD = 5


def require_clean(gathered: Gathered, allowed: Sequence[AllowedSecret], job: Job, limits: Limits) -> ScanReport:
    """Scan what was gathered.

    Raises:
        ConfigError: Something looks like a secret, and the job does not allow it; all places are in the details.
    """
    report = scan(_targets(gathered, limits), allowed, limits)
    refuse_secrets(report, job)
    return report


def refuse_secrets(report: ScanReport, job: Job) -> None:
    """Refuse a deposit with secrets that the job does not allow.

    Raises:
        ConfigError: With the first places; all are in the details.
    """
    stopping = report.stopping
    if not stopping:
        return
    told = [_told(each) for each in stopping]
    more = f", and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    hint = (
        "Take them out and make new ones: whoever opens the deposit reads them. What is none, or no longer one, is "
        "allowed under payload.allowed_secrets with its reason; so is what cannot be looked into."
    )
    what = "looks like a secret, or was not looked into"
    message = f"the deposit would hold what {what}: {'; '.join(told[:_TOLD])}{more}"
    raise ConfigError(message, place=job.path.name, hint=hint, details=told)


def _told(found: SecretFinding) -> str:
    line = f":{found.line}" if found.line else ""
    version = f" (in history, {found.version[:12]})" if found.version else ""
    return f"{found.place}{line} {found.kind}{version}"


def scan_document(report: ScanReport, allowed: Sequence[AllowedSecret]) -> dict[str, Any]:
    """Return what was looked into and found, for the deposit: never a secret's value."""
    return {
        "allowed": msgspec.to_builtins(list(allowed)),
        "allowances_unused": stale_allowances(report, allowed),
        "binary_files": report.binary,
        "findings": msgspec.to_builtins(report.findings),
        "findings_total": report.findings_total,
        "looked_into": {
            "bytes": report.size_bytes,
            "files": report.files,
            "messages": report.messages,
            "versions_in_history": report.versions,
        },
        "not_looked_into": {"beyond_the_limits": report.not_reached, "too_long": report.too_long},
    }


def _targets(gathered: Gathered, limits: Limits) -> Iterator[ScanTarget]:
    for name, mirror in gathered.mirrors.items():
        yield from _repository(gathered.git, name, mirror, limits)
    for name, folder in gathered.folder_paths.items():
        yield from folder_targets(name, folder, limits)
    for sha256, (place, file) in sorted(gathered.lfs_files.items()):
        origin, _, path = place.partition("/")
        yield _file(origin, path, file, limits, version=f"lfs:{sha256}")


def folder_targets(name: str, path: Path, limits: Limits) -> Iterator[ScanTarget]:
    """Yield every file of a folder."""
    for each in list_folder(path, limits):
        if not each.is_link:
            yield _file(name, each.path, each.file, limits)


def _file(origin: str, path: str, file: Path, limits: Limits, *, version: str = "") -> ScanTarget:
    too_long = file.stat().st_size > limits.scanned_blob_bytes_max
    content = None if too_long else file.read_bytes()
    return ScanTarget(origin=origin, path=path, content=content, version=version)


def _repository(git: Git, name: str, mirror: Path, limits: Limits) -> Iterator[ScanTarget]:
    """Yield every version of every file that any ref leads to, and every message, once; HEAD's tree counts as files."""
    tip = _tip_blobs(git, mirror)
    with tempfile.TemporaryFile() as wanted:
        paths = _history(git, mirror, wanted)
        wanted.seek(0)
        with git.reading("cat-file", "--batch", cwd=mirror, stdin=wanted) as stream:
            while line := stream.readline():
                found, kind, size = line.split()
                content, key = _content(stream, int(size), limits), found.decode()
                if kind == b"blob":
                    version = "" if key in tip else key
                    yield ScanTarget(origin=name, path=paths.get(key, ""), content=content, version=version)
                elif kind in (b"commit", b"tag"):
                    yield _message(name, kind.decode(), key, content)


def _message(origin: str, kind: str, version: str, content: bytes | None) -> ScanTarget:
    text = None if content is None else content.partition(b"\n\n")[2]
    return ScanTarget(origin=origin, path=f"{kind} message", content=text, version=version, is_message=True)


def _content(stream: IO[bytes], size: int, limits: Limits) -> bytes | None:
    if size <= limits.scanned_blob_bytes_max:
        return stream.read(size + 1)[:-1]
    left = size + 1
    while left:
        left -= len(stream.read(min(left, limits.chunk_bytes)))
    return None


def _tip_blobs(git: Git, mirror: Path) -> set[str]:
    done = git.attempt("ls-tree", "-r", "-z", "--full-tree", "HEAD", cwd=mirror)
    return {entry.split(b"\t")[0].split(b" ")[2].decode() for entry in done.stdout.split(b"\0") if entry}


def _history(git: Git, mirror: Path, wanted: IO[bytes]) -> dict[str, str]:
    """Write the names of all blobs, commits and tags for git to read, and return one path of each."""
    paths: dict[str, str] = {}
    for kept in ("object:type=blob", "tree:0"):  # the second: everything above the trees
        with git.reading("rev-list", "--objects", "--all", f"--filter={kept}", cwd=mirror) as lines:
            for line in lines:
                name, _, path = line.rstrip(b"\n").partition(b" ")
                if name.decode() not in paths:
                    paths[name.decode()] = path.decode("utf-8", "replace")
                    wanted.write(name + b"\n")
    return paths
