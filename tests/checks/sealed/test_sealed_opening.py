"""Levels v2 and v3: what the program seals is proven by each recipient; a cheating sender is caught, in bounds."""

from __future__ import annotations

import hashlib
import io
import resource
import shutil
import stat
import subprocess
import tarfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import zstandard

from fixtures.bad_sealed import CONTENT
from fixtures.build import Builder
from fixtures.sealing import AGREED, Deposit, Person, seal
from portability.checks.sealed import SealedRequest, verify_sealed
from portability.checks.steps import Step
from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.sealing.encryption import Identity, parse_identities
from portability.sealing.recipients import parse_recipients
from portability.sealing.seal import SealRequest, seal_archive
from portability.signing import load_signing_key

ALICE, BOB, _ = AGREED
MIB = 2**20


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory, builder: Builder) -> tuple[Path, dict[str, tuple[Identity, ...]]]:
    """An archive that the program sealed for an age, an Ed25519 and an RSA key, and the private keys by name."""
    folder = tmp_path_factory.mktemp("ours")
    program = shutil.which("ssh-keygen") or "ssh-keygen"
    subprocess.run([program, "-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", folder / "rsa"], check=True)
    (folder / "vendor").write_text(Person("vendor", "ssh-ed25519").identity)
    (folder / "vendor").chmod(0o600)
    keys = {"alice": ALICE.identity.encode(), "bob": BOB.identity.encode(), "rsa": (folder / "rsa").read_bytes()}
    request = SealRequest(
        archive=builder.good,
        destination=folder / "sealed",
        recipients=parse_recipients(
            [f"alice={ALICE.recipient}", f"bob={BOB.recipient}", f"rsa={folder / 'rsa.pub'}"],
        ),
        key=load_signing_key(str(folder / "vendor")),
        workers=1,
        limits=replace(DEFAULT_LIMITS, segment_bytes=MIB),
    )
    seal_archive(request)
    return folder / "sealed", {name: parse_identities(content) for name, content in keys.items()}


@pytest.mark.parametrize("name", ["alice", "bob", "rsa"])
def test_verify_what_the_program_sealed_is_proven_by_each_recipient(
    ours: tuple[Path, dict[str, tuple[Identity, ...]]], name: str
) -> None:
    """Every kind of key opens its envelope at v2; the report says whose keys are proven and whose are not."""
    sealed, keys = ours
    report = verify_sealed(sealed, level="v2", request=SealedRequest(identities=keys[name]))
    assert report.ok
    assert report.codes() == {"X129", "X305"}
    assert report.facts["proven_recipients"] == name
    assert report.facts["unproven_recipients"] == ", ".join(sorted(keys.keys() - {name}))


