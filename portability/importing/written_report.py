"""The written report of an import: a directory that appears when it is whole.

``import.json`` has what the command prints, ``problems.parquet`` every problem with its row, ``crosswalk.parquet`` the
crosswalk as it stands in the target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from portability.errors import ConfigError
from portability.folders import new_folder
from portability.importing.findings import problems
from portability.targets.crosswalk import CROSSWALK, read_crosswalk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from portability.importing.preparing import Preparation
    from portability.importing.results import ImportResult
    from portability.limits import Limits
    from portability.targets import Target

__all__ = ["write_report"]

_TEXTS = ("table", "id", "kind", "column", "value", "reason")
_PROBLEMS = pa.schema([*((name, pa.string()) for name in _TEXTS), ("warning", pa.bool_()), ("row", pa.string())])
_LINES = ("target_table", "canonical_id", "target_key", "row_md5", "live_md5", "origin")
_BATCH = 2_000


def write_report(
    directory: Path, result: ImportResult, preparation: Preparation, target: Target, limits: Limits
) -> None:
    """Write the report beside its place, and rename it there.

    Raises:
        ArchiveExistsError: Something has the name.
        ConfigError: It cannot be written.
    """
    try:
        with new_folder(directory) as unfinished:
            document = msgspec.json.encode(result, enc_hook=str)
            (unfinished / "import.json").write_bytes(msgspec.json.format(document, indent=1) + b"\n")
            _write(unfinished / "problems.parquet", _PROBLEMS, _problem_batches(preparation))
            if CROSSWALK in target.table_names():
                schema = pa.schema([(name, pa.string()) for name in _LINES])
                batches = _crosswalk_batches(preparation, target, schema, limits)
                _write(unfinished / "crosswalk.parquet", schema, batches)
    except OSError as error:
        raise ConfigError(f"the report cannot be written: {error.strerror}", place=str(directory)) from error


def _write(path: Path, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)


def _problem_batches(preparation: Preparation) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, object]] = []
    for problem in problems(preparation.engine, preparation.plan):
        rows.append(vars(problem))
        if len(rows) == _BATCH:
            yield pa.RecordBatch.from_pylist(rows, schema=_PROBLEMS)
            rows = []
    yield pa.RecordBatch.from_pylist(rows, schema=_PROBLEMS)


def _crosswalk_batches(
    preparation: Preparation, target: Target, schema: pa.Schema, limits: Limits
) -> Iterator[pa.RecordBatch]:
    for load in preparation.plan.tables:
        for page in read_crosswalk(target, load.name, limits):
            names = pa.array([load.name] * page.num_rows, pa.string())
            yield pa.RecordBatch.from_arrays([names, *page.columns], schema=schema)
