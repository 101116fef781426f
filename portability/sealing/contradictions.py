"""What manifest.json's shape cannot say: that it agrees with itself and with the rules of the sealed form.

Each contradiction has a kind, so that the verifier can give each its code; whoever opens refuses at the first.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from math import comb
from typing import TYPE_CHECKING

from portability.sealing.container import RECIPIENT_NAME, is_sealed_path
from portability.sealing.manifest import (
    CATALOG,
    KEYS,
    MANIFEST_JSON,
    MANIFEST_SIGNATURE,
    OPEN_MD,
    OPEN_SH,
    SEGMENTS,
    Envelope,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.limits import Limits
    from portability.sealing.manifest import SealedManifest

__all__ = ["Contradiction", "envelope_for", "iter_contradictions", "parse_time"]

_SHA256 = re.compile(r"[0-9a-f]{64}")
_DEPOSIT_ID = re.compile(r"[0-9a-f]{32}")
_FINGERPRINT = re.compile(r"SHA256:[A-Za-z0-9+/]{43}")
_NAME = re.compile(RECIPIENT_NAME)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z")


@dataclass(frozen=True, kw_only=True)
class Contradiction:
    """``kind``: value, path, files, segments, plain, recipients, envelopes, chain or time."""

    kind: str
    place: str
    detail: str


def iter_contradictions(manifest: SealedManifest, limits: Limits) -> Iterator[Contradiction]:
    """Yield what does not fit, the most basic first."""
    yield from _values(manifest)
    yield from _paths(manifest, limits)
    yield from _segments(manifest)
    yield from _recipients(manifest, limits)
    yield from _envelopes(manifest, limits)
    yield from _chain(manifest)


def parse_time(text: str) -> datetime | None:
    """Return an RFC 3339 UTC time as the manifest writes it; None when it is none."""
    try:
        return datetime.fromisoformat(text) if _TIME.fullmatch(text) else None
    except ValueError:
        return None


def envelope_for(names: tuple[str, ...]) -> Envelope:
    """Return the envelope that these recipients open together: sorted, the first one's layer outermost."""
    ordered = tuple(sorted(names))
    return Envelope(file=f"{KEYS}/{'+'.join(ordered)}.age", recipients=ordered)


def _values(manifest: SealedManifest) -> Iterator[Contradiction]:
    counts = (manifest.content_files, manifest.content_bytes)
    sizes = [size for each in manifest.files for size in (each.size_bytes, each.plain_bytes or 0)]
    checks = {
        "deposit_id is not 32 hex digits": bool(_DEPOSIT_ID.fullmatch(manifest.deposit_id)),
        "commitment is not a SHA-256": bool(_SHA256.fullmatch(manifest.commitment)),
        "a count is negative": min(counts) >= 0,
        "a size is negative": min(sizes, default=0) >= 0,
        "a hash is not a SHA-256": all(_SHA256.fullmatch(each.sha256) for each in manifest.files),
    }
    for detail, holds in checks.items():
        if not holds:
            yield Contradiction(kind="value", place=MANIFEST_JSON, detail=detail)


def _paths(manifest: SealedManifest, limits: Limits) -> Iterator[Contradiction]:
    paths = [each.path for each in manifest.files]
    if len(paths) > limits.sealed_files_max:
        detail = f"it lists more than {limits.sealed_files_max} files"
        yield Contradiction(kind="files", place=MANIFEST_JSON, detail=detail)
        return
    for path in paths:
        if not is_sealed_path(path) or path in (MANIFEST_JSON, MANIFEST_SIGNATURE):
            yield Contradiction(kind="path", place=MANIFEST_JSON, detail=f"it lists {path[:120]!r}")
    if any(before >= after for before, after in itertools.pairwise(paths)):
        yield Contradiction(kind="files", place=MANIFEST_JSON, detail="files are not in order, or one stands twice")
    for name in (CATALOG, OPEN_MD, OPEN_SH):
        if name not in paths:
            yield Contradiction(kind="files", place=MANIFEST_JSON, detail=f"it does not list {name}")


