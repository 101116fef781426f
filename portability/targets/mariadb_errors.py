"""What MariaDB and MySQL complain of when written to, in our words: theirs quote the value that did not fit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from portability.connectors.mysql_errors import foreign_error as reading_error
from portability.errors import TargetError

if TYPE_CHECKING:
    from portability.errors import PortabilityError

__all__ = ["foreign_error"]

_LOST = ("the connection was lost; what was not committed is undone", "Run again when the server is reachable.")
_FULL = ("the server's disk or table space is full", "Make room there and run again.")
_RANGE = ("a number is out of its column's range", "")
_LONG = ("a text is longer than its column", "")
_MISSING = ("a value is missing where none may be", "")
_SAME_KEY = ("two rows have the same key", "")
_REFERENCE = ("a reference leads to no row", "")
_DENIED = ("the account may not do this", "Grant it the right, or use the database's owner.")
_FORM = ("a value is not in a form that its column takes", "")

# dev.mysql.com/doc/mysql-errors, mariadb.com/kb/en/mariadb-error-codes
_CODES: dict[int, tuple[str, str]] = {
    2006: _LOST,
    2013: _LOST,
    2014: _LOST,
    1927: _LOST,
    1053: _LOST,
    3: _FULL,
    1021: _FULL,
    1114: _FULL,
    28: _FULL,
    1264: _RANGE,
    1690: _RANGE,
    1406: _LONG,
    1048: _MISSING,
    1364: _MISSING,
    1062: _SAME_KEY,
    1586: _SAME_KEY,
    1216: _REFERENCE,
    1217: _REFERENCE,
    1451: _REFERENCE,
    1452: _REFERENCE,
    1005: ("a table or reference cannot be made as it is declared", ""),
    1044: _DENIED,
    1142: _DENIED,
    1143: _DENIED,
    1227: _DENIED,
    1050: ("a table of that name exists", "Choose an empty database."),
    1146: ("there is no such table", ""),
    1054: ("there is no such column", ""),
    1064: ("the statement is not SQL as the server knows it", ""),
    1265: _FORM,
    1292: _FORM,
    1366: _FORM,
    1411: _FORM,
    4025: ("a row breaks a check of the table", ""),
    3819: ("a row breaks a check of the table", ""),
    1118: ("the row is too wide for the server's tables", ""),
    1071: ("the columns are too long for a key", ""),
    1205: ("a table is locked by somebody else", "Run again when nobody uses the target."),
    1213: ("a table is locked by somebody else", "Run again when nobody uses the target."),
    1290: ("the target is read-only", "Choose the primary server."),
    1836: ("the target is read-only", "Choose the primary server."),
    1153: ("a row is larger than the server takes", "Raise its max_allowed_packet."),
}


def foreign_error(error: Exception, place: str) -> PortabilityError | None:
    """Turn the driver's exception into ours; None when it is not the driver's."""
    driver = sys.modules.get("pymysql")
    if driver is None or not isinstance(error, driver.err.Error):
        return None
    code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if found := _CODES.get(code):
        return TargetError(found[0], place=place, hint=found[1])
    return reading_error(error, place)
