"""The SQL engine over Parquet, opened within limits.

They are memory, threads, a private place to spill to, and no reach beyond the folders it is given.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from portability.limits import Limits

__all__ = ["beside_another", "is_one_select", "open_engine", "quote", "text_literal"]


def quote(name: str) -> str:
    """Quote an identifier."""
    return '"' + name.replace('"', '""') + '"'


def text_literal(text: str) -> str:
    """Quote a string."""
    return "'" + text.replace("'", "''") + "'"


@contextmanager
def open_engine(
    limits: Limits, *, scratch: Path | None, folders: Sequence[Path]
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection that reads only ``folders`` and spills only below ``scratch``.

    ``scratch`` is a private directory; with None, memory is all there is. The configuration is locked, so that SQL from
    a profile or a person cannot widen it. Times are in UTC. Rows come in no order that the SQL does not ask for.
    """
    database = str(scratch / "scratch.duckdb") if scratch else ":memory:"
    connection = duckdb.connect(database)
    try:
        allowed = ", ".join(text_literal(str(folder.resolve())) for folder in folders)
        connection.execute(f"SET memory_limit = '{limits.duckdb_memory_mib}MiB'")
        connection.execute(f"SET threads = {limits.duckdb_threads}")
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET preserve_insertion_order = false")
        # After two seconds it would draw on standard output, where a command's one JSON document goes.
        connection.execute("SET enable_progress_bar = false")
        connection.execute(f"SET temp_directory = {text_literal(str(scratch / 'spill') if scratch else '')}")
        connection.execute(f"SET allowed_directories = [{allowed}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def beside_another(limits: Limits) -> Limits:
    """Return what an engine may use that is open while another one is: less memory, and one thread."""
    return replace(limits, duckdb_memory_mib=limits.duckdb_memory_mib * 3 // 4, duckdb_threads=1)


def is_one_select(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Tell whether SQL from outside is one query: only that surely writes nothing, not even where it may read."""
    statements = connection.extract_statements(sql)
    return len(statements) == 1 and statements[0].type == duckdb.StatementType.SELECT
