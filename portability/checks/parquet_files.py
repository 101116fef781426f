"""D: Parquet files open, and what they would unpack to stays within the limits; no row is read.

A footer is measured before any library sees it. Column types come from pyarrow, because only it knows the Arrow types
that were written; row groups are asked of the SQL engine, because pyarrow ends the process when it meets a row group
whose description contradicts itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from portability.checks.case import TableFacts, open_regular
from portability.duck import text_literal

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from portability.checks.case import Case
    from portability.limits import Limits

__all__ = ["check_parquet_files"]

_MAGIC = b"PAR1"
_TAIL_BYTES = 8  # length of the footer, and the magic again


class _RefusedError(Exception):
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class _RowGroups:
    """All row groups of a file: their rows together, and the largest of each measure."""

    rows: int = 0
    rows_max: int = 0
    unpacked_max: int = 0
    columns: int = 0
    contradictory: bool = False


def check_parquet_files(case: Case) -> None:
    """Open every Parquet file (D231) within the limits of its footer (D232), columns (D233) and row groups (D234)."""
    schemas: dict[str, pa.Schema] = {}
    for path, file in case.payload.files.items():
        if path.endswith(".parquet"):
            try:
                schemas[path] = _schema(case.data / path, file.size_bytes, case.limits)
            except _RefusedError as refused:
                case.log.add(refused.code, path, [str(refused)])
    groups = _all_row_groups(case, schemas)
    case.tables = {}
    for path, schema in schemas.items():
        try:
            case.tables[path] = _facts(schema, groups.get(path), case.limits)
        except _RefusedError as refused:
            case.log.add(refused.code, path, [str(refused)])
    rows = sum(facts.rows for path, facts in case.tables.items() if path.startswith("source/"))
    case.totals |= {"rows": rows, "entities": sum(path.startswith("tables/") for path in case.tables)}


def _schema(path: Path, size_bytes: int, limits: Limits) -> pa.Schema:
    with open_regular(path) as stream:
        head = stream.read(len(_MAGIC))
        stream.seek(max(0, size_bytes - _TAIL_BYTES))
        tail = stream.read(_TAIL_BYTES)
        length = int.from_bytes(tail[:4], "little")
        if head != _MAGIC or tail[4:] != _MAGIC or length + _TAIL_BYTES + len(_MAGIC) > size_bytes:
            raise _RefusedError("D231", "not a Parquet file, or cut off")
        if length > limits.parquet_footer_bytes_max:
            raise _RefusedError("D232", f"{length} bytes")
        try:
            return pq.ParquetFile(stream).schema_arrow
        except Exception as error:  # whatever the library makes of a hostile footer, the file is refused
            raise _RefusedError("D231", type(error).__name__) from error


def _all_row_groups(case: Case, paths: Iterable[str]) -> dict[str, _RowGroups]:
    """Measure the row groups of files; one that cannot be measured is left out."""
    wanted = list(paths)
    try:
        return _row_groups(case, wanted)
    except duckdb.Error:
        if len(wanted) == 1:
            return {}
        half = len(wanted) // 2
        return _all_row_groups(case, wanted[:half]) | _all_row_groups(case, wanted[half:])


def _row_groups(case: Case, paths: list[str]) -> dict[str, _RowGroups]:
    if not paths:
        return {}
    by_file = {str(case.data / path): path for path in paths}
    files = f"[{', '.join(map(text_literal, by_file))}]"
    groups = (
        "SELECT file_name, any_value(row_group_num_rows) AS rows, count(*) AS columns, "
        "min(total_uncompressed_size) AS least, "
        "greatest(max(row_group_bytes), sum(total_uncompressed_size)) AS unpacked "
        f"FROM parquet_metadata({files}) GROUP BY file_name, row_group_id"
    )
    sql = (
        "SELECT file_name, sum(rows), max(rows), max(unpacked), max(columns), least(min(rows), min(least)) < 0 "
        f"FROM ({groups}) GROUP BY file_name"
    )
    measured = {by_file[name]: row for name, *row in case.engine.execute(sql).fetchall()}
    told = case.engine.execute(f"SELECT file_name, num_rows FROM parquet_file_metadata({files})").fetchall()
    found = {}
    for name, rows_told in told:
        rows, rows_max, unpacked, columns, negative = measured.get(by_file[name], (0, 0, 0, 0, False))
        found[by_file[name]] = _RowGroups(
            rows=int(rows),
            rows_max=int(rows_max),
            unpacked_max=int(unpacked),
            columns=int(columns),
            contradictory=bool(negative) or rows != rows_told,
        )
    return found


def _facts(schema: pa.Schema, groups: _RowGroups | None, limits: Limits) -> TableFacts:
    if groups is None or groups.contradictory:
        raise _RefusedError("D231", "its row groups cannot be measured, or do not add up to its rows")
    columns = max(groups.columns, len(schema))
    if columns > limits.parquet_columns_max:
        raise _RefusedError("D233", f"{columns} columns")
    if groups.unpacked_max > limits.parquet_group_bytes_max or groups.rows_max > limits.parquet_group_rows_max:
        sizes = f"{groups.rows_max} rows, {groups.unpacked_max} bytes"
        raise _RefusedError("D234", f"the largest row group: {sizes}")
    return TableFacts(schema=schema, rows=groups.rows)
