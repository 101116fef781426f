"""One built practice shared by the tests that only look at it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from portability.practice import Planted, generate


@dataclass(frozen=True, kw_only=True)
class Built:
    """A practice in SQLite."""

    database: Path
    documents_dir: Path
    planted: Planted


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The default practice: 2,000 ledger entries, three firms."""
    folder = tmp_path_factory.mktemp("practice")
    planted = generate(f"sqlite:///{folder / 'practice.db'}", folder / "documents")
    return Built(database=folder / "practice.db", documents_dir=folder / "documents", planted=planted)


@pytest.fixture
def books(built: Built) -> Iterator[sqlite3.Connection]:
    """The built practice, open for plain SQL."""
    with closing(sqlite3.connect(built.database)) as connection:
        yield connection
