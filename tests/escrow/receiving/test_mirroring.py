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
from portability.catalogue import open_catalogue
from portability.catalogue.deposits import list_deposits
from portability.cli.escrow_agent import receive_command
from portability.depositories import DepositoryConfig, open_depository, publish
from portability.errors import CheckFailedError, ConfigError
from portability.escrow.receiving.fetching import fetch_receipts
from portability.escrow.receiving.mirroring import Mirrored, load_depository, mirror
from portability.escrow.receiving.receipts import receipt_path
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
    _publish(world, sshd, 1, 2)
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


def test_second_receipts_go_back_to_the_server_and_the_vendor_takes_them(
    world: World, sshd: Sshd, tmp_path: Path
) -> None:
    """Failed by the agent's own files, mended, judged again: the further receipt goes back, once, and counts."""
    _publish(world, sshd, 1, 2)
    good = world.agreements.read_text(encoding="utf-8")
    world.agreements.write_text(good.replace("deposit_within: 8d", "deposit_within: 2d"), encoding="utf-8")
    source = _file(sshd, tmp_path)
    failed = _receive(world, source, 1.5)
    assert [each["result"] for each in json.loads(failed.stdout)["receipts"]] == ["fail", "fail"]
    first = (sshd.root / NAME / "000002.receipt.json").read_bytes()
    world.agreements.write_text(good, encoding="utf-8")
    done = _receive(world, source, 1.6)
    assert done.exit_code == 0, done.output
    there = sshd.root / NAME
    assert sorted(each.name for each in there.glob("*.receipt*.json.sig")) == [
        f"00000{number}.receipt{ending}.json.sig" for number in (1, 2) for ending in ("-2", "")
    ]
    assert (there / "000002.receipt.json").read_bytes() == first
    assert (there / "000002.receipt-2.json").read_bytes() == receipt_path(world.folder, NAME, 2, 2).read_bytes()
    calm = _receive(world, source, 1.7)
    assert calm.exit_code == 0, calm.output
    assert json.loads(calm.stdout)["receipts"] == []
    url = f"sqlite:///{tmp_path / 'vendor.db'}"
    world.record(url, 1, 2)
    with open_catalogue(url) as catalogue, open_depository(sshd.config()) as depository:
        agents = parse_trust(trust_line(AGENT).encode(), "agents")
        fetched = fetch_receipts(catalogue, NAME, [depository], agents)
        outcomes = [(1, "fail"), (2, "fail"), (1, "pass"), (2, "pass")]
        assert [(each.sequence, each.outcome) for each in fetched] == outcomes
        with catalogue.reading() as transaction:
            assert [each.state for each in list_deposits(transaction, NAME)] == ["VERIFIED", "CURRENT"]


def test_receive_again_from_a_server_when_the_signer_is_trusted_at_last(
    world: World, sshd: Sshd, tmp_path: Path
) -> None:
    """What nobody trusted had signed was not copied; once the key is trusted all of it is, and it is judged again."""
    _publish(world, sshd, 1)
    good = world.trust.read_bytes()
    world.trust.write_text(trust_line(Person("other")), encoding="utf-8")
    source = _file(sshd, tmp_path)
    failed = _receive(world, source, 0.5)
    (receipt,) = json.loads(failed.stdout)["receipts"]
    assert (receipt["result"], {each["code"] for each in receipt["findings"]}) == ("fail", {"X125"})
    world.trust.write_bytes(good)
    done = _receive(world, source, 0.6)
    assert done.exit_code == 0, done.output
    assert [each["result"] for each in json.loads(done.stdout)["receipts"]] == ["pass"]
    assert (sshd.root / NAME / "000001.receipt-2.json.sig").is_file()


def _publish(world: World, sshd: Sshd, *numbers: int) -> None:
    """Put deposits of the chain on the server; the agent has none of them."""
    with open_depository(sshd.config(name="elsewhere")) as depository:
        for number in numbers:
            publish(depository, world.deposit(number), f"{NAME}/{number:06d}")
    shutil.rmtree(world.folder / NAME)


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
