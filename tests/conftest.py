"""Fixtures shared by all tests: private database servers and the real systems' databases.

A server starts when the first test asks for it. What a test needs and the machine lacks makes the test skip by name;
with CI=true it fails instead, so that a green run there is a whole one.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.servers import MariaDBServer, PostgreSQLServer, Server

S = TypeVar("S", bound=Server)

MakeDatabase = Callable[[], str]
"""Creates a fresh empty database and returns its URL."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files with slow tests first: of two processes none is left alone with a long file at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[PostgreSQLServer]:
    """A private PostgreSQL server."""
    yield from _running(PostgreSQLServer())


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDBServer]:
    """A private MariaDB server."""
    yield from _running(MariaDBServer())


@pytest.fixture
def postgresql_url(postgresql_server: PostgreSQLServer) -> Iterator[MakeDatabase]:
    """A factory of fresh PostgreSQL databases, dropped after the test; call it for a URL."""
    yield from _databases(postgresql_server)


@pytest.fixture
def mariadb_url(mariadb_server: MariaDBServer) -> Iterator[MakeDatabase]:
    """A factory of fresh MariaDB databases, dropped after the test; call it for a URL."""
    yield from _databases(mariadb_server)


@pytest.fixture(scope="session")
def real_systems() -> Path:
    """The directory of real legal systems' databases: PORTABILITY_REAL, or shared/real beside the checkout."""
    beside = Path(__file__).parents[2] / "shared" / "real"
    path = Path(os.environ.get("PORTABILITY_REAL") or beside)
    if not path.is_dir():
        lacking(f"real systems: {path} is not a directory (set PORTABILITY_REAL)")
    return path


def lacking(what: str) -> None:
    """Skip the test for want of `what`, or fail it where CI promises that all is there."""
    if os.environ.get("CI") == "true":
        pytest.fail(what, pytrace=False)
    pytest.skip(what)


def _running(server: S) -> Iterator[S]:
    if missing := server.missing():
        lacking(missing)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def _databases(server: Server) -> Iterator[MakeDatabase]:
    urls: list[str] = []

    def make() -> str:
        urls.append(server.create_database())
        return urls[-1]

    yield make
    for url in urls:
        server.drop_database(url)
