"""One DuckDB file: every table with its exact types, and what the columns mean as comments."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from portability.converting.contract import Form, Material, Report, TableMaterial
from portability.duck import quote, text_literal
from portability.errors import FormatError, TargetError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FORM"]

FILE = "archive.duckdb"


def _write(material: Material, folder: Path, report: Report) -> None:
    limits = material.limits
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{limits.duckdb_memory_mib}MiB",
        "threads": limits.duckdb_threads,
        "temp_directory": str(folder / "spill"),
        # Rows stand in the archive's order; with one order kept, memory is bounded by the row groups in flight.
        "preserve_insertion_order": True,
    }
    try:
        with duckdb.connect(str(folder / FILE), config=options) as connection:
            connection.execute("SET enable_progress_bar = false")  # it would draw on standard output
            for table in material.tables:
                material.progress(f"duckdb {table.name}")
                _table(connection, table, report)
            connection.execute("CHECKPOINT")
        with duckdb.connect(str(folder / FILE), read_only=True) as connection:
            for table in material.tables:
                _check(connection, table)
    except duckdb.Error as error:
        message = str(error).split("\n")[0][:300]
        raise TargetError(f"DuckDB refused: {message}", place=FILE) from error


def _table(connection: duckdb.DuckDBPyConnection, table: TableMaterial, report: Report) -> None:
    scan = f"read_parquet({text_literal(str(table.path.resolve()))})"
    connection.execute(f"CREATE TABLE {quote(table.name)} AS SELECT * FROM {scan}")
    # DuckDB does not tell names apart by case and numbers the later one.
    written = [str(row[0]) for row in connection.execute(f"DESCRIBE {quote(table.name)}").fetchall()]
    columns = dict(zip(table.schema.names, written, strict=True))
    words = table.resource.get("description") or table.resource.get("title", "")
    key = f" Key: {', '.join(table.key)}." if table.key else ""
    connection.execute("BEGIN")  # one write for all comments
    connection.execute(f"COMMENT ON TABLE {quote(table.name)} IS {text_literal(f'{words}{key}'.strip())}")
    for field in table.fields:
        meaning = field.get("description") or field.get("lpa:nativeType")
        if meaning:
            column = f"{quote(table.name)}.{quote(columns[field['name']])}"
            connection.execute(f"COMMENT ON COLUMN {column} IS {text_literal(meaning)}")
    connection.execute("COMMIT")
    report.count("tables")
    report.count("rows", table.rows)
    for name, here in columns.items():
        what = "columns that differ from another in case only have a number here"
        report.remark(what, f"{table.name}.{name}", int(name != here))


def _check(connection: duckdb.DuckDBPyConnection, table: TableMaterial) -> None:
    scan = f"read_parquet({text_literal(str(table.path.resolve()))})"
    differing = connection.execute(
        f"SELECT (SELECT count(*) FROM {quote(table.name)}) - (SELECT count(*) FROM {scan})"
    ).fetchone()
    if differing is None or differing[0]:
        raise FormatError("rows were lost on the way", place=f"{FILE}: {table.name}")


FORM = Form(
    name="duckdb",
    title="One DuckDB file",
    write=_write,
    tables=True,
    cannot_hold=(
        "Every type of the archive has an exact type in DuckDB; durations are a number of microseconds (BIGINT).",
        "Keys are named in the tables' comments, not enforced: an index in the file would double its size.",
        "The file is of this version of DuckDB and later ones; the archive's Parquet files outlive it.",
        "Documents and values longer than 1 MiB are not in it: <column>__file names them. Documents: --to files.",
    ),
)
