"""What MariaDB, MySQL and the driver complain of, in our words: no text of theirs, which may quote a client's data."""

from __future__ import annotations

import sys

from portability.errors import ConnectorError, PortabilityError, SourceDataError, SourceUnavailableError

__all__ = ["foreign_error"]

_Found = tuple[type[PortabilityError], str, str]

_CHANGED: _Found = (
    SourceUnavailableError,
    "a table was altered while the export ran",
    "Try again when nobody alters tables.",
)
_LOST: _Found = (SourceUnavailableError, "the connection was lost", "Try again when the server is running.")
_LIMIT: _Found = (
    SourceUnavailableError,
    "the server cancelled a statement",
    "Try again when it is less busy, or raise its time limit.",
)
_REACH: _Found = (
    SourceUnavailableError,
    "the server cannot be reached",
    "Check host and port, and that the server runs and listens there.",
)
_DENIED: _Found = (ConnectorError, "the account may not read this", "Grant it SELECT.")
_DAMAGED: _Found = (
    SourceDataError,
    "the server finds its own data damaged",
    "Ask its administrator to check the table.",
)
_FULL: _Found = (
    SourceUnavailableError,
    "the server has run out of memory, disk or connections",
    "Try again when it is less busy.",
)
_PACKET: _Found = (
    SourceDataError,
    "a value or row is larger than the server will send",
    "Raise its max_allowed_packet.",
)

# dev.mysql.com/doc/mysql-errors, mariadb.com/kb/en/mariadb-error-codes
_CODES: dict[int, _Found] = {
    1044: (ConnectorError, "the account may not use this database", "Grant it SELECT on the database."),
    1045: (ConnectorError, "the server refuses the user or the password", "Check both; use ?password_file=PATH."),
    1698: (ConnectorError, "the server refuses the user or the password", "Check both; use ?password_file=PATH."),
    1049: (ConnectorError, "there is no such database", "Check the name in the address."),
    1146: (ConnectorError, "there is no such table", "It was dropped; run again."),
    1054: (ConnectorError, "there is no such column", "The table was changed; run again."),
    1142: _DENIED,
    1143: _DENIED,
    1227: _DENIED,
    1370: _DENIED,
    1205: (SourceUnavailableError, "a table is locked by somebody else", "Try again when nobody alters tables."),
    1213: (SourceUnavailableError, "a table is locked by somebody else", "Try again when nobody alters tables."),
    1412: _CHANGED,
    1317: _LIMIT,
    1969: _LIMIT,
    3024: _LIMIT,
    1040: _FULL,
    1037: _FULL,
    1038: _FULL,
    1041: _FULL,
    1114: _FULL,
    1203: _FULL,
    1226: _FULL,
    1053: _LOST,
    1077: _LOST,
    1152: _LOST,
    1158: _LOST,
    1159: _LOST,
    1160: _LOST,
    1161: _LOST,
    1927: _LOST,
    2006: _LOST,
    2013: _LOST,
    2014: _LOST,
    2055: _LOST,
    2002: _REACH,
    2003: _REACH,
    2005: _REACH,
    1129: _REACH,
    1130: (ConnectorError, "the server refuses connections from this machine", "Ask its administrator to allow it."),
    2026: (ConnectorError, "no encrypted connection could be agreed on", "Check the ssl_ options of the address."),
    3159: (ConnectorError, "the server wants an encrypted connection", "Give ?ssl_ca=FILE in the address."),
    1034: _DAMAGED,
    1194: _DAMAGED,
    1195: _DAMAGED,
    1030: _DAMAGED,
    1712: _DAMAGED,
    1153: _PACKET,
    1301: _PACKET,
}


def foreign_error(error: Exception, place: str) -> PortabilityError | None:
    """Turn the driver's exception into ours; None when it is not the driver's."""
    driver = sys.modules.get("pymysql")
    if driver is None or not isinstance(error, driver.err.Error):
        return None
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if found := _CODES.get(code):
        kind, message, hint = found
        return kind(message, place=place, hint=hint)
    if isinstance(error, driver.err.InterfaceError):
        kind, message, hint = _LOST
        return kind(message, place=place, hint=hint)
    return ConnectorError(f"the server refuses with {type(error).__name__} (error {code})", place=place)
