"""The use case: check the archive, refuse a target that is not empty, make, load, finish, ask for totals.

PostgreSQL and SQLite do everything up to the totals in one transaction: a restore that is stopped leaves nothing. The
others cannot; there the marker says that the restore is not finished until it is. In all of them the marker goes last,
when the totals agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from portability.archive import EXCEPTIONS_PARQUET, Archive
from portability.checks import require, verify
from portability.duck import open_engine
from portability.errors import FormatError, InterruptedRunError, TargetError
from portability.formats.carried import totals_of
from portability.formats.ddl.dialect import PlannedTable
from portability.formats.exceptions import group_exceptions
from portability.limits import DEFAULT_LIMITS, Limits
from portability.manifest import FORMAT_VERSION, ControlTotals, SourceSchema, TableTotals
from portability.restoring import marker
from portability.restoring.broken import with_broken_rows
from portability.restoring.creating import create, made_by, rules
from portability.restoring.finishing import add_constraints, add_details, set_numbering
from portability.restoring.large_objects import put_large_objects
from portability.restoring.late import put_back, put_long_values
from portability.restoring.planning import RestorePlan, plan_restore
from portability.restoring.report import (
    ColumnChange,
    LeftOut,
    Renamed,
    RestoredExceptions,
    RestoredTable,
    RestoreReport,
    TotalsRecord,
)
from portability.restoring.totals import compare_totals
from portability.restoring.values import Outcome, TableRows, Tally
from portability.signing import Policy
from portability.targets import Target, open_target

__all__ = ["RestoreRequest", "restore_archive"]

_KIN_MODE = (
    "SESSION sql_mode = 'NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO,STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION,"
    "ALLOW_INVALID_DATES'"
)


@dataclass(frozen=True, kw_only=True)
class RestoreRequest:
    """What to restore, and where.

    Args:
        archive: A plain archive's directory.
        url: The target.
        unverified: Do not verify the archive first; the report says so.
        signer: Who must have signed it.
        restart: Drop what an unfinished restore made, and begin again.
        limits: Bounds on memory.
        progress: Told each step.
    """

    archive: Path
    url: str
    unverified: bool = False
    signer: Policy | None = None
    restart: bool = False
    limits: Limits = DEFAULT_LIMITS
    progress: Callable[[str], None] = lambda _: None


def restore_archive(request: RestoreRequest) -> RestoreReport:
    """Restore an archive's source layer into an empty database.

    Raises:
        CheckFailedError: The archive has errors; it is not restored.
        FormatError: It cannot be read, or is of a newer format.
        TargetError: The target is not empty, refuses, or has other control totals afterwards.
    """
    archive = Archive.open(request.archive)
    source = archive.source_schema()
    _refuse_newer(source)
    if not request.unverified:
        require(
            verify(
                request.archive, level="full", signer=request.signer, limits=request.limits, progress=request.progress
            )
        )
    try:
        with open_target(request.url, limits=request.limits) as target:
            return _Restore(request, archive, source, target).run()
    except KeyboardInterrupt as error:
        hint = "The target is not whole; run again with --restart."
        raise InterruptedRunError("stopped", hint=hint) from error


def _refuse_newer(source: SourceSchema) -> None:
    def parts(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in version.split(".") if part.isdecimal())

    if parts(source.format_version) > parts(FORMAT_VERSION):
        message = f"the archive is of format {source.format_version}; this program knows {FORMAT_VERSION}"
        raise FormatError(message, place="schema/source.json", hint="Install a newer version of this program.")


class _Restore:
    def __init__(self, request: RestoreRequest, archive: Archive, source: SourceSchema, target: Target) -> None:
        self.request = request
        self.archive = archive
        self.target = target
        self.claimed = archive.control_totals()
        self.source = source
        self.tallies: dict[str, dict[str, Tally]] = {}
        self.outcomes: dict[str, dict[str, Outcome]] = {}
        self.rows: dict[str, int] = {}
        self.left_out: list[LeftOut] = []

    def run(self) -> RestoreReport:
        """Do everything in its order."""
        self._prepare_target()
        plan = self._plan()
        with self._whole():
            marker.begin(self.target, made_by(plan, self.source))
            self._make(plan)
        totals = self._totals(plan)
        if totals.differences:
            self._refuse(totals)
        marker.finish(self.target)
        return self._report(plan, totals)

    def _prepare_target(self) -> None:
        if self.target.dbms == "sqlite":
            self.target.execute("PRAGMA foreign_keys = OFF")  # rows come, and tables go, one table after the other
        found = self.target.discover()
        if self.request.restart and marker.is_unfinished(found):
            self.request.progress("dropping what an unfinished restore made")
            with self._whole():
                marker.clear(self.target)
            found = self.target.discover()
        marker.refuse_full(found, self.target.label)

    def _plan(self) -> RestorePlan:
        plan = plan_restore(self.archive, self.source, self.claimed, self.target)
        if self.target.dbms == "sqlite":
            source = with_broken_rows(self.archive, plan, self.source, self.request.limits)
            plan = plan_restore(self.archive, source, self.claimed, self.target)
        if self.target.dbms == "mariadb" and plan.kin:
            self.target.execute(f"SET {_KIN_MODE}")
        return plan

    def _whole(self) -> AbstractContextManager[None]:
        """One transaction where that covers tables too."""
        return self.target.transaction() if self.target.dbms in ("postgresql", "sqlite") else nullcontext()

    def _make(self, plan: RestorePlan) -> None:
        tables = plan.of_tables()
        ruled = rules(tables)
        self.left_out += create(self.target, tables, self.source, ruled)
        if self.target.dbms == "mariadb":
            # Both are asked of a table when its keys are added; an empty table is then filled in the fast way.
            self.target.execute("SET SESSION foreign_key_checks = 0, unique_checks = 0")
        for table in plan.plan.tables:
            self.request.progress(f"rows: {table.table.label}")
            self._load(plan, table)
        self.left_out += add_constraints(self.target, tables, ruled, self.request.progress)
        self.left_out += add_details(self.target, tables)
        set_numbering(self.target, tables, self.source)

    def _load(self, plan: RestorePlan, table: PlannedTable) -> None:
        label = table.table.label
        limits, totals = self.request.limits, _totals_of(self.claimed, table)
        rows = TableRows(self.archive, plan, table, totals, limits, put_bytes_max=self.target.value_bytes_max)
        names = [column.name for column in table.columns]
        if plan.are_large_objects(table):
            self.rows[label] = put_large_objects(self.target, table, self.archive, limits)
            self.tallies[label], self.outcomes[label] = rows.tallies, rows.outcomes
            return
        with self._rows_alone():
            self.rows[label] = self.target.load(table.name, names, rows.batches(), schema=table.schema)
            put_back(self.target, plan, table, rows, limits)
            put_long_values(self.target, plan, table, rows, self.archive, limits)
        rows.count_lost()
        self.tallies[label] = rows.tallies
        self.outcomes[label] = rows.outcomes

    @contextmanager
    def _rows_alone(self) -> Iterator[None]:
        """One transaction for each table's rows where there is none around them all."""
        if self.target.dbms in ("postgresql", "sqlite"):
            yield
        else:
            with self.target.transaction():
                yield

    # -- proof --------------------------------------------------------------------------------------------------------

    def _totals(self, plan: RestorePlan) -> TotalsRecord:
        self.request.progress("control totals")
        archived = {table.table.label: _totals_of(self.claimed, table) for table in plan.plan.tables}
        return compare_totals(self.target, self.request.url, plan, archived, self.tallies, self.request.limits)

    def _refuse(self, totals: TotalsRecord) -> None:
        shown = "; ".join(totals.differences[: self.request.limits.finding_examples])
        message = f"{len(totals.differences)} control totals of target and archive differ: {shown}"
        hint = "The target is marked as unfinished. Report this; --restart drops what was made."
        raise TargetError(message, place=self.target.label, hint=hint)

    def _report(self, plan: RestorePlan, totals: TotalsRecord) -> RestoreReport:
        renames = tuple(Renamed(what=each.what, old=each.old, new=each.new) for each in plan.plan.renames)
        return RestoreReport(
            archive=self.request.archive.name,
            source_dbms=f"{self.source.dbms} {self.source.dbms_version}",
            target_dbms=self.target.dbms,
            verified="" if self.request.unverified else "full",
            tables=tuple(self._table(table) for table in plan.plan.tables),
            columns=(*plan.columns, *self._changed(plan)),
            left_out=(*plan.left_out, *self.left_out),
            renamed=renames,
            totals=totals,
            exceptions=tuple(self._exceptions(plan)),
            notes=tuple(self.target.notes),
        )

    def _exceptions(self, plan: RestorePlan) -> Iterator[RestoredExceptions]:
        """Say of every group of the ledger how many of its values stand in their places again."""
        labels = {(table.table.schema, table.table.name): table.table.label for table in plan.plan.tables}
        keys_max = self.request.limits.finding_examples
        with open_engine(self.request.limits, scratch=None, folders=[self.archive.data]) as engine:
            groups = group_exceptions(engine, self.archive.data / EXCEPTIONS_PARQUET, keys_max=keys_max)
        for group in groups:
            label = labels.get((group.schema, group.table), f"{group.schema}.{group.table}")
            outcome = self.outcomes.get(label, {}).get(group.column, Outcome())
            put_back = outcome.put_back[group.reason]
            lost = outcome.lost_keys.get(group.reason, list(group.keys) if not put_back else [])
            yield RestoredExceptions(
                table=label,
                column=group.column,
                reason=group.reason,
                values=group.count,
                put_back=put_back,
                keys=tuple(lost),
            )

    def _table(self, table: PlannedTable) -> RestoredTable:
        name = f"{table.schema}.{table.name}" if table.schema else table.name
        return RestoredTable(table=table.table.label, restored_as=name, rows=self.rows[table.table.label])

    def _changed(self, plan: RestorePlan) -> Iterator[ColumnChange]:
        for table in plan.plan.tables:
            declared = {column.name: column.native_type for column in table.table.columns}
            for column in table.columns:
                for why, rows in self.tallies[table.table.label][column.source].reasons.items():
                    yield ColumnChange(
                        table=table.table.label,
                        column=column.source,
                        declared=declared.get(column.source, ""),
                        restored_as=column.type,
                        why=why,
                        rows=rows,
                    )


def _totals_of(claimed: ControlTotals, table: PlannedTable) -> TableTotals:
    found = totals_of(claimed, table.table)
    if found is None:
        raise FormatError("has no control totals", place=table.table.label)
    # Sidecars of storage classes have none of their own.
    named = {column.source for column in table.columns}
    return replace(found, columns=tuple(column for column in found.columns if column.name in named))
