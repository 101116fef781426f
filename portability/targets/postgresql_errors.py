"""What PostgreSQL complains of when it is written to, in our words: its own quote the value that did not fit."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from portability.connectors.postgresql_errors import foreign_error as reading_error
from portability.errors import TargetError

if TYPE_CHECKING:
    from portability.errors import PortabilityError

__all__ = ["foreign_error"]

# SQLSTATE or its class -> (message, hint)
_STATES: dict[str, tuple[str, str]] = {
    "08": ("the connection was lost; what was not committed is undone", "Run again when the server is reachable."),
    "57P": ("the server ended the session; what was not committed is undone", "Run again when it is running."),
    "57014": ("the server cancelled a statement", "Run again, or lift its time limit."),
    "53100": ("the server's disk is full", "Make room there and run again."),
    "53": ("the server has run out of memory, connections or locks", "Ask its administrator."),
    "55P03": ("a table is locked by somebody else", "Run again when nobody uses the target."),
    "40": ("the server gave up the transaction because of another one", "Run again when nobody uses the target."),
    "42501": ("the account may not do this", "Grant it the right, or use the database's owner."),
    "42P01": ("there is no such table", ""),
    "42883": ("it calls a function that is not there", ""),
    "42704": ("it names a type or other thing that is not there", ""),
    "42703": ("there is no such column", ""),
    "42P07": ("a table of that name exists", "Choose an empty database."),
    "42601": ("the statement is not SQL as PostgreSQL knows it", ""),
    "25006": ("the target is read-only", "Choose the primary server."),
    "23502": ("a value is missing where none may be", ""),
    "23503": ("a reference leads to no row", ""),
    "23505": ("two rows have the same key", ""),
    "23514": ("a row breaks a check of the table", ""),
    "23P01": ("two rows exclude each other", ""),
    "22001": ("a text is longer than its column", ""),
    "22003": ("a number is out of its column's range", ""),
    "22007": ("a date or time is not in a form that the column takes", ""),
    "22008": ("a date or time is out of its column's range", ""),
    "22021": ("a text has a character that cannot be stored here", ""),
    "22P02": ("a value is not in a form that its column takes", ""),
    "22": ("a value cannot be stored in its column", ""),
    "54": ("a limit of PostgreSQL is passed", ""),
}


def foreign_error(error: Exception, place: str) -> PortabilityError | None:
    """Turn the driver's exception into ours; None when it is not the driver's."""
    driver = sys.modules.get("psycopg")
    if driver is None or not isinstance(error, driver.Error):
        return None
    state = error.sqlstate or ""
    where = _place(error.diag, place)
    for length in (5, 3, 2):
        if found := _STATES.get(state[:length]):
            return TargetError(found[0], place=where, hint=found[1])
    if isinstance(error, driver.OperationalError) and not state:
        message, hint = _STATES["08"]
        return TargetError(message, place=where, hint=hint)
    return reading_error(error, where)


def _place(diagnosis: Any, place: str) -> str:  # noqa: ANN401 -- the driver's own
    """Name table, column or constraint as the server does; never a value."""
    table, column, constraint = diagnosis.table_name, diagnosis.column_name, diagnosis.constraint_name
    parts = [place or (f"{diagnosis.schema_name}.{table}" if table else "")]
    named = column or _copied_column(diagnosis.context)
    parts += [f"column {named}"] if named else []
    parts += [f"constraint {constraint}"] if constraint else []
    return ": ".join(part for part in parts if part)


def _copied_column(context: str | None) -> str:
    """Take the column's name out of ``COPY t, line 7, column c: "the value"``."""
    head, _, rest = (context or "").partition(", column ")
    return rest.partition(":")[0] if head.startswith("COPY ") else ""
