"""Who did what, why, and on which lawful basis: the audit chain, the sealed chain, and the operators who act.

``append`` and ``audited`` record. ``require`` and ``verify_step`` say who may. ``checkpoint``, ``verify_chain`` and
the anchors outside prove that nothing was changed since. See docs/audit.md and docs/operators.md.
"""

from __future__ import annotations

from portability.auditing.chain import ChainReport, Fault, require_whole, verify_chain
from portability.auditing.checkpoints import Checkpoint, anchor_checkpoint, checkpoint, read_anchors
from portability.auditing.entries import GENESIS, LAWFUL_BASES, Entry, NewEntry, Outcome, append
from portability.auditing.exporting import export_chain, iter_chain, verify_file
from portability.auditing.operators import (
    NOBODY,
    ROLES,
    Operator,
    OperatorRules,
    Register,
    Role,
    require_own_key,
    require_two,
)
from portability.auditing.register import change_register, read_register, require
from portability.auditing.running import audited
from portability.auditing.silence import SealedRun, SilentEntry, append_silent, cover, read_silent, sealed_run
from portability.auditing.steps import StepStatement, parse_step, sign_step, verify_step

__all__ = [
    "GENESIS",
    "LAWFUL_BASES",
    "NOBODY",
    "ROLES",
    "ChainReport",
    "Checkpoint",
    "Entry",
    "Fault",
    "NewEntry",
    "Operator",
    "OperatorRules",
    "Outcome",
    "Register",
    "Role",
    "SealedRun",
    "SilentEntry",
    "StepStatement",
    "anchor_checkpoint",
    "append",
    "append_silent",
    "audited",
    "change_register",
    "checkpoint",
    "cover",
    "export_chain",
    "iter_chain",
    "parse_step",
    "read_anchors",
    "read_register",
    "read_silent",
    "require",
    "require_own_key",
    "require_two",
    "require_whole",
    "sealed_run",
    "sign_step",
    "verify_chain",
    "verify_file",
    "verify_step",
]
