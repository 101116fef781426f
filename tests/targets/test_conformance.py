"""Every built-in target keeps the contract."""

from __future__ import annotations

import math
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from portability.targets import open_target
from tests.conftest import MakeDatabase
from tests.servers import MariaDBServer
from tests.targets.conformance import BYTES, TEXTS, TargetConformance


class TestPostgresqlTarget(TargetConformance):
    """COPY."""

    types: ClassVar = {
        "int": "bigint",
        "text": "text",
        "name": "varchar(100)",
        "json": "json",
        "bytes": "bytea",
        "double": "double precision",
        "bool": "boolean",
        "date": "date",
        "timestamp": "timestamp",
        "instant": "timestamptz",
        "time": "time",
        "duration": "bigint",
        "uuid": "uuid",
    }
    has_nul = False
    special_floats = (math.inf, -math.inf, math.nan)
    as_text: ClassVar = dict.fromkeys(("json", "date", "timestamp", "instant", "time", "uuid"), "{}::text")

    @pytest.fixture
    def url(self, postgresql_url: MakeDatabase) -> str:
        return postgresql_url()


class TestMariadbTarget(TargetConformance):
    """LOAD DATA LOCAL."""

    types: ClassVar = {
        "int": "bigint",
        "text": "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        "name": "varchar(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        "json": "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin",
        "bytes": "longblob",
        "double": "double",
        "bool": "boolean",
        "date": "date",
        "timestamp": "datetime(6)",
        "instant": "datetime(6)",
        "time": "time(6)",
        "duration": "time(6)",
        "uuid": "char(36)",
    }
    as_text: ClassVar = dict.fromkeys(("date", "timestamp", "instant", "time", "duration"), "CAST({} AS CHAR)")

    @pytest.fixture
    def url(self, mariadb_url: MakeDatabase) -> str:
        return mariadb_url()

    def expected_float(self, value: float) -> float:
        return value + 0.0  # no zero has a sign here

    def durations(self, found: list[Any]) -> list[timedelta]:
        parts = [(text.lstrip("-").split(":"), text.startswith("-")) for text in found]
        sizes = [timedelta(hours=int(h), minutes=int(m), microseconds=round(float(s) * 1e6)) for (h, m, s), _ in parts]
        return [-size if negative else size for size, (_, negative) in zip(sizes, parts, strict=True)]


def test_mariadb_without_load_data_inserts_the_same_and_says_so(
    mariadb_server: MariaDBServer, mariadb_url: MakeDatabase
) -> None:
    """A server that forbids LOAD DATA LOCAL gets INSERT statements; every value arrives the same."""
    url = mariadb_url()
    texts = [*TEXTS, "nul\0inside", None]
    count = len(texts)
    batch = pa.RecordBatch.from_pydict(
        {
            "txt": pa.array(texts),
            "raw": pa.array([*BYTES, *[None] * (count - len(BYTES))], pa.binary()),
            "num": pa.array([Decimal(n).scaleb(-4) for n in range(count)], pa.decimal128(19, 4)),
            "flag": pa.array([(True, False, None)[n % 3] for n in range(count)]),
            "bits": pa.array([("101", "0", None)[n % 3] for n in range(count)]),
        }
    )
    text = "longtext CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin"
    found, notes = [], []
    for allowed in (0, 1):
        mariadb_server.execute(f"SET GLOBAL local_infile = {allowed}", url)
        with open_target(url) as target:
            target.execute(
                f"CREATE TABLE t{allowed} (txt {text}, raw longblob, num decimal(19,4), flag bool, bits bit(5))"
            )
            assert target.load(f"t{allowed}", batch.schema.names, [batch]) == count
            found.append(target.query(f"SELECT *, bits + 0 AS b FROM t{allowed} ORDER BY num").to_pylist())
            notes.append(target.notes)
    assert found[0] == found[1]
    assert [row["txt"] for row in found[0]] == texts
    assert [row["b"] for row in found[0]][:3] == [5, 0, None]
    assert len(notes[0]) == 1
    assert "does not allow LOAD DATA LOCAL" in notes[0][0]
    assert notes[1] == []


class TestSqliteTarget(TargetConformance):
    """A prepared INSERT."""

    types: ClassVar = {
        "int": "INTEGER",
        "text": "TEXT",
        "name": "TEXT",
        "json": "TEXT",
        "bytes": "BLOB",
        "double": "REAL",
        "bool": "INTEGER",
        "date": "TEXT",
        "timestamp": "TEXT",
        "instant": "TEXT",
        "time": "TEXT",
        "duration": "INTEGER",
        "uuid": "TEXT",
    }
    special_floats = (math.inf, -math.inf)
    dbms_has_decimals = False

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"sqlite:///{tmp_path}/target.db"

    def decimal_type(self, precision: int, scale: int) -> str:
        del precision, scale
        return "TEXT"

    def expected_float(self, value: float) -> float:
        return value + 0.0  # a file keeps zero without its sign


class TestDuckdbTarget(TargetConformance):
    """Arrow."""

    types: ClassVar = {
        "int": "BIGINT",
        "text": "VARCHAR",
        "name": "VARCHAR",
        "json": "JSON",
        "bytes": "BLOB",
        "double": "DOUBLE",
        "bool": "BOOLEAN",
        "date": "DATE",
        "timestamp": "TIMESTAMP",
        "instant": "TIMESTAMPTZ",
        "time": "TIME",
        "duration": "BIGINT",
        "uuid": "UUID",
    }
    special_floats = (math.inf, -math.inf, math.nan)
    has_connector = False
    test_load_what_a_connector_reads_is_the_same = None  # type: ignore[assignment] # no connector reads these files
    as_text: ClassVar = dict.fromkeys(("json", "date", "timestamp", "instant", "time", "uuid"), "{}::VARCHAR")

    @pytest.fixture
    def url(self, tmp_path: Path) -> str:
        return f"duckdb:///{tmp_path}/target.duckdb"
