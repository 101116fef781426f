"""The same seed gives the same content in all three kinds of database."""

from __future__ import annotations

from pathlib import Path

from portability.practice import generate
from tests.conftest import MakeDatabase
from tests.practice.conftest import Built
from tests.practice.contents import read_content


def test_postgresql_holds_the_same_practice(built: Built, postgresql_url: MakeDatabase, tmp_path: Path) -> None:
    """PostgreSQL's rows equal SQLite's, value by value, and the expectations are the same."""
    url = postgresql_url()
    assert generate(url, tmp_path) == built.planted
    assert read_content(url) == read_content(f"sqlite:///{built.database}")


def test_mariadb_holds_the_same_practice(built: Built, mariadb_url: MakeDatabase, tmp_path: Path) -> None:
    """MariaDB's rows equal SQLite's, value by value; only the zero dates are its own."""
    url = mariadb_url()
    planted = generate(url, tmp_path)
    assert planted.zero_dates > 0
    assert planted.rules == built.planted.rules
    assert planted.rows == built.planted.rows
    assert read_content(url) == read_content(f"sqlite:///{built.database}")
