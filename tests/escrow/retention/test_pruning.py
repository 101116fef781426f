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
from click.testing import CliRunner, Result
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from fixtures.sealing import SENDER, Person, trust_line
from portability.cli.escrow_agent import hold_group, prune_command
from portability.errors import ConfigError, ProcedureError, SignatureError
from portability.escrow.receiving.agreements import load_agreements
from portability.escrow.receiving.memory import open_memory
from portability.escrow.retention import pruning
from portability.escrow.retention.holds import Officer, lift_hold, list_holds, place_hold
from portability.escrow.retention.pruning import PruneRequest, plan_pruning, prune
from portability.escrow.retention.requests import read_erasure_request, write_erasure_request
from portability.signing import signing_key_of
from portability.signing.trust import parse_trust
from portability.streams import sync_directory
from tests.escrow.receiving.conftest import NAME, World, when

FAR = 400


def _fill(world: World, count: int = 4) -> None:
    """Deposit each ten days, all received, and nothing for a year."""
    for n in range(1, count + 1):
        world.deposit(n, at=when(10 * (n - 1)))
        world.receive(10 * (n - 1) + 0.1)
    world.receive(FAR - 2)  # the agent looked since: the clock has not leapt


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
    placed = _hold(world, "place", NAME, "--sequence", "2", "--evidence", order, "--sign", _key_file(tmp_path, "ann"))
    assert placed.exit_code == 0, placed.exception
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
        hold = place_hold(memory, NAME, (), by=_officer("ann"), evidence_sha256="ab" * 32, now=when(1))
    assert prune(_request(world)).deleted == ()
    with open_memory(world.memory) as memory:
        bens = Officer(name="Ann ", key=_officer("ben").key)
        anns = Officer(name="ben", key=_officer("ann").key)
        for same in (_officer("ann"), bens, anns):
            with pytest.raises(ProcedureError, match="may not lift it"):
                lift_hold(memory, hold.number, by=same, evidence_sha256="cd" * 32, now=when(2))
        lift_hold(memory, hold.number, by=_officer("ben"), evidence_sha256="cd" * 32, now=when(2))
    assert len(prune(_request(world)).deleted) == 3


def test_request_by_the_depositor_counts_only_with_a_trusted_signature(world: World, tmp_path: Path) -> None:
    """A request is read when the agent trusts who signed it, and deletes nothing by itself."""
    _fill(world)
    path = tmp_path / "request.json"
    write_erasure_request(path, NAME, [1], "a wrong scope", key=signing_key_of(SENDER.signing), now=when(40))
    agreements = load_agreements(world.agreements)
    request, signer = read_erasure_request(path, parse_trust(world.trust.read_bytes(), "vendors"), agreements)
    assert (request.sequences, signer.principals) == ((1,), "sender@firm.example")
    assert len(_left(world)) == 4
    prune(_request(world, now=when(31), requested={NAME: frozenset(request.sequences)}))
    assert _left(world) == ["000002", "000003", "000004"]
    with pytest.raises(SignatureError):
        read_erasure_request(path, parse_trust(trust_line(Person("other")).encode(), "vendors"), agreements)


def test_request_by_another_trusted_vendor_is_refused(world: World, tmp_path: Path) -> None:
    """Whom the agent trusts with one customer's deposits has nothing to say of another's."""
    _fill(world)
    mallory = Person("mallory")
    world.trust.write_text(trust_line(SENDER) + trust_line(mallory), encoding="utf-8")
    path = tmp_path / "request.json"
    write_erasure_request(path, NAME, [2, 3], "x", key=signing_key_of(mallory.signing), now=when(40))
    options = ["--agreements", world.agreements, "--memory", world.memory, "--request", path, "--trust", world.trust]
    done = CliRunner().invoke(prune_command, [str(each) for each in (world.folder, *options)])
    assert isinstance(done.exception, SignatureError)
    assert "is not sender@firm.example's" in done.exception.message


