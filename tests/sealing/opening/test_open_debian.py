"""A machine with nothing but Debian's minimal system and age, zstd and openssh-client opens what was sealed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import lacking
from tests.sealing.opening.by_hand import by_hand, open_sh
from tests.sealing.opening.conftest import Keys
from tests.sealing.opening.stock import run, tree

PACKAGES = "age,zstd,openssh-client"  # coreutils, tar, sed, grep, awk and dash are in every Debian


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The root folder of a bare machine; it is large, and does not stay."""
    debootstrap = shutil.which("debootstrap", path=f"{os.environ['PATH']}:/usr/sbin")
    if debootstrap is None or os.geteuid() != 0:
        lacking("a bare Debian: it takes root and debootstrap")
    mirror, suite = _mirror()
    root = tmp_path_factory.mktemp("debian") / "root"
    command = [str(debootstrap), "--variant=minbase", f"--include={PACKAGES}", suite, str(root), mirror]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=840)
    if done.returncode != 0:
        lacking(f"a bare Debian: {done.stdout.strip().splitlines()[-1:]}")
    yield root
    shutil.rmtree(root)


def _mirror() -> tuple[str, str]:
    """Return this machine's mirror and release, from old and new spellings of its sources."""
    texts = [
        path.read_text(encoding="utf-8")
        for path in (Path("/etc/apt/sources.list"), *sorted(Path("/etc/apt/sources.list.d").glob("*")))
        if path.is_file() and path.suffix in {".list", ".sources"}
    ]
    for text in texts:
        for pattern in (
            r"^URIs:\s*(\S+/debian/?)\s+Suites:\s*(\S+)",
            r"^deb\s+(?:\[[^]]*\]\s+)?(\S+/debian/?)\s+(\S+)\s",
        ):
            if found := re.search(pattern, text, re.MULTILINE):
                return found[1], found[2]
    lacking("a bare Debian: no mirror in /etc/apt/sources.list*")
    raise AssertionError


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_bare_debian_opens_by_script_and_by_hand(
    bare: Path, sealed: Path, sealed_tar: Path, two_of_three: Path, archive: Path, keys: Keys
) -> None:
    """Byte for byte, with one key, with two of three, from the one-file form; there is no Python to help."""
    assert not list(bare.glob("usr/bin/python*"))
    home = bare / "home/lawyer"
    home.mkdir()
    shutil.copytree(sealed, home / "sealed")
    shutil.copytree(two_of_three, home / "two")
    (home / "unpacked").mkdir()
    shutil.copy(sealed_tar, home / "sealed.tar")
    for file in (keys.ann.file, keys.ben.file, keys.cat.file, keys.trust):
        shutil.copy(file, home / file.name)
    inside = Path("/home/lawyer")
    ann, ben, cat = (inside / key.file.name for key in (keys.ann, keys.ben, keys.cat))
    prefix = ("chroot", str(bare))
    run(*prefix, "tar", "-xf", "/home/lawyer/sealed.tar", "-C", "/home/lawyer/unpacked")
    page, two_page = ((home / name / "OPEN.md").read_text(encoding="utf-8") for name in ("sealed", "two"))
    runs = [
        open_sh(inside / "sealed", inside / "out1", cat, trust=inside / keys.trust.name, prefix=prefix),
        open_sh(inside / "unpacked", inside / "out2", ben, prefix=prefix),
        open_sh(inside / "two", inside / "out3", cat, ann, prefix=prefix),
        by_hand(page, inside / "sealed", inside / "out4", ann, prefix=prefix),
        by_hand(two_page, inside / "two", inside / "out5", ann, ben, prefix=prefix),
    ]
    for done in runs:
        assert done.returncode == 0, done.stderr
    assert "Signed by vendor@example" in runs[0].stdout
    for number in range(1, 6):
        assert tree(home / f"out{number}") == tree(archive)
    refused = open_sh(inside / "two", inside / "out6", cat, prefix=prefix)
    assert (refused.returncode, (home / "out6").exists()) == (1, False)
