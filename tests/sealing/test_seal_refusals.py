"""What is not sealed: an archive that is not what it says, changes meanwhile, or has no room; nothing stays behind."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from portability.errors import (
    ArchiveExistsError,
    ConfigError,
    FormatError,
    InterruptedRunError,
    PortabilityError,
    SealError,
)
from portability.limits import DEFAULT_LIMITS
from portability.sealing.seal import SealResult
from tests.sealing.conftest import SMALL_SEGMENTS, Custodian, run, tree

Seal = Callable[..., SealResult]
ROOT = Path(__file__).parents[2]
LAST = "documents/45/" + f"{0x45:064x}"  # the last of the fixture's payload but its tables


def left(folder: Path) -> list[str]:
    """Return what lies in a folder but the archive."""
    return sorted(set(os.listdir(folder)) - {"archive"})  # noqa: PTH208 -- names are wanted


def flip(path: Path) -> None:
    """Change one byte of a file and nothing that a listing shows."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def shorten(path: Path) -> None:
    """Cut a file's last byte off."""
    os.truncate(path, path.stat().st_size - 1)


def swap_for_link(path: Path) -> None:
    """Put a symbolic link in a file's place."""
    path.rename(path.parent.parent.parent / "elsewhere")
    path.symlink_to(path.parent.parent.parent / "elsewhere")


def swap_for_pipe(path: Path) -> None:
    """Put a named pipe in a file's place."""
    path.unlink()
    os.mkfifo(path)


def add_unlisted(path: Path) -> None:
    """Put a file beside it."""
    path.with_name("0" * 64).write_bytes(b"smuggled")


def add_odd_name(path: Path) -> None:
    """Put a file with a name that no archive has beside it."""
    path.with_name("Q1 report.txt").write_bytes(b"")


def unsort_manifest(path: Path) -> None:
    """Turn the manifest upside down."""
    manifest = path.parents[3] / "manifest-sha256.txt"
    manifest.write_text("".join(reversed(manifest.read_text().splitlines(keepends=True))))


@pytest.mark.parametrize(
    ("damage", "path", "says"),
    [
        (flip, LAST, "its SHA-256 differs"),
        (flip, "tables/ledger_entry.parquet", "its SHA-256 differs"),
        (shorten, LAST, "its SHA-256 differs"),
        (Path.unlink, LAST, "but missing"),
        (Path.unlink, "tables/ledger_entry.parquet", "but missing"),
        (Path.unlink, "../bag-info.txt", "but missing"),
        (flip, "../bag-info.txt", "its SHA-256 differs"),
        (add_unlisted, LAST, "is not listed"),
        (add_odd_name, LAST, "is not a name that an archive has"),
        (swap_for_link, LAST, "is a link or a device"),
        (swap_for_pipe, LAST, "is a link or a device"),
        (unsort_manifest, LAST, "not in path order"),
    ],
)
def test_seal_archive_that_is_not_what_it_says_is_refused(
    damage: Callable[[Path], None], path: str, says: str, archive: Path, seal: Seal, tmp_path: Path
) -> None:
    """Bytes, names and kinds are compared with the archive's own manifests while it is sealed; nothing is left."""
    damage(archive / "data" / path)
    with pytest.raises(SealError, match=says):
        seal(archive)
    assert left(tmp_path) in ([], ["elsewhere"])


def test_seal_no_archive_is_refused(seal: Seal, tmp_path: Path) -> None:
    """A folder without a bag is not sealed by the command."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(FormatError, match=r"bagit\.txt is missing"):
        seal(tmp_path / "folder")


@pytest.mark.parametrize("change", [flip, shorten, Path.unlink, swap_for_link])
def test_seal_file_changed_meanwhile_stops_it(
    change: Callable[[Path], None], archive: Path, seal: Seal, tmp_path: Path
) -> None:
    """A file that changes after it was listed and before it is read is not sealed as something else."""
    victim = archive / "data/tables/ledger_entry.parquet"
    changed: list[Path] = []

    def meddle(_: str) -> None:
        if not changed:
            change(victim)
            changed.append(victim)

    with pytest.raises(SealError, match=r"changed while|cannot be read|SHA-256 differs|but missing|is a link"):
        seal(archive, progress=meddle, workers=1)
    assert changed
    assert left(tmp_path) in ([], ["elsewhere"])


@pytest.mark.parametrize(
    ("limit", "says"),
    [
        ({"catalog_bytes_max": 5_000}, "a catalog of more than 5000 bytes"),
        ({"catalog_line_bytes_max": 250}, "a catalog entry of more than 250 bytes"),
        ({"recipients_max": 2}, "recipients"),
    ],
)
def test_seal_what_no_reader_would_take_is_refused(
    limit: dict[str, int], says: str, archive: Path, seal: Seal, tmp_path: Path
) -> None:
    """A reader's limits hold for the writer too: an archive that nobody can open is found out today."""
    with pytest.raises(SealError, match=says):
        seal(archive, limits=replace(SMALL_SEGMENTS, **limit))
    assert left(tmp_path) == []


