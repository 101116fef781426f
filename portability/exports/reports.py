"""Everything in an archive besides its tables and documents: reports, schemas, descriptions, and the bag around them.

``write_reports`` makes them in the order in which they lean on each other.
"""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from portability.archive import (
    CONTROL_TOTALS_JSON,
    COVERAGE_JSON,
    DATAPACKAGE_JSON,
    EXCEPTIONS_PARQUET,
    EXPORT_JSON,
    FINDINGS_JSON,
    MODEL_JSON,
    SOURCE_JSON,
    SUMMARY_JSON,
)
from portability.checks.rules import rule_findings
from portability.duck import open_engine
from portability.errors import CheckFailedError
from portability.exports.extract import EXCEPTIONS_SCHEMA
from portability.exports.scoped import scope_record
from portability.formats.bag import write_bag
from portability.formats.datapackage import (
    PERSONAL_DATA_CLASSES,
    PROFILE_PATH,
    TableFile,
    build_datapackage,
    profile_bytes,
)
from portability.formats.ddl import write_ddl
from portability.formats.exceptions import ExceptedGroup, group_exceptions
from portability.formats.parquet import engine_limits, iter_parquet, write_parquet
from portability.formats.readme import Columns, ReadmeFacts, render_readme
from portability.formats.summary import summarise
from portability.manifest import FORMAT_VERSION, ExportRecord, Finding, Findings, to_json
from portability.mapping import create_canonical_views, create_views
from portability.model import json_schema, model_json
from portability.scoping import canonical_scope
from portability.scoping.record import SCOPE_JSON, SCOPE_RECORD_JSON
from portability.scoping.redaction import REDACTIONS_JSON
from portability.streams import Digest, digest_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from portability.archive import StagingDir
    from portability.exports.scoped import ScopedExport
    from portability.limits import Limits
    from portability.manifest import Column, ControlTotals, SnapshotRecord, SourceSchema, Table
    from portability.mapping import Coverage, Mapped
    from portability.model import Model
    from portability.profiles import Profile
    from portability.scoping.redaction import RedactionPlan

__all__ = ["Facts", "write_reports"]


# Of the exceptions ledger at once: each may be a long text.
_LEDGER_ROWS = 1_024


@dataclass(frozen=True, kw_only=True)
class Facts:
    """All that the reports tell."""

    staging: StagingDir
    work: Path
    profile: Profile
    model: Model
    source: SourceSchema
    totals: ControlTotals
    coverage: Coverage
    mapped: Mapped
    documents: dict[str, int]
    exceptions: int
    findings: tuple[Finding, ...]
    limits: Limits
    snapshot: SnapshotRecord
    snapshot_at: str
    started_at: datetime
    resumed: bool
    notes: tuple[str, ...]
    product: str
    progress: Callable[[str], None]
    scoped: ScopedExport | None = None
    request_number: str | None = None
    redaction: RedactionPlan | None = None

    @property
    def data(self) -> Path:
        """The payload directory."""
        return self.staging.data


def write_reports(facts: Facts) -> tuple[Finding, ...]:
    """Write everything that follows the tables, and the bag last; return all findings.

    Raises:
        CheckFailedError: A rule of the model is broken that only a wrong export or mapping can break.
    """
    facts.progress("reports")
    for folder in ("reports", "schema", "map"):
        (facts.data / folder).mkdir(exist_ok=True)
    _write(facts.data / SOURCE_JSON, facts.source)
    _write_scope(facts)
    _write(facts.data / MODEL_JSON, model_json(facts.model))
    for name in facts.mapped.rows:
        _write(facts.data / f"schema/{name}.schema.json", json_schema(facts.model.entity(name)))
    _write(facts.data / COVERAGE_JSON, facts.coverage)
    _write(facts.data / CONTROL_TOTALS_JSON, facts.totals)
    exceptions = _write_exceptions(facts)
    told = (*map(_exception_finding, exceptions), *map(_note_finding, facts.source.notes))
    findings = (*facts.findings, *told, *_judged(facts))
    _write(facts.data / FINDINGS_JSON, Findings(findings=findings))
    _write_profile(facts)
    _write_page(facts, findings, exceptions)
    (facts.data / "FORMAT.md").write_bytes(resources.files("portability.formats").joinpath("FORMAT.md").read_bytes())
    write_ddl(facts.source, facts.data / "sql", totals=facts.totals)
    known = _write_datapackage(facts)
    _write(facts.staging.bag / EXPORT_JSON, _record(facts))
    facts.progress("checksums")
    write_bag(facts.staging.bag, info=_bag_info(facts), known=known)
    return findings


