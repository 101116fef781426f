"""The contract of a depository as tests: inherit :class:`DepositoryConformance` and give it a real one.

    class TestMine(DepositoryConformance):
        @pytest.fixture
        def ground(self, tmp_path):
            return MyGround(tmp_path)

A :class:`Ground` opens the depository as a depositor does, and lays and looks at files as the agent does who owns it.
Needs pytest.
"""
# ruff: noqa: S101 -- these are tests

from __future__ import annotations

import hashlib
import json
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar

import pytest

from portability.depositories.depository import Depository, PutRequest, ReadBack
from portability.depositories.fetching import download, download_file, read_small
from portability.depositories.probing import PROBE_FOLDER
from portability.depositories.publishing import publish
from portability.errors import ConfigError, DepositConflictError, DepositoryError, PortabilityError
from portability.limits import MIB

__all__ = ["DepositoryConformance", "DirectoryGround", "Ground", "sealed_folder"]

NAME = "agreement/000001/segments/000000.age"


class Ground(ABC):
    """A depository from both sides."""

    @abstractmethod
    def open(self) -> AbstractContextManager[Depository]:
        """Open it as a depositor does."""

    @abstractmethod
    def lay(self, name: str, content: bytes) -> None:
        """Put a file there as the agent can, or a run that died."""

    @abstractmethod
    def contents(self) -> Mapping[str, bytes]:
        """Return every file that lies there, but for the probe's."""


class DirectoryGround(Ground):
    """A depository whose files lie in a directory that the test can look into."""

    root: Path

    def lay(self, name: str, content: bytes) -> None:
        path = self.root / name
        for folder in reversed([path.parent, *path.parent.parents]):
            if self.root in folder.parents and not folder.exists():
                folder.mkdir()
                folder.chmod(0o777)  # the depositor's account is another's
        path.write_bytes(content)
        path.chmod(0o666)

    def contents(self) -> Mapping[str, bytes]:
        found = {path.relative_to(self.root).as_posix(): path for path in self.root.rglob("*") if path.is_file()}
        return {name: path.read_bytes() for name, path in found.items() if not name.startswith(PROBE_FOLDER)}


def sealed_folder(folder: Path, *, seed: int = 1, segment_bytes: tuple[int, ...] = (3 * MIB, 70_000, 5)) -> Path:
    """Make a folder that has a sealed archive's files and manifest; what is in them is random."""
    choice = random.Random(seed)  # noqa: S311 -- the same bytes each time are wanted
    files = {f"segments/{number:06}.age": choice.randbytes(size) for number, size in enumerate(segment_bytes)}
    files |= {
        "catalog.age": choice.randbytes(2_000),
        "keys/custodian.age": choice.randbytes(200),
        "OPEN.md": b"Open.\n",
    }
    listed = [
        {"path": name, "sha256": hashlib.sha256(content).hexdigest(), "size_bytes": len(content)}
        for name, content in sorted(files.items())
    ]
    files["manifest.json"] = json.dumps({"files": listed}).encode()
    files["manifest.json.sig"] = choice.randbytes(300)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def _bytes(length: int, seed: int = 7) -> bytes:
    return random.Random(seed).randbytes(length)  # noqa: S311


