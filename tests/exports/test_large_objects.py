"""Large objects of PostgreSQL: a table like any other, exact, of the snapshot, streamed, restored by their numbers."""

from __future__ import annotations

import re
import secrets
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import psycopg
import pytest

from portability.checks import require, verify
from portability.connectors import open_connector
from portability.errors import ConnectorError, TargetError
from portability.exports import ExportRequest, export_archive
from portability.limits import DEFAULT_LIMITS
from portability.profiles import load_profile
from portability.restoring import RestoreRequest, restore_archive
from portability.restoring.marker import LARGE_OBJECTS, Made, begin
from portability.scoping import RowFilter
from portability.scoping.filters import Among, Reaches
from portability.targets import open_target
from tests.connectors.odbc_databases import need_driver
from tests.exports.test_lobs import MIB, peak_mib, sha256

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import MakeDatabase
    from tests.servers import PostgreSQLServer

PAGE_BYTES = 2048
PROFILE = """profile: deeds
title: Deeds in large objects
detect: [deed]
documents:
  - {name: scans, table: large_objects, lob: data}
"""
PAGE = (Path(__file__).parents[2] / "docs/sources.md").read_text(encoding="utf-8")
LABEL = "public.large_objects"
# One more than fits, one less, and none: at the pages' edges, the archive's own limit, and what travels in pieces.
SIZES = [0, 1, PAGE_BYTES - 1, PAGE_BYTES, PAGE_BYTES + 1, MIB, MIB + 1, 8 * MIB, 8 * MIB + 1]


@pytest.fixture
def reader(postgresql_server: PostgreSQLServer) -> Iterator[str]:
    """An account that may log in and nothing else; asked for before the databases, it goes after them."""
    postgresql_server.execute("CREATE ROLE clerk LOGIN")
    yield "clerk"
    postgresql_server.execute("DROP ROLE clerk")


def put(url: str, number: int, content: bytes) -> None:
    """Make a large object."""
    with psycopg.connect(url) as connection:
        connection.execute("SELECT lo_from_bytea(%s::bigint::oid, %s)", (number, content))


def archive_of(url: str, folder: Path) -> Path:
    """Export a database and return the archive's folder."""
    return export_archive(ExportRequest(connector=open_connector(url), destination=folder)).archive.root


def contents(archive: Path) -> dict[int, bytes]:
    """Read every large object from an archive."""
    file = archive / f"data/source/{LABEL}.parquet"
    columns = [row[0] for row in duckdb.execute(f"DESCRIBE SELECT * FROM '{file}'").fetchall()]
    reference = "data__file.sha256" if "data__file" in columns else "NULL"
    rows = duckdb.execute(f"SELECT loid, data, {reference} FROM '{file}'").fetchall()
    return {
        number: value if value is not None else (archive / f"data/documents/{name[:2]}/{name}").read_bytes()
        for number, value, name in rows
    }


def test_large_objects_of_every_size_are_archived_exactly_and_restored_under_their_numbers(
    postgresql_url: MakeDatabase, tmp_path: Path
) -> None:
    """A table of the firm names them by ``oid``; one is empty, one greater than a signed number, one has a hole."""
    url = postgresql_url()
    expected = {2**32 - 1 - number: secrets.token_bytes(size) for number, size in enumerate(SIZES)}
    for number, content in expected.items():
        put(url, number, content)
    expected[77] = bytes(9 * MIB) + b"end"
    with psycopg.connect(url) as connection:
        connection.execute("SELECT lo_create(77), lo_put(77, %s, 'end')", (9 * MIB,))
        connection.execute("CREATE TABLE deed (id int PRIMARY KEY, scan oid NOT NULL)")
        connection.execute("INSERT INTO deed SELECT row_number() OVER (), oid FROM pg_largeobject_metadata")
    archive = archive_of(url, tmp_path / "archive")
    assert contents(archive) == expected
    require(verify(archive, level="deep"))
    joined = (
        f"SELECT count(*) FROM '{archive}/data/source/public.deed.parquet' d"
        f" JOIN '{archive}/data/source/{LABEL}.parquet' l ON l.loid = d.scan"
    )
    assert duckdb.execute(joined).fetchone() == (len(expected),)
    again = postgresql_url()
    report = restore_archive(RestoreRequest(archive=archive, url=again, unverified=True))
    assert (report.changed, report.totals.differences) == ((), ())
    assert contents(archive_of(again, tmp_path / "again")) == expected
    with pytest.raises(TargetError, match="not empty"):
        restore_archive(RestoreRequest(archive=archive, url=again, unverified=True))


