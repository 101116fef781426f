"""`portability verify` on a sealed archive, as a person and a script meet it; and its page in the docs."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.bad_sealed import link_to
from fixtures.sealing import AGREED, Deposit, Person, seal, trust_line
from portability import cli
from portability.checks import load_codes
from portability.checks.sealed.agreement import manifest_schema
from portability.cli.verifying import SealedOptions, check_sealed
from portability.errors import CheckFailedError
from portability.limits import DEFAULT_LIMITS
from portability.output import JsonOutput
from portability.signing import Policy, load_trust

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs/verifying_sealed.md"


@dataclass(frozen=True)
class Done:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """What runs the command line in this process, as the installed command does."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def done(*arguments: object) -> Done:
        capfd.readouterr()
        code = cli._run([str(each) for each in arguments])
        return Done(code, *capfd.readouterr())

    yield done
    for number, handler in handlers.items():
        signal.signal(number, handler)


def test_verify_sealed_says_what_it_found(run: Run, small: Path, world: Path) -> None:
    """In sentences: the level, when it was sealed, and by which key."""
    done = run("verify", small, "--trust", world / "inputs/allowed_signers")
    assert done.code == 0, done.err
    assert "Sound at level v1" in done.out
    assert "Sealed at: 2026-03-02T09:00:00Z" in done.out


def test_verify_sealed_says_what_mends_it_and_what_was_not_run(run: Run, small: Path) -> None:
    """The text report has the mend of each code, once, and names the steps that had nothing to compare with."""
    done = run("verify", small)
    assert done.code == 0, done.err
    assert done.out.count(load_codes()["X129"].mend) == 1
    assert "Not run, because --trust was not given: steps 3, 5\n" in done.out
    assert "Not run, because --recipients was not given: step 12\n" in done.out


@pytest.mark.parametrize("form", ["directory", "tar"])
def test_verify_sealed_gives_one_json_document(run: Run, small: Path, small_tar: Path, form: str) -> None:
    """Both forms are seen to be sealed, and checked at v1 unless another level is named."""
    done = run("verify", small if form == "directory" else small_tar, "--json")
    found: dict[str, Any] = json.loads(done.out)
    assert (done.code, found["level"], found["ok"]) == (0, "v1", True)
    assert [each["code"] for each in found["findings"]] == ["X129"]
    assert found["facts"]["manifest_sha256"]


def test_verify_sealed_refused_ends_with_nine_and_a_page(run: Run, copied: Path, tmp_path: Path) -> None:
    """The exit code is that of a failed check; the page names the code and the file."""
    (copied / "keys/alice.age").unlink()
    done = run("verify", copied, "--level", "v0", "--html", tmp_path / "report.html")
    assert done.code == 9
    assert "X141" in done.err
    page = (tmp_path / "report.html").read_text()
    assert "Refused at level v0" in page
    assert "keys/alice.age" in page
    assert "manifest sha256" in page


WRONG_OPTIONS = {
    "plain_level_of_a_sealed_one": (["--level", "deep"], "a sealed one has v0, v1, v2, v3"),
    "statement_without_a_key": (["--statement", "s.json"], "--statement and --sign go together"),
    "opening_level_without_a_key": (["--level", "v2"], "no key was given"),
    "previous_that_is_not_there": (["--previous", "nowhere.json"], "cannot be read"),
    "signer_without_trust": (["--signer", "ann"], "--trust"),
}


