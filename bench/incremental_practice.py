"""A practice as large as one likes, and what a day changes in it: 1 % of its rows and 1 % of its documents.

The built-in practice gives the database; its documents, small as they are made, are then grown with bytes that
nothing shrinks until all of it is as large as was asked for: some small, some of many MiB, as scans are. Their rows say
so.
"""

from __future__ import annotations

import hashlib
import random
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from portability.practice import generate

MIB = 1024 * 1024
_BYTES_A_LEDGER_LINE = 280  # of the SQLite file that the built-in practice gives
_DRIVE = "P:\\DOCS\\"
_SPREAD = 1.2  # of the logarithms of documents' sizes: the largest of some thousand is some sixty times the median
# Nine tenths of all rows lie in these tables. What changes is what people change: a text, the day an entry cleared.
_CHANGES = {
    "LEDG_LINE": "CLR_DT = '2026-11-20'",
    "TIME_ENT": "NARR = substr(NARR || ' x', 1, 200)",
    "LEDG_POST": "NARR = substr(NARR || ' x', 1, 120)",
    "MTR_PARTY": "PREF = substr(PREF || ' x', 1, 30)",
    "BILL_LINE": "DESCR = substr(DESCR || ' x', 1, 120)",
    "DISBMT": "DESCR = substr(DESCR || ' x', 1, 80)",
    "STG_HIST": "REMARK = substr(REMARK || ' x', 1, 80)",
    "NOTE_TXT": "BODY = BODY || ' x'",
    "BILL_HDR": "NARR = NARR || ' x'",
    "TASK_LST": "DETAIL = DETAIL || ' x'",
}


@dataclass(frozen=True, kw_only=True)
class Practice:
    """The vendor's own files: what stands before any export."""

    database: Path
    documents: Path

    @property
    def url(self) -> str:
        """Of the database."""
        return f"sqlite:///{self.database}"


def make_practice(folder: Path, *, size_mib: int, database_mib: int) -> Practice:
    """Make a practice of about that size, database and documents together."""
    practice = Practice(database=folder / "practice.db", documents=folder / "documents")
    generate(practice.url, practice.documents, entries=database_mib * MIB // _BYTES_A_LEDGER_LINE, firms=1)
    _grow(practice, (size_mib - database_mib) * MIB)
    return practice


def _grow(practice: Practice, size_bytes: int) -> None:
    files, chance = _files(practice), random.Random(2)  # noqa: S311 -- the same each time
    weights = [chance.lognormvariate(0, _SPREAD) for _ in files]
    for path, weight in zip(files, weights, strict=True):
        _append(path, int(size_bytes * weight / sum(weights)), chance)
    _note(practice, files)


def _append(path: Path, size_bytes: int, chance: random.Random) -> None:
    with path.open("ab") as stream:
        while size_bytes > 0:
            stream.write(chance.randbytes(min(MIB, size_bytes)))
            size_bytes -= MIB


def change_practice(practice: Practice, *, scattered: bool) -> str:
    """Change 1 % of the rows and of the documents; return what was changed, in words.

    Every other document gets something at its end, as a PDF that was annotated; the rest are written anew.
    """
    rows = 0
    with sqlite3.connect(practice.database) as connection:
        for table, change in _CHANGES.items():
            (last,) = connection.execute(f'SELECT max(rowid) FROM "{table}"').fetchone()
            where = "rowid % 100 = 7" if scattered else f"rowid > {last} * 99 / 100"
            rows += connection.execute(f'UPDATE "{table}" SET {change} WHERE {where}').rowcount
    files = _files(practice)
    chance = random.Random(1)  # noqa: S311 -- the same each time
    changed = chance.sample(files, max(2, len(files) // 100))
    for number, path in enumerate(changed):
        size = path.stat().st_size
        if number % 2:
            path.write_bytes(b"")
        _append(path, size if number % 2 else 2_000, chance)
    _note(practice, changed)
    where = "all over the tables" if scattered else "the newest"
    return f"{rows:,} rows ({where}) and {len(changed)} of {len(files):,} documents"


def _files(practice: Practice) -> list[Path]:
    return sorted(path for path in practice.documents.rglob("*") if path.is_file())


def _note(practice: Practice, files: list[Path]) -> None:
    """Have the documents' rows say what they are now."""
    with sqlite3.connect(practice.database) as connection:
        connection.execute("CREATE TEMP TABLE now_is (path TEXT PRIMARY KEY, size INTEGER, md5 TEXT)")
        connection.executemany("INSERT INTO now_is VALUES (?, ?, ?)", (_row(practice, path) for path in files))
        connection.execute(
            "UPDATE DOC_VER SET FILE_SIZE = size, FILE_MD5 = md5 FROM now_is WHERE path = DOC_VER.FILE_PATH"
        )


def _row(practice: Practice, path: Path) -> tuple[str, int, str]:
    md5 = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    return _DRIVE + "\\".join(path.relative_to(practice.documents).parts), path.stat().st_size, md5