def test_prune_killed_before_the_signature_went_is_planned_anew(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hold or a freeze that came after the kill counts: what still has its signature is a deposit, and stays."""
    _fill(world)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pruning, "_delete", killed)
        with pytest.raises(KeyboardInterrupt):
            prune(_request(world))
    with open_memory(world.memory) as memory:
        place_hold(memory, NAME, (3,), by=_officer("ann"), evidence_sha256="ab" * 32, now=when(FAR))
    assert prune(_request(world, frozen=lambda _: True)).deleted == ()
    assert _left(world) == ["000001", "000002", "000003", "000004"]
    assert world.receive(FAR, again=True).ok
    assert [each["sequence"] for each in prune(_request(world)).deleted] == [2, 1]
    assert _left(world) == ["000003", "000004"]


def test_prune_killed_after_the_signature_went_waits_while_it_is_held(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left of a deposit under a hold is not deleted either; it goes when the hold ends."""
    _fill(world)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            prune(_request(world))
    with open_memory(world.memory) as memory:
        hold = place_hold(memory, NAME, (), by=_officer("ann"), evidence_sha256="ab" * 32, now=when(FAR))
    assert prune(_request(world)).deleted == ()
    assert (world.path(3) / "segments/000000.age").is_file()
    with open_memory(world.memory) as memory:
        lift_hold(memory, hold.number, by=_officer("ben"), evidence_sha256="cd" * 32, now=when(FAR))
    prune(_request(world))
    assert _left(world) == ["000004"]


def test_prune_by_a_clock_that_leapt_deletes_nothing(world: World) -> None:
    """Years ahead all windows would be empty at once; a run of receive by the same clock does not make it true."""
    _fill(world)
    for _ in range(2):
        with pytest.raises(ProcedureError, match="days past what was last received"):
            prune(_request(world, now=when(FAR + 1_000)))
        world.receive(FAR + 1_000)
    assert len(_left(world)) == 4


def _officer(name: str) -> Officer:
    return Officer(name=name, key=signing_key_of(Person(name).signing))


def _key_file(folder: Path, name: str) -> Path:
    path = folder / f"{name}_key"
    path.write_bytes(Person(name).signing.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return path


def _hold(world: World, *given: object) -> Result:
    options = ["--agreements", world.agreements, "--memory", world.memory]
    return CliRunner().invoke(hold_group, [str(each) for each in (*given, *options)])


def test_hold_commands_want_the_key_of_an_officer_and_a_known_agreement(world: World, tmp_path: Path) -> None:
    """A stranger's key places nothing, the one who placed lifts nothing, and a misspelt agreement is told."""
    _fill(world, 1)
    order = tmp_path / "order.pdf"
    order.write_bytes(b"order")
    with_ann = ("--evidence", order, "--sign", _key_file(tmp_path, "ann"))
    stranger = _hold(world, "place", NAME, "--evidence", order, "--sign", _key_file(tmp_path, "mallory"))
    assert isinstance(stranger.exception, ProcedureError)
    assert isinstance(_hold(world, "place", NAME, "--evidence", order).exception, ConfigError)
    unknown = _hold(world, "place", "no-such", *with_ann)
    assert isinstance(unknown.exception, ProcedureError)
    assert _hold(world, "place", "no-such", "--future", *with_ann).exit_code == 0
    (hold,) = json.loads(_hold(world, "place", NAME, "--json", *with_ann).stdout)["holds"]
    assert hold["placed_by"] == "ann"
    assert isinstance(_hold(world, "lift", hold["number"], *with_ann).exception, ProcedureError)
    with_ben = ("--evidence", order, "--sign", _key_file(tmp_path, "ben"))
    assert _hold(world, "lift", hold["number"], *with_ben).exit_code == 0
    with open_memory(world.memory) as memory:
        assert [each.agreement for each in list_holds(memory)] == ["no-such"]


def test_hold_lifted_without_a_right_signature_stands(world: World) -> None:
    """Whoever writes into the memory by hand ends no hold."""
    _fill(world, 1)
    with open_memory(world.memory) as memory:
        hold = place_hold(memory, NAME, (), by=_officer("ann"), evidence_sha256="ab" * 32, now=when(1))
        ben = _officer("ben").key.public_line
        line = {"kind": "lifted", "number": hold.number, "by": "ben", "key": ben, "at": "2026-03-04T00:00:00Z"}
        memory.append_hold({**line, "evidence_sha256": "cd" * 32, "signature": "none"})
        assert list_holds(memory) == (hold,)


def test_two_runs_at_once_are_refused(world: World) -> None:
    """A receive and a prune do not run side by side."""
    _fill(world, 2)
    with open_memory(world.memory), pytest.raises(ConfigError, match="another run"):
        prune(_request(world, now=when(FAR) + timedelta(days=1)))
