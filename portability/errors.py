"""The one error tree: what a person reads, where it happened, what mends it, and the exit code.

No other exception crosses a boundary of this package: a connector, a format or a depository turns what its library
raises into one of these. Messages never carry a connection string, a password or a value of a client's record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "ArchiveExistsError",
    "CatalogueError",
    "CheckFailedError",
    "ConfigError",
    "ConnectorError",
    "DecryptionError",
    "DepositConflictError",
    "DepositoryError",
    "DepositoryRefusedError",
    "FormatError",
    "InterruptedRunError",
    "MappingError",
    "PortabilityError",
    "ProcedureError",
    "ScopeError",
    "SealError",
    "SignatureError",
    "SourceDataError",
    "SourceUnavailableError",
    "TargetError",
    "printable",
]


def printable(text: str) -> str:
    """Return a text without characters that a terminal or a page could obey, or that no encoding can write."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


class PortabilityError(Exception):
    """The root: a failure that a person can act on.

    Args:
        message: What went wrong, one sentence.
        place: Where: a table, a file, a line, a path inside a document.
        hint: What to do next.
        details: Everything that the message is about, where it names the first only.
    """

    exit_code = 1
    retryable = False

    def __init__(self, message: str, *, place: str = "", hint: str = "", details: Iterable[str] = ()) -> None:
        super().__init__(message)
        # They may quote a file's name or a text from an archive that nobody trusts yet.
        self.message, self.place, self.hint = printable(message), printable(place), printable(hint)
        self.details = tuple(printable(each) for each in details)

    def __str__(self) -> str:
        return f"{self.place}: {self.message}" if self.place else self.message


class ConfigError(PortabilityError):
    """The configuration, a URL or an option cannot be used as it stands."""

    exit_code = 3


class ConnectorError(PortabilityError):
    """The source refused, or cannot be read exactly."""

    exit_code = 4


class SourceUnavailableError(ConnectorError):
    """The source cannot be reached now; trying again may help."""

    exit_code = 11
    retryable = True


class SourceDataError(ConnectorError):
    """The source holds something that cannot be carried, and going on would lose it."""

    exit_code = 12


class MappingError(PortabilityError):
    """A profile does not fit the source or the model."""

    exit_code = 5


class FormatError(PortabilityError):
    """A file is not what it says it is."""

    exit_code = 6


class SealError(PortabilityError):
    """A sealed archive cannot be made, or is not what it says it is."""

    exit_code = 7


class SignatureError(SealError):
    """A signature is missing, wrong, or by somebody who is not trusted."""

    exit_code = 14


class DecryptionError(SealError):
    """No key at hand opens it, or what was opened is not what was sealed."""

    exit_code = 15


class TargetError(PortabilityError):
    """The target refused, or cannot take the data as it stands."""

    exit_code = 16


class DepositoryError(PortabilityError):
    """A depository cannot be reached, refuses, or holds something else than what was put there."""

    exit_code = 8
    retryable = True


class DepositoryRefusedError(DepositoryError):
    """A depository refuses, and will again until somebody mends it: another host key, no login, no space, read-only."""

    exit_code = 19
    retryable = False


class DepositConflictError(DepositoryRefusedError):
    """Something else lies under a name that is to be put; nothing was changed."""

    exit_code = 20


class ProcedureError(PortabilityError):
    """The procedure refuses: a step out of order, evidence that is missing, a person who may not."""

    exit_code = 17


class ScopeError(PortabilityError):
    """A scope names nothing, is not what was approved, or cannot be kept for every table."""

    exit_code = 18


class CheckFailedError(PortabilityError):
    """The verifier found errors; ``report`` holds them."""

    exit_code = 9

    def __init__(self, message: str, *, report: object = None, place: str = "", hint: str = "") -> None:
        super().__init__(message, place=place, hint=hint)
        self.report = report


class CatalogueError(PortabilityError):
    """The catalogue cannot be read or written, or refuses a move."""

    exit_code = 10


class ArchiveExistsError(PortabilityError):
    """The destination exists; nothing is ever overwritten."""

    exit_code = 13


class InterruptedRunError(PortabilityError):
    """The run was stopped by a person or a signal; nothing stands under a final name."""

    exit_code = 130
