"""Keys: OpenSSH's files, encrypted ones, the agent; made so that ssh-keygen and age take them; never overwritten."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from portability.cli import _run
from portability.errors import ArchiveExistsError, ConfigError, DecryptionError, PortabilityError
from portability.keys import describe_key, new_age_identity, new_signing_key
from portability.signing import ARCHIVE_NAMESPACE, check_signature, load_signing_key
from portability.signing.trust import parse_trust
from tests.conftest import lacking
from tests.signing.conftest import PASSPHRASE, SshKeygen, run

CONTENT = b"content\n"
Agent = Callable[..., None]


def never(words: str) -> str:
    """Be asked for a passphrase where nobody should be."""
    raise AssertionError(words)


def test_load_signing_key_encrypted_asks_once_and_signs(ssh_keygen: SshKeygen) -> None:
    """The passphrase is asked for with the file's name, and only when there is one."""
    asked: list[str] = []

    def answer(words: str) -> str:
        asked.append(words)
        return PASSPHRASE

    key = load_signing_key(str(ssh_keygen.key("locked")), passphrase=answer)
    assert check_signature(CONTENT, key.sign(CONTENT, namespace="x"), namespace="x").fingerprint == key.fingerprint
    assert asked == [f"Passphrase for {ssh_keygen.key('locked')}"]
    load_signing_key(str(ssh_keygen.key("ann")), passphrase=never)


@pytest.mark.parametrize("passphrase", ["wrong", "", PASSPHRASE + " "])
def test_load_signing_key_wrong_passphrase_is_refused(ssh_keygen: SshKeygen, passphrase: str) -> None:
    """A sentence that repeats neither the passphrase nor the key."""
    with pytest.raises(ConfigError, match="the passphrase does not open the key"):
        load_signing_key(str(ssh_keygen.key("locked")), passphrase=lambda _: passphrase)
    with pytest.raises(ConfigError, match="encrypted and there is no passphrase"):
        load_signing_key(str(ssh_keygen.key("locked")))


@pytest.mark.parametrize("name", ["rsa", "p256"])
def test_load_signing_key_of_another_kind_is_refused_before_its_passphrase(ssh_keygen: SshKeygen, name: str) -> None:
    """Only Ed25519 signs here."""
    for path in (ssh_keygen.key(name), ssh_keygen.key(f"{name}.pub")):
        with pytest.raises(ConfigError, match="only Ed25519 keys sign here"):
            load_signing_key(str(path), passphrase=never)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o755])
def test_load_signing_key_that_others_can_read_is_refused(ssh_keygen: SshKeygen, tmp_path: Path, mode: int) -> None:
    """As ssh does; the mend stands in the hint."""
    (tmp_path / "key").write_bytes(ssh_keygen.key("ann").read_bytes())
    (tmp_path / "key").chmod(mode)
    with pytest.raises(ConfigError, match="others can read this private key") as caught:
        load_signing_key(str(tmp_path / "key"))
    assert caught.value.hint.startswith("chmod 600")


