r"""One ledger table out of PostgreSQL, MariaDB and SQLite: ours beside the floor and the peers, interleaved, as ratios.

    python -m bench.extract [--rows 5000000] [--rounds 3] [--dbms postgresql,mariadb,sqlite] [--only ours,adbc,…]
                            [--json FILE] [--docs docs/benchmarks]

Starts private servers, fills the table, and lets each way read it whole in turns. Ours is the command ``portability
export`` on a database of this one table: catalogue, snapshot, probes and control totals, Parquet, hashes, the archive's
reports. The peers write Parquet and nothing else (``pg_dump``: its own form), in an environment of their own
(``.venv-bench``). The floor is what the DBMS's own client takes to send the rows to /dev/null. What a way wrote is
compared with what was filled in, value by value.
"""

from __future__ import annotations

import argparse
import compileall
import importlib.metadata
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from bench.extract_docs import Figures, write_docs
from bench.extract_docs import Way as Figure
from bench.load import DDL, KEY, batches
from bench.memory import PeakMemory
from portability.targets import open_target
from tests.servers import MariaDBServer, PostgreSQLServer

TABLE = "ledger"
ENVIRONMENT = Path(__file__).parent.parent / ".venv-bench"
PACKAGES = (
    "adbc-driver-manager adbc-driver-postgresql adbc-driver-sqlite arrow-odbc connectorx dlt[parquet] duckdb pandas "
    "psycopg[binary] pyarrow pymysql sqlalchemy"
)
PEERS = ("adbc", "connectorx", "arrow_odbc", "duckdb", "dlt", "pandas")
SLOW = ("dlt", "pandas")
UNAVAILABLE = 3
SQLITE_DDL = (
    "id bigint NOT NULL PRIMARY KEY, entry_uid char(36) NOT NULL, matter_id bigint NOT NULL, posted_by int NOT NULL, "
    "entry_date date NOT NULL, posted_at timestamp NOT NULL, updated_at timestamp NOT NULL, debit decimal(19,4), "
    "credit decimal(19,4), balance decimal(19,4) NOT NULL, ledger varchar(20) NOT NULL, reference varchar(40) "
    "NOT NULL, narrative varchar(200), is_reversed boolean NOT NULL"
)


@dataclass(kw_only=True)
class Way:
    """One way to read the table, and how its runs went."""

    name: str
    command: list[str]
    out: Path | None  # the Parquet file that it writes, or the archive
    seconds: list[float] = field(default_factory=list)
    peak_mib: float = 0
    verdict: str = ""


def main() -> None:
    """Measure and print; ``--json`` keeps the figures, ``--docs`` makes a page of them."""
    options = _options()
    python = _environment()
    # As pip installs it; a checkout would be compiled anew in each run where PYTHONDONTWRITEBYTECODE is set.
    compileall.compile_dir(Path(__file__).parent.parent / "portability", quiet=1)
    load_before = os.getloadavg()[0]
    found: dict[str, list[Figure]] = {}
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        for dbms in options.dbms.split(","):
            with _filled(dbms, Path(folder), options.rows) as url:
                ways = _ways(dbms, url, Path(folder), python, options.only.split(",") if options.only else None)
                _run_in_turns(ways, options.rounds, options.rows)
                found[dbms] = _figures(ways)
                _report(dbms, found[dbms], options.rows)
    figures = Figures(
        rows=options.rows,
        rounds=options.rounds,
        taken=datetime.now(UTC).date().isoformat(),
        machine=f"{os.cpu_count()} cores, {_memory_gib()} GiB, {platform.system()} {platform.machine()}",
        load_before=load_before,
        load_after=os.getloadavg()[0],
        versions=_versions(python),
        dbms=found,
    )
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    if options.docs:
        write_docs(figures, options.docs)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.extract", description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--dbms", default="postgresql,mariadb,sqlite")
    parser.add_argument("--only", help="names of ways, with commas")
    parser.add_argument("--work", type=Path, help="a folder with room for the database and the outputs")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--docs", type=Path, help="a folder for a page with tables and a plot")
    return parser.parse_args()


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _versions(python: Path) -> dict[str, str]:
    """Ours and the peers', by name."""
    names = [re.split(r"\[", name)[0] for name in PACKAGES.split()]
    script = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    told = subprocess.run([python, "-c", script, *names], check=True, capture_output=True, text=True).stdout
    return {"portability": importlib.metadata.version("portability"), **json.loads(told)}


