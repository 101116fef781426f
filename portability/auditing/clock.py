"""The chain's clock: what this machine's says, held against the last entry and, on PostgreSQL, against the server's.

Whoever acts reads the time off a machine of their own. A clock that was set back would let a revoked operator act, and
one that was set forward would end a period of waiting; so time in the chain does not run backwards, and the DBMS is
asked where it has a clock of its own. On SQLite a clock that runs ahead is found by the next right one (docs/audit.md).
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from portability.catalogue import moment_text, now, parse_moment_text
from portability.catalogue.audit_tables import last_entry, server_moment
from portability.errors import CatalogueError
from portability.limits import DEFAULT_LIMITS

if TYPE_CHECKING:
    from portability.catalogue import Transaction
    from portability.catalogue.audit_tables import AuditRow

__all__ = ["SKEW", "chain_moment", "moment_of"]

SKEW = timedelta(seconds=DEFAULT_LIMITS.catalogue_skew_s)
_HINT = "Set this machine's clock (NTP). If an entry lies in the future, a clock ran ahead: docs/audit.md, Time."


def chain_moment(transaction: Transaction) -> datetime:
    """Return this moment, never one before the chain's last entry: that one's, if this clock is a little behind.

    Raises:
        CatalogueError: This machine's clock is wrong: before the last entry, or not what the server's says.
    """
    moment, server = now(), server_moment(transaction)
    if server is not None and abs(moment - server) > SKEW / 2:
        said = f"this machine's clock says {moment_text(moment)}, the database server's {moment_text(server)}"
        raise CatalogueError(said, place="clock", hint=_HINT)
    last = moment_of(last_entry(transaction))
    if last is None or moment >= last:
        return moment
    if last - moment > SKEW:
        said = f"this machine's clock says {moment_text(moment)}, the last entry was made at {moment_text(last)}"
        raise CatalogueError(said, place="clock", hint=_HINT)
    return last


def moment_of(row: AuditRow | None) -> datetime | None:
    """Return when an entry was made; None when it does not say, which ``audit verify`` finds."""
    try:
        return None if row is None else parse_moment_text(json.loads(row.document)["at"])
    except (ValueError, KeyError, TypeError):
        return None
