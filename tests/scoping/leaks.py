"""Searching an archive for what is another firm's: every file decoded, every value of every Parquet file as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from portability.archive import Archive

__all__ = ["decoded", "keys_of", "leaks", "row_hashes"]


def decoded(root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every file of an archive, Parquet as the text of all of its values, lower case."""
    for path in sorted(root.rglob("*")):
        if path.is_dir():
            continue
        content = b"\n".join(_values(path)) if path.suffix == ".parquet" else path.read_bytes()
        yield path.relative_to(root).as_posix(), content.lower()


def _values(path: Path) -> Iterator[bytes]:
    table = pq.read_table(path)
    yield str(table.schema).encode()
    for column in table.columns:
        for value in column.to_pylist():
            if isinstance(value, bytes):
                yield value
            elif value is not None:
                yield str(value).encode()


def leaks(root: Path, words: Iterable[str]) -> list[str]:
    """Name the files in which one of these words stands."""
    wanted = [word.lower().encode() for word in words]
    return [f"{path}: {word.decode()}" for path, content in decoded(root) for word in wanted if word in content]


def row_hashes(archive: Archive, columns: dict[str, list[str]]) -> dict[str, Counter[str]]:
    """Return the hash of every row of every source table, over the given columns as text."""
    found = {}
    with duckdb.connect() as connection:
        for table in archive.source_schema().tables:
            if table.excluded is None:
                names = ", ".join(f'CAST("{name}" AS VARCHAR)' for name in columns[table.name])
                sql = f"SELECT md5(CAST([{names}] AS VARCHAR)) FROM read_parquet('{archive.data / table.file}')"
                found[table.name] = Counter(row[0] for row in connection.execute(sql).fetchall())
    return found


def keys_of(archive: Archive) -> dict[str, set[tuple[object, ...]]]:
    """Return the primary keys of every source table that has rows of its own."""
    found: dict[str, set[tuple[object, ...]]] = {}
    for table in archive.source_schema().tables:
        if table.excluded is None and table.primary_key is not None:
            rows: pa.Table = pq.read_table(archive.data / table.file, columns=list(table.primary_key.columns))
            found[table.name] = set(zip(*(column.to_pylist() for column in rows.columns), strict=True))
    return found
