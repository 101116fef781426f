"""What to do about a finding, in a sentence, by its code."""

from __future__ import annotations

__all__ = ["ADVICE", "default_advice"]

ADVICE = {
    "E101": "Look for the files on backups and old drives; until then the record names a document that nobody has.",
    "E102": "Somebody with the old system’s file server should open these by hand and say whether they can be mended.",
    "E103": "Ask for an export with documents if you want them.",
    "E201": "Each value stands in reports/exceptions.parquet as the old system held it. Decide what it should be.",
    "L413": "Agree which client keeps the number before the new system is set up.",
    "L415": "Agree which matter keeps the number before the new system is set up.",
    "L416": "Correct the dates in the new system, or note that they are wrong in the records.",
    "L417": "Return the money or apply the residual balance procedure (SRA Accounts Rules 2.5 and 5.1).",
    "L419": "The person with conduct should confirm whether the undertaking was discharged, and when.",
    "L420": "Check the retention policy for these files before anything is destroyed.",
    "L421": "Stop: a file under legal hold is marked as destroyed. Find out what became of it.",
    "L424": "Value and rate were probably edited by hand. Nothing to do unless the time is still to be billed.",
    "L425": "Check these before the next bills go out, so that time is billed once.",
    "L428": "Often a rounding of the old system. Compare with the bill that the client was sent.",
    "L429": "Find the bill’s document; its lines are not in the records.",
    "L430": "Duplicate or missing bill numbers must be explained to an auditor. Note why they exist.",
    "L431": "Compare with the client’s account before the balance is chased in the new system.",
    "L435": "More was allocated than was paid. The accounts team should reverse one of the allocations.",
    "L436": "A bill has more allocated to it than its amount. The accounts team should look for a credit.",
    "L441": "The posting moves money between client and office books in one step. The accounts team should split it.",
    "L444": "A client ledger was overdrawn: a breach to record and, if material, to report (SRA Accounts Rule 5.3).",
    "L445": "The old system shows other running balances than the entries give. Trust the entries; ask why.",
    "L446": "Reconcile before opening balances are carried over (SRA Accounts Rule 8.3).",
    "L448": "Reconcile now if the account is still open (SRA Accounts Rule 8.3: at least every five weeks).",
    "L449": "Find the reconciliation on paper; the three figures should have been the same.",
    "L451": "Nobody will find these documents from a matter. File them, or note that they belong to none.",
    "L454": "The file is not the one that the old system registered. Open it and see whether it is the right one.",
    "L457": "Files that no record names. Look at a few: they may belong to deleted records.",
    "L458": "Some attachments of these e-mails may never have been filed.",
    "L459": "No consequence, unless somebody relies on when the task was done.",
    "L460": "Correct the diary entry if it is still to come.",
    "L490": "Each row stands whole in quarantine/ with the reason. Decide what it lacks, or sign it off as it is.",
    "M101": "The text is kept with the record. Type it into the new system by hand where it matters.",
    "M102": "The record points at something that the old system no longer had. The old key is kept with the record.",
    "M103": "Each row stands whole in quarantine/ with the reason. Decide what it lacks, or sign it off as it is.",
}

_BY_SEVERITY = {
    "error": "A fault of the export, not of the firm’s data. Do not rely on the archive before its maker mends it.",
    "finding": "The firm’s own records are like this and were carried unchanged. Decide, and note the decision.",
}


def default_advice(severity: str) -> str:
    """Return what to do about a finding of which nothing more is known."""
    return _BY_SEVERITY.get(severity, "For information; nothing needs doing.")
