"""A depository behind a real sshd that somebody else runs: copied, received, receipts put back."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from portability.cli.escrow_agent import receive_command
from portability.depositories import open_depository, publish
from portability.errors import CheckFailedError, ConfigError
from portability.escrow.receiving.mirroring import load_depository
from tests.depositories.sshd import Sshd
from tests.escrow.receiving.conftest import AGENT, NAME, World, when


@pytest.fixture
def sshd() -> Iterator[Sshd]:
    """A private sshd without a right to delete."""
    with Sshd() as server:
        yield server


def _file(sshd: Sshd, tmp_path: Path) -> Path:
    config = sshd.config(name="elsewhere")
    login = config.login
    assert login is not None
    plain = {
        "name": config.name,
        "url": config.url,
        "login": {"host_keys": list(login.host_keys), "key": str(login.key)},
    }
    path = tmp_path / "depository.yaml"
    path.write_text(json.dumps(plain), encoding="utf-8")  # JSON is YAML
    return path


def _receive(world: World, source: Path, days: float) -> Result:
    key = world.memory.parent / "agent"
    key.write_bytes(AGENT.signing.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    key.chmod(0o600)
    options = ["--trust", world.trust, "--agreements", world.agreements, "--memory", world.memory, "--sign", key]
    arguments = [world.folder, *options, "--from", source, "--at", when(days).isoformat(), "--json"]
    return CliRunner().invoke(receive_command, [str(each) for each in arguments])


def test_receive_from_a_server_copies_signs_and_puts_receipts_back(world: World, sshd: Sshd, tmp_path: Path) -> None:
    """Two deposits behind sshd: copied once, receipts there, a change there named against the copy."""
    with open_depository(sshd.config(name="elsewhere")) as depository:
        for number in (1, 2):
            publish(depository, world.deposit(number), f"{NAME}/{number:06d}")
    shutil.rmtree(world.folder / NAME)
    source = _file(sshd, tmp_path)
    done = _receive(world, source, 1.5)
    assert done.exit_code == 0, done.output
    assert [each["result"] for each in json.loads(done.stdout)["receipts"]] == ["pass", "pass"]
    there = sshd.root / NAME / "000002.receipt.json"
    assert there.read_bytes() == (world.folder / NAME / "000002.receipt.json").read_bytes()
    again = _receive(world, source, 1.6)
    assert json.loads(again.stdout)["receipts"] == []
    manifest = sshd.root / NAME / "000001/manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b"full", b"fuel"))
    changed = _receive(world, source, 1.7)
    assert isinstance(changed.exception, CheckFailedError)
    assert [each["code"] for each in json.loads(changed.stdout)["findings"]] == ["A201"]
    copy = (world.folder / NAME / "000001/manifest.json").read_bytes()
    assert hashlib.sha256(copy).hexdigest() != hashlib.sha256(manifest.read_bytes()).hexdigest()


def test_depository_file_with_an_unknown_field_names_it(tmp_path: Path) -> None:
    """A field that no depository has is refused by its line."""
    path = tmp_path / "depository.yaml"
    path.write_text("name: x\nurl: directory:/x\npasword: y\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not a field") as caught:
        load_depository(path)
    assert caught.value.place == f"{path}:3: pasword"