def _segments(manifest: SealedManifest) -> Iterator[Contradiction]:
    found = [each for each in manifest.files if each.path.startswith(f"{SEGMENTS}/")]
    wanted = [f"{SEGMENTS}/{number:06d}.age" for number in range(len(found))]
    if not found or [each.path for each in found] != wanted:
        yield Contradiction(kind="segments", place=SEGMENTS, detail="segments are not numbered from 000000 on")
    for each in manifest.files:
        encrypted = each.path == CATALOG or each.path.startswith(f"{SEGMENTS}/")
        if (each.plain_bytes is not None) is not encrypted:
            detail = "plain_bytes is for segments and the catalog, and for each of them"
            yield Contradiction(kind="plain", place=each.path, detail=detail)


def _recipients(manifest: SealedManifest, limits: Limits) -> Iterator[Contradiction]:
    found = manifest.recipients
    names = [each.name for each in found]
    checks = {
        f"there are none, or more than {limits.recipients_max}": 1 <= len(found) <= limits.recipients_max,
        "names are not in order, or one stands twice": names == sorted(set(names)),
        "a name has other characters than a-z, 0-9, - and _": all(_NAME.fullmatch(name) for name in names),
        "a fingerprint is malformed": all(_FINGERPRINT.fullmatch(each.fingerprint) for each in found),
        # One key under two names would open alone what is meant to take two.
        "one key stands under two names": max(Counter(each.fingerprint for each in found).values(), default=1) == 1,
        "the threshold is not between 1 and their number": 1 <= manifest.threshold <= len(found),
        f"the threshold is above {limits.envelope_depth_max}": manifest.threshold <= limits.envelope_depth_max,
    }
    for detail, holds in checks.items():
        if not holds:
            yield Contradiction(kind="recipients", place=MANIFEST_JSON, detail=f"recipients: {detail}")


def _envelopes(manifest: SealedManifest, limits: Limits) -> Iterator[Contradiction]:
    names = sorted({each.name for each in manifest.recipients})
    if len(names) > limits.recipients_max or not 1 <= manifest.threshold <= len(names):
        return
    if comb(len(names), manifest.threshold) > limits.envelopes_max:
        detail = f"it takes more than {limits.envelopes_max} envelopes"
        yield Contradiction(kind="envelopes", place=KEYS, detail=detail)
        return
    wanted = {envelope_for(group) for group in itertools.combinations(names, manifest.threshold)}
    listed = {each.path for each in manifest.files if each.path.startswith(f"{KEYS}/")}
    for envelope in sorted(wanted - set(manifest.envelopes), key=lambda each: each.file):
        yield Contradiction(kind="envelopes", place=envelope.file, detail="is missing among the envelopes")
    for envelope in sorted(set(manifest.envelopes) - wanted, key=lambda each: each.file):
        yield Contradiction(
            kind="envelopes", place=envelope.file, detail="opens for other recipients than the threshold asks"
        )
    if len(set(manifest.envelopes)) != len(manifest.envelopes):
        yield Contradiction(kind="envelopes", place=KEYS, detail="an envelope stands twice")
    for path in sorted(listed ^ {each.file for each in wanted}):
        yield Contradiction(kind="envelopes", place=path, detail="files and envelopes do not match")


def _chain(manifest: SealedManifest) -> Iterator[Contradiction]:
    chain = manifest.chain
    hashes = [each for each in (chain.previous_sha256, chain.base_sha256) if each is not None]
    checks = {
        "sequence is below 1": chain.sequence >= 1,
        "only the first of a chain has no previous manifest": (chain.sequence == 1) is (chain.previous_sha256 is None),
        "a differential has a base, a full deposit has none": (chain.kind == "full") is (chain.base_sha256 is None),
        "a hash is not a SHA-256": all(_SHA256.fullmatch(each) for each in hashes),
    }
    for detail, holds in checks.items():
        if not holds:
            yield Contradiction(kind="chain", place=MANIFEST_JSON, detail=f"chain: {detail}")
    yield from _times(manifest)


def _times(manifest: SealedManifest) -> Iterator[Contradiction]:
    given = {"sealed_at": manifest.sealed_at, "watermark": manifest.chain.watermark, "next_by": manifest.chain.next_by}
    times = {name: parse_time(text) for name, text in given.items() if text is not None}
    for name, time in times.items():
        if time is None:
            yield Contradiction(kind="time", place=MANIFEST_JSON, detail=f"{name} is not an RFC 3339 time in UTC")
    sealed_at, next_by = times["sealed_at"], times.get("next_by")
    if sealed_at and next_by and next_by <= sealed_at:
        yield Contradiction(kind="time", place=MANIFEST_JSON, detail="next_by is not after sealed_at")
