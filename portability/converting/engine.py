"""The canonical layer as views, for the forms that put several entities together; read a batch at a time."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from portability.duck import open_engine
from portability.errors import FormatError, TargetError
from portability.formats.parquet import engine_limits
from portability.mapping import create_canonical_views
from portability.model import load_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.converting.contract import Material

__all__ = ["Canonical", "open_canonical"]


class Canonical:
    """Answers SQL over the canonical layer with rows as dictionaries."""

    def __init__(self, engine: duckdb.DuckDBPyConnection, rows: int) -> None:
        self._engine = engine
        self._rows = rows

    def rows(self, sql: str) -> Iterator[dict[str, Any]]:
        """Run a query and yield its rows; it must be read to its end before the next one.

        Raises:
            FormatError: The archive's tables do not have the fields of the canonical model.
        """
        try:
            reader = self._engine.sql(sql).to_arrow_reader(self._rows)
            for batch in reader:
                yield from batch.to_pylist()
        except duckdb.Error as error:
            message = "the canonical layer cannot be read: " + str(error).split("\n")[0][:200]
            raise FormatError(message, hint="Was the archive made with another version of the model?") from error


@contextmanager
def open_canonical(material: Material, scratch: Path) -> Iterator[Canonical]:
    """Open the canonical layer; the engine may spill below ``scratch``, which is removed."""
    folder = scratch / ".engine"
    folder.mkdir()
    try:
        limits = engine_limits(material.archive.data, material.limits)
        with open_engine(limits, scratch=folder, folders=[material.archive.data]) as engine:
            create_canonical_views(engine, load_model(), material.archive.data)
            yield Canonical(engine, material.limits.convert_batch_rows)
    except duckdb.Error as error:
        hint = "It writes beside the destination. Is the disk full? Nothing was left behind."
        raise TargetError("the engine cannot work", place=str(scratch.parent), hint=hint) from error
    finally:
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
        folder.rmdir()
