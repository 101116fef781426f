"""Whom to trust: an OpenSSH ``allowed_signers`` file, and the moment at which a key must have been valid.

``Trust.verify`` believes nothing before the signature is right and its key is named. One moment is asked of
``valid-after`` and ``valid-before`` alike, as ``ssh-keygen -Y verify -O verify-time`` does; which one is
:func:`judged_at`'s to say (ADR 7): what the verifier was told, or else what the signed bytes say of themselves.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

from portability.errors import ConfigError
from portability.limits import DEFAULT_LIMITS
from portability.signing.allowed_signers import AllowedSigner, matches_patterns, parse_line
from portability.signing.refusals import Refusal, SignatureRefusedError
from portability.signing.sshsig import Signature, check_signature

__all__ = ["Policy", "Signer", "Trust", "judged_at", "load_trust", "parse_trust"]


@dataclass(frozen=True, kw_only=True)
class Signer:
    """Who signed, as the trust file names them; ``at`` is the moment at which their key had to be valid."""

    principals: str
    fingerprint: str
    namespace: str
    at: datetime
    comment: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return the signer as plain JSON values."""
        return {**vars(self), "at": self.at.astimezone(UTC).isoformat(timespec="seconds")}


@dataclass(frozen=True, kw_only=True)
class Trust:
    """The lines of an allowed_signers file."""

    signers: tuple[AllowedSigner, ...]
    place: str

    def verify(
        self,
        content: bytes | BinaryIO,
        signature: bytes,
        *,
        namespace: str,
        at: datetime | None,
        principal: str | None = None,
    ) -> Signer:
        """Return who signed these bytes; ``at`` None means now.

        Args:
            content: The exact bytes.
            signature: Its armored signature.
            namespace: The purpose.
            at: The moment at which the key must be valid, with a time zone.
            principal: The one who must have signed; anyone in the file when None.

        Raises:
            SignatureRefusedError: The signature is wrong, or by nobody whom the file trusts with this at that moment.
        """
        found = check_signature(content, signature, namespace=namespace)
        return self.admit(found, self.named(found, principal=principal), at=at)

    def named(self, signature: Signature, *, principal: str | None = None) -> tuple[AllowedSigner, ...]:
        """Return the lines that trust a signature's key with its purpose, whenever; at least one."""
        lines = [line for line in self.signers if line.key.blob == signature.key.blob]
        if not lines:
            raise self._refused(Refusal.UNKNOWN_SIGNER, f"the key {signature.fingerprint} is not in the trust file")
        if principal is not None:
            lines = [line for line in lines if matches_patterns(principal, line.principals)]
            if not lines:
                raise self._refused(Refusal.OTHER_PRINCIPAL, f"the key {signature.fingerprint} is not {principal}'s")
        able = [line for line in lines if line.namespaces is None or _covers(line.namespaces, signature.namespace)]
        if not able:
            message = f"the key {signature.fingerprint} is not trusted with '{signature.namespace}'"
            raise self._refused(Refusal.NOT_FOR_NAMESPACE, message)
        return tuple(able)

    def admit(self, signature: Signature, lines: Iterable[AllowedSigner], *, at: datetime | None) -> Signer:
        """Return the signer by the first of these lines that is valid at a moment."""
        moment = at or datetime.now(UTC)
        late = False
        for line in lines:
            early = line.valid_after is not None and moment < line.valid_after
            late = line.valid_before is not None and moment > line.valid_before
            if not early and not late:
                return Signer(
                    principals=line.principals,
                    fingerprint=signature.fingerprint,
                    namespace=signature.namespace,
                    at=moment,
                    comment=line.key.comment,
                )
        what = "no longer valid" if late else "not yet valid"
        message = f"the key {signature.fingerprint} was {what} at {moment.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
        raise self._refused(Refusal.EXPIRED if late else Refusal.NOT_YET_VALID, message)

    def _refused(self, reason: Refusal, message: str) -> SignatureRefusedError:
        return SignatureRefusedError(message, reason=reason, place=self.place)


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Who must have signed: anyone whom the trust file names, or one of them, at a moment that the verifier may know.

    Use: check the signature, ``named``, then read what was signed, then ``admit`` with the time that it says.
    """

    trust: Trust
    principal: str | None = None
    verify_time: datetime | None = None

    def named(self, signature: Signature) -> tuple[AllowedSigner, ...]:
        """Return the lines that trust the signature's key with its purpose, whenever.

        Raises:
            SignatureRefusedError: There are none.
        """
        return self.trust.named(signature, principal=self.principal)

    def admit(self, signature: Signature, lines: Iterable[AllowedSigner], *, claimed: datetime) -> Signer:
        """Return who signed.

        Raises:
            SignatureRefusedError: Their key was not valid then, or the time that was claimed cannot be.
        """
        return self.trust.admit(signature, lines, at=judged_at(claimed, verify_time=self.verify_time))


def _covers(patterns: str, namespace: str) -> bool:
    return matches_patterns(namespace, patterns)


def judged_at(claimed: datetime, *, verify_time: datetime | None = None) -> datetime:
    """Return the moment at which a signer's key must be valid.

    Args:
        claimed: When the signed bytes say that they were made.
        verify_time: What the verifier knows better: when the bytes were received, say.

    Raises:
        SignatureRefusedError: The bytes say that they were made after that moment, or in the future.
    """
    latest = verify_time or datetime.now(UTC)
    if claimed > latest + timedelta(seconds=DEFAULT_LIMITS.clock_skew_s):
        than = f"{latest.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}"
        message = f"what was signed says that it was made at {claimed.astimezone(UTC):%Y-%m-%d %H:%M:%SZ}, after {than}"
        raise SignatureRefusedError(message, reason=Refusal.FROM_THE_FUTURE)
    return verify_time or claimed


def load_trust(path: Path) -> Trust:
    """Read an allowed_signers file.

    Raises:
        ConfigError: It cannot be read, a line of it is wrong, or it names nobody.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(DEFAULT_LIMITS.trust_file_bytes_max + 1)
    except OSError as error:
        raise ConfigError(f"cannot read the trust file: {error.strerror}", place=str(path)) from None
    return parse_trust(content, str(path))


def parse_trust(content: bytes, place: str) -> Trust:
    """Read the content of an allowed_signers file."""
    if len(content) > DEFAULT_LIMITS.trust_file_bytes_max:
        message = f"the trust file is longer than the limit of {DEFAULT_LIMITS.trust_file_bytes_max} bytes"
        raise ConfigError(message, place=place)
    if content.startswith(codecs.BOM_UTF8):
        hint = "Save it as UTF-8 without a byte order mark: ssh-keygen would take the mark for part of the first name."
        raise ConfigError("the trust file begins with a byte order mark", place=f"{place}, line 1", hint=hint)
    signers = []
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            signer = parse_line(line.removesuffix(b"\r").decode("utf-8"), number)
        except UnicodeDecodeError:
            raise ConfigError("is not UTF-8", place=f"{place}, line {number}") from None
        except ValueError as error:
            hint = 'A line is: ann@firm.example namespaces="legal-portability-*" ssh-ed25519 AAAA...'
            raise ConfigError(f"the line {error}", place=f"{place}, line {number}", hint=hint) from None
        if signer is not None:
            signers.append(signer)
    if not signers:
        raise ConfigError("the trust file names nobody", place=place)
    return Trust(signers=tuple(signers), place=place)
