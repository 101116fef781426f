"""Reconcile an archive with the target that it was imported into; reads both, writes only the certificate."""

from __future__ import annotations

import importlib.metadata
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from portability.errors import MappingError, PortabilityError
from portability.folders import new_folder
from portability.limits import DEFAULT_LIMITS, Limits
from portability.mapping import open_canonical
from portability.reconciling.bookkeeping import bring_bookkeeping, require_last_import
from portability.reconciling.certificate import Certificate, Comparison, NotLoaded
from portability.reconciling.paper import Paper
from portability.reconciling.sides import compare_total, iter_lines
from portability.streams import digest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from portability.archive import Archive
    from portability.profiles import LoadSection, Profile
    from portability.targets import Target

__all__ = ["ReconcileRequest", "reconcile"]


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
    import_id = require_last_import(request.archive, request.target)
    try:
        return _reconciled(request, load, import_id)
    except duckdb.Error as error:
        # Its text may quote a client's value.
        hint = "Make room for temporary files (TMPDIR), or raise limits.duckdb_memory_mib in portability.yaml."
        raise PortabilityError(f"the SQL engine gave up with {type(error).__name__}", hint=hint) from None


def _reconciled(request: ReconcileRequest, load: LoadSection, import_id: str) -> Certificate:
    with (
        new_folder(request.destination) as folder,
        Paper(folder) as paper,
        tempfile.TemporaryDirectory(prefix="portability-") as scratch,
        open_canonical(request.archive, request.profile, request.limits, scratch=Path(scratch)) as engine,
    ):
        request.progress("reading the crosswalk")
        bring_bookkeeping(engine, request.archive, request.target, load, request.limits)
        comparisons = tuple(_compare(engine, request, load, paper))
        paper.add_rows(_rows(engine, "SELECT * FROM not_loaded ORDER BY ALL"))
        certificate = _certificate(request, import_id, comparisons, tuple(_not_loaded(engine, request.limits)))
        paper.add_certificate(certificate)
    return certificate


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
    request: ReconcileRequest, import_id: str, comparisons: tuple[Comparison, ...], not_loaded: tuple[NotLoaded, ...]
) -> Certificate:
    return Certificate(
        archive=request.archive.root.name,
        tagmanifest_sha256=digest_file(request.archive.root / "tagmanifest-sha256.txt").sha256,
        profile=request.profile.profile,
        profile_version=request.profile.version,
        dbms=request.target.dbms,
        import_id=import_id,
        product=f"portability {importlib.metadata.version('portability')}",
        made_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        comparisons=comparisons,
        not_loaded=not_loaded,
    )
