"""Checks of what profile.yaml says about a source: do its rules name something, do its documents and totals exist."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import duckdb

from portability.drafting.findings import Problem, brief, error, note
from portability.duck import quote
from portability.mapping import source_view
from portability.profiles.credentials import credential_reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from portability.manifest import Column, SourceSchema, Table
    from portability.mapping import Coverage
    from portability.profiles import DocumentSource, Profile

__all__ = ["check_coverage", "check_documents", "check_rules", "check_totals"]

_NUMBER = re.compile(r'U?(TINY|SMALL|BIG|HUGE)INT|U?INTEGER|DECIMAL\(\d+,\d+\)|"NULL"')


def check_rules(source: SourceSchema, profile: Profile) -> list[Problem]:
    """List the entries of exclude, carry, not_credentials and detect that name nothing in the source."""
    tables, columns = _names(source)
    problems = []
    for rules, known in (
        ("exclude", {**tables, **columns}),
        ("carry", {**tables, **columns}),
        ("not_credentials", columns),
    ):
        for name, reason in getattr(profile, rules).items():
            place = f"profile.yaml: {rules}: {name}"
            if name.casefold() not in known:
                problems.append(
                    error(place, "names no table and no column of the source", "Mend the name or delete the entry.")
                )
            if not reason.strip():
                problems.append(error(place, "has no reason", "The reason is shown to whoever receives the archive."))
    return [*problems, *_idle(profile, source, columns)]


def _idle(profile: Profile, source: SourceSchema, columns: dict[str, Column]) -> Iterator[Problem]:
    """Entries that change nothing for this source."""
    for name in profile.not_credentials:
        column = columns.get(name.casefold())
        if column is not None and credential_reason(column) is None:
            yield note(f"profile.yaml: not_credentials: {name}", "is not taken for a credential anyway")
    have = {table.name.casefold() for table in source.tables}
    for name in profile.detect:
        if name.casefold() not in have:
            yield note(f"profile.yaml: detect: {name}", "is not in this source, so that it is not detected")


def _names(source: SourceSchema) -> tuple[dict[str, Table], dict[str, Column]]:
    """Everything that a rule may name, in its folded form."""
    tables: dict[str, Table] = {}
    columns: dict[str, Column] = {}
    for table in source.tables:
        for name in (table.name, table.label):
            tables[name.casefold()] = table
            columns |= {f"{name}.{column.name}".casefold(): column for column in table.columns}
    return tables, columns


def check_documents(connection: duckdb.DuckDBPyConnection, source: SourceSchema, profile: Profile) -> list[Problem]:
    """List the documents' tables and columns that are not there, and path expressions that do not run."""
    views = source_view(source)
    tables = {table.name.casefold(): table for table in source.tables}
    problems = []
    for document in profile.documents:
        place = f"profile.yaml: documents: {document.name}"
        table = tables.get(document.table.casefold())
        if table is None:
            problems.append(error(place, f"there is no table {document.table}"))
            continue
        known = {column.name.casefold() for column in table.columns if column.carried != "excluded"}
        wanted = _document_columns(document)
        missing = [name for name in wanted if name.casefold() not in known] if table.excluded is None else wanted
        problems += [error(place, f"{document.table} has no column {name} that is exported") for name in missing]
        if document.path_sql and table.excluded is None:
            schema, view = views[table.schema, table.name]
            problems += _describe(connection, f"SELECT {document.path_sql} FROM {quote(schema)}.{quote(view)}", place)
    return problems


def _describe(connection: duckdb.DuckDBPyConnection, sql: str, place: str) -> list[Problem]:
    try:
        connection.execute(f"DESCRIBE ({sql}\n)")
    except duckdb.Error as failure:
        return [error(place, brief(failure))]
    return []


def _document_columns(document: DocumentSource) -> list[str]:
    names = (document.path, document.url, document.lob, document.size, document.md5, document.file_name)
    return [name for name in names if name is not None]


def check_totals(connection: duckdb.DuckDBPyConnection, profile: Profile, sides: Iterable[str]) -> list[Problem]:
    """Type the queries of the control totals; each gives one whole or decimal number."""
    problems = []
    for total in profile.control_totals:
        for side in sides:
            place = f"profile.yaml: control_totals: {total.name}: {side}"
            try:
                described = connection.execute(f"DESCRIBE ({getattr(total, side)}\n)").fetchall()
            except duckdb.Error as failure:
                problems.append(error(place, brief(failure)))
                continue
            kinds = [str(row[1]) for row in described]
            if len(kinds) != 1 or not _NUMBER.fullmatch(kinds[0]):
                mend = "A float is not exact: use exact_money()."
                problems.append(error(place, f"gives {', '.join(kinds)}, not one whole or decimal number", mend))
    return problems


def check_coverage(coverage: Coverage, profile: Profile) -> list[Problem]:
    """List every unclassified column, and every carry entry for a column that is mapped."""
    mend = "Use it in a map, or list it under carry: or exclude: in profile.yaml with a reason."
    problems = [error(name, "is unclassified", mend) for name in coverage.unclassified_columns()]
    mapped = _mapped_columns(coverage)
    for name in profile.carry:
        if name.casefold() in mapped:
            text = f"is mapped all the same, to {', '.join(mapped[name.casefold()])}"
            problems.append(note(f"profile.yaml: carry: {name}", text, "Delete the entry."))
    return problems


def _mapped_columns(coverage: Coverage) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for table in coverage.tables:
        for column in table.columns:
            if column.status == "mapped":
                found[f"{table.name}.{column.name}".casefold()] = column.targets
                found[f"{table.schema}.{table.name}.{column.name}".casefold()] = column.targets
    return found
