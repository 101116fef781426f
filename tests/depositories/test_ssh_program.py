"""The system's own ssh as a second way to a server: the same contract, nothing decided by it, not needed."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest

from portability.depositories import (
    Depository,
    DepositoryConfig,
    JumpHost,
    PutRequest,
    open_depository,
    publish,
    retrying,
    sftp_uploads,
    ssh_program,
)
from portability.depositories.config import parse_place
from portability.depositories.placing import Track
from portability.depositories.sftp import SftpDepository
from portability.depositories.sftp_session import Session
from portability.depositories.ssh import is_plain_key
from portability.depositories.ssh_program import Program, find_program, open_program
from portability.depositories.testing import DepositoryConformance, DirectoryGround, Ground, sealed_folder
from portability.errors import DepositoryError, DepositoryRefusedError
from portability.limits import DEFAULT_LIMITS, KIB, MIB
from tests.depositories.sshd import Sshd

PREFIX = "agreement/000001"


@pytest.fixture(autouse=True)
def all_is_bulk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the smallest file be worth a second connection, and every 64 KiB a flush."""
    limits = replace(DEFAULT_LIMITS, depository_bulk_bytes=0, depository_flush_bytes=64 * KIB)
    monkeypatch.setattr(sftp_uploads, "_LIMITS", limits)


class _Quick(DirectoryGround):
    def __init__(self, sshd: Sshd) -> None:
        self.root = sshd.root
        self._config = sshd.config(connections=2)

    def open(self) -> AbstractContextManager[Depository]:
        return open_depository(self._config)


@pytest.mark.slow
class TestSftpThroughProgram(DepositoryConformance):
    """OpenSSH at both ends."""

    @pytest.fixture
    def ground(self, sshd: Sshd) -> Ground:
        return _Quick(sshd)


def _is_quick(depository: Depository) -> bool:
    assert isinstance(depository, SftpDepository)
    return any(line.is_quick for line in depository._others)


def _puts_quickly(config: DepositoryConfig) -> bool:
    """Put something; tell whether it went through the program."""
    with open_depository(config) as depository:
        assert depository.put(PutRequest(name="agreement/x", source=b"x" * MIB)).size_bytes == MIB
        return _is_quick(depository)


def test_put_of_bulk_goes_through_the_program_and_leaves_none_running(sshd: Sshd) -> None:
    """It is used, and is gone with the depository."""
    with open_depository(sshd.config()) as depository:
        depository.put(PutRequest(name="agreement/x", source=b"x" * MIB))
        assert len(_programs()) == 1
    assert (sshd.root / "agreement/x").read_bytes() == b"x" * MIB
    assert _programs() == []


