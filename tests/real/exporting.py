"""Exports a filled real system and asks the archive questions; for the tests of the profiles of real systems.

The export is one call with no profile named: that the right one is detected is part of what is tested.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from portability.checks import Report, verify
from portability.connectors import open_connector
from portability.exports import ExportRequest, ExportResult, export_archive
from portability.limits import DEFAULT_LIMITS
from portability.querying import query_archive

__all__ = ["Exported", "export_filled"]


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A finished export of a real system."""

    result: ExportResult

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Run SQL over the archive."""
        return list(query_archive(self.result.archive, sql, DEFAULT_LIMITS, rows_max=100_000).rows)

    def one(self, sql: str) -> Any:  # noqa: ANN401 -- whatever the SQL gives
        """Run SQL over the archive that gives one value."""
        ((value,),) = self.ask(sql)
        return value

    def source_rows(self) -> dict[str, int]:
        """Count the rows of the source layer's files."""
        archive = self.result.archive
        files = {table.name: archive.data / table.file for table in archive.source_schema().tables if table.file}
        return {name: pq.ParquetFile(path).metadata.num_rows for name, path in files.items()}

    def source_columns(self) -> set[str]:
        """Name the columns that the source layer's files really have, as table.column."""
        archive = self.result.archive
        files = {table.name: archive.data / table.file for table in archive.source_schema().tables if table.file}
        return {
            f"{name}.{column}" for name, path in files.items() for column in pq.ParquetFile(path).schema_arrow.names
        }

    def unreadable(self, entity: str, field: str) -> set[str]:
        """Collect the source texts that could not be typed as one field of an entity."""
        path = f"""'$."$unreadable"."{field}"'"""
        found = self.ask(
            f"SELECT DISTINCT extras::json ->> {path} FROM {entity} WHERE extras::json ->> {path} IS NOT NULL"
        )
        return {text for (text,) in found}

    def verified(self) -> Report:
        """Verify the archive at the deepest level."""
        return verify(self.result.archive.root, level="deep")


def export_filled(url: str, documents: Path, destination: Path) -> Exported:
    """Export the database with its documents into a new archive."""
    request = ExportRequest(connector=open_connector(url), destination=destination, documents=str(documents))
    return Exported(result=export_archive(request))
