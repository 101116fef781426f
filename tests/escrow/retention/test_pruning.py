"""Deleting deposits at the agent: order, kills, holds, certificates."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from fixtures.sealing import SENDER, Person, trust_line
from portability.cli.escrow_agent import hold_group, prune_command
from portability.errors import ConfigError, ProcedureError, SignatureError
from portability.escrow.receiving.agreements import load_agreements
from portability.escrow.receiving.memory import open_memory
from portability.escrow.retention import pruning
from portability.escrow.retention.holds import lift_hold, place_hold
from portability.escrow.retention.pruning import PruneRequest, plan_pruning, prune
from portability.escrow.retention.requests import read_erasure_request, write_erasure_request
from portability.signing import signing_key_of
from portability.signing.trust import parse_trust
from portability.streams import sync_directory
from tests.escrow.receiving.conftest import NAME, World, when

FAR = 400


def _fill(world: World, count: int = 4) -> None:
    """Deposit each ten days, all received."""
    for n in range(1, count + 1):
        world.deposit(n, at=when(10 * (n - 1)))
        world.receive(10 * (n - 1) + 0.1)


def _request(world: World, **changes: Any) -> PruneRequest:  # noqa: ANN401
    fields: dict[str, Any] = {"memory": world.memory, "key": world.key, "now": when(FAR), **changes}
    return PruneRequest(folder=world.folder, agreements=load_agreements(world.agreements), **fields)


def _left(world: World) -> list[str]:
    return sorted(each.name for each in (world.folder / NAME).iterdir() if each.is_dir())


def test_plan_touches_nothing(world: World) -> None:
    """A plan says what would go, and every byte stays."""
    _fill(world)
    before = sorted((str(p), p.stat().st_mtime_ns) for p in world.folder.rglob("*"))
    (plan,) = plan_pruning(_request(world, key=None))
    assert [each.sequence for each in plan.deleted] == [3, 2, 1]
    assert sorted((str(p), p.stat().st_mtime_ns) for p in world.folder.rglob("*")) == before


def test_prune_deletes_what_was_planned_and_certifies_it(world: World, tmp_path: Path) -> None:
    """The old deposits are gone, the newest stays, stock ssh-keygen verifies the certificate, and nobody is alarmed."""
    _fill(world)
    done = prune(_request(world))
    assert _left(world) == ["000004"]
    (certificate,) = done.certificates
    document = json.loads(certificate.read_bytes())
    assert document["numbers"] == [1, 2, 3]
    agents = tmp_path / "agents"
    agents.write_text(trust_line(Person("agent")), encoding="utf-8")
    command: list[str | Path] = [
        "ssh-keygen",
        "-Y",
        "verify",
        "-f",
        agents,
        "-I",
        "agent@firm.example",
        "-n",
        "legal-portability-erasure",
    ]
    subprocess.run([*command, "-s", f"{certificate}.sig"], input=certificate.read_bytes(), check=True)
    assert world.receive(FAR).ok
    assert prune(_request(world)).deleted == ()


@pytest.mark.parametrize("step", range(1, 9))
def test_prune_killed_anywhere_leaves_no_broken_deposit_and_is_finished(
    world: World, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped at every deletion and sync, each committed deposit is whole, and the next run finishes and certifies."""
    _fill(world, 3)
    calls = 0

    def counted(wrapped: Any) -> Any:  # noqa: ANN401
        def call(*given: Any, **options: Any) -> Any:  # noqa: ANN401
            nonlocal calls
            calls += 1
            if calls == step:
                raise KeyboardInterrupt
            return wrapped(*given, **options)

        return call

    with monkeypatch.context() as patched:
        patched.setattr(pruning, "sync_directory", counted(sync_directory))
        patched.setattr(shutil, "rmtree", counted(shutil.rmtree))
        with pytest.raises(KeyboardInterrupt):
            prune(_request(world))
    committed = [path for path in (world.folder / NAME).iterdir() if (path / "manifest.json.sig").is_file()]
    assert all((path / "manifest.json").is_file() and (path / "segments/000000.age").is_file() for path in committed)
    assert world.receive(FAR, again=True).ok
    done = prune(_request(world))
    assert _left(world) == ["000003"]
    assert [json.loads(each.read_bytes())["numbers"] for each in done.certificates] == [[1, 2]]