def test_large_objects_are_rows_of_a_table_in_another_dbms(postgresql_url: MakeDatabase, tmp_path: Path) -> None:
    """What has no large objects has their numbers and bytes; a table of the firm keeps its name."""
    url = postgresql_url()
    put(url, 5, b"deed")
    with psycopg.connect(url) as connection:
        connection.execute("CREATE VIEW large_objects AS SELECT 1 AS one")
    archive = archive_of(url, tmp_path / "archive")
    restore_archive(RestoreRequest(archive=archive, url=f"duckdb:///{tmp_path / 'a.duckdb'}", unverified=True))
    with duckdb.connect(str(tmp_path / "a.duckdb")) as connection:
        assert connection.execute("SELECT loid, data FROM large_objects_").fetchall() == [(5, b"deed")]


def test_large_objects_are_those_of_the_snapshot(postgresql_url: MakeDatabase) -> None:
    """One is rewritten, one longer, one unlinked and one made while the snapshot is held."""
    url = postgresql_url()
    expected = {1: b"kept", 2: b"a" * (9 * MIB), 3: b"longer"}
    for number, content in expected.items():
        put(url, number, content)
    with open_connector(url, limits=replace(DEFAULT_LIMITS, inline_value_bytes=5)).snapshot() as snapshot:
        (table,) = snapshot.discover().tables
        with psycopg.connect(url) as connection:
            connection.execute("SELECT lo_put(1, 0, 'lost'), lo_put(3, 6, 'longer still'), lo_put(2, 0, 'b')")
            connection.execute("SELECT lo_unlink(2), lo_from_bytea(4, 'new')")
        plan = snapshot.plan(table)
        rows = [row for batch in snapshot.read(plan) for row in batch.to_pylist()]
        pieces = b"".join(snapshot.read_value(plan, "data", [2]))
    assert [(row["loid"], row["data"], row["data__size"]) for row in rows] == [
        (1, b"kept", None),
        (2, None, 9 * MIB),
        (3, b"longer", 6),
    ]
    assert sha256(pieces) == sha256(expected[2])
    assert plan.totals.rows == 3
    assert plan.totals.columns[1].size_bytes == sum(map(len, expected.values()))


def test_large_objects_that_may_not_be_read_stop_the_export_by_their_numbers(
    reader: str, postgresql_url: MakeDatabase, tmp_path: Path
) -> None:
    """An ordinary account needs SELECT on each, whatever way it has it, and then needs nothing else."""
    url = postgresql_url()
    for number in range(1, 16):
        put(url, number, b"x" * number)
    other = url.replace("//postgres@", f"//{reader}@")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("GRANT SELECT ON LARGE OBJECT 1 TO PUBLIC")
        connection.execute(f"GRANT SELECT ON LARGE OBJECT 2 TO {reader}".encode())
        connection.execute(f"ALTER LARGE OBJECT 3 OWNER TO {reader}".encode())
        with pytest.raises(ConnectorError, match=r"large_objects\.data \(.*large object 4, 5, .*, 13 and 2 more\)"):
            archive_of(other, tmp_path / "refused")
        (grants,) = re.findall(r"^```sql\n(DO .*?)^```", PAGE, re.MULTILINE | re.DOTALL)
        connection.execute(grants.replace("portability", reader).encode())
    archive = archive_of(other, tmp_path / "archive")
    assert contents(archive) == {number: b"x" * number for number in range(1, 16)}


