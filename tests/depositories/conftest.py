"""One private SSH server for the tests of this folder that do not harm it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.depositories.sshd import SSHD, Sshd


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
