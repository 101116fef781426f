"""Two real git servers on this machine: ``git http-backend`` behind TLS, and ``git-shell`` behind a private sshd."""

from __future__ import annotations

import contextlib
import datetime as dt
import getpass
import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.depositories.sshd import SSHD
from tests.servers import free_port

_START_TIMEOUT_S = 20
_LOCALHOST = "127.0.0.1"


@contextlib.contextmanager
def git_over_https(root: Path, work: Path) -> Iterator[tuple[str, Path]]:
    """Serve the repositories below a folder; yield the address and the certificate that vouches for it."""
    certificate = _certificate(work)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._run(b"")

        def do_POST(self) -> None:
            self._run(self.rfile.read(int(self.headers["Content-Length"])))

        def _run(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            environment = {
                "PATH": os.environ["PATH"],
                "HOME": str(work),
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_ADDR": _LOCALHOST,
            }
            done = subprocess.run(
                [_program("git"), "http-backend"], env=environment, input=body, capture_output=True, check=True
            )
            head, _, content = done.stdout.partition(b"\r\n\r\n")
            fields = dict(line.split(": ", 1) for line in head.decode().splitlines())
            self.send_response(int(fields.pop("Status", "200").split()[0]))
            for name, value in fields.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            del arguments

    server = ThreadingHTTPServer((_LOCALHOST, 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"https://{_LOCALHOST}:{server.server_port}", certificate
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _certificate(work: Path) -> Path:
    """Make a certificate for this machine, signed by itself, with its key in the same file."""
    key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "git server of the tests")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(_LOCALHOST))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(address, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    file = work / "certificate.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


@contextlib.contextmanager
def git_over_ssh(work: Path) -> Iterator[tuple[str, str]]:
    """Let this account in by a key that can only run git; yield the address and the command to reach it with."""
    assert SSHD is not None
    for name in ("host", "client"):
        subprocess.run([_program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(work / name)], check=True)
    public = (work / "client.pub").read_text(encoding="utf-8")
    shell = shutil.which("git-shell")
    (work / "authorized_keys").write_text(f'restrict,command="{shell} -c \\"$SSH_ORIGINAL_COMMAND\\"" {public}')
    port = free_port()
    (work / "known_hosts").write_text(f"[{_LOCALHOST}]:{port} {(work / 'host.pub').read_text(encoding='utf-8')}")
    lines = [f"Port {port}", f"ListenAddress {_LOCALHOST}", f"HostKey {work}/host", f"PidFile {work}/pid"]
    lines += [f"AuthorizedKeysFile {work}/authorized_keys", "StrictModes no", "UsePAM no", "PermitRootLogin yes"]
    (work / "sshd_config").write_text("\n".join([*lines, "PasswordAuthentication no", "LogLevel ERROR", ""]))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where it parts with its privileges
    with subprocess.Popen([SSHD, "-D", "-e", "-f", str(work / "sshd_config")], stderr=subprocess.DEVNULL) as process:
        try:
            _wait_for(port)
            command = f"ssh -F /dev/null -i {work}/client -oIdentitiesOnly=yes -oBatchMode=yes"
            command += f" -oUserKnownHostsFile={work}/known_hosts -oStrictHostKeyChecking=yes"
            yield f"ssh://{getpass.getuser()}@{_LOCALHOST}:{port}", command
        finally:
            process.kill()


def _program(name: str) -> str:
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed"
    return found


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        with contextlib.suppress(OSError), socket.create_connection((_LOCALHOST, port), timeout=5) as wire:
            if wire.recv(4) == b"SSH-":
                return
        assert time.monotonic() < deadline, "sshd does not answer"
        time.sleep(0.02)
