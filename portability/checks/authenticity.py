"""C: who vouches for the archive. The signature first, over bytes not yet read for what they say; the signer last.

Nobody has to be named: then a signature that is there must still be right, and the report says that it proves nothing
about who signed. With a policy, an archive without a right signature by one whom it names is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from portability.checks.case import open_regular
from portability.formats.bag import SIGNATURE, TAGMANIFEST
from portability.signing import ARCHIVE_NAMESPACE, Refusal, Signature, SignatureRefusedError
from portability.signing import check_signature as check_sshsig

if TYPE_CHECKING:
    from portability.checks.case import Case

__all__ = ["check_signature", "check_signer", "check_trusted"]

_CODES = {
    Refusal.MALFORMED: "C167",
    Refusal.UNSUPPORTED: "C167",
    Refusal.OTHER_NAMESPACE: "C168",
    Refusal.WRONG: "C163",
    Refusal.UNKNOWN_SIGNER: "C164",
    Refusal.OTHER_PRINCIPAL: "C164",
    Refusal.NOT_FOR_NAMESPACE: "C168",
    Refusal.NOT_YET_VALID: "C166",
    Refusal.EXPIRED: "C166",
    Refusal.FROM_THE_FUTURE: "C169",
}


def check_signature(case: Case) -> None:
    """Check the signature over the tag manifest's exact bytes, whoever signed."""
    if not (case.root / SIGNATURE).is_file():
        case.log.add("C161" if case.policy is None else "C165", SIGNATURE)
        return
    try:
        case.signature = _right_signature(case)
    except SignatureRefusedError as error:
        case.log.add(_CODES[error.reason], SIGNATURE, [error.message])


def check_trusted(case: Case) -> None:
    """Check that the signature's key is one that is trusted, or note that nobody was named."""
    if case.signature is None:
        return
    if case.policy is None:
        case.log.add("C162", SIGNATURE, [case.signature.fingerprint])
        return
    try:
        case.signers = case.policy.named(case.signature)
    except SignatureRefusedError as error:
        case.log.add(_CODES[error.reason], SIGNATURE, [error.message])


def _right_signature(case: Case) -> Signature:
    with open_regular(case.root / SIGNATURE) as stream:
        signature = stream.read(case.limits.signature_bytes_max + 1)
    with open_regular(case.root / TAGMANIFEST) as content:
        return check_sshsig(content, signature, namespace=ARCHIVE_NAMESPACE)


def check_signer(case: Case) -> None:
    """Check that the signer's key was valid at the time that the archive says, or that the verifier knows."""
    if case.policy is None or case.signature is None:
        return
    try:
        case.signer = case.policy.admit(case.signature, case.signers, claimed=case.finished_at)
    except SignatureRefusedError as error:
        case.log.add(_CODES[error.reason], SIGNATURE, [error.message])
