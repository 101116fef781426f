"""The sealed chain: what is silent is there for who may know, and for nobody else is there any difference."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from portability.auditing import (
    NewEntry,
    append,
    append_silent,
    audited,
    iter_chain,
    read_silent,
    sealed_run,
    verify_chain,
)
from portability.catalogue import Catalogue, open_catalogue
from portability.catalogue.audit_tables import iter_slots
from portability.errors import CatalogueError, DecryptionError, TargetError
from portability.sealing.encryption import Identity, new_identity, recipient_of
from tests.auditing.conftest import Person, staffed
from tests.catalogue.raw import query

ENTRY = NewEntry(action="export", actor="bob", subject="request:PO-1", purpose="a trial", basis="legal_obligation")


@pytest.fixture
def officer() -> Identity:
    """Who may read the sealed chain."""
    return new_identity()


def _slots(catalogue: Catalogue) -> int:
    with catalogue.reading() as transaction:
        return sum(1 for _ in iter_slots(transaction))


def test_silent_entries_are_read_in_order_by_who_may(
    catalogue_url: str, people: dict[str, Person], officer: Identity
) -> None:
    """Short ones and ones that take many slots, with cover between them, on both DBMSs."""
    written: list[dict[str, Any]] = [{"step": "received", "number": 1}, {"note": "æ" * 9_000}, {"list": ["a", "b"]}]
    with staffed(catalogue_url, people) as catalogue:
        for document in written:
            with sealed_run(catalogue, [recipient_of(officer)]) as run, catalogue.transaction() as transaction:
                run.append(document, transaction=transaction)
        found = list(read_silent(catalogue, [officer]))
        assert [dict(entry.document) for entry in found] == written
        assert sorted(entry.at for entry in found) == [entry.at for entry in found]
        with pytest.raises(DecryptionError, match="no key at hand"):
            list(read_silent(catalogue, [new_identity()]))


def test_silent_work_leaves_nothing_in_the_audit_chain(catalogue: Catalogue, officer: Identity) -> None:
    """Neither start nor end, refused or done; the sealed chain has them."""
    before = list(iter_chain(catalogue))
    with sealed_run(catalogue, [recipient_of(officer)]) as run:
        with audited(catalogue, ENTRY, run=run, silent=True) as details:
            details["rows"] = 3
        with pytest.raises(TargetError), audited(catalogue, ENTRY, run=run, silent=True):
            raise TargetError("no")
    assert list(iter_chain(catalogue)) == before
    outcomes = [(entry.document["outcome"], entry.document["subject"]) for entry in read_silent(catalogue, [officer])]
    assert outcomes == [(each, "request:PO-1") for each in ("started", "done", "started", "failed")]


def test_silent_step_that_is_rolled_back_is_not_in_the_chain(catalogue: Catalogue, officer: Identity) -> None:
    """It is one transaction with what it records."""

    def fail() -> None:
        with catalogue.transaction() as transaction:
            append_silent(transaction, [recipient_of(officer)], {"step": "received"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert (_slots(catalogue), list(read_silent(catalogue, [officer]))) == (0, [])


def test_silent_entry_without_recipients_or_too_long_is_refused(catalogue: Catalogue, officer: Identity) -> None:
    """There is nobody for whom it could be sealed; or it is more than the chain takes."""
    with pytest.raises(CatalogueError, match="nobody for whom"):
        append_silent(catalogue, [], {"step": "received"})
    with pytest.raises(CatalogueError, match="longer than the limit"):
        append_silent(catalogue, [recipient_of(officer)], {"note": "x" * 300_000})
    with sealed_run(catalogue, []):
        pass
    assert _slots(catalogue) == 0


def test_slots_say_nothing_of_what_is_in_them(catalogue: Catalogue, officer: Identity) -> None:
    """One length of plaintext whatever is said; the few bytes of difference are age's own grease, of cover too."""
    lengths: dict[str, set[int]] = {"cover": set(), "entry": set()}
    recipients = [recipient_of(officer)]
    for _ in range(60):
        with sealed_run(catalogue, recipients):
            pass
        append_silent(catalogue, recipients, {"note": "x" * 3_000})
    silent = {entry.position for entry in read_silent(catalogue, [officer])}
    with catalogue.reading() as transaction:
        for slot in iter_slots(transaction):
            lengths["entry" if slot.position in silent else "cover"].add(len(slot.ciphertext))
            assert b"recipient" not in slot.ciphertext
    assert len(silent) == 60
    spread = {kind: (min(found), max(found)) for kind, found in lengths.items()}
    for low, high in spread.values():
        assert 4_096 < low <= high < 4_096 + 600
    assert abs(mean(lengths["entry"]) - mean(lengths["cover"])) < 60


