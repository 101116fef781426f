"""The export job, step by step in the order in which it happens."""

from __future__ import annotations

import errno
import importlib.metadata
import shutil
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from portability.archive import StagingDir
from portability.duck import open_engine
from portability.errors import ConfigError, InterruptedRunError, PortabilityError
from portability.exports.absent import write_absent
from portability.exports.choices import apply_profile, choices_hash, classify, omissions
from portability.exports.documents import DocumentTree, Gathering, document_findings, gather_documents
from portability.exports.extract import Extraction, Omissions, Workshop, extract_tables
from portability.exports.foreign_documents import foreign_documents, may_fold, tenant_folders
from portability.exports.journal import Journal
from portability.exports.labels import keep_used_labels
from portability.exports.reports import Facts, write_reports
from portability.exports.request import ExportRequest, ExportResult
from portability.exports.scoped import (
    ScopedExport,
    cut_references,
    feeds_of,
    mark_columns,
    mark_coverage,
    prepare_scope,
    scope_findings,
    without_betrayals,
)
from portability.exports.signatures import sign_bag
from portability.formats.parquet import engine_limits
from portability.mapping import (
    Mapped,
    create_canonical_views,
    create_views,
    define_macros,
    map_entities,
    restrict_mapped,
    write_control_totals,
    write_entities,
)
from portability.model import load_model
from portability.plurals import counted
from portability.profiles import Profile, bare_profile, detect_profile, load_profile
from portability.scoping.redaction import plan_redaction

if TYPE_CHECKING:
    from pathlib import Path

    from portability.connectors.connector import Snapshot
    from portability.manifest import SnapshotRecord, SourceSchema
    from portability.mapping import Coverage
    from portability.scoping.redaction import RedactionPlan

__all__ = ["export_archive"]

JOURNAL = "journal.jsonl"


def export_archive(request: ExportRequest) -> ExportResult:
    """Export a source into a new archive.

    Raises:
        PortabilityError: Of the kind that went wrong; nothing then stands under the destination's name.
    """
    staging = StagingDir.prepare(request.destination, resume=request.resume)
    try:
        job = _Job(request, staging)
        with request.connector.snapshot() as snapshot:
            layer = job.read(snapshot)
        # The source is let go before the long rest: a held snapshot costs a busy database.
        return job.finish(layer)
    except KeyboardInterrupt as error:
        raise InterruptedRunError("stopped", place=str(request.destination), hint=_leave(request, staging)) from error
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        message = "the disk is full" if full else f"cannot write: {error.strerror or error}"
        raise PortabilityError(message, place=str(staging.path), hint=_leave(request, staging)) from error
    except duckdb.Error as error:
        message = f"the engine cannot go on: {type(error).__name__}"
        hint = f"Free space in {staging.path.parent}, or raise limits.duckdb_memory_mib. {_leave(request, staging)}"
        raise PortabilityError(message, place=str(staging.path), hint=hint) from error
    except PortabilityError as error:
        error.hint = " ".join(part for part in (error.hint, _leave(request, staging)) if part)
        raise
    except BaseException:
        _leave(request, staging)
        raise


def _leave(request: ExportRequest, staging: StagingDir) -> str:
    """Keep a staging directory that a resumed run can use, remove any other; say which."""
    journal = staging.path / JOURNAL
    if request.keep_unfinished and journal.is_file() and journal.read_bytes().count(b"\n") > 1:
        return f"Finished tables are kept in {staging.path}: run again with --resume, or delete that directory."
    staging.discard()
    return ""


@dataclass(frozen=True, kw_only=True)
class _SourceLayer:
    """What is known once the source has been read."""

    profile: Profile
    coverage: Coverage
    tree: DocumentTree | None
    extraction: Extraction
    snapshot: SnapshotRecord
    snapshot_at: str
    scoped: ScopedExport | None = None
    redaction: RedactionPlan | None = None
    absent: dict[tuple[str, str], Path] = field(default_factory=dict)
    withheld: frozenset[tuple[str, str]] = frozenset()