class DepositoryConformance:
    """What every depository does.

    Attributes:
        carries_on: What an interrupted run left of a file is not sent again.
    """

    carries_on: ClassVar[bool] = True

    @pytest.fixture
    def ground(self, tmp_path: Path) -> Ground:
        """Return an empty depository, for this test alone."""
        raise NotImplementedError

    @pytest.mark.parametrize("length", [0, 1, 32_769, 3 * MIB + 1, 9 * MIB])
    @pytest.mark.parametrize("read_back", list(ReadBack))
    def test_put_new_name_holds_exactly_these_bytes(self, ground: Ground, length: int, read_back: ReadBack) -> None:
        """A file lies under its name, whole, and nothing lies beside it but second names of itself."""
        content = _bytes(length)
        with ground.open() as depository:
            placed = depository.put(PutRequest(name=NAME, source=content, read_back=read_back))
        assert (placed.size_bytes, placed.sent_bytes, placed.was_there) == (length, length, False)
        assert ground.contents()[NAME] == content
        assert set(ground.contents().values()) == {content}

    def test_put_from_a_file_holds_its_bytes(self, ground: Ground, tmp_path: Path) -> None:
        """A source may be a file."""
        path = tmp_path / "spooled"
        path.write_bytes(_bytes(5 * MIB))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with ground.open() as depository:
            depository.put(PutRequest(name=NAME, source=path, sha256=digest))
        assert ground.contents()[NAME] == path.read_bytes()

    def test_put_again_confirms_and_sends_nothing(self, ground: Ground) -> None:
        """A second run finds what the first one put, and reads it back."""
        request = PutRequest(name=NAME, source=_bytes(2 * MIB))
        with ground.open() as depository:
            depository.put(request)
            placed = depository.put(request)
        assert (placed.sent_bytes, placed.read_bytes, placed.was_there) == (0, 2 * MIB, True)

    @pytest.mark.parametrize(
        "lying",
        [b"", _bytes(MIB)[:-1], _bytes(MIB) + b"x", _bytes(MIB)[:-1] + b"x", b"x" + _bytes(MIB)[1:]],
        ids=["empty", "shorter", "longer", "last byte", "first byte"],
    )
    def test_put_name_taken_by_other_bytes_is_refused(self, ground: Ground, lying: bytes) -> None:
        """Nothing is overwritten: the error names the file, and what lies there stays."""
        ground.lay(NAME, lying)
        with ground.open() as depository, pytest.raises(DepositConflictError) as raised:
            depository.put(PutRequest(name=NAME, source=_bytes(MIB)))
        assert NAME in raised.value.place
        assert not raised.value.retryable
        assert ground.contents()[NAME] == lying

    @pytest.mark.parametrize("held", [0, 1, 100_000, 2 * MIB, 3 * MIB])
    def test_put_finds_own_part_carries_on(self, ground: Ground, held: int) -> None:
        """What an interrupted run left is not sent again where a file can be carried on, and is read back in full."""
        content = _bytes(3 * MIB)
        ground.lay(f"{NAME}.part", content[:held])
        with ground.open() as depository:
            placed = depository.put(PutRequest(name=NAME, source=content, read_back=ReadBack.SAMPLED))
        assert (placed.sent_bytes, placed.read_bytes) == (3 * MIB - (held if self.carries_on else 0), 3 * MIB)
        assert ground.contents()[NAME] == content

    @pytest.mark.parametrize(
        "part", [b"other bytes", _bytes(MIB, seed=8), _bytes(5 * MIB)], ids=["short", "as long", "longer"]
    )
    def test_put_finds_part_of_another_run_leaves_it_alone(self, ground: Ground, part: bytes) -> None:
        """A part that is not ours stays as it is; the file goes under a new part name."""
        ground.lay(f"{NAME}.part", part)
        with ground.open() as depository:
            placed = depository.put(PutRequest(name=NAME, source=_bytes(MIB)))
        assert placed.sent_bytes == MIB
        assert ground.contents()[f"{NAME}.part"] == part
        assert ground.contents()[NAME] == _bytes(MIB)

    def test_put_finds_part_that_is_damaged_before_its_end_does_not_publish_it(self, ground: Ground) -> None:
        """A power cut may leave a part whose last MiB is right and whose first is not."""
        content = _bytes(4 * MIB)
        ground.lay(f"{NAME}.part", bytes(MIB) + content[MIB : 3 * MIB])
        with ground.open() as depository:
            depository.put(PutRequest(name=NAME, source=content, read_back=ReadBack.SAMPLED))
        assert ground.contents()[NAME] == content

    def test_put_source_unlike_its_hash_gets_no_name(self, ground: Ground) -> None:
        """A spool that rotted is sent nowhere under a final name."""
        with ground.open() as depository, pytest.raises(ConfigError):
            depository.put(PutRequest(name=NAME, source=_bytes(MIB), sha256="0" * 64))
        assert NAME not in ground.contents()

    def test_put_all_many_small_files_are_all_there(self, ground: Ground) -> None:
        """Hundreds of files in several folders, in one call; results come in the order of the requests."""
        contents = {f"agreement/{number % 7:06}/{number}.bin": _bytes(number * 13, number) for number in range(150)}
        sent: list[int] = []
        with ground.open() as depository:
            requests = [PutRequest(name=name, source=content) for name, content in contents.items()]
            placed = depository.put_all(requests, progress=sent.append)
        assert [each.name for each in placed] == list(contents)
        assert sum(sent) == sum(map(len, contents.values()))
        assert {name: content for name, content in ground.contents().items() if name in contents} == contents

    def test_put_all_one_conflict_stops_and_publishes_nothing_wrong(self, ground: Ground) -> None:
        """Others may be there or not; none holds other bytes."""
        contents = {f"agreement/000001/{number}.bin": _bytes(10_000, number) for number in range(50)}
        ground.lay("agreement/000001/25.bin", b"other")
        with ground.open() as depository, pytest.raises(DepositConflictError):
            depository.put_all([PutRequest(name=name, source=content) for name, content in contents.items()])
        lying = dict(ground.contents())
        assert lying.pop("agreement/000001/25.bin") == b"other"
        assert all(content == contents[name] for name, content in lying.items() if not name.endswith(".part"))

    @pytest.mark.parametrize(
        "name", ["", "/a", "a//b", "../a", "a/..", "a\\b", "a\nb", "x" * 300, "a.part", "a.3.part"]
    )
    def test_put_impossible_name_is_refused(self, ground: Ground, name: str) -> None:
        """Nothing leads out of a depository, and no file is called like an unfinished one."""
        with ground.open() as depository, pytest.raises(ConfigError):
            depository.put(PutRequest(name=name, source=b"x"))
        assert ground.contents() == {}

    def test_list_yields_finished_files_at_any_depth(self, ground: Ground) -> None:
        """Parts only when asked for; a folder that is not there holds nothing."""
        ground.lay(NAME, b"one")
        ground.lay(f"{NAME}.part", b"o")
        ground.lay("agreement/000001/manifest.json", b"{}")
        with ground.open() as depository:
            found = {stored.name: stored.size_bytes for stored in depository.list("agreement")}
            parts = {stored.name for stored in depository.list("agreement", parts=True)}
            assert list(depository.list("nobody")) == []
        assert found == {NAME: 3, "agreement/000001/manifest.json": 2}
        assert parts == {*found, f"{NAME}.part"}

    @pytest.mark.parametrize("leaf", ["a\\b", "a\nb", "\u202efdp.age"])
    def test_list_name_that_no_depository_holds_is_refused(self, ground: Ground, leaf: str) -> None:
        """What could not have been put is not taken for a deposit's file; the error shows it escaped."""
        ground.lay(f"agreement/000001/{leaf}", b"x")
        if f"agreement/000001/{leaf}" not in ground.contents():
            pytest.skip("nothing of that name can lie here")
        with ground.open() as depository, pytest.raises(DepositoryError, match="no depository can hold") as raised:
            list(depository.list("agreement"))
        assert raised.value.message.isprintable()

    def test_read_gives_the_range_that_is_asked_for(self, ground: Ground) -> None:
        """Any range, byte by byte; one that goes beyond the end is refused."""
        content = _bytes(9 * MIB + 17)
        ground.lay(NAME, content)
        with ground.open() as depository:
            assert b"".join(depository.read(NAME)) == content
            for offset, length in [(0, 0), (0, 1), (MIB - 1, 2), (5, 9 * MIB), (len(content), 0)]:
                got = b"".join(depository.read(NAME, offset=offset, length=length))
                assert got == content[offset : offset + length]
            with pytest.raises(DepositoryError):
                list(depository.read(NAME, offset=9 * MIB, length=18))

    def test_read_missing_file_is_refused(self, ground: Ground) -> None:
        """The error names the file, and trying again does not help."""
        with ground.open() as depository, pytest.raises(DepositoryError) as raised:
            list(depository.read("agreement/none"))
        assert "agreement/none" in raised.value.place
        assert not raised.value.retryable

    def test_probe_twice_leaves_the_same(self, ground: Ground) -> None:
        """Probing says the same again, and what it leaves does not grow."""
        with ground.open() as depository:
            first = depository.probe()
            left = {stored.name for stored in depository.list(PROBE_FOLDER, parts=True)}
            assert depository.probe() == first
            assert {stored.name for stored in depository.list(PROBE_FOLDER, parts=True)} == left
        assert ground.contents() == {}

    def test_publish_leaves_exactly_the_sealed_folder(self, ground: Ground, tmp_path: Path) -> None:
        """Names and bytes are the folder's; a second time nothing is sent."""
        folder = sealed_folder(tmp_path / "sealed")
        wanted = {f"agreement/000001/{name}": content for name, content in _files(folder).items()}
        with ground.open() as depository:
            published = publish(depository, folder, "agreement/000001")
            again = publish(depository, folder, "agreement/000001", policy=ReadBack.FULL)
        assert (published.sent_bytes, published.was_there) == (sum(map(len, wanted.values())), False)
        assert (again.sent_bytes, again.read_bytes, again.was_there) == (0, published.sent_bytes, True)
        assert {name: content for name, content in ground.contents().items() if not name.endswith(".part")} == wanted

    def test_publish_stopped_by_a_conflict_commits_nothing(self, ground: Ground, tmp_path: Path) -> None:
        """Where one segment's name is taken there is no manifest, let alone a signature."""
        ground.lay(NAME, b"other")
        with ground.open() as depository, pytest.raises(DepositConflictError):
            publish(depository, sealed_folder(tmp_path / "sealed"), "agreement/000001")
        assert not [name for name in ground.contents() if "manifest" in name]

    def test_publish_beside_a_foreign_file_is_refused(self, ground: Ground, tmp_path: Path) -> None:
        """A deposit is exactly its files: one of another deposit under its number stops it before anything is sent."""
        ground.lay("agreement/000001/segments/000099.age", b"x")
        with ground.open() as depository, pytest.raises(DepositConflictError, match="not of this deposit"):
            publish(depository, sealed_folder(tmp_path / "sealed"), "agreement/000001")
        assert list(ground.contents()) == ["agreement/000001/segments/000099.age"]

    @pytest.mark.parametrize("name", ["segments/000001.age", "manifest.json", "manifest.json.sig", "segments/more.age"])
    def test_publish_folder_unlike_its_manifest_is_refused(self, ground: Ground, tmp_path: Path, name: str) -> None:
        """A file too few or too many is found before anything is sent."""
        folder = sealed_folder(tmp_path / "sealed")
        path = folder / name
        if path.exists():
            path.unlink()
        else:
            path.write_bytes(b"x")
        with ground.open() as depository, pytest.raises(ConfigError):
            publish(depository, folder, "agreement/000001")
        assert ground.contents() == {}

    def test_download_gives_the_folder_back(self, ground: Ground, tmp_path: Path) -> None:
        """A deposit comes back as it was put, whole or in part; small files are read with a bound."""
        folder = sealed_folder(tmp_path / "sealed")
        with ground.open() as depository:
            publish(depository, folder, "agreement/000001")
            download(depository, "agreement/000001", tmp_path / "back")
            download(depository, "agreement/000001", tmp_path / "some", names=["manifest.json", "keys/custodian.age"])
            download_file(depository, NAME, tmp_path / "one", size_bytes_max=3 * MIB)
            assert read_small(depository, "agreement/000001/OPEN.md", size_bytes_max=6) == b"Open.\n"
            with pytest.raises(DepositoryError):
                read_small(depository, "agreement/000001/OPEN.md", size_bytes_max=5)
            with pytest.raises(DepositoryError):
                download(depository, "agreement/000002", tmp_path / "none")
        assert _files(tmp_path / "back") == _files(folder)
        assert set(_files(tmp_path / "some")) == {"manifest.json", "keys/custodian.age"}
        assert (tmp_path / "one").read_bytes() == (folder / "segments/000000.age").read_bytes()
        assert not (tmp_path / "none").exists()

    def test_depository_offers_no_way_to_delete(self, ground: Ground) -> None:
        """The contract has no word for it."""
        with ground.open() as depository:
            words = [name for name in dir(depository) if not name.startswith("_")]
        assert not [word for word in words if any(part in word for part in ("delete", "remove", "unlink", "truncate"))]

    def test_failure_is_one_of_our_errors(self, ground: Ground) -> None:
        """A folder where a file should be is named, and no library's error comes through."""
        ground.lay("agreement/000001/x/y", b"1")
        with ground.open() as depository, pytest.raises(PortabilityError):
            depository.put(PutRequest(name="agreement/000001/x", source=b"2"))


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
