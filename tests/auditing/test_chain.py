"""The chain judged: what is whole, what was done to it, and what only a checkpoint or an anchor can tell."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from portability.auditing import (
    NewEntry,
    anchor_checkpoint,
    append,
    change_register,
    checkpoint,
    export_chain,
    read_anchors,
    require_whole,
    verify_chain,
    verify_file,
)
from portability.catalogue import Catalogue, open_catalogue
from portability.errors import ArchiveExistsError, CatalogueError, CheckFailedError, ConfigError, FormatError
from portability.signing import Trust
from tests.auditing.conftest import Person, staffed
from tests.auditing.tampering import TAMPERINGS, read_rows, rehash, write_rows
from tests.catalogue.raw import execute

ENTRY = NewEntry(action="export", actor="bob", purpose="a trial", basis="contract")


def _grown(catalogue: Catalogue, people: dict[str, Person], *, checkpoints: int = 3, each: int = 10) -> None:
    for _ in range(checkpoints):
        with catalogue.transaction() as transaction:
            for number in range(each):
                append(transaction, NewEntry(**{**vars(ENTRY), "details": {"rows": number}}))
        checkpoint(catalogue, people["ann"].key)


def _path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def test_chain_that_nobody_touched_is_whole(catalogue_url: str, people: dict[str, Person], trust: Trust) -> None:
    """On both DBMSs, with who signed and up to where."""
    with staffed(catalogue_url, people) as catalogue:
        _grown(catalogue, people)
        append(catalogue, ENTRY)
        report = verify_chain(catalogue, trust)
    assert (report.is_whole, report.entries, report.signed_until, report.checkpoints) == (True, 34, 33, 3)
    assert report.signers == (f"ann {people['ann'].key.fingerprint}",)
    assert report.notes == ("No checkpoint has signed the last entry yet.",)
    require_whole(report)


@pytest.mark.parametrize("whole", [False, True], ids=["plainly", "with-all-later-hashes"])
@pytest.mark.parametrize("name", TAMPERINGS)
def test_chain_that_was_tampered_with_is_found_with_its_first_bad_entry(
    catalogue: Catalogue, sqlite_url: str, people: dict[str, Person], name: str, *, whole: bool
) -> None:
    """A few of each kind; the drill of a thousand is the slow test."""
    _grown(catalogue, people)
    original = read_rows(_path(sqlite_url))
    chance = random.Random(f"{name}{whole}")
    for _ in range(8):
        rows = [dict(row) for row in original]
        expected = TAMPERINGS[name](rows, chance, whole=whole)
        write_rows(_path(sqlite_url), rows)
        report = verify_chain(catalogue)
        assert (report.is_whole, report.first_bad) == (False, expected), report.faults
        with pytest.raises(CheckFailedError, match="audit chain is broken") as caught:
            require_whole(report)
        assert caught.value.place == f"audit entry {expected}"


def test_rewriting_before_any_checkpoint_shows_only_as_a_note(catalogue: Catalogue, sqlite_url: str) -> None:
    """What nobody signed proves nothing, and the report says so."""
    append(catalogue, ENTRY)
    rows = read_rows(_path(sqlite_url))
    rows[-1]["document"] = rows[-1]["document"].replace("a trial", "another")
    rehash(rows, len(rows) - 1)
    write_rows(_path(sqlite_url), rows)
    report = verify_chain(catalogue)
    assert report.is_whole
    assert "could have rewritten everything" in report.notes[-1]


def test_database_file_put_back_to_an_earlier_day_is_found_by_the_anchor(
    catalogue: Catalogue, sqlite_url: str, people: dict[str, Person], trust: Trust, tmp_path: Path
) -> None:
    """Whole in itself; the copy outside knows better, and names the first entry that is gone."""
    anchors = tmp_path / "anchors.jsonl"
    _grown(catalogue, people, checkpoints=1)
    anchor_checkpoint(checkpoint(catalogue, people["ann"].key), anchors)
    execute(sqlite_url, "PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(_path(sqlite_url), tmp_path / "old.db")
    _grown(catalogue, people, checkpoints=1)
    anchor_checkpoint(checkpoint(catalogue, people["ann"].key), anchors)
    (tmp_path / "old.db").chmod(0o600)
    with open_catalogue(f"sqlite:///{tmp_path / 'old.db'}") as rolled_back:
        assert verify_chain(rolled_back, trust).is_whole
        report = verify_chain(rolled_back, trust, anchors=read_anchors(anchors))
        assert (report.is_whole, report.first_bad) == (False, 14)
        assert any("rolled back" in fault.message for fault in report.faults)
    assert verify_chain(catalogue, trust, anchors=read_anchors(anchors)).is_whole


def test_rewritten_chain_with_checkpoints_signed_again_is_found_by_trust_and_by_anchor(
    catalogue: Catalogue, sqlite_url: str, people: dict[str, Person], trust: Trust, tmp_path: Path
) -> None:
    """Whoever owns the database can sign anew with a key of their own; not with Ann's, nor in the anchors."""
    anchors = tmp_path / "anchors.jsonl"
    with catalogue.transaction() as transaction:
        for _ in range(10):
            append(transaction, ENTRY)
    anchor_checkpoint(checkpoint(catalogue, people["ann"].key), anchors)
    later = tmp_path / "later.jsonl"
    anchor_checkpoint(checkpoint(catalogue, people["ann"].key), later)
    rows = read_rows(_path(sqlite_url))
    rows[5]["document"] = rows[5]["document"].replace("a trial", "another")
    rehash(rows, 5)
    write_rows(_path(sqlite_url), rows)
    execute(sqlite_url, "DROP TRIGGER audit_checkpoint_no_delete", "DELETE FROM audit_checkpoint")
    checkpoint(catalogue, people["eve"].key)
    assert verify_chain(catalogue).is_whole
    distrusted = verify_chain(catalogue, trust)
    assert (distrusted.is_whole, distrusted.faults[0].place) == (False, "checkpoint 1")
    anchored = verify_chain(catalogue, anchors=read_anchors(anchors))
    assert (anchored.is_whole, anchored.first_bad) == (False, 6)
    # An anchor of a later checkpoint has the last entry's hash only: it vouches for all, and cannot name the one.
    anchored = verify_chain(catalogue, anchors=read_anchors(later))
    assert anchored.first_bad == 1
    assert "one behind it up to 13" in anchored.faults[0].message


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE audit_checkpoint SET document = replace(document, 'T', 'U') WHERE number = 2", "checkpoint 2"),
        ("UPDATE audit_checkpoint SET signature = (SELECT signature FROM audit_checkpoint) WHERE number = 2", "checkp"),
        ("DELETE FROM audit_checkpoint WHERE number = 2", "checkpoint 3"),
        ("UPDATE sealed_slot SET ciphertext = x'00' WHERE position = 1", "slot 1"),
        ("DELETE FROM operator_step WHERE number = 3", "audit entry 3"),
        (
            "UPDATE operator_step SET document = replace(document, 'operator', 'approver') WHERE number = 2",
            "operator s",
        ),
    ],
)
def test_checkpoints_slots_and_register_are_judged_too(
    catalogue: Catalogue, sqlite_url: str, people: dict[str, Person], statement: str, place: str
) -> None:
    """A row of any of the chains that was changed or removed by hand is named."""
    from portability.auditing import cover  # noqa: PLC0415
    from portability.sealing.encryption import new_identity, recipient_of  # noqa: PLC0415

    cover(catalogue, [recipient_of(new_identity())], 3)
    _grown(catalogue, people)
    tables = ("audit_checkpoint", "sealed_slot", "operator_step")
    execute(sqlite_url, *(f"DROP TRIGGER {table}_no_{what}" for table in tables for what in ("update", "delete")))
    execute(sqlite_url, statement)
    report = verify_chain(catalogue)
    assert not report.is_whole
    assert any(fault.place.startswith(place) for fault in report.faults), report.faults