@pytest.mark.parametrize("name", WRONG_OPTIONS)
def test_verify_sealed_with_a_wrong_option_says_which(
    run: Run, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """What the person gave wrong is exit code 3 and a sentence."""
    options, sentence = WRONG_OPTIONS[name]
    monkeypatch.chdir(tmp_path)
    done = run("verify", small, *options)
    assert done.code == 3
    assert sentence in done.err
    assert list(tmp_path.iterdir()) == []


def test_verify_plain_archive_refuses_options_of_sealed_ones(run: Run, tmp_path: Path) -> None:
    """Nobody believes that a plain archive was checked with a key."""
    (tmp_path / "archive").mkdir()
    done = run("verify", tmp_path / "archive", "--level", "v1", "--identity", "key")
    assert done.code == 3
    assert "--identity, --level v1: this is for sealed archives" in done.err


def test_verify_sealed_never_shows_a_key(run: Run, small: Path, world: Path) -> None:
    """Neither a recipient's key nor the deposit's appears in text, JSON, or errors."""
    for key in ("alice.key", "bob.key", "dave.key"):
        for form in ([], ["--json"]):
            done = run("verify", small, "--level", "v2", "--identity", world / "inputs" / key, *form)
            assert "SECRET" not in (done.out + done.err).upper()
            assert "PRIVATE KEY" not in done.out + done.err


def test_verify_sealed_recipients_file_may_have_any_name(
    run: Run, small: Path, world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with an equals sign is a file's name here, and never a recipient and a key."""
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(world / "inputs/recipients", "a=b.txt")
    assert run("verify", small, "--recipients", "a=b.txt").code == 0
    Path("a=b.txt").write_text(f"dave {Person('dave').recipient}\n")
    done = run("verify", small, "--recipients", "a=b.txt")
    assert done.code == 9
    assert "X211" in done.err


def test_verify_sealed_recipients_are_read_once(run: Run, small: Path, world: Path, tmp_path: Path) -> None:
    """A pipe gives its bytes once: they are those that are compared and those that a statement gives the hash of."""
    content = (world / "inputs/recipients").read_bytes()
    (tmp_path / "agent").write_text(Person("agent", "ssh-ed25519").identity)
    (tmp_path / "agent").chmod(0o600)
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    options = ["--recipients", f"/dev/fd/{reading}", "--statement", tmp_path / "s.json", "--sign", tmp_path / "agent"]
    done = run("verify", small, *options)
    os.close(reading)
    assert done.code == 0, done.err
    stated = json.loads((tmp_path / "s.json").read_bytes())["predicate"]["configuration"]
    hashes = {each["name"]: each["digest"]["sha256"] for each in stated}
    assert hashes["recipients"] == hashlib.sha256(content).hexdigest()


def test_check_sealed_trust_file_exchanged_meanwhile_is_used_as_it_is_stated(
    small: Path, world: Path, tmp_path: Path
) -> None:
    """The bytes that a statement gives the hash of are the ones that the signer was looked up in."""
    trust, key = tmp_path / "trust", tmp_path / "agent"
    key.write_text(Person("agent", "ssh-ed25519").identity)
    key.chmod(0o600)
    shutil.copyfile(world / "inputs/allowed_signers", trust)
    policy = Policy(trust=load_trust(trust))
    trust.write_text(trust_line(Person("mallory")))
    options = SealedOptions(
        policy=policy,
        limits=DEFAULT_LIMITS,
        identity=(),
        recipients=None,
        previous=None,
        statement=tmp_path / "s.json",
        sign=str(key),
        passphrase_file=None,
        staging=None,
    )
    with pytest.raises(CheckFailedError, match="X125"):
        check_sealed(JsonOutput(), small, "v1", None, options)
    predicate = json.loads((tmp_path / "s.json").read_bytes())["predicate"]
    stated = {each["name"]: each["digest"]["sha256"] for each in predicate["configuration"]}
    assert stated["trusted signers"] == hashlib.sha256(trust.read_bytes()).hexdigest()
    assert predicate["result"] == "FAILED"


@pytest.mark.slow
def test_verify_sealed_killed_while_it_holds_plaintext_is_swept_by_the_next_run(
    run: Run, good: dict[str, Path], world: Path, tmp_path: Path
) -> None:
    """After kill -9 the staging place is emptied by the next run there."""
    command = [Path(sys.executable).with_name("portability"), "verify", good["sealed"], "--level", "v3"]
    command += ["--identity", world / "inputs/alice.key", "--staging", tmp_path]
    running = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.rglob("bagit.txt")) and time.monotonic() < deadline and running.poll() is None:
            time.sleep(0.005)
        assert running.poll() is None, "it ended before it could be killed"
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert list(tmp_path.iterdir()) != []
    assert run(*command[1:]).code == 0
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def place(tmp_path: Path, archive: dict[str, bytes]) -> Path:
    """A folder with everything that the page's commands name."""
    before = seal(Deposit(content=archive, segment_bytes=2**20, chain=chain()), tmp_path / "before")
    (tmp_path / "kept").mkdir()
    (before / "manifest.json").rename(tmp_path / "kept/manifest.json")
    shutil.rmtree(before)
    after = link_to((tmp_path / "kept/manifest.json").read_bytes()) | {"sequence": 2}
    seal(Deposit(content=archive, segment_bytes=2**20, seed="after", chain=after), tmp_path / "sealed")
    (tmp_path / "allowed_signers").write_text(trust_line(Person("sender")))
    agent = Person("agent", "ssh-ed25519")
    (tmp_path / "agents").write_text(trust_line(agent).replace("firm.example", "example.com"))
    (tmp_path / "recipients.txt").write_text("".join(f"{each.name} {each.recipient}\n" for each in AGREED[:2]))
    (tmp_path / "private").mkdir()
    for name, text in (("agent_key", agent.identity), ("my_key", AGREED[1].identity)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o600)
    return tmp_path


def chain() -> dict[str, Any]:
    """Return the first place in the chain of the agreement."""
    return {"agreement": "agreement 7", "kind": "full", "sequence": 1}


@pytest.mark.slow
def test_page_about_checking_every_command_works_as_it_stands(
    run: Run, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command line of docs/verifying_sealed.md runs on a deposit and accepts it."""
    monkeypatch.chdir(place)
    commands = re.findall(r"^\$ (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(commands) == 7
    for command in commands:
        program, *arguments = shlex.split(command)
        if program == "portability":
            done = run(*arguments)
        else:
            shell = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=False)
            done = Done(shell.returncode, shell.stdout, shell.stderr)
        assert done.code == 0, f"{command}: {done.out}{done.err}"
    assert list((place / "private").iterdir()) == []


def test_schema_in_the_docs_is_the_one_that_is_shipped() -> None:
    """docs/sealed_manifest.schema.json and the package's are one."""
    assert (ROOT / "docs/sealed_manifest.schema.json").read_bytes() == manifest_schema()
