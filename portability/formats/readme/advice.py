"""Findings in plain English, by their code: what was found, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portability.manifest import Finding

__all__ = ["Advice", "advise"]


@dataclass(frozen=True)
class Advice:
    """What was found, as a heading for a number, and what to do."""

    what: str
    do: str


_WHOLE_ROW = "Each row stands whole in quarantine/ with the reason. Decide what it lacks, or sign it off as it is."

_ADVICE: Mapping[str, Advice] = {
    "E101": Advice(
        "Documents that the records name but that were not found",
        "Look for the files on backups and old drives; until then the record names a document that nobody has.",
    ),
    "E102": Advice(
        "Documents that could not be read",
        "Somebody with the old system’s file server should open these by hand and say whether they can be mended.",
    ),
    "E103": Advice("Documents left out of this export", "Ask for an export with documents if you want them."),
    "E201": Advice(
        "Values that no type can hold, such as a date of 0000-00-00",
        "Each stands in reports/exceptions.parquet as the old system held it. Decide what it should be.",
    ),
    "E202": Advice(
        "Remarks on the database: what this archive has not of it, or how it was read",
        "Ask whoever made the export whether anything named here is missed.",
    ),
    "E301": Advice(
        "This archive is a part of the database, on purpose",
        "data/scope.json says which part. Balances and totals of what is there in part only do not add up.",
    ),
    "E302": Advice(
        "References to what is outside that part",
        "Nothing to do: what they refer to was not to be released.",
    ),
    "L412": Advice("Contacts without a name", "Their other details are there. Name them, or merge them with another."),
    "L413": Advice("Clients whose number another client has too", "Agree which keeps it before the new system starts."),
    "L415": Advice("Matters whose number another matter has too", "Agree which keeps it before the new system starts."),
    "L416": Advice(
        "Matters closed before they were opened, or closed without a date",
        "Correct the dates in the new system, or note that they are wrong in the records.",
    ),
    "L417": Advice(
        "Closed matters that still hold client money",
        "Return the money, or follow the procedure for residual balances (SRA Accounts Rules 2.5 and 5.1).",
    ),
    "L419": Advice(
        "Undertakings whose status and date of discharge do not fit",
        "The person with conduct should say whether the undertaking was discharged, and when.",
    ),
    "L420": Advice(
        "Files whose date of destruction comes before it may",
        "Check the retention policy for these files before anything is destroyed.",
    ),
    "L421": Advice("Files under legal hold that are marked as destroyed", "Find out what became of them, today."),
    "L422": Advice("Charge-out rates below nothing", "Correct the rate before it is used in the new system."),
    "L424": Advice(
        "Time entries whose value is not their time at their rate",
        "They were probably edited by hand. Nothing to do unless the time is still to be billed.",
    ),
    "L425": Advice(
        "Time entries whose status and bill do not fit",
        "Check these before the next bills go out, so that time is billed once.",
    ),
    "L426": Advice(
        "Disbursements whose net and VAT do not make the gross",
        "Compare with the supplier’s invoice before the disbursement is billed.",
    ),
    "L427": Advice(
        "Bills whose parts do not make their total",
        "Compare with the bill that the client was sent; the total there is what is owed.",
    ),
    "L428": Advice(
        "Bills that are not the sum of their lines",
        "Often a rounding of the old system. Compare with the bill that the client was sent.",
    ),
    "L429": Advice("Issued bills without lines", "Find the bill’s document; its lines are not in the records."),
    "L430": Advice(
        "Issued bills without a number of their own",
        "Missing and repeated bill numbers must be explained to an auditor. Note why they exist.",
    ),
    "L431": Advice(
        "Bills whose outstanding amount is not what payments leave",
        "Compare with the client’s account before the balance is chased in the new system.",
    ),
    "L432": Advice("Bill lines whose net and VAT do not make the gross", "Compare with the bill that was sent."),
    "L433": Advice("Payments of nothing, or of less", "Probably corrections. The accounts team should say of what."),
    "L434": Advice(
        "Allocations from both a payment and a credit note, or from neither",
        "The accounts team should say what paid the bill.",
    ),
    "L435": Advice(
        "Payments of which more was allocated than was paid",
        "The accounts team should reverse one of the allocations.",
    ),
    "L436": Advice(
        "Bills with more allocated to them than their amount",
        "The accounts team should look for a credit that is due to the client.",
    ),
    "L437": Advice(
        "Write-offs that name several things, or none", "The accounts team should say what was written off."
    ),
    "L438": Advice(
        "Ledgers whose matter or side does not fit what they are",
        "Decide where they belong before opening balances are carried over.",
    ),
    "L439": Advice(
        "Accounts whose balance is not the sum of their entries",
        "Find the missing or doubled entries before the balance is carried over.",
    ),
    "L440": Advice("Postings that do not balance", "The accounts team should find the missing half of each."),
    "L441": Advice(
        "Postings that do not balance within client or office books",
        "Money moved between client and office books in one step. The accounts team should find the missing half.",
    ),
    "L442": Advice(
        "Ledger entries that are no plain debit or credit",
        "Both amounts, neither, or one below nothing. The accounts team should say what was meant.",
    ),
    "L443": Advice(
        "Ledger entries in another currency than their account",
        "Check the account’s currency before balances are carried over.",
    ),
    "L444": Advice(
        "Entries that took a client ledger into debit",
        "A breach of SRA Accounts Rule 5.3: to be recorded and, if material, reported.",
    ),
    "L445": Advice(
        "Entries at which the old system shows another running balance",
        "Trust the entries, and ask why the old system shows something else.",
    ),
    "L446": Advice(
        "Client ledgers and client cash books that differ",
        "Reconcile before opening balances are carried over (SRA Accounts Rule 8.3).",
    ),
    "L447": Advice(
        "Bank reconciliations that do not add up",
        "Find the reconciliation on paper and its unexplained difference.",
    ),
    "L448": Advice(
        "Client accounts not reconciled for more than five weeks",
        "Reconcile now if the account is still open (SRA Accounts Rule 8.3).",
    ),
    "L449": Advice(
        "Reconciliations in which cash book and client ledgers differ",
        "Find the reconciliation on paper: the figures should have been the same.",
    ),
    "L451": Advice(
        "Documents that hang on no matter, client, contact or e-mail",
        "Nobody will find them from a matter. File them, or note that they belong to none.",
    ),
    "L452": Advice("Document versions with the same number", "Open both and see which is the later."),
    "L454": Advice(
        "Files that are not as the old system registered them",
        "Size or checksum is another. Open the file and see whether it is the right one.",
    ),
    "L457": Advice("Files that no record names", "Look at a few: they may belong to records that were deleted."),
    "L458": Advice(
        "E-mails with another number of attachments than they say",
        "Some attachments of these e-mails may never have been filed.",
    ),
    "L459": Advice("Finished tasks without a time", "No consequence, unless somebody relies on when it was."),
    "L460": Advice("Diary entries that end before they start", "Correct the entry if it is still to come."),
    "L466": Advice("Access rights that do not say whose they are", "Set the right again in the new system, if wanted."),
    "L490": Advice("Rows in quarantine", _WHOLE_ROW),
    "M101": Advice(
        "Values that are not what their field wants, such as “ca. 1977” for a date",
        "The text is kept with the record. Type it into the new system by hand where it matters.",
    ),
    "M102": Advice(
        "References to something that the old system no longer had",
        "The old key is kept with the record. Nothing to do unless you know what it was.",
    ),
    "M103": Advice("Rows in quarantine, because they lack something required", _WHOLE_ROW),
}

_DO_BY_SEVERITY = {
    "error": "A fault of the export, not of the firm’s data. Do not rely on the archive before its maker mends it.",
    "finding": "The firm’s own records are like this and were carried unchanged. Decide, and note the decision.",
}


def advise(finding: Finding, own: Mapping[str, str]) -> Advice:
    """Return a finding in plain English.

    Args:
        finding: Its text is used where nothing more is known of its code; a rule's text says what should hold.
        own: What to do, by code, of somebody who knows better.
    """
    known = _ADVICE.get(finding.code)
    do = own.get(finding.code) or (known.do if known else _DO_BY_SEVERITY.get(finding.severity, "For information."))
    if known:
        return Advice(known.what, do)
    return Advice(f"Not so: {finding.text}" if finding.code.startswith("L") else finding.text, do)
