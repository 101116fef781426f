r"""Long values: time and peak memory of an export of many and of one enormous, as files, in Parquet, from disk.

One run fills a table ``bench_lobs`` (a key, a file name, the bytes) with values that do not compress, made by the DBMS
itself, exports it in a process of its own, and says how long that took, what processor time and how much memory. Then,
if asked, the same of ``verify --level deep`` and of a restore into ``--into``.

Run: ``python bench/lobs.py URL [--count N] [--kib N] [--large-mib N] [--as files|inline|disk] [--verify]``.
URL is a database that may be filled (SQLite: a file that is made); the table is dropped afterwards.
"""

from __future__ import annotations

import argparse
import os
import resource
import secrets
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

MIB = 1024 * 1024
POOL_MIB = 2  # of random bytes, of which every small value is a piece with its number before it
_PROFILE = """profile: bench
title: Long values
detect: [bench_lobs]
documents:
  - {{name: lobs, table: bench_lobs, {column}}}
"""


@dataclass(frozen=True, kw_only=True)
class Size:
    """What is filled in."""

    count: int
    kib: int
    large_mib: int


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What one command took."""

    wall_s: float
    cpu_s: float
    peak_mib: int


def measure(command: Sequence[str]) -> Cost:
    """Run a command and return what it took; its memory is VmHWM of its own process."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0
    while process.poll() is None:
        peak = max(peak, peak_kib(process.pid))
        time.sleep(0.02)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if process.returncode:
        raise SystemExit(f"{command[1]}: exit code {process.returncode}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall_s=time.monotonic() - start, cpu_s=cpu, peak_mib=peak // 1024)


def peak_kib(pid: int) -> int:
    """Return the most memory that a process has had resident so far."""
    try:
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    line = next((line for line in status.splitlines() if line.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1])


# -- filling ----------------------------------------------------------------------------------------------------------


def fill(url: str, size: Size) -> None:
    """Make and fill the table."""
    {"sqlite": fill_sqlite, "postgresql": fill_postgresql, "mysql": fill_mariadb}[urlsplit(url).scheme](url, size)


def fill_sqlite(url: str, size: Size) -> None:
    """SQLite makes random bytes; the large value is written piece by piece."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"))
    connection.execute("CREATE TABLE bench_lobs (id INTEGER PRIMARY KEY, name TEXT, body BLOB)")
    connection.execute(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
        " INSERT INTO bench_lobs SELECT i, 'file' || i || '.bin', randomblob(?) FROM n",
        (size.count, size.kib * 1024),
    )
    if size.large_mib:
        key = size.count + 1
        connection.execute("INSERT INTO bench_lobs VALUES (?, 'large.bin', zeroblob(?))", (key, size.large_mib * MIB))
        with connection.blobopen("bench_lobs", "body", key) as blob:
            for _ in range(size.large_mib):
                blob.write(secrets.token_bytes(MIB))
    connection.commit()
    connection.close()


def fill_postgresql(url: str, size: Size) -> None:
    """The server cuts the small values out of a pool and puts the large one together from a large object."""
    import psycopg  # noqa: PLC0415 -- only where it is measured

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP TABLE IF EXISTS bench_lobs")
        connection.execute("CREATE TABLE bench_lobs (id integer PRIMARY KEY, name text, body bytea)")
        connection.execute("ALTER TABLE bench_lobs ALTER body SET STORAGE EXTERNAL")
        connection.execute(
            "INSERT INTO bench_lobs SELECT i, 'file' || i || '.bin', int4send(i) ||"
            " substr(p.pool, 1 + (i::bigint * 7919 %% %s)::integer, %s) FROM generate_series(1, %s) i,"
            " (SELECT %s::bytea AS pool OFFSET 0) p",
            (POOL_MIB * MIB - size.kib * 1024, size.kib * 1024 - 4, size.count, secrets.token_bytes(POOL_MIB * MIB)),
        )
        if size.large_mib:
            with connection.transaction():
                (oid,) = connection.execute("SELECT lo_create(0)").fetchone() or (0,)
                for piece in range(size.large_mib):
                    connection.execute(
                        "SELECT lo_put(%s, %s, %s)", (oid, piece * MIB, secrets.token_bytes(MIB)), binary=True
                    )
                connection.execute("INSERT INTO bench_lobs SELECT %s, 'large.bin', lo_get(%s)", (size.count + 1, oid))
                connection.execute("SELECT lo_unlink(%s)", (oid,))


def fill_mariadb(url: str, size: Size) -> None:
    """The server cuts the small values out of a pool; the large one comes by LOAD DATA: it fits in no packet."""
    import pymysql  # noqa: PLC0415 -- only where it is measured

    parts = urlsplit(url)
    connection = pymysql.connect(
        host=str(parts.hostname), port=parts.port or 3306, user=parts.username, database=parts.path[1:],
        autocommit=True, local_infile=True,
    )  # fmt: skip
    with connection, connection.cursor() as cursor, tempfile.TemporaryDirectory() as folder:
        cursor.execute("DROP TABLE IF EXISTS bench_lobs")
        cursor.execute("CREATE TABLE bench_lobs (id int PRIMARY KEY, name varchar(40), body longblob)")
        cursor.execute("SET @pool = %s", (secrets.token_bytes(POOL_MIB * MIB),))
        cursor.execute(
            "INSERT INTO bench_lobs SELECT seq, CONCAT('file', seq, '.bin'), CONCAT(UNHEX(LPAD(HEX(seq), 8, '0')),"
            f" SUBSTRING(@pool, 1 + seq * 7919 % {POOL_MIB * MIB - size.kib * 1024}, {size.kib * 1024 - 4}))"
            f" FROM seq_1_to_{size.count}"
        )
        if size.large_mib:
            file = Path(folder, "large")
            with file.open("wb") as stream:
                stream.write(f"{size.count + 1}\tlarge.bin\t".encode())
                for _ in range(size.large_mib):
                    # Bytes that LOAD DATA would take for marks are not among them.
                    stream.write(secrets.token_bytes(MIB).translate(bytes.maketrans(b"\t\n\\", b"abc")))
                stream.write(b"\n")
            cursor.execute("LOAD DATA LOCAL INFILE %s INTO TABLE bench_lobs CHARACTER SET binary", (str(file),))
            cursor.execute("SHOW WARNINGS")
            if warnings := cursor.fetchall():
                raise SystemExit(f"MariaDB did not take the large value whole: {warnings[0]}")


def fill_disk(folder: Path, size: Size) -> str:
    """Write the values as files, and a table that names them; return its address."""
    (folder / "files").mkdir()
    connection = sqlite3.connect(folder / "bench.db")
    connection.execute("CREATE TABLE bench_lobs (id INTEGER PRIMARY KEY, body TEXT)")
    for number in range(size.count + bool(size.large_mib)):
        with (folder / f"files/{number}").open("wb") as stream:
            for _ in range(1 if number < size.count else size.large_mib):
                stream.write(secrets.token_bytes(size.kib * 1024 if number < size.count else MIB))
    connection.executemany(
        "INSERT INTO bench_lobs VALUES (?, ?)",
        [(number, str(number)) for number in range(size.count + bool(size.large_mib))],
    )
    connection.commit()
    connection.close()
    return f"sqlite:///{folder / 'bench.db'}"


# -- measuring --------------------------------------------------------------------------------------------------------


def main() -> None:
    """Fill, export, verify, restore; print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--count", type=int, default=100_000, help="at least 1")
    parser.add_argument("--kib", type=int, default=40)
    parser.add_argument("--large-mib", type=int, default=0)
    parser.add_argument("--as", dest="form", choices=("files", "inline", "disk"), default="files")
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--into", help="an empty database to restore into; SQLite: a new file")
    parser.add_argument("--filled", action="store_true", help="the table is there from an earlier run with --keep")
    parser.add_argument("--keep", action="store_true", help="leave the table for another run")
    parser.add_argument("--work", default=None, help="where the archive is made")
    chosen = parser.parse_args()
    size = Size(count=chosen.count, kib=chosen.kib, large_mib=chosen.large_mib)
    with tempfile.TemporaryDirectory(dir=chosen.work) as folder:
        run(chosen, size, Path(folder))


def run(chosen: argparse.Namespace, size: Size, folder: Path) -> None:
    """Measure in a folder."""
    url = chosen.url
    if chosen.form == "disk":
        url = fill_disk(folder, size)
    elif not chosen.filled:
        fill(url, size)
    python = [str(Path(sys.executable).with_name("portability"))]
    options = profile_options(folder, chosen.form)
    archive = folder / "archive"
    show("export", measure([*python, "export", url, str(archive), *options]), size)
    if chosen.verify:
        show("verify deep", measure([*python, "verify", str(archive), "--level", "deep"]), size)
    if chosen.into:
        show("restore", measure([*python, "restore", str(archive), chosen.into, "--unverified"]), size)
    if not chosen.keep and chosen.form != "disk":
        drop(url)


def profile_options(folder: Path, form: str) -> list[str]:
    """Write the profile that makes documents of the values, where they are to be some."""
    if form == "inline":
        return []
    (folder / "profile").mkdir()
    column = "lob: body, file_name: name" if form == "files" else "path: body"
    (folder / "profile/profile.yaml").write_text(_PROFILE.format(column=column), encoding="utf-8")
    documents = ["--documents", str(folder / "files")] if form == "disk" else []
    return ["--profile", str(folder / "profile"), *documents]


def show(what: str, cost: Cost, size: Size) -> None:
    """Print one line."""
    mib = size.count * size.kib / 1024 + size.large_mib
    rate = f"{mib / cost.wall_s:7.1f} MiB/s {size.count / cost.wall_s:8.0f} values/s"
    load = f"load {os.getloadavg()[0]:.1f}"
    print(f"{what:12} {cost.wall_s:7.1f} s {cost.cpu_s:7.1f} s cpu {cost.peak_mib:5} MiB {rate}  {load}", flush=True)


def drop(url: str) -> None:
    """Remove what was filled in."""
    if url.startswith("sqlite"):
        Path(url.removeprefix("sqlite:///")).unlink()
        return
    client = {"postgresql": "psql", "mysql": "mariadb"}[urlsplit(url).scheme]
    parts = urlsplit(url)
    address = [url] if client == "psql" else [
        f"-h{parts.hostname}", f"-P{parts.port}", f"-u{parts.username}", parts.path[1:]
    ]  # fmt: skip
    option = "-c" if client == "psql" else "-e"
    subprocess.run([str(shutil.which(client)), *address, option, "DROP TABLE bench_lobs"], check=True)


if __name__ == "__main__":
    main()
