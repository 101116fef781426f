"""Receipts and drills in the catalogue, on both DBMSs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from portability.catalogue import open_catalogue
from portability.catalogue.receipts import (
    DrillRow,
    ReceiptRow,
    list_drills,
    list_receipts,
    record_drill,
    record_receipt,
)
from portability.errors import CatalogueError
from tests.conftest import MakeDatabase

RECEIPT = ReceiptRow(
    agreement="alder",
    sequence=3,
    depository="shelf",
    manifest_sha256="ab" * 32,
    result="pass",
    level="v1",
    received_at="2026-11-20T09:00:00Z",
    signer="agent@escrow.example",
    document="{}",
    signature="-----",
    recorded_at="2026-11-20T10:00:00.000000Z",
)


@pytest.mark.parametrize("dbms", ["sqlite", "postgresql"])
def test_receipts_are_kept_once_and_never_replaced(dbms: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """The same receipt again is no news; another in its place is refused, unless it names it by hash."""
    url = f"sqlite:///{tmp_path / 'catalogue.db'}"
    if dbms == "postgresql":
        make: MakeDatabase = request.getfixturevalue("postgresql_url")
        url = make()
    drill = DrillRow(
        sha256="cd" * 32,
        agreement="alder",
        sequence=3,
        level="v4",
        result="WARNED",
        started_at="2026-11-21T09:00:00Z",
        signer="SHA256:x",
        document="{}",
        recorded_at="2026-11-21T10:00:00.000000Z",
    )
    failed = replace(drill, sha256="ef" * 32, result="FAILED", started_at="2026-11-22T09:00:00Z")
    with open_catalogue(url, upgrade=True) as catalogue:
        with catalogue.transaction() as transaction:
            assert record_receipt(transaction, RECEIPT)
            assert not record_receipt(transaction, RECEIPT)
            for each in (drill, failed, drill):
                record_drill(transaction, each)
        with pytest.raises(CatalogueError, match="another receipt"), catalogue.transaction() as transaction:
            record_receipt(transaction, replace(RECEIPT, document='{"result":"fail"}'), replaces_sha256="ab" * 32)
        with catalogue.reading() as transaction:
            assert list_receipts(transaction, "alder") == (RECEIPT,)
            assert list_receipts(transaction, "birch") == ()
            assert list_drills(transaction, "alder") == (drill,)
        newer = replace(RECEIPT, document='{"result":"fail"}', result="fail")
        with catalogue.transaction() as transaction:
            assert record_receipt(transaction, newer, replaces_sha256=hashlib.sha256(b"{}").hexdigest())
        with catalogue.reading() as transaction:
            assert list_receipts(transaction, "alder") == (newer,)
