"""The earlier archive of a delta: what its rows were like, and which tables nothing of the new one touches.

Two archives of one source have the same bytes wherever nothing changed, so a load file that reads only entities whose
files are equal gives equal rows and is not run at all, unless rows that it refers to went away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import sqlglot
from sqlglot import exp

from portability.duck import quote, text_literal
from portability.errors import TargetError
from portability.importing.keys import hashes_of
from portability.importing.rows import compute_hashes, compute_rows, create_codes, parent_column
from portability.mapping import open_canonical
from portability.streams import digest_file
from portability.targets.crosswalk import IMPORTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import duckdb

    from portability.archive import Archive
    from portability.importing.plan import LoadPlan
    from portability.importing.results import ImportRequest
    from portability.targets import Target

__all__ = ["affected_tables", "lay_out_previous", "require_filled_from", "write_previous"]


def affected_tables(request: ImportRequest, previous: Archive, plan: LoadPlan) -> frozenset[str]:
    """Name the tables whose load file reads an entity that differs between the archives."""
    changed = _changed_entities(previous, request.archive)
    reads = {load.name: _names(load.sql) for load in plan.tables}
    affected = {name for name, entities in reads.items() if entities & changed}
    more = True
    while more:
        # A column that takes a value of its parent's row changes with that row.
        through = {
            load.name
            for load in plan.tables
            for column in load.columns
            if (named := parent_column(column, plan)) is not None and named[0].name in affected
        }
        more = not through <= affected
        affected |= through
    return frozenset(affected)


def _changed_entities(a: Archive, b: Archive) -> set[str]:
    before, after = a.entity_files(), b.entity_files()
    changed = set(before) ^ set(after)
    for name in set(before) & set(after):
        same_size = before[name].stat().st_size == after[name].stat().st_size
        if not same_size or digest_file(before[name]).sha256 != digest_file(after[name]).sha256:
            changed.add(name)
    documents = [archive.data / "reports/documents.parquet" for archive in (a, b)]
    there = [path.is_file() for path in documents]
    if there[0] != there[1] or (all(there) and digest_file(documents[0]).sha256 != digest_file(documents[1]).sha256):
        changed.add("documents")
    return changed


def _names(sql: str) -> set[str]:
    """Every table that a query names; names of its own subqueries do no harm."""
    return {table.name.lower() for table in sqlglot.parse_one(sql, read="duckdb").find_all(exp.Table)}


def write_previous(
    request: ImportRequest, previous: Archive, plan: LoadPlan, names: Iterable[str], scratch: Path
) -> None:
    """Write id and hash of each row that the earlier archive gives for the tables named, each to a file of its own."""
    section, wanted = request.profile.load, set(names)
    assert section is not None  # noqa: S101 -- refused before
    folder = scratch / "previous"
    folder.mkdir()
    with open_canonical(previous, request.profile, request.limits, scratch=folder) as engine:
        create_codes(engine, section.codes)
        parents = {
            named[0].name
            for load in plan.tables
            if load.name in wanted
            for column in load.columns
            if (named := parent_column(column, plan)) is not None
        }
        for load in plan.tables:
            if load.name in wanted | parents:
                request.progress(f"earlier archive: {load.name}")
                compute_rows(engine, load, section.codes, request.limits)
        for load in plan.tables:
            if load.name in wanted:
                compute_hashes(engine, load, plan, hashes_of(load))
                reader = engine.sql(f"SELECT id, hash FROM {hashes_of(load)}").to_arrow_reader(
                    request.limits.batch_rows
                )
                with pq.ParquetWriter(scratch / f"prev_{load.number}.parquet", reader.schema) as writer:
                    for batch in reader:
                        writer.write_batch(batch)


def lay_out_previous(
    engine: duckdb.DuckDBPyConnection, plan: LoadPlan, names: Iterable[str], affected: frozenset[str], scratch: Path
) -> None:
    """Make ``prev.<table>``: from the earlier archive, or, where nothing can have changed, the same as now."""
    for name in names:
        load = plan.table(name)
        path = scratch / f"prev_{load.number}.parquet"
        rows = f"read_parquet({text_literal(str(path.resolve()))})" if name in affected else hashes_of(load)
        engine.execute(f"CREATE OR REPLACE VIEW prev.{quote(name)} AS SELECT id, hash FROM {rows}")


def require_filled_from(target: Target, archive_id: str, new_id: str) -> None:
    """Refuse a target that was not filled from the earlier archive.

    A delta that was stopped between two groups may be run again.

    Raises:
        TargetError: It was filled from another, or never.
    """
    hint = "Give the archive that was imported last, or import without --delta."
    if IMPORTS not in target.table_names():
        raise TargetError("nothing was ever imported into it", place=target.label, hint=hint)
    sql = (
        f"SELECT archive_id, state, previous_id FROM {target.quote(IMPORTS)} "
        "WHERE state = 'running' OR finished_at = "
        f"(SELECT max(finished_at) FROM {target.quote(IMPORTS)} WHERE state = 'finished')"
    )
    found = target.query(sql, place=IMPORTS).to_pylist()
    running = [row for row in found if row["state"] == "running"]
    if running:
        wanted = (new_id, archive_id)
        if any((row["archive_id"], row["previous_id"]) != wanted for row in running):
            raise TargetError(
                "another import into it was stopped half-way", place=target.label, hint="Finish it first."
            )
        return
    if not any(row["archive_id"] in (archive_id, new_id) for row in found):
        raise TargetError("it was last filled from another archive", place=target.label, hint=hint)
