"""Depositories that are full, read-only, gone or cut off: an error with a mend, nothing wrong under a final name."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bench.delay_proxy import DelayProxy
from portability.depositories import (
    DepositoryConfig,
    PutRequest,
    open_depository,
    publish,
    retrying,
    sftp_line,
    sftp_volume,
)
from portability.depositories.testing import sealed_folder
from portability.errors import ConfigError, DepositoryError, DepositoryRefusedError
from portability.limits import DEFAULT_LIMITS, KIB, MIB
from tests.conftest import lacking
from tests.depositories.lossy import Disk
from tests.depositories.sshd import Sshd
from tests.depositories.test_lossy_server import PREFIX, LossyGround, open_lossy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a sealed folder."""
    return sealed_folder(tmp_path / "sealed")


def _final_names(root: Path) -> dict[str, bytes]:
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if not name.endswith(".part")}


def _manifests(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob("manifest*")]


@contextmanager
def _file_sizes_up_to(size_bytes: int) -> Iterator[None]:
    """Let no file of this process, and of those it starts, grow beyond a size, as a quota does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


def test_full_server_is_found_before_anything_is_sent(folder: Path) -> None:
    """What is missing and what is left are both told; the reserve counts."""
    disk = Disk(capacity_bytes=MIB)
    with pytest.raises(DepositoryRefusedError, match="bytes left") as raised:
        publish(open_lossy(disk), folder, PREFIX)
    assert not raised.value.retryable
    assert disk.contents() == {}
    disk.capacity_bytes = 5 * MIB
    with pytest.raises(DepositoryRefusedError, match="are to stay"):
        publish(open_lossy(disk), folder, PREFIX, reserve_bytes=4 * MIB)
    publish(open_lossy(disk), folder, PREFIX)


def test_server_that_fills_up_on_the_way_is_told_as_full_and_the_next_run_carries_on(folder: Path) -> None:
    """Others write there too: the write fails, the part stays, and when there is space again it is carried on with."""
    disk = Disk(capacity_bytes=MIB)
    depository = open_lossy(disk)
    request = PutRequest(name=f"{PREFIX}/segments/000000.age", source=folder / "segments/000000.age")
    with pytest.raises(DepositoryRefusedError, match="is full") as raised:
        depository.put(request)
    assert "space" in raised.value.hint
    assert request.name not in disk.contents()
    disk.capacity_bytes = 5 * MIB
    assert depository.put(request).sent_bytes < 3 * MIB


def test_read_only_disk_of_a_server_is_told(folder: Path) -> None:
    """Where the server says so, that is what is told."""
    with pytest.raises(DepositoryRefusedError, match="read-only"):
        publish(open_lossy(Disk(capacity_bytes=9 * MIB, is_read_only=True)), folder, PREFIX)


def test_read_only_server_refuses_with_a_mend(folder: Path) -> None:
    """`internal-sftp -R`: nothing can be created; what can be read still can."""
    with Sshd(sftp_options="-R") as sshd, open_depository(sshd.config()) as depository:
        assert list(depository.list("agreement")) == []
        with pytest.raises(DepositoryRefusedError, match="permission") as raised:
            publish(depository, folder, PREFIX)
        assert "deleting is not needed" in raised.value.hint


def test_quota_of_a_server_is_named_among_what_it_may_be(folder: Path) -> None:
    """SFTP says no more than `failure` when a quota is reached, and the disk is not full."""
    disk = Disk(capacity_bytes=2**40, quota_bytes=MIB)
    with pytest.raises(DepositoryRefusedError, match="without saying why") as raised:
        publish(open_lossy(disk), folder, PREFIX)
    assert "quota" in raised.value.hint
    assert f"{PREFIX}/manifest.json" not in disk.contents()
    disk.quota_bytes = None
    published = publish(open_lossy(disk), folder, PREFIX)
    assert 0 < published.sent_bytes < published.size_bytes


def test_folder_that_is_not_there_is_told(sshd: Sshd, folder: Path) -> None:
    """The address's own folder is never made."""
    config = sshd.config(url=f"{sshd.url}/none")
    with open_depository(config) as depository, pytest.raises(DepositoryRefusedError, match="no such file or folder"):
        publish(depository, folder, PREFIX)


