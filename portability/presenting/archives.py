"""What the commands on archives say: demo, inspect, export, verify, show, query."""

from __future__ import annotations

import itertools
from datetime import UTC
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow.parquet as pq

from portability.checks.codes import load_codes
from portability.checks.report import printable
from portability.errors import FormatError
from portability.plurals import counted
from portability.presenting.sealing import sealed_document, sealed_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from portability.archive import Archive
    from portability.checks import Report
    from portability.demo import Demo
    from portability.exports import ExportResult, Preview
    from portability.exports.sealed import SealedExport
    from portability.manifest import Finding
    from portability.output import Output
    from portability.querying import Answer

__all__ = ["answer", "contents", "demo", "export", "preview", "report", "sealed_export"]

SHOWN_ROWS = 10
WIDE_COLUMNS = 12
SHOWN_CHARACTERS = 60


def export(output: Output, result: ExportResult) -> None:
    """Tell what an export did."""
    output.result(_export_document(result))
    _export_lines(output, result, f"Archive {result.archive.root}")
    _findings(output, result.findings)
    output.line("")
    output.line(f"Verify it:  portability verify {result.archive.root} --level deep")
    output.line(f"Read it:    {result.archive.data / 'README.html'}")


def sealed_export(output: Output, result: SealedExport) -> None:
    """Tell what an export did that sealed its archive and kept no plain copy."""
    exported = {**_export_document(result.export), "archive": None}
    output.result({"sealed": sealed_document(result.sealed), "export": exported})
    _export_lines(output, result.export, "Exported")
    _findings(output, result.export.findings)
    output.line("")
    output.line("The plain archive was removed once it was sealed:")
    sealed_lines(output, result.sealed)


def _export_document(result: ExportResult) -> dict[str, Any]:
    fields = (
        "profile",
        "tables",
        "rows",
        "entities",
        "quarantined",
        "documents",
        "exceptions",
        "resumed_tables",
        "notes",
    )
    counts = {
        name: getattr(result.coverage, name) for name in ("columns", "mapped", "carried", "excluded", "unclassified")
    }
    document = {name: getattr(result, name) for name in fields}
    findings = [msgspec.to_builtins(finding) for finding in result.findings]
    return {
        "archive": str(result.archive.root),
        **document,
        "signed_by": result.signed_by,
        "coverage": counts,
        "findings": findings,
    }


def _export_lines(output: Output, result: ExportResult, heading: str) -> None:
    coverage = result.coverage
    output.line(f"{heading} (profile {result.profile})")
    tables, rows = counted(result.tables, "table"), counted(result.rows, "row")
    output.line(f"  source layer     {tables}, {rows}; control totals of source and archive agree")
    columns = [f"{getattr(coverage, fate):,} {fate}" for fate in ("mapped", "carried", "excluded", "unclassified")]
    output.line(f"  columns          {', '.join(columns)}")
    apart = sum(result.quarantined.values())
    entities, kept = counted(len(result.entities), "entity", "entities"), counted(sum(result.entities.values()), "row")
    output.line(f"  canonical layer  {entities}, {kept}, {apart:,} in quarantine")
    if apart:
        each = ", ".join(f"{count:,} {name}" for name, count in result.quarantined.items())
        output.line(f"  quarantine       {each}: see M103 for the reasons; is it the firm's data, or the profile?")
    output.line(f"  documents        {_counts(result.documents)}")
    values = f"{counted(result.exceptions, 'value')} that no type could hold, kept as the source wrote them"
    output.line(f"  exceptions       {values if result.exceptions else 'none'}")
    if result.signed_by:
        output.line(f"  signed by        {result.signed_by}")
    for note in result.notes:
        output.line(f"  note: {note}")
    observations = counted(sum(finding.count for finding in result.findings), "observation")
    told = f"{observations} of {counted(len(result.findings), 'kind')}, for the firm to look at"
    output.line(f"  findings         {told if result.findings else 'none'}")


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(counts.items())) or "none"


def _findings(output: Output, findings: Iterable[Finding]) -> None:
    rows = [(f.code, f.severity, f.count, f.place, f.text) for f in findings]
    if rows:
        output.table("Findings", ["code", "kind", "count#", "where", "what"], rows)


def report(output: Output, result: Report, html: Path | None) -> None:
    """Tell what the verifier found."""
    output.result(result.to_dict())
    _findings(output, result.findings)
    _mends(output, result.findings)
    if result.signer:
        who, at = printable(result.signer.principals), result.signer.at.astimezone(UTC)
        output.line(f"Signed by {who}, key {result.signer.fingerprint}, valid at {at:%Y-%m-%d %H:%M:%SZ}")
    for name, value in result.facts.items():
        output.line(f"{name.replace('_', ' ').capitalize()}: {value}")
    for option, numbers in result.not_given.items():
        steps = f"step{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
        output.line(f"Not run, because --{option} was not given: {steps}")
    if result.scope:
        rows = [
            (each.table, each.treatment, each.rows, each.belonging, each.referred, each.shared, each.outside)
            for each in result.scope
        ]
        output.table(
            "Rows in the scope and out of it",
            ["table", "how", "rows#", "belong#", "referred to#", "shared#", "outside#"],
            rows,
        )
    output.line(_verdict(result))
    if html is not None:
        try:
            html.write_text(result.to_html(), encoding="utf-8")
        except OSError as error:
            raise FormatError(f"the report cannot be written: {error.strerror}", place=str(html)) from error


def _mends(output: Output, findings: Iterable[Finding]) -> None:
    """Say what mends each kind of problem, once for each code."""
    codes = load_codes()
    mends = {finding.code: codes[finding.code].mend for finding in findings}
    if mends:
        output.line("What mends it:")
    for code, mend in mends.items():
        output.line(f"  {code}  {mend}")


