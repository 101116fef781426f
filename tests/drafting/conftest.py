"""Databases of made-up vendors, drafted once for all tests that look at them."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from portability.connectors import open_connector
from portability.drafting import Draft, draft_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    from portability.connectors import Connector

SCHEMAS = Path(__file__).parent / "schemas"
VENDORS = ("us_firm", "kanzlei", "advocaten")


@dataclass(frozen=True, kw_only=True)
class Drafted:
    """A vendor's database and the draft made of it."""

    vendor: str
    connector: Connector
    draft: Draft

    @property
    def folder(self) -> Path:
        """The draft's folder."""
        return Path(self.draft.directory)

    def map(self, entity: str) -> str:
        """The text of a map."""
        return (self.folder / f"map/{entity}.sql").read_text(encoding="utf-8")


def build_database(path: Path, script: str) -> Connector:
    """Make a SQLite database from a script and return its connector."""
    with sqlite3.connect(path) as connection:
        connection.executescript(script)
    connection.close()
    return open_connector(f"sqlite:///{path}")


@pytest.fixture(scope="session")
def drafts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Drafted]:
    """A function from a vendor to its draft; each is made when it is first asked for."""
    made: dict[str, Drafted] = {}

    def drafted(vendor: str) -> Drafted:
        if vendor not in made:
            folder = tmp_path_factory.mktemp(vendor)
            connector = build_database(folder / "source.db", (SCHEMAS / f"{vendor}.sql").read_text(encoding="utf-8"))
            made[vendor] = Drafted(vendor=vendor, connector=connector, draft=draft_profile(connector, folder / vendor))
        return made[vendor]

    return drafted


@pytest.fixture(params=VENDORS)
def drafted(request: pytest.FixtureRequest, drafts: Callable[[str], Drafted]) -> Drafted:
    """Each vendor's draft in turn."""
    return drafts(request.param)


@pytest.fixture
def database(tmp_path: Path) -> Callable[[str], Connector]:
    """A function from a script to the connector of a new database."""
    return lambda script: build_database(tmp_path / "source.db", script)