def test_put_of_little_goes_over_the_first_connection(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second login costs more than it brings."""
    monkeypatch.setattr(sftp_uploads, "_LIMITS", DEFAULT_LIMITS)
    assert not _puts_quickly(sshd.config())


@pytest.mark.parametrize("kind", ["rsa", "ecdsa"])
def test_host_key_of_each_kind_is_pinned_again(kind: str) -> None:
    """The program accepts the key that the first connection was shown, of whatever kind."""
    with Sshd() as sshd:
        key = sshd.make_key(f"host-{kind}", kind=kind)
        sshd.kill()
        sshd.host_key = key
        sshd.start()
        assert _puts_quickly(sshd.config())


def _program(sshd: Sshd, host_key: str) -> Program:
    config = sshd.config()
    found = find_program(config, parse_place(config), host_key, is_key_plain=True)
    assert found is not None
    return found


def test_host_key_that_is_another_ends_it(sshd: Sshd) -> None:
    """A server that took another's place between two connections gets nothing."""
    kind, encoded, _ = sshd.key.with_suffix(".pub").read_text(encoding="utf-8").split()
    with open_program(_program(sshd, f"{kind} {encoded}")) as pipe, pytest.raises(DepositoryError):
        Session(pipe)


def test_program_is_configured_by_nothing_but_its_command(sshd: Sshd) -> None:
    """What ssh itself says that it would do: no file of anybody's, no question, no other key or agent."""
    command = ssh_program._command(_program(sshd, " ".join(sshd.host_key_line.split()[:2])), Path("/tmp/known"))  # noqa: S108
    done = subprocess.run([command[0], "-G", *command[1:]], capture_output=True, text=True, check=True)
    says = dict(line.split(" ", 1) for line in done.stdout.splitlines() if " " in line)
    wanted = {
        "batchmode": "yes",
        "stricthostkeychecking": "true",
        "userknownhostsfile": "/tmp/known",  # noqa: S108
        "globalknownhostsfile": "none",
        "hostkeyalgorithms": "ssh-ed25519",
        "identityfile": str(sshd.key),
        "identityagent": "none",
        "identitiesonly": "yes",
        "preferredauthentications": "publickey",
        "forwardagent": "no",
        "clearallforwardings": "yes",
        "permitlocalcommand": "no",
        "user": sshd.user,
    }
    assert {name: says.get(name) for name in wanted} == wanted
    assert "proxycommand" not in says
    assert command[1:3] == ["-F", "none"]


def _with_passphrase(sshd: Sshd) -> DepositoryConfig:
    key = sshd.make_key(f"locked-{os.urandom(4).hex()}", passphrase="open sesame")
    return sshd.config(login=replace(sshd.login, key=key))


def _open_to_others(sshd: Sshd) -> DepositoryConfig:
    key = sshd.make_key(f"open-{os.urandom(4).hex()}")
    key.chmod(0o644)
    return sshd.config(login=replace(sshd.login, key=key))


def _by_jump(sshd: Sshd) -> DepositoryConfig:
    return sshd.config(jump=JumpHost(url=f"ssh://{sshd.user}@127.0.0.1:{sshd.port}", login=sshd.login))


def _by_password(sshd: Sshd) -> DepositoryConfig:
    return sshd.config(login=replace(sshd.login, key=None, password="${DROP_PASSWORD}"))


def _by_odd_user(sshd: Sshd) -> DepositoryConfig:
    return sshd.config(url="sftp://-oProxyCommand=x@127.0.0.1/deposits")


def _by_odd_path(sshd: Sshd) -> DepositoryConfig:
    return sshd.config(login=replace(sshd.login, key=Path("/keys/%h/${HOME}")))


@pytest.mark.parametrize(
    "made", [_with_passphrase, _open_to_others, _by_jump, _by_password, _by_odd_user, _by_odd_path]
)
def test_login_that_the_program_cannot_do_alone_is_left_to_the_library(
    sshd: Sshd, made: Callable[[Sshd], DepositoryConfig]
) -> None:
    """No secret is handed to it, nothing that it would expand or take for an option."""
    config = made(sshd)
    assert config.login is not None
    is_plain = made in {_by_jump, _by_odd_path, _by_odd_user} or is_plain_key(config.login)
    assert find_program(config, parse_place(config), "ssh-ed25519 AAAA", is_key_plain=is_plain) is None


@pytest.mark.usefixtures("agent")
def test_login_with_the_agent_goes_through_the_program(sshd: Sshd) -> None:
    """With any of its keys, or the one whose public half is named."""
    login = replace(sshd.login, key=None, agent=True)
    assert _puts_quickly(sshd.config(login=login))
    assert _puts_quickly(sshd.config(login=replace(login, key=sshd.key.with_suffix(".pub")), name="again"))


@pytest.mark.parametrize("body", ["exit 255", "echo no such thing", "kill -9 $$", "sleep 60"])
def test_program_that_does_not_work_is_done_without(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str
) -> None:
    """It ends, talks nonsense, dies or hangs: the deposit is made by the library."""
    program = tmp_path / "ssh"
    program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(ssh_program, "DEFAULT_LIMITS", replace(DEFAULT_LIMITS, depository_timeout_s=1))
    assert not _puts_quickly(sshd.config())


def test_program_that_is_missing_is_done_without(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without an SSH client."""
    monkeypatch.setenv("PATH", "/nonexistent")
    assert not _puts_quickly(sshd.config())


def test_program_killed_on_the_way_is_started_again_and_the_deposit_finished(
    sshd: Sshd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed once it has brought something: what is there is carried on with."""
    monkeypatch.setattr(retrying, "DEFAULT_LIMITS", replace(DEFAULT_LIMITS, depository_backoff_ms=10))
    folder = sealed_folder(tmp_path / "sealed", segment_bytes=(12 * MIB, 12 * MIB))
    killed: list[int] = []

    def kill_some(_: int) -> None:
        if len(killed) < 3:
            for pid in _programs():
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)

    with open_depository(sshd.config(connections=3)) as depository:
        published = publish(depository, folder, PREFIX, progress=kill_some)
        assert publish(depository, folder, PREFIX).sent_bytes == 0
    assert killed
    assert published.files == 7


def test_server_killed_under_the_program_may_be_tried_again(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """As with the library: a retryable error when it does not come back, and no program left."""
    del sshd
    limits = replace(DEFAULT_LIMITS, depository_backoff_ms=10, depository_attempts_max=2)
    monkeypatch.setattr(retrying, "DEFAULT_LIMITS", limits)
    with Sshd() as own, open_depository(own.config()) as depository:
        depository.put(PutRequest(name="agreement/x", source=b"x"))
        own.kill()
        with pytest.raises(DepositoryError) as raised:
            depository.put(PutRequest(name="agreement/y", source=b"y"))
    assert raised.value.retryable
    assert _programs() == []


def test_refusal_comes_from_the_first_connection_whatever_the_program_would_do(sshd: Sshd) -> None:
    """A wrong pin and a key that is not admitted are told as ever; no program was started."""
    other = sshd.key.with_suffix(".pub").read_text(encoding="utf-8")
    stranger = sshd.make_key(f"stranger-{os.urandom(4).hex()}")
    with pytest.raises(DepositoryRefusedError, match="not pinned"):
        _puts_quickly(sshd.config(login=replace(sshd.login, host_keys=(other,))))
    with pytest.raises(DepositoryRefusedError, match="refuses the login"):
        _puts_quickly(sshd.config(login=replace(sshd.login, key=stranger)))


def test_track_gives_a_part_to_be_flushed_once_for_so_many_bytes() -> None:
    """Not before it is taken, not twice for the same bytes, not after its own flush is on its way."""
    track = Track(lambda _: None)
    track.at(100)
    assert track.take_unflushed(10) is None
    track.resumed("x.part", 100)
    track.at(105)
    assert track.take_unflushed(10) is None
    track.at(110)
    assert track.take_unflushed(10) == "x.part"
    assert track.take_unflushed(10) is None
    track.at(120)
    track.written()
    assert track.take_unflushed(10) is None


def _programs() -> list[int]:
    """Return the ssh programs that any thread of this process started."""
    children = [path.read_text(encoding="ascii").split() for path in Path("/proc/self/task").glob("*/children")]
    return [int(pid) for started in children for pid in started if _is_program(int(pid))]


def _is_program(pid: int) -> bool:
    try:
        return b"\0-F\0none\0" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
