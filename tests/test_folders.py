"""A new file: whole under its name, or nothing at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from portability.errors import ArchiveExistsError
from portability.folders import new_file, new_folder

if TYPE_CHECKING:
    from pathlib import Path


def test_new_file_is_there_only_when_the_block_has_ended_well(tmp_path: Path) -> None:
    """Its name is free while it is written, and its mode is its own from the first byte."""
    path = tmp_path / "page"
    with new_file(path, mode=0o600) as stream:
        stream.write(b"whole")
        assert not path.exists()
        (part,) = tmp_path.iterdir()
        assert part.stat().st_mode & 0o777 == 0o600
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("page", b"whole")]


def test_new_file_whose_block_fails_leaves_nothing(tmp_path: Path) -> None:
    """Neither the file nor what was begun."""
    with pytest.raises(TypeError), new_file(tmp_path / "page") as stream:
        stream.write("half")  # type: ignore[call-overload]
    assert list(tmp_path.iterdir()) == []


def test_new_file_replaces_nothing_and_writes_through_no_link(tmp_path: Path) -> None:
    """What has the name keeps it; a link that was planted under the other name is removed, not followed."""
    (tmp_path / "page").write_bytes(b"mine")
    os.symlink(tmp_path / "victim", tmp_path / ".page.part")  # noqa: PTH211 -- as somebody else would
    with pytest.raises(FileExistsError), new_file(tmp_path / "page") as stream:
        stream.write(b"other")
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("page", b"mine")]


def test_new_file_that_another_is_writing_is_left_to_it(tmp_path: Path) -> None:
    """Two at once under one name: else the first to end would give its name to the half of the other."""
    path = tmp_path / "page"
    with new_file(path) as first:
        first.write(b"first")
        with pytest.raises(FileExistsError), new_file(path) as second:
            second.write(b"sec")
        assert not path.exists()
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("page", b"first")]


def test_new_folder_that_another_is_making_is_left_to_it(tmp_path: Path) -> None:
    """Two at once under one name: neither removes nor names what the other is writing."""
    path = tmp_path / "report"
    with new_folder(path) as first:
        (first / "a").write_bytes(b"first")
        with pytest.raises(ArchiveExistsError, match="another run"), new_folder(path) as second:
            (second / "a").write_bytes(b"sec")
        assert not path.exists()
    assert [(each.name, (each / "a").read_bytes()) for each in tmp_path.iterdir()] == [("report", b"first")]


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """Nobody holds it any more."""
    (tmp_path / ".page.part").write_bytes(b"half")
    (tmp_path / ".report.part").mkdir()
    (tmp_path / ".report.part/half").write_bytes(b"")
    with new_file(tmp_path / "page") as stream:
        stream.write(b"whole")
    with new_folder(tmp_path / "report") as folder:
        (folder / "whole").write_bytes(b"")
    found = sorted(each.relative_to(tmp_path).as_posix() for each in tmp_path.rglob("*"))
    assert found == ["page", "report", "report/whole"]
