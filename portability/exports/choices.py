"""What stays behind and why, decided before a row is read.

That is excluded tables and columns, and credentials; and which columns are documents.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from portability.errors import MappingError
from portability.exports.extract import Omissions
from portability.manifest import FORMAT_VERSION, to_json
from portability.mapping import Coverage, trace_coverage
from portability.plurals import counted, first_few
from portability.profiles.credentials import credential_reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from portability.limits import Limits
    from portability.manifest import Column, SourceSchema, Table
    from portability.profiles import Profile

BOOKKEEPING = "_portability_"  # what an import leaves in its target besides the rows

__all__ = ["apply_profile", "choices_hash", "classify", "omissions"]


def apply_profile(source: SourceSchema, profile: Profile) -> SourceSchema:
    """Return the schema with excluded tables and columns marked, each with its reason."""
    return source.with_tables(tuple(_marked(table, profile) for table in source.tables))


def _marked(table: Table, profile: Profile) -> Table:
    reason = table.excluded or profile.reason(profile.exclude, table)
    if reason is None and table.name.casefold().startswith(BOOKKEEPING):
        reason = "bookkeeping of an import into this database: no data of a firm"
    if reason is not None:
        return replace(table, excluded=reason)
    return replace(table, columns=tuple(_marked_column(table, column, profile) for column in table.columns))


def _marked_column(table: Table, column: Column, profile: Profile) -> Column:
    reason = profile.reason(profile.exclude, table, column.name)
    if reason is None and profile.reason(profile.not_credentials, table, column.name) is None:
        reason = credential_reason(column)
    return column if reason is None else replace(column, carried="excluded", reason=reason)


def omissions(source: SourceSchema, profile: Profile) -> Omissions:
    """Collect excluded columns and document columns by table."""
    columns = {
        (t.schema, t.name): frozenset(c.name for c in t.columns if c.carried == "excluded") for t in source.tables
    }
    documents = {(t.schema, t.name): frozenset(_document_columns(t, profile)) for t in source.tables}
    return Omissions(columns=columns, documents=documents)


def _document_columns(table: Table, profile: Profile) -> Iterator[str]:
    for document in profile.documents:
        if document.lob and document.table.casefold() == table.name.casefold():
            yield from (c.name for c in table.columns if c.name.casefold() == document.lob.casefold())


def classify(source: SourceSchema, profile: Profile) -> Coverage:
    """Trace every column, and refuse to go on while one of them is unclassified.

    Raises:
        MappingError: Lists every unclassified column, and every rule of the profile that names nothing.
    """
    have = {table.name.casefold() for table in source.tables}
    absent = [name for name in profile.detect if name.casefold() not in have]
    if absent:
        hint = "Choose another profile: `portability inspect SOURCE` says which one fits."
        message = f"the source has no table {', '.join(absent)}, by which the profile knows its system"
        raise MappingError(message, place=profile.profile, hint=hint)
    coverage = trace_coverage(source, profile)
    unclassified = coverage.unclassified_columns()
    if unclassified:
        hint = "Map them in map/*.sql, or list them under carry: or exclude: with a reason."
        columns = counted(len(unclassified), "source column is", "source columns are")
        message = f"{columns} unclassified: {first_few(unclassified, between=', ')}"
        raise MappingError(message, place=profile.profile, hint=hint, details=unclassified)
    missing = _documents_without_column(source, profile)
    if missing:
        raise MappingError(f"documents name columns that are not there: {', '.join(missing)}", place="profile.yaml")
    return coverage


def _documents_without_column(source: SourceSchema, profile: Profile) -> list[str]:
    have = {f"{t.name}.{c.name}".casefold() for t in source.tables for c in t.columns}
    wanted = [f"{d.table}.{d.column}" for d in profile.documents if d.column]
    return [name for name in wanted if name.casefold() not in have]


def choices_hash(chosen: Omissions, limits: Limits, scope: str = "") -> str:
    """Hash what decides the bytes of the source layer besides the data; ``scope`` is the hash of a scope as applied."""
    texts = [
        FORMAT_VERSION,
        repr(asdict(replace(limits, read_rows_per_s=0))),  # a pace changes no byte
        *(
            repr((key, sorted(names)))
            for part in (chosen.columns, chosen.documents)
            for key, names in sorted(part.items())
        ),
        *([scope] if scope else []),
    ]
    return hashlib.sha256(to_json(texts)).hexdigest()