def test_prune_without_the_agents_key_is_refused(world: World) -> None:
    """Nobody deletes without signing for it."""
    _fill(world, 2)
    with pytest.raises(ProcedureError, match="only the agent prunes"):
        prune(_request(world, key=None))
    assert len(_left(world)) == 2


def test_prune_with_anothers_memory_deletes_nothing(world: World, tmp_path: Path) -> None:
    """A vendor who has the program and the folder, but not the agent's memory, has nothing to prune by."""
    _fill(world, 3)
    assert prune(_request(world, memory=tmp_path / "empty")).deleted == ()
    assert len(_left(world)) == 3


def test_prune_unwritable_place_names_it_and_the_next_run_goes_on(world: World) -> None:
    """A deposit whose folder is exchanged for a link is not followed."""
    _fill(world, 3)
    elsewhere = world.folder.parent / "elsewhere"
    world.path(2).rename(elsewhere)
    world.path(2).symlink_to(elsewhere)
    prune(_request(world))
    assert (elsewhere / "manifest.json").is_file()


def test_hold_keeps_deposits_and_shows_in_no_output(world: World, tmp_path: Path) -> None:
    """With a hold the same command says the same, byte by byte, but for what it no longer lists as going."""
    _fill(world)
    options = ["--agreements", world.agreements, "--memory", world.memory, "--at", when(FAR).isoformat()]
    arguments = [str(each) for each in (world.folder, *options)]
    order = tmp_path / "order.pdf"
    order.write_bytes(b"production order")
    place = ["place", NAME, "--sequence", "2", "--by", "ann", "--evidence", str(order), "--memory", str(world.memory)]
    assert CliRunner().invoke(hold_group, place).exit_code == 0
    text = CliRunner().invoke(prune_command, arguments)
    document = CliRunner().invoke(prune_command, [*arguments, "--json"])
    assert not re.search(r"hold|held|order|reason", text.output + document.output)
    assert json.loads(document.output)["plan"] == [{"agreement": NAME, "kept": [2, 4], "deleted": [3, 1]}]
    outward = {p.name: p.read_bytes() for p in (world.folder / NAME).iterdir() if p.is_file()}
    assert not any(re.search(rb"\b(held|holds?)\b", each) for each in outward.values())
    prune(_request(world))
    assert _left(world) == ["000002", "000004"]
    (certificate,) = (world.folder / NAME).glob("erasure-*.json")
    assert json.loads(certificate.read_bytes())["numbers"] == [1, 3]


def test_hold_is_lifted_by_another_person_only(world: World) -> None:
    """Two people for a hold's end; then its deposits go as all others."""
    _fill(world)
    with open_memory(world.memory) as memory:
        hold = place_hold(memory, NAME, (), by="ann", evidence_sha256="ab" * 32, now=when(1))
    assert prune(_request(world)).deleted == ()
    with open_memory(world.memory) as memory:
        with pytest.raises(ProcedureError, match="may not lift it"):
            lift_hold(memory, hold.number, by="ann", evidence_sha256="cd" * 32, now=when(2))
        lift_hold(memory, hold.number, by="ben", evidence_sha256="cd" * 32, now=when(2))
    assert len(prune(_request(world)).deleted) == 3


def test_request_by_the_depositor_counts_only_with_a_trusted_signature(world: World, tmp_path: Path) -> None:
    """A request is read when the agent trusts who signed it, and deletes nothing by itself."""
    _fill(world)
    path = tmp_path / "request.json"
    write_erasure_request(path, NAME, [1], "a wrong scope", key=signing_key_of(SENDER.signing), now=when(40))
    request, signer = read_erasure_request(path, parse_trust(world.trust.read_bytes(), "vendors"))
    assert (request.sequences, signer.principals) == ((1,), "sender@firm.example")
    assert len(_left(world)) == 4
    prune(_request(world, now=when(31), requested={NAME: frozenset(request.sequences)}))
    assert _left(world) == ["000002", "000003", "000004"]
    with pytest.raises(SignatureError):
        read_erasure_request(path, parse_trust(trust_line(Person("other")).encode(), "vendors"))


def test_two_runs_at_once_are_refused(world: World) -> None:
    """A receive and a prune do not run side by side."""
    _fill(world, 2)
    with open_memory(world.memory), pytest.raises(ConfigError, match="another run"):
        prune(_request(world, now=when(FAR) + timedelta(days=1)))