def test_sftp_that_is_not_offered_is_told(folder: Path) -> None:
    """A server that lets one log in but speaks no SFTP."""
    with Sshd(extra="ForceCommand /bin/true") as sshd:
        file = sshd.directory / "sshd_config"
        sshd.kill()
        lines = file.read_text(encoding="utf-8").replace("ForceCommand internal-sftp", "#")
        sshd._configuration = lambda: lines  # type: ignore[method-assign]
        sshd.start()
        with pytest.raises(DepositoryError, match="SFTP"), open_depository(sshd.config()) as depository:
            publish(depository, folder, PREFIX)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait milliseconds where a minute would be waited."""
    limits = replace(DEFAULT_LIMITS, depository_backoff_ms=10)
    monkeypatch.setattr(retrying, "DEFAULT_LIMITS", limits)


@pytest.mark.usefixtures("quick_retries")
def test_network_cut_again_and_again_is_carried_on_with(sshd: Sshd, tmp_path: Path) -> None:
    """Every connection is cut after a MiB or so; the deposit is finished, and little is sent twice."""
    folder = sealed_folder(tmp_path / "sealed", segment_bytes=(3 * MIB, 3 * MIB))
    moved: list[int] = []
    with DelayProxy(sshd.port, cut_after_bytes=1500 * KIB) as proxy:
        config = sshd.config(url=sshd.url_at(proxy.port), connections=2)
        with open_depository(config) as depository:
            published = publish(depository, folder, PREFIX, progress=moved.append)
    assert published.size_bytes > 6 * MIB
    assert sum(moved) == published.size_bytes - sum(map(len, _manifests(folder)))
    wanted = {f"{PREFIX}/{name}": content for name, content in _final_names(folder).items()}
    lying = _final_names(sshd.root)
    assert {name: content for name, content in lying.items() if name.startswith(PREFIX)} == wanted


@pytest.mark.usefixtures("quick_retries")
def test_network_that_falls_silent_ends_in_an_error_that_may_be_retried(
    sshd: Sshd, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No answer for as long as is waited: an error, not a run that hangs."""
    limits = replace(DEFAULT_LIMITS, depository_timeout_s=1, depository_attempts_max=2, depository_backoff_ms=10)
    for module in (sftp_line, retrying):
        monkeypatch.setattr(module, "DEFAULT_LIMITS", limits)
    with DelayProxy(sshd.port, cut_after_bytes=100 * KIB, is_silent_after_cut=True) as proxy:
        config = sshd.config(url=sshd.url_at(proxy.port), connections=1)
        with open_depository(config) as depository, pytest.raises(DepositoryError, match="not answered") as raised:
            publish(depository, folder, PREFIX)
    assert raised.value.retryable


def test_spool_that_rotted_is_not_published(sshd: Sshd, folder: Path) -> None:
    """A segment of the right length with a byte changed: found while it is sent, and nothing is committed."""
    path = folder / "segments/000000.age"
    content = bytearray(path.read_bytes())
    content[1_000_000] ^= 1
    path.write_bytes(content)
    with open_depository(sshd.config()) as depository, pytest.raises(ConfigError, match="what its manifest says"):
        publish(depository, folder, PREFIX)
    lying = _final_names(sshd.root)
    assert not [name for name in lying if "000000.age" in name or "manifest" in name]


