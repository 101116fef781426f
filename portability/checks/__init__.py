"""The verifier: is this an archive, is it whole, and is it what it says?

``verify`` checks an archive at one of three levels and always returns a Report; ``require`` turns a report without
errors into a VerifiedArchive and raises for any other. ``rule_findings`` runs the rules for the export's own report.
"""

from portability.checks.codes import LEVELS, SEALED_LEVELS, SEVERITIES, Code, load_codes
from portability.checks.report import Report, StepRecord
from portability.checks.rules import rule_findings
from portability.checks.verifier import STEPS, refuse_errors, require, verify

__all__ = [
    "LEVELS",
    "SEALED_LEVELS",
    "SEVERITIES",
    "STEPS",
    "Code",
    "Report",
    "StepRecord",
    "load_codes",
    "refuse_errors",
    "require",
    "rule_findings",
    "verify",
]
