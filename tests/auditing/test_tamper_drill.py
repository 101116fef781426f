"""The drill: a thousand random tamperings of a chain, by somebody who owns the database file."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest

from portability.auditing import NewEntry, append, checkpoint, verify_chain
from portability.auditing.chain import Rows, judge
from portability.catalogue import Catalogue
from portability.catalogue.audit_tables import AuditRow, iter_checkpoints
from portability.catalogue.operator_tables import iter_operator_steps
from portability.signing import Trust
from tests.auditing.conftest import Person
from tests.auditing.tampering import TAMPERINGS, read_rows, write_rows

ENTRY = NewEntry(action="export", actor="bob", purpose="a trial", basis="contract")
TRIALS = 1_000
IN_THE_FILE = 30  # of them, also written into the database and judged from there


@pytest.mark.slow
def test_thousand_random_tamperings_are_all_found_with_their_first_bad_entry(
    catalogue: Catalogue, sqlite_url: str, people: dict[str, Person], trust: Trust
) -> None:
    """Edits, flips, deletions, swaps, cuts and insertions; half of them with every later hash computed again."""
    for _ in range(4):
        with catalogue.transaction() as transaction:
            for number in range(25):
                append(transaction, NewEntry(**{**vars(ENTRY), "details": {"rows": number}}))
        checkpoint(catalogue, people["ann"].key)
    path = Path(sqlite_url.removeprefix("sqlite:///"))
    original = read_rows(path)
    with catalogue.reading() as transaction:
        checkpoints, steps = tuple(iter_checkpoints(transaction)), tuple(iter_operator_steps(transaction))
    chance = random.Random(20261122)
    found: Counter[str] = Counter()
    for trial in range(TRIALS):
        name, whole = chance.choice(sorted(TAMPERINGS)), chance.random() < 0.5
        rows = [dict(row) for row in original]
        expected = TAMPERINGS[name](rows, chance, whole=whole)
        if trial < IN_THE_FILE:
            write_rows(path, rows)
            report = verify_chain(catalogue, trust)
        else:
            entries = [AuditRow(**row) for row in sorted(rows, key=lambda row: row["sequence"])]
            judged = Rows(catalogue=catalogue.id, entries=entries, checkpoints=checkpoints, steps=steps)
            report = judge(judged, trust)
        assert (report.is_whole, report.first_bad) == (False, expected), (trial, name, whole, report.faults)
        found[f"{name}{' with all later hashes' if whole else ''}"] += 1
    assert sum(found.values()) == TRIALS
    print(dict(sorted(found.items())))  # noqa: T201 -- the drill's record, with -s
