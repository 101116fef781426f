"""A receipt: the agent's signed word that a deposit arrived, how it was found, and what it was compared with.

Canonical JSON (RFC 8785) under ``<agreement>/<sequence>.receipt.json`` beside the deposit's folder, its SSH signature
(namespace ``legal-portability-receipt``) beside it. A receipt is given for a failed deposit too, and never changed.
"""

from __future__ import annotations

import hashlib
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

__all__ = ["Receipt", "parse_receipt", "read_receipt", "receipt_path", "verify_receipt", "write_receipt"]

FORMAT = "legal-portability-receipt"
VERSION = "1.0"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What an agent says of one deposit.

    Attributes:
        authentic: Whether the manifest's signature is right and by one whom the agent trusts; only then is anything in
            it believed, and only then are the fields that come from it set.
        head: Whether it became the head of its chain: authentic, and it follows from the head before.
        before: What the agent had until then: the head (``manifest_sha256``), the receipt before (``receipt_sha256``).
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

    def to_bytes(self) -> bytes:
        """Return the document's exact bytes."""
        return canonical_json(self)


def receipt_path(folder: Path, agreement: str, sequence: int) -> Path:
    """Return where a deposit's receipt lies in a depository."""
    return folder / agreement / f"{sequence:06d}.receipt.json"


def write_receipt(folder: Path, receipt: Receipt, key: SigningKey) -> None:
    """Write a receipt and its signature beside the deposit.

    Raises:
        ArchiveExistsError: Another receipt has the name.
        ConfigError: They cannot be written.
    """
    path = receipt_path(folder, receipt.agreement, receipt.sequence)
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
    """Read and verify a receipt where it lies; None when there is none yet.

    Raises:
        FormatError: It is no receipt.
        SignatureError: It is not by one whom the trust file names.
    """
    path = receipt_path(folder, agreement, sequence)
    if not path.is_file() or not signature_path(path).is_file():
        return None
    signature = read_bounded(signature_path(path), DEFAULT_LIMITS.signature_bytes_max)
    return verify_receipt(read_bounded(path), signature, trust, place=str(path))


def sha256_of(content: bytes) -> str:
    """Return a document's hash."""
    return hashlib.sha256(content).hexdigest()
