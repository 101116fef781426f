"""Who the server is, and who we are: pins, keys, the agent, passwords, the way through a jump host."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from portability.depositories import DepositoryConfig, JumpHost, PutRequest, SshLogin, open_depository
from portability.errors import ConfigError, DepositoryError, DepositoryRefusedError
from tests.depositories.password_server import PASSWORD, PasswordServer
from tests.depositories.sshd import Sshd, _program


def _works(config: DepositoryConfig) -> bool:
    with open_depository(config) as depository:
        return depository.put(PutRequest(name="agreement/x", source=b"x")).size_bytes == 1


def _fingerprint(key: Path) -> str:
    done = subprocess.run([_program("ssh-keygen"), "-lf", str(key)], capture_output=True, text=True, check=True)
    return done.stdout.split()[1]


@pytest.mark.parametrize("form", ["known_hosts line", "key", "fingerprint", "hashed line"])
def test_host_key_pinned_in_each_form_is_accepted(sshd: Sshd, form: str) -> None:
    """As ssh-keyscan prints it, as the .pub file has it, as ssh-keygen -l prints it, and with a hashed name."""
    kind, encoded, _ = sshd.host_key_line.split()
    pin = {
        "known_hosts line": f"[127.0.0.1]:{sshd.port} {kind} {encoded}",
        "key": f"{kind} {encoded}",
        "fingerprint": _fingerprint(sshd.host_key),
        "hashed line": f"|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= {kind} {encoded}",
    }[form]
    assert _works(sshd.config(login=replace(sshd.login, host_keys=(pin,))))


@pytest.mark.parametrize("as_fingerprint", [False, True])
def test_host_key_that_is_not_pinned_ends_it_and_is_shown(sshd: Sshd, *, as_fingerprint: bool) -> None:
    """The error shows the fingerprint that came; nothing was sent, and trying again does not help."""
    other = sshd.key.with_suffix(".pub")
    pin = _fingerprint(other) if as_fingerprint else other.read_text(encoding="utf-8")
    with pytest.raises(DepositoryRefusedError, match="not pinned") as raised:
        _works(sshd.config(login=replace(sshd.login, host_keys=(pin,))))
    assert _fingerprint(sshd.host_key) in raised.value.message
    assert not raised.value.retryable
    assert list(sshd.root.iterdir()) == []


def test_host_key_of_a_kind_the_server_has_not_is_refused(sshd: Sshd) -> None:
    """A pin of another kind is asked for first; when the server has none, that is said."""
    other = sshd.make_key(f"ecdsa-{os.urandom(4).hex()}", kind="ecdsa")
    with pytest.raises(DepositoryRefusedError):
        _works(
            sshd.config(login=replace(sshd.login, host_keys=(other.with_suffix(".pub").read_text(encoding="utf-8"),)))
        )


@pytest.mark.parametrize(
    "pins", [(), ("",), ("what",), ("ssh-ed25519",), ("ssh-ed25519 ???",), ("@cert-authority * ssh-ed25519 AAAA",)]
)
def test_host_key_missing_or_no_key_is_a_configuration_error(sshd: Sshd, pins: tuple[str, ...]) -> None:
    """There is no trust on first use."""
    with pytest.raises(ConfigError, match="host"):
        _works(sshd.config(login=replace(sshd.login, host_keys=pins)))


def test_login_with_a_key_that_is_not_admitted_is_refused(sshd: Sshd) -> None:
    """The error names the account and what was tried, never the key."""
    stranger = sshd.make_key(f"stranger-{os.urandom(4).hex()}")
    with pytest.raises(DepositoryRefusedError, match="refuses the login") as raised:
        _works(sshd.config(login=replace(sshd.login, key=stranger)))
    assert sshd.user in raised.value.message
    assert not raised.value.retryable


def test_login_without_any_way_is_a_configuration_error(sshd: Sshd) -> None:
    """A login that names neither key nor agent nor password cannot be."""
    with pytest.raises(ConfigError, match="no way to log in"):
        _works(sshd.config(login=replace(sshd.login, key=None)))
    with pytest.raises(ConfigError, match="host_keys"):
        _works(sshd.config(login=None))


@pytest.fixture
def locked(sshd: Sshd) -> Path:
    """Return an admitted key that is encrypted."""
    key = sshd.make_key(f"locked-{os.urandom(4).hex()}", passphrase="open sesame")
    sshd.admit(key)
    return key


def test_login_with_an_encrypted_key_takes_the_passphrase_as_it_is_given(
    sshd: Sshd, locked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a variable, a private file, or asked for; a wrong one and a missing one are told apart from a refusal."""
    login = replace(sshd.login, key=locked)
    monkeypatch.setenv("DROP_PASSPHRASE", "open sesame")
    assert _works(sshd.config(login=replace(login, key_passphrase="${DROP_PASSPHRASE}")))
    file = tmp_path / "passphrase"
    file.touch(mode=0o600)
    file.write_text("open sesame\n", encoding="utf-8")
    assert _works(sshd.config(login=replace(login, key_passphrase_file=file)))
    with open_depository(sshd.config(login=login), passphrase=lambda _: "open sesame") as depository:
        depository.probe()
    monkeypatch.setenv("DROP_PASSPHRASE", "wrong")
    for given in (replace(login, key_passphrase="${DROP_PASSPHRASE}"), login):
        with pytest.raises(ConfigError, match="passphrase"):
            _works(sshd.config(login=given))


