"""The import: an archive's canonical layer into the tables of a target, as its profile says.

Verified, computed and judged in DuckDB, loaded into staging tables of the target, judged there by its own keys,
references and checks, and moved: one transaction for each group, with the crosswalk. Before the move no live table is
touched, and what is refused is refused before it. Whoever kills a run finds the target as it was, or with whole groups;
the same command again ends where an undisturbed run would have.
"""

from __future__ import annotations

import hashlib
import tempfile
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from portability.errors import ConfigError, MappingError, TargetError
from portability.importing.admission import (
    engine_failure,
    refuse_older,
    require_section,
    require_sound,
    snapshot_at,
)
from portability.importing.dialect import only_importer
from portability.importing.documents import place_documents
from portability.importing.findings import check_entities, problem_kinds, problems, quarantined, table_results
from portability.importing.fitting import fit
from portability.importing.live_checks import changed_rows, refuse_changed
from portability.importing.moving import Mover
from portability.importing.preparing import Preparation
from portability.importing.previous import require_filled_from
from portability.importing.records import ImportRecord, now, write_import, write_rejects
from portability.importing.results import ImportResult
from portability.importing.rows import check_totals, describe_loads
from portability.importing.staging import drop, stage_ids, stage_rows, sweep
from portability.importing.target_checks import TargetChecks
from portability.importing.workbook import write_workbook
from portability.importing.written_report import write_report
from portability.mapping import open_canonical
from portability.reconciling import ReconcileRequest, reconcile
from portability.targets import open_target
from portability.targets.crosswalk import CROSSWALK, IMPORTS, bookkeeping_ddl

if TYPE_CHECKING:
    from portability.importing.documents import DocumentsPlaced
    from portability.importing.plan import LoadPlan, TableLoad
    from portability.importing.results import ImportRequest
    from portability.profiles.loading import LoadSection
    from portability.reconciling import Certificate
    from portability.targets import Target

__all__ = ["import_archive"]


def import_archive(request: ImportRequest) -> ImportResult:
    """Import, or with ``dry_run`` find out what an import would do.

    Raises:
        CheckFailedError: An archive does not verify.
        FormatError: An archive that nobody verified is damaged.
        MappingError: The profile does not fit the archive or the target.
        TargetError: The target cannot be reached, lacks tables or columns, was changed meanwhile, or refuses.
    """
    section = require_section(request)
    require_sound(request)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portability-import-")))
        target = stack.enter_context(open_target(request.target, limits=request.limits))
        stack.enter_context(only_importer(target))
        try:
            return _Import(request, section, target, scratch).run()
        except (duckdb.Error, pa.ArrowException) as error:
            raise engine_failure(request, error) from None  # its text may quote a client's value
        except MappingError as error:
            # A file that is damaged shows first where a load file reads it.
            raise (engine_failure(request, error) if request.unverified else error) from None


