"""Drills in the depositor's catalogue: one's own, and signed reports that recipients and agents sent of theirs."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from portability.catalogue import Catalogue, moment_text
from portability.catalogue.deposits import list_deposits
from portability.catalogue.receipts import DrillRow, record_drill
from portability.errors import FormatError, SignatureError
from portability.escrow.drills.statement import read_drill
from portability.limits import DEFAULT_LIMITS
from portability.sealing.contradictions import parse_time

if TYPE_CHECKING:
    from collections.abc import Collection

    from portability.catalogue.deposits import Deposit
    from portability.escrow.drills.report import DrillReport
    from portability.signing import Trust

__all__ = ["keep_drill", "keep_report"]


def keep_drill(catalogue: Catalogue, report: DrillReport, statement: bytes, signer: str) -> None:
    """Keep a drill: its report, the statement's exact bytes, the fingerprint of who signed them.

    Raises:
        CatalogueError: It cannot be written.
    """
    row = DrillRow(
        sha256=hashlib.sha256(statement).hexdigest(),
        agreement=report.agreement,
        sequence=report.deposits[-1].sequence,
        level=report.level,
        result=report.result,
        started_at=report.started_at,
        signer=signer,
        document=statement.decode(),
        recorded_at=moment_text(),
    )
    with catalogue.transaction() as transaction:
        record_drill(transaction, row)


def keep_report(catalogue: Catalogue, folder: Path, trust: Trust, agreements: Collection[str]) -> DrillReport:
    """Keep the report that somebody else's drill left in a folder, if it is signed and about our own deposits.

    Raises:
        ConfigError, FormatError, SignatureError: It is not there, no report, not signed by one who is trusted, or of
            deposits that are not those of the catalogue.
        CatalogueError: It cannot be written.
    """
    report, signer, statement = read_drill(folder, trust)
    with catalogue.reading() as transaction:
        ours = {(e.sequence, e.manifest_sha256): e for e in list_deposits(transaction, report.agreement)}
    drilled = [ours.get((each.sequence, each.manifest_sha256)) for each in report.deposits]
    if report.agreement not in agreements or None in drilled:
        raise SignatureError(
            "the drill is of deposits that this job did not make",
            place=str(folder),
            hint="Ask whoever sent it which depository it was tried on, and compare the manifests' hashes.",
        )
    _check_time(report, drilled[-1], folder)
    keep_drill(catalogue, report, statement, signer.fingerprint)
    return report


def _check_time(report: DrillReport, drilled: Deposit | None, folder: Path) -> None:
    """Refuse a drill that is dated ahead, which would put off the next one, or before there was a deposit to try."""
    began, sealed_at = parse_time(report.started_at), parse_time(drilled.sealed_at) if drilled else None
    slack = timedelta(seconds=DEFAULT_LIMITS.clock_skew_s)
    hint = "One of the clocks is wrong: whoever drilled sets theirs and drills again, or set this machine's."
    if began is None or began > datetime.now(UTC) + slack:
        raise FormatError("the drill is dated in the future", place=str(folder), hint=hint)
    if sealed_at is not None and began < sealed_at - slack:
        raise FormatError("the drill is dated before the deposit was sealed", place=str(folder), hint=hint)
