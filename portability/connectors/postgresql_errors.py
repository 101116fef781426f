"""What PostgreSQL and its driver complain of, in our words: theirs may quote a password or a client's data."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from portability.errors import ConnectorError, PortabilityError, SourceDataError, SourceUnavailableError

if TYPE_CHECKING:
    from portability.connectors.url import SourceUrl

__all__ = ["connect_error", "foreign_error"]

# (part of libpq's message, unavailable, our message, hint)
_CONNECTING = (
    (
        "authentication failed",
        False,
        "the server refuses the user or the password",
        "Check both; use ?password_file=PATH.",
    ),
    (
        "no password supplied",
        False,
        "the server wants a password",
        "Give one: ${NAME} in the address, or ?password_file=PATH.",
    ),
    (
        "pg_hba.conf",
        False,
        "the server refuses this user from this machine",
        "Ask its administrator for an entry in pg_hba.conf.",
    ),
    ("role ", False, "the server does not know this user", "Check the user in the address."),
    ("database ", False, "there is no such database", "Check the name in the address."),
    ("starting up", True, "the server is starting or stopping", "Try again in a moment."),
    ("shutting down", True, "the server is starting or stopping", "Try again in a moment."),
    ("too many", True, "the server has no connection left", "Try again when fewer programs use it."),
    ("remaining connection slots", True, "the server has no connection left", "Try again when fewer programs use it."),
    ("SSL", False, "no encrypted connection could be agreed on", "Check ?sslmode= and the certificates."),
    ("certificate", False, "no encrypted connection could be agreed on", "Check ?sslmode= and the certificates."),
    (
        "invalid",
        False,
        "an option of the address has a value that cannot be used",
        "Check the options after the question mark.",
    ),
)
_POLICY = "row-level security"  # in English; the hint of 42501 names it for the other languages
_EXEMPT = "Give the account BYPASSRLS, use one that policies do not hold for, or exclude the table in the profile."
# SQLSTATE or its class -> (class, message, hint)
_STATES: dict[str, tuple[type[PortabilityError], str, str]] = {
    "08": (SourceUnavailableError, "the connection was lost", "Try again."),
    "57P": (SourceUnavailableError, "the server ended the session", "Try again when it is running."),
    "57014": (
        SourceUnavailableError,
        "the server cancelled a statement",
        "Raise ?statement_timeout= or try again when it is less busy.",
    ),
    "55P03": (
        SourceUnavailableError,
        "a table is locked by somebody who changes it",
        "Try again, or raise ?lock_timeout=.",
    ),
    "40": (
        SourceUnavailableError,
        "the server gave up the snapshot",
        "Try again; on a standby, turn hot_standby_feedback on.",
    ),
    "53": (
        SourceUnavailableError,
        "the server has run out of memory, disk, connections or locks",
        "Ask its administrator; see max_locks_per_transaction.",
    ),
    "42501": (
        ConnectorError,
        "the account may not read this",
        "Grant it SELECT, and USAGE of the schema; where row-level security hides rows, BYPASSRLS.",
    ),
    "42P01": (ConnectorError, "there is no such table", "It was dropped, or the account may not see it."),
    "42703": (ConnectorError, "there is no such column", "The table was changed; run again."),
    "22021": (
        SourceDataError,
        "a text that is not UTF-8 stands where none may be missing, as in a key",
        "Mend it; of a dump in SQL_ASCII ask for one made with pg_dump -E LATIN1, or whatever its texts are.",
    ),
    "22": (
        SourceDataError,
        "a value cannot be read in the form its declaration promises",
        "Look for it with the server's own client.",
    ),
    "XX": (SourceDataError, "the server finds its own data damaged", "Ask its administrator to check the table."),
}


def connect_error(text: str, url: SourceUrl) -> PortabilityError:
    """Turn libpq's reason for not connecting into ours."""
    for part, unavailable, message, hint in _CONNECTING:
        if part in text:
            kind = SourceUnavailableError if unavailable else ConnectorError
            return kind(message, place=url.label, hint=hint)
    hint = "Check host and port, and that the server runs and listens there."
    return SourceUnavailableError("the server cannot be reached", place=url.label, hint=hint)


# Part of what the Arrow driver says without a SQLSTATE, when rows had begun to come -> the state.
_IN_THE_MIDDLE = (("canceling statement", "57014"), ("closed the connection", "57P"), ("terminating connection", "57P"))


def foreign_error(error: Exception, place: str) -> PortabilityError | None:
    """Turn a driver's exception into ours; None when it is not a driver's."""
    driver, arrow = sys.modules.get("psycopg"), sys.modules.get("adbc_driver_manager")
    if isinstance(error, OSError) and str(error).startswith("[libpq]"):
        return _stopped(str(error), place)
    known = tuple(module.Error for module in (driver, arrow) if module is not None)
    if driver is None or not isinstance(error, known):
        return None
    state = getattr(error, "sqlstate", None) or ""
    if state == "42501" and _POLICY in str(error):
        return ConnectorError("a row-level security policy hides rows from the account", place=place, hint=_EXEMPT)
    for length in (5, 3, 2):
        if found := _STATES.get(state[:length]):
            kind, message, hint = found
            return kind(message, place=place, hint=hint)
    if isinstance(error, driver.OperationalError) and not state:
        return SourceUnavailableError("the connection was lost", place=place, hint="Try again.")
    return ConnectorError(f"PostgreSQL refuses with {type(error).__name__} (SQLSTATE {state or 'none'})", place=place)


def _stopped(text: str, place: str) -> PortabilityError:
    """What ended a table that was being read as Arrow: the driver passes on the server's text, but not its state."""
    state = next((state for part, state in _IN_THE_MIDDLE if part in text), "")
    kind, message, hint = _STATES.get(
        state, (SourceUnavailableError, "the server stopped in the middle of a table", "Try again; its log says why.")
    )
    return kind(message, place=place, hint=hint)
