"""From the keys at hand to the deposit's own key: which envelope they open, alone or together, and whose are missing.

An envelope is believed only when the key inside is the one that the signed manifest commits to.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from portability.errors import DecryptionError, FormatError, PortabilityError, SealError
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.encryption import Identity, decrypt_stream, deposit_identity, read_header, recipient_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from portability.sealing.container import Container
    from portability.sealing.manifest import Envelope, SealedManifest

__all__ = ["DepositKey", "commits_to", "open_envelope", "open_wrapped", "unwrap_deposit_key"]

_NAMED_MAX = 10  # recipients in one error
_OURS = ("X25519", "ssh-ed25519", "ssh-rsa")


@dataclass(frozen=True, kw_only=True)
class DepositKey:
    """The key to segments and catalog, and whose keys opened its envelope."""

    identity: Identity
    opened_by: tuple[str, ...]


def unwrap_deposit_key(
    container: Container, manifest: SealedManifest, identities: Sequence[Identity], limits: Limits = DEFAULT_LIMITS
) -> DepositKey:
    """Return the deposit's key.

    Raises:
        DecryptionError: The identities open no envelope, or none with the right key in it.
        SealError: An envelope is no such thing.
    """
    names = {each.fingerprint: each.name for each in manifest.recipients}
    held = {names[mark]: identity for identity in identities if (mark := recipient_of(identity).fingerprint) in names}
    openable = [each for each in manifest.envelopes if held.keys() >= set(each.recipients)]
    if not openable:
        raise _missing(manifest, sorted(held), any_given=bool(identities))
    refused: PortabilityError | None = None
    for envelope in openable:
        try:
            identity = open_envelope(container, manifest, envelope, held, limits)
        except (DecryptionError, SealError) as error:
            refused = refused or error
        else:
            return DepositKey(identity=identity, opened_by=envelope.recipients)
    raise refused or DecryptionError("no envelope opens")


def open_envelope(
    container: Container,
    manifest: SealedManifest,
    envelope: Envelope,
    held: Mapping[str, Identity],
    limits: Limits = DEFAULT_LIMITS,
) -> Identity:
    """Open one envelope, layer by layer from the outermost, by the identities of its recipients.

    Raises:
        DecryptionError: A layer does not open, or what is inside is not the deposit's key.
        SealError: It is not the file that the manifest lists, or a layer is no age file as sealed archives have them.
    """
    if container.size(envelope.file) > limits.envelope_bytes_max:
        raise SealError(f"is larger than the limit of {limits.envelope_bytes_max} bytes", place=envelope.file)
    with container.open(envelope.file) as stream:
        content = stream.read(limits.envelope_bytes_max + 1)
    # Hashed here, where it is used: it may have been swapped since everything was hashed.
    listed = next(each.sha256 for each in manifest.files if each.path == envelope.file)
    if hashlib.sha256(content).hexdigest() != listed:
        hint = "It was damaged or swapped; get it again from where it came."
        raise SealError("is not what the manifest says: its SHA-256 differs", place=envelope.file, hint=hint)
    for name in envelope.recipients:
        content = _opened(content, held[name], envelope.file, name)
    try:
        identity = deposit_identity(content)
    except DecryptionError:
        identity = None
    if identity is None or not commits_to(manifest, identity):
        hint = "Tell the sender: this envelope was made wrong. Another recipient's may be right."
        raise DecryptionError("holds another key than the one the manifest commits to", place=envelope.file, hint=hint)
    return identity


def commits_to(manifest: SealedManifest, identity: Identity) -> bool:
    """Tell whether an identity is the one whose recipient the manifest commits to."""
    return hashlib.sha256(recipient_of(identity).text.encode()).hexdigest() == manifest.commitment


def _opened(content: bytes, identity: Identity, place: str, name: str) -> bytes:
    try:
        header = read_header(io.BytesIO(content))
        foreign = [each.type for each in header.stanzas if each.type not in _OURS and not each.type.endswith("-grease")]
        if foreign:
            raise SealError(f"is encrypted in a way that no sealed archive is: {foreign[0][:40]}", place=place)
        opened = io.BytesIO()
        decrypt_stream(io.BytesIO(content), opened, [identity])
    except FormatError as error:
        raise SealError(error.message, place=place) from error
    except DecryptionError as error:
        hint = "It is damaged, or was made for another key than the manifest says. Another recipient's may be right."
        message = f"does not open with the key of {name}: {error.message}"
        raise DecryptionError(message, place=place, hint=hint) from None
    return opened.getvalue()


def _missing(manifest: SealedManifest, held: Sequence[str], *, any_given: bool) -> DecryptionError:
    """Say whose keys would open it."""
    listed = [f"{each.name} ({each.kind}, {each.fingerprint})" for each in manifest.recipients if each.name not in held]
    more = f" and {len(listed) - _NAMED_MAX} more" if len(listed) > _NAMED_MAX else ""
    whose = ", ".join(listed[:_NAMED_MAX]) + more
    if not held:
        message = "none of the keys given is a recipient's" if any_given else "a recipient's key is needed"
        return DecryptionError(message, hint=f"It opens with {_how_many(manifest.threshold)} of: {whose}.")
    lacking = manifest.threshold - len(held)
    message = f"it takes {_how_many(manifest.threshold)} together, and only the key of {' and '.join(held)} is here"
    return DecryptionError(message, hint=f"Still missing: {_how_many(lacking)} of {whose}.")


def _how_many(count: int) -> str:
    return "one key" if count == 1 else f"{count} keys"


def open_wrapped(content: bytes, manifest: SealedManifest, identities: Sequence[Identity], *, place: str) -> DepositKey:
    """Return the deposit's key from an envelope that lies outside: wrapped anew for somebody when it was released.

    Nobody's signature is asked for: the key inside is the one that the signed manifest commits to, or it is refused.

    Raises:
        DecryptionError: The identities do not open it, or another key is inside.
        SealError: It is no age file as sealed archives have them.
    """
    refused: PortabilityError | None = None
    for each in identities:
        try:
            key = deposit_identity(_opened(content, each, place, recipient_of(each).fingerprint))
        except (DecryptionError, SealError) as error:
            refused = refused or error
            continue
        if commits_to(manifest, key):
            return DepositKey(identity=key, opened_by=(recipient_of(each).fingerprint,))
        hint = "It was made for another deposit, or made wrong. Compare the numbers, and ask whoever released it."
        refused = DecryptionError("holds another key than the one the manifest commits to", place=place, hint=hint)
    raise refused or DecryptionError("a key is needed to open the envelope", place=place)
