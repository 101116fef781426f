"""Whoever has a vendor's login puts anything there: it is named, and keeps nobody else's deposits back."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from portability.errors import ConfigError
from portability.escrow.receiving import job, memory
from portability.escrow.receiving.memory import open_memory
from portability.limits import Limits
from tests.escrow.receiving.conftest import NAME, World, when

OTHER = "zz-other"


def _clear(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path


def _receipt_folder(world: World) -> None:
    _clear(world.folder / NAME / "000001.receipt.json").mkdir()


def _receipt_junk(world: World) -> None:
    (world.folder / NAME / "000001.receipt.json").write_text("junk", encoding="utf-8")


def _signature_folder(world: World) -> None:
    _clear(world.folder / NAME / "000001.receipt.json.sig").mkdir()


def _no_text(world: World) -> None:
    Path(os.fsdecode(os.fsencode(world.path(1)) + b"/x\xff")).write_bytes(b"x")


def _no_text_outside(world: World) -> None:
    Path(os.fsdecode(os.fsencode(world.folder) + b"/x\xff\x1b[2J")).write_bytes(b"x")


def _leftovers_file(world: World) -> None:
    (world.folder / NAME / ".leftovers").write_text("x", encoding="utf-8")
    (world.path(1) / "segments/x.part").write_text("x", encoding="utf-8")


HOSTILE: dict[str, tuple[Callable[[World], Any], str]] = {
    "a folder for a receipt": (_receipt_folder, "A205"),
    "junk for a receipt": (_receipt_junk, "A205"),
    "a folder for a receipt's signature": (_signature_folder, "A205"),
    "a name that is no text": (_no_text, "A203"),
    "a name that is no text, beside": (_no_text_outside, "A212"),
    "a file for the leftovers": (_leftovers_file, "A214"),
}


@pytest.mark.parametrize("before", [True, False], ids=["before it is received", "after"])
@pytest.mark.parametrize(("hostile", "code"), HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_thing_of_one_vendor_keeps_no_others_deposit_back(
    world: World, hostile: Callable[[World], Any], code: str, *, before: bool
) -> None:
    """Each is told by its code in every run, as JSON too, and the second customer gets a receipt."""
    world.agree(OTHER)
    world.deposit(1)
    if not before:
        world.receive(0.1)
    hostile(world)
    world.previous = None
    world.deposit(1, place=world.path(1, OTHER), chain={"agreement": OTHER})
    for moment in (0.2, 0.3, 0.4):
        done = world.receive(moment)
        assert code in {each.code for each in done.findings} | {f.code for r in done.receipts for f in r.findings} or (
            before and code == "A203"  # its receipt says fail; what failed when it came is not told again
        )
        json.dumps([vars(each) for each in done.findings]).encode("utf-8")
    assert (world.folder / OTHER / "000001.receipt.json.sig").is_file()


def test_leftovers_folder_that_is_a_link_is_not_followed(world: World) -> None:
    """What is put aside lands beside the deposit or nowhere, least of all in the agent's memory."""
    world.deposit(1)
    world.receive(0.1)
    (world.folder / NAME / ".leftovers").symlink_to(world.memory)
    (world.path(1) / "segments/x.part").write_text("evil", encoding="utf-8")
    done = world.receive(0.2)
    assert "A214" in {each.code for each in done.findings}
    assert {each.name for each in world.memory.iterdir()} == {".lock", "log.jsonl", "manifests"}


def test_memory_full_of_hostile_names_opens_again(world: World) -> None:
    """Long names in many deposits: each alarm is a short line, remembered once, and once when it is over."""
    for number in range(1, 6):
        world.deposit(number, at=when(number / 100))
    world.receive(2)
    for number in range(1, 6):
        for part in range(12):
            folder = world.path(number) / "/".join([f"{part:03d}" + "d" * 200] * 5)
            folder.mkdir(parents=True)
            (folder / "f").touch()
    log = world.memory / "log.jsonl"
    before = log.stat().st_size
    assert len([each for each in world.receive(2.1).findings if each.code == "A203"]) == 5
    assert log.stat().st_size - before < 5 * 400
    again = log.stat().st_size
    assert not world.receive(2.2).ok
    assert log.stat().st_size == again


def test_memory_refuses_a_line_that_it_would_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line or a whole that is too long is refused before it is written, and the memory opens as it was."""
    monkeypatch.setattr(memory, "DEFAULT_LIMITS", Limits(memory_line_bytes_max=400, memory_bytes_max=1_000))
    with open_memory(tmp_path / "memory") as opened:
        opened.append({"kind": "note", "text": "x"})
        with pytest.raises(ConfigError, match="limit of 400 bytes for a line"):
            opened.append({"kind": "note", "text": "x" * 400})
        for _ in range(4):
            opened.append({"kind": "note", "text": "x" * 50})
        with pytest.raises(ConfigError, match="limit of 1000 bytes"):
            opened.append({"kind": "note", "text": "x" * 250})
        assert opened.is_lost
    with open_memory(tmp_path / "memory") as opened:
        assert len(list(opened.records("note"))) == 5


def test_run_whose_memory_cannot_be_written_ends(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a memory nothing is signed: no receipt is there of what was not remembered."""
    world.deposit(1)
    monkeypatch.setattr(memory, "DEFAULT_LIMITS", Limits(memory_bytes_max=100))
    with pytest.raises(ConfigError, match="longer than the limit"):
        world.receive(0.1)
    assert not list((world.folder / NAME).glob("*.receipt.json"))


def test_deposit_that_cannot_be_judged_keeps_back_what_follows_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails for a moment does not make the next deposit one that follows from nothing."""
    world.deposit(1)
    world.deposit(2)

    def failing(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(job, "judge", failing)
        done = world.receive(1.1)
    assert (done.receipts, [each.code for each in done.findings]) == ((), ["A214"])
    assert [each.result for each in world.receive(1.2).receipts] == ["pass", "pass"]


def test_clock_that_leapt_is_told(world: World) -> None:
    """A run more than a month after the last says so once; a day later it is the time."""
    world.deposit(1)
    world.receive(0.1)
    assert [each.code for each in world.receive(400).findings] == ["A215"]
    assert world.receive(401).findings == ()
