"""The system's own `ssh` as a second way to a server that paramiko has logged in to: faster, for bulk.

It encrypts in C and in a process of its own. Nothing is decided here that the first connection has not decided: the key
that it was shown there, and only that, is pinned again; the same key or agent logs in; no file of the user's or the
machine's configures it, and nothing is asked. Where it does not get there, for whatever reason, paramiko does it all.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from portability.depositories.config import DepositoryConfig, Place, SshLogin
from portability.depositories.sftp_session import lost_connection
from portability.limits import DEFAULT_LIMITS, KIB

__all__ = ["Program", "ProgramPipe", "find_program", "open_program"]

# What an option's value may hold and still mean itself: ssh expands %, ~ and ${} there, and splits at blanks.
_PLAIN = re.compile(r"[A-Za-z0-9_./+,:@=][A-Za-z0-9_./+,:@=-]*")
_NAME = re.compile(r"[A-Za-z0-9_.:+][A-Za-z0-9_.:+-]*")
_ALIAS = "pinned"
_BUFFER_BYTES = 1024 * KIB
_OPTIONS = {
    "BatchMode": "yes",
    "StrictHostKeyChecking": "yes",
    "HostKeyAlias": _ALIAS,
    "GlobalKnownHostsFile": "none",
    "UpdateHostKeys": "no",
    "CheckHostIP": "no",
    "PreferredAuthentications": "publickey",
    "ClearAllForwardings": "yes",
    "ForwardAgent": "no",
    "ForwardX11": "no",
    "PermitLocalCommand": "no",
    "ControlMaster": "no",
    "ControlPath": "none",
    "Compression": "no",
    "LogLevel": "QUIET",
    "RekeyLimit": "4G",
    "Ciphers": "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes128-ctr,aes256-ctr",
}


@dataclass(frozen=True, kw_only=True)
class Program:
    """How it is called.

    Args:
        host_key: The key that the first connection was shown, and found pinned: kind and base64.
    """

    path: str
    place: Place
    login: SshLogin
    host_key: str


class ProgramPipe:
    """Its standard input and output, which are an SFTP server's."""

    def __init__(self, wire: socket.socket, settled: Callable[[], None]) -> None:
        self._wire = wire
        self.settled = settled  # to be called when the server has answered: its key was looked at, for good
        self.sendall, self.recv = wire.sendall, wire.recv

    def cut(self) -> None:
        """End it from another thread, whatever it is at."""
        with contextlib.suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)


def find_program(config: DepositoryConfig, place: Place, host_key: str, *, is_key_plain: bool) -> Program | None:
    """Return how it is called, or None where it is missing or cannot log in by itself.

    Args:
        is_key_plain: The login's key can be used as it lies there, with no passphrase.
    """
    login = config.login
    path = shutil.which("ssh")
    if login is None or path is None or config.jump is not None or os.name != "posix":
        return None
    if not (login.agent or (login.key is not None and is_key_plain)):
        return None
    socket_path = os.environ.get("SSH_AUTH_SOCK", "") if login.agent else "none"
    paths = [str(login.key.absolute())] if login.key is not None else []
    if not all(_PLAIN.fullmatch(value) for value in (socket_path, *paths, tempfile.gettempdir())):
        return None
    if not (_NAME.fullmatch(place.user) and _NAME.fullmatch(place.host)):
        return None
    return Program(path=path, place=place, login=login, host_key=host_key)


@contextlib.contextmanager
def open_program(program: Program) -> Iterator[ProgramPipe]:
    """Start it; whether it gets there, the first answer tells."""
    ours, theirs = socket.socketpair()
    folder = tempfile.TemporaryDirectory(prefix="portability-ssh-")
    with ours, folder:
        known = Path(folder.name) / "known_hosts"
        known.write_text(f"{_ALIAS} {program.host_key}\n", encoding="ascii")
        with theirs, lost_connection():
            for end in (ours, theirs):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            process = subprocess.Popen(  # noqa: S603 -- a list of arguments, each looked at; no shell
                _command(program, known),
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=subprocess.DEVNULL,
                env=_environment(program),
                start_new_session=True,  # Ctrl-C is ours to handle, and there is no terminal to ask at
            )
        ours.settimeout(DEFAULT_LIMITS.depository_timeout_s)
        pipe = ProgramPipe(ours, folder.cleanup)
        try:
            yield pipe
        finally:
            pipe.cut()
            process.kill()  # what was asked for is answered by now, or lost
            process.wait()


def _command(program: Program, known: Path) -> list[str]:
    login, place = program.login, program.place
    options = {**_OPTIONS, "UserKnownHostsFile": str(known), "HostKeyAlgorithms": _algorithms(program.host_key)}
    options["ConnectTimeout"] = str(DEFAULT_LIMITS.depository_timeout_s)
    options["IdentityAgent"] = "SSH_AUTH_SOCK" if login.agent else "none"
    options["IdentityFile"] = "none" if login.key is None else str(login.key.absolute())
    options["IdentitiesOnly"] = "no" if login.key is None else "yes"
    given = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    where = ["-p", str(place.port), "-l", place.user]
    return [program.path, "-F", "none", "-T", "-a", "-x", *given, *where, "-s", "--", place.host, "sftp"]


def _algorithms(host_key: str) -> str:
    kind = host_key.split()[0]
    return "rsa-sha2-512,rsa-sha2-256" if kind == "ssh-rsa" else kind


def _environment(program: Program) -> dict[str, str]:
    names = ("PATH", "HOME", "SSH_AUTH_SOCK") if program.login.agent else ("PATH", "HOME")
    return {name: os.environ[name] for name in names if name in os.environ}
