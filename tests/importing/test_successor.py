"""The practice moved into the successor: nothing lost, every difference explained, and the way back proves it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portability.successor import create
from tests.importing.practice_move import ask, certify, export, export_practice, figures, move, require_sound

if TYPE_CHECKING:
    from portability.archive import Archive
    from portability.importing import ImportResult
    from tests.conftest import MakeDatabase

# A move is two exports, an import and a deep verification.
pytestmark = pytest.mark.slow

# Once in every firm the practice has these; the successor's own constraints refuse them.
REFUSED = {"diary_entries": 1, "invoices": 1, "invoice_lines": 1}


@dataclass(frozen=True, kw_only=True)
class Move:
    """One archive, the successor that it was moved into, and what the import said."""

    archive: Archive
    url: str
    objects: Path
    result: ImportResult


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Move:
    """A small practice of one firm in a successor in SQLite."""
    folder = tmp_path_factory.mktemp("move")
    archive = export_practice(folder, entries=200, firms=1)
    url = f"sqlite:///{folder / 'successor.db'}"
    create(url)
    result = move(archive, url, "successor", folder / "objects")
    return Move(archive=archive, url=url, objects=folder / "objects", result=result)


@pytest.fixture(scope="module")
def back(moved: Move, tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """The successor exported by its own map."""
    return export(moved.url, moved.objects, tmp_path_factory.mktemp("back") / "archive")


def rejected(result: ImportResult) -> dict[str, int]:
    """Rejected rows by table."""
    return {table.name: table.rejected for table in result.tables if table.rejected}


def test_move_loads_every_row_but_those_that_the_successor_refuses(moved: Move) -> None:
    """A bill's number given twice, its line, and a meeting that ends before it begins are turned away, nothing else."""
    assert rejected(moved.result) == REFUSED
    assert sum(table.left_out for table in moved.result.tables) == 0


def test_move_uses_the_rates_that_the_successor_has(moved: Move) -> None:
    """Five rates of VAT are there already and are matched; the two former standard rates are new."""
    rates = next(table for table in moved.result.tables if table.name == "tax_rates")
    assert (rates.matched, rates.inserted) == (5, 2)


def test_move_agrees_to_the_penny_and_explains_what_is_left(moved: Move, tmp_path: Path) -> None:
    """Ledgers agree by matter, by account and by bank account; the refused bill explains the two that differ."""
    certificate = certify(moved.archive, moved.url, "successor", tmp_path / "certificate")
    assert certificate.ok
    differing = {each.name for each in certificate.comparisons if each.explained or each.unexplained}
    assert differing == {"unpaid bills by client", "bills, gross, by matter"}
    assert sum(each.unexplained for each in certificate.comparisons) == 0


def test_move_places_each_file_once_and_counts_what_has_no_bytes(moved: Move) -> None:
    """The object store holds every file of the archive under its hash."""
    placed = moved.result.documents
    assert placed is not None
    files = {path.name for path in moved.objects.rglob("*") if path.is_file()}
    assert files == {sha256 for (sha256,) in ask(moved.archive, "SELECT sha256 FROM file_object")}
    assert (placed.placed, placed.problem_count) == (len(files), 0)
    missing = ask(moved.archive, "SELECT count(*) FROM document_version WHERE availability = 'missing_in_source'")
    assert placed.without_bytes.get("missing_in_source", 0) == missing[0][0]


def test_move_again_changes_nothing(moved: Move) -> None:
    """A second import of the same archive finds every row unchanged and every file in its place."""
    again = move(moved.archive, moved.url, "successor", moved.objects)
    assert (again.count("inserted"), again.count("updated"), again.count("deleted")) == (0, 0, 0)
    assert again.documents is not None
    assert (again.documents.placed, again.documents.problem_count) == (0, 0)


def test_way_back_has_the_first_archives_figures(moved: Move, back: Archive) -> None:
    """What the successor exports of itself has the money, the values and the files that went in."""
    assert figures(back) == figures(moved.archive)


def test_way_back_verifies_at_the_deepest_level(back: Archive) -> None:
    """An archive of the successor is as sound as any, with the money of both of its layers agreeing."""
    require_sound(back)


def test_way_back_leaves_the_bookkeeping_of_the_import_behind(back: Archive) -> None:
    """Crosswalk and rejects are no data of the firm: excluded by name, with the reason."""
    tables = {table.name: table.excluded for table in back.source_schema().tables if table.excluded}
    assert set(tables) >= {"_portability_crosswalk", "_portability_reject", "_portability_import"}
    assert all("bookkeeping" in reason for reason in tables.values())


@pytest.mark.parametrize("dbms", ["postgresql", "mariadb"])
def test_move_into_a_server_agrees_and_comes_back(dbms: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Three firms into PostgreSQL and MariaDB: same rejects, certificate in order, the way back sound and the same."""
    make: MakeDatabase = request.getfixturevalue(f"{dbms}_url")
    url = make()
    create(url)
    archive = export_practice(tmp_path, entries=450, firms=3)
    result = move(archive, url, "successor", tmp_path / "objects")
    assert rejected(result) == {name: 3 * count for name, count in REFUSED.items()}
    assert certify(archive, url, "successor", tmp_path / "certificate").ok
    back = export(url, tmp_path / "objects", tmp_path / "back")
    require_sound(back)
    assert figures(back) == figures(archive)