class _Job:
    """One run of ``export_archive``: ``read``, then ``finish``.

    The engine is opened anew for each long step: its memory then follows its limit, not what the steps before left.
    """

    def __init__(self, request: ExportRequest, staging: StagingDir) -> None:
        self.request = request
        self.staging = staging
        self.started_at = datetime.now(UTC)
        self.notes: list[str] = []
        self.model = load_model()

    def read(self, snapshot: Snapshot) -> _SourceLayer:
        """Write the source layer."""
        self.request.progress("reading the catalogue")
        source = snapshot.discover()
        profile = self._profile(source)
        source = apply_profile(source, profile)
        coverage = classify(source, profile)
        tree = self._tree(profile)
        scoped = self._scope(snapshot, source, profile, coverage)
        if scoped is not None:
            source, coverage = mark_columns(source, scoped), mark_coverage(coverage, scoped)
        left_out = omissions(source, profile)
        if scoped is not None:
            left_out = replace(left_out, rows=scoped.filters)
        _check_readable(snapshot, source, left_out)
        redaction = self._redaction(source, coverage)
        journal = self._journal(snapshot, left_out, _applied(scoped, redaction))
        shutil.rmtree(self._scratch, ignore_errors=True)  # what a stopped run left is of no use
        self._scratch.mkdir(parents=True)
        absent: dict[tuple[str, str], Path] = {}
        withheld: frozenset[tuple[str, str]] = frozenset()
        with self._engine() as engine:
            extraction = extract_tables(snapshot, source, left_out, self._workshop(journal, engine, redaction))
            if scoped is not None:
                described, cut = cut_references(extraction.source, scoped, snapshot, engine, self.staging.data)
                scoped = replace(scoped, broken=cut)
                told = keep_used_labels(without_betrayals(described), engine, self.staging.data)
                extraction = replace(extraction, source=told)
                if tree is not None:
                    tree.restrict(within=tenant_folders(scoped), may_fold=may_fold(scoped))
                    withheld = foreign_documents(snapshot, scoped, profile, extraction.source, self.staging.data)
                absent = write_absent(snapshot, source, scoped.columns, left_out, self._absent)
        return _SourceLayer(
            profile=profile,
            coverage=coverage,
            tree=tree,
            extraction=extraction,
            snapshot=snapshot.record,
            snapshot_at=journal.snapshot_at,
            scoped=scoped,
            redaction=redaction,
            absent=absent,
            withheld=withheld,
        )

    def _redaction(self, source: SourceSchema, coverage: Coverage) -> RedactionPlan | None:
        if self.request.redaction is None:
            return None
        return plan_redaction(self.request.redaction, source, feeds_of(coverage), self.model)

    def _scope(
        self, snapshot: Snapshot, source: SourceSchema, profile: Profile, coverage: Coverage
    ) -> ScopedExport | None:
        if self.request.scope is None:
            return None
        self.request.progress("asking the source what the scope names")
        asked = (snapshot, self.request.limits)
        return prepare_scope(
            self.request.scope, source, profile=profile, coverage=coverage, model=self.model, asked=asked
        )

    def finish(self, layer: _SourceLayer) -> ExportResult:
        """Fetch the documents, map, check, describe and publish."""
        profile, extraction = layer.profile, layer.extraction
        self._note_draft_and_resumption(layer)
        documents = gather_documents(profile.documents, extraction.source, self._gathering(layer))
        mapped = self._map(layer)
        findings = write_reports(self._facts(layer, mapped, documents))
        key = self.request.signing_key
        sign_bag(self.staging.bag, key)
        self.request.progress("publishing")
        return ExportResult(
            archive=self.staging.publish(),
            profile=profile.profile,
            tables=len(extraction.totals.tables),
            rows=sum(t.rows for t in extraction.totals.tables),
            entities=mapped.rows,
            quarantined={name: count for name, count in mapped.quarantined.items() if count},
            documents=documents,
            exceptions=extraction.exceptions,
            coverage=layer.coverage,
            findings=findings,
            resumed_tables=extraction.resumed_tables,
            notes=tuple(self.notes),
            signed_by=None if key is None else key.fingerprint,
            scope_sha256=None if layer.scoped is None else layer.scoped.scope.sha256,
        )

    def _note_draft_and_resumption(self, layer: _SourceLayer) -> None:
        contents = layer.profile.files.values()
        guesses = sum(content.count(b"GUESS (") + content.count(b"GUESS:") for content in contents)
        if guesses:
            told = counted(guesses, "guess in it is", "guesses in it are")
            self.notes.append(f"The profile is a draft: {told} still marked as such.")
        if layer.extraction.resumed_tables:
            kept = counted(layer.extraction.resumed_tables, "table was", "tables were")
            self.notes.append(f"Resumed: {kept} kept from the earlier run.")
        elif self.request.resume and not self.notes:
            self.notes.append("There was nothing to resume: everything was read.")

    @property
    def _scratch(self) -> Path:
        return self.staging.work / "scratch"

    @property
    def _absent(self) -> Path:
        return self.staging.work / "absent"

    def _engine(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        limits = engine_limits(self.staging.data, self.request.limits)
        return open_engine(limits, scratch=self._scratch, folders=[self.staging.data, self._absent])

    def _profile(self, source: SourceSchema) -> Profile:
        if self.request.profile is not None:
            return self.request.profile
        detected = detect_profile(source)
        if detected is None:
            self.notes.append(
                "No profile is known for this database: the archive holds the source layer alone, and no document that "
                "lies outside the database."
            )
            return bare_profile()
        return load_profile(detected)

    def _tree(self, profile: Profile) -> DocumentTree | None:
        wanted = [d.name for d in profile.documents if d.on_disk]
        removed = self.request.redaction is not None and self.request.redaction.documents == "remove"
        if self.request.without_documents or removed:
            return None
        if not wanted:
            if self.request.documents is None:
                return None
            hint = "Name the column that leads to them in a profile (docs/profiles.md, documents), or leave them out."
            raise ConfigError(
                "documents are given, but the profile names none that lie there: none would be taken",
                place=self.request.documents,
                hint=hint,
            )
        if self.request.documents is None:
            hint = (
                "Add --documents with the folder or URL that the paths start from, or --without-documents if they are "
                "not wanted."
            )
            raise ConfigError(
                f"the database names documents on disk ({', '.join(wanted)}), but not where they are", hint=hint
            )
        return DocumentTree(self.request.documents, self.request.limits)

    def _journal(self, snapshot: Snapshot, left_out: Omissions, applied: str) -> Journal:
        path = self.staging.path / JOURNAL
        had_one = path.is_file()
        journal, good = Journal.begin(
            path,
            identity=snapshot.identity,
            choices=choices_hash(left_out, self.request.limits, applied),
            snapshot_at=self.started_at.isoformat(timespec="seconds"),
        )
        if not good:
            self.staging.clear()  # nothing of another snapshot may stay behind
        if had_one and not good:
            self.notes.append(
                "The earlier run's snapshot is gone (the data or the options changed): started again."
                if snapshot.identity is not None
                else "The source cannot prove that its data is still that of the earlier run: started again "
                "(docs/sources.md says what lets it)."
            )
        return journal

    def _workshop(
        self, journal: Journal, engine: duckdb.DuckDBPyConnection, redaction: RedactionPlan | None
    ) -> Workshop:
        return Workshop(
            data=self.staging.data,
            work=self.staging.work,
            journal=journal,
            engine=engine,
            limits=self.request.limits,
            progress=self.request.progress,
            redaction=redaction,
        )

    def _gathering(self, layer: _SourceLayer) -> Gathering:
        return Gathering(
            data=self.staging.data,
            tree=layer.tree,
            fetch_urls=self.request.fetch_urls,
            limits=self.request.limits,
            progress=self.request.progress,
            withheld=layer.withheld,
        )

    def _map(self, layer: _SourceLayer) -> Mapped:
        profile, source, scoped = layer.profile, layer.extraction.source, layer.scoped
        progress, data, limits = self.request.progress, self.staging.data, self.request.limits
        for name in ("tables", "quarantine"):  # of an earlier run, whose profile may have been another
            shutil.rmtree(data / name, ignore_errors=True)
        if not profile.maps:
            return Mapped()
        with self._engine() as engine:
            create_views(engine, source, data, absent=layer.absent)
            define_macros(engine, profile)
            mapped = map_entities(
                engine,
                profile,
                self.model,
                only=None if scoped is None else scoped.kept.entities,
                progress=lambda name: progress(f"canonical: {name}"),
            )
            if scoped is not None:
                mapped = restrict_mapped(engine, mapped, self.model, scoped.kept)
        progress("writing the canonical layer")
        with self._engine() as engine:
            write_entities(engine, mapped, self.model, data, limits)
            create_canonical_views(engine, self.model, data)
            # Totals over entities of which the scope keeps a part would differ by what it left out.
            if scoped is None or not scoped.kept.restricts:
                write_control_totals(engine, profile, self.model, mapped, data, limits)
        return mapped

    def _facts(self, layer: _SourceLayer, mapped: Mapped, documents: dict[str, int]) -> Facts:
        extraction = layer.extraction
        return Facts(
            staging=self.staging,
            work=self.staging.work,
            profile=layer.profile,
            model=self.model,
            source=extraction.source,
            totals=extraction.totals,
            coverage=layer.coverage,
            mapped=mapped,
            documents=documents,
            exceptions=extraction.exceptions,
            findings=(
                *mapped.findings,
                *document_findings(self.staging.data, self.request.limits),
                *(() if layer.scoped is None else scope_findings(layer.scoped)),
            ),
            scoped=layer.scoped,
            request_number=self.request.request_number,
            redaction=layer.redaction,
            limits=self.request.limits,
            snapshot=layer.snapshot,
            snapshot_at=layer.snapshot_at,
            started_at=self.started_at,
            resumed=extraction.resumed_tables > 0,
            notes=tuple(self.notes),
            product=f"portability {importlib.metadata.version('portability')}",
            progress=self.request.progress,
        )


def _applied(scoped: ScopedExport | None, redaction: RedactionPlan | None) -> str:
    """What of a scope and of a redaction decides the bytes; empty without either."""
    return " ".join([*([scoped.choices] if scoped else []), *([redaction.sha256] if redaction else [])])


def _check_readable(snapshot: Snapshot, source: SourceSchema, left_out: Omissions) -> None:
    wanted = [table for table in source.tables if table.excluded is None]
    columns = {table.label: left_out.columns[table.schema, table.name] for table in wanted}
    snapshot.check_readable(wanted, excluded=columns)
