"""Packages of a lock file, brought into the deposit so that the build needs no network.

pip: every package that the lock file fixes for this machine, as a wheel or, where there is none, as source; hashes are
checked by pip where the lock file has them. That nothing is lacking is tried by pip itself, with no index. npm: its own
cache, filled from the lock file without running any package's scripts, tried the same way.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from portability.errors import ConfigError, SourceUnavailableError
from portability.escrow.jobs_shapes import LockFile
from portability.escrow.sources.git import shown_url

__all__ = ["Vendored", "vendor_npm", "vendor_pip"]

_TOLD_CHARACTERS = 400
_TIME_LIMIT_S = 3 * 3_600


@dataclass(frozen=True, kw_only=True)
class Vendored:
    """A folder of packages, for which machine they are, and whether they suffice."""

    folder: Path
    platform: str | None
    resolves_offline: bool
    told: str = ""  # the tool's last words, where they do not


def vendor_pip(lock: LockFile, content: bytes, built_with: bytes | None, work: Path) -> Vendored:
    """Download what a pip lock file fixes into a folder below ``work``.

    Raises:
        SourceUnavailableError: A package cannot be had, or is not the one that the lock file means.
        ConfigError: pip is not installed.
    """
    folder = work / "wheels"
    folder.mkdir(parents=True)
    requirements = [_written(work / "requirements.txt", content)]
    if built_with is not None:
        requirements.insert(0, _written(work / "built-with.txt", built_with))
    for file in requirements:
        source = ["--no-index", "--find-links", str(lock.find_links)] if lock.find_links is not None else []
        source += ["--index-url", lock.index] if lock.index is not None else []
        command = ["download", "--quiet", "--no-deps", "--dest", str(folder), "--requirement", str(file), *source]
        done = _run([*_pip(), *command], work)
        if done.returncode != 0:
            hint = "Try it by hand: pip download --no-deps -r the lock file; check the index and the hashes."
            message = f"a package cannot be had: {_told(done.stderr)}"
            raise SourceUnavailableError(message, place=lock.name, hint=hint)
    tried = _run([*_pip(), *_offline(folder), *(word for file in requirements for word in ("-r", str(file)))], work)
    return Vendored(
        folder=folder,
        platform=f"{platform.python_implementation()} {platform.python_version()}, {platform.platform()}",
        resolves_offline=tried.returncode == 0,
        told="" if tried.returncode == 0 else _told(tried.stderr),
    )


def _pip() -> list[str]:
    for python in (sys.executable, shutil.which("python3")):
        if python and _run([python, "-m", "pip", "--version"], Path.cwd()).returncode == 0:
            return [python, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    raise ConfigError("pip is not installed", hint="python3 -m ensurepip")


def _offline(folder: Path) -> list[str]:
    options = ["--dry-run", "--ignore-installed", "--quiet", "--no-index", "--find-links", str(folder)]
    return ["--isolated", "install", *options]


def _written(file: Path, content: bytes) -> Path:
    file.write_bytes(content)
    return file


def _run(command: Sequence[str], work: Path, **more: str) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, **more}
    if "--isolated" in command:
        # What the machine's own configuration offers must not help: only the packages at hand count.
        environment = {name: value for name, value in environment.items() if not name.startswith("PIP_")}
        environment["PIP_CONFIG_FILE"] = os.devnull
    try:
        return subprocess.run(  # noqa: S603 -- a list of arguments; no shell
            command,
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_TIME_LIMIT_S,
        )
    except subprocess.TimeoutExpired:
        raise SourceUnavailableError("fetching packages took too long", place=command[0]) from None


def _told(stderr: bytes) -> str:
    lines = [line.strip() for line in stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    wanted = [line for line in lines if re.match(r"(ERROR|npm (ERR!|error)|.*[Ee]rror:)", line)] or lines
    return shown_url("; ".join(wanted[-4:]))[:_TOLD_CHARACTERS] or "without a word"


def vendor_npm(lock: LockFile, project: Sequence[tuple[str, bytes]], work: Path) -> Vendored:
    """Fill an npm cache with what a lock file fixes.

    Args:
        lock: The lock file.
        project: package.json, package-lock.json and, where there is one, .npmrc: name and content.
        work: A private folder.

    Raises:
        SourceUnavailableError: A package cannot be had, or is not the one that the lock file means.
        ConfigError: npm is not installed.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError("npm is not installed", place=lock.name, hint="Install npm, or say not_vendored and why.")
    folder, tree = work / "cache", work / "project"
    tree.mkdir(parents=True)
    for name, content in project:
        (tree / name).write_bytes(content)
    patience = ["--fetch-retries", "1", "--fetch-retry-mintimeout", "1000", "--fetch-retry-maxtimeout", "2000"]
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--cache", str(folder)]
    done = _run([npm, "ci", *options, *patience], tree)
    if done.returncode != 0:
        hint = "Try it by hand: npm ci --ignore-scripts; check the registry."
        raise SourceUnavailableError(f"a package cannot be had: {_told(done.stderr)}", place=lock.name, hint=hint)
    shutil.rmtree(tree / "node_modules", ignore_errors=True)
    tried = _run([npm, "ci", "--offline", *options], tree)
    for extra in ("_logs", "_update-notifier-last-checked"):
        shutil.rmtree(folder / extra, ignore_errors=True)
        (folder / extra).unlink(missing_ok=True)
    told = "" if tried.returncode == 0 else _told(tried.stderr)
    return Vendored(folder=folder, platform=None, resolves_offline=tried.returncode == 0, told=told)
