"""A private, throw-away server of a DBMS, for a dump that nobody may trust: no network, no rights, no trace afterwards.

It listens on a Unix socket in a folder of its own, belongs to an unprivileged account, and ends with whoever started
it. What runs a dump's statements has a deadline, and its folder a size that it may not outgrow.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from portability.errors import ConnectorError, SourceDataError
from portability.staging import open_staging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from portability.limits import Limits

__all__ = ["PrivateServer", "find_program", "private_folder"]

_POLL_S = 0.2
_START_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 30
_TOLD_CHARACTERS = 300


def find_program(name: str, *, package: str) -> str:
    """Return the path of a DBMS's program.

    Raises:
        ConnectorError: It is not installed; the hint names Debian's package.
    """
    # Where Debian keeps what it leaves off PATH; the newest version first.
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4))
    folders = [*map(str, reversed(versions)), os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]
    path = shutil.which(name, path=os.pathsep.join(folders))
    if path is None:
        hint = f"Install the DBMS that wrote the dump (Debian: apt-get install {package}), or restore it yourself."
        raise ConnectorError(f"{name} is needed to read this dump and is not installed", place="dump", hint=hint)
    return path


@contextmanager
def private_folder(account: str) -> Iterator[Path]:
    """Yield a folder that only the server's account can enter; it is removed at the end, with all that is in it."""
    # Short: the path of a socket has at most 107 bytes.
    with open_staging(Path(tempfile.gettempdir())) as private:
        if os.geteuid() == 0:
            entry = _entry(account)
            os.chown(private.path, entry.pw_uid, entry.pw_gid)
        yield private.path


def _entry(account: str) -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(account)
    except KeyError:
        return pwd.getpwnam("nobody")


class PrivateServer:
    """Runs a server's programs in its folder, as its account, until the folder is left."""

    def __init__(self, folder: Path, *, account: str, limits: Limits) -> None:
        self.folder = folder
        self._limits = limits
        # Root gives its rights up; anybody else has none to give.
        entry = _entry(account) if os.geteuid() == 0 else None
        self._identity: dict[str, Any] = (
            {} if entry is None else {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
        )
        self._ends_with_us = [found, "--pdeathsig", "QUIT", "--"] if (found := shutil.which("setpriv")) else []

    def run(self, command: Sequence[str]) -> None:
        """Run a program that is no part of the dump.

        Raises:
            ConnectorError: It failed.
        """
        done = self._popen(command, stdin=subprocess.DEVNULL)
        _, told = done.communicate()
        if done.returncode:
            raise ConnectorError(f"{Path(command[0]).name} failed", place="dump", hint=_last(told))

    @contextmanager
    def serve(self, command: Sequence[str], *, answers: Callable[[], bool]) -> Iterator[None]:
        """Run the server until the block ends, whatever happens in it."""
        with (self.folder / "log").open("wb") as log:
            server = self._popen([*self._ends_with_us, *command], stdin=subprocess.DEVNULL, told=log)
        try:
            deadline = time.monotonic() + _START_TIMEOUT_S
            while not answers():
                if server.poll() is not None or time.monotonic() > deadline:
                    hint = _last((self.folder / "log").read_bytes())
                    raise ConnectorError("the private server did not start", place="dump", hint=hint)
                time.sleep(_POLL_S / 4)
            yield
        finally:
            _stop(server)

    def feed(self, command: Sequence[str], pieces: Iterator[bytes], *, explain: Callable[[str], str]) -> None:
        """Give a dump to the program that restores it.

        Args:
            command: The program, which reads the dump from its standard input.
            pieces: The dump.
            explain: Turns what the program complained of into words without a client's value.

        Raises:
            SourceDataError: The program refused the dump, or the dump asks for more time or room than it may have.
        """
        with tempfile.TemporaryFile(dir=self.folder) as told:
            restoring = self._popen([*self._ends_with_us, *command], stdin=subprocess.PIPE, told=told)
            try:
                self._pour(restoring, pieces)
            finally:
                if restoring.poll() is None:
                    restoring.kill()
                    restoring.wait()
            told.seek(0)
            if restoring.returncode:
                raise SourceDataError(
                    f"the dump cannot be restored: {explain(told.read().decode('utf-8', 'replace'))}",
                    place="dump",
                    hint="docs/file_sources.md says what a dump may contain, and what to ask the vendor for.",
                )

    def _pour(self, restoring: subprocess.Popen[bytes], pieces: Iterator[bytes]) -> None:
        deadline = time.monotonic() + self._limits.dump_restore_s_max
        stdin = restoring.stdin
        assert stdin is not None  # noqa: S101 -- asked for above
        os.set_blocking(stdin.fileno(), False)
        looked = 0.0
        for piece in pieces:
            view = memoryview(piece)
            while view and restoring.poll() is None:
                try:
                    view = view[os.write(stdin.fileno(), view) :]
                except BlockingIOError:
                    time.sleep(0.005)
                except BrokenPipeError:
                    break
                looked = self._look(deadline, looked)
        stdin.close()
        while restoring.poll() is None:
            time.sleep(_POLL_S / 4)
            looked = self._look(deadline, looked)

    def _look(self, deadline: float, looked: float) -> float:
        """Every now and then, refuse what takes too long or grows too large."""
        now = time.monotonic()
        if now - looked < _POLL_S:
            return looked
        if now > deadline:
            raise SourceDataError("the dump takes too long to restore", place="dump", hint=_limit("dump_restore_s_max"))
        if _size(self.folder) > self._limits.dump_bytes_max:
            raise SourceDataError("the dump grows too large", place="dump", hint=_limit("dump_bytes_max"))
        return now

    def _popen(self, command: Sequence[str], *, stdin: int, told: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 -- the DBMS's own programs, found on this machine
            list(command),
            stdin=stdin,
            stdout=subprocess.DEVNULL if told is None else told,
            stderr=subprocess.PIPE if told is None else told,
            cwd=self.folder,
            # Nothing of ours: no password, no address, no start-up file.
            env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder), "LC_ALL": "C", "TZ": "UTC"},
            **self._identity,
        )


def _limit(name: str) -> str:
    return f"If that is right for this dump, raise limits: {name} in portability.yaml."


def _stop(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(signal.SIGQUIT)
        try:
            server.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _size(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_blocks * 512  # noqa: PTH118 -- it may go meanwhile
            except OSError:
                continue
    return total


def _last(told: bytes | None) -> str:
    lines = (told or b"").decode("utf-8", "replace").strip().splitlines()
    # What initdb says of its tidying up is not why it failed.
    lines = [line for line in lines if "removing" not in line]
    return lines[-1][:_TOLD_CHARACTERS] if lines else ""
