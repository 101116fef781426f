"""Keys as ssh-keygen makes them, and ssh-keygen and ssh-agent themselves."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import lacking

PASSPHRASE = "correct horse"
KINDS = {
    "ann": ("-t", "ed25519"),
    "bob": ("-t", "ed25519"),
    "locked": ("-t", "ed25519", "-N", PASSPHRASE),
    "rsa": ("-t", "rsa", "-b", "2048"),
    "weak_rsa": ("-t", "rsa", "-b", "1024"),
    "p256": ("-t", "ecdsa", "-b", "256"),
    "p384": ("-t", "ecdsa", "-b", "384"),
    "p521": ("-t", "ecdsa", "-b", "521"),
}


@dataclass(frozen=True)
class SshKeygen:
    """The peer: OpenSSH's own program, with keys that it made in ``folder``."""

    folder: Path

    def key(self, name: str) -> Path:
        """The private key of that name; ``.pub`` beside it."""
        return self.folder / name

    def line(self, name: str) -> str:
        """The public key, as a trust file has it."""
        return " ".join(self.key(f"{name}.pub").read_text(encoding="utf-8").split()[:2])

    def sign(self, name: str, content: bytes, *, namespace: str, hash_algorithm: str = "sha512") -> bytes:
        """Sign by ``ssh-keygen -Y sign``."""
        command = ["ssh-keygen", "-q", "-Y", "sign", "-O", f"hashalg={hash_algorithm}", "-n", namespace]
        return run([*command, "-f", str(self.key(name))], content).stdout

    def accepts(self, folder: Path, trust: str, content: bytes, signature: bytes, *options: str) -> bool:
        """Tell whether ``ssh-keygen -Y verify`` accepts a signature."""
        (folder / "peer_signers").write_text(trust, encoding="utf-8")
        (folder / "peer_signature").write_bytes(signature)
        files = ["-f", str(folder / "peer_signers"), "-s", str(folder / "peer_signature")]
        return run(["ssh-keygen", "-Y", "verify", *files, *options], content, check=False).returncode == 0


def run(command: list[str], content: bytes = b"", *, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    """Run a program on an input."""
    return subprocess.run(command, input=content, capture_output=True, check=check, timeout=60)


@pytest.fixture(scope="session")
def ssh_keygen(tmp_path_factory: pytest.TempPathFactory) -> SshKeygen:
    """ssh-keygen, with a key of each kind."""
    if shutil.which("ssh-keygen") is None:
        lacking("ssh-keygen")
    folder = tmp_path_factory.mktemp("keys")
    for name, kind in KINDS.items():
        protection = () if "-N" in kind else ("-N", "")
        run(["ssh-keygen", "-q", *kind, *protection, "-C", f"{name}@firm.example", "-f", str(folder / name)])
    return SshKeygen(folder)


@pytest.fixture
def ssh_agent(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., None]]:
    """A private ssh-agent; call it with a key's path (and options of ssh-add) to add it."""
    program = shutil.which("ssh-agent")
    if program is None:
        lacking("ssh-agent")
    socket = tmp_path_factory.mktemp("agent") / "s"
    agent = subprocess.Popen([str(program), "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    deadline = time.monotonic() + 10
    while not socket.exists() and time.monotonic() < deadline:
        time.sleep(0.01)

    def add(key: Path, *options: str) -> None:
        run(["ssh-add", "-q", *options, str(key)])

    yield add
    agent.terminate()
    agent.wait(10)
