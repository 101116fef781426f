"""Nothing secret in arguments, output, tracebacks or core files: commands are run with marked secrets and searched."""

from __future__ import annotations

import base64
import functools
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_ssh_private_key

from fixtures.exported import export_small_source
from portability.cli import _run
from portability.cli.passphrases import VARIABLE, passphrase_asker
from portability.errors import ConfigError
from portability.keys import new_age_identity, new_signing_key
from tests.signing.conftest import SshKeygen, run

CANARY = "canary-7f3a-passphrase"
PROGRAM = str(Path(sys.executable).with_name("portability"))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small archive."""
    root = tmp_path_factory.mktemp("secrets") / "archive"
    export_small_source(root)
    return root


@pytest.fixture(scope="module")
def folder(ssh_keygen: SshKeygen, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Keys of both kinds, plain and under the marked passphrase."""
    del ssh_keygen  # it is there, then
    folder = tmp_path_factory.mktemp("marked")
    new_signing_key(folder / "plain", comment="ann")
    run(["ssh-keygen", "-q", "-t", "ed25519", "-a", "1", "-N", CANARY, "-f", str(folder / "locked")])
    new_age_identity(folder / "age")
    new_age_identity(folder / "locked_age", passphrase=CANARY)
    (folder / "passphrase").write_text(f"{CANARY}\n", encoding="utf-8")
    (folder / "passphrase").chmod(0o600)
    (folder / "wrong").write_text(f"{CANARY}x\n", encoding="utf-8")
    (folder / "wrong").chmod(0o600)
    damaged = (folder / "plain").read_bytes().splitlines(keepends=True)
    (folder / "damaged").write_bytes(b"".join([damaged[0], damaged[1][::-1].lstrip(b"\n") + b"\n", *damaged[2:]]))
    (folder / "damaged").chmod(0o600)
    (folder / "both").write_bytes((folder / "age").read_bytes() + (folder / "plain").read_bytes())
    (folder / "both").chmod(0o600)
    return folder


@functools.cache
def secrets_of(folder: Path) -> tuple[bytes, ...]:
    """Return every form in which a secret could show."""
    return tuple(_secrets_of(folder))


def _secrets_of(folder: Path) -> Iterator[bytes]:
    yield CANARY.encode()
    for name in ("plain", "locked"):
        content = (folder / name).read_bytes()
        yield from (line for line in content.splitlines()[1:-1] if len(line) > 20)
        seed = load_ssh_private_key(content, CANARY.encode() if name == "locked" else None).private_bytes_raw()  # type: ignore[union-attr]
        yield from (seed, seed.hex().encode(), base64.b64encode(seed), repr(seed).encode())
    yield (folder / "age").read_text(encoding="utf-8").splitlines()[-1].encode()


def assert_silent(output: bytes, folder: Path) -> None:
    """Nothing secret is in it, in whatever case."""
    for secret in secrets_of(folder):
        assert secret.lower() not in output.lower()


