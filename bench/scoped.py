"""One firm of twenty exported by scope, beside the whole database: time, rows, and rows that the DBMS looked at.

    python -m bench.scoped --entries 10000 --firms 20 --repeat 3 [--url postgresql://…/empty] [--no-index] [--json FILE]

The built-in practice, with an index on every tenant column as a vendor of a shared system has them (``--no-index``
leaves them away). Whole and scoped exports are interleaved; documents are left out. Without ``--url`` the practice is
in SQLite. PostgreSQL and MariaDB count the rows that they look at; an export has a floor that does not follow the firm:
the catalogue, the model's rules, the page.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from portability.connectors import open_connector
from portability.connectors.url import parse_url
from portability.exports import ExportRequest, check_scope, export_archive
from portability.practice import generate
from portability.profiles import load_profile
from portability.scoping import Scope, parse_scope

_MARIADB_READS = "Handler_read_first Handler_read_key Handler_read_next Handler_read_rnd_next".split()


def main() -> None:
    """Run it and print the table."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.work) as name:
        folder = Path(name)
        url = options.url or f"sqlite:///{folder / 'practice.db'}"
        generate(url.removeprefix("sqlite:///"), folder / "files", entries=options.entries, firms=options.firms)
        if not options.no_index:
            _index(url)
        scope = _scope_of_middle_firm(url)
        found: dict[str, list[dict[str, Any]]] = {"whole": [], "scoped": []}
        for number in range(options.repeat):
            for way, restriction in (("whole", None), ("scoped", scope)):
                found[way].append(_run(url, folder / "archive", restriction))
                print(f"{number + 1}/{options.repeat} {way}: {found[way][-1]}", file=sys.stderr)
        _report(options, found, _scanned(url, scope))


def _run(url: str, archive: Path, scope: Scope | None) -> dict[str, Any]:
    before, started, cpu = _looked_at(url), time.perf_counter(), time.process_time()
    reading = 0.0

    def progress(step: str) -> None:
        nonlocal reading
        if step.startswith(("documents", "canonical")):
            reading = reading or time.perf_counter() - started

    request = ExportRequest(
        connector=open_connector(url),
        destination=archive,
        profile=load_profile("practice"),
        without_documents=True,
        scope=scope,
        progress=progress,
    )
    result = export_archive(request)
    run = {
        "seconds": round(time.perf_counter() - started, 2),
        "cpu_seconds": round(time.process_time() - cpu, 2),
        "reading_seconds": round(reading, 2),
        "rows": result.rows,
        "looked_at": _difference(before, _looked_at(url)),
    }
    shutil.rmtree(archive)
    return run


def _difference(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before


def _looked_at(url: str) -> int | None:
    """The rows that the server has handed out of tables and indexes since it started; SQLite does not count."""
    if url.startswith("postgresql"):
        import psycopg  # noqa: PLC0415

        time.sleep(1.5)  # statistics of a session arrive after it
        sql = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_user_tables"
        with psycopg.connect(url) as connection:
            row = connection.execute(sql).fetchone()
            return int(row[0]) if row else None
    if url.startswith("mysql"):
        with closing(_mariadb(url)) as connection, connection.cursor() as cursor:
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Handler_read%'")
            return sum(int(value) for name, value in cursor.fetchall() if name in _MARIADB_READS)
    return None


def _mariadb(url: str) -> Any:  # noqa: ANN401 -- the driver's connection
    import pymysql  # noqa: PLC0415

    place = parse_url(url)
    return pymysql.connect(
        host=place.host, port=place.port or 3306, user=place.user, password=place.password or "", database=place.path
    )


def _index(url: str) -> None:
    """Index every tenant column, and let the DBMS count."""
    with open_connector(url).snapshot() as snapshot:
        tables = [t.name for t in snapshot.discover().tables if any(c.name == "FIRM_ID" for c in t.columns)]
    quote = "`" if url.startswith("mysql") else '"'
    statements = [
        f"CREATE INDEX {quote}bench_{n}{quote} ON {quote}{t}{quote} ({quote}FIRM_ID{quote})"
        for n, t in enumerate(tables)
    ]
    if url.startswith("mysql"):
        statements += [f"ANALYZE TABLE `{t}`" for t in tables]
    else:
        statements.append("ANALYZE")
    _execute(url, statements)


def _execute(url: str, statements: list[str]) -> None:
    if url.startswith("postgresql"):
        import psycopg  # noqa: PLC0415

        with psycopg.connect(url, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())
    elif url.startswith("mysql"):
        with closing(_mariadb(url)) as other, other.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
    else:
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as file:
            for statement in statements:
                file.execute(statement)


def _scope_of_middle_firm(url: str) -> Scope:
    with open_connector(url).snapshot() as snapshot:
        (table,) = [t for t in snapshot.discover().tables if t.name == "FIRM_MAST"]
        plan = snapshot.plan(table)
        firms = sorted(value for batch in snapshot.read(plan) for value in batch.column("FIRM_ID").to_pylist())
    return parse_scope(f"{{scope: one-firm, tenant: {firms[len(firms) // 2]}}}".encode())


def _scanned(url: str, scope: Scope) -> list[str]:
    """Name the tables that the DBMS reads whole for the scope, by its own plan."""
    checked = check_scope(open_connector(url), scope, load_profile("practice"), explain=True)
    return [each.table for each in checked.tables if each.explained is not None and each.explained.scanned]


def _report(options: argparse.Namespace, found: dict[str, list[dict[str, Any]]], scanned: list[str]) -> None:
    middle: dict[str, dict[str, float]] = {
        way: {key: statistics.median(run[key] for run in runs) for key, value in runs[0].items() if value is not None}
        for way, runs in found.items()
    }
    ratio = {key: round(middle["scoped"][key] / whole, 3) for key, whole in middle["whole"].items() if whole}
    result = {
        "entries": options.entries,
        "firms": options.firms,
        "indexed": not options.no_index,
        "load": os.getloadavg()[0],
        "whole": middle["whole"],
        "scoped": middle["scoped"],
        "ratio": ratio,
        "read_whole": scanned,
    }
    print(json.dumps(result, indent=1))
    if options.json:
        options.json.write_text(json.dumps(result), encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--firms", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--url", help="An empty database; SQLite in a temporary folder when left out.")
    parser.add_argument("--no-index", action="store_true")
    parser.add_argument("--work", type=Path)
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


if __name__ == "__main__":
    main()