def test_seal_destination_that_exists_is_left_alone(archive: Path, seal: Seal, tmp_path: Path) -> None:
    """Neither a file, nor a folder, nor a dangling link is overwritten, in either form."""
    (tmp_path / "sealed").mkdir()
    (tmp_path / "sealed.tar").symlink_to("nowhere")
    for name, one_file in (("sealed", False), ("sealed.tar", True)):
        with pytest.raises(ArchiveExistsError):
            seal(archive, name, one_file=one_file)
    assert left(tmp_path) == ["sealed", "sealed.tar"]


@pytest.mark.parametrize("one_file", [False, True])
def test_seal_destination_taken_meanwhile_is_left_alone(
    one_file: bool,  # noqa: FBT001 -- a parameter of the test
    archive: Path,
    seal: Seal,
    tmp_path: Path,
) -> None:
    """A name that somebody takes during the run is not overwritten."""

    def take(said: str) -> None:
        if said == "signing":
            (tmp_path / "sealed").write_text("mine")

    with pytest.raises(ArchiveExistsError, match="meanwhile"):
        seal(archive, one_file=one_file, progress=take)
    assert (tmp_path / "sealed").read_text() == "mine"
    assert left(tmp_path) == ["sealed"]


def test_seal_into_the_archive_itself_is_refused(archive: Path, seal: Seal) -> None:
    """What is written must not become part of what is read."""
    before = tree(archive)
    with pytest.raises(ConfigError, match="inside the archive"):
        seal(archive, "archive/data/sealed")
    assert tree(archive) == before


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"to": ()}, "there is no recipient"),
        ({"threshold": 4}, "there are 3 recipients"),
        ({"threshold": 0}, "threshold is 0"),
        ({"workers": 0}, "number of workers"),
        ({"limits": replace(DEFAULT_LIMITS, segment_bytes=1000)}, "segment_bytes"),
    ],
)
def test_seal_request_that_cannot_be_met_is_refused_first(
    changes: dict[str, object], says: str, archive: Path, seal: Seal, tmp_path: Path
) -> None:
    """Nothing is read before it is known that it can be sealed so."""
    with pytest.raises(ConfigError, match=says):
        seal(archive, **changes)
    assert left(tmp_path) == []


def test_seal_stopped_by_a_person_leaves_nothing(archive: Path, seal: Seal, tmp_path: Path) -> None:
    """An interrupt in the middle ends the workers and removes what they wrote."""

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(InterruptedRunError):
        seal(archive, progress=stop)
    assert left(tmp_path) == []
    assert not _workers()


@pytest.mark.slow
def test_seal_program_of_its_own_runs_out_of_room_says_so(
    archive: Path, custodians: dict[str, Custodian], tmp_path: Path, signer_file: Path
) -> None:
    """A disk that takes no more ends in one sentence with its mend, and nothing is left behind."""
    command: list[str | Path] = [
        sys.executable,
        "-c",
        "from portability.cli import main; main()",
        "seal",
        archive,
        tmp_path / "sealed",
    ]
    done = subprocess.run(
        [*command, "--to", custodians["ann"].option, "--sign", signer_file, "--json"],
        capture_output=True,
        check=False,
        preexec_fn=_little_room,
    )
    said = json.loads(done.stdout)
    assert (done.returncode, said["error"], said["message"]) == (7, "SealError", "the disk is full")
    assert "room" in said["hint"]
    assert left(tmp_path) == ["signer", "signer.pub"]


def _little_room() -> None:
    import resource  # noqa: PLC0415 -- in the child only

    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))


@pytest.fixture
def signer_file(tmp_path: Path) -> Path:
    """A signing key that ssh-keygen made."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "signer")
    return tmp_path / "signer"


def _workers() -> list[int]:
    """Return the processes below this one that are workers."""
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if (
                b"portability.sealing.workers" in each.read_bytes()
                and f"\nPPid:\t{os.getpid()}\n" in (each.parent / "status").read_text()
            ):
                found.append(int(each.parent.name))
        except OSError:
            continue
    return found


KILLED = """
import sys
from dataclasses import replace
from pathlib import Path
from fixtures.signers import ANN
from portability.limits import DEFAULT_LIMITS
from portability.sealing.recipients import parse_recipients
from portability.sealing.seal import SealRequest, seal_archive
archive, sealed, to, form = sys.argv[1:]
def say(text):
    print(text, flush=True)
    sys.stdin.readline()
