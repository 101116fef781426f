"""From deposits to what is inside them: each opened in a private folder, a differential put together with its bases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from portability.escrow.chain_folders import ChainedDeposit
from portability.escrow.deposits import assemble
from portability.limits import DEFAULT_LIMITS, Limits
from portability.sealing.encryption import Identity
from portability.sealing.opening import OpenRequest, open_sealed
from portability.signing import Policy

__all__ = ["open_chain"]


def open_chain(
    deposits: Sequence[ChainedDeposit],
    private: Path,
    *,
    identities: tuple[Identity, ...],
    policy: Policy | None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Callable[[str], None] = lambda _: None,
) -> Path:
    """Open deposits, by number, and return the folder of what the last one stands for.

    Args:
        deposits: As ``needed_deposits`` returns them.
        private: A folder that nobody else can read; everything here is plaintext.
        identities: Of as many recipients as it takes.
        policy: Who must have signed.
        limits: Bounds on everything read.
        progress: Told what is done.

    Raises:
        DecryptionError: The keys do not open one.
        SealError: One is not what it says it is.
        FormatError: The pieces do not fit together.
    """
    parts: dict[int, Path] = {}
    for each in deposits:
        parts[each.sequence] = private / f"{each.sequence:06d}"
        opened = open_sealed(
            OpenRequest(
                sealed=each.folder,
                destination=parts[each.sequence],
                identities=identities,
                policy=policy,
                limits=limits,
                progress=progress,
            )
        )
        each.require_same(opened.authentic)
    if len(deposits) == 1:
        return parts[deposits[-1].sequence]
    manifests = {each.sequence: each.authentic.manifest_sha256 for each in deposits}
    return assemble(parts, private / "whole", manifests=manifests, limits=limits, progress=progress).destination
