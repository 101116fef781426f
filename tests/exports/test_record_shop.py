"""A known truth in three DBMSs: the source layer holds it value by value, with the same types wherever they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.profiles import bare_profile
from tests.exports.record_shop import TABLES, fill, truth

if TYPE_CHECKING:
    from pathlib import Path

DBMSS = ("postgresql", "mariadb", "sqlite")
TRUTH = truth()
ARROW = {
    "small": pa.int16(),
    "int": pa.int32(),
    "big": pa.int64(),
    "text": pa.string(),
    "money": pa.decimal128(12, 2),
    "double": pa.float64(),
    "date": pa.date32(),
    "moment": pa.timestamp("us"),
    "bytes": pa.binary(),
}
# A file of SQLite holds integers of one size, whatever was declared.
AS_SQLITE = ARROW | {"small": pa.int64(), "int": pa.int64()}


@pytest.fixture(scope="module")
def shops(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    """The shop, exported from each DBMS: DBMS -> table -> Parquet file."""
    return {dbms: _export(dbms, request, tmp_path_factory.mktemp(dbms)) for dbms in DBMSS}


def _export(dbms: str, request: pytest.FixtureRequest, folder: Path) -> dict[str, Path]:
    url = f"sqlite:///{folder / 'shop.db'}"
    if dbms != "sqlite":
        url = request.getfixturevalue(f"{dbms}_server").create_database()
    fill(url)
    asked = ExportRequest(connector=open_connector(url), destination=folder / "archive", profile=bare_profile())
    archive = export_archive(asked).archive
    return {table.name: archive.data / table.file for table in archive.source_schema().tables}


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("dbms", DBMSS)
def test_record_shop_holds_the_truth_in_the_declared_types(
    dbms: str, table: str, shops: dict[str, dict[str, Path]]
) -> None:
    """Every value of every row, as pyarrow reads it, in the Arrow type that the declaration promises."""
    types = AS_SQLITE if dbms == "sqlite" else ARROW
    found = pq.read_table(shops[dbms][table])
    assert {f.name: f.type for f in found.schema} == {name: types[kind] for name, kind in TABLES[table].items()}
    assert list(zip(*(column.to_pylist() for column in found.columns), strict=True)) == TRUTH[table]


@pytest.mark.parametrize("table", TABLES)
def test_record_shop_reads_the_same_through_another_engine(table: str, shops: dict[str, dict[str, Path]]) -> None:
    """DuckDB finds no row in one DBMS's file that is not in the two others', nor in the truth."""
    with duckdb.connect() as engine:
        seen: dict[str, list[Any]] = {
            dbms: engine.execute(f"SELECT * FROM read_parquet('{shops[dbms][table]}') ORDER BY ALL").fetchall()
            for dbms in DBMSS
        }
    assert seen["postgresql"] == seen["mariadb"] == seen["sqlite"]
    assert sorted(seen["sqlite"], key=repr) == sorted(TRUTH[table], key=repr)


def test_record_shop_invoices_balance_in_every_archive(shops: dict[str, dict[str, Path]]) -> None:
    """An invoice's total is the sum of its lines, in decimals, by plain SQL on the files."""
    for files in shops.values():
        lines = (
            f"SELECT invoice_id, sum(price * quantity) AS total FROM read_parquet('{files['invoice_line']}') GROUP BY 1"
        )
        query = (
            f"SELECT count(*) FROM read_parquet('{files['invoice']}') i JOIN ({lines}) l ON l.invoice_id = i.id "
            "WHERE l.total = i.total"
        )
        with duckdb.connect() as engine:
            assert engine.execute(query).fetchone() == (len(TRUTH["invoice"]),)