@pytest.mark.parametrize("field", ["password", "key_passphrase"])
def test_secret_in_the_configuration_is_refused_and_not_repeated(sshd: Sshd, locked: Path, field: str) -> None:
    """A secret is named, never given."""
    login = replace(sshd.login, key=locked if field == "key_passphrase" else None)
    given = {"password": replace(login, password="hunter2"), "key_passphrase": replace(login, key_passphrase="hunter2")}
    with pytest.raises(ConfigError, match="must not stand in the configuration") as raised:
        _works(sshd.config(login=given[field]))
    assert "hunter2" not in f"{raised.value}{raised.value.hint}"


def test_secret_file_that_others_can_read_is_refused(sshd: Sshd, tmp_path: Path) -> None:
    """As with every passphrase file."""
    file = tmp_path / "password"
    file.write_text("x", encoding="utf-8")
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="others can read"):
        _works(sshd.config(login=replace(sshd.login, key=None, password_file=file)))


@pytest.mark.usefixtures("agent")
def test_login_with_the_agent_finds_its_key(sshd: Sshd) -> None:
    """Any key that it holds, or the one whose public half is named; one that it does not hold is refused."""
    login = replace(sshd.login, key=None, agent=True)
    assert _works(sshd.config(login=login))
    assert _works(sshd.config(login=replace(login, key=sshd.key.with_suffix(".pub"))))
    with pytest.raises(DepositoryRefusedError):
        _works(sshd.config(login=replace(login, key=sshd.host_key.with_suffix(".pub"))))


def test_login_with_a_password_works_and_a_wrong_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that knows passwords only, and has an RSA host key."""
    with PasswordServer() as server:
        login = SshLogin(host_keys=(server.host_key_line,), password="${DROP_PASSWORD}")
        config = DepositoryConfig(name="agent", url=f"sftp://drop@127.0.0.1:{server.port}/", login=login)
        monkeypatch.setenv("DROP_PASSWORD", PASSWORD)
        assert _works(config)
        assert server.disk.contents()["agreement/x"] == b"x"
        monkeypatch.setenv("DROP_PASSWORD", "wrong")
        with pytest.raises(DepositoryRefusedError, match="refuses the login") as raised:
            _works(config)
        assert "wrong" not in f"{raised.value}{raised.value.hint}"
        monkeypatch.delenv("DROP_PASSWORD")
        with pytest.raises(ConfigError, match="DROP_PASSWORD is not set"):
            _works(config)


def test_jump_host_leads_to_the_server(sshd: Sshd) -> None:
    """Both hosts are pinned, and both logged in to; a jump host that leads nowhere is named."""
    jump = JumpHost(url=f"ssh://{sshd.user}@127.0.0.1:{sshd.port}", login=sshd.login)
    with Sshd() as inner:
        assert _works(inner.config(jump=jump, connections=2))
        assert (inner.root / "agreement/x").read_bytes() == b"x"
        wrong = replace(jump, login=replace(jump.login, host_keys=(inner.host_key_line,)))
        with pytest.raises(DepositoryRefusedError, match="not pinned"):
            _works(inner.config(jump=wrong))
        gone = inner.config(jump=jump)
    with pytest.raises(DepositoryRefusedError, match="jump host"):
        _works(gone)


@pytest.mark.parametrize(
    "url",
    [
        "sftp://drop:hunter2@escrow.example/x",
        "sftp://escrow.example/x",
        "sftp://drop@escrow.example:port/x",
        "s3://bucket/prefix",
        "s3://drop:hunter2@bucket/prefix",
        "gs://bucket",
        "ftp://drop@escrow.example/x",
        "directory:relative",
        "",
    ],
)
def test_address_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    """Object storage too, with a sentence that says why."""
    with pytest.raises(ConfigError) as raised, open_depository(DepositoryConfig(name="agent", url=url)):
        pass
    assert "hunter2" not in f"{raised.value}{raised.value.hint}"


def test_server_that_is_not_there_may_be_tried_again(sshd: Sshd) -> None:
    """A port where nobody listens is told as such, and is retryable."""
    with Sshd() as other:
        config = other.config()
    with pytest.raises(DepositoryError, match="cannot be reached") as raised:
        _works(config)
    assert raised.value.retryable
    del sshd
