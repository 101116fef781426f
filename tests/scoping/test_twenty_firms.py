"""A shared database taken apart: each firm's export holds its own rows, all of them, and nothing of any other."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from functools import cache, partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from portability.archive import Archive
from portability.checks import verify
from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.practice import Planted, firm_marker, generate
from portability.practice.generator import ENTRIES_PER_FIRM_MIN
from portability.profiles import Profile, load_profile
from portability.scoping import canonical_scope, parse_scope
from tests.scoping.leaks import keys_of, leaks, row_hashes

MakeDatabase = Callable[[], str]
WORKERS = 2
SHARED = {"CODE_LKP", "VAT_CD"}


@cache
def _profile() -> Profile:
    """The practice's, read once: finding out whose a source is reads every profile."""
    return load_profile("practice")


def _export(url: str, files: Path, destination: Path, scope: bytes | None = None) -> Archive:
    request = ExportRequest(
        connector=open_connector(url),
        destination=destination,
        profile=_profile(),
        documents=str(files),
        scope=None if scope is None else parse_scope(scope),
    )
    return export_archive(request).archive


def _scope(firm: int) -> bytes:
    return f"{{scope: firm-{firm}, tenant: [{{key: {firm}}}]}}".encode()


def _words(planted: Planted, firm: int) -> list[str]:
    """What would give another firm away: its marker, and the path of its documents."""
    others = [each for each in planted.firms if each != firm]
    return [firm_marker(each) for each in others] + [f"P:\\DOCS\\{each}\\" for each in others]


def _check_firm(archive: Archive, planted: Planted, firm: int) -> None:
    own = firm_marker(firm)
    found = leaks(archive.root, [own, *_words(planted, firm)])
    assert [each for each in found if not each.endswith(f": {own.lower()}")] == []
    assert found, "the search finds nothing at all"
    report = verify(archive.root, level="full", scope=canonical_scope(parse_scope(_scope(firm))))
    assert report.codes("error", "warning") == set()
    assert report.ok
    assert sum(each.outside for each in report.scope) == 0
    assert sum(each.rows for each in report.scope) == sum(t.row_count or 0 for t in archive.source_schema().tables)


def _take(
    url: str, planted: Planted, files: Path, folder: Path, columns: dict[str, list[str]], firm: int
) -> tuple[dict[str, Counter[str]], dict[str, set[tuple[object, ...]]]]:
    """Export a firm and check it, in a process of its own; return its rows' hashes and its keys."""
    archive = _export(url, files, folder / f"firm{firm}", _scope(firm))
    _check_firm(archive, planted, firm)
    return row_hashes(archive, columns), keys_of(archive)


def _take_apart(url: str, planted: Planted, files: Path, folder: Path) -> None:
    """Export the whole and each firm; the firms' rows are the whole's, each once, and no key is in two of them."""
    whole = _export(url, files, folder / "whole")
    columns = {
        t.name: [c.name for c in t.columns if c.carried != "excluded"]
        for t in whole.source_schema().tables
        if t.excluded is None
    }
    wanted, union = row_hashes(whole, columns), {name: Counter[str]() for name in columns}
    seen: dict[str, set[tuple[object, ...]]] = {name: set() for name in columns}
    take = partial(_take, url, planted, files, folder, columns)
    # An export costs some 8 s of one processor whatever it holds (50 maps, 66 rules, the reports): two run at once.
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        for own_hashes, own_keys in pool.map(take, planted.firms):
            for name, hashes in own_hashes.items():
                if name in SHARED:
                    assert hashes == wanted[name], name
                else:
                    union[name] += hashes
            for name, keys in own_keys.items():
                if name not in SHARED:
                    assert not keys & seen[name], name
                    seen[name] |= keys
    assert {name: hashes for name, hashes in union.items() if name not in SHARED} == {
        name: hashes for name, hashes in wanted.items() if name not in SHARED
    }


@pytest.mark.slow
def test_export_of_one_firm_of_two_holds_its_rows_and_nothing_of_the_other(tmp_path: Path) -> None:
    """A firm in SQLite: as many rows of each table as are its own, and nothing of the other in any file."""
    database, files = tmp_path / "practice.db", tmp_path / "files"
    planted = generate(f"sqlite:///{database}", files, entries=300, firms=2, markers=True)
    firm = planted.firms[1]
    archive = _export(f"sqlite:///{database}", files, tmp_path / "archive", _scope(firm))
    _check_firm(archive, planted, firm)
    with closing(sqlite3.connect(database)) as connection:
        for table in archive.source_schema().tables:
            if table.excluded is None and table.name not in SHARED:
                sql = f'SELECT count(*) FROM "{table.name}" WHERE FIRM_ID = ?'
                assert connection.execute(sql, [firm]).fetchone() == (table.row_count,), table.name


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_export_of_each_firm_of_twenty_adds_up_to_the_whole(tmp_path: Path) -> None:
    """Twenty firms in SQLite, as above: 21 archives, 380 pairs of firms."""
    url, files = f"sqlite:///{tmp_path / 'practice.db'}", tmp_path / "files"
    planted = generate(url, files, entries=20 * ENTRIES_PER_FIRM_MIN, firms=20, markers=True)
    assert len(planted.firms) == 20
    _take_apart(url, planted, files, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("dbms", ["postgresql", "mariadb"])
def test_export_of_a_firm_from_a_server_holds_nothing_of_the_others(
    dbms: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """One firm of six, from PostgreSQL and from MariaDB."""
    make: MakeDatabase = request.getfixturevalue(f"{dbms}_url")
    url, files = make(), tmp_path / "files"
    planted = generate(url, files, entries=6 * 150, firms=6, markers=True)
    firm = planted.firms[3]
    archive = _export(url, files, tmp_path / "archive", _scope(firm))
    _check_firm(archive, planted, firm)
