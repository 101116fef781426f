"""The commands: seal, and export with --seal-to, which keeps no plain copy under any name."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.memory import PeakMemory
from portability.cli import _run
from portability.practice import generate
from portability.signing import ARCHIVE_NAMESPACE, load_signing_key
from tests.sealing.conftest import Custodian, open_by_hand, run, tree, unwrap

Keys = dict[str, Custodian]
Portability = Callable[..., tuple[int, bytes]]
PORTABILITY = [sys.executable, "-c", "from portability.cli import main; main()"]


@pytest.fixture
def signer(tmp_path: Path) -> Path:
    """A signing key that ssh-keygen made."""
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "signer")
    return tmp_path / "signer"


@pytest.fixture(scope="session")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built-in practice: practice.db, and files."""
    folder = tmp_path_factory.mktemp("practice")
    generate(f"sqlite:///{folder / 'practice.db'}", folder / "files", entries=450)
    return folder


@pytest.fixture
def portability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Portability:
    """Run a command in the test's folder, and return its code and what it prints."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str | Path) -> tuple[int, bytes]:
        capsysbinary.readouterr()
        code = _run([str(part) for part in arguments])
        return code, capsysbinary.readouterr().out

    return command


def test_seal_command_says_who_can_open_it(
    archive: Path, custodians: Keys, signer: Path, portability: Portability
) -> None:
    """For people: who opens it, who signed it, how to check it; the fingerprints are those of stock tools."""
    to = [part for one in custodians.values() for part in ("--to", one.option)]
    code, said = portability("seal", archive, "sealed", *to, "--threshold", "2", "--sign", signer)
    assert code == 0
    assert b"any 2 of these 3 together" in said
    for key in (custodians["ben"].file, signer):
        assert run("ssh-keygen", "-l", "-f", key).split()[1].encode() in said
    assert b"portability verify sealed" in said
    assert b"who is given the wrong key can open nothing, and whoever owns the wrong one can" in said
    assert b"The archive inside is not signed" in said


def test_seal_command_of_a_signed_archive_has_nothing_to_say_of_it(
    archive: Path, custodians: Keys, signer: Path, portability: Portability
) -> None:
    """The remark is for archives without a signature of their own."""
    content = (archive / "tagmanifest-sha256.txt").read_bytes()
    signature = load_signing_key(str(signer)).sign(content, namespace=ARCHIVE_NAMESPACE)
    (archive / "tagmanifest-sha256.txt.sig").write_bytes(signature)
    code, said = portability("seal", archive, "sealed", "--to", custodians["ann"].option, "--sign", signer)
    assert code == 0
    assert b"not signed" not in said


def test_seal_command_json_is_one_document(
    archive: Path, custodians: Keys, signer: Path, portability: Portability
) -> None:
    """For programs: everything in one document, in the tar form too."""
    to = ["--to", custodians["ann"].option]
    code, printed = portability("seal", archive, "s.tar", *to, "--sign", signer, "--tar", "--json")
    said = json.loads(printed)
    assert code == 0
    assert (said["sealed"], said["segments"], said["files"]) == ("s.tar", 1, len(tree(archive)))
    assert said["envelopes"] == ["keys/ann.age"]
    assert said["archive_signed"] is False
    assert re.fullmatch("[0-9a-f]{32}", said["deposit_id"])


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--to", "ann"], "there is no key"),
        (["--sign", "signer"], "there is no recipient"),
        (["--sign", "signer", "--to", "AGE-SECRET-KEY-1XYZ"], "private key"),
        (["--sign", "missing", "--to", "KEY"], "cannot read the key"),
        (["--sign", "signer", "--to", "KEY", "--threshold", "2"], "there are 1 recipients"),
    ],
)
@pytest.mark.usefixtures("signer")
def test_seal_command_that_cannot_be_is_refused(
    arguments: list[str], says: str, archive: Path, custodians: Keys, portability: Portability
) -> None:
    """Each has its code and its sentence, and nothing is left."""
    given = [custodians["ann"].option if each == "KEY" else each for each in arguments]
    code, printed = portability("seal", archive, "sealed", *given, "--json")
    assert code == 3
    assert says in json.loads(printed)["message"]
    assert b"XYZ" not in printed
    assert not Path("sealed").exists()


def test_export_seal_to_keeps_no_plain_copy(
    practice: Path, custodians: Keys, signer: Path, portability: Portability, tmp_path: Path
) -> None:
    """The sealed archive holds the whole signed export; no plain file of it lies anywhere the run wrote."""
    (tmp_path / "staging").mkdir()
    code, printed = portability(
        *("export", f"sqlite:///{practice / 'practice.db'}", "sealed", "--documents", practice / "files"),
        *("--seal-to", custodians["ann"].option, "--seal-to", custodians["ben"].option, "--threshold", "2"),
        *("--sign", signer, "--staging", "staging", "--json"),
    )
    said = json.loads(printed)
    assert code == 0
    assert said["export"]["archive"] is None
    assert said["sealed"]["envelopes"] == ["keys/ann+ben.age"]
    assert sorted(os.listdir(tmp_path)) == ["sealed", "signer", "signer.pub", "staging"]  # noqa: PTH208
    assert tree(tmp_path / "staging") == {}
    inner, key = tmp_path / "inner", tmp_path / "key"
    run("age", "-d", "-i", custodians["ann"].file, "-o", inner, tmp_path / "sealed/keys/ann+ben.age")
    run("age", "-d", "-i", custodians["ben"].file, "-o", key, inner)
    opened = open_by_hand(tmp_path / "sealed", key, tmp_path / "out")
    assert (opened / "tagmanifest-sha256.txt.sig").is_file()
    assert portability("verify", opened, "--level", "full", "--json")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--seal-to", "KEY"], "there is no key"),
        (["--seal-to", "KEY", "--sign", "signer", "--resume"], "nothing that could be resumed"),
        (["--seal-to", "KEY", "--sign", "signer", "--threshold", "2"], "there are 1 recipients"),
        (["--seal-to", "KEY", "--sign", "signer", "--staging", "nowhere"], "cannot stage here"),
        (["--threshold", "2"], "are for --seal-to"),
        (["--tar"], "are for --seal-to"),
        (["--staging", "."], "are for --seal-to"),
        (["--seal-to", "KEY", "--sign", "signer"], "where they are"),  # the documents: the export itself is refused
    ],
)
@pytest.mark.usefixtures("signer")
def test_export_seal_to_that_cannot_be_is_refused(
    arguments: list[str], says: str, practice: Path, custodians: Keys, portability: Portability
) -> None:
    """What cannot end well is refused before anything is read; a failed export leaves nothing either."""
    given = [custodians["ann"].option if each == "KEY" else each for each in arguments]
    code, printed = portability("export", f"sqlite:///{practice / 'practice.db'}", "sealed", *given, "--json")
    assert code == 3
    assert says in json.loads(printed)["message"]
    assert sorted(os.listdir()) == ["signer", "signer.pub"]  # noqa: PTH208


@pytest.mark.slow
def test_seal_document_commands_work_as_they_stand(
    archive: Path, practice: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command of docs/sealing.md, in its order, in a folder that holds an archive and a practice."""
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    for name in ("practice.db", "files"):
        (tmp_path / name).symlink_to(practice / name)
    document = (Path(__file__).parents[2] / "docs/sealing.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ (.*)$", document, re.MULTILINE)
    assert len(commands) >= 8
    assert archive.name == "archive"
    for command in commands:
        run("bash", "-c", command, cwd=tmp_path)
    assert {"sealed", "together", "deposit"} <= {path.name for path in tmp_path.iterdir()}


