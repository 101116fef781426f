"""A depositor's request to delete deposits before their time: a signed file, and nothing more than a request.

The depositor has no delete in any depository. What was asked for goes only when the agent prunes with the request in
hand, and only what no base, hold or last good deposit needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from portability.errors import ConfigError, ProcedureError, SignatureError, printable
from portability.escrow.receiving.agreements import Agreements
from portability.escrow.receiving.judging import moment_text
from portability.escrow.signed_files import decode_document, read_bounded, signature_path, write_signed
from portability.limits import DEFAULT_LIMITS
from portability.sealing.contradictions import parse_time
from portability.sealing.reading import canonical_json
from portability.signing import ERASURE_NAMESPACE, Signer, SigningKey, Trust

__all__ = ["ErasureRequest", "read_erasure_request", "write_erasure_request"]

FORMAT = "legal-portability-erasure-request"
VERSION = "1.0"


@dataclass(frozen=True, kw_only=True)
class ErasureRequest:
    """What a depositor asks for, and why."""

    format: str
    version: str
    agreement: str
    sequences: tuple[int, ...]
    reason: str
    requested_at: str
    by: str


def write_erasure_request(
    path: Path, agreement: str, sequences: Sequence[int], reason: str, *, key: SigningKey, now: datetime
) -> ErasureRequest:
    """Write a request and its signature.

    Raises:
        ArchiveExistsError: Another document has the name.
        ConfigError: Nothing is asked for, or it cannot be written.
    """
    if not sequences or not reason.strip():
        raise ConfigError("a request names deposits and says why")
    request = ErasureRequest(
        format=FORMAT,
        version=VERSION,
        agreement=agreement,
        sequences=tuple(sorted(set(sequences))),
        reason=reason,
        requested_at=moment_text(now),
        by=key.fingerprint,
    )
    write_signed(path, canonical_json(request), key, namespace=ERASURE_NAMESPACE)
    return request


def read_erasure_request(path: Path, trust: Trust, agreements: Agreements) -> tuple[ErasureRequest, Signer]:
    """Read a request and say who signed it: the one who signs the deposits that it is about, and nobody else.

    Raises:
        FormatError: It is none.
        ProcedureError: Nothing was agreed under the name that it gives.
        SignatureError: It is not signed by the agreement's signer, with a key that is trusted with this purpose.
    """
    content = read_bounded(path)
    signature = read_bounded(signature_path(path), DEFAULT_LIMITS.signature_bytes_max)
    request = decode_document(content, ErasureRequest, name=FORMAT, version=VERSION, place=str(path))
    at = parse_time(request.requested_at)
    if at is None:
        raise SignatureError("the request does not say when it was made", place=str(path))
    agreement = agreements.get(request.agreement)
    if agreement is None:
        raise ProcedureError("nothing was agreed under this name", place=f"{path}: {printable(request.agreement[:64])}")
    try:
        signer = trust.verify(content, signature, namespace=ERASURE_NAMESPACE, at=at, principal=agreement.signer)
    except SignatureError as error:
        error.place = str(path)
        raise
    return request, signer