class _Import:
    """One run; the steps of ``run`` are its whole life."""

    def __init__(self, request: ImportRequest, section: LoadSection, target: Target, scratch: Path) -> None:
        self._request, self._section, self._target, self._scratch = request, section, target, scratch
        self._archive_id, self._started_at = request.archive.identity, now()
        self._import_id = hashlib.sha256(
            b"\0".join(
                [
                    self._archive_id.encode(),
                    request.profile.files["profile.yaml"],
                    *(name.encode() + b"\0" + content for name, content in sorted(request.profile.load_files.items())),
                ]
            )
        ).hexdigest()[:32]
        self._notes: list[str] = ["the archive was not verified"] if request.unverified else []

    def run(self) -> ImportResult:
        """Do everything."""
        request = self._request
        refuse_older(self._target, request)
        if request.previous is not None:
            require_filled_from(self._target, request.previous.identity, self._archive_id)
        sweep(self._target)
        with open_canonical(
            request.archive, request.profile, request.limits, scratch=self._scratch, folders=[self._scratch]
        ) as engine:
            types = describe_loads(engine, request.profile)
            check_totals(engine, self._section.totals)
            plan = fit(request.profile, self._target.discover(), types)
            preparation = Preparation(engine, self._target, plan, request, self._section, self._scratch)
            try:
                self._prepare(preparation, plan)
                if request.dry_run is None:
                    self._move(preparation, plan)
            finally:
                self._clear()
            return self._tell(preparation, plan)

    def _clear(self) -> None:
        """Drop the staging tables; of a server that is gone the next run sweeps them."""
        try:
            sweep(self._target)
        except TargetError:
            self._notes.append("staging tables were left behind; the next import sweeps them away")

    # -- before the move ----------------------------------------------------------------------------------------------

    def _prepare(self, preparation: Preparation, plan: LoadPlan) -> None:
        preparation.compute()
        check_entities(preparation)
        preparation.decide()
        self._refuse_changed(preparation, plan)
        staged = self._stage(preparation, plan, plan.tables)
        self._judge_in_target(preparation, plan, staged)
        preparation.judge_rows.settle_warnings()

    def _refuse_changed(self, preparation: Preparation, plan: LoadPlan) -> None:
        """Refuse a target that was changed since: all of it for a delta, else where it would be overwritten."""
        if not self._target_knows_crosswalk():
            return
        self._request.progress("looking for changes in the target")
        for found in changed_rows(self._target, plan.tables):
            preparation.note_changed(found)
        refuse_changed(self._target, *preparation.changed_and_wanted())
        stage_ids(self._target, preparation.leaving_batches())

    def _stage(self, preparation: Preparation, plan: LoadPlan, tables: tuple[TableLoad, ...]) -> set[str]:
        staged = set()
        actions = preparation.actions()
        for load in tables:
            wanted = sum(actions.get(load.name, {}).get(each, 0) for each in ("insert", "update", "replace"))
            if not wanted:
                drop(self._target, load.stage)
                continue
            self._request.progress(f"staging {load.name}: {wanted:,} rows")
            rows = stage_rows(preparation.engine, self._target, load, plan, self._request.limits)
            if rows != wanted:
                raise TargetError(f"{rows} rows were staged where {wanted} were to be", place=load.name)
            staged.add(load.name)
        return staged

    def _judge_in_target(self, preparation: Preparation, plan: LoadPlan, staged: set[str]) -> None:
        """Have the target judge until it has nothing to say; every round has fewer rows."""
        while True:
            actions = preparation.actions()
            changing = frozenset(n for n, a in actions.items() if a.get("update", 0) + a.get("replace", 0))
            checks = TargetChecks(self._target, plan, leaving=bool(preparation.leaving()), changing=changing)
            for load in plan.tables:
                if load.name in staged:
                    self._request.progress(f"checking {load.name} in the target")
                    for found in checks.complaints(load, frozenset(staged)):
                        preparation.judge_rows.add(load, found)
            taken = preparation.settle_rejects()
            if not taken:
                self._notes += checks.notes
                return
            again = tuple(load for load in plan.tables if load.name in taken)
            staged -= set(taken)
            staged |= self._stage(preparation, plan, again)
            if self._target_knows_crosswalk():
                stage_ids(self._target, preparation.leaving_batches())

    def _target_knows_crosswalk(self) -> bool:
        return CROSSWALK in self._target.table_names()

    # -- the move -----------------------------------------------------------------------------------------------------

    def _move(self, preparation: Preparation, plan: LoadPlan) -> None:
        actions, leaving = preparation.actions(), preparation.leaving()
        if self._nothing_to_do(preparation, actions, leaving):
            return
        for statement in bookkeeping_ddl(self._target):
            self._target.execute(statement)
        stage_ids(self._target, preparation.leaving_batches())
        if len(plan.groups) > 1:
            self._move_groups(preparation, plan, actions, leaving)
            return
        # What goes may hold a key that comes again; what comes may be what rows now refer to that refer to what goes.
        try:
            self._move_all(preparation, plan, actions, leaving, deletes_first=bool(leaving))
        except TargetError:
            if not leaving:
                raise
            self._move_all(preparation, plan, actions, leaving, deletes_first=False)

    def _nothing_to_do(
        self, preparation: Preparation, actions: dict[str, dict[str, int]], leaving: dict[str, int]
    ) -> bool:
        """Whether this very import is in the target already, whole."""
        moved = ("insert", "update", "replace")
        if leaving or any(counts.get(each) for counts in actions.values() for each in moved):
            return False
        if not self._target_knows_crosswalk() or preparation.new_matches():
            return False
        text, quote = self._target.text, self._target.quote
        sql = f"SELECT state FROM {quote(IMPORTS)} WHERE import_id = {text(self._import_id)}"
        return bool(self._target.query(sql, place=IMPORTS).column(0).to_pylist() == ["finished"])

    def _move_all(
        self,
        preparation: Preparation,
        plan: LoadPlan,
        actions: dict[str, dict[str, int]],
        leaving: dict[str, int],
        *,
        deletes_first: bool,
    ) -> None:
        mover = Mover(self._target, self._import_id, actions, leaving)
        self._request.progress("moving")
        with self._target.transaction():
            mover.loosen(plan.tables)
            if deletes_first:
                mover.delete(reversed(plan.tables))
            self._move_tables(mover, preparation, plan.tables)
            if not deletes_first:
                mover.delete(reversed(plan.tables))
            self._finish(mover, preparation, plan)

    def _move_groups(
        self,
        preparation: Preparation,
        plan: LoadPlan,
        actions: dict[str, dict[str, int]],
        leaving: dict[str, int],
    ) -> None:
        """One transaction for each group; what goes, goes when all is there, children first, with the last group."""
        mover = Mover(self._target, self._import_id, actions, leaving)
        for number, group in enumerate(plan.groups):
            self._request.progress(f"moving {group}")
            with self._target.transaction():
                if number == 0:
                    self._record("running", plan)
                mover.loosen(plan.in_group(number))
                self._move_tables(mover, preparation, plan.in_group(number))
                if number == len(plan.groups) - 1:
                    mover.delete(reversed(plan.tables))
                    self._finish(mover, preparation, plan)

    def _move_tables(self, mover: Mover, preparation: Preparation, tables: tuple[TableLoad, ...]) -> None:
        mover.insert(tables)
        mover.update(tables)
        mover.settle(tables)
        for load in tables:
            if load.spec.match and load.name in preparation.computed:
                mover.match(preparation.engine, load, self._request.limits)

    def _finish(self, mover: Mover, preparation: Preparation, plan: LoadPlan) -> None:
        mover.raise_sequences(plan.tables)
        write_rejects(self._target, preparation, self._import_id, self._request.limits)
        self._record("finished", plan)

    def _record(self, state: str, plan: LoadPlan) -> None:
        previous = self._request.previous
        record = ImportRecord(
            import_id=self._import_id,
            archive_id=self._archive_id,
            profile=self._request.profile.profile,
            previous_id=previous.identity if previous else None,
            started_at=self._started_at,
            snapshot_at=snapshot_at(self._request.archive),
        )
        write_import(self._target, plan, record, state)

    # -- after the move -----------------------------------------------------------------------------------------------

    def _tell(self, preparation: Preparation, plan: LoadPlan) -> ImportResult:
        request = self._request
        engine = preparation.engine
        placed = self._place() if request.dry_run is None else None
        shown = list(islice(problems(engine, plan), request.limits.reported_rows + 1))
        result = ImportResult(
            archive_id=self._archive_id,
            target=self._target.label,
            dbms=self._target.dbms,
            profile=request.profile.profile,
            mode=self._mode(),
            verified=not request.unverified,
            tables=table_results(preparation),
            problems=problem_kinds(engine),
            rejects=tuple(shown[: request.limits.reported_rows]),
            more_rejects=len(shown) > request.limits.reported_rows,
            quarantined=quarantined(request.archive),
            without=dict(self._section.without),
            documents=placed,
            certificate=self._reconcile(),
            notes=(*self._notes, *self._target.notes),
        )
        if request.dry_run is not None:
            write_workbook(request.dry_run, result, preparation, request.limits)
        if request.report is not None:
            write_report(request.report, result, preparation, self._target, request.limits)
        return result

    def _reconcile(self) -> Certificate | None:
        request = self._request
        if request.certificate is None or request.dry_run is not None:
            return None
        return reconcile(
            ReconcileRequest(
                archive=request.archive,
                target=self._target,
                profile=request.profile,
                destination=request.certificate,
                limits=request.limits,
                progress=request.progress,
            )
        )

    def _mode(self) -> str:
        kind = "import" if self._request.previous is None else "delta"
        return f"dry run of {'a delta' if kind == 'delta' else 'an import'}" if self._request.dry_run else kind

    def _place(self) -> DocumentsPlaced | None:
        request = self._request
        if not self._section.documents:
            return None
        scratch = self._scratch / "documents"
        scratch.mkdir()
        try:
            return place_documents(
                request.archive,
                request.profile,
                self._target,
                request.documents,
                limits=request.limits,
                progress=request.progress,
                scratch=scratch,
            )
        except ConfigError:
            if request.documents is not None:
                raise
            self._notes.append("documents were not placed: no place was given")
            return None
