"""What is checked of a sealed archive before any key is used: who signed, what they signed, and that it is all there.

The signature comes first, over the exact bytes of manifest.json; only then is the manifest read. Without somebody to
trust a right signature says that the bytes are as the holder of some key left them, and no more.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO

from portability.errors import SealError, SignatureError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.contradictions import parse_time
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE, SEGMENTS, SealedFile, SealedManifest
from portability.sealing.reading import parse_manifest
from portability.signing import SEALED_NAMESPACE, Policy, Signer, check_signature
from portability.streams import iter_chunks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from portability.sealing.container import Container

__all__ = ["Authentic", "check_hashes", "check_presence", "read_authentic", "sha256_of"]


@dataclass(frozen=True, kw_only=True)
class Authentic:
    """A manifest whose signature is right; ``signer`` is None when nobody was named who should have signed."""

    manifest: SealedManifest
    manifest_sha256: str
    fingerprint: str
    signer: Signer | None


def read_authentic(container: Container, policy: Policy | None, limits: Limits = DEFAULT_LIMITS) -> Authentic:
    """Check the signature, then read the manifest, then judge the signer at the moment of sealing.

    Raises:
        SignatureError: The signature is missing, wrong, or by nobody who is trusted.
        SealError: The manifest is missing, or not one.
    """
    container.require()
    data = _read(container, MANIFEST_JSON, limits.json_bytes_max)
    if MANIFEST_SIGNATURE not in container.files:
        hint = "A sealed archive without its signature is not whole; get it again."
        raise SignatureError("is missing", place=MANIFEST_SIGNATURE, hint=hint)
    try:
        found = check_signature(
            data, _read(container, MANIFEST_SIGNATURE, limits.signature_bytes_max), namespace=SEALED_NAMESPACE
        )
        lines = None if policy is None else policy.named(found)
        manifest = parse_manifest(data, limits)
        signer = None if policy is None or lines is None else policy.admit(found, lines, claimed=_sealed_at(manifest))
    except SignatureError as error:
        error.place = error.place or MANIFEST_SIGNATURE
        raise
    return Authentic(
        manifest=manifest,
        manifest_sha256=hashlib.sha256(data).hexdigest(),
        fingerprint=found.fingerprint,
        signer=signer,
    )


def _sealed_at(manifest: SealedManifest) -> datetime:
    moment = parse_time(manifest.sealed_at)
    if moment is None:
        raise SealError("sealed_at is no time", place=MANIFEST_JSON)
    return moment


def _read(container: Container, path: str, size_bytes_max: int) -> bytes:
    if container.size(path) > size_bytes_max:
        raise SealError(f"is larger than the limit of {size_bytes_max} bytes", place=path)
    with container.open(path) as stream:
        return stream.read(size_bytes_max + 1)


def check_presence(container: Container, manifest: SealedManifest, paths: Iterable[str] | None = None) -> None:
    """Check that the files that the manifest lists are there in their size, and no other is.

    Args:
        paths: Only these must be there; all when None.

    Raises:
        SealError: Naming the first that is not so.
    """
    listed = {each.path: each for each in manifest.files}
    for path in listed if paths is None else paths:
        if container.size(path) != listed[path].size_bytes:
            message = f"has {container.size(path)} bytes, and the manifest says {listed[path].size_bytes}"
            raise SealError(message, place=path, hint="It was cut or damaged; get it again from where it came.")
    unlisted = sorted(set(container.files) - listed.keys() - {MANIFEST_JSON, MANIFEST_SIGNATURE})
    if unlisted:
        raise SealError("is not listed in the manifest", place=unlisted[0], hint="Move it away; nobody vouches for it.")


def check_hashes(container: Container, files: Iterable[SealedFile]) -> None:
    """Compare files that are small beside the segments with the manifest's hashes.

    Raises:
        SealError: One differs.
    """
    for each in files:
        if each.path.startswith(f"{SEGMENTS}/"):
            continue
        with container.open(each.path) as stream:
            found = sha256_of(stream)
        if found != each.sha256:
            hint = "It was damaged or swapped; get it again from where it came."
            raise SealError("is not what the manifest says: its SHA-256 differs", place=each.path, hint=hint)


def sha256_of(stream: BinaryIO) -> str:
    """Return the hash of all that is left of a stream."""
    digest = hashlib.sha256()
    for chunk in iter_chunks(stream):
        digest.update(chunk)
    return digest.hexdigest()
