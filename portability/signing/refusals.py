"""Why a signature was refused, as a value: the verifier gives each reason a code of its own."""

from __future__ import annotations

from enum import StrEnum

from portability.errors import SignatureError

__all__ = ["Refusal", "SignatureRefusedError"]


class Refusal(StrEnum):
    """The reasons, in the order in which they are looked for."""

    MALFORMED = "malformed"  # not an SSH signature, or damaged beyond reading
    UNSUPPORTED = "unsupported"  # a key or an algorithm that is not accepted here
    OTHER_NAMESPACE = "other namespace"  # made for another purpose
    WRONG = "wrong"  # not over these bytes
    UNKNOWN_SIGNER = "unknown signer"  # by a key that the trust file does not name
    OTHER_PRINCIPAL = "other principal"  # by a key that it names, but for somebody else
    NOT_FOR_NAMESPACE = "not for namespace"  # by a key that it names for other purposes
    NOT_YET_VALID = "not yet valid"
    EXPIRED = "expired"
    FROM_THE_FUTURE = "from the future"  # the signed bytes claim a time that has not come


class SignatureRefusedError(SignatureError):
    """A signature is refused; ``reason`` says why, for programs."""

    def __init__(self, message: str, *, reason: Refusal, place: str = "", hint: str = "") -> None:
        super().__init__(message, place=place, hint=hint)
        self.reason = reason
