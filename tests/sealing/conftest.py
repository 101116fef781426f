"""Archives to seal, made in a moment, keys made by stock tools, and opening by hand with stock tools alone."""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from fixtures.signers import ANN
from portability.formats.bag import write_bag
from portability.limits import DEFAULT_LIMITS, MIB
from portability.sealing.recipients import parse_recipients
from portability.sealing.seal import SealRequest, SealResult, seal_archive
from tests.conftest import lacking

TOOLS = ("age", "age-keygen", "ssh-keygen", "zstd", "tar", "sha256sum")
SMALL_SEGMENTS = replace(DEFAULT_LIMITS, segment_bytes=MIB)
"""Segments of 1 MiB: a small archive then has many, and slices."""


@dataclass(frozen=True, kw_only=True)
class Custodian:
    """A key pair that stock tools made: the private key's file, and the public key as a line."""

    name: str
    file: Path
    public: str

    @property
    def option(self) -> str:
        """As it is given to ``--to``."""
        return f"{self.name}={self.public}"


@pytest.fixture(scope="session")
def custodians(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Custodian]:
    """A custodian of each kind, by name: ann (age), ben (ssh-ed25519), cat (ssh-rsa)."""
    if missing := [tool for tool in TOOLS if shutil.which(tool) is None]:
        lacking(f"stock tools: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("custodians")
    run("age-keygen", "-o", folder / "ann")
    made = {"ann": Custodian(name="ann", file=folder / "ann", public=run("age-keygen", "-y", folder / "ann").strip())}
    for name, kind in (("ben", ["ed25519"]), ("cat", ["rsa", "-b", "2048"])):
        run("ssh-keygen", "-q", "-N", "", "-t", *kind, "-f", folder / name)
        public = (folder / f"{name}.pub").read_text(encoding="utf-8").strip()
        made[name] = Custodian(name=name, file=folder / name, public=public)
    return made


@pytest.fixture
def make_archive(tmp_path: Path) -> Callable[..., Path]:
    """A factory of archives: a bag of the given payload files."""

    def make(files: Mapping[str, bytes], name: str = "archive") -> Path:
        root = tmp_path / name
        for path, content in files.items():
            (root / "data" / path).parent.mkdir(parents=True, exist_ok=True)
            (root / "data" / path).write_bytes(content)
        write_bag(root, info={"Bagging-Date": "2026-11-22"})
        return root

    return make


@pytest.fixture
def archive(make_archive: Callable[..., Path]) -> Path:
    """Nine MiB: a table larger than a small segment, documents of all sizes, an empty file, a long name."""
    source = random.Random(7)
    files = {
        "README.html": b"<p>open me</p>",
        "tables/empty.parquet": b"",
        "tables/ledger_entry.parquet": source.randbytes(2 * MIB + 12_345),
        "source/main.narrative.parquet": b"attended client; took instructions\n" * 100_000,
        f"source/{'a' * 110}/{'b' * 90}.parquet": b"long",
        **{f"documents/{number:02x}/{number:064x}": source.randbytes(number * 1_500) for number in range(70)},
    }
    return make_archive(files)


@pytest.fixture
def seal(custodians: dict[str, Custodian], tmp_path: Path) -> Callable[..., SealResult]:
    """Seal an archive for ann, ben and cat, signed by the made-up signer Ann; keyword arguments change the request."""

    def seal(archive: Path, name: str = "sealed", **changes: Any) -> SealResult:  # noqa: ANN401 -- any field
        to = changes.pop("to", tuple(one.option for one in custodians.values()))
        fields = {"limits": SMALL_SEGMENTS, "key": ANN, **changes}
        return seal_archive(
            SealRequest(archive=archive, destination=tmp_path / name, recipients=parse_recipients(to), **fields)
        )

    return seal


def run(*command: str | Path, **options: Any) -> str:  # noqa: ANN401 -- subprocess's own
    """Run a stock tool and return what it prints."""
    done = subprocess.run([str(part) for part in command], check=True, capture_output=True, **options)
    printed: bytes = done.stdout
    return printed.decode()


def attempt(*command: str | Path, **options: Any) -> subprocess.CompletedProcess[bytes]:  # noqa: ANN401
    """Run a stock tool that may fail."""
    return subprocess.run([str(part) for part in command], check=False, capture_output=True, **options)


def open_by_hand(sealed: Path, key: Path, into: Path) -> Path:
    """Open a sealed directory with age, zstd and tar, given the deposit's key; return the archive that comes out."""
    into.mkdir()
    for segment in sorted((sealed / "segments").iterdir()):
        command = 'age -d -i "$1" "$2" | zstd -dq | tar x -C "$3"'
        run("bash", "-o", "pipefail", "-c", command, "open", key, segment, into)
    for folder in sorted((into / "slices").rglob("000000")):
        whole = into / "files" / folder.parent.relative_to(into / "slices")
        whole.parent.mkdir(parents=True, exist_ok=True)
        whole.write_bytes(b"".join(each.read_bytes() for each in sorted(folder.parent.iterdir())))
    return into / "files"


def unwrap(sealed: Path, custodian: Custodian, into: Path) -> Path:
    """Open a custodian's own envelope with stock age."""
    run("age", "-d", "-i", custodian.file, "-o", into, sealed / "keys" / f"{custodian.name}.age")
    return into


def tree(root: Path) -> dict[str, bytes]:
    """Return all files of a tree with their bytes."""
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}
