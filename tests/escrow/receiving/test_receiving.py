"""The agent's side: what arrives is checked without keys, remembered, and signed for."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fixtures.sealing import AGREED, Person, trust_line
from portability.errors import ConfigError, SignatureError
from portability.escrow.receiving import job
from portability.escrow.receiving.findings import CODES
from portability.escrow.receiving.receipts import read_receipt, receipt_path
from portability.signing.trust import parse_trust
from tests.escrow.receiving.conftest import AGENT, NAME, World, text, when

Vendor = Callable[[World], Any]


def _codes(world: World, sequence: int) -> set[str]:
    found = read_receipt(world.folder, NAME, sequence, parse_trust(trust_line(AGENT).encode(), "agents"))
    assert found is not None
    return {each.code for each in found[0].findings if each.severity == "error"}


def test_receive_whole_chain_signs_a_receipt_for_each(world: World) -> None:
    """Three good deposits give three receipts that say pass, and the heads follow each other."""
    for sequence in (1, 2, 3):
        world.deposit(sequence)
    done = world.receive(2.5)
    assert [each.result for each in done.receipts] == ["pass"] * 3
    assert done.ok
    assert done.receipts[2].before["manifest_sha256"] == done.receipts[1].manifest_sha256
    assert _codes(world, 3) == set()


def test_receive_twice_changes_nothing(world: World) -> None:
    """The second run finds nothing new and leaves every byte as it is."""
    world.deposit(1)
    world.receive(0.5)
    before = {path: path.read_bytes() for path in world.folder.rglob("*") if path.is_file()}
    again = world.receive(0.6, again=True)
    assert (again.receipts, again.known, again.ok) == ((), 1, True)
    assert {path: path.read_bytes() for path in world.folder.rglob("*") if path.is_file()} == before


def test_receipt_is_verified_by_ssh_keygen(world: World, tmp_path: Path) -> None:
    """Stock ssh-keygen accepts the receipt for its namespace."""
    world.deposit(1)
    world.receive(0.5)
    path = receipt_path(world.folder, NAME, 1)
    agents = tmp_path / "agents"
    agents.write_text(trust_line(AGENT), encoding="utf-8")
    command: list[str | Path] = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        agents,
        "-I",
        "agent@firm.example",
        "-n",
        "legal-portability-receipt",
    ]
    subprocess.run([*command, "-s", f"{path}.sig"], input=path.read_bytes(), check=True, capture_output=True)


def test_receive_uncommitted_deposit_waits_then_names_it(world: World) -> None:
    """A deposit without its signature gets no receipt; after a day without change it is named."""
    (world.deposit(1) / "manifest.json.sig").unlink()
    fresh = world.receive(0, now=_now_of(world) + timedelta(hours=1))
    assert fresh.under_way == (f"{NAME}/000001",)
    stale = world.receive(0, now=_now_of(world) + timedelta(hours=30))
    assert [each.code for each in stale.findings] == ["A211"]
    assert not receipt_path(world.folder, NAME, 1).exists()


def _now_of(world: World) -> datetime:
    return datetime.fromtimestamp(world.path(1).stat().st_mtime, UTC)


def test_receive_leftovers_of_a_dead_upload_are_put_aside(world: World) -> None:
    """What an interrupted run left under a .part name is moved out of the deposit, which is then good; nothing goes."""
    world.deposit(1)
    (world.path(1) / "segments/000000.age.2.part").write_bytes(b"half")
    done = world.receive(0.5)
    assert done.ok
    assert [each.code for each in done.findings] == ["A213"]
    (aside,) = (world.folder / NAME / ".leftovers").iterdir()
    assert aside.read_bytes() == b"half"
    assert world.receive(1, again=True).findings == ()


def _sequence_elsewhere(world: World) -> None:
    world.deposit(2, place=world.path(3))


def _other_agreement(world: World) -> None:
    world.deposit(2, chain={"agreement": "birch-data"})


def _other_class(world: World) -> None:
    world.deposit(2, deposit_class="source")


def _other_threshold(world: World) -> None:
    world.deposit(2, threshold=2)


def _other_recipient(world: World) -> None:
    world.deposit(2, people=(AGREED[0], Person("mallory")))


def _no_base(world: World) -> None:
    world.deposit(2, chain={"kind": "differential", "base_sha256": "ab" * 32})


def _older_data(world: World) -> None:
    world.deposit(2, chain={"watermark": text(when(-3))})


def _long_silence(world: World) -> None:
    world.deposit(2, chain={"next_by": "2099-01-01T00:00:00Z"})


def _no_promise(world: World) -> None:
    world.deposit(2, chain={"next_by": None})


def _gap(world: World) -> None:
    world.deposit(2)
    shutil.rmtree(world.path(2))
    world.deposit(3)


def _replayed(world: World) -> None:
    shutil.copytree(world.path(1), world.path(2))


def _fork(world: World) -> None:
    world.deposit(2, chain={"previous_sha256": "cd" * 32})


def _rollback(world: World) -> None:
    world.deposit(1, at=when(1), place=world.path(2), seed="another first", chain={"previous_sha256": None})


def _stranger(world: World) -> None:
    world.deposit(2, signer=Person("mallory"))


def _other_place(world: World) -> None:
    world.deposit(2, signer=Person("sender"), namespace="legal-portability-archive")


WRONG: dict[str, tuple[Vendor, int, set[str]]] = {
    "number": (_sequence_elsewhere, 3, {"A101"}),
    "agreement": (_other_agreement, 2, {"A102", "X154"}),
    "class": (_other_class, 2, {"A104", "X154"}),
    "threshold": (_other_threshold, 2, {"A105"}),
    "recipients": (_other_recipient, 2, {"X211"}),
    "base": (_no_base, 2, {"A106"}),
    "watermark": (_older_data, 2, {"A107"}),
    "silence bought": (_long_silence, 2, {"A108"}),
    "no promise": (_no_promise, 2, {"A108"}),
    "gap": (_gap, 3, {"A109"}),
    "replay": (_replayed, 2, {"A101", "A113", "X151"}),
    "fork": (_fork, 2, {"X152"}),
    "rollback": (_rollback, 2, {"A101", "X152"}),
    "stranger": (_stranger, 2, {"X125"}),
    "other purpose": (_other_place, 2, {"X123"}),
}


@pytest.mark.parametrize(("vendor", "sequence", "codes"), WRONG.values(), ids=WRONG.keys())
def test_receive_wrong_deposit_fails_with_its_code(
    world: World, vendor: Vendor, sequence: int, codes: set[str]
) -> None:
    """Each wrong second deposit fails by name, is signed for as failed, and the first one stays as it was."""
    world.deposit(1)
    world.receive(0.5)
    vendor(world)
    done = world.receive(1.5)
    assert not done.ok
    assert _codes(world, sequence) == codes
    assert [each.result for each in done.receipts] == ["fail"]


def test_receive_unknown_agreement_fails(world: World) -> None:
    """A folder that nothing was agreed about gets a failed receipt, not a guess."""
    world.deposit(1, place=world.path(1, "birch-data"), chain={"agreement": "birch-data"})
    done = world.receive(0.5)
    assert {each.code for each in done.receipts[0].findings if each.severity == "error"} == {"A103"}


def test_receive_number_given_up_by_the_vendor_passes_with_a_warning(world: World) -> None:
    """A number may be left out when the chain itself is whole; it is said."""
    world.deposit(1)
    world.receive(0.5)
    world.deposit(3)
    (receipt,) = world.receive(2.5).receipts
    assert receipt.passed
    assert [each.code for each in receipt.findings] == ["A110"]


def test_receive_late_deposit_passes_with_a_warning(world: World) -> None:
    """A deposit after its promised time is good, and late."""
    world.deposit(1)
    world.receive(0.5)
    world.deposit(2, at=when(9))
    (receipt,) = world.receive(9.1).receipts
    assert receipt.passed
    assert [each.code for each in receipt.findings] == ["A111"]


def test_receive_after_a_fork_follows_the_true_chain(world: World) -> None:
    """What does not follow never becomes the head: the next true deposit is compared with the one before the fork."""
    first = world.deposit(1)
    world.receive(0.5)
    _fork(world)
    world.receive(1.5)
    world.previous = world.sha256(1)
    world.deposit(3)
    (receipt,) = world.receive(2.5).receipts
    assert receipt.passed
    assert first.is_dir()


def _edit_manifest(world: World) -> str:
    path = world.path(1) / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"full", b"fuel"))
    return "A201"


def _resign(world: World) -> str:
    shutil.rmtree(world.path(1))
    world.deposit(1, seed="rewritten", chain={"previous_sha256": None})
    return "A201"


def _other_signature(world: World) -> str:
    path = world.path(1) / "manifest.json.sig"
    path.write_bytes(path.read_bytes() + b"\n")
    return "A201"


def _delete(world: World) -> str:
    shutil.rmtree(world.path(1))
    return "A202"


def _cut(world: World) -> str:
    path = world.path(1) / "segments/000000.age"
    path.write_bytes(path.read_bytes()[:-1])
    return "A203"


def _add(world: World) -> str:
    (world.path(1) / "keys/mallory.age").write_bytes(b"junk")
    return "A203"


def _flip(world: World) -> str:
    path = world.path(1) / "segments/000000.age"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    return "A204"


def _edit_receipt(world: World) -> str:
    path = receipt_path(world.folder, NAME, 1)
    path.write_bytes(path.read_bytes().replace(b'"fail"', b'"pass"').replace(b'"pass"', b'"Pass"'))
    return "A205"


def _foreign_receipt(world: World) -> str:
    path = receipt_path(world.folder, NAME, 1).with_suffix(".json.sig")
    path.write_bytes(path.read_bytes()[:-40] + b"A" + path.read_bytes()[-39:])
    return "A205"


@pytest.mark.parametrize(
    "vendor",
    [_edit_manifest, _resign, _other_signature, _delete, _cut, _add, _flip, _edit_receipt, _foreign_receipt],
    ids=lambda each: each.__name__.strip("_"),
)
def test_history_changed_after_its_receipt_is_named(world: World, vendor: Callable[[World], str]) -> None:
    """Whoever exchanges, cuts or deletes what was received is caught by the agent's memory, keys or no keys."""
    world.deposit(1)
    world.deposit(2)
    world.receive(1.5)
    code = vendor(world)
    done = world.receive(2, again=True)
    assert {each.code for each in done.findings if each.severity == "error"} == {code}
    assert not done.ok


