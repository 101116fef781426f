"""A writer that moves money between ledgers during the export does not unbalance the archive."""

from __future__ import annotations

import importlib
import sqlite3
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.profiles import bare_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ACCOUNTS = 20_000


def _connect(url: str) -> Any:  # noqa: ANN401 -- a DB-API connection
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        return sqlite3.connect(parts.path[1:], timeout=30)
    if parts.scheme == "postgresql":
        return importlib.import_module("psycopg").connect(url)
    pymysql = importlib.import_module("pymysql")
    return pymysql.connect(host=parts.hostname, port=parts.port, user=parts.username, database=parts.path[1:])


@pytest.fixture(params=["sqlite", "postgresql", "mariadb"])
def ledgers(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database with 20,000 client ledgers of 100.00 each, and two tables that must agree."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'ledgers.db'}"
    else:
        make: Callable[[], str] = request.getfixturevalue(f"{request.param}_url")
        url = make()
    connection = _connect(url)
    cursor = connection.cursor()
    if request.param == "sqlite":
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, balance DECIMAL(12,2) NOT NULL)")
    cursor.execute("CREATE TABLE moves (id INTEGER PRIMARY KEY, amount DECIMAL(12,2) NOT NULL)")
    mark = "?" if request.param == "sqlite" else "%s"
    cursor.executemany(f"INSERT INTO account VALUES ({mark}, 100)", [(n,) for n in range(ACCOUNTS)])
    connection.commit()
    connection.close()
    return url


def test_export_while_money_moves_between_ledgers_balances(ledgers: str, tmp_path: Path) -> None:
    """Total constant in every committed state: the archive shows one of them, and the moves that led to it."""
    started, stop, moved = threading.Event(), threading.Event(), []

    def move() -> None:
        connection = _connect(ledgers)
        cursor, number = connection.cursor(), 0
        while not stop.is_set():
            number += 1
            low, high = number * 7919 % ACCOUNTS, ACCOUNTS - 1 - number * 104729 % ACCOUNTS
            cursor.execute(f"UPDATE account SET balance = balance - 1.01 WHERE id = {low}")
            cursor.execute(f"UPDATE account SET balance = balance + 1.01 WHERE id = {high}")
            cursor.execute(f"INSERT INTO moves VALUES ({number}, 1.01)")
            connection.commit()
            if number == 5:
                started.set()
        moved.append(number)
        connection.close()

    writer = threading.Thread(target=move)
    writer.start()
    assert started.wait(timeout=30)
    try:
        result = export_archive(
            ExportRequest(connector=open_connector(ledgers), destination=tmp_path / "archive", profile=bare_profile())
        )
    finally:
        stop.set()
        writer.join()
    files = {t.name: result.archive.data / t.file for t in result.archive.source_schema().tables}
    account = pq.read_table(files["account"])
    assert str(pc.sum(account["balance"]).as_py()) == f"{ACCOUNTS * 100}.00"
    touched = sum(balance != 100 for balance in account["balance"].to_pylist())
    moves = pq.read_metadata(files["moves"]).num_rows
    assert 0 < moves < moved[0]
    assert touched <= 2 * moves