def test_large_objects_are_documents_of_a_profile_and_filtered_by_who_names_them(
    postgresql_url: MakeDatabase, tmp_path: Path
) -> None:
    """Each is found by its number, the short ones too; a scope that leads to them reads no others."""
    url = postgresql_url()
    for number, content in ((7, b"%PDF-1.4 deed"), (8, b""), (9, b"another's")):
        put(url, number, content)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE deed (id int PRIMARY KEY, firm int NOT NULL, scan oid NOT NULL)")
        connection.execute("INSERT INTO deed VALUES (1, 1, 7), (2, 1, 8), (3, 2, 9)")
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile/profile.yaml").write_text(PROFILE, encoding="utf-8")
    profile = load_profile(str(tmp_path / "profile"))
    request = ExportRequest(connector=open_connector(url), destination=tmp_path / "archive", profile=profile)
    archive = export_archive(request).archive.root
    file = archive / "data/reports/documents.parquet"
    listed = duckdb.execute(f"SELECT locator, size_bytes, media_type FROM '{file}' ORDER BY ALL").fetchall()
    assert listed == [('["7"]', 13, "application/pdf"), ('["9"]', 9, None)]
    with open_connector(url).snapshot() as snapshot:
        deed, objects = snapshot.discover().tables
        mine = Reaches(
            columns=("loid",),
            table=("public", "deed"),
            to_columns=("scan",),
            rows=Among(columns=("firm",), values=(("1",),)),
        )
        plan = snapshot.plan(objects, rows=RowFilter(condition=mine, tables=(deed, objects)))
        rows = [row for batch in snapshot.read(plan) for row in batch.to_pylist()]
        assert rows == [{"loid": 7, "data": b"%PDF-1.4 deed"}, {"loid": 8, "data": b""}]
        named = Reaches(
            columns=("scan",),
            table=("public", "large_objects"),
            to_columns=("loid",),
            rows=Among(columns=("loid",), values=(("9",),)),
        )
        assert snapshot.count(deed, RowFilter(condition=named, tables=(deed, objects))) == 1


def test_large_objects_of_an_unfinished_restore_are_dropped_with_it(
    postgresql_url: MakeDatabase, tmp_path: Path
) -> None:
    """Stopped between the rows and their totals, a restore leaves large objects, and begins again without them."""
    url, again = postgresql_url(), postgresql_url()
    put(url, 5, b"deed")
    archive = archive_of(url, tmp_path / "archive")
    put(again, 5, b"left")
    with open_target(again) as target:
        begin(target, [Made(kind=LARGE_OBJECTS, name="large_objects")])
    restore_archive(RestoreRequest(archive=archive, url=again, unverified=True, restart=True))
    assert contents(archive_of(again, tmp_path / "again")) == {5: b"deed"}


@pytest.mark.slow
def test_large_objects_through_odbc_are_those_without_it(postgresql_url: MakeDatabase, tmp_path: Path) -> None:
    """The same bytes of the same file, and those that are fetched in pieces."""
    need_driver("PostgreSQL Unicode")
    url = postgresql_url()
    for number, size in enumerate((0, 1, PAGE_BYTES, MIB + 1, 8 * MIB + 1), 1):
        put(url, number, secrets.token_bytes(size))
    native, by_odbc = archive_of(url, tmp_path / "native"), archive_of(f"odbc+{url}", tmp_path / "odbc")
    assert contents(by_odbc) == contents(native)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the peak is read from /proc")
def test_large_object_of_300_mib_stays_within_memory(postgresql_url: MakeDatabase, tmp_path: Path) -> None:
    """Archived, verified and put back, it is never held whole."""
    url, again, archive = postgresql_url(), postgresql_url(), str(tmp_path / "archive")
    with psycopg.connect(url) as connection:
        connection.execute("SELECT lo_create(9)")
        for at in range(0, 300, 4):
            connection.execute("SELECT lo_put(9, %s, %s)", (at * MIB, secrets.token_bytes(4 * MIB)))
    assert peak_mib("export", url, archive) < 400
    assert peak_mib("verify", archive, "--level", "deep") < 400
    assert peak_mib("restore", archive, again, "--unverified") < 400
    with psycopg.connect(again) as connection:
        ends = connection.execute("SELECT octet_length(lo_get(9))").fetchone()
    assert ends == (300 * MIB,)