def _environment() -> Path:
    """Return the peers' Python, made at the first run."""
    python = ENVIRONMENT / "bin/python"
    if not (ENVIRONMENT / "ready").exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
        subprocess.run([python, "-m", "pip", "install", "-q", *PACKAGES.split()], check=True)
        (ENVIRONMENT / "ready").touch()
    return python


@contextmanager
def _filled(dbms: str, folder: Path, rows: int) -> Iterator[str]:
    """Yield the address of a database that holds the ledger and nothing else."""
    with ExitStack() as stack:
        if dbms == "sqlite":
            url = f"sqlite:///{folder / 'ledger.db'}"
            ddl = SQLITE_DDL
        else:
            server = PostgreSQLServer() if dbms == "postgresql" else MariaDBServer()
            server.start()
            stack.callback(server.stop)
            url, ddl = server.create_database(), DDL[dbms].format(key=KEY)
        with open_target(url) as target:
            target.execute(f"CREATE TABLE {TABLE} ({ddl})")
            names = next(batches(1)).schema.names
            with target.transaction():
                target.load(TABLE, names, batches(rows))
            if dbms == "postgresql":
                target.execute(f"ANALYZE {TABLE}")
        yield url


def _ways(dbms: str, url: str, folder: Path, python: Path, only: list[str] | None) -> list[Way]:
    archive = folder / "archive"
    ours = [sys.executable, "-c", "from portability.cli import main; main()", "export", url, str(archive)]
    ways = [
        Way(name="floor", command=_floor(dbms, url), out=None),
        Way(name="ours", command=ours, out=archive),
    ]
    script = str(Path(__file__).parent / "peers/extract.py")
    for name in PEERS:
        out = folder / f"{name}.parquet"
        ways.append(Way(name=name, command=[str(python), script, name, url, TABLE, str(out)], out=out))
    if dbms == "postgresql":
        dump = ["pg_dump", "-Fd", "-j2", "-t", TABLE, "-f", str(folder / "dump"), url]
        ways.append(Way(name="pg_dump -Fd -j2", command=dump, out=folder / "dump"))
    return [way for way in ways if not only or way.name in only or way.name == "floor"]


def _floor(dbms: str, url: str) -> list[str]:
    if dbms == "postgresql":
        return ["psql", "-X", "-q", "-d", url, "-c", f"COPY {TABLE} TO STDOUT (FORMAT binary)"]
    if dbms == "sqlite":
        return ["sqlite3", url.removeprefix("sqlite:///"), f"SELECT * FROM {TABLE}"]
    parts = urlsplit(url)
    address = ["-h", str(parts.hostname), "-P", str(parts.port), "-u", str(parts.username), parts.path[1:]]
    return ["mariadb", "--no-defaults", "--batch", "--quick", *address, "-e", f"SELECT * FROM {TABLE}"]


def _run_in_turns(ways: list[Way], rounds: int, rows: int) -> None:
    for number in range(rounds):
        for way in ways if number % 2 == 0 else reversed(ways):
            if (way.verdict and not way.seconds) or (number and way.name in SLOW):
                continue  # cannot run here; or so slow that one run tells enough
            _run(way, rows)
            shown = f"{way.seconds[-1]:.2f} s" if way.seconds else way.verdict
            print(f"{number + 1}/{rounds} {way.name}: {shown}", file=sys.stderr, flush=True)


