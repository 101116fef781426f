"""The canonical layer of an archive as a database: what a profile's ``load/<table>.sql`` reads.

Every entity of the model stands under its name, empty where the archive has none; ``documents`` is the list of the
archive's documents. The macros are those of maps. Neither the source layer nor quarantined rows are there.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from portability.archive import DOCUMENTS_PARQUET
from portability.duck import open_engine, text_literal
from portability.mapping.engine import define_macros
from portability.mapping.views import create_canonical_views
from portability.model import load_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import duckdb

    from portability.archive import Archive
    from portability.limits import Limits
    from portability.profiles import Profile

__all__ = ["open_canonical"]


@contextmanager
def open_canonical(
    archive: Archive, profile: Profile, limits: Limits, *, scratch: Path | None = None, folders: Sequence[Path] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to the canonical layer of a plain archive.

    Args:
        archive: Verified before, if that matters: nothing is checked here.
        profile: Gives the time zone of the macros.
        limits: Memory and threads.
        scratch: A private directory to spill to; with None, memory is all there is.
        folders: Further folders that may be read.
    """
    with open_engine(limits, scratch=scratch, folders=[archive.data, *folders]) as connection:
        create_canonical_views(connection, load_model(), archive.data)
        if (archive.data / DOCUMENTS_PARQUET).is_file():
            path = text_literal(str((archive.data / DOCUMENTS_PARQUET).resolve()))
            connection.execute(f"CREATE VIEW documents AS SELECT * FROM read_parquet({path})")
        define_macros(connection, profile)
        yield connection
