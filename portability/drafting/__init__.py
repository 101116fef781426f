"""Profiles in the making: a first draft for a database that nobody has described, and what a profile still lacks.

``draft_profile`` writes a profile whose every guess is marked; ``check_profile`` tells all problems of a profile at
once, against a source when one is given.
"""

from portability.drafting.checking import CheckResult, TableCoverage, check_profile, require_fit
from portability.drafting.draft import Draft, draft_profile
from portability.drafting.findings import Problem
from portability.drafting.notes import Guess

__all__ = [
    "CheckResult",
    "Draft",
    "Guess",
    "Problem",
    "TableCoverage",
    "check_profile",
    "draft_profile",
    "require_fit",
]
