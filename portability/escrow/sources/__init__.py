"""Deposits of class source and access: from a job's payload to a bag that a stranger can build from, and back.

``prepare`` makes the bags that a job's deposit consists of, in a private folder; ``verify_source`` says of an opened
one what it is worth: everything present and right (V3), and that it builds without a network (V4).
"""

from __future__ import annotations

from portability.escrow.sources.building import BuildOutcome, Isolation
from portability.escrow.sources.preparing import PreparedBag, prepare
from portability.escrow.sources.verifying import SourceCheck, SourceReport, is_source_bag, verify_source

__all__ = [
    "BuildOutcome",
    "Isolation",
    "PreparedBag",
    "SourceCheck",
    "SourceReport",
    "is_source_bag",
    "prepare",
    "verify_source",
]
