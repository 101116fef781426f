"""F: documents. Each is stored under its own hash, each reference finds its document, and each document is referred to.

That the bytes are what the manifest says is known from the container; so the manifest's hash is the hash. Names are
compared in the SQL engine, because there may be millions.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from portability.archive import DOCUMENTS_PARQUET, document_path
from portability.checks.bagtext import iter_manifest
from portability.checks.sampling import sample
from portability.checks.steps import Step
from portability.formats.bag import MANIFEST
from portability.formats.totals import scan_sql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.checks.case import Case

__all__ = ["STEPS"]

_FOLDER = "documents/"
_FILE_OBJECTS = "tables/file_object.parquet"
_BATCH = 10_000


@dataclass(frozen=True, kw_only=True)
class _Reference:
    """Rows that refer to documents: SQL that yields (sha256, size_bytes), one row for each reference."""

    place: str
    sql: str


def _check_stored(case: Case) -> None:
    case.engine.execute("CREATE TABLE stored (sha256 VARCHAR, size_bytes BIGINT)")
    batch: list[tuple[str, int]] = []
    for path, sha256 in iter_manifest(case.root / MANIFEST, case.limits):
        if not path.startswith(_FOLDER):
            continue
        if path != document_path(sha256):
            case.log.add("F501", path)
        size = os.lstat(case.data / path).st_size
        if size > case.limits.value_bytes_max:
            case.log.add("F506", path, [f"{size} bytes"])
        batch.append((sha256, size))
        if len(batch) == _BATCH:
            _insert(case, batch)
    _insert(case, batch)


def _insert(case: Case, batch: list[tuple[str, int]]) -> None:
    columns = [[sha256 for sha256, _ in batch], [size for _, size in batch]]
    case.engine.execute("INSERT INTO stored SELECT unnest(?), unnest(?)", columns)
    batch.clear()


def _check_references(case: Case) -> None:
    case.engine.execute("CREATE TABLE referred (sha256 VARCHAR)")
    unread = 0
    for reference in _references(case):
        try:
            _check_reference(case, reference)
        except duckdb.Error as error:
            unread += 1
            case.log.add("F507", reference.place, [type(error).__name__])
    if unread:
        return  # what is referred to is not known
    found = sample(
        case.engine,
        "SELECT sha256 FROM stored WHERE NOT EXISTS (SELECT 1 FROM referred r WHERE r.sha256 = stored.sha256)",
        case.limits.finding_examples,
    )
    if found.count:
        case.log.add("F504", _FOLDER, found.examples, count=found.count)


def _references(case: Case) -> Iterator[_Reference]:
    for path, only in ((_FILE_OBJECTS, ""), (DOCUMENTS_PARQUET, " WHERE sha256 IS NOT NULL")):
        if path in case.tables:
            sql = f"SELECT sha256, size_bytes FROM {scan_sql(case.data / path)}{only}"
            yield _Reference(place=path, sql=sql)
    for table in case.source.tables:
        for column in table.columns:
            if table.excluded is None and column.carried == "file":
                names = case.tables[table.file].schema.names
                aliases = [f"c{position}" for position in range(len(names))]
                file = aliases[names.index(f"{column.name}__file")]
                scan = scan_sql(case.data / table.file, aliases)
                sql = f"SELECT {file}.sha256, {file}.size_bytes FROM {scan} WHERE {file} IS NOT NULL"
                yield _Reference(place=f"{table.file} {column.name}", sql=sql)


def _check_reference(case: Case, reference: _Reference) -> None:
    case.progress(reference.place)
    limit = case.limits.finding_examples
    rows = f"({reference.sql}) AS f(sha256, size_bytes)"
    stored = "SELECT 1 FROM stored s WHERE s.sha256 = f.sha256"
    found = sample(case.engine, f"SELECT f.sha256 FROM {rows} WHERE NOT EXISTS ({stored})", limit)
    if found.count:
        case.log.add("F502", reference.place, found.examples, count=found.count)
    unlike = (
        f"SELECT f.sha256 FROM {rows} JOIN stored s ON s.sha256 = f.sha256 "
        "WHERE s.size_bytes IS DISTINCT FROM f.size_bytes"
    )
    found = sample(case.engine, unlike, limit)
    if found.count:
        case.log.add("F503", reference.place, found.examples, count=found.count)
    case.engine.execute(f"INSERT INTO referred SELECT DISTINCT f.sha256 FROM {rows}")


def _check_availability(case: Case) -> None:
    scan = scan_sql(case.data / DOCUMENTS_PARQUET, row_number=True)
    sql = f"SELECT file_row_number FROM {scan} WHERE (availability = 'present') IS DISTINCT FROM (sha256 IS NOT NULL)"
    try:
        found = sample(case.engine, sql, case.limits.finding_examples)
    except duckdb.Error as error:
        case.log.add("F507", DOCUMENTS_PARQUET, [type(error).__name__])
        return
    if found.count:
        examples = [f"row {number}" for number in found.examples]
        case.log.add("F505", DOCUMENTS_PARQUET, examples, count=found.count)


STEPS = (
    Step(title="Each document is stored under its hash", check=_check_stored, gate=False),
    Step(title="Each reference finds its document, each document has a reference", check=_check_references, gate=False),
    Step(title="A document has a hash exactly when it is present", check=_check_availability, gate=False),
)
