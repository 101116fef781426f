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

from fixtures.sealing import Person, trust_line
from portability.cli.escrow_agent import receive_command
from portability.depositories import DepositoryConfig, open_depository, publish
from portability.errors import CheckFailedError, ConfigError
from portability.escrow.receiving.mirroring import Mirrored, load_depository, mirror
from portability.signing.trust import parse_trust
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


def _mirror(world: World, folder: Path, *agreements: str) -> Mirrored:
    trust = parse_trust(world.trust.read_bytes(), "vendors")
    config = DepositoryConfig(name="shelf", url=f"directory:{folder}")
    with open_depository(config) as depository:
        return mirror(depository, world.folder, agreements=agreements, trust=trust)


@pytest.fixture
def shelf(world: World, tmp_path: Path) -> Path:
    """A depository that somebody else runs, with one deposit, and nothing of it at the agent."""
    world.deposit(1)
    shutil.move(world.folder, tmp_path / "shelf")
    world.folder.mkdir()
    return tmp_path / "shelf"


def test_mirror_copies_only_what_the_signed_manifest_lists_to_its_size(world: World, shelf: Path) -> None:
    """A file that is not listed, or longer than it may be, fills no disk; what is missing then fails the deposit."""
    (shelf / NAME / "000001/huge").write_bytes(b"x" * 100_000)
    segment = next((shelf / NAME / "000001/segments").iterdir())
    segment.write_bytes(segment.read_bytes() + b"x" * 100_000)
    done = _mirror(world, shelf, NAME)
    assert [(each.code, each.details) for each in done.findings] == [("A203", ("huge",))]
    assert sum(each.stat().st_size for each in world.path(1).rglob("*") if each.is_file()) < 100_000
    assert [each.result for each in world.receive(0.1).receipts] == ["fail"]


def test_mirror_of_an_untrusted_signature_takes_nothing_but_it(world: World, shelf: Path) -> None:
    """A manifest that anybody signed says nothing about how much is taken; it fails with its own code."""
    world.trust.write_text(trust_line(Person("other")), encoding="utf-8")
    _mirror(world, shelf, NAME)
    assert sorted(each.name for each in world.path(1).iterdir()) == ["manifest.json", "manifest.json.sig"]
    (receipt,) = world.receive(0.1).receipts
    assert "X125" in {each.code for each in receipt.findings}


def test_mirror_one_agreement_that_cannot_be_copied_keeps_no_other_back(world: World, shelf: Path) -> None:
    """A manifest that is a folder stops its own agreement, by name; the next is copied."""
    other = shelf / "aa-first/000001"
    shutil.copytree(shelf / NAME / "000001", other)
    (other / "manifest.json").unlink()
    (other / "manifest.json").mkdir()
    done = _mirror(world, shelf, "aa-first", NAME)
    assert done.copied == (f"{NAME}/000001",)
    assert [(each.code, each.place) for each in done.findings] == [("A214", "shelf: aa-first")]


def test_depository_file_with_an_unknown_field_names_it(tmp_path: Path) -> None:
    """A field that no depository has is refused by its line."""
    path = tmp_path / "depository.yaml"
    path.write_text("name: x\nurl: directory:/x\npasword: y\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="not a field") as caught:
        load_depository(path)
    assert caught.value.place == f"{path}:3: pasword"
