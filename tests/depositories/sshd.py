"""A private OpenSSH server for tests: its own keys, a free loopback port, a drop box without deletion.

As root it is set up as an agent would: an unprivileged account, a chroot, ``internal-sftp`` without ``remove`` and
``rmdir``. An ordinary user's sshd can change neither root nor user: there the account is the user's own, the drop box
an ordinary path; all else is the same.

    with Sshd() as sshd:
        with open_depository(sshd.config()) as depository: ...
        sshd.kill()    # kill -9, sessions and all
        sshd.start()   # again, on the same port
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from portability.depositories import DepositoryConfig, SshLogin
from tests.servers import free_port

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
DENIED = ("remove", "rmdir", "posix-rename")
_START_TIMEOUT_S = 20
_ACCOUNT = "nobody"


class Sshd:
    """One private server.

    Args:
        denied: SFTP requests that it refuses.
        extra: More lines of its configuration.
        sftp_options: More options of internal-sftp.
    """

    def __init__(self, *, denied: tuple[str, ...] = DENIED, extra: str = "", sftp_options: str = "") -> None:
        self._denied, self._extra, self._sftp_options = denied, extra, sftp_options
        self._is_root = os.geteuid() == 0
        self.user = _ACCOUNT if self._is_root else pwd.getpwuid(os.geteuid()).pw_name
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()

    def __enter__(self) -> Self:
        # A chroot's folders must belong to root up to the top and be nobody else's to write: /tmp is not.
        self.directory = Path(tempfile.mkdtemp(prefix="portability-sshd-", dir="/var/lib" if self._is_root else None))
        self.directory.chmod(0o755)
        self.jail = self.directory / "jail"
        self.root = self.jail / "deposits"  # where what is put lies
        self.root.mkdir(parents=True, mode=0o755)
        if self._is_root:
            account = pwd.getpwnam(_ACCOUNT)
            os.chown(self.root, account.pw_uid, account.pw_gid)
        self.key = self.make_key("client")
        self.host_key = self.make_key("host")
        self.admit(self.key)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def make_key(self, name: str, *, passphrase: str = "", kind: str = "ed25519") -> Path:
        """Make a key pair beside the server's."""
        path = self.directory / name
        subprocess.run(
            [_program("ssh-keygen"), "-q", "-t", kind, "-N", passphrase, "-C", name, "-f", str(path)],
            check=True,
            timeout=60,
        )
        return path

    def admit(self, key: Path) -> None:
        """Let the account log in with a key."""
        admitted = self.directory / "authorized_keys"
        with admitted.open("a", encoding="utf-8") as file:
            file.write(key.with_suffix(".pub").read_text(encoding="utf-8"))
        admitted.chmod(0o644)

    def config(self, name: str = "agent", **changes: Any) -> DepositoryConfig:  # noqa: ANN401 -- any of its fields
        """Return how it is reached."""
        config = DepositoryConfig(name=name, url=self.url, login=self.login)
        return replace(config, **changes)

    @property
    def url(self) -> str:
        return self.url_at(self.port)

    def url_at(self, port: int) -> str:
        folder = "/deposits" if self._is_root else str(self.root)
        return f"sftp://{self.user}@127.0.0.1:{port}{folder}"

    @property
    def login(self) -> SshLogin:
        return SshLogin(host_keys=(self.host_key_line,), key=self.key)

    @property
    def host_key_line(self) -> str:
        return self.host_key.with_suffix(".pub").read_text(encoding="utf-8").strip()

    def start(self) -> None:
        """Start it, again on the same port after :meth:`kill`."""
        assert SSHD is not None, "sshd is not installed (Debian: openssh-server)"
        if self._is_root:
            Path("/run/sshd").mkdir(exist_ok=True)  # where it parts with its privileges
        file = self.directory / "sshd_config"
        file.write_text(self._configuration(), encoding="utf-8")
        with (self.directory / "log").open("ab") as log:
            self._process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(file)], stdout=log, stderr=log)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError((self.directory / "log").read_text(encoding="utf-8", errors="replace"))
            time.sleep(0.02)
        while _descendants(self._process.pid) and time.monotonic() < deadline:
            time.sleep(0.01)  # until this look at the port is forgotten: it counts as one who logs in

    def kill(self) -> None:
        """Kill -9 the server and every session of it, as a crash would."""
        if self._process is None:
            return
        for pid in [self._process.pid, *_descendants(self._process.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._process = None

    def kill_sessions(self) -> None:
        """Kill -9 the sessions; the server goes on."""
        assert self._process is not None
        for pid in _descendants(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as wire:
                return wire.recv(4) == b"SSH-"
        except OSError:
            return False

    def _configuration(self) -> str:
        denied = f"-P {','.join(self._denied)}" if self._denied else ""
        lines = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.host_key}",
            f"AuthorizedKeysFile {self.directory}/authorized_keys",
            f"PidFile {self.directory}/pid",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UsePAM no",
            "StrictModes no",
            "PermitRootLogin no",
            "MaxStartups 100",
            "LogLevel ERROR",
            "Subsystem sftp internal-sftp",
            f"ForceCommand internal-sftp {denied} {self._sftp_options}",
            f"ChrootDirectory {self.jail}" if self._is_root else "",
            self._extra,
        ]
        return "\n".join(lines) + "\n"


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed (Debian: openssh-client)"
    return found


def _descendants(pid: int) -> list[int]:
    """Return the processes below one, youngest last."""
    try:
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
    except OSError:
        return []
    children = [int(word) for word in text.split()]
    return [*children, *(each for child in children for each in _descendants(child))]
