"""Rows without a key: a row is inserted or deleted as often as one side has it more often than the other.

Each row is hashed to 128 bits; the engine counts the hashes and spills to disk when they are many. Only the rows that
differ are decoded a second time.
"""

from __future__ import annotations

import tempfile
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from portability.comparing.values import row_digests
from portability.duck import open_engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from portability.comparing.groups import TableFile
    from portability.limits import Limits

__all__ = ["surplus_rows"]

_HASHES = pa.schema([("row", pa.binary()), ("side", pa.int8()), ("part", pa.int32()), ("position", pa.int32())])
_SURPLUS = """
WITH uneven AS (
  SELECT row FROM hashes GROUP BY row HAVING count(*) FILTER (side = 0) <> count(*) FILTER (side = 1)
), numbered AS (
  SELECT *, row_number() OVER (PARTITION BY row, side ORDER BY part, position) AS n
  FROM hashes SEMI JOIN uneven USING (row)
)
SELECT side, part, position FROM numbered AS x
WHERE NOT EXISTS (SELECT 1 FROM numbered AS y WHERE y.row = x.row AND y.side <> x.side AND y.n = x.n)
ORDER BY side, part, position"""


def surplus_rows(
    sides: tuple[tuple[TableFile | None, Sequence[int]], tuple[TableFile | None, Sequence[int]]],
    columns: Sequence[str],
    limits: Limits,
) -> Iterator[tuple[int, pa.Table]]:
    """Yield (0, rows that only the first side has) and (1, rows that only the second has), group by group.

    Args:
        sides: Each a file (None when there is none) and the numbers of the groups to look at.
        columns: What makes a row.
        limits: Of the engine.
    """
    with (
        tempfile.TemporaryDirectory(prefix="portability-diff-") as scratch,
        open_engine(limits, scratch=Path(scratch), folders=[]) as engine,
    ):
        reader = pa.RecordBatchReader.from_batches(_HASHES, _hashes(sides, columns))
        engine.register("incoming", reader)
        engine.execute("CREATE TABLE hashes AS SELECT * FROM incoming")
        found = engine.sql(_SURPLUS).to_arrow_reader(limits.batch_rows)
        rows = (row for batch in found for row in zip(*(c.to_pylist() for c in batch.columns), strict=True))
        for (side, part), members in groupby(rows, key=lambda row: (row[0], row[1])):
            file = sides[side][0]
            if file is not None:
                positions = pa.array([position for _, _, position in members], pa.int64())
                for table in file.tables([part]):
                    yield side, table.take(positions)


def _hashes(
    sides: tuple[tuple[TableFile | None, Sequence[int]], ...], columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    for side, (file, groups) in enumerate(sides):
        for part in groups if file is not None else ():
            for table in file.tables([part]) if file is not None else ():
                digests = row_digests(table.select(columns))
                count = len(digests)
                numbers = pa.array(range(count), pa.int32())
                repeated = [
                    pa.repeat(pa.scalar(value, kind), count) for value, kind in ((side, pa.int8()), (part, pa.int32()))
                ]
                yield pa.RecordBatch.from_arrays([pa.array(digests, pa.binary()), *repeated, numbers], schema=_HASHES)
