"""The clean-room build: the named command of a deposit, in a place where nothing can come in or go out.

The command is a stranger's program, and its variables are a stranger's: a loader obeys some of them. Whatever makes the
clean room runs with ours alone; theirs are set inside it, for the command. It runs in user, mount, PID, network and IPC
namespaces of its own: no network interface but an unconnected loopback, a root that holds this machine's ``/usr``
read-only and the restored deposit, no home, no keys, no variables of ours, no capability. Where the machine cannot do
that, nothing is run, unless the caller says in so many words that it may run unprotected.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import selectors
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

from portability.escrow.sources.layout import BuildRecord
from portability.limits import Limits

__all__ = ["BuildOutcome", "Isolation", "isolation_available", "run_build"]

Isolation = Literal["namespaces", "insecure-none"]

_PROGRAMS = ("unshare", "mount", "umount", "pivot_root", "setpriv")
_NAMESPACES = ("--user", "--map-root-user", "--mount", "--pid", "--net", "--ipc", "--uts", "--fork", "--kill-child")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_TAIL_BYTES = 16_384


@dataclass(frozen=True, kw_only=True)
class BuildOutcome:
    """What became of a build.

    ``interfaces`` are the network interfaces that the build could see, as the kernel listed them; None where they were
    not asked. ``produced`` are the files that were promised, with their hashes; ``log_tail`` is the end of the output.
    """

    outcome: Literal["built", "failed", "timed out", "lacks", "not run"]
    isolation: str
    interfaces: tuple[str, ...] | None
    command: tuple[str, ...]
    exit_code: int | None
    duration_s: float
    produced: dict[str, str]
    lacking: tuple[str, ...]
    log_sha256: str
    log_tail: str


def isolation_available() -> str | None:
    """Return why no clean room can be made on this machine; None where one can."""
    path = f"{os.environ.get('PATH', '')}:{_PATH}"
    if missing := [name for name in _PROGRAMS if shutil.which(name, path=path) is None]:
        return f"{', '.join(missing)} of util-linux is not installed"
    unshare = shutil.which("unshare", path=path) or "unshare"
    probe = [unshare, *_NAMESPACES, "--", "sh", "-c", "mount -t tmpfs tmpfs /tmp"]
    done = subprocess.run(probe, capture_output=True, check=False, stdin=subprocess.DEVNULL)  # noqa: S603
    return None if done.returncode == 0 else "this machine does not let its users make namespaces of their own"


def run_build(
    build: BuildRecord,
    restored: Path,
    *,
    isolation: Isolation = "namespaces",
    tool_folders: tuple[Path, ...] = (),
    limits: Limits,
) -> BuildOutcome:
    """Run the build of a restored deposit.

    Args:
        build: The command, as the deposit names it.
        restored: The folder in which the deposit was put together; the build may write in it.
        isolation: ``insecure-none`` runs a stranger's program as this user, with this user's network and files.
        tool_folders: Folders besides ``/usr`` that the build may read, where tools are installed elsewhere; the
            ``bin`` of each comes first on the build's PATH.
        limits: Of its time and its output.
    """
    if isolation == "namespaces" and (reason := isolation_available()) is not None:
        return _outcome(build, "not run", f"none: {reason}", log=b"")
    with _command(build, restored, isolation, tool_folders) as call:
        ran = _run(call, min(build.time_limit_s, limits.build_time_s_max))
        interfaces = _interfaces(call) if isolation == "namespaces" else None
    return _judged(build, restored, ran, isolation=isolation, interfaces=interfaces)


@dataclass(frozen=True, kw_only=True)
class _Call:
    command: list[str]
    environment: dict[str, str]
    cwd: Path
    seen: Path  # where the clean room leaves the names of its network interfaces


@dataclass(frozen=True, kw_only=True)
class _Ran:
    code: int | None  # None: it took too long, and all of it was ended
    duration_s: float
    log_sha256: str
    log_tail: str


@contextlib.contextmanager
def _command(
    build: BuildRecord, restored: Path, isolation: Isolation, tool_folders: tuple[Path, ...]
) -> Iterator[_Call]:
    with as_file(files(__package__) / "clean_room.sh") as script, tempfile.TemporaryDirectory() as folder:
        root, seen = Path(folder, "root"), Path(folder, "seen")
        root.mkdir()
        if isolation == "insecure-none":
            environment = _environment(build, restored, root)
            yield _Call(command=[*build.command], environment=environment, cwd=restored / build.origin, seen=seen)
            return
        unshare = shutil.which("unshare", path=f"{os.environ.get('PATH', '')}:{_PATH}") or "unshare"
        inside = _environment(build, Path("/deposit"), Path("/tmp"), tool_folders)  # noqa: S108 -- the clean room's own
        command = [unshare, *_NAMESPACES, "--", "sh", str(script), str(root), str(restored.resolve())]
        command += ["env", "-i", *(f"{name}={value}" for name, value in inside.items())]
        # Whatever the command is called, env does not take it for a variable.
        command += ["sh", "-c", 'exec "$@"', "sh", *build.command]
        ours = {
            "PATH": _PATH,
            "LANG": "C.UTF-8",
            "PORTABILITY_ORIGIN": build.origin,
            "PORTABILITY_SEEN": str(seen),
            "PORTABILITY_TOOL_FOLDERS": " ".join(str(folder) for folder in tool_folders),
        }
        yield _Call(command=command, environment=ours, cwd=Path(folder), seen=seen)


def _interfaces(call: _Call) -> tuple[str, ...]:
    """Return what the clean room saw before the command ran; nothing, where it did not come so far."""
    return tuple(call.seen.read_text(encoding="utf-8").split()) if call.seen.is_file() else ()


def _environment(build: BuildRecord, deposit: Path, home: Path, tool_folders: tuple[Path, ...] = ()) -> dict[str, str]:
    """Return all that the build knows of where it runs; nothing of ours goes in."""
    return {
        **build.environment,
        "PATH": ":".join([*(str(folder / "bin") for folder in tool_folders), _PATH]),
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TZ": "UTC",
        "PORTABILITY_DEPOSIT": str(deposit),
        "PORTABILITY_PACKAGES": str(deposit / "packages"),
        "PIP_NO_INDEX": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def _run(call: _Call, time_limit_s: int) -> _Ran:
    """Run it to its end or the limit's, and keep of its output the hash and the end."""
    started = time.monotonic()
    sha256, tail, code = hashlib.sha256(), b"", None
    with subprocess.Popen(  # noqa: S603 -- a list of arguments, in a clean room
        call.command,
        cwd=call.cwd,
        env=call.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 -- it was asked for
        try:
            for chunk in _chunks(process.stdout.fileno(), started + time_limit_s):
                sha256.update(chunk)
                tail = (tail + chunk)[-_TAIL_BYTES:]
            code = process.wait(max(0.1, started + time_limit_s - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired):
            code = None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    duration = round(time.monotonic() - started, 3)
    told = tail.decode("utf-8", "replace")
    return _Ran(code=code, duration_s=duration, log_sha256=sha256.hexdigest(), log_tail=told)


def _chunks(descriptor: int, until: float) -> Iterator[bytes]:
    """Yield what is written to a pipe until it is closed.

    Raises:
        TimeoutError: It was not closed in time.
    """
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            if not selector.select(max(0.0, until - time.monotonic())):
                raise TimeoutError
            chunk = os.read(descriptor, 65_536)
            if not chunk:
                return
            yield chunk


def _judged(
    build: BuildRecord, restored: Path, ran: _Ran, *, isolation: Isolation, interfaces: tuple[str, ...] | None
) -> BuildOutcome:
    produced, lacking = _produced(build, restored / build.origin)
    outcome: Literal["built", "failed", "timed out", "lacks"] = (
        "timed out" if ran.code is None else "failed" if ran.code != 0 else "lacks" if lacking else "built"
    )
    name = "none: it ran as this user, with this user's network and files" if isolation == "insecure-none" else _ROOM
    return BuildOutcome(
        outcome=outcome,
        isolation=name,
        interfaces=interfaces,
        command=build.command,
        exit_code=ran.code,
        duration_s=ran.duration_s,
        produced=produced,
        lacking=lacking,
        log_sha256=ran.log_sha256,
        log_tail=ran.log_tail,
    )


_ROOM = "user, mount, PID, network, IPC and UTS namespaces; a root of its own; no capability"


def _produced(build: BuildRecord, origin: Path) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the promised files that exist, with their hashes, and the promises that nothing fulfils."""
    found, lacking = dict[str, str](), []
    for pattern in build.produces:
        matches = [name for name in _matching(origin, pattern) if _is_own_file(origin, name)]
        if not matches:
            lacking.append(pattern)
        for name in matches:
            with (origin / name).open("rb") as stream:
                found[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found, tuple(lacking)


def _matching(origin: Path, pattern: str) -> list[str]:
    try:
        return sorted(each.relative_to(origin).as_posix() for each in origin.glob(pattern))
    except (ValueError, NotImplementedError, OSError):
        return []


def _is_own_file(origin: Path, name: str) -> bool:
    """A build may leave links; a file that only a link leads to, out of the folder, was not produced."""
    path = origin / name
    return path.is_file() and path.resolve().is_relative_to(origin.resolve())


def _outcome(build: BuildRecord, outcome: Literal["not run"], isolation: str, *, log: bytes) -> BuildOutcome:
    return BuildOutcome(
        outcome=outcome,
        isolation=isolation,
        interfaces=None,
        command=build.command,
        exit_code=None,
        duration_s=0.0,
        produced={},
        lacking=build.produces,
        log_sha256=hashlib.sha256(log).hexdigest(),
        log_tail="",
    )