def test_sealed_chain_cut_behind_a_checkpoint_is_found(
    catalogue: Catalogue, sqlite_url: str, people: dict[str, Person]
) -> None:
    """Checkpoints sign the last slot, in every catalogue alike."""
    from portability.auditing import cover  # noqa: PLC0415
    from portability.sealing.encryption import new_identity, recipient_of  # noqa: PLC0415

    cover(catalogue, [recipient_of(new_identity())], 3)
    _grown(catalogue, people, checkpoints=1)
    execute(sqlite_url, "DROP TRIGGER sealed_slot_no_delete", "DELETE FROM sealed_slot WHERE position = 3")
    assert [fault.place for fault in verify_chain(catalogue).faults] == ["sealed chain"]


def test_checkpoint_of_a_broken_chain_is_not_signed(
    catalogue: Catalogue, sqlite_url: str, people: dict[str, Person]
) -> None:
    """Nobody vouches for what does not follow."""
    _grown(catalogue, people, checkpoints=1)
    append(catalogue, ENTRY)
    append(catalogue, ENTRY)
    rows = read_rows(_path(sqlite_url))
    rows[-2]["document"] = rows[-2]["document"].replace("a trial", "another")
    write_rows(_path(sqlite_url), rows)
    with pytest.raises(CatalogueError, match="does not follow") as caught:
        checkpoint(catalogue, people["ann"].key)
    assert caught.value.place == f"audit entry {len(rows) - 1}"


