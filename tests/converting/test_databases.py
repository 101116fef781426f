"""SQLite and DuckDB files read back by their own engines."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import duckdb
import pyarrow.parquet as pq

from tests.converting.conftest import AWKWARD, WIDE, Convert

if TYPE_CHECKING:
    from tests.converting.conftest import Written


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask a SQLite file."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def column(path: Path, name: str) -> list[Any]:
    """One column of the awkward table."""
    return [value for (value,) in ask(path, f'SELECT "{name}" FROM "Awkward" ORDER BY id')]


def test_sqlite_awkward_values_read_back_exactly(write_awkward: Callable[..., Written]) -> None:
    """No number becomes a double that was none; every type has one exact text."""
    path = write_awkward("sqlite").folder / "archive.sqlite"
    assert column(path, "big") == AWKWARD["big"][1]
    assert column(path, "unsigned") == ["18446744073709551615", "0", "1", None, "1000000000000000"]
    assert column(path, "money") == ["999999999999999.9999", "-0.0100", "12345678901.2345", "0.0000", None]
    assert column(path, "wide")[:2] == [str(WIDE), "0.0000000001"]
    assert column(path, "double") == [0.1, 1e300, "NaN", float("-inf"), 1 / 3]
    assert column(path, "flag") == [1, 0, None, 1, 0]
    assert column(path, "day") == ["1899-12-31", "1900-02-28", "1900-03-01", "9999-12-31", None]
    assert column(path, "instant")[:2] == ["2024-02-29T12:00:00Z", "2024-02-29T12:00:00.500000Z"]
    assert column(path, "span")[:2] == [-838 * 3600 * 10**6, 1]
    for name in ("text", "odd", "bytes", "object"):
        assert column(path, name) == AWKWARD[name][1]
    assert column(path, "key")[1] == str(UUID(int=1))


def test_sqlite_says_types_and_meanings_in_a_table(write_awkward: Callable[..., Written]) -> None:
    """What SQLite's types cannot say stands beside the data."""
    path = write_awkward("sqlite").folder / "archive.sqlite"
    described = ask(path, "SELECT type, native_type, meaning FROM _columns WHERE \"column\" = 'money'")
    assert described == [("decimal128(19, 4)", "ODD", "Column money")]


def test_sqlite_practice_has_keys_references_indexes_and_every_row(converted: Convert, practice: Path) -> None:
    """A reader can join and trust: keys are declared, references hold, counts are the archive's, money adds up."""
    done = converted("sqlite")
    path = done.out / "archive.sqlite"
    for file in (practice / "data/tables").glob("*.parquet"):
        assert ask(path, f'SELECT count(*) FROM "{file.stem}"') == [(pq.read_metadata(file).num_rows,)]
    assert ask(path, "PRAGMA foreign_key_check") == []
    assert ("bill_line", "bill") in {("bill_line", row[2]) for row in ask(path, "PRAGMA foreign_key_list(bill_line)")}
    assert [row[1] for row in ask(path, "PRAGMA table_info(bill)") if row[5]] == ["id"]
    assert any("reference" in row[1] for row in ask(path, "PRAGMA index_list(bill_line)"))
    total = sum((Decimal(debit) for (debit,) in ask(path, "SELECT debit FROM ledger_entry")), Decimal(0))
    archived = pq.read_table(practice / "data/tables/ledger_entry.parquet").column("debit").to_pylist()
    assert total == sum(archived)


def test_sqlite_source_layer_has_the_old_names(converted: Convert) -> None:
    """The old system's tables, its own keys, a name with a space."""
    path = converted("sqlite", layer="source").out / "archive.sqlite"
    names = {name for (name,) in ask(path, "SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"CT_MAST", "Deed Store", "_columns"} <= names


def test_duckdb_awkward_values_and_types_are_the_archives_own(write_awkward: Callable[..., Written]) -> None:
    """Every value compares equal to the Parquet file's, with its exact type and its meaning as a comment."""
    written = write_awkward("duckdb")
    with duckdb.connect(str(written.folder / "archive.duckdb"), read_only=True) as engine:
        parquet = f"read_parquet('{written.table.path}')"
        assert engine.execute(f'SELECT * FROM "Awkward" EXCEPT ALL SELECT * FROM {parquet}').fetchall() == []
        types = {row[0]: row[1] for row in engine.execute('DESCRIBE "Awkward"').fetchall()}
        comments = dict(
            engine.execute("SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'Awkward'").fetchall()
        )
        assert engine.execute("SELECT comment FROM duckdb_tables()").fetchall() == [("main.Awkward Key: id.",)]
        found = engine.execute('SELECT day FROM "Awkward" WHERE id = 4').fetchall()
    assert (types["money"], types["wide"], types["key"]) == ("DECIMAL(19,4)", "DECIMAL(38,10)", "UUID")
    assert comments["money"] == "Column money"
    assert found == [(dt.date(9999, 12, 31),)]


def test_duckdb_practice_has_every_row(converted: Convert, practice: Path) -> None:
    """Table by table, the rows are the archive's."""
    done = converted("duckdb")
    with duckdb.connect(str(done.out / "archive.duckdb"), read_only=True) as engine:
        for file in (practice / "data/tables").glob("*.parquet"):
            sql = f"SELECT * FROM \"{file.stem}\" EXCEPT ALL SELECT * FROM read_parquet('{file}')"
            assert engine.execute(sql).fetchall() == []
            counted = engine.execute(f'SELECT count(*) FROM "{file.stem}"').fetchall()
            assert counted == [(pq.read_metadata(file).num_rows,)]
