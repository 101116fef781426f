"""What ODBC drivers complain of, in our words, by SQLSTATE: their text may quote a connection string or a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portability.errors import ConnectorError, PortabilityError, SourceDataError, SourceUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["driver_error"]

_Found = tuple[type[PortabilityError], str, str]

_REACH: _Found = (
    SourceUnavailableError,
    "the server cannot be reached",
    "Check host and port, and that the server runs and listens there.",
)
_LOGIN: _Found = (ConnectorError, "the server refuses the user or the password", "Check both; use ?password_file=PATH.")
_LOST: _Found = (SourceUnavailableError, "the connection was lost", "Try again when the server is running.")
_TABLE: _Found = (ConnectorError, "there is no such table", "It was dropped, or the account may not see it.")
_COLUMN: _Found = (ConnectorError, "there is no such column", "The table was changed; run again.")
_LATE: _Found = (SourceUnavailableError, "the server did not answer in time", "Try again when it is less busy.")
_READ_ONLY: _Found = (ConnectorError, "the session is read-only", "An export never writes to its source.")
# unixODBC says the same of a name that it does not know and of a file that it cannot load.
_UNLOADED: _Found = (
    ConnectorError,
    "the ODBC driver is not there, or cannot be loaded",
    "odbcinst -q -d lists those installed; ?driver=NAME takes one, named to the letter. If it is listed, reinstall it.",
)

# SQLSTATE or its beginning; ODBC's (learn.microsoft.com/sql/odbc/reference/appendixes) and the servers' own.
_STATES: Mapping[str, _Found] = {
    "IM002": (ConnectorError, "ODBC knows no such data source or driver", "See odbcinst -q -s and odbcinst -q -d."),
    "IM003": _UNLOADED,
    "IM004": _UNLOADED,
    "28": _LOGIN,
    "08001": _REACH,
    "08004": (ConnectorError, "the server refuses the connection", "Check the user, the database and its permissions."),
    "08": _LOST,
    "57P": _LOST,
    "57014": (SourceUnavailableError, "the server cancelled a statement", "Try again when it is less busy."),
    "HYT": _LATE,
    "55P03": (SourceUnavailableError, "a table is locked by somebody who changes it", "Try again."),
    "40": (SourceUnavailableError, "the server gave up the transaction", "Try again when nobody alters tables."),
    "53": (SourceUnavailableError, "the server has run out of memory, disk or connections", "Try again later."),
    "25006": _READ_ONLY,
    "42501": (
        ConnectorError,
        "the account may not read this",
        "Grant it SELECT, in PostgreSQL also USAGE of the schema and, where row-level security hides rows, BYPASSRLS.",
    ),
    "42S02": _TABLE,
    "42P01": _TABLE,
    "S0002": _TABLE,
    "42S22": _COLUMN,
    "42703": _COLUMN,
    "07006": (
        SourceDataError,
        "the driver cannot give a column in the form that is asked for",
        "Exclude the column that is of a type of this DBMS alone, or take another driver.",
    ),
    "01S07": (
        SourceDataError,
        "the driver rounds or cuts a value",
        "Exclude the column, or let the DBMS write it as text.",
    ),
    "portability": (
        SourceDataError,
        "a value is longer than the generic dialect holds",
        "Raise odbc_value_bytes_max in the configuration's limits, or exclude the column.",
    ),
    "01004": (
        SourceDataError,
        "the driver cuts a value that is longer than its column's declaration",
        "Let the server send it as text or bytes, or take another driver.",
    ),
    "22": (
        SourceDataError,
        "a value cannot be read in the form its declaration promises",
        "Look for it with the server's own client.",
    ),
    "XX": (SourceDataError, "the server finds its own data damaged", "Ask its administrator to check the table."),
    "HYC00": (ConnectorError, "the driver lacks a function that reading needs", "Take another or a newer driver."),
    "IM001": (ConnectorError, "the driver lacks a function that reading needs", "Take another or a newer driver."),
}
# Parts of a message, for SQLite, whose driver has one state for everything.
_SAID: Mapping[str, _Found] = {
    "no such table": _TABLE,
    "no such column": _COLUMN,
    "readonly database": _READ_ONLY,
    "database is locked": (SourceUnavailableError, "the database is locked by a writer", "Try again, or stop it."),
    "not a database": (SourceDataError, "SQLite refuses the file", "Run PRAGMA integrity_check on a copy."),
    "malformed": (SourceDataError, "SQLite refuses the file", "Run PRAGMA integrity_check on a copy."),
}
# The server's own number, where its driver gives no state that tells.
_CODES: Mapping[int, _Found] = {
    115: _REACH,  # MariaDB's driver: the operating system's number of a connection that was not made
    1045: _LOGIN,
    1698: _LOGIN,
    1049: (ConnectorError, "there is no such database", "Check the name in the address."),
    1792: _READ_ONLY,
    2002: _REACH,
    2003: _REACH,
    2006: _LOST,
    2013: _LOST,
    1205: (SourceUnavailableError, "a table is locked by somebody else, or a deadlock was broken", "Try again."),
    3960: (SourceUnavailableError, "the server gave up the snapshot", "Try again when nobody alters tables."),
    3952: (
        ConnectorError,
        "the database does not allow snapshot isolation",
        "ALTER DATABASE … SET ALLOW_SNAPSHOT_ISOLATION ON, or give ?isolation=window.",
    ),
    4060: (ConnectorError, "there is no such database, or the user may not open it", "Check the name in the address."),
    # Progress OpenEdge, as its documentation has it.
    -210012: (
        SourceDataError,
        "a value is wider than the SQL width of its column",
        "Run dbtool (SQL Width Scan with Fix Option) on the database, then try again; do not let the server truncate.",
    ),
    18456: _LOGIN,
    229: (ConnectorError, "the account may not read this", "Grant it SELECT."),
    208: _TABLE,
    207: _COLUMN,
}


def driver_error(told: Mapping[str, Any], place: str) -> PortabilityError:
    """Turn what the reader's process says of a failure into an error of ours."""
    if told.get("missing"):
        if told.get("manager"):
            hint = "Install unixODBC (Debian: unixodbc)."
            return ConnectorError("the ODBC driver manager is not installed", place=place, hint=hint)
        hint = "Run: pip install 'portability[odbc]'"
        return ConnectorError("the library for ODBC is not installed", place=place, hint=hint)
    state, code = str(told.get("state") or ""), int(told.get("code") or 0)
    found = _SAID.get(str(told.get("says"))) or (_STATES["IM003"] if told.get("opened") else _found(state, code))
    if found is None:
        message = f"the ODBC driver refuses with {told.get('kind')} (SQLSTATE {state or 'none'}, error {code})"
        return ConnectorError(message, place=place, hint="Look up the number in the manual of the DBMS.")
    kind, message, hint = found
    return kind(message, place=place, hint=hint)


def _found(state: str, code: int) -> _Found | None:
    if code in _CODES and (code < 0 or state[:2] in ("HY", "42", "08", "28", "40", "S1", "")):
        return _CODES[code]
    for length in (5, 3, 2):
        if found := _STATES.get(state[:length]):
            return found
    return None
