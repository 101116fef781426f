"""Pruning beside the register of requests: what an open request freezes is not deleted, and nothing says so."""

from __future__ import annotations

import json
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.escrow.receiving.conftest import AGENT, World, when
from tests.governing.shell import Shell

SETTINGS = "catalogue: sqlite:///agent.db\noperator: ada\noperator_key: ada\nevidence: evidence\n"
NEW = (
    'portability request new sra_intervention --field customer="alder & finch  llp" --field received_on=2026-11-20 '
    '--field intervening_practice="Ashdown LLP" --evidence request=letter.txt'
)


def _registered(world: World, folder: Path) -> Shell:
    """Make a catalogue with two operators, ada and bea."""
    (folder / "portability.yaml").write_text(SETTINGS, encoding="utf-8")
    shell = Shell(folder)
    for name in ("ada", "bea"):
        shell.ok(f"portability keys new {name} --kind signing")
    shell.ok("portability catalogue upgrade")
    roles = "--role administrator --role operator --role approver --role auditor"
    shell.ok(f"portability operator new ada --key ada.pub {roles} --bootstrap --sign ada")
    shell.ok("portability operator new bea --key bea.pub --role approver")
    (folder / "order.txt").write_text("order of the court\n", encoding="utf-8")
    world.deposit(1)
    world.receive(0.1)
    return shell


def test_hold_where_operators_are_registered_is_theirs(world: World, tmp_path: Path) -> None:
    """The register says who acts, whatever key is given; an approver ends what an operator began, unseen."""
    shell = _registered(world, tmp_path)
    common = f"--evidence order.txt --agreements {world.agreements} --memory {world.memory} --json"
    (tmp_path / "bea.yaml").write_text(SETTINGS.replace(": ada", ": bea"), encoding="utf-8")
    bea = "PORTABILITY_CONFIG=bea.yaml"
    assert shell.run(f"{bea} portability escrow hold place alder-data {common}").code == 17  # no operator
    (hold,) = json.loads(shell.ok(f"portability escrow hold place alder-data {common}"))["holds"]
    assert hold["placed_by"] == "ada"
    assert shell.run(f"portability escrow hold lift {hold['number']} {common}").code == 17
    shell.ok(f"{bea} portability escrow hold lift {hold['number']} {common}")
    assert "hold" not in shell.ok("portability audit show --json")


def test_open_request_that_freezes_deletion_keeps_everything(world: World, tmp_path: Path) -> None:
    """Before it three deposits would go; while it is open none, and the plan has no word about why."""
    for number in (1, 2, 3, 4):
        world.deposit(number, at=when(10 * (number - 1)))
        world.receive(10 * (number - 1) + 0.1)
    world.receive(398)  # the agent looked since: the clock has not leapt
    (tmp_path / "portability.yaml").write_text(SETTINGS, encoding="utf-8")
    (tmp_path / "letter.txt").write_text("Dear Sirs\n", encoding="utf-8")
    key = AGENT.signing.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    (tmp_path / "agent").write_bytes(key)
    (tmp_path / "agent").chmod(0o600)
    shell = Shell(tmp_path)
    shell.ok("portability keys new ada --kind signing")
    shell.ok("portability catalogue upgrade")
    roles = "--role administrator --role operator --role approver --role auditor"
    today = shell.ok("date +%F").strip()
    records = f"--agreement {today} --training {today}"
    shell.ok(f"portability operator new ada --key ada.pub {roles} {records} --bootstrap --sign ada")
    prune = (
        f"portability escrow prune {world.folder} --agreements {world.agreements} --memory {world.memory} "
        f"--at {when(400).isoformat()} --json"
    )
    before = json.loads(shell.ok(prune))
    assert before["plan"][0]["deleted"] == [3, 2, 1]
    shell.ok(NEW)
    frozen = shell.ok(prune)
    assert json.loads(frozen)["plan"][0]["deleted"] == []
    assert "intervention" not in frozen
    shell.ok(f"{prune} --execute --sign agent")
    assert len([path for path in (world.folder / "alder-data").iterdir() if path.is_dir()]) == 4
    assert '"escrow.prune"' in shell.ok("portability audit show --json")
    shell.ok('portability request record R-000001 withdrawn --field reason="over" --evidence withdrawal=letter.txt')
    shell.ok(f"{prune} --execute --sign agent")
    entries = shell.ok("portability audit show --json")
    assert entries.count('"escrow.erase"') == 3
