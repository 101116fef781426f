"""A source laid out as empty views with the types that its values will have: SQL can be typed without reading a row.

Tables are planned as an export plans them, and each becomes an empty Parquet file below a scratch folder, so that the
views go the same way as an archive's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from portability.archive import DOCUMENTS_PARQUET, table_file
from portability.connectors import size_column
from portability.drafting.findings import Problem, error
from portability.duck import quote
from portability.errors import PortabilityError, SourceUnavailableError
from portability.exports.choices import omissions
from portability.exports.documents import DOCUMENTS_SCHEMA
from portability.exports.values import FILE_TYPE
from portability.formats.parquet import write_parquet
from portability.mapping import create_views, source_view

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from portability.connectors import Snapshot, TablePlan
    from portability.manifest import SourceSchema, Table
    from portability.profiles import Profile

__all__ = ["PlannedSource", "Planner", "column_kinds", "lay_out"]


@dataclass(frozen=True, kw_only=True)
class PlannedSource:
    """A source as an export would see it: exclusions marked, types and row counts known. Keys are (schema, name)."""

    schema: SourceSchema
    plans: dict[tuple[str, str], TablePlan]
    problems: tuple[Problem, ...]


class Planner:
    """Plans the tables of one snapshot; a table that was planned the same way before is not measured again."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._known: dict[tuple[str, str, frozenset[str], frozenset[str]], TablePlan] = {}

    def plan(self, source: SourceSchema, profile: Profile) -> PlannedSource:
        """Plan every table that the profile leaves in; one that cannot be planned is told and counts as absent.

        Raises:
            SourceUnavailableError: The source went away.
        """
        left_out = omissions(source, profile)
        tables: list[Table] = []
        problems: list[Problem] = []
        taken: set[str] = set()
        plans: dict[tuple[str, str], TablePlan] = {}
        for table in source.tables:
            place = (table.schema, table.name)
            if table.excluded is None:
                try:
                    plans[place] = self._plan(table, left_out.columns[place], left_out.documents[place])
                except SourceUnavailableError:
                    raise
                except PortabilityError as failure:
                    problems.append(error(table.label, f"cannot be read: {failure}", failure.hint))
            tables.append(_planned(table, plans.get(place), taken))
        return PlannedSource(schema=source.with_tables(tuple(tables)), plans=plans, problems=tuple(problems))

    def _plan(self, table: Table, excluded: frozenset[str], documents: frozenset[str]) -> TablePlan:
        key = (table.schema, table.name, excluded, documents)
        if key not in self._known:
            self._known[key] = self._snapshot.plan(table, excluded=excluded, file_columns=documents)
        return self._known[key]


def _planned(table: Table, plan: TablePlan | None, taken: set[str]) -> Table:
    if table.excluded is not None:
        return table
    if plan is None:
        return replace(table, excluded="cannot be read")
    columns = tuple(replace(c, reason=old.reason) for c, old in zip(plan.table.columns, table.columns, strict=True))
    return replace(plan.table, columns=columns, file=table_file(table.schema, table.name, taken))


def lay_out(connection: duckdb.DuckDBPyConnection, planned: PlannedSource, folder: Path) -> None:
    """Create the views of the source layer and of ``documents``, all empty, over files below ``folder``."""
    (folder / "source").mkdir()
    (folder / "reports").mkdir()
    for table in planned.schema.tables:
        if table.excluded is None:
            write_parquet(folder / table.file, _layout(planned.plans[table.schema, table.name]), ())
    write_parquet(folder / DOCUMENTS_PARQUET, DOCUMENTS_SCHEMA, ())
    create_views(connection, planned.schema, folder)


def _layout(plan: TablePlan) -> pa.Schema:
    """The columns of the source layer: each length that the connector gives becomes a file's reference."""
    lengths = {size_column(name): f"{name}__file" for name in plan.file_columns}
    fields = [pa.field(lengths[f.name], FILE_TYPE) if f.name in lengths else f for f in plan.schema]
    return pa.schema(fields)


def column_kinds(
    connection: duckdb.DuckDBPyConnection, planned: PlannedSource
) -> dict[tuple[str, str], dict[str, str]]:
    """Return the SQL type of every column of every view, by the table's (schema, name)."""
    return {
        place: {
            str(row[0]): str(row[1]) for row in connection.execute(f"DESCRIBE {quote(schema)}.{quote(name)}").fetchall()
        }
        for place, (schema, name) in source_view(planned.schema).items()
    }
