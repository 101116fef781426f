"""Level v1, without any key: the manifest says what a manifest may say, and the recipients are those agreed."""

from __future__ import annotations

import functools
import json
from importlib import resources
from typing import TYPE_CHECKING

from jsonschema import Draft202012Validator

from portability.checks.sealed.case import SealedStep
from portability.sealing.contradictions import iter_contradictions
from portability.sealing.manifest import MANIFEST_JSON

if TYPE_CHECKING:
    from portability.checks.sealed.case import SealedCase

__all__ = ["SCHEMA", "STEPS", "manifest_schema"]

SCHEMA = "sealed_manifest.schema.json"
_CODES = {
    "value": "X201",
    "segments": "X203",
    "plain": "X203",
    "recipients": "X204",
    "envelopes": "X205",
    "chain": "X206",
    "time": "X206",
}


@functools.cache
def manifest_schema() -> bytes:
    """Return the JSON Schema of manifest.json, as it is shipped."""
    return resources.files("portability.checks.sealed").joinpath(SCHEMA).read_bytes()


def _check_schema(case: SealedCase) -> None:
    validator = Draft202012Validator(json.loads(manifest_schema()))
    for error in validator.iter_errors(case.plain):
        # The path inside the document, never what stands there.
        case.log.add("X201", MANIFEST_JSON, [f"{error.json_path}: {error.validator}"])


def _check_contradictions(case: SealedCase) -> None:
    for found in iter_contradictions(case.manifest, case.limits):
        case.log.add(_CODES[found.kind], found.place, [found.detail])


def _check_recipients(case: SealedCase) -> None:
    agreed = case.request.recipients
    if agreed is None:
        return
    listed = {each.name: (each.kind, each.fingerprint) for each in case.manifest.recipients}
    wanted = {name: (key.kind, key.fingerprint) for name, key in agreed.items()}
    for name in sorted(listed.keys() | wanted.keys()):
        if name not in wanted:
            case.log.add("X211", MANIFEST_JSON, [f"{name} was not agreed"])
        elif name not in listed:
            case.log.add("X211", MANIFEST_JSON, [f"{name} is not among them"])
        elif listed[name] != wanted[name]:
            case.log.add("X211", MANIFEST_JSON, [f"{name} has another key: {listed[name][1]}"])


STEPS = (
    SealedStep(title="The manifest fits its JSON Schema", check=_check_schema),
    SealedStep(title="Segments, recipients, envelopes and chain agree with each other", check=_check_contradictions),
    SealedStep(title="The recipients are those that were agreed", check=_check_recipients, needs="recipients"),
)
