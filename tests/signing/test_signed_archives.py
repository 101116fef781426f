"""Signed archives from end to end: made, signed later, checked by us and by stock tools; docs as they are printed."""

from __future__ import annotations

import html
import json
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.exported import export_small_source
from portability.checks import require, verify
from portability.cli import _run
from portability.connectors import open_connector
from portability.errors import ArchiveExistsError, CheckFailedError, ConfigError
from portability.exports import ExportRequest, export_archive, sign_archive
from portability.formats import format_text
from portability.signing import ARCHIVE_NAMESPACE, Policy, load_signing_key
from portability.signing.trust import parse_trust
from tests.signing.conftest import SshKeygen, run

SIGNATURE = "tagmanifest-sha256.txt.sig"
DOC = (Path(__file__).parents[2] / "docs/signing.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small archive that nobody signed."""
    root = tmp_path_factory.mktemp("exported") / "archive"
    export_small_source(root)
    return root


@pytest.fixture
def archive(exported: Path, tmp_path: Path) -> Path:
    """A copy that a test may sign."""
    return Path(shutil.copytree(exported, tmp_path / "archive"))


@pytest.fixture
def policy(ssh_keygen: SshKeygen) -> Policy:
    """Ann is trusted, Bob is not."""
    return Policy(trust=parse_trust(f"ann {ssh_keygen.line('ann')}\n".encode(), "signers"))


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    """Return the one JSON document that a command printed."""
    document: dict[str, object] = json.loads(capsys.readouterr().out)
    return document


def test_sign_archive_is_trusted_and_accepted_by_ssh_keygen(
    ssh_keygen: SshKeygen, archive: Path, policy: Policy, tmp_path: Path
) -> None:
    """The verified archive says who signed; OpenSSH agrees; nothing else in the archive changed."""
    before = {path: path.read_bytes() for path in archive.rglob("*") if path.is_file()}
    made = sign_archive(archive, load_signing_key(str(ssh_keygen.key("ann"))))
    assert {
        path: path.read_bytes() for path in archive.rglob("*") if path.is_file() and path != made.signature
    } == before
    report = verify(archive, level="quick", signer=policy)
    assert report.codes() == set()
    signer = require(report).signer
    assert signer is not None
    assert (signer.principals, signer.fingerprint) == ("ann", made.fingerprint)
    assert report.to_dict()["signer"]["principals"] == "ann"
    assert "Signed by ann" in report.to_html()
    content, signature = (archive / "tagmanifest-sha256.txt").read_bytes(), made.signature.read_bytes()
    options = ("-I", "ann", "-n", ARCHIVE_NAMESPACE)
    assert ssh_keygen.accepts(tmp_path, f"ann {ssh_keygen.line('ann')}\n", content, signature, *options)


def test_sign_archive_by_ssh_keygen_is_trusted(ssh_keygen: SshKeygen, archive: Path, policy: Policy) -> None:
    """Nothing of ours is needed to sign either."""
    content = (archive / "tagmanifest-sha256.txt").read_bytes()
    (archive / SIGNATURE).write_bytes(ssh_keygen.sign("ann", content, namespace=ARCHIVE_NAMESPACE))
    assert require(verify(archive, level="quick", signer=policy)).signer is not None


def test_sign_archive_that_is_not_whole_is_refused(ssh_keygen: SshKeygen, archive: Path) -> None:
    """What is not as it was sealed is not vouched for."""
    (archive / "data/README.html").write_text("other")
    with pytest.raises(CheckFailedError, match=r"C154|C155"):
        sign_archive(archive, load_signing_key(str(ssh_keygen.key("ann"))))
    assert not (archive / SIGNATURE).exists()


def test_sign_archive_twice_keeps_the_first(ssh_keygen: SshKeygen, archive: Path) -> None:
    """Nothing is overwritten, a link neither."""
    first = sign_archive(archive, load_signing_key(str(ssh_keygen.key("ann")))).signature.read_bytes()
    with pytest.raises(ArchiveExistsError, match="signed already"):
        sign_archive(archive, load_signing_key(str(ssh_keygen.key("bob"))))
    assert (archive / SIGNATURE).read_bytes() == first


KILLED = """
import os, signal, sys
from pathlib import Path
from portability import folders
from portability.exports import sign_archive
from portability.signing import load_signing_key
calls = {"fsync": (os, "fsync"), "flushed": (folders, "sync_directory")}
module, name = calls[sys.argv[1]]
setattr(module, name, lambda *_: os.kill(os.getpid(), signal.SIGKILL))
sign_archive(Path(sys.argv[2]), load_signing_key(sys.argv[3]))
"""


@pytest.mark.parametrize(("moment", "is_signed"), [("fsync", False), ("flushed", True)])
def test_sign_archive_killed_leaves_an_archive(
    ssh_keygen: SshKeygen, archive: Path, policy: Policy, moment: str, *, is_signed: bool
) -> None:
    """A kill -9 leaves the archive unsigned or signed, sound in both cases; signing again works."""
    key = ssh_keygen.key("ann")
    done = subprocess.run([sys.executable, "-c", KILLED, moment, archive, key], check=False)
    assert done.returncode == -signal.SIGKILL
    assert verify(archive, level="quick").codes() == {"C162" if is_signed else "C161"}
    if not is_signed:
        sign_archive(archive, load_signing_key(str(key)))
    assert verify(archive, level="quick", signer=policy).ok
    assert sorted(path.name for path in archive.parent.iterdir()) == ["archive"]


def test_export_signed_is_trusted(ssh_keygen: SshKeygen, policy: Policy, tmp_path: Path) -> None:
    """The signature is there when the archive gets its name; the result says which key."""
    result = export_archive(request(tmp_path, ssh_keygen, "ann"))
    assert result.signed_by == load_signing_key(str(ssh_keygen.key("ann"))).fingerprint
    assert verify(result.archive.root, level="full", signer=policy).codes() == set()


def request(folder: Path, ssh_keygen: SshKeygen, name: str) -> ExportRequest:
    """Ask for the export of one table, signed."""
    with sqlite3.connect(folder / "source.db") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS person (id INTEGER PRIMARY KEY, name TEXT)")
    connection.close()
    return ExportRequest(
        connector=open_connector(f"sqlite:///{folder / 'source.db'}"),
        destination=folder / "archive",
        signing_key=load_signing_key(str(ssh_keygen.key(name))),
    )


def test_export_whose_agent_lost_the_key_leaves_no_archive(
    ssh_keygen: SshKeygen, ssh_agent: object, tmp_path: Path
) -> None:
    """The key was in the agent at the start; without it at the end nothing stands under the archive's name."""
    assert callable(ssh_agent)
    ssh_agent(ssh_keygen.key("ann"))
    asked = request(tmp_path, ssh_keygen, "ann.pub")
    run(["ssh-add", "-q", "-D"])
    with pytest.raises(ConfigError, match="agent refuses") as caught:
        export_archive(asked)
    assert not (tmp_path / "archive").exists()
    assert "--resume" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "mode", "message"),
    [
        ("nowhere", 0o600, "No such file"),
        ("ann", 0o644, "others can read"),
        ("locked", 0o600, "no terminal"),
        ("rsa", 0o600, "only Ed25519"),
    ],
)
def test_export_with_an_unusable_key_ends_before_it_begins(
    ssh_keygen: SshKeygen, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, mode: int, message: str
) -> None:
    """Code 3, and neither an archive nor a staging directory."""
    if ssh_keygen.key(name).exists():
        (tmp_path / name).write_bytes(ssh_keygen.key(name).read_bytes())
        (tmp_path / name).chmod(mode)
    sqlite3.connect(tmp_path / "source.db").close()
    before = sorted(tmp_path.iterdir())
    arguments = ["export", f"sqlite:///{tmp_path / 'source.db'}", str(tmp_path / "archive")]
    assert _run([*arguments, "--sign", str(tmp_path / name)]) == 3
    assert message in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_verify_command_names_the_signer_or_refuses(
    ssh_keygen: SshKeygen, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit codes and the one JSON document, for the trusted, the wrong and the missing signer."""
    trust = tmp_path / "signers"
    trust.write_text(f"ann@firm.example {ssh_keygen.line('ann')}\nbob {ssh_keygen.line('bob')}\n", encoding="utf-8")
    check = ["verify", str(archive), "--level", "quick", "--json", "--trust", str(trust)]
    assert _run(check) == 9
    assert [found["code"] for found in printed(capsys)["findings"]] == ["C165"]  # type: ignore[attr-defined]
    assert _run(["sign", str(archive), "--key", str(ssh_keygen.key("ann")), "--json"]) == 0
    assert printed(capsys)["public_key"] == ssh_keygen.line("ann")
    assert _run([*check, "--signer", "ann@firm.example"]) == 0
    assert printed(capsys)["signer"]["principals"] == "ann@firm.example"  # type: ignore[index]
    assert _run([*check, "--signer", "bob"]) == 9
    assert [found["code"] for found in printed(capsys)["findings"]] == ["C164"]  # type: ignore[attr-defined]


def test_verify_command_time_of_receipt_decides_for_a_retired_key(
    ssh_keygen: SshKeygen, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Retired in 2020, the key signs no archive of today; and nothing dated later than --verify-time is believed."""
    sign_archive(archive, load_signing_key(str(ssh_keygen.key("ann"))))
    (tmp_path / "signers").write_text(f'ann valid-before="20200101Z" {ssh_keygen.line("ann")}\n', encoding="utf-8")
    check = ["verify", str(archive), "--level", "quick", "--json", "--trust", str(tmp_path / "signers")]
    for options, code in (([], "C166"), (["--verify-time", "20190601Z"], "C169")):
        assert _run([*check, *options]) == 9
        assert [found["code"] for found in printed(capsys)["findings"]] == [code]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "options",
    [
        ["--signer", "ann"],
        ["--verify-time", "20260101"],
        ["--trust", "nowhere"],
        ["--trust", "SIGNERS", "--verify-time", "x"],
    ],
)
def test_verify_command_options_that_make_no_sense_end_with_3(
    ssh_keygen: SshKeygen, archive: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    """A mistake on the command line is never an archive that was not checked."""
    (tmp_path / "SIGNERS").write_text(f"ann {ssh_keygen.line('ann')}\n", encoding="utf-8")
    options = [str(tmp_path / each) if each == "SIGNERS" else each for each in options]
    assert _run(["verify", str(archive), *options]) == 3
    assert "Error" in capsys.readouterr().err


def commands_of_the_archive(archive: Path) -> dict[str, list[str]]:
    """Return the ssh-keygen commands that the archive itself shows, one of each text."""
    page = (archive / "data/README.html").read_text(encoding="utf-8")
    texts = {"README.html": html.unescape(page), "FORMAT.md": format_text().replace("\\\n", ""), "signing.md": DOC}
    found = {}
    for name, text in texts.items():
        lines = re.findall(r"ssh-keygen -Y verify -f [^<`]*< tagmanifest-sha256\.txt", text)
        found[name] = [line.replace("NAME", "ann@firm.example") for line in lines]
    return found


def test_commands_that_the_archive_shows_check_it(ssh_keygen: SshKeygen, archive: Path) -> None:
    """README.html, FORMAT.md and the documentation: each command accepts the archive and refuses a changed one."""
    sign_archive(archive, load_signing_key(str(ssh_keygen.key("ann"))))
    line = f'ann@firm.example namespaces="legal-portability-*" {ssh_keygen.line("ann")}\n'
    (archive.parent / "allowed_signers").write_text(line, encoding="utf-8")
    commands = commands_of_the_archive(archive)
    assert [len(lines) for lines in commands.values()] == [1, 1, 1]
    shells = [["/bin/sh", "-c", line] for (line,) in commands.values()]
    for shell in shells:
        good = subprocess.run(shell, cwd=archive, capture_output=True, text=True, check=False)
        assert good.stdout.startswith('Good "legal-portability-archive" signature for ann@firm.example'), good.stderr
    with (archive / "tagmanifest-sha256.txt").open("ab") as stream:
        stream.write(b"\n")
    assert all(subprocess.run(shell, cwd=archive, capture_output=True, check=False).returncode for shell in shells)


def test_signing_page_runs_as_it_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command of docs/signing.md, in its order; the trust file is the line that `keys new` prints."""
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect("practice.db") as connection:
        connection.execute("CREATE TABLE person (id INTEGER PRIMARY KEY)")
    connection.close()
    Path("files").mkdir()
    for command in re.findall(r"^\$ portability (.*)$", DOC, re.MULTILINE):
        if command.startswith("sign "):
            Path("archive", SIGNATURE).unlink()  # the page signs the same archive in two ways
        assert _run(shlex.split(command.replace(" --documents files", ""))) == 0, capsys.readouterr()
        if command.startswith("keys new"):
            (line,) = re.findall(r"^  trust line +(.*)", capsys.readouterr().out, re.MULTILINE)
            Path("allowed_signers").write_text(f"{line}\n", encoding="utf-8")
    assert "Signed by ann@firm.example" in capsys.readouterr().out


def test_signing_page_names_every_code_of_a_signature() -> None:
    """The table of codes is whole."""
    named = set(re.findall(r"C16\d", DOC))
    assert named == {f"C16{digit}" for digit in range(1, 10)}