def _judged(facts: Facts) -> tuple[Finding, ...]:
    """Run the model's rules; an error among them is ours, and stops the export."""
    facts.progress("legal rules")
    if not facts.profile.maps:
        return ()  # they are about the canonical layer
    scratch = facts.work / "rules"
    scratch.mkdir(exist_ok=True)
    limits = engine_limits(facts.data, facts.limits)
    with open_engine(limits, scratch=scratch, folders=[facts.data]) as engine:
        found = rule_findings(engine, facts.model, facts.source, facts.data, examples_max=facts.limits.finding_examples)
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        told = "; ".join(
            f"{e.code} {e.place}: {e.text} ({e.count}, e.g. {', '.join(e.examples[:3])})" for e in errors[:10]
        )
        apart = ", ".join(f"{count} of {name}" for name, count in facts.mapped.quarantined.items() if count)
        hint = "The profile's SQL is wrong, not the firm's data. Mend the map, then run again."
        if apart:
            hint += f" Rows in quarantine, which may be the cause: {apart}."
        raise CheckFailedError(f"the canonical layer breaks the model: {told}", place=facts.profile.profile, hint=hint)
    return found


def _write_page(facts: Facts, findings: tuple[Finding, ...], exceptions: tuple[ExceptedGroup, ...]) -> None:
    """Write reports/summary.json and, from it, the page for people."""
    with open_engine(engine_limits(facts.data, facts.limits), scratch=None, folders=[facts.data]) as engine:
        create_views(engine, facts.source.with_tables(()), facts.data)
        present = create_canonical_views(engine, facts.model, facts.data, with_empty=False)
        summary = summarise(engine, {*present, "documents"}, quarantined=facts.mapped.quarantined)
    _write(facts.data / SUMMARY_JSON, summary)
    coverage = facts.coverage
    columns = Columns(
        total=coverage.columns, mapped=coverage.mapped, carried=coverage.carried, excluded=coverage.excluded
    )
    page = render_readme(
        ReadmeFacts(
            system=facts.profile.title,
            summary=summary,
            source=facts.source,
            totals=facts.totals,
            findings=findings,
            exceptions=exceptions,
            columns=columns if facts.profile.maps else None,
        )
    )
    (facts.data / "README.html").write_text(page, encoding="utf-8", newline="\n")


def _write_scope(facts: Facts) -> None:
    """Write the scope as it was hashed, how each table was filtered, what was redacted; remove an earlier run's."""
    for name in (SCOPE_JSON, SCOPE_RECORD_JSON, REDACTIONS_JSON):
        (facts.data / name).unlink(missing_ok=True)
    if facts.scoped is not None:
        (facts.data / SCOPE_JSON).write_bytes(canonical_scope(facts.scoped.scope))
        _write(facts.data / SCOPE_RECORD_JSON, scope_record(facts.scoped))
    if facts.redaction is not None:
        (facts.data / REDACTIONS_JSON).write_bytes(facts.redaction.report(facts.totals))


def _write(path: Path, value: object) -> None:
    path.write_bytes(to_json(value))