seal_archive(SealRequest(archive=Path(archive), destination=Path(sealed), recipients=parse_recipients([to]), key=ANN,
    one_file=form == "tar", limits=replace(DEFAULT_LIMITS, segment_bytes=1 << 20), progress=say))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("step", "form"), [(1, "directory"), (4, "tar"), (11, "directory")])
def test_seal_killed_leaves_nothing_whole_and_the_next_run_sweeps(
    step: int, form: str, archive: Path, seal: Seal, custodians: dict[str, Custodian], tmp_path: Path
) -> None:
    """Killed at its first, a middle and its last step, a run leaves one private folder, which the next one removes."""
    command: list[str | Path] = [
        sys.executable,
        "-c",
        KILLED,
        archive,
        tmp_path / "sealed",
        custodians["ann"].option,
        form,
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as killed:
        assert killed.stdin is not None
        assert killed.stdout is not None
        for _ in range(step):
            if not killed.stdout.readline().startswith(b"sealed"):
                break  # the last step: all is written but the signature
            killed.stdin.write(b"\n")
            killed.stdin.flush()
        children = Path(f"/proc/{killed.pid}/task/{killed.pid}/children").read_text().split()
        killed.kill()
    (staging,) = left(tmp_path)
    assert staging.startswith(".portability-staging-")
    assert (tmp_path / staging).stat().st_mode & 0o077 == 0
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.02)  # the system ends them; the lock goes with the last
    result = seal(archive)
    assert left(tmp_path) == ["sealed"]
    assert result.files == len(tree(archive))


def test_seal_beside_a_run_that_lives_does_not_sweep_it(archive: Path, seal: Seal, tmp_path: Path) -> None:
    """Two runs into one folder do not disturb each other."""
    other: list[SealResult | PortabilityError] = []

    def begin_another(_: str) -> None:
        if not other:
            thread = threading.Thread(target=lambda: other.append(seal(archive, "second")))
            thread.start()
            thread.join()

    first = seal(archive, "first", progress=begin_another)
    assert left(tmp_path) == ["first", "second"]
    assert isinstance(other[0], SealResult)
    assert first.deposit_id != other[0].deposit_id


def test_seal_worker_that_dies_stops_it(archive: Path, seal: Seal, tmp_path: Path) -> None:
    """A worker killed by the system is one sentence, not a traceback or a wait for ever."""

    def kill_one(_: str) -> None:
        for worker in _workers():
            os.kill(worker, signal.SIGKILL)

    with pytest.raises(SealError, match="worker process ended"):
        seal(archive, progress=kill_one)
    assert left(tmp_path) == []


def test_seal_leaves_the_identity_nowhere(archive: Path, seal: Seal, tmp_path: Path) -> None:
    """No private key lies in what was written, and none is shown by what was returned."""
    result = seal(archive)
    assert "AGE-SECRET-KEY-" not in repr(result)
    assert not [name for name, content in tree(result.sealed).items() if b"AGE-SECRET-KEY-1" in content]
    shutil.rmtree(result.sealed)
    assert left(tmp_path) == []


def test_seal_archive_rewritten_to_agree_is_sealed_as_the_page_says(archive: Path, seal: Seal) -> None:
    """Sealing compares bytes with lists and asks no more: docs/sealing.md says so, and whom to ask."""
    lists = archive / "tagmanifest-sha256.txt"
    info = archive / "bag-info.txt"
    before = hashlib.sha256(info.read_bytes()).hexdigest()
    info.write_bytes(re.sub(rb"Payload-Oxum: \S+", b"Payload-Oxum: 1.1", info.read_bytes()))
    assert "Payload-Oxum: 1.1" in info.read_text(encoding="utf-8")
    with pytest.raises(SealError, match="SHA-256 differs"):
        seal(archive)
    text = lists.read_text(encoding="utf-8").replace(before, hashlib.sha256(info.read_bytes()).hexdigest())
    lists.write_text(text, encoding="utf-8")
    assert seal(archive).archive_signed is False
    page = (ROOT / "docs/sealing.md").read_text(encoding="utf-8")
    assert "whether `Payload-Oxum` or the rest of `bag-info.txt` is right" in page
