"""The type cases by two strangers: what DuckDB reads in the Parquet file is what the DBMS's own client prints.

Neither of the two knows our code. Compared are numbers by value, floats as the client prints them, moments without
trailing zeros, everything else character for character; values in the ledger by their original text.
"""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import duckdb
import pytest

from portability.connectors.testing import SourceDatabase
from portability.connectors.testing_types import Carried, TypeCase, load_cases, make_cases, read_cases
from portability.formats.parquet import write_parquet
from tests.connectors.databases import MariadbDatabase, PostgresqlDatabase, SqliteDatabase
from tests.connectors.odbc_databases import OdbcMariadbDatabase, OdbcPostgresqlDatabase, OdbcSqliteDatabase
from tests.servers import MariaDBServer, PostgreSQLServer

pytestmark = pytest.mark.slow

NULL = "\x02null\x02"
_ROW = re.compile(r"(?:^|\x1e|\n)t(\d+)[\x1f\t](\d+)[\x1f\t]")
_ESCAPES = {"\\n": "\n", "\\t": "\t", "\\0": "\x00", "\\\\": "\\"}
Printed = Mapping[tuple[int, int], str]
Texts = Mapping[tuple[int, int], str | None]
# What a client cannot print, or prints otherwise: durations are counted, bits are digits, psql leaves out declarations.
_UNLIKE = re.compile(r"time\b(?!stamp)|bit\b|float\b(?!8)|year|geometry|point|inet6|money|xml")


def _queries(cases: Sequence[TypeCase], digits: str, plain: str = "v") -> list[str]:
    shown = [digits if _is_bytes(case) else plain for case in cases]
    return [f"SELECT 't{n}', id, {each} FROM t{n} ORDER BY id" for n, each in enumerate(shown)]


def _is_bytes(case: TypeCase) -> bool:
    return case.arrow == "binary"


def _psql(url: str, cases: Sequence[TypeCase]) -> Printed:
    queries = [word for sql in _queries(cases, "encode(v, 'hex')") for word in ("-c", sql)]
    shape = ["-X", "-q", "-A", "-t", "-F", "\x1f", "-R", "\x1e", "-P", f"null={NULL}"]
    return _rows(
        _ran(["psql", url, *shape, "-c", "SET TIME ZONE 'UTC'", "-c", "SET IntervalStyle = iso_8601", *queries])
    )


def _mariadb(url: str, cases: Sequence[TypeCase]) -> Printed:
    parts = urlsplit(url)
    address = [f"--host={parts.hostname}", f"--port={parts.port}", f"--user={parts.username}", parts.path[1:]]
    sql = ";".join(["SET time_zone = '+00:00'", *_queries(cases, "LOWER(HEX(v))")])
    shape = ["--no-defaults", "--batch", "--skip-column-names", "--default-character-set=utf8mb4", "--skip-ssl"]
    printed = _rows(_ran(["mariadb", *shape, *address, "-e", sql]))
    return {
        row: NULL if text == "NULL" else re.sub(r"\\[nt0\\]", lambda found: _ESCAPES[found[0]], text)
        for row, text in printed.items()
    }


def _sqlite(path: Path, cases: Sequence[TypeCase]) -> Printed:
    shape = ["-batch", "-separator", "\x1f", "-newline", "\x1e", "-nullvalue", NULL]
    # Bytes among texts, and doubles, are told as the archive tells them: as digits.
    plain = "CASE typeof(v) WHEN 'blob' THEN hex(v) WHEN 'real' THEN printf('%!.17g', v) ELSE v END"
    return _rows(
        _ran(
            [
                "sqlite3",
                *shape,
                str(path),
                "; ".join(_queries(cases, "CASE WHEN v IS NOT NULL THEN lower(hex(v)) END", plain)),
            ]
        )
    )


def _ran(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, check=True, timeout=120)
    return done.stdout.decode("utf-8", "backslashreplace")


def _rows(printed: str) -> Printed:
    found = list(_ROW.finditer(printed))
    ends = [each.start() for each in found[1:]] + [len(printed)]
    texts = (printed[each.end() : end] for each, end in zip(found, ends, strict=True))
    return {(int(e[1]), int(e[2])): text for e, text in zip(found, texts, strict=True)}