@pytest.mark.slow
def test_seal_command_memory_is_bounded(
    make_archive: Callable[..., Path], custodians: Keys, signer: Path, tmp_path: Path
) -> None:
    """Sealing 300 MiB, one file of it sliced, takes all processes together less than 512 MiB, which no data changes."""
    piece = random.Random(3).randbytes(1 << 20)
    files = {"source/main.ledger.parquet": piece * 200, **{f"documents/00/{n:064x}": piece for n in range(100)}}
    archive = make_archive(files)
    command: list[str | Path] = [
        *PORTABILITY,
        "seal",
        archive,
        "sealed",
        "--to",
        custodians["ann"].option,
        "--sign",
        signer,
    ]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL)
    with PeakMemory(process.pid) as peak:
        assert process.wait() == 0
    assert 64 << 20 < peak.bytes < 512 << 20


@pytest.mark.slow
def test_export_seal_to_killed_is_swept_by_the_next_run(
    practice: Path, custodians: Keys, signer: Path, tmp_path: Path
) -> None:
    """Killed with its plain archive in the private folder, it leaves that folder only; the next run removes it."""
    command: list[str | Path] = [
        *(*PORTABILITY, "export", f"sqlite:///{practice / 'practice.db'}", "sealed"),
        *("--documents", practice / "files", "--seal-to", custodians["ann"].option, "--sign", signer),
    ]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) as killed:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".portability-staging-*/**/*.parquet")) and time.monotonic() < deadline:
            time.sleep(0.05)
        killed.send_signal(signal.SIGKILL)
    (left,) = tmp_path.glob(".portability-staging-*")
    assert left.stat().st_mode & 0o077 == 0
    assert not (tmp_path / "sealed").exists()
    run(*command, cwd=tmp_path)
    assert sorted(os.listdir(tmp_path)) == ["sealed", "signer", "signer.pub"]  # noqa: PTH208
    key = unwrap(tmp_path / "sealed", custodians["ann"], tmp_path / "key")
    assert (open_by_hand(tmp_path / "sealed", key, tmp_path / "out") / "bagit.txt").is_file()
