"""A receipt: the agent's signed word that a deposit arrived, how it was found, and what it was compared with.

Canonical JSON (RFC 8785) under ``<agreement>/<sequence>.receipt.json`` beside the deposit's folder, its SSH signature
(namespace ``legal-portability-receipt``) beside it. A receipt is given for a failed deposit too, and never changed.
A deposit that is judged again gets a further one, ``<sequence>.receipt-2.json`` and so on, which names the hash of the
one that it replaces; the newest that is right counts.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from portability.errors import SignatureError
from portability.escrow.receiving.findings import Found
from portability.escrow.signed_files import decode_document, read_bounded, signature_path, write_signed
from portability.limits import DEFAULT_LIMITS
from portability.sealing.contradictions import parse_time
from portability.sealing.manifest import Chain
from portability.sealing.reading import canonical_json
from portability.signing import RECEIPT_NAMESPACE, Signer, Trust

if TYPE_CHECKING:
    from portability.signing import SigningKey

__all__ = [
    "RECEIPT_NAME",
    "Receipt",
    "parse_receipt",
    "read_receipt",
    "receipt_name",
    "receipt_path",
    "receipt_paths",
    "verify_receipt",
    "write_receipt",
]

FORMAT = "legal-portability-receipt"
RECEIPT_NAME = re.compile(r"([0-9]{6})\.receipt(?:-([2-9]|[1-9][0-9]{1,3}))?\.json")
VERSION = "1.0"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What an agent says of one deposit.

    Attributes:
        authentic: Whether the manifest's signature is right and by one whom the agent trusts; only then is anything in
            it believed, and only then are the fields that come from it set.
        head: Whether it became the head of its chain: authentic, and it follows from the head before.
        before: What the agent had until then: the head (``manifest_sha256``), the receipt before (``receipt_sha256``),
            and the receipt of this very deposit that this one replaces (``replaces_sha256``).
        compared: Hashes of what it was checked against: the trust file, the agreements.
    """

    format: str
    version: str
    agreement: str
    sequence: int
    result: Literal["pass", "fail"]
    level: str
    received_at: str  # RFC 3339 UTC
    receiver: str  # the fingerprint of the agent's key
    manifest_sha256: str
    signature_sha256: str
    size_bytes: int
    files: int
    authentic: bool
    head: bool
    signer: str
    before: dict[str, str]
    compared: dict[str, str]
    findings: tuple[Found, ...]
    deposit_id: str = ""
    deposit_class: str = ""
    sealed_at: str = ""
    chain: Chain | None = None

    @property
    def passed(self) -> bool:
        """Whether the deposit is good as far as can be told without keys."""
        return self.result == "pass"

    def replaces(self, content: bytes) -> bool:
        """Tell whether it was given instead of an earlier one, whose exact bytes these are."""
        return self.before.get("replaces_sha256") == hashlib.sha256(content).hexdigest()

    def to_bytes(self) -> bytes:
        """Return the document's exact bytes."""
        return canonical_json(self)


def receipt_name(sequence: int, number: int = 1) -> str:
    """Return the name of a deposit's first receipt, or of a further one."""
    return f"{sequence:06d}.receipt.json" if number == 1 else f"{sequence:06d}.receipt-{number}.json"


def receipt_path(folder: Path, agreement: str, sequence: int, number: int = 1) -> Path:
    """Return where a deposit's receipt lies in a depository."""
    return folder / agreement / receipt_name(sequence, number)


def receipt_paths(folder: Path, agreement: str, sequence: int) -> tuple[Path, ...]:
    """Return where all receipts of a deposit lie, the oldest first; the first is named whether it is there or not."""
    first = receipt_path(folder, agreement, sequence)
    further = (receipt_path(folder, agreement, sequence, number) for number in itertools.count(2))
    return (first, *itertools.takewhile(Path.is_file, further))


def write_receipt(folder: Path, receipt: Receipt, key: SigningKey, number: int = 1) -> None:
    """Write a receipt and its signature beside the deposit.

    Raises:
        ArchiveExistsError: Another receipt has the name.
        ConfigError: They cannot be written.
    """
    path = receipt_path(folder, receipt.agreement, receipt.sequence, number)
    write_signed(path, receipt.to_bytes(), key, namespace=RECEIPT_NAMESPACE)


def parse_receipt(content: bytes, place: str) -> Receipt:
    """Read a receipt's exact bytes.

    Raises:
        FormatError: It is none.
    """
    return decode_document(content, Receipt, name=FORMAT, version=VERSION, place=place)


def verify_receipt(content: bytes, signature: bytes, trust: Trust, *, place: str) -> tuple[Receipt, Signer]:
    """Return a receipt and who gave it; the signer's key must have been valid when it says that it was given.

    Raises:
        FormatError: It is no receipt.
        SignatureError: The signature is wrong, by somebody else, or the receipt names another key.
    """
    receipt = parse_receipt(content, place)
    at = parse_time(receipt.received_at)
    if at is None:
        raise SignatureError("the receipt does not say when it was given", place=place)
    try:
        signer = trust.verify(content, signature, namespace=RECEIPT_NAMESPACE, at=at)
    except SignatureError as error:
        error.place = place
        raise
    if signer.fingerprint != receipt.receiver:
        raise SignatureError("the receipt names another key than the one that signed it", place=place)
    return receipt, signer


def read_receipt(folder: Path, agreement: str, sequence: int, trust: Trust) -> tuple[Receipt, Signer] | None:
    """Read and verify the newest receipt of a deposit where they lie; None when there is none yet.

    Raises:
        FormatError: One is no receipt.
        SignatureError: One is not by one whom the trust file names, or does not replace the one before it.
    """
    found: tuple[Receipt, Signer] | None = None
    for number in itertools.count(1):
        path = receipt_path(folder, agreement, sequence, number)
        if not path.is_file() or not signature_path(path).is_file():
            return found
        one = _read_one(path, trust)
        if found is not None and not one[0].replaces(found[0].to_bytes()):
            raise SignatureError("the receipt does not replace the one before it", place=str(path))
        found = one
    return found


def _read_one(path: Path, trust: Trust) -> tuple[Receipt, Signer]:
    signature = read_bounded(signature_path(path), DEFAULT_LIMITS.signature_bytes_max)
    return verify_receipt(read_bounded(path), signature, trust, place=str(path))


def sha256_of(content: bytes) -> str:
    """Return a document's hash."""
    return hashlib.sha256(content).hexdigest()
