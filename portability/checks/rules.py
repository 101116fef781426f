"""L: the rules of the canonical model, run over the files of the canonical layer.

``rule_findings`` is also what an export writes to reports/findings.json, so that the list a firm signs off and the list
that anybody recomputes are made by the same hand. Rules come from this program's own model, never from the archive.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import duckdb
import pyarrow as pa

from portability.checks.codes import Code, load_codes, rule_codes
from portability.checks.generated_rules import Violation, generated_violations
from portability.checks.provenance import untraced_rows
from portability.checks.sampling import sample
from portability.duck import quote
from portability.errors import FormatError
from portability.formats.totals import scan_sql
from portability.manifest import Finding, read_json
from portability.model import create_table_sql

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from portability.manifest import SourceSchema
    from portability.model import Entity, Model

__all__ = ["RuleError", "create_entity_views", "rule_findings"]

QUARANTINE = "L490"
_SCOPE_JSON = "scope.json"  # below data/, where an export was restricted
# Their steps stand elsewhere: coverage and row counts in D and S.
_CHECKED_ELSEWHERE = ("raw_complete",)
_COPIED_BYTES_MAX = 1024 * 1024


class RuleError(FormatError):
    """A rule could not be evaluated; ``place`` names it."""


@dataclass(frozen=True, kw_only=True)
class _Run:
    connection: duckdb.DuckDBPyConnection
    model: Model
    source: SourceSchema
    data: Path
    examples_max: int


def create_entity_views(connection: duckdb.DuckDBPyConnection, model: Model, data: Path) -> None:
    """Make every entity of the model a view over its file, or an empty table where the archive has no file.

    Raises:
        RuleError: A file cannot be read.
    """
    for entity in model.entities:
        file = _file(data, entity)
        if file.is_file():
            # Dozens of rules would open a small file again and again: it is copied in.
            kind = "TEMP TABLE" if file.stat().st_size <= _COPIED_BYTES_MAX else "TEMP VIEW"
            fields = ", ".join(quote(field.name) for field in entity.fields)
            select = f"SELECT {fields} FROM {scan_sql(file)}"
            with _as_rule_error(entity.name):
                connection.execute(f"CREATE OR REPLACE {kind} {quote(entity.name)} AS {select}")
        else:
            connection.execute(create_table_sql(entity).replace("create table", "create or replace temp table", 1))


def _file(data: Path, entity: Entity) -> Path:
    return data / "tables" / f"{entity.name}.parquet"


def rule_findings(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    source: SourceSchema,
    data: Path,
    *,
    examples_max: int,
    progress: Callable[[str], None] = lambda _: None,
) -> tuple[Finding, ...]:
    """Run every rule of the model over an archive's canonical layer; without one there is nothing to find.

    Args:
        connection: May read ``data``, and holds nothing under the entities' names.
        model: The canonical model.
        source: The source as described; rows name where in it they come from.
        data: The payload directory.
        examples_max: Keys of broken rows kept with a finding.
        progress: Told each rule.

    Returns:
        Errors and findings with L codes, in the order of the model; quarantined rows last.

    Raises:
        RuleError: A rule cannot be evaluated.
    """
    run = _Run(connection=connection, model=model, source=source, data=data, examples_max=examples_max)
    found: list[Finding] = []
    if any((data / "tables").glob("*.parquet")):
        create_entity_views(connection, model, data)
        for rule in model.rules:
            progress(rule.id)
            found += _evaluate(run, rule.id)
    return (*_within_scope(data, found), *_quarantined(run))


def _within_scope(data: Path, found: list[Finding]) -> list[Finding]:
    """What a scope that names entities, fields, tables or columns left out is nobody's error."""
    path = data / _SCOPE_JSON
    if not path.is_file():
        return found
    scope = read_json(path, dict)
    if not any(scope.get(part) for part in ("entities", "fields", "tables", "columns")):
        return found
    told = f" (the scope {scope.get('scope')} leaves out what this needs)"
    return [replace(f, severity="note", text=f.text + told) if f.severity == "error" else f for f in found]


def _evaluate(run: _Run, rule_id: str) -> list[Finding]:
    if rule_id in _CHECKED_ELSEWHERE:
        return []
    code = rule_codes()[rule_id]
    with _as_rule_error(rule_id):
        return [_finding(code, violation) for violation in _violations(run, rule_id) if violation.count]


@contextmanager
def _as_rule_error(place: str) -> Iterator[None]:
    try:
        yield
    except (duckdb.Error, pa.ArrowException, OSError) as error:
        # The library's message may quote values.
        raise RuleError(f"cannot be evaluated: {type(error).__name__}", place=place) from error


def _finding(code: Code, violation: Violation) -> Finding:
    return Finding(
        code=code.code,
        severity=code.severity,
        place=violation.place,
        text=code.title,
        count=violation.count,
        examples=violation.examples,
    )


def _violations(run: _Run, rule_id: str) -> Iterator[Violation]:
    rule = run.model.rule(rule_id)
    if rule.sql is not None:
        found = sample(run.connection, f"SELECT rule_id FROM (\n{rule.sql}\n) AS r(rule_id)", run.examples_max)
        yield Violation(place=rule.entity, count=found.count, examples=found.examples)
    elif rule_id == "raw_row_exists":
        yield from untraced_rows(run.connection, run.model, run.source, run.data, run.examples_max)
    else:
        present = [entity for entity in run.model.entities if _file(run.data, entity).is_file()]
        yield from generated_violations(run.connection, run.model, present, rule_id, run.examples_max)


def _quarantined(run: _Run) -> Iterator[Finding]:
    for file in sorted((run.data / "quarantine").glob("*.parquet")):
        with _as_rule_error(f"quarantine/{file.name}"):
            (row,) = run.connection.execute(f"SELECT count(*) FROM {scan_sql(file)}").fetchall()
        if row[0]:
            yield _finding(load_codes()[QUARANTINE], Violation(place=file.stem, count=int(row[0])))
