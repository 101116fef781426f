"""What changed between two archives: rows inserted, updated and deleted, table by table.

``ensure_comparable`` refuses pairs whose rows cannot be told apart by key; ``compare_archives`` compares whole archives
and writes the changed rows as Parquet; ``changed_rows`` does one entity. Only row groups whose encoded bytes differ are
decoded (docs/adr/0011). Nothing here verifies: give verified archives.
"""

from portability.comparing.archives import LAYERS, ArchiveDiff, changed_rows, compare_archives, ensure_comparable
from portability.comparing.tables import TableDiff

__all__ = ["LAYERS", "ArchiveDiff", "TableDiff", "changed_rows", "compare_archives", "ensure_comparable"]