def test_server_that_gives_back_other_bytes_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that changes what it is given: twice, then it is told; nothing gets a name."""
    disk = Disk()
    depository = open_lossy(disk)
    depository.probe()
    read = sftp_volume._SftpFile.read

    async def spoilt(self: sftp_volume._SftpFile, ranges: list[tuple[int, int]]):  # type: ignore[no-untyped-def]  # noqa: ANN202
        async for at, piece in read(self, ranges):
            yield at, bytes([piece[0] ^ 1]) + piece[1:]

    monkeypatch.setattr(sftp_volume._SftpFile, "read", spoilt)
    with pytest.raises(DepositoryRefusedError, match="other bytes than it was sent"):
        publish(depository, folder, PREFIX)
    assert not [name for name in disk.contents() if name.startswith(PREFIX) and not name.endswith(".part")]


def test_parts_of_dead_runs_are_left_and_at_last_named() -> None:
    """A hundred parts that are not ours: the agent is asked to tidy up."""
    disk = Disk()
    for number in range(1, DEFAULT_LIMITS.depository_parts_max + 1):
        LossyGround(disk).lay(f"{PREFIX}/a{'' if number == 1 else f'.{number}'}.part", b"x")
    with pytest.raises(DepositoryRefusedError, match="too many abandoned") as raised:
        open_lossy(disk).put(PutRequest(name=f"{PREFIX}/a", source=b"y"))
    assert "*.part" in raised.value.hint


def test_connections_beyond_what_the_server_admits_are_done_without(folder: Path) -> None:
    """A server that hangs up on the third login still gets its deposit, over fewer connections."""
    with Sshd(extra="PerSourceMaxStartups 1") as sshd:
        with open_depository(sshd.config(connections=6)) as depository:
            publish(depository, folder, PREFIX)
        assert f"{PREFIX}/manifest.json.sig" in _final_names(sshd.root)


def _medium(tmp_path: Path) -> Path:
    root = tmp_path / "medium"
    root.mkdir()
    return root


def test_medium_that_is_not_mounted_is_noticed_by_its_marker(tmp_path: Path, folder: Path) -> None:
    """The mount point is there, the marker is not; or neither is."""
    root = _medium(tmp_path)
    config = DepositoryConfig(name="disk", url=f"directory:{root}", marker="escrow-medium")
    with pytest.raises(DepositoryRefusedError, match="marker"), open_depository(config):
        pass
    (root / "escrow-medium").touch()
    with open_depository(config) as depository:
        publish(depository, folder, PREFIX)
    shutil.rmtree(root)
    with pytest.raises(DepositoryRefusedError, match="no such directory"), open_depository(config):
        pass


def test_quota_of_a_medium_is_told_as_full_and_the_next_run_carries_on(tmp_path: Path, folder: Path) -> None:
    """A write that does not fit is told; the part is carried on with."""
    root = _medium(tmp_path)
    config = DepositoryConfig(name="disk", url=f"directory:{root}")
    with open_depository(config) as depository:
        with _file_sizes_up_to(2 * MIB), pytest.raises(DepositoryRefusedError, match="is full"):
            publish(depository, folder, PREFIX)
        assert f"{PREFIX}/manifest.json" not in _final_names(root)
        published = publish(depository, folder, PREFIX)
    assert published.sent_bytes < published.size_bytes


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A medium that is mounted for reading only; a folder that may not be written to does, but not for root."""
    root = _medium(tmp_path)
    if os.geteuid() != 0:
        root.chmod(0o555)
        yield root
        return
    command = ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(root)]
    if subprocess.run(command, check=False).returncode:
        lacking("a medium for reading only: root needs mount(8)")
    yield root
    command = ["umount", "--lazy", str(root)]
    subprocess.run(command, check=True)


def test_read_only_medium_is_told(read_only: Path, folder: Path) -> None:
    """Who may not write there is told so."""
    config = DepositoryConfig(name="disk", url=f"directory:{read_only}")
    with open_depository(config) as depository, pytest.raises(DepositoryRefusedError, match="cannot be written to"):
        publish(depository, folder, PREFIX)


def test_folder_that_may_not_be_written_is_told_as_that(sshd: Sshd, folder: Path) -> None:
    """Before anything was put there, and after: permission is what is refused, not a file that is missing."""
    with open_depository(sshd.config()) as depository:
        depository.probe()
    sshd.root.chmod(0o555)
    try:
        with open_depository(sshd.config()) as depository:
            with pytest.raises(DepositoryRefusedError, match="refuses permission"):
                depository.probe()
            with pytest.raises(DepositoryRefusedError, match="refuses permission"):
                publish(depository, folder, PREFIX)
    finally:
        sshd.root.chmod(0o755)


def test_reading_goes_on_after_the_connection_was_lost(sshd: Sshd, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long read is carried on with where it stopped."""
    monkeypatch.setattr(retrying, "DEFAULT_LIMITS", replace(DEFAULT_LIMITS, depository_backoff_ms=10))
    content = os.urandom(20 * MIB)
    with open_depository(sshd.config()) as depository:
        depository.put(PutRequest(name="agreement/long", source=content))
        pieces = depository.read("agreement/long")
        got = next(pieces)
        sshd.kill_sessions()
        assert got + b"".join(pieces) == content
