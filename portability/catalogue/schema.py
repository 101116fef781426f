"""The catalogue's schema: which migrations there are, which a catalogue has had, and bringing it up to date.

Migrations are Alembic's and lie in this package; no alembic.ini is needed. Alembic is imported when one runs, for it
costs half a second that no other command pays.
"""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Column, Table, Text, inspect, select, text

from portability.catalogue.metadata import METADATA
from portability.catalogue.moments import moment_text
from portability.errors import CatalogueError

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["HEAD", "REVISIONS", "catalogue_identity", "migrate", "read_identity", "refuse_other_schema", "revision_of"]

REVISIONS = ("0001_audit_operators", "0002_requests", "0003_deposits", "0004_receipts")
HEAD = REVISIONS[-1]
_MIGRATIONS = Path(__file__).parent / "migrations"
_UPGRADE = "Run: portability catalogue upgrade"

catalogue_identity = Table(
    "catalogue_identity",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("created_at", Text, nullable=False),
)


def revision_of(connection: Connection) -> str | None:
    """Return the last migration that a catalogue has had; None for an empty database.

    Raises:
        CatalogueError: The database holds something else.
    """
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
        if len(found) == 1:
            return str(found[0])
    if tables:
        hint = "Name a database of its own for the catalogue."
        raise CatalogueError("this database holds something else than a catalogue", hint=hint)
    return None


def refuse_other_schema(revision: str | None, label: str) -> None:
    """Refuse a catalogue whose schema is not this program's.

    Raises:
        CatalogueError: It is missing, older or newer; the hint mends it.
    """
    if revision == HEAD:
        return
    if revision is None:
        raise CatalogueError("there is no catalogue here yet", place=label, hint=_UPGRADE)
    if revision in REVISIONS:
        message = f"the catalogue's schema is older ({revision}) than this program's ({HEAD})"
        raise CatalogueError(message, place=label, hint=f"Copy it, then run: {_UPGRADE.removeprefix('Run: ')}")
    message = f"the catalogue's schema ({revision}) is not known to this program, which has {HEAD}"
    raise CatalogueError(message, place=label, hint="Use the version of this program that made it, or a newer one.")


def read_identity(connection: Connection) -> str:
    """Return which catalogue this is.

    Raises:
        CatalogueError: It does not say, or says it twice.
    """
    found = connection.execute(select(catalogue_identity.c.id)).scalars().all()
    if len(found) != 1:
        raise CatalogueError("the catalogue does not say which one it is", hint="Put back a copy of it.")
    return str(found[0])


def migrate(connection: Connection, revision: str = "head") -> None:
    """Bring a schema up to a revision, inside the caller's transaction: all of it or nothing."""
    from alembic import command  # noqa: PLC0415 -- see above
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    if not connection.execute(select(catalogue_identity.c.id)).scalars().all():
        values = {"id": str(uuid.uuid4()), "created_at": moment_text()}
        connection.execute(catalogue_identity.insert().values(values))
