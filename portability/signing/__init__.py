"""Signatures in OpenSSH's format, by ordinary OpenSSH keys, and whom to trust with them.

A signature is over exact bytes and for one purpose (its namespace). ``check_signature`` says whether it is right,
whoever made it; ``Trust.verify`` says who made it. See docs/signing.md.
"""

from __future__ import annotations

from portability.signing.allowed_signers import AllowedSigner, parse_moment
from portability.signing.key_files import PrivateKeyFile, read_key_file
from portability.signing.keys import SigningKey, load_signing_key, signing_key_of
from portability.signing.memory import forbid_core_files
from portability.signing.public_keys import PublicKey, parse_public_line
from portability.signing.refusals import Refusal, SignatureRefusedError
from portability.signing.sshsig import (
    ARCHIVE_NAMESPACE,
    AUDIT_NAMESPACE,
    ERASURE_NAMESPACE,
    HOLD_NAMESPACE,
    INDEX_NAMESPACE,
    NAMESPACES,
    OPERATOR_NAMESPACE,
    RECEIPT_NAMESPACE,
    RELEASE_NAMESPACE,
    SEALED_NAMESPACE,
    STATEMENT_NAMESPACE,
    STEP_NAMESPACE,
    Signature,
    check_signature,
    read_signature,
)
from portability.signing.trust import Policy, Signer, Trust, judged_at, load_trust

__all__ = [
    "ARCHIVE_NAMESPACE",
    "AUDIT_NAMESPACE",
    "ERASURE_NAMESPACE",
    "HOLD_NAMESPACE",
    "INDEX_NAMESPACE",
    "NAMESPACES",
    "OPERATOR_NAMESPACE",
    "RECEIPT_NAMESPACE",
    "RELEASE_NAMESPACE",
    "SEALED_NAMESPACE",
    "STATEMENT_NAMESPACE",
    "STEP_NAMESPACE",
    "AllowedSigner",
    "Policy",
    "PrivateKeyFile",
    "PublicKey",
    "Refusal",
    "Signature",
    "SignatureRefusedError",
    "Signer",
    "SigningKey",
    "Trust",
    "check_signature",
    "forbid_core_files",
    "judged_at",
    "load_signing_key",
    "load_trust",
    "parse_moment",
    "parse_public_line",
    "read_key_file",
    "read_signature",
    "signing_key_of",
]
