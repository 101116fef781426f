"""What an archive has beside its tables' cells, and a conversion therefore leaves behind: said for every form alike."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from portability.archive import EXCEPTIONS_PARQUET
from portability.formats.parquet import iter_parquet

if TYPE_CHECKING:
    from portability.converting.contract import Form, Material, Report, TableMaterial

__all__ = ["left_behind"]


def left_behind(material: Material, form: Form, layer: str, report: Report) -> None:
    """Remark on quarantined rows, on values that are files, and on values that no type could hold."""
    if layer == "canonical":
        entities = {table.path.stem for table in material.tables} if form.tables else set(form.entities)
        for name, path in material.archive.entity_files("quarantine").items():
            if name in entities:
                what = (
                    "rows in quarantine, which lack something required, left out: --to csv --layer quarantine has them"
                )
                report.remark(what, name, pq.read_metadata(path).num_rows)
    for table in material.tables:
        _files(table, material, report)
    if layer == "source":
        _exceptions(material, report)


def _files(table: TableMaterial, material: Material, report: Report) -> None:
    names = [name for name in table.schema.names if name.endswith("__file")]
    if not names:
        return
    for batch in iter_parquet(table.path, material.limits.convert_batch_rows, names):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            count = len(column) - column.null_count
            what = "values that are files in the archive's documents/, named in this column, not converted"
            report.remark(what, f"{table.name}.{name}", count)


def _exceptions(material: Material, report: Report) -> None:
    path = material.archive.data / EXCEPTIONS_PARQUET
    if not path.is_file():
        return
    converted = {
        (source["schema"], source["name"]): table.name
        for table in material.tables
        if (source := table.resource.get("lpa:sourceTable"))
    }
    counts: Counter[tuple[str, str, str]] = Counter()
    names = ["table_schema", "table_name", "column_name"]
    for batch in iter_parquet(path, material.limits.convert_batch_rows, names):
        counts.update(zip(*(column.to_pylist() for column in batch.columns), strict=True))
    for (schema, name, column), count in counts.items():
        if (schema, name) in converted:
            what = "values that no type could hold, null here: the archive's exceptions ledger has their bytes"
            report.remark(what, f"{converted[schema, name]}.{column}", count)