def test_receipt_lost_by_a_kill_is_written_again_as_it_was(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run killed after it remembered and before it wrote is finished by the next, with the same bytes and time."""
    world.deposit(1)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(job, "write_receipt", killed)
        with pytest.raises(KeyboardInterrupt):
            world.receive(0.5)
    assert not receipt_path(world.folder, NAME, 1).exists()
    world.receive(3)
    found = read_receipt(world.folder, NAME, 1, parse_trust(trust_line(AGENT).encode(), "agents"))
    assert found is not None
    assert found[0].received_at == text(when(0.5))


def test_receipt_by_another_key_is_refused(world: World) -> None:
    """A receipt counts only when one whom the depositor trusts has signed it."""
    world.deposit(1)
    world.receive(0.5)
    with pytest.raises(SignatureError):
        read_receipt(world.folder, NAME, 1, parse_trust(trust_line(Person("other")).encode(), "agents"))


def test_memory_edited_by_a_byte_is_refused_by_line(world: World) -> None:
    """The memory is believed only while each line follows from the one before."""
    world.deposit(1)
    world.deposit(2)
    world.receive(1.5)
    log = world.memory / "log.jsonl"
    log.write_bytes(log.read_bytes().replace(b'"sequence":1', b'"sequence":7', 1))
    with pytest.raises(ConfigError, match="was altered") as caught:
        world.receive(2)
    assert caught.value.place == f"{log}:2"


def test_memory_with_a_torn_last_line_goes_on(world: World) -> None:
    """Half a line of a killed run is dropped: nothing was built on it."""
    world.deposit(1)
    world.receive(0.5)
    log = world.memory / "log.jsonl"
    whole = log.read_bytes()
    log.write_bytes(whole + b'{"kind":"rece')
    assert world.receive(1).ok
    assert log.read_bytes() == whole


def test_memory_inside_the_depository_is_refused(world: World) -> None:
    """What is to catch the vendor must not lie where the vendor writes."""
    with pytest.raises(ConfigError, match="must not lie where deposits do"):
        world.receive(0, memory=world.folder / "memory")


def test_every_code_is_in_the_agents_guide() -> None:
    """A person who reads a code finds it explained."""
    guide = (Path(__file__).parents[3] / "docs/escrow_agent.md").read_text(encoding="utf-8")
    assert [code for code in CODES if f"| {code} |" not in guide] == []