def test_checkpoint_that_is_overdue_is_noted(catalogue: Catalogue, people: dict[str, Person]) -> None:
    """It said itself by when the next one was to be there."""
    checkpoint(catalogue, people["ann"].key, next_by=-timedelta(seconds=1))
    assert "was due by" in " ".join(verify_chain(catalogue).notes)


def test_entries_of_another_catalogue_are_not_this_ones(
    catalogue: Catalogue, sqlite_url: str, people: dict[str, Person], tmp_path: Path
) -> None:
    """A whole chain from elsewhere, checkpoints and all, is refused from its first entry on."""
    with staffed(f"sqlite:///{tmp_path / 'other.db'}", people) as other:
        _grown(other, people)
    _grown(catalogue, people)
    write_rows(_path(sqlite_url), read_rows(tmp_path / "other.db"))
    assert verify_chain(catalogue).first_bad == 1


def test_exported_chain_is_judged_like_the_catalogue(
    catalogue: Catalogue, people: dict[str, Person], trust: Trust, tmp_path: Path
) -> None:
    """Anyone can, without the catalogue; nothing is overwritten."""
    _grown(catalogue, people)
    file = tmp_path / "chain.jsonl"
    assert export_chain(catalogue, file) == 33
    report = verify_file(file, trust)
    assert (report.is_whole, report.entries, report.signed_until) == (True, 33, 33)
    with pytest.raises(ArchiveExistsError):
        export_chain(catalogue, file)
    content = file.read_text()
    file.write_text(content.replace("a trial", "another", 1))
    assert verify_file(file, trust).first_bad == 4
    file.write_text("".join(content.splitlines(keepends=True)[:-1]))
    assert verify_file(file, trust).first_bad == 33
    file.write_text(content[:-5])
    with pytest.raises(FormatError, match="no line"):
        verify_file(file, trust)


def test_anchor_that_was_half_written_is_dropped_and_the_next_one_stands(
    catalogue: Catalogue, people: dict[str, Person], tmp_path: Path
) -> None:
    """A run that was killed while it wrote leaves a file that can still be read, and written to."""
    anchors = tmp_path / "anchors.jsonl"
    anchor_checkpoint(checkpoint(catalogue, people["ann"].key), anchors)
    whole = anchors.read_bytes()
    anchors.write_bytes(whole + whole[:100])
    assert len(read_anchors(anchors)) == 1
    anchor_checkpoint(checkpoint(catalogue, people["ann"].key), anchors)
    assert [row.number for row in read_anchors(anchors)] == [1, 2]
    anchors.write_bytes(b"{}\n" + whole)
    with pytest.raises(ConfigError, match="no checkpoint") as caught:
        read_anchors(anchors)
    assert caught.value.place == f"{anchors}, line 1"


def test_register_that_was_changed_by_hand_lets_nobody_do_anything(
    catalogue: Catalogue, sqlite_url: str, people: dict[str, Person]
) -> None:
    """An administrator added by an edit is found before anybody acts."""
    with closing(sqlite3.connect(_path(sqlite_url))) as connection:
        connection.execute("DROP TRIGGER operator_step_no_update")
        connection.execute("UPDATE operator_step SET document = replace(document, 'approver', 'auditor')")
        connection.commit()
    with pytest.raises(CatalogueError, match="not as it was signed"):
        change_register(catalogue, "new", people["eve"].as_operator("viewer"), by="ann", key=people["ann"].key)
