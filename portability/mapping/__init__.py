"""From the source layer to the canonical layer: a profile's SQL, run by DuckDB over the archive's own Parquet.

``create_views`` lays the source layer out; ``map_entities`` runs and checks the SQL; ``trace_coverage`` reads from the
same SQL where every source column went. Nothing here touches a source.
"""

from portability.mapping.canonical import open_canonical
from portability.mapping.control import write_control_totals
from portability.mapping.coverage import ColumnFate, Coverage, TableFate, trace_coverage
from portability.mapping.engine import Mapped, define_macros, map_entities
from portability.mapping.restricting import restrict_mapped
from portability.mapping.views import create_canonical_views, create_views, source_view
from portability.mapping.writing import write_entities

__all__ = [
    "ColumnFate",
    "Coverage",
    "Mapped",
    "TableFate",
    "create_canonical_views",
    "create_views",
    "define_macros",
    "map_entities",
    "open_canonical",
    "restrict_mapped",
    "source_view",
    "trace_coverage",
    "write_control_totals",
    "write_entities",
]
