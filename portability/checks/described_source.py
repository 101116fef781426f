"""D: the source as described agrees with itself, with the files of the source layer and with the control totals."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import msgspec

from portability.archive import CONTROL_TOTALS_JSON, FINDINGS_JSON, SOURCE_JSON
from portability.manifest import ControlTotals, Findings, SourceSchema

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from portability.checks.case import Case, TableFacts
    from portability.manifest import Table

__all__ = ["FILE_TYPE", "check_control_totals", "check_findings", "check_source", "check_source_files"]

FILE_TYPE = "struct<sha256: string, size_bytes: int64>"
"""The Arrow type of a ``<column>__file`` sidecar."""

_SOURCE_FILE = re.compile(r"source/[a-z0-9_.]+\.parquet")
_T = TypeVar("_T", bound="Hashable")
_CARRIED = ("value", "file", "excluded")


def check_source(case: Case) -> None:
    """Read schema/source.json (D221) and look for contradictions in it (D222)."""
    try:
        source = msgspec.convert(case.json[SOURCE_JSON], SourceSchema)
    except msgspec.ValidationError as error:
        case.log.add("D221", SOURCE_JSON, [str(error)])
        return
    for problem in _contradictions(source):
        case.log.add("D222", SOURCE_JSON, [problem])
    case.source = source
    case.totals["tables"] = sum(table.excluded is None for table in source.tables)


def _contradictions(source: SourceSchema) -> Iterator[str]:
    labels = [(table.schema, table.name) for table in source.tables]
    yield from (f"{schema}.{name} stands twice" for schema, name in _doubled(labels))
    files = [table.file for table in source.tables if table.excluded is None]
    yield from (f"{file} belongs to two tables" for file in _doubled(files))
    columns_of = {(table.schema, table.name): {c.name for c in table.columns} for table in source.tables}
    for table in source.tables:
        problems = (*_wrong_columns(table), *_wrong_keys(table, columns_of))
        yield from (f"{table.label}: {problem}" for problem in problems)


def _doubled(values: Iterable[_T]) -> list[_T]:
    return [value for value, count in Counter(values).items() if count > 1]


def _wrong_columns(table: Table) -> Iterator[str]:
    if table.excluded is None and not _SOURCE_FILE.fullmatch(table.file):
        yield f"its file is {table.file!r}"
    if table.excluded is not None and table.file:
        yield "it is excluded and has a file"
    yield from (f"column {name} stands twice" for name in _doubled(c.name for c in table.columns))
    for column in table.columns:
        if column.carried not in _CARRIED:
            yield f"column {column.name} is carried {column.carried!r}"
        if column.carried == "excluded" and not column.reason:
            yield f"column {column.name} is excluded without a reason"


def _wrong_keys(table: Table, columns_of: dict[tuple[str, str], set[str]]) -> Iterator[str]:
    own = columns_of[table.schema, table.name]
    keys = [key for key in (table.primary_key, *table.unique_keys) if key is not None]
    for key in keys:
        if not key.columns or not own.issuperset(key.columns):
            yield f"key {key.name or key.columns} names a column that it does not have"
    if not own.issuperset(table.order):
        yield "its order names a column that it does not have"
    for reference in table.foreign_keys:
        target = columns_of.get((reference.target_schema, reference.target_table))
        if not reference.columns or not own.issuperset(reference.columns):
            yield f"foreign key {reference.name or reference.columns} names a column that it does not have"
        if len(reference.columns) != len(reference.target_columns):
            yield f"foreign key {reference.name or reference.columns} has two lengths"
        if target is not None and not target.issuperset(reference.target_columns):
            yield f"foreign key {reference.name or reference.columns} names a column that its target does not have"


def check_source_files(case: Case) -> None:
    """Compare tables with files: one for each (D223), the declared columns and types (D236), the rows (D224)."""
    described = {table.file: table for table in case.source.tables if table.excluded is None}
    there = {path for path in case.tables if path.startswith("source/")}
    for path in sorted(described.keys() ^ there):
        case.log.add("D223", path, ["no table is described for it" if path in there else described[path].label])
    for path in sorted(described.keys() & there):
        table, facts = described[path], case.tables[path]
        wrong = list(_wrong_types(table, facts))
        if wrong:
            case.log.add("D236", path, wrong, count=len(wrong))
        if table.row_count is not None and table.row_count != facts.rows:
            case.log.add("D224", path, [f"{table.row_count} described, {facts.rows} in the file"])


def _wrong_types(table: Table, facts: TableFacts) -> Iterator[str]:
    found = {field.name: str(field.type) for field in facts.schema}
    if len(found) != len(facts.schema):
        yield "a column stands twice in the file"
    for column in table.columns:
        if column.carried == "excluded":
            continue
        kind = found.pop(column.name, None)
        if kind is None or kind != column.arrow_type:
            yield f"{column.name}: {column.arrow_type or 'nothing'} described, {kind or 'nothing'} in the file"
    for column in table.columns:
        # What the source itself has under such a name was taken off above.
        sidecar = found.pop(f"{column.name}__file", None)
        if sidecar != (FILE_TYPE if column.carried == "file" else None):
            yield f"{column.name}__file: {sidecar or 'nothing'} in the file"
        if column.carried != "excluded" and found.get(f"{column.name}__typeof") == "string":
            del found[f"{column.name}__typeof"]
    yield from (f"{name}: nothing described, {kind} in the file" for name, kind in found.items())


def check_control_totals(case: Case) -> None:
    """Read the control totals (D225); they are for exactly the carried columns (D226) and the rows (D227)."""
    try:
        case.control = msgspec.convert(case.json[CONTROL_TOTALS_JSON], ControlTotals)
    except msgspec.ValidationError as error:
        case.log.add("D225", CONTROL_TOTALS_JSON, [str(error)])
        return
    described = {(table.schema, table.name): table for table in case.source.tables if table.excluded is None}
    claimed = [(totals.schema, totals.name) for totals in case.control.tables]
    for schema, name in sorted(described.keys() ^ set(claimed) | set(_doubled(claimed))):
        case.log.add("D226", CONTROL_TOTALS_JSON, [f"{schema}.{name}"])
    for totals in case.control.tables:
        table = described.get((totals.schema, totals.name))
        if table is None:
            continue
        if [c.name for c in totals.columns] != [c.name for c in table.columns if c.carried != "excluded"]:
            case.log.add("D226", CONTROL_TOTALS_JSON, [f"columns of {table.label}"])
        if totals.rows != case.tables[table.file].rows:
            rows = f"{table.label}: {totals.rows} in the source, {case.tables[table.file].rows} in the file"
            case.log.add("D227", CONTROL_TOTALS_JSON, [rows])


def check_findings(case: Case) -> None:
    """Read reports/findings.json (D228)."""
    try:
        case.claimed = msgspec.convert(case.json[FINDINGS_JSON], Findings)
    except msgspec.ValidationError as error:
        case.log.add("D228", FINDINGS_JSON, [str(error)])
