"""The job's trust file: whose signature a deposit must carry before it leaves.

Asked twice: before a run begins, whether the job's key would be accepted, so that no hours are spent in vain; and of
each sealed deposit before it is published, by its own signature.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from portability.escrow.signed_files import read_bounded
from portability.limits import DEFAULT_LIMITS
from portability.sealing.contradictions import parse_time
from portability.sealing.manifest import MANIFEST_JSON, MANIFEST_SIGNATURE
from portability.sealing.reading import parse_manifest
from portability.signing import SEALED_NAMESPACE, Policy, check_signature, load_trust
from portability.signing.public_keys import parse_public_line
from portability.signing.refusals import SignatureRefusedError
from portability.signing.sshsig import Signature

if TYPE_CHECKING:
    from portability.escrow.jobs_shapes import Job
    from portability.signing.public_keys import PublicKey

__all__ = ["require_trust", "require_trusted"]


def require_trust(job: Job, public_line: str | PublicKey, *, now: datetime | None = None) -> None:
    """Refuse a job whose trust file would not accept what its key signs now.

    Args:
        job: The job.
        public_line: The public half of the key that signs, or its line as a ``.pub`` file has it.
        now: The moment; the clock's when left out.

    Raises:
        ConfigError: The trust file cannot be read.
        SignatureRefusedError: It does not trust this key with deposits, or not now.
    """
    key = parse_public_line(public_line) if isinstance(public_line, str) else public_line
    trust = load_trust(job.trust)
    unsigned = Signature(key=key, namespace=SEALED_NAMESPACE, hash_algorithm="sha512", value=b"")
    try:
        trust.admit(unsigned, trust.named(unsigned), at=now or datetime.now(UTC))
    except SignatureRefusedError as error:
        hint = f"Put the public half of the job's signing key into it: NAME {key.line}"
        raise SignatureRefusedError(error.message, reason=error.reason, place=error.place, hint=hint) from None


def require_trusted(job: Job, sealed: Path) -> None:
    """Refuse to let a sealed deposit go that the job's trust file does not accept.

    Raises:
        ConfigError: The trust file or the sealed deposit cannot be read.
        SealError: The deposit's manifest is none.
        SignatureRefusedError: The deposit's signature is wrong, or by nobody whom it trusts.
    """
    content = read_bounded(sealed / MANIFEST_JSON)
    signature = read_bounded(sealed / MANIFEST_SIGNATURE, DEFAULT_LIMITS.signature_bytes_max)
    policy = Policy(trust=load_trust(job.trust))
    try:
        found = check_signature(content, signature, namespace=SEALED_NAMESPACE)
        lines = policy.named(found)
        claimed = parse_time(parse_manifest(content).sealed_at)
        policy.admit(found, lines, claimed=claimed or datetime.now(UTC))
    except SignatureRefusedError as error:
        hint = "It was not published. Put the key that signed it (back) into the job's trust file, and run it again."
        raise SignatureRefusedError(error.message, reason=error.reason, place=error.place, hint=hint) from None
