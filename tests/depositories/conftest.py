"""One private SSH server for the tests of this folder that do not harm it."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.depositories.sshd import SSHD, Sshd, _program


@pytest.fixture(scope="session")
def shared_sshd() -> Iterator[Sshd]:
    """Return a server that every test leaves running."""
    if SSHD is None:
        pytest.skip("sshd is not installed (Debian: openssh-server)")
    with Sshd() as server:
        yield server


@pytest.fixture
def sshd(shared_sshd: Sshd) -> Sshd:
    """Return the server with an empty drop box."""
    for path in shared_sshd.root.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return shared_sshd


@pytest.fixture
def agent(sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Run an ssh-agent that holds the admitted key and another."""
    socket = tmp_path / "agent"
    process = subprocess.Popen([_program("ssh-agent"), "-D", "-a", str(socket)], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(socket))
    try:
        while not socket.exists():
            assert process.poll() is None
        for key in (sshd.make_key(f"other-{os.urandom(4).hex()}"), sshd.key):
            subprocess.run([_program("ssh-add"), "-q", str(key)], check=True)
        yield
    finally:
        process.terminate()
        process.wait()
