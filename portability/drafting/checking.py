"""``check_profile``: everything that a profile lacks, told at once, against a source when one is given.

Nothing is read from a source but its catalogue and the measures that an export takes of each table first; the maps run
over empty views of the planned types.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from portability.drafting.findings import Problem, error
from portability.drafting.map_checks import ENGINE_ENTITIES, check_document_names, check_names, check_text, check_types
from portability.drafting.reading import read_profile
from portability.drafting.rule_checks import check_coverage, check_documents, check_rules, check_totals
from portability.drafting.typed_views import PlannedSource, Planner, column_kinds, lay_out
from portability.duck import open_engine
from portability.errors import MappingError
from portability.exports.choices import apply_profile
from portability.limits import DEFAULT_LIMITS, Limits
from portability.mapping import Coverage, create_canonical_views, define_macros, source_view, trace_coverage
from portability.model import Model, load_model
from portability.plurals import counted
from portability.scoping import section_problems

if TYPE_CHECKING:
    import duckdb

    from portability.connectors import Connector, Snapshot
    from portability.profiles import Profile

__all__ = ["CheckResult", "TableCoverage", "check_profile", "check_snapshot", "require_fit"]


@dataclass(frozen=True, kw_only=True)
class TableCoverage:
    """How many columns of a source table have which fate. ``rows`` is None when the table is excluded."""

    table: str
    rows: int | None
    columns: int
    mapped: int
    carried: int
    excluded: int
    unclassified: int


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """All that was found. Without a source, ``source``, ``coverage`` and ``tables`` are empty."""

    profile: str
    files: tuple[str, ...]
    problems: tuple[Problem, ...]
    source: str = ""
    tables: tuple[TableCoverage, ...] = ()
    coverage: Coverage | None = None
    fed: tuple[str, ...] = ()
    not_fed: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The problems that stop an export or empty an entity."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


def check_profile(
    name: str | Path, connector: Connector | None = None, *, limits: Limits = DEFAULT_LIMITS
) -> CheckResult:
    """Check a profile, by its folder or its name.

    Args:
        name: The folder, or the name of a profile in the package.
        connector: The source that the profile must fit; None checks the files alone.
        limits: Memory and threads of the SQL engine.

    Raises:
        PortabilityError: There is no such profile, or the source cannot be reached. Faults of the profile are returned.
    """
    if connector is None:
        return check_snapshot(name, None, limits=limits)
    with connector.snapshot() as snapshot:
        return check_snapshot(name, snapshot, limits=limits)


def require_fit(result: CheckResult) -> None:
    """Refuse a profile that has errors.

    Raises:
        MappingError: It has.
    """
    if result.errors:
        first = result.errors[0]
        errors = counted(len(result.errors), "error")
        raise MappingError(f"{errors}; the first: {first.text}", place=first.place, hint=first.mend)


def check_snapshot(
    name: str | Path, snapshot: Snapshot | None, *, planner: Planner | None = None, limits: Limits = DEFAULT_LIMITS
) -> CheckResult:
    """Check a profile against an open snapshot; ``planner`` brings what was measured in it before."""
    read, model = read_profile(name), load_model()
    with tempfile.TemporaryDirectory(prefix="portability-check-") as scratch:
        folder = Path(scratch) / "data"
        folder.mkdir()
        with open_engine(limits, scratch=Path(scratch), folders=[folder]) as connection:
            create_canonical_views(connection, model, folder)
            checker = _Checker(connection, read.profile, model, list(read.problems))
            checker.check_files()
            if snapshot is None:
                return checker.result()
            source = apply_profile(snapshot.discover(), read.profile)
            planned = (planner or Planner(snapshot)).plan(source, read.profile)
            lay_out(connection, planned, folder)
            return checker.check_source(planned)


class _Checker:
    """One run: the problems gather as the checks go on."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, profile: Profile, model: Model, problems: list[Problem]
    ) -> None:
        self._connection = connection
        self._profile = profile
        self._model = model
        self._problems = problems
        # Maps that are worth typing: their text is sound.
        self._sound: list[str] = []

    def check_files(self) -> None:
        """Check what needs no source."""
        try:
            define_macros(self._connection, self._profile)
        except MappingError as failure:
            mend = "A name of the IANA time zone database, e.g. Europe/London."
            self._problems.append(error("profile.yaml: time_zone", failure.message, mend))
            define_macros(self._connection, replace(self._profile, time_zone="UTC"))
        sources = [document.name for document in self._profile.documents]
        for name, sql in self._profile.maps.items():
            found = check_text(self._connection, name, _bare(sql), self._model)
            self._problems += found or check_document_names(name, _bare(sql), sources)
            if not found:
                self._sound.append(name)
        self._problems += check_totals(self._connection, self._profile, ["package"])

    def check_source(self, planned: PlannedSource) -> CheckResult:
        """Check the profile against a source that is laid out, and return everything."""
        self._problems += planned.problems
        self._problems += check_rules(planned.schema, self._profile)
        self._problems += check_documents(self._connection, planned.schema, self._profile)
        mend = "docs/profiles.md explains the scope: section."
        self._problems += [
            error("profile.yaml: scope", x, mend) for x in section_problems(planned.schema, self._profile)
        ]
        self._problems += check_totals(self._connection, self._profile, ["source"])
        views = self._views(planned)
        for name in self._sound:
            sql = _bare(self._profile.maps[name])
            missing = check_names(name, sql, views)
            # The engine would tell the first of the missing names again.
            self._problems += missing or check_types(self._connection, self._model.entity(name), sql)
        coverage = self._trace(planned)
        self._problems += check_coverage(coverage, self._profile)
        return replace(
            self.result(),
            source=f"{planned.schema.dbms} {planned.schema.dbms_version}",
            coverage=coverage,
            tables=_table_coverages(planned, coverage),
        )

    def _views(self, planned: PlannedSource) -> dict[tuple[str, str], list[str]]:
        kinds = column_kinds(self._connection, planned)
        return {
            (schema.lower(), name.lower()): [column.lower() for column in kinds[place]]
            for place, (schema, name) in source_view(planned.schema).items()
        }

    def _trace(self, planned: PlannedSource) -> Coverage:
        """Trace the maps that can be traced; the others are told."""
        maps = {name: self._profile.maps[name] for name in self._sound}
        try:
            return trace_coverage(planned.schema, replace(self._profile, maps=maps))
        except MappingError:
            traceable = {name: sql for name, sql in maps.items() if self._is_traceable(planned, name, sql)}
        return trace_coverage(planned.schema, replace(self._profile, maps=traceable))

    def _is_traceable(self, planned: PlannedSource, name: str, sql: str) -> bool:
        try:
            trace_coverage(planned.schema, replace(self._profile, maps={name: sql}))
        except MappingError as failure:
            self._problems.append(error(failure.place, failure.message, failure.hint))
            return False
        return True

    def result(self) -> CheckResult:
        """What was found so far."""
        entities = [entity.name for entity in self._model.entities if entity.name not in ENGINE_ENTITIES]
        return CheckResult(
            profile=self._profile.profile,
            files=tuple(sorted(self._profile.files)),
            problems=tuple(self._problems),
            fed=tuple(name for name in entities if name in self._profile.maps),
            not_fed=tuple(name for name in entities if name not in self._profile.maps),
        )


def _bare(sql: str) -> str:
    return sql.strip().rstrip(";")


def _table_coverages(planned: PlannedSource, coverage: Coverage) -> tuple[TableCoverage, ...]:
    rows = {place: plan.totals.rows for place, plan in planned.plans.items()}
    return tuple(
        TableCoverage(
            table=f"{table.schema}.{table.name}",
            rows=rows.get((table.schema, table.name)),
            columns=len(table.columns),
            **{
                status: sum(column.status == status for column in table.columns)
                for status in ("mapped", "carried", "excluded", "unclassified")
            },
        )
        for table in coverage.tables
    )
