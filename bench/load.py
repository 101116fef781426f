r"""Rows of a ledger into PostgreSQL and MariaDB, beside the DBMS's own client loading the same rows from CSV.

One run makes a table of 14 columns (ids, a uuid, decimals, dates, times, short texts, nullable notes) as Parquet and as
CSV, then loads it in turns: ours from Parquet, the peer (``psql \copy``, ``LOAD DATA LOCAL`` by the mariadb client)
from CSV, into equal empty tables with the same primary key or none. What counts is the ratio of the medians.

Run: ``python bench/load.py --postgresql URL --mariadb URL [--rows N] [--rounds N]``. Each URL names a database that may
be filled; the tables ``bench_ours`` and ``bench_peer`` in it are dropped. Needs the programs psql and mariadb.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from portability.limits import DEFAULT_LIMITS
from portability.targets import open_target

BATCH_ROWS = 100_000
DDL = {
    "postgresql": (
        "id bigint NOT NULL, entry_uid uuid NOT NULL, matter_id bigint NOT NULL, posted_by integer NOT NULL, "
        "entry_date date NOT NULL, posted_at timestamp NOT NULL, updated_at timestamptz NOT NULL, "
        "debit numeric(19,4), credit numeric(19,4), balance numeric(19,4) NOT NULL, ledger varchar(20) NOT NULL, "
        "reference varchar(40) NOT NULL, narrative varchar(200), is_reversed boolean NOT NULL{key}"
    ),
    "mariadb": (
        "id bigint NOT NULL, entry_uid char(36) CHARACTER SET ascii NOT NULL, matter_id bigint NOT NULL, "
        "posted_by int NOT NULL, entry_date date NOT NULL, posted_at datetime(6) NOT NULL, "
        "updated_at datetime(6) NOT NULL, debit decimal(19,4), credit decimal(19,4), balance decimal(19,4) NOT NULL, "
        "ledger varchar(20) NOT NULL, reference varchar(40) NOT NULL, narrative varchar(200), "
        "is_reversed boolean NOT NULL{key}"
    ),
}
KEY = ", PRIMARY KEY (id)"


def batches(rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the ledger; the same rows on every machine."""
    generator = np.random.default_rng(6)
    for start in range(0, rows, BATCH_ROWS):
        yield _batch(generator, start, min(BATCH_ROWS, rows - start))


def _batch(generator: np.random.Generator, start: int, rows: int) -> pa.RecordBatch:
    ids = np.arange(start, start + rows)
    pence = generator.integers(1, 10**9, rows)
    is_debit = generator.random(rows) < 0.5
    kinds = np.array(["client", "office", "deposit", "disbursement"])
    texts = np.array(
        ["Payment on account", 'Search fees, paid by "cheque"', "Transfer of costs\tbilled", "Court fee — issue"]
    )
    narrative = np.char.add(np.char.add(texts[generator.integers(0, 4, rows)], " for entry "), ids.astype(str))
    uids = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), rows, [None, pa.py_buffer(generator.bytes(16 * rows))])
    moments = pa.array(generator.integers(10**15, 17 * 10**14, rows))
    columns = {
        "id": pa.array(ids),
        "entry_uid": pa.ExtensionArray.from_storage(pa.uuid(), uids),
        "matter_id": pa.array(generator.integers(1, 200_000, rows)),
        "posted_by": pa.array(generator.integers(1, 300, rows).astype(np.int32)),
        "entry_date": pa.array(generator.integers(10_000, 20_000, rows).astype(np.int32)).cast(pa.date32()),
        "posted_at": moments.cast(pa.timestamp("us")),
        "updated_at": moments.cast(pa.timestamp("us", "UTC")),
        "debit": _money(pence, mask=~is_debit),
        "credit": _money(pence, mask=is_debit),
        "balance": _money(generator.integers(-(10**11), 10**11, rows)),
        "ledger": pa.array(kinds[generator.integers(0, 4, rows)]),
        "reference": pa.array(np.char.add("REF/2024/", ids.astype(str))),
        "narrative": pa.array(narrative, mask=generator.random(rows) < 0.4),
        "is_reversed": pa.array(generator.random(rows) < 0.02),
    }
    return pa.RecordBatch.from_pydict(columns)


def _money(units: np.ndarray, mask: np.ndarray | None = None) -> pa.Array:
    whole = pa.array(units, mask=mask).cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(19, 4), len(whole), whole.buffers())


def write_files(folder: Path, rows: int) -> None:
    """Write ``ledger.parquet`` as an archive has it, and ``ledger.csv``."""
    first = next(batches(1))
    options = csv.WriteOptions(include_header=False)
    with (
        pq.ParquetWriter(folder / "ledger.parquet", first.schema, compression="zstd", compression_level=3) as parquet,
        csv.CSVWriter(folder / "ledger.csv", _as_csv(first).schema, write_options=options) as text,
    ):
        for batch in batches(rows):
            parquet.write_batch(batch, row_group_size=32_768)
            text.write_batch(_as_csv(batch))