def test_load_signing_key_what_is_no_key_is_refused(ssh_keygen: SshKeygen, tmp_path: Path) -> None:
    """Nothing, a folder, a pipe, a long file, another format, a damaged key: each a sentence, none waits."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private = ssh_keygen.key("ann").read_bytes()
    contents = {"empty": b"", "text": b"hello\n", "pem": pem, "long": b"x" * 100_000, "cut": private[:200]}
    contents |= {"damaged": private.replace(private.splitlines()[2][:8], b"AAAAAAAA"), "binary": bytes(range(256))}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
        (tmp_path / name).chmod(0o600)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in (*contents, "pipe", ".", "nowhere"):
        with pytest.raises(ConfigError):
            load_signing_key(str(tmp_path / name))


def test_signing_key_shows_and_pickles_nothing(ssh_keygen: SshKeygen) -> None:
    """What is printed of it is its fingerprint."""
    key = load_signing_key(str(ssh_keygen.key("ann")))
    assert repr(key) == f"<SigningKey {key.fingerprint}>"
    assert not hasattr(key, "__dict__")
    with pytest.raises(TypeError):
        key.__reduce__()


def test_agent_signs_for_a_public_key(ssh_keygen: SshKeygen, ssh_agent: Agent) -> None:
    """A .pub file signs through the agent, byte for byte as the key itself would."""
    public = str(ssh_keygen.key("ann.pub"))
    with pytest.raises(ConfigError, match="does not have the private half"):
        load_signing_key(public)
    ssh_agent(ssh_keygen.key("bob"))
    ssh_agent(ssh_keygen.key("ann"))
    key = load_signing_key(public)
    assert key.sign(CONTENT, namespace="x") == ssh_keygen.sign("ann", CONTENT, namespace="x")


def test_agent_that_lost_or_locked_the_key_refuses(ssh_keygen: SshKeygen, ssh_agent: Agent) -> None:
    """The key was there at the start and is not at the end."""
    ssh_agent(ssh_keygen.key("ann"))
    key = load_signing_key(str(ssh_keygen.key("ann.pub")))
    run(["ssh-add", "-q", "-D"])
    with pytest.raises(ConfigError, match="the ssh-agent refuses"):
        key.sign(CONTENT, namespace="x")


def test_agent_that_is_missing_is_a_sentence(ssh_keygen: SshKeygen, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable, or one that leads nowhere."""
    for value in ("", "/nowhere/agent"):
        monkeypatch.setenv("SSH_AUTH_SOCK", value)
        with pytest.raises(ConfigError, match="ssh-agent"):
            load_signing_key(str(ssh_keygen.key("ann.pub")))


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00",
        b"\x00\x00\x00\x00",
        b"\xff\xff\xff\xff\x0c",
        b"\x00\x00\x00\x01\x05",
        b"\x00\x00\x00\x05\x0c\xff\xff\xff\xff",
        b"\x00\x00\x00\x09\x0c\x00\x00\x00\x01\xff\xff\xff\xff",
    ],
    ids=["nothing", "cut length", "empty", "endless", "failure", "endless keys", "endless key"],
)
def test_agent_that_answers_nonsense_is_a_sentence(
    ssh_keygen: SshKeygen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    """Whatever sits at the socket, it can neither hang nor fill us."""
    path = tmp_path / "agent"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        server.listen()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        monkeypatch.setenv("SSH_AUTH_SOCK", str(path))
        with pytest.raises(ConfigError, match="ssh-agent"):
            load_signing_key(str(ssh_keygen.key("ann.pub")))
        thread.join(10)


@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
def test_new_signing_key_is_one_of_openssh(tmp_path: Path, passphrase: str | None) -> None:
    """ssh-keygen reads both halves and signs with it; so do we; the files' modes are right whatever the umask."""
    before = os.umask(0)
    try:
        facts = new_signing_key(tmp_path / "key", comment="ann@firm.example", passphrase=passphrase)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert (tmp_path / "key.pub").read_text(encoding="utf-8") == f"{facts.public} ann@firm.example\n"
    read = run(["ssh-keygen", "-y", "-P", passphrase or "", "-f", str(tmp_path / "key")]).stdout.decode()
    assert read.split()[:2] == facts.public.split()
    listed = run(["ssh-keygen", "-l", "-f", str(tmp_path / "key.pub")]).stdout.decode()
    assert facts.fingerprint in listed
    assert "ann@firm.example" in listed
    signature = load_signing_key(str(tmp_path / "key"), passphrase=lambda _: passphrase or "").sign(b"", namespace="x")
    assert check_signature(b"", signature, namespace="x").fingerprint == facts.fingerprint
    assert (facts.is_encrypted, b"bcrypt" in _decoded(tmp_path / "key")) == (passphrase is not None,) * 2


def _decoded(path: Path) -> bytes:
    return base64.b64decode(b"".join(path.read_bytes().splitlines()[1:-1]))


def test_new_age_identity_is_one_of_age(tmp_path: Path) -> None:
    """age-keygen gives the same recipient, and age opens with it."""
    if shutil.which("age") is None:
        lacking("age")
    facts = new_age_identity(tmp_path / "key", comment="custodian one")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert run(["age-keygen", "-y", str(tmp_path / "key")]).stdout.decode().strip() == facts.public
    assert (tmp_path / "key.pub").read_text(encoding="utf-8") == f"{facts.public}\n"
    sealed = run(["age", "-r", facts.public], CONTENT).stdout
    assert run(["age", "-d", "-i", str(tmp_path / "key")], sealed).stdout == CONTENT


def test_new_age_identity_with_a_passphrase_needs_it(tmp_path: Path) -> None:
    """The file is an age file; its public half shows after the passphrase only."""
    facts = new_age_identity(tmp_path / "key", passphrase=PASSPHRASE)
    assert (tmp_path / "key").read_bytes().startswith(b"age-encryption.org/v1\n-> scrypt ")
    (shown,) = describe_key(tmp_path / "key", passphrase=lambda _: PASSPHRASE)
    assert (shown.public, shown.is_private, shown.is_encrypted) == (facts.public, True, True)
    with pytest.raises(DecryptionError, match="passphrase does not open"):
        describe_key(tmp_path / "key", passphrase=lambda _: "wrong")


@pytest.mark.parametrize("taken", ["key", "key.pub"])
def test_new_key_overwrites_nothing(tmp_path: Path, taken: str) -> None:
    """A file, or a link that leads nowhere, keeps its place; nothing else appears."""
    (tmp_path / taken).symlink_to(tmp_path / "nowhere")
    with pytest.raises(ArchiveExistsError):
        new_signing_key(tmp_path / "key")
    assert [path.name for path in tmp_path.iterdir()] == [taken]


def test_new_key_where_nothing_can_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A folder that is not there, and a comment of two lines."""
    with pytest.raises(ConfigError, match="cannot be written"):
        new_age_identity(tmp_path / "none" / "key")
    with pytest.raises(ConfigError, match="one line"):
        new_signing_key(tmp_path / "key", comment="a\nssh-ed25519 AAAA")
    assert list(tmp_path.iterdir()) == []


def test_new_key_on_a_full_disk_leaves_nothing(tmp_path: Path) -> None:
    """Half a key is removed again."""
    script = (
        "import resource, signal, sys; from pathlib import Path; from portability.keys import new_signing_key\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
        "new_signing_key(Path(sys.argv[1]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "key")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "the key cannot be written" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ann", "rsa", "p256", "locked"])
def test_describe_key_shows_what_ssh_keygen_shows(ssh_keygen: SshKeygen, name: str) -> None:
    """Private or public, locked or not: the same fingerprint, no passphrase needed."""
    listed = run(["ssh-keygen", "-l", "-f", str(ssh_keygen.key(f"{name}.pub"))]).stdout.decode()
    for path in (ssh_keygen.key(name), ssh_keygen.key(f"{name}.pub")):
        (facts,) = describe_key(path, passphrase=never)
        assert facts.fingerprint in listed
        assert facts.public == ssh_keygen.line(name)
        assert facts.is_private is (path.suffix != ".pub")
        assert facts.is_encrypted is (facts.is_private and name == "locked")


def test_describe_key_lists_recipients(tmp_path: Path) -> None:
    """A file of recipients, as age takes with -R."""
    made = [new_age_identity(tmp_path / name) for name in ("one", "two")]
    (tmp_path / "recipients").write_text("".join(f"# {key.path.name}\n{key.public}\n" for key in made))
    assert [key.public for key in describe_key(tmp_path / "recipients")] == [key.public for key in made]


def test_describe_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    """An age identity too."""
    new_age_identity(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(PortabilityError, match="others can read"):
        describe_key(tmp_path / "key")


@pytest.mark.parametrize(
    ("comment", "name"),
    [
        ("ann@firm.example", "ann@firm.example"),
        ("Ann Owen", "NAME"),
        ("", "NAME"),
        ('a"b', "NAME"),
        ("*", "NAME"),
        ("-x", "NAME"),
    ],
)
def test_new_signing_key_trust_line_is_one_of_a_trust_file(
    ssh_keygen: SshKeygen, tmp_path: Path, capsys: pytest.CaptureFixture[str], comment: str, name: str
) -> None:
    """Whatever the comment, the line that is printed can be read, trusts the key, and no pattern slips in."""
    assert _run(["keys", "new", str(tmp_path / "key"), "--kind", "signing", f"--comment={comment}", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (signer,) = parse_trust(document["trust_line"].encode(), "signers").signers
    assert (signer.principals, signer.key.line) == (name, document["public"])
    signature = load_signing_key(str(tmp_path / "key")).sign(CONTENT, namespace=ARCHIVE_NAMESPACE)
    options = ("-I", name, "-n", ARCHIVE_NAMESPACE)
    assert ssh_keygen.accepts(tmp_path, f"{document['trust_line']}\n", CONTENT, signature, *options)


@pytest.mark.parametrize(("kind", "words"), [("signing", "sign in your name"), ("age", "can never be opened again")])
def test_new_key_tells_what_losing_it_means(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, words: str
) -> None:
    """People and programs get the warning, and who should hold the key."""
    assert _run(["keys", "new", str(tmp_path / "text"), "--kind", kind]) == 0
    text = capsys.readouterr().out
    assert _run(["keys", "new", str(tmp_path / "json"), "--kind", kind, "--json"]) == 0
    warning = json.loads(capsys.readouterr().out)["warning"]
    for said in (text, warning):
        assert words in said
        assert "It belongs to" in said
    assert "not encrypted" in text


def test_show_public_key_of_a_stranger_commands_no_terminal(
    ssh_keygen: SshKeygen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A comment with control characters is not printed."""
    (tmp_path / "key.pub").write_text(f"{ssh_keygen.line('ann')} \x1b[2Jann\n", encoding="utf-8")
    assert _run(["keys", "show", str(tmp_path / "key.pub")]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("kind", ["new_signing_key", "new_age_identity"])
def test_new_key_killed_leaves_nothing_under_its_name(tmp_path: Path, kind: str) -> None:
    """A kill -9 before the key is on disk leaves no file that looks like one; the next run makes it."""
    script = (
        "import os, signal, sys; from pathlib import Path; from portability import keys\n"
        "os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"keys.{kind}(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "key")], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "key").exists()
    made = new_signing_key if kind == "new_signing_key" else new_age_identity
    made(tmp_path / "key")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["key", "key.pub"]
