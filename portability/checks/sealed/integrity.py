"""Level v0, without any key: every byte is the one that was signed, by somebody who is trusted.

The order is that of belief: what lies there, the signature over the manifest's exact bytes, the signer, the manifest,
and only then the files that it lists.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from portability.checks.sealed.case import SealedStep
from portability.errors import SealError
from portability.sealing.container import open_container
from portability.sealing.contradictions import iter_contradictions, parse_time
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE, VERSION
from portability.sealing.reading import canonical_json, known_version, manifest_of, parse_json
from portability.signing import SEALED_NAMESPACE, Refusal, SignatureRefusedError, check_signature, judged_at

if TYPE_CHECKING:
    from portability.checks.sealed.case import SealedCase
    from portability.sealing.manifest import SealedFile

__all__ = ["STEPS"]

_FAULTS = {
    "link": "X102",
    "special": "X103",
    "name": "X104",
    "too many": "X105",
    "header": "X106",
    "twice": "X107",
    "order": "X108",
    "cut": "X109",
    "trailing": "X110",
}
_REFUSALS = {
    Refusal.MALFORMED: "X121",
    Refusal.UNSUPPORTED: "X122",
    Refusal.OTHER_NAMESPACE: "X123",
    Refusal.WRONG: "X124",
    Refusal.UNKNOWN_SIGNER: "X125",
    Refusal.OTHER_PRINCIPAL: "X125",
    Refusal.NOT_FOR_NAMESPACE: "X126",
    Refusal.NOT_YET_VALID: "X127",
    Refusal.EXPIRED: "X127",
    Refusal.FROM_THE_FUTURE: "X128",
}
_LISTING = {"path": "X136", "files": "X137"}


def _check_container(case: SealedCase) -> None:
    try:
        case.container = case.stack.enter_context(open_container(case.root, case.limits))
    except SealError:
        case.log.add("X101", case.root.name)
        return
    names = case.container.files.keys()
    if not names and case.container.form == "directory":
        case.log.add("X101", case.root.name, [f"{MANIFEST_JSON} is missing"])
        return
    for fault in case.container.faults:
        case.log.add(_FAULTS[fault.kind], fault.place)
    if 0 <= case.container.files.get(MANIFEST_JSON, -1) <= case.limits.json_bytes_max:
        # What a statement is about that ends here; whatever goes on is about the bytes that are verified below.
        case.facts["manifest_sha256"] = case.sha256(MANIFEST_JSON)
    if MANIFEST_JSON not in names:
        case.log.add("X111", MANIFEST_JSON)
    elif MANIFEST_SIGNATURE not in names:
        case.log.add("X112", MANIFEST_SIGNATURE)
    case.totals |= {"files": len(names), "octets": sum(case.container.files.values())}


def _check_signature(case: SealedCase) -> None:
    sizes = case.container.files
    bounds = {MANIFEST_JSON: case.limits.json_bytes_max, MANIFEST_SIGNATURE: case.limits.signature_bytes_max}
    for name, bound in bounds.items():
        if sizes[name] > bound:
            case.log.add("X113", name, [f"{sizes[name]} bytes"])
            return
    case.manifest_bytes, signature = case.read(MANIFEST_JSON), case.read(MANIFEST_SIGNATURE)
    case.facts["manifest_sha256"] = hashlib.sha256(case.manifest_bytes).hexdigest()
    try:
        case.signature = check_signature(case.manifest_bytes, signature, namespace=SEALED_NAMESPACE)
    except SignatureRefusedError as error:
        case.log.add(_REFUSALS[error.reason], MANIFEST_SIGNATURE, [error.message])
        return
    case.facts["signing_key"] = case.signature.fingerprint


def _check_signer(case: SealedCase) -> None:
    if case.request.policy is None:
        case.log.add("X129", MANIFEST_SIGNATURE, [case.signature.fingerprint])
        return
    try:
        case.request.policy.named(case.signature)
    except SignatureRefusedError as error:
        case.log.add(_REFUSALS[error.reason], MANIFEST_SIGNATURE, [error.message])


def _check_manifest(case: SealedCase) -> None:
    try:
        case.plain = parse_json(case.manifest_bytes, case.limits)
    except SealError as error:
        case.log.add("X131", MANIFEST_JSON, [error.message])
        return
    if not _is_canonical(case):
        case.log.add("X132", MANIFEST_JSON)
        return
    known, version = known_version(case.plain)
    if not known:
        case.log.add("X133", MANIFEST_JSON, [version])
        return
    try:
        case.manifest = manifest_of(case.plain)
    except SealError as error:
        case.log.add("X135", MANIFEST_JSON, [error.message])
        return
    if case.manifest.version != VERSION:
        case.log.add("X134", MANIFEST_JSON, [version])
    for found in iter_contradictions(case.manifest, case.limits):
        if found.kind in _LISTING:
            case.log.add(_LISTING[found.kind], found.place, [found.detail])


def _is_canonical(case: SealedCase) -> bool:
    try:
        return canonical_json(case.plain) == case.manifest_bytes
    except SealError:
        return False


def _check_validity(case: SealedCase) -> None:
    """The key must have been valid when the archive was sealed; a time that cannot be read is no time."""
    sealed_at = parse_time(case.manifest.sealed_at)
    if sealed_at is None:
        case.log.add("X135", MANIFEST_JSON, ["sealed_at is not an RFC 3339 time in UTC"])
        return
    case.facts["sealed_at"] = case.manifest.sealed_at
    try:
        policy = case.request.policy
        if policy is None:
            judged_at(sealed_at)
        else:
            case.signer = policy.admit(case.signature, policy.named(case.signature), claimed=sealed_at)
    except SignatureRefusedError as error:
        case.log.add(_REFUSALS[error.reason], MANIFEST_SIGNATURE, [error.message])


def _check_listing(case: SealedCase) -> None:
    listed = {each.path for each in case.manifest.files}
    there = case.container.files.keys() - {MANIFEST_JSON, MANIFEST_SIGNATURE}
    for path in sorted(listed - there):
        case.log.add("X141", path)
    for path in sorted(there - listed):
        case.log.add("X142", path)


def _check_files(case: SealedCase) -> None:
    """Compare every file that is there, whatever else is missing, so that the culprit is named."""
    by_hash = {(each.size_bytes, each.sha256): each.path for each in case.manifest.files}
    for each in case.manifest.files:
        if each.path in case.container.files:
            case.progress(each.path)
            _check_file(case, each, by_hash)


def _check_file(case: SealedCase, listed: SealedFile, by_hash: dict[tuple[int, str], str]) -> None:
    size, sha256 = case.container.files[listed.path], case.sha256(listed.path)
    if (size, sha256) == (listed.size_bytes, listed.sha256):
        return
    other = by_hash.get((size, sha256))
    if other is not None:
        case.log.add("X146", listed.path, [f"the bytes of {other}"])
    elif size != listed.size_bytes:
        code = "X143" if size < listed.size_bytes else "X144"
        case.log.add(code, listed.path, [f"{size} bytes instead of {listed.size_bytes}"])
    else:
        case.log.add("X145", listed.path)


STEPS = (
    SealedStep(title="The sealed archive holds regular files under names that the form knows", check=_check_container),
    SealedStep(title="The signature is right over the exact bytes of manifest.json", check=_check_signature),
    SealedStep(title="The signer is one whom you trust", check=_check_signer, needs="trust"),
    SealedStep(
        title="manifest.json is canonical, of a known version, and lists files of the form", check=_check_manifest
    ),
    SealedStep(title="The signer's key was valid at the time of sealing", check=_check_validity, needs="trust"),
    SealedStep(title="The manifest lists exactly the files that are there", check=_check_listing, gate=False),
    SealedStep(title="Every file has the size and the hash that the manifest gives", check=_check_files, gate=False),
)
