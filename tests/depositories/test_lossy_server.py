"""A server that loses what was not flushed, crashed at every request of a deposit; and servers that know less."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from portability.depositories import Depository, DepositoryConfig, download, download_file, publish, retrying
from portability.depositories.config import Place
from portability.depositories.sftp import SftpDepository
from portability.depositories.sftp_line import Line
from portability.depositories.sftp_session import Session
from portability.depositories.sftp_volume import Abilities, SftpVolume
from portability.depositories.testing import DepositoryConformance, Ground, sealed_folder
from portability.errors import DepositoryError, DepositoryRefusedError
from portability.limits import DEFAULT_LIMITS
from tests.depositories.lossy import Disk, LossyPipe, _File, _Folder

PREFIX = "agreement/000001"


class _LossyLine(Line):
    """A line to the server in memory."""

    def __init__(self, disk: Disk, known: Abilities | None = None) -> None:
        config = DepositoryConfig(name="lossy", url="sftp://nobody@nowhere/", connections=1)
        super().__init__(config, Place(kind="sftp", folder="/"), None, known)
        self._disk = disk

    def another(self) -> Line:
        return _LossyLine(self._disk, self.abilities)

    def _connect(self) -> SftpVolume:
        return SftpVolume("lossy", Session(LossyPipe(self._disk)), "/", self.abilities)


def open_lossy(disk: Disk) -> Depository:
    """Open the server that has this disk, over one connection."""
    return SftpDepository(_LossyLine(disk))


class LossyGround(Ground):
    """The server's disk from both sides."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    @contextmanager
    def open(self) -> Iterator[Depository]:
        yield open_lossy(self._disk)

    def lay(self, name: str, content: bytes) -> None:
        folder = self._disk.root
        *above, leaf = name.split("/")
        for step in above:
            below = folder.seen.setdefault(step, _Folder())
            assert isinstance(below, _Folder)
            folder = below
        folder.seen[leaf] = _File(seen=bytearray(content), on_disk=content)

    def contents(self) -> Mapping[str, bytes]:
        return {name: held for name, held in self._disk.contents().items() if not name.startswith(".")}


class TestRenameRefuses(DepositoryConformance):
    """A server in memory that is as able as OpenSSH, but answers short reads."""

    @pytest.fixture
    def ground(self) -> Ground:
        return LossyGround(Disk())


class TestRenameOverwritesLinks(DepositoryConformance):
    """A server whose rename overwrites, and that knows links."""

    @pytest.fixture
    def ground(self) -> Ground:
        return LossyGround(Disk(rename_refuses=False))


@pytest.mark.slow
class TestKnowsNothing(DepositoryConformance):
    """A server whose rename overwrites, and that knows neither links nor fsync."""

    @pytest.fixture
    def ground(self) -> Ground:
        return LossyGround(Disk(rename_refuses=False, knows_links=False, knows_sync=False))

    # Without fsync everything is read back in full, so its numbers are others.
    test_put_new_name_holds_exactly_these_bytes = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("disk", "rename"),
    [
        (Disk(), "refuses"),
        (Disk(rename_refuses=False), "links"),
        (Disk(rename_refuses=False, knows_links=False), "checked"),
    ],
    ids=["refuses", "links", "checked"],
)
def test_probe_lesser_server_says_how_names_are_given(disk: Disk, rename: str) -> None:
    """What a rename does is found out by trying; a lesser way is told."""
    found = open_lossy(disk).probe()
    assert found.rename == rename
    assert bool([note for note in found.notes if "rename overwrites" in note]) == (rename != "refuses")


@pytest.mark.parametrize("disk", [Disk(capacity_bytes=2**40), Disk(capacity_bytes=2**40, rename_refuses=False)])
def test_probe_of_what_became_read_only_is_refused(disk: Disk) -> None:
    """The files that an earlier probe left say nothing of today."""
    open_lossy(disk).probe()
    disk.is_read_only = True
    for _ in range(2):
        with pytest.raises(DepositoryRefusedError, match="read-only"):
            open_lossy(disk).probe()
    disk.is_read_only = False
    open_lossy(disk).probe()


