"""Tools that know nothing of us read an archive of the practice, and find in it what plain SQL finds in the source."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
import subprocess
import sys
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import bagit
import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest

from portability.connectors import open_connector
from portability.exports import ExportRequest, export_archive
from portability.practice import generate
from portability.profiles import load_profile

if TYPE_CHECKING:
    from pathlib import Path


def _sql(text: str) -> list[tuple[Any, ...]]:
    return duckdb.connect().execute(text).fetchall()


@pytest.fixture(scope="module")
def practice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``practice.db`` and its ``archive``."""
    folder = tmp_path_factory.mktemp("stock")
    generate(f"sqlite:///{folder / 'practice.db'}", folder / "files", entries=800)
    export_archive(
        ExportRequest(
            connector=open_connector(f"sqlite:///{folder / 'practice.db'}"),
            destination=folder / "archive",
            profile=load_profile("practice"),
            documents=str(folder / "files"),
        )
    )
    return folder


@pytest.mark.parametrize("manifest", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_sha256sum_confirms_every_file(practice: Path, manifest: str) -> None:
    """``sha256sum -c`` is all that a recipient needs for fixity."""
    done = subprocess.run(
        ["sha256sum", "-c", "--quiet", "--strict", manifest],  # noqa: S607 -- wherever the system has it
        cwd=practice / "archive",
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_bagit_python_validates_the_bag(practice: Path) -> None:
    """The Library of Congress's tool accepts it."""
    assert bagit.Bag(str(practice / "archive")).validate()


def test_data_package_names_every_parquet_file_with_its_hash(practice: Path) -> None:
    """The description and the folder agree, and the hashes are those of sha256sum."""
    data = practice / "archive/data"
    package = json.loads((data / "datapackage.json").read_text(encoding="utf-8"))
    described = {resource["path"]: resource["hash"] for resource in package["resources"]}
    assert set(described) == {path.relative_to(data).as_posix() for path in data.rglob("*.parquet")}
    lines = set((practice / "archive/manifest-sha256.txt").read_text(encoding="utf-8").splitlines())
    assert {f"{digest.removeprefix('sha256:')}  data/{path}" for path, digest in described.items()} <= lines


def test_pyarrow_pandas_and_duckdb_read_every_table_with_as_many_rows(practice: Path) -> None:
    """Three readers, one count; money is a decimal in each of them."""
    for path in sorted((practice / "archive/data").rglob("*.parquet")):
        rows = pq.read_metadata(path).num_rows
        assert len(pd.read_parquet(path, dtype_backend="pyarrow")) == rows
        assert _sql(f"SELECT count(*) FROM '{path}'") == [(rows,)]
    entries = practice / "archive/data/tables/ledger_entry.parquet"
    assert str(pq.read_schema(entries).field("debit").type) == "decimal128(19, 4)"
    assert _sql(f"SELECT typeof(debit) FROM '{entries}' LIMIT 1") == [("DECIMAL(19,4)",)]
    assert isinstance(pd.read_parquet(entries)["debit"].iloc[0], Decimal)


def test_ledger_balances_by_plain_sql_are_the_same_in_source_and_archive(practice: Path) -> None:
    """Every ledger account, to the penny: integer pence in SQLite, decimals in DuckDB."""
    source = sqlite3.connect(practice / "practice.db").execute(
        "SELECT AC_ID, sum(CASE DC WHEN 'C' THEN 1 ELSE -1 END * CAST(round(AMT * 100) AS INTEGER)) "
        "FROM LEDG_LINE GROUP BY AC_ID"
    )
    entries = practice / "archive/data/tables/ledger_entry.parquet"
    archive = _sql(f"SELECT ledger_account_id, sum(credit - debit) * 100 FROM '{entries}' GROUP BY 1")
    assert {str(account): Decimal(pence) for account, pence in source} == dict(archive)
    assert len(archive) > 50


def test_every_text_of_the_source_is_in_the_source_layer(practice: Path) -> None:
    """The same bag of values for every text column that was not excluded."""
    connection = sqlite3.connect(practice / "practice.db")
    schema = json.loads((practice / "archive/data/schema/source.json").read_text(encoding="utf-8"))
    compared = 0
    for table in (t for t in schema["tables"] if t["excluded"] is None):
        read = pq.read_table(practice / "archive/data" / table["file"])
        for column in (c for c in table["columns"] if c["arrow_type"] == "string" and c["carried"] == "value"):
            quoted = column["name"].replace('"', '""')
            values = connection.execute(f'SELECT "{quoted}" FROM "{table["name"]}"')
            assert sorted(str(v) for (v,) in values if v is not None) == sorted(
                read.column(column["name"]).drop_null().to_pylist()
            ), (table["name"], column["name"])
            compared += 1
    assert compared > 100


def test_archive_opens_in_a_spreadsheet_by_one_line_of_stock_python(practice: Path) -> None:
    """What README.html advises works as written there: Parquet to CSV with pandas."""
    path = practice / "archive/data/tables/client.parquet"
    script = f"import pandas, sys; pandas.read_parquet({str(path)!r}).to_csv(sys.stdout, index=False)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert len(list(csv.DictReader(io.StringIO(done.stdout)))) == pq.read_metadata(path).num_rows
