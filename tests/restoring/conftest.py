"""Archives of awkward databases, made once, and what compares two source layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from tests.conftest import MakeDatabase
from tests.restoring.awkward import fill_mariadb, fill_postgresql, fill_sqlite
from tests.servers import MariaDBServer, PostgreSQLServer

__all__ = ["ARCHIVES", "Fresh", "export", "source_files"]

ARCHIVES = ("postgresql", "mariadb", "sqlite")
TARGETS = (*ARCHIVES, "duckdb")
Fresh = Callable[[str], str]


def export(url: str, destination: Path) -> Path:
    """Export a database without documents."""
    export_archive(ExportRequest(connector=open_connector(url), destination=destination))
    return destination


def source_files(archive: Path) -> dict[str, bytes]:
    """Return the source layer's files, and the exceptions ledger."""
    paths = [*sorted((archive / "data/source").iterdir()), archive / "data/reports/exceptions.parquet"]
    return {path.name: path.read_bytes() for path in paths}


@pytest.fixture(scope="session")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[], str]], Path]:
    """A maker of archives that makes each but once."""
    made: dict[str, Path] = {}

    def make(kind: str, fill: Callable[[], str]) -> Path:
        if kind not in made:
            made[kind] = export(fill(), tmp_path_factory.mktemp("archives") / kind)
        return made[kind]

    return make


@pytest.fixture
def archive_of(
    archives: Callable[[str, Callable[[], str]], Path], request: pytest.FixtureRequest, tmp_path: Path
) -> Callable[[str], Path]:
    """The archive of the awkward database of a kind."""

    def fill_a_sqlite() -> str:
        fill_sqlite(tmp_path / "awkward.db")
        return f"sqlite:///{tmp_path / 'awkward.db'}"

    def fill_a_postgresql() -> str:
        server: PostgreSQLServer = request.getfixturevalue("postgresql_server")
        url = server.create_database()
        fill_postgresql(url)
        return url

    def fill_a_mariadb() -> str:
        server: MariaDBServer = request.getfixturevalue("mariadb_server")
        url = server.create_database()
        fill_mariadb(url)
        return url

    fills = {"sqlite": fill_a_sqlite, "postgresql": fill_a_postgresql, "mariadb": fill_a_mariadb}
    return lambda kind: archives(kind, fills[kind])


@pytest.fixture
def fresh(request: pytest.FixtureRequest, tmp_path: Path) -> Fresh:
    """A maker of addresses of new, empty targets of a kind."""
    numbers = iter(range(1000))

    def make(kind: str) -> str:
        if kind in ("sqlite", "duckdb"):
            return f"{kind}:///{tmp_path}/target{next(numbers)}.{kind}"
        maker: MakeDatabase = request.getfixturevalue(f"{kind}_url")
        return maker()

    return make
