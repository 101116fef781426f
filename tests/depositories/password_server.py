"""An SSH server in this process that takes a password, which a private OpenSSH cannot: it would ask the system."""

# ruff: noqa: ARG002 -- the library says what its methods take

from __future__ import annotations

import socket
import threading
from types import TracebackType
from typing import Self

import paramiko
from paramiko.common import AUTH_FAILED, AUTH_SUCCESSFUL, OPEN_SUCCEEDED

from tests.depositories.lossy import Disk, LossyPipe

PASSWORD = "correct horse ${battery}"


class PasswordServer:
    """Serves one disk in memory to whoever knows the password."""

    def __init__(self) -> None:
        self.disk = Disk()
        self._host_key = paramiko.RSAKey.generate(2048)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.host_key_line = f"{self._host_key.get_name()} {self._host_key.get_base64()}"
        self._transports: list[paramiko.Transport] = []

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()
        for transport in self._transports:
            transport.close()

    def _accept(self) -> None:
        while True:
            try:
                wire, _ = self._listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(wire)
            self._transports.append(transport)
            transport.add_server_key(self._host_key)
            transport.set_subsystem_handler("sftp", _Sftp, self.disk)
            transport.start_server(event=threading.Event(), server=_Door())


class _Door(paramiko.ServerInterface):
    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_auth_password(self, username: str, password: str) -> int:
        return AUTH_SUCCESSFUL if password == PASSWORD else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return OPEN_SUCCEEDED


class _Sftp(paramiko.SubsystemHandler):
    def __init__(self, channel: paramiko.Channel, name: str, server: paramiko.ServerInterface, disk: Disk) -> None:
        super().__init__(channel, name, server)
        self._pipe = LossyPipe(disk)

    def start_subsystem(self, name: str, transport: paramiko.Transport, channel: paramiko.Channel) -> None:
        while received := channel.recv(65_536):
            self._pipe.sendall(received)
            while answer := self._pipe.recv(32_000):
                channel.sendall(answer)
