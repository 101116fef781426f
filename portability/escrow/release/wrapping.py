"""A deposit's key, taken out of its envelope by those who may, and wrapped for a beneficiary.

The deposit is not touched: its manifest stays as it was signed. What is inside the new envelope is the very key that
the manifest commits to, or nothing is wrapped. The key itself is in this process's memory and nowhere else.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass

from portability.errors import SealError
from portability.escrow.chain_folders import ChainedDeposit
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.container import open_container
from portability.sealing.encryption import Identity, encrypt_stream, read_header
from portability.sealing.opening_keys import unwrap_deposit_key
from portability.sealing.recipients import NamedRecipient

__all__ = ["Wrapped", "wrap_for"]

_STANZAS = {"age-x25519": "X25519", "ssh-ed25519": "ssh-ed25519", "ssh-rsa": "ssh-rsa"}


@dataclass(frozen=True, kw_only=True)
class Wrapped:
    """A new envelope: its bytes, and whose keys opened the old one."""

    sequence: int
    manifest_sha256: str
    commitment: str
    content: bytes
    opened_by: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """The envelope's hash."""
        return hashlib.sha256(self.content).hexdigest()


def wrap_for(
    deposit: ChainedDeposit, identities: Sequence[Identity], to: NamedRecipient, limits: Limits = DEFAULT_LIMITS
) -> Wrapped:
    """Wrap a deposit's key for somebody.

    Raises:
        DecryptionError: The identities do not open it.
        SealError: An envelope is not the one that the manifest lists, or the new one is not as it must be.
    """
    with open_container(deposit.folder, limits) as container:
        key = unwrap_deposit_key(container, deposit.manifest, identities, limits)
    sink = io.BytesIO()
    encrypt_stream(io.BytesIO(f"{key.identity.secret}\n".encode()), sink, [to.key])
    content = sink.getvalue()
    kinds = [each.type for each in read_header(io.BytesIO(content)).stanzas if not each.type.endswith("-grease")]
    if kinds != [_STANZAS[to.key.kind]]:
        raise SealError("the new envelope is not for the recipient", place=to.name)
    return Wrapped(
        sequence=deposit.sequence,
        manifest_sha256=deposit.authentic.manifest_sha256,
        commitment=deposit.manifest.commitment,
        content=content,
        opened_by=key.opened_by,
    )
