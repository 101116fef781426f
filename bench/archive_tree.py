"""A large tree that looks like an archive to whatever seals, opens or copies it: a BagIt bag of Parquet and documents.

Six tenths of its bytes are Parquet as an export writes it (zstd level 3): a ledger of made-up rows with identifiers,
uuids, exact decimals, dates, timestamps and words, one file of it many times as large as a segment. A quarter are
scans, which nothing shrinks; a tenth are deflated text, as PDF and Word files are; the rest are e-mails, plain text
with base64 in it. The same size gives the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
import sys
import zlib
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from portability.formats.bag import write_bag

MIB = 1024 * 1024
_GROUP_ROWS = 60_000
_WORDS = (
    "attended client took instructions letter to the other side regarding completion draft lease considered advised on "
    "costs telephone call with counsel court hearing bundle witness statement disclosure deposit stamp duty searches "
    "mortgage offer probate inventory trust accounts reconciliation transfer office invoice paid received"
).split()


def make_tree(root: Path, size_bytes: int) -> None:
    """Make it at ``root``, of about that size."""
    source = np.random.default_rng(20261122)
    (root / "data" / "source").mkdir(parents=True)
    _tables(root / "data" / "source", size_bytes * 6 // 10, source)
    _documents(root / "data" / "documents", size_bytes * 4 // 10, source)
    write_bag(root, info={"Bagging-Date": "2026-11-22"})


def _tables(folder: Path, size_bytes: int, source: np.random.Generator) -> None:
    # One table holds half of the bytes, a dozen more share the rest.
    shares = {"main.ledger_entry": 0.5, **{f"main.table_{number:02d}": 0.5 / 12 for number in range(12)}}
    # The same rows come again after 20 MB, which no window of a compressor reaches; numbers in them go on.
    pool = [_rows(source, _GROUP_ROWS) for _ in range(8)]
    for name, share in shares.items():
        rows = 0
        with pq.ParquetWriter(
            folder / f"{name}.parquet", pool[0].schema, compression="zstd", compression_level=3
        ) as writer:
            while (folder / f"{name}.parquet").stat().st_size < size_bytes * share:
                numbers = pa.array(np.arange(rows, rows + _GROUP_ROWS))
                writer.write_table(pool[rows // _GROUP_ROWS % len(pool)].set_column(0, "id", numbers))
                rows += _GROUP_ROWS


def _rows(source: np.random.Generator, count: int) -> pa.Table:
    words = np.array(_WORDS)
    narrative = [" ".join(words[picks]) for picks in source.integers(0, len(words), (count, 7))]
    pence = source.integers(-5_000_000, 5_000_000, count)
    days = source.integers(0, 9_000, count)
    scale = pa.scalar(Decimal("0.01"), pa.decimal128(3, 2))
    amount = pc.multiply(pa.array(pence).cast(pa.decimal128(19, 0)), scale)
    return pa.table(
        {
            "id": pa.array(np.arange(count)),
            "matter_id": pa.array(source.integers(1, 40_000, count)),
            "uuid": pa.array([chunk.hex() for chunk in _chunks(source.bytes(16 * count), 16)]),
            "posted_on": pa.array((np.datetime64("2001-01-01") + days).astype("datetime64[D]")),
            "created_at": pa.array(
                (np.datetime64("2001-01-01T00:00:00") + days * 86_400 + source.integers(0, 86_400, count)).astype(
                    "datetime64[us]"
                )
            ),
            "debit": amount,
            "credit": pc.negate(amount),
            "user_id": pa.array(source.integers(1, 90, count)),
            "kind": pa.array(words[source.integers(0, 12, count)]),
            "narrative": pa.array(narrative),
        }
    )


def _chunks(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _documents(folder: Path, size_bytes: int, source: np.random.Generator) -> None:
    made = 0
    while made < size_bytes:
        length = int(min(source.lognormal(12, 1.2), 8 * MIB))  # half are below 160 KB
        content = _document(source, float(source.random()), length)
        name = hashlib.sha256(content).hexdigest()
        path = folder / name[:2] / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        made += len(content)


def _document(source: np.random.Generator, kind: float, length: int) -> bytes:
    if kind < 25 / 40:
        return b"\xff\xd8\xff\xe0" + source.bytes(length)
    words = np.array(_WORDS)
    if kind < 35 / 40:
        text = " ".join(words[source.integers(0, len(words), length // 2)]) + source.bytes(length // 3).hex()
        return b"%PDF-1.4\n" + zlib.compress(text.encode(), 6)
    text = " ".join(words[source.integers(0, len(words), length // 20)])
    return f"Subject: instructions\n\n{text}\n".encode() + base64.encodebytes(source.bytes(length // 2))


if __name__ == "__main__":
    make_tree(Path(sys.argv[1]), int(sys.argv[2]) * MIB)
