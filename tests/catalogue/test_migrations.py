"""Migrations: from each revision, with data, to a schema that is the one which the code declares."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect

import portability.catalogue
from portability.auditing import NewEntry, append, verify_chain
from portability.catalogue import open_catalogue, parse_address, upgrade_catalogue
from portability.catalogue.connection import Transaction, create_file, open_engine
from portability.catalogue.metadata import METADATA
from portability.catalogue.schema import HEAD, REVISIONS, migrate, read_identity
from portability.errors import CatalogueError
from tests.catalogue.raw import execute, query

for found in pkgutil.iter_modules(portability.catalogue.__path__):
    if found.name.endswith("_tables"):
        importlib.import_module(f"portability.catalogue.{found.name}")


def _at(url: str, revision: str) -> str:
    """Make a catalogue of a revision with three entries in it, and return which one it is."""
    address = parse_address(url)
    if address.path is not None:
        create_file(address.path)
    engine = open_engine(address)
    with engine.begin() as connection:
        migrate(connection, revision)
        identity = read_identity(connection)
        for _ in range(3):
            append(Transaction(connection, identity), NewEntry(action="test", actor="ann"))
    engine.dispose()
    return identity


def test_revisions_are_one_line_that_the_code_knows() -> None:
    """What the code calls the head is what Alembic calls it."""
    scripts = ScriptDirectory(str(Path(portability.catalogue.__file__).parent / "migrations"))
    assert tuple(reversed([each.revision for each in scripts.walk_revisions()])) == REVISIONS
    assert scripts.get_heads() == [HEAD]


def _is_declared(name: str | None, kind: str, parents: object) -> bool:
    """The index over an expression is looked for by its use: tests/auditing/test_clock.py."""
    del parents
    return kind != "index" or name != "audit_entry_subject"


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index audit_entry_subject")
def test_migrated_schema_is_the_one_that_the_code_declares(catalogue_url: str) -> None:
    """No table, column, type, index or constraint more or less."""
    upgrade_catalogue(catalogue_url)
    engine = open_engine(parse_address(catalogue_url))
    with engine.connect() as connection:
        opts = {"compare_type": True, "compare_server_default": True, "include_name": _is_declared}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, METADATA) == []
        inspector = inspect(connection)
        for table in METADATA.sorted_tables:
            named = inspector.get_pk_constraint(table.name)["name"]
            assert named == table.primary_key.name, table.name
    engine.dispose()


@pytest.mark.parametrize("revision", REVISIONS)
def test_upgrade_from_each_revision_keeps_what_is_there(catalogue_url: str, revision: str) -> None:
    """The same catalogue with the same whole chain, and new entries follow."""
    identity = _at(catalogue_url, revision)
    facts = upgrade_catalogue(catalogue_url)
    assert (facts.id, facts.revision_before, facts.revision) == (identity, revision, HEAD)
    with open_catalogue(catalogue_url) as catalogue:
        assert append(catalogue, NewEntry(action="test", actor="ann")).sequence == 4
        report = verify_chain(catalogue)
        assert (report.is_whole, report.entries) == (True, 4)


def test_upgrade_that_fails_leaves_the_old_schema_whole(catalogue_url: str) -> None:
    """All of it or nothing: a table in the way of a later migration undoes the earlier ones too."""
    _at(catalogue_url, REVISIONS[0])
    engine = open_engine(parse_address(catalogue_url))
    with engine.connect() as connection:
        before = set(inspect(connection).get_table_names())
    engine.dispose()
    coming = sorted({table.name for table in METADATA.sorted_tables} - before)
    if not coming:
        pytest.skip("no later migration makes a table")
    execute(catalogue_url, f"CREATE TABLE {coming[-1]} (in_the_way INTEGER)")
    with pytest.raises(CatalogueError):
        upgrade_catalogue(catalogue_url)
    assert query(catalogue_url, "SELECT version_num FROM alembic_version") == [(REVISIONS[0],)]
    execute(catalogue_url, f"DROP TABLE {coming[-1]}")
    assert upgrade_catalogue(catalogue_url).revision_before == REVISIONS[0]
