"""Reconcile an archive with the target that it was imported into; reads both, writes only the certificate."""

from __future__ import annotations

import importlib.metadata
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from portability.duck import quote, text_literal
from portability.errors import MappingError
from portability.folders import new_folder
from portability.limits import DEFAULT_LIMITS, Limits
from portability.mapping import open_canonical
from portability.reconciling.certificate import Certificate, Comparison, NotLoaded
from portability.reconciling.paper import Paper
from portability.reconciling.sides import compare_total, iter_lines, loaded_conditions
from portability.streams import digest_file
from portability.targets.crosswalk import CROSSWALK, read_crosswalk, read_rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import duckdb

    from portability.archive import Archive
    from portability.profiles import LoadSection, Profile
    from portability.targets import Target

__all__ = ["ReconcileRequest", "reconcile"]

# Rows that were not loaded, one line each: rejected with the import's reason, or left out by the profile's SQL.
_NOT_LOADED = (
    "SELECT coalesce(target_table, '') AS target_table, coalesce(canonical_id, '') AS canonical_id, "
    "coalesce(kind, '') AS kind, coalesce(column_name, '') AS column_name, coalesce(reason, '') AS reason FROM {}"
)


@dataclass(frozen=True, kw_only=True)
class ReconcileRequest:
    """What to reconcile. ``destination`` is a new folder for the certificate."""

    archive: Archive
    target: Target
    profile: Profile
    destination: Path
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = lambda _: None


def reconcile(request: ReconcileRequest) -> Certificate:
    """Compare every total of the profile and write the certificate.

    Raises:
        MappingError: The profile has no ``load:`` section, or a total's SQL is wrong.
        TargetError: The target cannot be read, or nothing was imported into it.
        ArchiveExistsError: The destination exists.
    """
    load = request.profile.load
    if load is None:
        raise MappingError("cannot be imported into: it has no load section", place=request.profile.profile)
    with (
        new_folder(request.destination) as folder,
        Paper(folder) as paper,
        tempfile.TemporaryDirectory(prefix="portability-") as scratch,
        open_canonical(request.archive, request.profile, request.limits, scratch=Path(scratch)) as engine,
    ):
        request.progress("reading the crosswalk")
        _bring_bookkeeping(engine, request, load)
        comparisons = tuple(_compare(engine, request, load, paper))
        paper.add_rows(_rows(engine, "SELECT * FROM not_loaded ORDER BY ALL"))
        certificate = _certificate(request, comparisons, tuple(_not_loaded(engine, request.limits)))
        paper.add_certificate(certificate)
    return certificate


def _bring_bookkeeping(engine: duckdb.DuckDBPyConnection, request: ReconcileRequest, load: LoadSection) -> None:
    engine.execute("CREATE TABLE crosswalk (target_table VARCHAR, canonical_id VARCHAR, target_key VARCHAR)")
    if CROSSWALK not in request.target.table_names():
        hint = "Reconcile after `portability import`, with the same target and profile."
        raise MappingError("nothing was imported into this target", place=request.target.label, hint=hint)
    for table in load.tables:
        for batch in read_crosswalk(request.target, table, request.limits):
            engine.register("page", pa.Table.from_batches([batch]))
            engine.execute(f"INSERT INTO crosswalk SELECT {text_literal(table)}, canonical_id, target_key FROM page")
            engine.unregister("page")
    engine.register("rejects", read_rejects(request.target))
    left_out = " UNION ALL ".join(_left_out(entity, load) for entity in sorted(loaded_conditions(load, "crosswalk")))
    parts = [_NOT_LOADED.format("rejects"), *([left_out] if left_out else [])]
    engine.execute(f"CREATE TABLE not_loaded AS {' UNION ALL '.join(parts)}")
    engine.unregister("rejects")


def _left_out(entity: str, load: LoadSection) -> str:
    """Rows of an entity that went into none of its tables and were rejected by none."""
    tables = [table for table in load.tables.values() if entity in table.origins]
    reason = "; ".join(table.left_out for table in tables if table.left_out)
    known = [each for listed in ("crosswalk", "rejects") for each in loaded_conditions(load, listed)[entity]]
    return (
        f"SELECT {text_literal(tables[0].name)}, CAST(id AS VARCHAR), 'left out', '', "
        f"{text_literal(reason or 'no SQL of the profile gives a row for it')} "
        f"FROM main.{quote(entity)} WHERE NOT ({' OR '.join(known)})"
    )


def _compare(
    engine: duckdb.DuckDBPyConnection, request: ReconcileRequest, load: LoadSection, paper: Paper
) -> Iterator[Comparison]:
    for total in load.totals:
        request.progress(total.name)
        yield compare_total(engine, request.target, total, load, request.limits)
        paper.add_lines(total.name, iter_lines(engine, total, differing=False))


def _not_loaded(engine: duckdb.DuckDBPyConnection, limits: Limits) -> Iterator[NotLoaded]:
    examples = f"list(canonical_id ORDER BY canonical_id)[:{limits.finding_examples}]"
    groups = engine.execute(
        f"SELECT target_table, kind, column_name, reason, count(*), {examples} FROM not_loaded "
        f"GROUP BY ALL ORDER BY 5 DESC, 1, 2, 3, 4 LIMIT {limits.reconcile_lines_max}"
    ).fetchall()
    for table, kind, column, reason, count, rows in groups:
        yield NotLoaded(table=table, kind=kind, column=column, reason=reason, count=count, rows=tuple(rows))


def _rows(engine: duckdb.DuckDBPyConnection, sql: str) -> Iterator[tuple[str, ...]]:
    for batch in engine.sql(sql).to_arrow_reader(4096):
        yield from (tuple(row.values()) for row in batch.to_pylist())


def _certificate(
    request: ReconcileRequest, comparisons: tuple[Comparison, ...], not_loaded: tuple[NotLoaded, ...]
) -> Certificate:
    return Certificate(
        archive=request.archive.root.name,
        tagmanifest_sha256=digest_file(request.archive.root / "tagmanifest-sha256.txt").sha256,
        profile=request.profile.profile,
        profile_version=request.profile.version,
        dbms=request.target.dbms,
        product=f"portability {importlib.metadata.version('portability')}",
        made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        comparisons=comparisons,
        not_loaded=not_loaded,
    )
