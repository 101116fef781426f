"""The contract, kept by each kind: a directory, one without hard links, OpenSSH, and OpenSSH as a lesser server."""

from __future__ import annotations

import errno
import os
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from portability.depositories import Depository, DepositoryConfig, open_depository
from portability.depositories.testing import DepositoryConformance, DirectoryGround, Ground
from tests.depositories.sshd import Sshd


class _Directory(DirectoryGround):
    def __init__(self, root: Path) -> None:
        root.mkdir()
        self.root = root

    def open(self) -> AbstractContextManager[Depository]:
        return open_depository(DepositoryConfig(name="medium", url=f"directory:{self.root}"))


class _Server(DirectoryGround):
    def __init__(self, sshd: Sshd, connections: int) -> None:
        self.root = sshd.root
        self._config = sshd.config(connections=connections)

    def open(self) -> AbstractContextManager[Depository]:
        return open_depository(self._config)


class TestDirectory(DepositoryConformance):
    """A directory on a disk."""

    @pytest.fixture
    def ground(self, tmp_path: Path) -> Ground:
        return _Directory(tmp_path / "medium")


@pytest.mark.slow
class TestDirectoryWithoutLinks(DepositoryConformance):
    """A directory on a file system that knows no second names, as FAT."""

    @pytest.fixture
    def ground(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ground:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))

        monkeypatch.setattr(os, "link", refuse)
        return _Directory(tmp_path / "medium")


class TestSftp(DepositoryConformance):
    """OpenSSH, over one connection."""

    @pytest.fixture
    def ground(self, sshd: Sshd) -> Ground:
        return _Server(sshd, connections=1)


@pytest.mark.slow
class TestSftpSeveralConnections(DepositoryConformance):
    """OpenSSH, over three connections at once."""

    @pytest.fixture
    def ground(self, sshd: Sshd) -> Ground:
        return _Server(sshd, connections=3)