def _in_parquet(carried: Sequence[Carried], folder: Path) -> Texts:
    """The text of every value as DuckDB reads it."""
    found: dict[tuple[int, int], str | None] = {}
    with duckdb.connect() as engine:
        engine.execute("SET TimeZone = 'UTC'")
        for number, case in enumerate(carried):
            path = folder / f"{number}.parquet"
            write_parquet(path, case.plan.schema, case.rows.to_batches(), key=case.plan.table.order)
            shown = "lower(hex(v))" if case.plan.schema.field("v").type == "binary" else "v::VARCHAR"
            rows = engine.execute(f"SELECT id, {shown} FROM read_parquet('{path}')").fetchall()
            found |= {(number, int(key)): text for key, text in rows}
    return found


def _same(arrow: str, ours: str, theirs: str) -> bool:
    theirs = theirs.rstrip("\n\x1e") if not ours.endswith("\n") else theirs
    if arrow.startswith(("int", "uint", "decimal")):
        return Decimal(ours) == _number(theirs)
    if arrow in ("float", "double"):
        value, told = float(ours), float(theirs)
        return math.isclose(value, told, rel_tol=1e-14, abs_tol=5e-324) or value == told or math.isnan(value + told)
    if arrow.startswith(("timestamp", "time")):
        return _bare(ours) == _bare(theirs)
    if arrow == "bool":
        return ours[0] == {"1": "t", "0": "f"}.get(theirs[0], theirs[0])
    return ours == theirs or ours.rstrip("\n") == theirs.rstrip("\n")


def _number(text: str) -> Decimal:
    return Decimal(text) if re.fullmatch(r"-?[0-9.]+(e[+-]?[0-9]+)?", text) else Decimal("NaN")


def _bare(moment: str) -> str:
    moment = moment.removesuffix("+00").replace("T", " ")
    return moment.rstrip("0").rstrip(".") if "." in moment else moment


def _compare(cases: Sequence[TypeCase], carried: Mapping[TypeCase, Carried], printed: Printed, folder: Path) -> int:
    """Compare every value that both can show; return how many."""
    held, compared, wrong = _in_parquet([carried[case] for case in cases], folder), 0, []
    for (number, row), told in printed.items():
        case = cases[number]
        if _UNLIKE.match(case.declared.lower()):
            continue
        ours = held[number, row]
        if "\x00" in (ours or ""):  # a client's text ends there
            continue
        if ours is None and (listed := carried[case].ledger.get(str(row))) is not None:
            ours = listed
            fits = told.rstrip("\n\x1e") == listed or _is_bytes(case) or "\\x" in listed
        else:
            fits = told.rstrip("\n\x1e") == NULL if ours is None else _same(case.arrow, ours, told)
        compared += 1
        if not fits:
            wrong.append((str(case), case.declared, row, ours, told))
    assert not wrong, "\n".join(map(repr, wrong))
    return compared


@pytest.mark.parametrize("kind", [PostgresqlDatabase, OdbcPostgresqlDatabase])
def test_postgresql_values_are_what_psql_prints(
    kind: Callable[[str], SourceDatabase], postgresql_server: PostgreSQLServer, tmp_path: Path
) -> None:
    """With and without ODBC."""
    cases, url = load_cases("postgresql"), postgresql_server.create_database()
    make_cases(kind(url), cases)
    assert _compare(cases, read_cases(kind(url), cases), _psql(url, cases), tmp_path) > 100
    postgresql_server.drop_database(url)


@pytest.mark.parametrize("kind", [MariadbDatabase, OdbcMariadbDatabase])
def test_mariadb_values_are_what_its_client_prints(
    kind: Callable[[str], SourceDatabase], mariadb_server: MariaDBServer, tmp_path: Path
) -> None:
    """With and without ODBC."""
    cases, url = load_cases("mariadb"), mariadb_server.create_database()
    make_cases(kind(url), cases)
    assert _compare(cases, read_cases(kind(url), cases), _mariadb(url, cases), tmp_path) > 60
    mariadb_server.drop_database(url)


@pytest.mark.parametrize("kind", [SqliteDatabase, OdbcSqliteDatabase])
def test_sqlite_values_are_what_its_shell_prints(kind: Callable[[Path], SourceDatabase], tmp_path: Path) -> None:
    """With and without ODBC."""
    cases, database = load_cases("sqlite"), kind(tmp_path)
    make_cases(database, cases)
    printed = _sqlite(tmp_path / "source.db", cases)
    assert _compare(cases, read_cases(database, cases), printed, tmp_path) > 40
