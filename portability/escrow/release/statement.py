"""What is signed at a release: which deposits, by manifest and commitment, to whose key, for which request.

A deposit's own manifest stays as it is; this document stands beside it and says who else can open it, on whose word.
"""

from __future__ import annotations

from dataclasses import dataclass

from portability.errors import SignatureError
from portability.escrow.signed_files import decode_document
from portability.sealing.contradictions import parse_time
from portability.sealing.manifest import Recipient
from portability.sealing.reading import canonical_json
from portability.signing import RELEASE_NAMESPACE, Signer, Trust

__all__ = ["ReleaseStatement", "ReleasedDeposit", "verify_release_statement"]

FORMAT = "legal-portability-release"
VERSION = "1.0"


@dataclass(frozen=True, kw_only=True)
class ReleasedDeposit:
    """One deposit and its new envelope; ``opened_by`` are the recipients whose keys opened the old one."""

    sequence: int
    manifest_sha256: str
    commitment: str
    envelope: str
    envelope_sha256: str
    opened_by: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReleaseStatement:
    """The statement, whose canonical JSON is signed by whoever releases."""

    format: str
    version: str
    request: str
    agreement: str
    deposit_class: str
    purpose: str
    lawful_basis: str
    released_at: str
    released_by: str
    key: str
    approved_by: str
    recipient: Recipient
    deposits: tuple[ReleasedDeposit, ...]

    def to_bytes(self) -> bytes:
        """Return the document's exact bytes."""
        return canonical_json(self)


def verify_release_statement(
    content: bytes, signature: bytes, trust: Trust, *, place: str
) -> tuple[ReleaseStatement, Signer]:
    """Return a statement and who signed it.

    Raises:
        FormatError: It is none.
        SignatureError: It is not signed by one whom the trust file names, or says another key.
    """
    found = decode_document(content, ReleaseStatement, name=FORMAT, version=VERSION, place=place)
    at = parse_time(found.released_at)
    if at is None:
        raise SignatureError("the statement does not say when it was made", place=place)
    signer = trust.verify(content, signature, namespace=RELEASE_NAMESPACE, at=at)
    if signer.fingerprint != found.key:
        raise SignatureError("the statement names another key than the one that signed it", place=place)
    return found, signer
