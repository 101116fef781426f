"""All side-by-side measurements in one run: ``make bench``. Starts private database servers; needs their programs."""

from __future__ import annotations

import argparse
import subprocess
import sys

from tests.servers import MariaDBServer, PostgreSQLServer


def main() -> int:
    """Run one benchmark after the other, so that none disturbs another."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--size-mib", type=int, default=512, help="of the archive that is sealed and opened")
    parser.add_argument("--rows", type=int, default=500_000, help="of the ledger that is extracted and loaded")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--docs", help="a folder for the page of the extraction, such as docs/benchmarks")
    options = parser.parse_args()
    seal = [sys.executable, "-m", "bench.seal", "--size-mib", str(options.size_mib), "--repeat", str(options.rounds)]
    failed = subprocess.run(seal, check=False).returncode
    extract = [sys.executable, "-m", "bench.extract", "--rows", str(options.rows), "--rounds", str(options.rounds)]
    extract += ["--docs", options.docs] if options.docs else []
    failed = subprocess.run(extract, check=False).returncode or failed
    postgresql, mariadb = PostgreSQLServer(), MariaDBServer()
    try:
        for server in (postgresql, mariadb):
            server.start()
        urls = ["--postgresql", postgresql.create_database(), "--mariadb", mariadb.create_database()]
        load = [sys.executable, "bench/load.py", *urls, "--rows", str(options.rows), "--rounds", str(options.rounds)]
        failed = subprocess.run(load, check=False).returncode or failed
    finally:
        for server in (postgresql, mariadb):
            server.stop()
    return failed


if __name__ == "__main__":
    sys.exit(main())