def _verdict(result: Report) -> str:
    if result.unchecked:
        why = "a step of the check itself failed, which says nothing of the archive"
        return f"COULD NOT BE CHECKED at level {result.level}: {why}."
    verdict = "Sound" if result.ok else "NOT SOUND"
    return f"{verdict} at level {result.level}: {counted(len(result.findings), 'kind')} of remarks."


def preview(output: Output, found: Preview) -> None:
    """Tell what a source holds and what an export would do with it."""
    output.result(
        {
            "source": msgspec.to_builtins(found.source),
            "detected": found.detected,
            "rows": found.rows,
            "coverage": msgspec.to_builtins(found.coverage),
            "unreadable": found.unreadable,
        }
    )
    how = "" if found.detected or found.profile.maps else " (no profile knows this system)"
    dbms = f"{found.source.dbms} {found.source.dbms_version}".rstrip()  # files have no version
    output.line(f"{dbms}; profile: {found.profile.profile}{how}")
    fates = {(t.schema, t.name): t for t in found.coverage.tables}
    rows = []
    for table in found.source.tables:
        statuses = [c.status for c in fates[table.schema, table.name].columns]
        key = ", ".join(table.primary_key.columns) if table.primary_key else ""
        counts = [statuses.count(s) or None for s in ("mapped", "carried", "excluded", "unclassified")]
        rows.append((table.label, found.rows.get(table.label), len(table.columns), key, *counts))
    output.table("", ["table", "rows#", "columns#", "key", "mapped#", "carried#", "excluded#", "unclassified#"], rows)
    excluded = [
        (f"{t.name}.{c.name}", c.reason) for t in found.coverage.tables for c in t.columns if c.status == "excluded"
    ]
    if excluded:
        output.table("\nExcluded", ["column", "reason"], excluded)
    if found.unreadable:
        output.line("\nNot readable with this account; an export would stop:")
    for each in found.unreadable:
        output.line(f"  {each}")
    if not found.profile.maps:
        output.line("\nAn export would hold these tables as they are, and not say which are clients, matters or bills.")
        output.line("To describe the system:  portability profile new SOURCE DIRECTORY")


def contents(output: Output, archive: Archive, name: str | None) -> None:
    """Show an archive's tables, or one table's columns and first rows."""
    source = archive.source_schema()
    files = {**archive.entity_files(), **{f"quarantine.{n}": p for n, p in archive.entity_files("quarantine").items()}}
    files |= {f"source.{t.name}": archive.data / t.file for t in source.tables if t.file}
    if name is not None:
        _table(output, name, files)
        return
    counted = [(label, pq.read_metadata(path).num_rows) for label, path in files.items()]
    excluded = [(t.label, t.excluded) for t in source.tables if t.excluded]
    output.result(
        {
            "tables": dict(counted),
            "excluded": dict(excluded),
            "documents": len(list((archive.data / "documents").glob("*/*"))),
        }
    )
    output.table("", ["table", "rows#"], counted)
    if excluded:
        output.table("\nExcluded tables", ["table", "reason"], excluded)


def _table(output: Output, name: str, files: dict[str, Path]) -> None:
    found = next(
        (path for label, path in files.items() if label.casefold() in (name.casefold(), f"source.{name}".casefold())),
        None,
    )
    if found is None:
        raise FormatError("there is no such table", place=name, hint="`portability show ARCHIVE` lists them.")
    with pq.ParquetFile(found, pre_buffer=False) as file:
        schema = file.schema_arrow
        rows = [row for batch in itertools.islice(file.iter_batches(SHOWN_ROWS), 1) for row in batch.to_pylist()]
    columns = [
        (
            f.name,
            str(f.type),
            (f.metadata or {}).get(b"src.type", b"").decode(),
            (f.metadata or {}).get(b"lpa.doc", b"").decode(),
        )
        for f in schema
    ]
    output.result(
        {"columns": [dict(zip(("name", "type", "native", "doc"), c, strict=True)) for c in columns], "rows": rows}
    )
    output.table("", ["column", "type", "native type", "meaning"], columns)
    output.line("")
    _rows(output, schema.names, [tuple(row.values()) for row in rows])


def _rows(output: Output, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Show rows as a table, or one field a line when they are too wide for one."""
    if len(columns) <= WIDE_COLUMNS:
        output.table("", columns, [[_short(value) for value in row] for row in rows])
        return
    for row in rows:
        filled = [(name, _short(value)) for name, value in zip(columns, row, strict=True) if value is not None]
        output.table("", ["field", "value"], filled)
        output.line("")


def _short(value: object) -> str:
    text = "" if value is None else str(value)
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"


def answer(output: Output, found: Answer) -> None:
    """Show a query's result."""
    output.result({"columns": found.columns, "rows": found.rows, "more": found.more})
    _rows(output, found.columns, found.rows)
    if found.more:
        output.line("… there are more rows; raise --rows.")


def demo(output: Output, made: Demo) -> None:
    """Tell the whole story."""
    document = {
        "directory": str(made.directory),
        "export": _export_document(made.export),
        "verify": made.report.to_dict(),
    }
    output.result(
        {**document, "question": made.question, "answer": {"columns": made.answer.columns, "rows": made.answer.rows}}
    )
    _export_lines(output, made.export, f"Archive {made.export.archive.root}")
    output.line("")
    output.line(f"Verified at level {made.report.level}: {'sound' if made.report.ok else 'NOT SOUND'}")
    output.line("")
    output.line(f'portability query {made.export.archive.root} "{made.question}"')
    output.table("", made.answer.columns, [[str(v) for v in row] for row in made.answer.rows])
    output.line("")
    output.line(f"Open {made.export.archive.data / 'README.html'} in a browser: it is what the law firm sees.")