def test_verify_what_the_program_sealed_is_sound_to_the_bottom(
    ours: tuple[Path, dict[str, tuple[Identity, ...]]],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At v3, with all keys: the archive inside is checked at level deep, in private, and nothing of it stays.

    The check's own scratch files hold rows of it too: they are in private with the rest, which the next run sweeps.
    """
    sealed, keys = ours
    elsewhere = tmp_path_factory.mktemp("system")
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    modes: set[int] = set()
    scratch: set[str] = set()

    def look(_: str) -> None:
        modes.update(stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir())
        scratch.update(path.name.rpartition("-")[0] for path in tmp_path.glob("*/portability-*"))
        assert list(elsewhere.iterdir()) == []

    request = SealedRequest(identities=tuple(each for found in keys.values() for each in found))
    report = verify_sealed(sealed, level="v3", request=request, staging=tmp_path, progress=look)
    assert report.ok
    assert report.codes() == {"X129", "C161"}
    assert report.totals["opened files"] == report.totals["content files"]
    assert report.totals["archive rules"] > 50
    assert modes == {0o700}
    assert "portability-check" in scratch
    assert list(tmp_path.iterdir()) == []


def test_verify_fault_of_the_check_inside_is_no_verdict_on_the_archive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a step of the check inside ends unexpectedly, nobody is told that the archive inside is refused."""

    def check(_: object) -> None:
        raise KeyError("x")

    monkeypatch.setattr("portability.checks.verifier.STEPS", (("C", Step(title="A step", check=check)),))
    root = seal(Deposit(content=dict(CONTENT)), tmp_path / "sealed")
    request = SealedRequest(identities=parse_identities(ALICE.identity.encode()))
    report = verify_sealed(root, level="v3", request=request, staging=tmp_path)
    assert report.codes("error") == {"C191"}
    assert report.unchecked
    assert not report.ok


@pytest.mark.parametrize("level", ["v2", "v3"])
def test_verify_opening_level_without_a_key_is_refused(small: Path, level: str) -> None:
    """Nobody is told that something opened which nobody tried to open."""
    with pytest.raises(ConfigError, match="no key was given"):
        verify_sealed(small, level=level, request=SealedRequest())


def test_verify_staging_that_is_not_there_is_the_callers_mistake(small: Path, tmp_path: Path) -> None:
    """A wrong option says nothing of the sealed archive: it is raised, not found."""
    request = SealedRequest(identities=parse_identities(ALICE.identity.encode()))
    with pytest.raises(ConfigError):
        verify_sealed(small, level="v3", request=request, staging=tmp_path / "nowhere")


def test_verify_failed_opening_leaves_no_plaintext(tmp_path: Path) -> None:
    """Where level v3 finds the archive inside wrong, the staging place is empty too."""
    root = seal(Deposit(content=dict(CONTENT)), tmp_path / "sealed")
    (tmp_path / "staging").mkdir()
    request = SealedRequest(identities=parse_identities(ALICE.identity.encode()))
    report = verify_sealed(root, level="v3", request=request, staging=tmp_path / "staging")
    assert "X402" in report.codes("error")
    assert list((tmp_path / "staging").iterdir()) == []


def test_verify_chunks_that_a_sender_spoiled_are_found_at_random(tmp_path: Path) -> None:
    """A sender who signs a large segment with most of its chunks spoiled is caught, wherever v2 happens to look."""

    def spoiled(files: dict[str, bytes]) -> dict[str, bytes]:
        data = bytearray(files["segments/000000.age"])
        for at in range(70_000, len(data), 10_000):
            data[at] ^= 1
        return files | {"segments/000000.age": bytes(data)}

    noise = hashlib.shake_256(b"noise").digest(MIB)  # does not compress
    deposit = Deposit(content={"data/map/noise.sql": noise}, segment_bytes=2 * MIB, edit_files=spoiled)
    root = seal(deposit, tmp_path / "sealed")
    request = SealedRequest(identities=parse_identities(ALICE.identity.encode()))
    assert verify_sealed(root, level="v1", request=request).ok
    report = verify_sealed(root, level="v2", request=request)
    assert report.codes("error") == {"X321"}


def zeros(size: int, count: int) -> bytes:
    """Return a packed tar of files of zeros, without ever holding it unpacked."""
    target = io.BytesIO()
    with zstandard.ZstdCompressor(level=1).stream_writer(target, closefd=False) as packed:
        for number in range(count):
            info = tarfile.TarInfo(f"files/data/map/zeros{number}.sql")
            info.size = size
            packed.write(info.tobuf(tarfile.USTAR_FORMAT))
            for _ in range(size // MIB):
                packed.write(bytes(MIB))
        packed.write(bytes(2 * 512))
    return target.getvalue()


def wide_window(_: bytes) -> bytes:
    """Return a frame whose reader would need 128 MiB of window."""
    parameters = zstandard.ZstdCompressionParameters(window_log=27, compression_level=1)
    target = io.BytesIO()
    with zstandard.ZstdCompressor(compression_params=parameters).stream_writer(target, closefd=False) as packed:
        packed.write(bytes(MIB))
    return target.getvalue()


Bomb = Callable[[Deposit], None]


def segment(frame: Callable[[bytes], bytes]) -> Bomb:
    """Put another frame into the first segment."""
    return lambda deposit: setattr(deposit, "edit_segment", lambda n, found: frame(found) if n == 0 else found)


BOMBS: dict[str, tuple[Bomb, str]] = {
    "files_beside_the_catalog": (segment(lambda _: zeros(300 * MIB, 3)), "X325"),
    "wide_window_segment": (segment(wide_window), "X322"),
    "wide_window_catalog": (lambda d: setattr(d, "edit_catalog", wide_window), "X312"),
    "gibibyte_of_catalog": (
        lambda d: setattr(d, "edit_catalog", lambda _: zstandard.ZstdCompressor().compress(bytes(1024 * MIB))),
        "X314",
    ),
}


@pytest.mark.parametrize("name", BOMBS)
def test_verify_zstd_bomb_ends_in_a_code_in_bounded_memory(tmp_path: Path, name: str) -> None:
    """A packed gigabyte is neither unpacked into memory nor onto the disk, and takes seconds."""
    deposit = Deposit(content=dict(CONTENT))
    BOMBS[name][0](deposit)
    root = seal(deposit, tmp_path / "sealed")
    request = SealedRequest(identities=parse_identities(ALICE.identity.encode()))
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    report = verify_sealed(root, level="v2", request=request)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert BOMBS[name][1] in report.codes("error")
    assert grown < 128 * 1024, f"{grown} KiB more"
    assert time.process_time() - started < 30