def _write_exceptions(facts: Facts) -> tuple[ExceptedGroup, ...]:
    """Put the tables' ledgers together, and return them in groups."""
    path = facts.data / EXCEPTIONS_PARQUET
    path.unlink(missing_ok=True)

    def batches() -> Iterator[pa.RecordBatch]:
        for table in facts.source.tables:
            part = facts.work / "exceptions" / table.file.rpartition("/")[2]
            if table.file and part.is_file():
                yield from iter_parquet(part, _LEDGER_ROWS)

    key = ("table_name", "column_name", "row_key")
    if not write_parquet(path, EXCEPTIONS_SCHEMA, batches(), key=key, limits=facts.limits).rows:
        return ()
    with open_engine(facts.limits, scratch=None, folders=[facts.data]) as engine:
        return group_exceptions(engine, path, keys_max=facts.limits.finding_examples)


def _exception_finding(group: ExceptedGroup) -> Finding:
    return Finding(
        code="E201",
        severity="finding",
        place=group.place,
        text=f"value cannot be held by its type ({group.reason}); it is empty in the table and stands, as the source "
        "wrote it, in reports/exceptions.parquet",
        count=group.count,
        examples=group.keys,
    )


def _note_finding(note: str) -> Finding:
    """Say aloud what a connector noted: what the source has and it does not carry."""
    return Finding(code="E202", severity="finding", place="source", text=note, count=1)


def _write_profile(facts: Facts) -> None:
    for name, content in facts.profile.files.items():
        (facts.data / "map" / name.removeprefix("map/")).write_bytes(content)


def _write_datapackage(facts: Facts) -> dict[str, Digest]:
    """Describe every Parquet file; return the digests, so that the bag need not read them again."""
    files, known = [], {}
    for path in sorted(facts.data.rglob("*.parquet")):
        name = path.relative_to(facts.data).as_posix()
        known[name] = digest_file(path)
        with pq.ParquetFile(path) as file:
            files.append(
                TableFile(path=name, schema=file.schema_arrow, rows=file.metadata.num_rows, sha256=known[name].sha256)
            )
    package = build_datapackage(
        name=facts.profile.profile,
        title=facts.profile.title,
        profile=facts.profile.profile,
        source=facts.source,
        model=facts.model,
        files=files,
        pd_of=_personal_data(facts),
        totals=facts.totals,
    )
    _write(facts.data / DATAPACKAGE_JSON, package)
    (facts.data / PROFILE_PATH).write_bytes(profile_bytes())
    return known


def _personal_data(facts: Facts) -> Callable[[Table, Column], str | None]:
    """The most restrictive class of the canonical fields that a source column feeds."""
    classes = {f"{e.name}.{f.name}": f.pd for e in facts.model.entities for f in e.fields}
    found: dict[tuple[str, str, str], str] = {}
    for table in facts.coverage.tables:
        for column in table.columns:
            fed = [classes[target] for target in column.targets if target in classes]
            if fed:
                found[table.schema, table.name, column.name] = max(fed, key=PERSONAL_DATA_CLASSES.index)
    return lambda table, column: found.get((table.schema, table.name, column.name))


def _record(facts: Facts) -> ExportRecord:
    libraries = ("portability", "pyarrow", "duckdb", "sqlglot")
    return ExportRecord(
        started_at=facts.started_at.isoformat(timespec="seconds"),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
        product=facts.product,
        versions={name: importlib.metadata.version(name) for name in libraries} | {"python": platform.python_version()},
        profile=facts.profile.profile,
        profile_version=facts.profile.version,
        profile_sha256=facts.profile.sha256,
        dbms=facts.source.dbms,
        dbms_version=facts.source.dbms_version,
        snapshot=facts.snapshot,
        snapshot_at=facts.snapshot_at,
        resumed=facts.resumed,
        notes=facts.notes,
        scope_sha256=None if facts.scoped is None else facts.scoped.scope.sha256,
        request=facts.request_number,
    )


def _bag_info(facts: Facts) -> dict[str, str]:
    scoped = {} if facts.scoped is None else {"Legal-Portability-Scope-SHA256": facts.scoped.scope.sha256}
    return {
        "Bagging-Date": datetime.now(UTC).date().isoformat(),
        "Bag-Software-Agent": facts.product,
        "External-Description": facts.profile.title,
        "Legal-Portability-Archive-Version": FORMAT_VERSION,
        **scoped,
    }