def _as_csv(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The columns that pyarrow writes no CSV of, and what LOAD DATA would not understand, as text or numbers."""
    uids = [value.hex() for value in batch.column("entry_uid").storage.to_pylist()]
    dashed = [f"{u[:8]}-{u[8:12]}-{u[12:16]}-{u[16:20]}-{u[20:]}" for u in uids]
    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
    columns["entry_uid"] = pa.array(dashed)
    columns["updated_at"] = columns["updated_at"].cast(pa.timestamp("us"))
    columns["is_reversed"] = columns["is_reversed"].cast(pa.int8())
    return pa.RecordBatch.from_pydict(columns)


def ours(url: str, folder: Path) -> None:
    """Load the Parquet file as a restore does."""
    with open_target(url) as target, pq.ParquetFile(folder / "ledger.parquet") as file:
        if target.dbms == "mariadb":
            target.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
        with target.transaction():
            target.load("bench_ours", file.schema_arrow.names, file.iter_batches(DEFAULT_LIMITS.batch_rows))


def peer_postgresql(url: str, folder: Path) -> None:
    r"""``psql \copy``."""
    command = f"\\copy bench_peer from '{folder / 'ledger.csv'}' with (format csv)"
    subprocess.run(["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", command], check=True)


def peer_mariadb(url: str, folder: Path) -> None:
    """``LOAD DATA LOCAL INFILE``, with the same settings as ours."""
    statement = (
        "SET SESSION foreign_key_checks = 0, unique_checks = 0; SET SESSION autocommit = 0; "
        f"LOAD DATA LOCAL INFILE '{folder / 'ledger.csv'}' INTO TABLE bench_peer CHARACTER SET utf8mb4 "
        "FIELDS TERMINATED BY ',' OPTIONALLY ENCLOSED BY '\"' ESCAPED BY '' LINES TERMINATED BY '\\n' "
        "(id, entry_uid, matter_id, posted_by, entry_date, posted_at, updated_at, @debit, @credit, balance, ledger, "
        "reference, @narrative, is_reversed) SET debit = NULLIF(@debit, ''), credit = NULLIF(@credit, ''), "
        "narrative = NULLIF(@narrative, ''); COMMIT;"
    )
    _mariadb(url, statement)


def _mariadb(url: str, statement: str) -> None:
    parts = urlsplit(url)
    address = ["-h", str(parts.hostname), "-P", str(parts.port or 3306), "-u", unquote(parts.username or "")]
    environment = os.environ | ({"MYSQL_PWD": unquote(parts.password)} if parts.password else {})
    command = ["mariadb", "--no-defaults", "--local-infile=1", *address, parts.path.lstrip("/"), "-e", statement]
    subprocess.run(command, check=True, env=environment)


def fresh(url: str, dbms: str, table: str, *, key: bool) -> None:
    """Make an empty table."""
    with open_target(url) as target:
        target.execute(f"DROP TABLE IF EXISTS {table}")
        target.execute(f"CREATE TABLE {table} ({DDL[dbms].format(key=KEY if key else '')})")


def check_equal(url: str) -> None:
    """Stop when the two tables do not hold the same."""
    sums = "count(*) AS n, sum(id) AS i, sum(balance) AS b, sum(debit) AS d"
    figures = f"{sums}, count(narrative) AS t, max(narrative) AS m, min(updated_at) AS u"
    with open_target(url) as target:
        found = [target.query(f"SELECT {figures} FROM {table}").to_pylist() for table in ("bench_ours", "bench_peer")]
    if found[0] != found[1]:
        sys.exit(f"the tables differ: {found}")


def measure(run: Callable[[], None]) -> float:
    """Time one load."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def compare(dbms: str, url: str, folder: Path, *, rounds: int, key: bool) -> None:
    """Load in turns and print the medians and their ratio."""
    peer = peer_postgresql if dbms == "postgresql" else peer_mariadb
    name = "psql \\copy" if dbms == "postgresql" else "LOAD DATA LOCAL"
    taken: dict[str, list[float]] = {"ours": [], "peer": []}
    for number in range(rounds):
        turns = [("ours", ours), ("peer", peer)]
        for who, load in turns if number % 2 == 0 else reversed(turns):
            fresh(url, dbms, f"bench_{who}", key=key)
            taken[who].append(measure(lambda load=load: load(url, folder)))  # type: ignore[misc]
    check_equal(url)
    mine, theirs = (statistics.median(taken[who]) for who in ("ours", "peer"))
    each = "; ".join(f"{who} {', '.join(f'{t:.2f}' for t in times)}" for who, times in taken.items())
    head = f"{dbms}, {'primary key' if key else 'no key'}"
    print(f"{head}: ours {mine:.2f} s, {name} {theirs:.2f} s, ratio {mine / theirs:.2f} ({each})", flush=True)


def main() -> None:
    """Parse and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--postgresql")
    parser.add_argument("--mariadb")
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--key-only", action="store_true", help="leave out the tables without a primary key")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-load-") as name:
        folder = Path(name)
        write_files(folder, given.rows)
        size = (folder / "ledger.csv").stat().st_size / 1e6
        print(f"{given.rows:,} rows, {size:,.0f} MB as CSV, load average {os.getloadavg()[0]:.2f}", flush=True)
        for dbms in ("postgresql", "mariadb"):
            if url := getattr(given, dbms):
                for key in (True,) if given.key_only else (False, True):
                    compare(dbms, url, folder, rounds=given.rounds, key=key)


if __name__ == "__main__":
    main()
