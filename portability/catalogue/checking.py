"""Upgrading a catalogue, and checking one: its schema, its guards, and the DBMS's own check of the file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

from portability.catalogue.address import parse_address
from portability.catalogue.audit_tables import GUARDED
from portability.catalogue.connection import create_file, open_engine
from portability.catalogue.failures import translated
from portability.catalogue.opening import admit_file, bring_up, connected
from portability.catalogue.schema import HEAD, read_identity, refuse_other_schema, revision_of
from portability.errors import CatalogueError

if TYPE_CHECKING:
    from sqlalchemy import Connection

__all__ = ["CatalogueFacts", "check_catalogue", "upgrade_catalogue"]


@dataclass(frozen=True, kw_only=True)
class CatalogueFacts:
    """What may be said of a catalogue; ``revision_before`` is what it had, None for a new one."""

    address: str
    id: str
    revision: str
    revision_before: str | None
    tables: int


def upgrade_catalogue(url: str) -> CatalogueFacts:
    """Make a catalogue, or bring its schema up to this program's; all of it or nothing.

    Raises:
        ConfigError: The address cannot be read.
        CatalogueError: It is newer, holds something else, or cannot be written.
    """
    return _looked_at(url, upgrade=True)


def check_catalogue(url: str) -> CatalogueFacts:
    """Check that a catalogue can be used as it is.

    Raises:
        ConfigError: The address cannot be read.
        CatalogueError: It is of another schema, damaged, readable by others, or its guards were taken away.
    """
    return _looked_at(url, upgrade=False)


def _looked_at(url: str, *, upgrade: bool) -> CatalogueFacts:
    address = parse_address(url)
    if upgrade and address.path is not None and not address.path.exists():
        create_file(address.path)
    admit_file(address.path, address.label, make=False)
    with translated(address.label):
        engine = open_engine(address)
    try:
        with connected(engine, address.label, reading=not upgrade) as connection:
            before = bring_up(connection, address.label) if upgrade else revision_of(connection)
            refuse_other_schema(HEAD if upgrade else before, address.label)
            _check_file(connection, address.label)
            _check_guards(connection, address.label)
            tables = len(connection.dialect.get_table_names(connection))
            identity = read_identity(connection)
    finally:
        engine.dispose()
    return CatalogueFacts(address=address.label, id=identity, revision=HEAD, revision_before=before, tables=tables)


def _check_file(connection: Connection, label: str) -> None:
    if connection.dialect.name != "sqlite":
        return
    found = [str(row[0]) for row in connection.execute(text("PRAGMA integrity_check(10)"))]
    strays = connection.execute(text("PRAGMA foreign_key_check")).all()
    if found != ["ok"] or strays:
        what = "rows refer to rows that are not there" if found == ["ok"] else f"the file is damaged: {found[0]}"
        hint = "Put back a copy, then compare it with the last anchored checkpoint: portability audit verify."
        raise CatalogueError(what, place=label, hint=hint)


def _check_guards(connection: Connection, label: str) -> None:
    """Refuse a catalogue from which somebody took the triggers that keep rows from being changed."""
    if connection.dialect.name == "sqlite":
        query = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
        wanted = {f"{table}_{what}" for table in GUARDED for what in ("no_update", "no_delete", "in_order")}
    else:
        query = text(
            "SELECT tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE tgenabled <> 'D' AND c.relnamespace = current_schema()::regnamespace"
        )
        wanted = {f"{table}_{what}" for table in GUARDED for what in ("rows", "truncate")}
    missing = sorted(wanted - {str(row[0]) for row in connection.execute(query)})
    if missing:
        hint = "Somebody changed the schema by hand. Run: portability audit verify, and ask who did."
        raise CatalogueError(f"a guard was taken away: {missing[0]}", place=label, hint=hint)
