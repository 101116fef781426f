"""SQL over an archive.

Canonical tables stand under their names, source tables as ``source.<table>``, quarantined rows as
``quarantine.<entity>``, and the lists as ``documents`` and ``exceptions``. The engine reads nothing but the archive and
writes nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from portability.archive import DOCUMENTS_PARQUET, EXCEPTIONS_PARQUET
from portability.duck import is_one_select, open_engine, quote, text_literal
from portability.errors import FormatError
from portability.formats.parquet import engine_limits
from portability.mapping import create_views

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portability.archive import Archive
    from portability.limits import Limits

__all__ = ["Answer", "open_archive_engine", "query_archive"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A query's result; ``more`` tells that there are further rows."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool


@contextmanager
def open_archive_engine(archive: Archive, limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with every table of the archive as a view."""
    with open_engine(engine_limits(archive.data, limits), scratch=None, folders=[archive.data]) as engine:
        create_views(engine, archive.source_schema(), archive.data)
        engine.execute("CREATE SCHEMA quarantine")
        for schema, folder in (("main", "tables"), ("quarantine", "quarantine")):
            for name, path in archive.entity_files(folder).items():
                _view(engine, f"{schema}.{quote(name)}", path)
        _view(engine, "exceptions", archive.data / EXCEPTIONS_PARQUET)
        if not (archive.data / DOCUMENTS_PARQUET).is_file():
            engine.execute("CREATE VIEW documents AS SELECT NULL WHERE false")
        yield engine


def _view(engine: duckdb.DuckDBPyConnection, name: str, path: Path) -> None:
    engine.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({text_literal(str(path.resolve()))})")


def query_archive(archive: Archive, sql: str, limits: Limits, *, rows_max: int) -> Answer:
    """Run one query.

    Raises:
        FormatError: The SQL is wrong, names what is not there, or reaches outside the archive.
    """
    try:
        with open_archive_engine(archive, limits) as engine:
            if not is_one_select(engine, sql):
                message = "only one query (SELECT, DESCRIBE, SUMMARIZE ...) can be asked"
                raise FormatError(message, place="query", hint="Nothing is ever written to an archive.")
            relation = engine.sql(sql)
            # By way of Arrow: times with a zone then need no further library.
            table = relation.limit(rows_max + 1).to_arrow_table()
            columns = [column.to_pylist() for column in table.slice(0, rows_max).columns]
            rows = tuple(zip(*columns, strict=True)) if columns else ()
            return Answer(columns=tuple(table.column_names), rows=rows, more=table.num_rows > rows_max)
    except duckdb.Error as error:
        hint = '`portability show ARCHIVE` lists the tables; source tables are source.NAME, or source."A NAME".'
        raise FormatError(str(error).split("\n\nLINE")[0].replace("\n", " ")[:500], place="query", hint=hint) from error
