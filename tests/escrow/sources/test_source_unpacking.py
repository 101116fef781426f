"""Tars of strangers: whatever their links and names, nothing is written outside of their folder."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from portability.errors import FormatError
from portability.escrow.sources.packing import pack
from portability.escrow.sources.unpacking import unpack
from portability.limits import DEFAULT_LIMITS


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def _file(name: str, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.size = kind, len(b"changed") if kind == tarfile.REGTYPE else 0
    return member


def _tar(path: Path, members: list[tarfile.TarInfo]) -> Path:
    with tarfile.open(path, "w") as out:
        for member in members:
            out.addfile(member, io.BytesIO(b"changed") if member.size else None)
    return path


def _deeper_than_paths() -> list[tarfile.TarInfo]:
    """Return links whose real path is longer than the system resolves (CVE-2025-4517): checks of it see nothing."""
    long, steps, path, members = "d" * 247, "abcdefghijklmnop", "", list[tarfile.TarInfo]()
    for step in steps:
        members += [_file(f"{path}{long}", tarfile.DIRTYPE), _link(f"{path}{step}", long)]
        path += f"{long}/"
    link = f"{'/'.join(steps)}/{'l' * 254}"
    members += [_link(link, "../" * len(steps)), _link("escape", f"{link}/..")]
    return [*members, _link("fl", "escape/secret", tarfile.LNKTYPE), _file("fl")]


@pytest.mark.parametrize(
    "members",
    [
        pytest.param(_deeper_than_paths, id="deeper than paths can be"),
        pytest.param(lambda: [_link("a", ".."), _file("a/secret")], id="a link out, and a file in it"),
        pytest.param(lambda: [_link("a", "b"), _file("a/x")], id="a file below a link"),
        pytest.param(lambda: [_link("a", "../secret"), _file("a")], id="a file over a link"),
        pytest.param(lambda: [_file("a"), _link("a", "../secret")], id="a link over a file"),
        pytest.param(lambda: [_link("a", "/etc")], id="a link to the root"),
        pytest.param(lambda: [_link("l", "."), _link("out", "l/l/l/../../..")], id="links that count as no step"),
        pytest.param(lambda: [_link("l", "."), _link("l/x", "..")], id="a link below a link"),
        pytest.param(lambda: [_link("a", "b"), _link("b", "a")], id="links in a circle"),
        pytest.param(lambda: [_link("a", "../secret", tarfile.LNKTYPE), _file("a")], id="a second name"),
        pytest.param(lambda: [_file("../secret")], id="a name that leads out"),
        pytest.param(lambda: [_file("/secret")], id="a name from the root"),
        pytest.param(lambda: [_file("a/./x")], id="a name with a dot"),
        pytest.param(lambda: [_file("pipe", tarfile.FIFOTYPE)], id="a pipe"),
        pytest.param(lambda: [_file("disk", tarfile.BLKTYPE)], id="a device"),
        pytest.param(lambda: [_file("a"), _file("a")], id="a file twice"),
    ],
)
def test_unpack_hostile_tar_is_refused_and_writes_nothing_outside(
    tmp_path: Path, members: Callable[[], list[tarfile.TarInfo]]
) -> None:
    """On every patch level of Python: no file beside the folder is changed or made."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"as it was")
    tar = _tar(tmp_path / "x.tar", members())
    with pytest.raises(FormatError) as caught:
        unpack(tar, tmp_path / "out")
    assert caught.value.place == "x.tar"
    assert secret.read_bytes() == b"as it was"
    assert {path.name for path in tmp_path.iterdir()} <= {"secret", "x.tar", "out"}


def test_unpack_into_what_is_there_is_refused(tmp_path: Path) -> None:
    """A link that an earlier part of the deposit left where a folder goes is not followed."""
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to("elsewhere")
    with pytest.raises(FormatError):
        unpack(_tar(tmp_path / "x.tar", [_file("a")]), tmp_path / "out")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_unpack_what_was_packed_is_the_same(tmp_path: Path) -> None:
    """Awkward names, programs, empty files, links to files, to folders and to nothing yet, times."""
    top = tmp_path / "top"
    (top / "a/b").mkdir(parents=True)
    for name, content in {"a/run.sh": b"#!/bin/sh\n", "a/b/\u00e9 \\n": b"x" * 100_000, "empty": b""}.items():
        (top / name).write_bytes(content)
    os.close(os.open(os.fsencode(top) + b"/not-\xff-text", os.O_CREAT))
    (top / "a/run.sh").chmod(0o755)
    os.utime(top / "empty", (1_000_000_000, 1_000_000_000))
    for link, target in {"a/up": "../empty", "a/here": "b", "through": "a/here/../run.sh", "later": "a/none"}.items():
        (top / link).symlink_to(target)
    pack(top, tmp_path / "x.tar", DEFAULT_LIMITS)
    unpack(tmp_path / "x.tar", tmp_path / "out")
    assert _seen(tmp_path / "out") == _seen(top)
    assert (tmp_path / "out/empty").stat().st_mtime == 1_000_000_000


def _seen(top: Path) -> dict[str, tuple[bool, bytes | str]]:
    return {
        str(path.relative_to(top)): (False, str(path.readlink()))
        if path.is_symlink()
        else (os.access(path, os.X_OK) and bool(path.stat().st_mode & 0o100), path.read_bytes())
        for path in top.rglob("*")
        if path.is_symlink() or path.is_file()
    }
