"""Drills in the depositor's catalogue: one's own, and signed reports that recipients and agents sent of theirs."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from portability.catalogue import Catalogue, moment_text
from portability.catalogue.deposits import list_deposits
from portability.catalogue.receipts import DrillRow, record_drill
from portability.errors import SignatureError
from portability.escrow.drills.statement import read_drill

if TYPE_CHECKING:
    from collections.abc import Collection

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
        ours = {(each.agreement, each.manifest_sha256) for each in list_deposits(transaction, report.agreement)}
    if report.agreement not in agreements or any(
        (report.agreement, d.manifest_sha256) not in ours for d in report.deposits
    ):
        raise SignatureError(
            "the drill is of deposits that this job did not make",
            place=str(folder),
            hint="Ask whoever sent it which depository it was tried on, and compare the manifests' hashes.",
        )
    keep_drill(catalogue, report, statement, signer.fingerprint)
    return report
