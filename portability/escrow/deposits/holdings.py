"""What the depositories hold of a chain, as far as names, sizes and manifests tell: nothing here needs a key.

A deposit is committed in a depository when its ``manifest.json.sig`` is there; its manifest says what else must be.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from portability.depositories import read_small
from portability.errors import SealError
from portability.escrow.receiving.receipts import RECEIPT_NAME
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE
from portability.sealing.reading import parse_manifest

if TYPE_CHECKING:
    from portability.catalogue.deposits import Deposit
    from portability.depositories import Depository
    from portability.limits import Limits

__all__ = ["Holding", "has_our_signature", "holds", "look", "prefix_of", "read_committed"]

_NUMBER = re.compile(r"[0-9]{6}")


@dataclass(frozen=True, kw_only=True)
class Holding:
    """What one depository has of an agreement: each deposit's files, and its receipts by name; all with their sizes."""

    depository: str
    files: Mapping[int, Mapping[str, int]]
    receipts: Mapping[str, int] = field(default_factory=dict)

    @property
    def committed(self) -> tuple[int, ...]:
        """The deposits that are whole there, as far as their last file tells."""
        return tuple(sorted(number for number, files in self.files.items() if MANIFEST_SIGNATURE in files))


def prefix_of(agreement: str, sequence: int) -> str:
    """Return where a deposit lies in every depository."""
    return f"{agreement}/{sequence:06d}"


def look(depository: Depository, agreement: str) -> Holding:
    """List an agreement's deposits in a depository.

    Raises:
        DepositoryError: It cannot be reached.
    """
    files: dict[int, dict[str, int]] = {}
    receipts: dict[str, int] = {}
    for stored in depository.list(agreement):
        number, slash, name = stored.name.removeprefix(f"{agreement}/").partition("/")
        if slash and _NUMBER.fullmatch(number):
            files.setdefault(int(number), {})[name] = stored.size_bytes
        elif not slash and RECEIPT_NAME.fullmatch(number.removesuffix(".sig")):
            receipts[number] = stored.size_bytes
    return Holding(depository=depository.name, files=files, receipts=receipts)


def holds(depository: Depository, holding: Holding, deposit: Deposit, limits: Limits) -> bool:
    """Tell whether a depository has a deposit as the catalogue knows it: its manifest, and every file's length.

    Raises:
        DepositoryError: It cannot be reached.
    """
    files = holding.files.get(deposit.sequence, {})
    if MANIFEST_SIGNATURE not in files or files.get(MANIFEST_JSON) != len(deposit.manifest.encode()):
        return False
    name = f"{prefix_of(deposit.agreement, deposit.sequence)}/{MANIFEST_JSON}"
    found = read_small(depository, name, size_bytes_max=limits.json_bytes_max)
    if hashlib.sha256(found).hexdigest() != deposit.manifest_sha256:
        return False
    try:
        manifest = parse_manifest(found, limits)
    except SealError:
        return False
    return all(files.get(each.path) == each.size_bytes for each in manifest.files)


def has_our_signature(depository: Depository, holding: Holding, deposit: Deposit, limits: Limits) -> bool:
    """Tell whether a depository has a deposit's signature: it was committed, however it is now.

    Raises:
        DepositoryError: It cannot be reached.
    """
    if MANIFEST_SIGNATURE not in holding.files.get(deposit.sequence, {}):
        return False
    name = f"{prefix_of(deposit.agreement, deposit.sequence)}/{MANIFEST_SIGNATURE}"
    return read_small(depository, name, size_bytes_max=limits.signature_bytes_max) == deposit.signature.encode("ascii")


def read_committed(depository: Depository, agreement: str, sequence: int, limits: Limits) -> tuple[bytes, bytes]:
    """Return a committed deposit's manifest.json and its signature.

    Raises:
        DepositoryError: It cannot be reached.
    """
    prefix = prefix_of(agreement, sequence)
    return (
        read_small(depository, f"{prefix}/{MANIFEST_JSON}", size_bytes_max=limits.json_bytes_max),
        read_small(depository, f"{prefix}/{MANIFEST_SIGNATURE}", size_bytes_max=limits.signature_bytes_max),
    )