@pytest.mark.parametrize("leaf", ["../../../memory/log.jsonl", "/memory/log.jsonl", "../x", "a/b", "", ".", ".."])
def test_list_name_that_leads_out_is_refused_and_nothing_is_written(tmp_path: Path, leaf: str) -> None:
    """A server that lies in its listing touches no file of the client's, old or new."""
    memory = tmp_path / "memory" / "log.jsonl"
    memory.parent.mkdir()
    memory.write_bytes(b"all that is remembered")
    disk, below = Disk(), _Folder(seen={"manifest.json.sig": _File(), leaf: _File(seen=bytearray(b"evil"))})
    disk.root.seen["agreement"] = _Folder(seen={"000001": below})
    with pytest.raises(DepositoryRefusedError, match="no depository can hold"):
        list(open_lossy(disk).list())
    with pytest.raises(DepositoryRefusedError, match="no depository can hold"):
        download(open_lossy(disk), PREFIX, tmp_path / "store" / "agreement" / "000001")
    assert memory.read_bytes() == b"all that is remembered"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [memory]


def test_download_file_writes_through_no_link(tmp_path: Path) -> None:
    """Whatever lies under its unfinished name, of a killed run or of somebody else, is replaced, not followed."""
    (tmp_path / "mine").write_bytes(b"kept")
    (tmp_path / ".one.part").symlink_to(tmp_path / "mine")
    disk = Disk()
    LossyGround(disk).lay(f"{PREFIX}/one", b"new")
    download_file(open_lossy(disk), f"{PREFIX}/one", tmp_path / "one", size_bytes_max=3)
    assert ((tmp_path / "mine").read_bytes(), (tmp_path / "one").read_bytes()) == (b"kept", b"new")


def _names(disk: Disk) -> dict[str, bytes]:
    ours = {name.removeprefix(f"{PREFIX}/"): held for name, held in disk.contents().items() if name.startswith(PREFIX)}
    return {name: held for name, held in ours.items() if not name.endswith(".part")}


def _publish(disk: Disk, folder: Path) -> None:
    publish(open_lossy(disk), folder, PREFIX)


@pytest.fixture
def one_attempt(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client gives up with the server: both are gone at once."""
    monkeypatch.setattr(retrying, "DEFAULT_LIMITS", replace(DEFAULT_LIMITS, depository_attempts_max=1))


@pytest.mark.usefixtures("one_attempt")
@pytest.mark.parametrize(("seed", "links"), [(0, False), (1, True), pytest.param(1, False, marks=pytest.mark.slow)])
def test_publish_server_crashes_at_any_request_next_run_finishes(tmp_path: Path, seed: int, *, links: bool) -> None:
    """After a crash at each request no name holds wrong bytes, a commit means all is there, the next run ends well."""
    folder = sealed_folder(tmp_path, segment_bytes=(90_000, 40_000, 0))
    wanted = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    whole = Disk(rename_refuses=not links)
    _publish(whole, folder)
    assert whole.requests > 100
    for crash_at in range(1, whole.requests + 1):
        disk = Disk(coin=random.Random(seed * 1000 + crash_at), crash_at=crash_at, carries_out=bool(seed % 2))
        disk.rename_refuses = not links
        with pytest.raises(DepositoryError):
            _publish(disk, folder)
        lying = _names(disk)
        assert all(held == wanted[name] for name, held in lying.items()), crash_at
        assert "manifest.json.sig" not in lying or lying == wanted, crash_at
        assert "manifest.json" not in lying or {*wanted} - {*lying} <= {"manifest.json.sig"}, crash_at
        _publish(disk, folder)
        disk.crash()
        assert _names(disk) == wanted, crash_at


@pytest.mark.usefixtures("one_attempt")
def test_publish_crashed_again_and_again_finishes(tmp_path: Path) -> None:
    """Thirty crashes at random requests, one after the other: what stands is never wrong, and the end is reached."""
    folder = sealed_folder(tmp_path, segment_bytes=(2_300_000, 40_000))
    wanted = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    coin = random.Random(5)
    disk = Disk(coin=coin)
    for _ in range(30):
        disk.crash_at = disk.requests + coin.randrange(1, 250)
        try:
            _publish(disk, folder)
        except DepositoryError:
            assert all(held == wanted[name] for name, held in _names(disk).items())
    disk.crash_at = None
    _publish(disk, folder)
    assert _names(disk) == wanted
