"""open.sh and the commands of OPEN.md in a hostile place: what was sealed to do harm, and surroundings that mislead."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sealing.opening.by_hand import ENVIRONMENT, by_hand, open_sh
from tests.sealing.opening.conftest import Keys
from tests.sealing.opening.stock import Sealing, entry, tree

CONTENT = b"a letter\n"
LETTER = "data/letter"


def _tar(*members: tuple[str, str]) -> bytes:
    """Make a tar of files, and of links where a member has a target."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, target in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = (tarfile.SYMTYPE if target else tarfile.REGTYPE), target
            member.size = 0 if target else len(CONTENT)
            tar.addfile(member, io.BytesIO(CONTENT))
    return made.getvalue()


def _sealed(sealing: Callable[..., Sealing], keys: Keys, target: Path, *tars: bytes, times: int = 1) -> Path:
    made = sealing(recipients=(keys.ann,))
    piece = {"segment": 0, "member": f"files/{LETTER}", "size_bytes": len(CONTENT)}
    made.catalog, made.tars = [entry(LETTER, CONTENT, [piece])] * times, list(tars)
    return made.write(target)


@pytest.mark.parametrize("reader", ["careful", "careless"])
def test_open_md_by_hand_follows_no_link_from_one_segment_to_the_next(
    sealing: Callable[..., Sealing], keys: Keys, tmp_path: Path, reader: str
) -> None:
    """A link in the first, a file through it in the second; also when the reader goes on whatever is printed."""
    victim = tmp_path / "victim"
    victim.mkdir()
    tars = _tar(("files/data/x", str(victim))), _tar(("files/data/x/profile", ""), (f"files/{LETTER}", ""))
    sealed = _sealed(sealing, keys, tmp_path / "sealed", *tars)
    page = (sealed / "OPEN.md").read_text(encoding="utf-8")
    done = by_hand(page, sealed, tmp_path / "out", keys.ann.file, careless=reader == "careless")
    assert "segments/000000.age holds what is no file" in done.stdout
    assert ("STOP" in done.stdout) is (reader == "careless")
    assert list(victim.iterdir()) == []
    assert not (tmp_path / "out").exists()


def test_open_md_by_hand_keeps_its_plaintext_beside_the_destination(sealed: Path, keys: Keys, tmp_path: Path) -> None:
    """Not in a system-wide folder for temporary files, and nothing of it when all is done."""
    page = (sealed / "OPEN.md").read_text(encoding="utf-8")
    (tmp_path / "out").mkdir()
    done = by_hand(page, sealed, tmp_path / "out/archive", keys.ann.file, prefix=("env", "TMPDIR=/nonexistent"))
    assert done.returncode == 0, done.stderr
    assert [each.name for each in (tmp_path / "out").iterdir()] == ["archive"]


def test_open_sh_refuses_a_file_that_the_catalog_does_not_name(
    sealing: Callable[..., Sealing], keys: Keys, tmp_path: Path
) -> None:
    """Names are compared and not their number: here one stands twice in the catalog."""
    tar = _tar((f"files/{LETTER}", ""), ("files/data/other", ""))
    done = open_sh(_sealed(sealing, keys, tmp_path / "sealed", tar, times=2), tmp_path / "out", keys.ann.file)
    assert (done.returncode, "other files than the catalog names" in done.stderr) == (1, True), done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["sealed"]


def test_open_sh_refuses_a_name_of_two_lines(sealing: Callable[..., Sealing], keys: Keys, tmp_path: Path) -> None:
    """It would be two names to whoever reads a list of them."""
    tar = _tar((f"files/{LETTER}", ""), ("slices/a\n../files/000000", ""))
    done = open_sh(_sealed(sealing, keys, tmp_path / "sealed", tar), tmp_path / "out", keys.ann.file)
    assert (done.returncode, "no file of an archive" in done.stderr) == (1, True), done.stderr


@pytest.mark.parametrize("path", ["OPEN.md", "manifest.json", "keys/ann.age", "segments/000000.age"])
@pytest.mark.parametrize("make", [os.mkfifo, lambda path: path.symlink_to("/etc/passwd")], ids=["pipe", "link"])
def test_open_sh_waits_for_no_pipe_and_follows_no_link(
    sealed: Path, keys: Keys, tmp_path: Path, path: str, make: Callable[[Path], object]
) -> None:
    """Whoever reads a pipe that nobody writes to waits for ever."""
    copy = shutil.copytree(sealed, tmp_path / "sealed")
    (copy / path).unlink()
    make(copy / path)
    done = open_sh(copy, tmp_path / "out", keys.ann.file, prefix=("timeout", "20"))
    assert (done.returncode, f"./{path} is no file" in done.stderr) == (1, True), done.stderr


def test_open_sh_opens_its_own_folder_whatever_cdpath_says(
    sealed: Path, two_of_three: Path, archive: Path, keys: Keys, tmp_path: Path
) -> None:
    """A shell with CDPATH looks for a folder of that name elsewhere first."""
    shutil.copytree(sealed, tmp_path / "sealed")
    shutil.copytree(two_of_three, tmp_path / "elsewhere/sealed")
    command = ["sh", "sealed/open.sh", "out", str(keys.ann.file)]
    environment = ENVIRONMENT | {"CDPATH": str(tmp_path / "elsewhere")}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert tree(tmp_path / "out") == tree(archive)


@pytest.mark.parametrize(
    "lines",
    [
        'git@example namespaces="git" {key}\nvendor@example {key}\n',
        'old@example valid-before="20251231Z" {key}\n\n# now\nvendor@example,office@example {key}',
        "!eve@example,*@example {key}\n",
    ],
    ids=["another purpose first", "an expired one first, no last newline", "a negation first"],
)
def test_open_sh_finds_the_signer_on_any_line(sealed: Path, keys: Keys, tmp_path: Path, lines: str) -> None:
    """One key may stand on several lines, each with a name, a purpose and a time."""
    trust = tmp_path / "trust"
    trust.write_text(lines.format(key=keys.signer.public), encoding="utf-8")
    done = open_sh(sealed, tmp_path / "out", keys.ann.file, trust=trust)
    assert done.returncode == 0, done.stderr
    assert f"Signed by {'*' if '!' in lines else 'vendor'}@example, who is in {trust}" in done.stdout