def test_run_with_silent_entries_and_run_without_take_as_many_slots(
    tmp_path: Path, people: dict[str, Person], officer: Identity
) -> None:
    """Two and a random few each, whether something silent was recorded or not."""
    taken: dict[bool, Counter[int]] = {}
    for silent in (False, True):
        with staffed(f"sqlite:///{tmp_path / f'{silent}.db'}", people) as catalogue:
            taken[silent] = Counter()
            for _ in range(80):
                before = _slots(catalogue)
                with sealed_run(catalogue, [recipient_of(officer)]) as run:
                    if silent:
                        run.append({"outcome": "started"})
                        run.append({"outcome": "done"})
                taken[silent][_slots(catalogue) - before] += 1
    for found in taken.values():
        assert min(found) == 2
        assert 18 < found[2] < 62
        assert 2.2 < sum(slots * times for slots, times in found.items()) / 80 < 3.8


def test_catalogue_with_a_silent_entry_and_one_without_differ_in_no_visible_row(
    tmp_path: Path, people: dict[str, Person], officer: Identity
) -> None:
    """The same visible work beside it: the same numbers, rows and counts of everything but the sealed chain."""
    seen = []
    for silent in (False, True):
        url = f"sqlite:///{tmp_path / f'{silent}.db'}"
        with staffed(url, people) as catalogue:
            for _ in range(3):
                with sealed_run(catalogue, [recipient_of(officer)]) as run:
                    append(catalogue, ENTRY)
                    if silent:
                        run.append({"step": "received"})
            report = verify_chain(catalogue)
            visible = [(entry.sequence, entry.action, entry.actor, entry.subject) for entry in iter_chain(catalogue)]
            tables = [row for (name,) in query(url, "SELECT name FROM sqlite_master") for row in [name]]
            counts = {
                name: query(url, f"SELECT count(*) FROM {name}")[0][0]
                for (name,) in query(url, "SELECT name FROM sqlite_master WHERE type = 'table'")
                if name != "sealed_slot"
            }
            seen.append((visible, sorted(tables), counts, report.entries, report.faults, report.notes))
    assert seen[0] == seen[1]


def test_slot_that_was_copied_elsewhere_is_found_by_who_reads(
    catalogue: Catalogue, sqlite_url: str, officer: Identity
) -> None:
    """A slot says inside where it belongs; whoever repeats one cannot make it a new entry."""
    from tests.catalogue.raw import execute  # noqa: PLC0415

    append_silent(catalogue, [recipient_of(officer)], {"step": "received"})
    execute(sqlite_url, "INSERT INTO sealed_slot SELECT 2, hash, hash, ciphertext FROM sealed_slot")
    with pytest.raises(CatalogueError, match="not what was written there"):
        list(read_silent(catalogue, [officer]))
    assert [fault.place for fault in verify_chain(catalogue).faults] == ["slot 2"]


def test_reading_of_a_closed_catalogue_begins_again(tmp_path: Path, officer: Identity) -> None:
    """What was sealed by one process is read by the next."""
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    with open_catalogue(url, upgrade=True) as catalogue:
        append_silent(catalogue, [recipient_of(officer)], {"step": "received"})
    with open_catalogue(url) as catalogue:
        assert [dict(entry.document) for entry in read_silent(catalogue, [officer])] == [{"step": "received"}]
