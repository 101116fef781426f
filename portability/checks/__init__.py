"""The verifier: is this an archive, is it whole, and is it what it says?

``verify`` checks an archive at one of three levels and always returns a Report; ``require`` turns a report without
errors into a VerifiedArchive and raises for any other. ``rule_findings`` runs the rules for the export's own report.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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

_HOMES = {
    "codes": ("LEVELS", "SEALED_LEVELS", "SEVERITIES", "Code", "load_codes"),
    "report": ("Report", "StepRecord"),
    "rules": ("rule_findings",),
    "verifier": ("STEPS", "refuse_errors", "require", "verify"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 -- as above
    """Import what is asked for (PEP 562): an export runs the rules, and has no use for the verifier."""
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
