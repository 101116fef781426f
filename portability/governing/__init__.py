"""Requests: somebody's claim to data, the steps that answer it, and the proof that none was left out.

``new_request`` and ``record_step`` record signed steps; ``require_release`` is the gate that every export and release
for a request passes; ``load_kinds`` says which kinds there are. See docs/requests.md.
"""

from __future__ import annotations

from portability.governing.events import Artefact, Event, Evidence, SignedEvent
from portability.governing.evidence import EvidenceStore, FolderStore, SealedStore
from portability.governing.gate import Authorisation, require_release
from portability.governing.kinds import Kind, load_kind, load_kinds
from portability.governing.recording import Actor, StepContent, new_request, record_step
from portability.governing.register import (
    BrokenRequest,
    Register,
    Request,
    SilentRegister,
    VisibleRegister,
    remember_kinds,
)

__all__ = [
    "Actor",
    "Artefact",
    "Authorisation",
    "BrokenRequest",
    "Event",
    "Evidence",
    "EvidenceStore",
    "FolderStore",
    "Kind",
    "Register",
    "Request",
    "SealedStore",
    "SignedEvent",
    "SilentRegister",
    "StepContent",
    "VisibleRegister",
    "load_kind",
    "load_kinds",
    "new_request",
    "record_step",
    "remember_kinds",
    "require_release",
]
