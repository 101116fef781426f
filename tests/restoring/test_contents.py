"""What a restored database is to a program that uses it, and what the report says of the rest."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from portability.restoring import RestoreReport, RestoreRequest, restore_archive
from portability.targets import open_target
from tests.restoring.awkward import LONG
from tests.restoring.conftest import Fresh

ArchiveOf = Callable[[str], Path]


def restored(archive: Path, url: str) -> RestoreReport:
    """Restore without verifying again."""
    return restore_archive(RestoreRequest(archive=archive, url=url, unverified=True))


def left_out(report: RestoreReport) -> set[tuple[str, str]]:
    """Name what is not there: place and first word of what."""
    return {(each.place, each.what.split()[0]) for each in report.left_out}


def test_restore_postgresql_has_types_keys_and_numbering_again(archive_of: ArchiveOf, fresh: Fresh) -> None:
    """Enums, defaults, indexes, self and circular references are there; new rows get new numbers."""
    url = fresh("postgresql")
    report = restored(archive_of("postgresql"), url)
    with psycopg.connect(url) as connection:

        def fetch(sql: str) -> list[Any]:
            return connection.execute(sql.encode()).fetchall()

        assert fetch(
            "INSERT INTO client (name, state) VALUES ('new', 'open') RETURNING id, valid_until = 'infinity'"
        ) == [(4, True)]
        assert fetch("INSERT INTO matter (total) VALUES (1) RETURNING id, no") == [(3, 504)]
        assert fetch("SELECT doc = %s FROM client WHERE id = 3".replace("%s", f"$q${LONG}$q$")) == [(True,)]
        assert fetch("SELECT valid_until::text, rate::text, attz::text FROM client WHERE id = 1") == [
            ("infinity", "1.50", "10:00:00+02")
        ]
        assert fetch("SELECT conname::text, convalidated FROM pg_constraint WHERE contype = 'f' ORDER BY 1") == [
            ("broken_one", False),
            ("client_boss_fkey", True),
            ("matter_lead", True),
            ("task_matter_id_fkey", True),
        ]
        indexes = {name for (name,) in fetch("SELECT indexname::text FROM pg_indexes WHERE tablename = 'client'")}
        assert indexes == {"client_pkey", "client_name_state", "client_lower", "client_born"}
        assert fetch("SELECT obj_description('client'::regclass)") == [('people, "firms"',)]
    assert ("Other Schema.select", "FOREIGN") in left_out(report)
    assert ("public.open_client", "view") in left_out(report)
    assert [c.column for c in report.columns] == ["fee"]  # a domain, whose own check the archive does not have


def test_restore_mariadb_has_collations_zero_dates_and_numbering_again(archive_of: ArchiveOf, fresh: Fresh) -> None:
    """What the application compares without case it compares so again; zero dates are zero dates."""
    url = fresh("mariadb")
    report = restored(archive_of("mariadb"), url)
    with open_target(url) as target:

        def ask(sql: str) -> list[tuple[Any, ...]]:
            return [tuple(row.values()) for row in target.query(sql).to_pylist()]

        assert ask("SELECT CAST(born AS CHAR) AS b FROM client ORDER BY id") == [
            ("0000-00-00",),
            ("2022-11-00",),
            (None,),
        ]
        assert ask("SELECT id FROM client WHERE name = 'PLAIN'") == [(9,)]
        assert ask("SELECT state + 0 AS s, kinds + 0 AS k FROM client ORDER BY id") == [(1, 5), (2, 0), (3, None)]
        assert ask("SELECT bits + 0 AS b, ST_AsText(shape) AS s, y FROM client WHERE id = 1") == [
            (21, "POINT(1 2)", 1901)
        ]
        target.execute("INSERT INTO client (name) VALUES ('new')")
        assert ask("SELECT max(id) AS m FROM client") == [(10,)]
        assert ask("SELECT count(*) AS n FROM client WHERE MATCH (doc) AGAINST ('text')") == [(1,)]
    assert ("main.child", "FOREIGN") in left_out(report)
    assert [(c.column, c.rows) for c in report.columns] == [("twice", 0)]


def test_restore_sqlite_has_storage_classes_and_its_own_declarations_again(archive_of: ArchiveOf, fresh: Fresh) -> None:
    """Each value has the storage class that it had, text that is no UTF-8 its bytes, the tables their own text."""
    url = fresh("sqlite")
    report = restored(archive_of("sqlite"), url)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    classes = connection.execute("SELECT group_concat(typeof(odd), ' ') FROM client").fetchall()
    assert classes == [("integer real text blob null",)]
    assert connection.execute("SELECT CAST(broken AS BLOB) FROM client WHERE id = 5").fetchall() == [(b"a\xffb",)]
    assert connection.execute("SELECT typeof(fee), fee FROM client WHERE id = 6").fetchall() == [("real", -1250.1)]
    assert connection.execute("SELECT typeof(a) FROM keyless ORDER BY b").fetchall() == [
        (name,) for name in ("null", "real", "integer", "text", "integer")
    ]
    connection.execute("INSERT INTO client (name) VALUES ('new')")
    assert connection.execute("SELECT max(id) FROM client").fetchall() == [(10,)]
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = 'client'").fetchone()
    assert "COLLATE NOCASE DEFAULT 'nobody'" in sql
    connection.close()
    assert report.columns == ()


@pytest.mark.parametrize(
    ("source", "target", "table", "column", "rows"),
    [
        ("postgresql", "mariadb", "public.client", "valid_until", 1),
        ("postgresql", "mariadb", "public.client", "f4", 2),
        ("postgresql", "sqlite", "public.client", "f8", 1),
        ("mariadb", "postgresql", "main.client", "born", 2),
        ("sqlite", "postgresql", "main.client", "doc", 1),
    ],
)
def test_restore_value_that_the_target_cannot_hold_is_counted_in_the_report(  # noqa: PLR0917
    source: str, target: str, table: str, column: str, rows: int, archive_of: ArchiveOf, fresh: Fresh
) -> None:
    """An infinity, a zero date, a NUL in a text: never in silence."""
    report = restored(archive_of(source), fresh(target))
    changed = {(each.table, each.column): each for each in report.changed}
    assert changed[table, column].rows == rows
    assert changed[table, column].why


def test_restore_across_kinds_recreates_keys_references_and_plain_defaults(archive_of: ArchiveOf, fresh: Fresh) -> None:
    """In another DBMS too, a row without a name gets the default, and one with a wrong reference is refused."""
    url = fresh("sqlite")
    report = restored(archive_of("postgresql"), url)
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("INSERT INTO client (id) VALUES (100)")
    assert connection.execute("SELECT name FROM client WHERE id = 100").fetchall() == [("nobody",)]
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("INSERT INTO task VALUES (99, 404)")
    connection.close()
    assert ("Other Schema.select", "FOREIGN") in left_out(report)  # broken in the source: left out here
    assert [(each.old, each.new) for each in report.renamed] == [("Other Schema.select", "Other Schema__select")]


def test_restore_into_mariadb_numbers_go_on_after_the_data(archive_of: ArchiveOf, fresh: Fresh) -> None:
    """An identity of PostgreSQL is an AUTO_INCREMENT here."""
    url = fresh("mariadb")
    restored(archive_of("postgresql"), url)
    with open_target(url) as target:
        target.execute("INSERT INTO client (name) VALUES ('new')")
        assert target.query("SELECT max(id) AS m FROM client").to_pydict() == {"m": [4]}