COMMANDS = [
    "keys show plain",
    "keys show locked --json",
    "keys show age",
    pytest.param("keys show locked_age --passphrase-file passphrase --json", marks=pytest.mark.slow),
    pytest.param("keys show locked_age --passphrase-file wrong", marks=pytest.mark.slow),
    "keys show damaged",
    "keys show both",
    "keys show passphrase",
    "keys new one --kind signing --passphrase-file passphrase",
    pytest.param("keys new two --kind age --passphrase-file passphrase --json", marks=pytest.mark.slow),
    "keys new plain --kind signing",
    "sign ARCHIVE --key locked --passphrase-file wrong",
    "sign ARCHIVE --key damaged --json",
    "sign ARCHIVE --key age",
    "sign ARCHIVE --key both",
    "sign nowhere --key plain",
    "sign ARCHIVE --key locked --passphrase-file passphrase",
    "sign ARCHIVE --key plain --json",
    "verify ARCHIVE --trust plain",
    "verify ARCHIVE --trust age --level quick",
    "verify ARCHIVE --trust passphrase --level quick --json",
    "export sqlite:///nowhere.db new --sign plain",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_command_output_holds_no_secret(
    folder: Path,
    archive: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
    command: str,
) -> None:
    """Good and bad ends of every command that meets a key, with PORTABILITY_DEBUG: nothing of it is said."""
    shutil.copytree(folder, tmp_path / "keys")
    shutil.copytree(archive, tmp_path / "archive")
    monkeypatch.chdir(tmp_path / "keys")
    monkeypatch.setenv("PORTABILITY_DEBUG", "1")
    words = [str(tmp_path / "archive") if word == "ARCHIVE" else word for word in command.split()]
    _run(words)
    captured = capfdbinary.readouterr()
    assert captured.out or captured.err
    assert_silent(captured.out + captured.err, folder)


FAULT = """
import sys
from portability import cli
from portability.exports import signatures
def broken(*arguments):
    raise KeyError("a fault of the program")
signatures._write_beside = broken
cli._run(sys.argv[1:])
"""


def test_traceback_of_a_fault_holds_no_secret(folder: Path, archive: Path) -> None:
    """A fault while keys are in memory, shown with PORTABILITY_DEBUG: a traceback without their values."""
    words = ["sign", archive, "--key", folder / "locked"]
    environment = {**os.environ, "PORTABILITY_DEBUG": "1", "PORTABILITY_PASSPHRASE": CANARY}
    done = subprocess.run(
        [sys.executable, "-c", FAULT, *map(str, words)], env=environment, capture_output=True, check=False
    )
    assert b"Traceback" in done.stderr
    assert b"a fault of the program" in done.stderr
    assert_silent(done.stdout + done.stderr, folder)


CRASH = """
import os, resource, sys
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
from pathlib import Path
from portability.keys import describe_key
from portability.signing import load_signing_key
if sys.argv[1] == "age":
    describe_key(Path(sys.argv[2]))
else:
    load_signing_key(sys.argv[2])
print(resource.getrlimit(resource.RLIMIT_CORE)[0], flush=True)
os.abort()
"""


@pytest.mark.parametrize("name", ["plain", "age"])
def test_crash_after_a_secret_was_loaded_leaves_no_core_file(folder: Path, tmp_path: Path, name: str) -> None:
    """The limit is 0 from before the secret on, for the process and its children."""
    done = subprocess.run(
        [sys.executable, "-c", CRASH, name, folder / name], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == "0\n", done.stderr
    assert done.returncode < 0
    assert list(tmp_path.iterdir()) == []


def test_passphrase_of_a_terminal_is_not_shown(folder: Path, archive: Path, tmp_path: Path) -> None:
    """A person is asked on the terminal; what they type does not appear there."""
    copied = shutil.copytree(archive, tmp_path / "archive")
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {name: value for name, value in os.environ.items() if name != "PORTABILITY_PASSPHRASE"}
        os.execve(PROGRAM, [PROGRAM, "sign", str(copied), "--key", str(folder / "locked")], environment)  # noqa: S606
    seen = b""
    while b"assphrase" not in seen:
        seen += os.read(terminal, 1000)
    os.write(terminal, f"{CANARY}\n".encode())
    try:
        while chunk := os.read(terminal, 1000):
            seen += chunk
    except OSError:
        pass  # the terminal is gone with the program
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, seen
    assert (copied / "tagmanifest-sha256.txt.sig").is_file()
    assert b"Passphrase for" in seen
    assert_silent(seen, folder)


def test_passphrase_comes_from_the_file_then_the_environment(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A named file is believed before the environment; one that others can read, or an empty one, is refused."""
    monkeypatch.setenv(VARIABLE, "from the environment")
    assert passphrase_asker(None)("Passphrase") == "from the environment"
    assert passphrase_asker(folder / "passphrase")("Passphrase") == CANARY
    path = tmp_path / "file"
    for content, mode in ((CANARY, 0o644), ("", 0o600), ("\n", 0o600), (CANARY * 500, 0o600)):
        path.write_text(content, encoding="utf-8")
        path.chmod(mode)
        with pytest.raises(ConfigError) as caught:
            passphrase_asker(path)("Passphrase")
        assert CANARY not in f"{caught.value} {caught.value.hint}"
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(ConfigError, match="no terminal to ask"):
        passphrase_asker(None)("Passphrase")