def _run(way: Way, rows: int) -> None:
    _clear(way.out)
    started = time.perf_counter()
    with (
        subprocess.Popen(way.command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process,
        PeakMemory(process.pid) as memory,
    ):
        told = process.communicate()[1]
    seconds = time.perf_counter() - started
    if process.returncode:
        last = (told.strip().splitlines() or [""])[-1][:160]
        way.verdict = f"not here: {last}" if process.returncode == UNAVAILABLE else f"stops: {last}"
    else:
        way.seconds.append(seconds)
        way.peak_mib = max(way.peak_mib, memory.bytes / 2**20)
        way.verdict = way.verdict or _judge(way, rows)
    _clear(way.out)


def _clear(out: Path | None) -> None:
    if out is not None:
        shutil.rmtree(out, ignore_errors=True)
        shutil.rmtree(out.with_suffix(""), ignore_errors=True)
        if out.is_file():
            out.unlink()


def _judge(way: Way, rows: int) -> str:
    """Compare what was written with what was filled in: exact, or which columns are not."""
    if way.out is None or way.name.startswith("pg_dump"):
        return "-"
    path = next((way.out / "data/source").glob("*.parquet")) if way.out.is_dir() else way.out
    found = pq.read_table(path)
    if found.num_rows != rows:
        return f"{found.num_rows} rows of {rows}"
    found = found.sort_by("id")
    wrong: dict[str, str] = {}
    truth = next(batches(1)).schema
    start = 0
    for batch in batches(rows):
        part = found.slice(start, batch.num_rows).combine_chunks()
        start += batch.num_rows
        for name in set(batch.schema.names) - wrong.keys():
            if fault := _difference(batch.column(name), part.column(name)):
                wrong[name] = fault
    texts = [name for name in truth.names if not _is_text(truth.field(name).type) and _is_text(_stored(found, name))]
    exact = "exact" + (f"; as text: {', '.join(texts)}" if texts else "")
    return exact if not wrong else "; ".join(f"{name}: {fault}" for name, fault in sorted(wrong.items()))


def _stored(table: pa.Table, name: str) -> pa.DataType:
    kind = table.schema.field(name).type
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _difference(truth: pa.Array, found: pa.ChunkedArray) -> str:
    """Tell what is wrong with a column; empty when every value is there, in a type that says so."""
    array = found.combine_chunks() if found.num_chunks != 1 else found.chunk(0)
    if pa.types.is_floating(array.type) and pa.types.is_decimal(truth.type):
        return f"decimal as {array.type}"
    texts, seen = _as_text(truth), _as_text(_plainly(array, truth.type))
    wrong = len(texts) - (pc.sum(pc.fill_null(pc.equal(texts, seen), False)).as_py() or 0)  # noqa: FBT003
    wrong -= pc.sum(pc.and_(pc.is_null(texts), pc.is_null(seen))).as_py() or 0
    return f"{wrong} values differ ({array.type})" if wrong else ""


def _plainly(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """Give a text the form in which it can be compared: numbers, times, and a uuid in either case."""
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if not _is_text(array.type):
        return array
    array = array.cast(pa.string())
    if isinstance(kind, pa.UuidType):
        return pc.utf8_lower(array)
    try:
        return array.cast(kind) if pa.types.is_decimal(kind) or pa.types.is_timestamp(kind) else array
    except pa.ArrowInvalid:
        return array


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _as_text(array: pa.Array) -> pa.Array:
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_fixed_size_binary(array.type) or pa.types.is_binary(array.type):
        texts = [
            None if v is None else str(uuid.UUID(bytes=v)) if len(v) == 16 else v.decode() for v in array.to_pylist()
        ]
        return pa.array(texts, pa.string())
    if pa.types.is_boolean(array.type):
        return array.cast(pa.int8()).cast(pa.string())
    if pa.types.is_timestamp(array.type):
        return array.cast(pa.timestamp("us", array.type.tz)).cast(pa.int64()).cast(pa.string())
    if pa.types.is_decimal(array.type):
        return array.cast(pa.decimal128(38, 10)).cast(pa.string())
    if pa.types.is_dictionary(array.type):
        return array.cast(pa.string())
    return array.cast(pa.string())


def _figures(ways: list[Way]) -> list[Figure]:
    """What each way's runs come to; the first way is the floor."""
    medians = {way.name: statistics.median(way.seconds) for way in ways if way.seconds}
    floor, ours = medians["floor"], medians.get("ours")
    return [
        Figure(
            way=way.name,
            seconds=[round(seconds, 3) for seconds in way.seconds],
            median_s=round(medians.get(way.name, 0), 3),
            times_floor=round(medians.get(way.name, 0) / floor, 3),
            times_ours=round(medians.get(way.name, 0) / ours, 3) if ours else 0,
            peak_mib=round(way.peak_mib),
            verdict=way.verdict,
        )
        for way in ways
    ]


def _report(dbms: str, figures: list[Figure], rows: int) -> None:
    print(f"\n{dbms}, {rows:,} rows; load {os.getloadavg()[0]:.1f}; floor {figures[0]['median_s']:.2f} s")
    for each in figures:
        if not each["seconds"]:
            print(f"  {each['way']:18} {each['verdict']}")
            continue
        print(
            f"  {each['way']:18} {each['median_s']:7.2f} s ({min(each['seconds']):.2f} to {max(each['seconds']):.2f})  "
            f"{each['times_floor']:5.2f} x floor  {each['times_ours']:5.2f} x ours  {each['peak_mib']:6.0f} MiB  "
            f"{each['verdict']}"
        )


if __name__ == "__main__":
    main()
